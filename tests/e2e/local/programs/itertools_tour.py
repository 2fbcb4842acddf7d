"""Every function of itertools at least once."""

import itertools as it
import operator

print(list(it.islice(it.count(10, 2.5), 4)), list(it.islice(it.cycle("ab"), 5)), list(it.repeat("x", 3)))
print(
    list(it.accumulate([1, 2, 3, 4])),
    list(it.accumulate([3, 1, 4, 1, 5], max)),
    list(it.accumulate([1, 2], operator.mul, initial=10)),
)
print(
    list(it.chain("ab", [1, 2])),
    list(it.chain.from_iterable([[1], [2, 3], []])),
    list(it.compress("abcdef", [1, 0, 1, 0, 1])),
)
print(
    list(it.dropwhile(lambda x: x < 3, [1, 2, 3, 1])),
    list(it.takewhile(str.isalpha, "ab1c")),
    list(it.filterfalse(str.isdigit, "a1b2")),
)
animals = sorted(["duck", "dog", "ant", "cat", "cow", "ape"], key=lambda a: a[0])
print({key: list(group) for key, group in it.groupby(animals, key=lambda a: a[0])})
print([(key, len(list(group))) for key, group in it.groupby("aaabbca")])
print(list(it.islice(range(20), 2, 15, 4)), list(it.pairwise("abcd")), list(it.starmap(pow, [(2, 5), (3, 2)])))
first, second, third = it.tee(iter([1, 2, 3]), 3)
print(next(first), list(second), list(first), sum(third))
print(list(it.zip_longest("abc", [1], fillvalue="-")), list(zip("abc", it.count())))
print(list(it.product("ab", [1, 2])), list(it.product([0, 1], repeat=2)), len(list(it.product(range(4), repeat=5))))
print(["".join(p) for p in it.permutations("abc")], list(it.permutations(range(3), 2)))
print(list(it.combinations("abcd", 2)), list(it.combinations_with_replacement("ab", 3)))


def chunked(iterable, size):
    iterator = iter(iterable)
    return iter(lambda: tuple(it.islice(iterator, size)), ())


def powerset(items):
    return it.chain.from_iterable(it.combinations(items, r) for r in range(len(items) + 1))


def sliding(iterable, n):
    for start, window in enumerate(it.tee(iterable, n)):
        yield it.islice(window, start, None)


print(list(chunked(range(7), 3)), list(powerset([1, 2, 3])), list(zip(*sliding("abcde", 3))))
digits = it.permutations(range(10), 4)
print(
    next(
        "".join(map(str, d)) for d in digits if d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3] == sum(x**3 for x in d) * 7
    )
)
