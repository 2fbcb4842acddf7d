"""Knapsack, coin change, edit distance, common subsequences, partitions and matrix chains."""

from functools import cache, lru_cache

items = [
    ("map", 9, 150),
    ("compass", 13, 35),
    ("water", 153, 200),
    ("sandwich", 50, 160),
    ("glucose", 15, 60),
    ("tin", 68, 45),
    ("banana", 27, 60),
]


def knapsack(items, capacity):
    best = [(0, ())] * (capacity + 1)
    for name, weight, value in items:
        for room in range(capacity, weight - 1, -1):
            total, chosen = best[room - weight]
            best[room] = max(best[room], (total + value, chosen + (name,)), key=lambda b: b[0])
    return best[capacity]


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def common(a, b):
    @cache
    def longest(i, j):
        if i == len(a) or j == len(b):
            return ""
        if a[i] == b[j]:
            return a[i] + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1), key=len)

    return longest(0, 0)


def coins(amount, kinds):
    ways, fewest = [1] + [0] * amount, [0] + [None] * amount
    for kind in kinds:
        for n in range(kind, amount + 1):
            ways[n] += ways[n - kind]
            if fewest[n - kind] is not None and (fewest[n] is None or fewest[n - kind] + 1 < fewest[n]):
                fewest[n] = fewest[n - kind] + 1
    return ways[amount], fewest[amount]


@lru_cache(maxsize=None)
def partitions(n, largest):
    return 1 if n == 0 else sum(partitions(n - k, k) for k in range(1, min(n, largest) + 1))


print(knapsack(items, 120), edit_distance("kitten", "sitting"), edit_distance("", "abc"), common("XMJYAUZ", "MZJAWXU"))
print(
    coins(100, [1, 5, 10, 25, 50]),
    coins(7, [5, 10]),
    [partitions(n, n) for n in (5, 10, 60)],
    partitions.cache_info().currsize,
)
best = current = 0
for x in [-2, 1, -3, 4, -1, 2, 1, -5, 4]:
    current = max(0, current + x)
    best = max(best, current)
print(best)
