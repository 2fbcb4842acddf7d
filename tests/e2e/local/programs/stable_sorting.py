"""Sorting: stability, several keys, custom orders, natural order and algorithms by hand."""

import re
from functools import cmp_to_key, total_ordering
from operator import itemgetter

rows = [("Ann", "B", 90), ("Bob", "A", 85), ("Cid", "B", 85), ("Dee", "A", 90), ("Eve", "C", 70)]
print([r[0] for r in sorted(rows, key=itemgetter(2))], [r[0] for r in sorted(rows, key=itemgetter(2), reverse=True)])
print([r[0] for r in sorted(rows, key=lambda r: (r[1], -r[2], r[0]))])
by_name = sorted(rows, key=itemgetter(0), reverse=True)
by_name.sort(key=itemgetter(1))
print(
    [r[0] for r in by_name],
    sorted("bAcB"),
    sorted("bAcB", key=str.lower),
    sorted([3, None, 1], key=lambda x: (x is None, x or 0)),
)
files = ["file10", "file2", "File1", "file2a", "file"]
print(
    sorted(files, key=lambda name: [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", name)])
)
sizes = ["XL", "S", "M", "XS"]
print(
    sorted(sizes, key=["XS", "S", "M", "L", "XL"].index), sorted([0.0, -0.0, 1], key=abs), sorted([True, 0, 2, False])
)
print("".join(sorted(["3", "30", "34", "5", "9"], key=cmp_to_key(lambda a, b: -1 if a + b > b + a else 1))))


@total_ordering
class Card:
    def __init__(self, text):
        self.rank, self.suit = "23456789TJQKA".index(text[0]), text[1]

    def __eq__(self, other):
        return self.rank == other.rank

    def __lt__(self, other):
        return self.rank < other.rank

    def __repr__(self):
        return "23456789TJQKA"[self.rank] + self.suit


print(sorted(map(Card, "AH 2C KD 2A TD KS".split())), max(Card("9H"), Card("9C")))


def merge_sort(items):
    if len(items) < 2:
        return items
    left, right = merge_sort(items[: len(items) // 2]), merge_sort(items[len(items) // 2 :])
    merged = []
    while left and right:
        merged.append((right if right[0] < left[0] else left).pop(0))
    return merged + left + right


def quick_sort(items):
    if not items:
        return []
    pivot, *rest = items
    return quick_sort([x for x in rest if x < pivot]) + [pivot] + quick_sort([x for x in rest if x >= pivot])


numbers = [(n * 7919) % 1009 for n in range(300)]
print(
    merge_sort(numbers) == quick_sort(numbers) == sorted(numbers),
    sorted(numbers)[:5],
    sorted(numbers, key=lambda n: n % 10)[:4],
)
try:
    sorted([1, "a"])
except TypeError as error:
    print(type(error).__name__)
