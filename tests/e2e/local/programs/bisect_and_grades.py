"""bisect: grading, insertion, ranges in sorted data and binary search on an answer."""

import bisect
import math

print([("FDCBA")[bisect.bisect([60, 70, 80, 90], score)] for score in (33, 60, 77, 89, 90, 100)])
values = [1, 3, 3, 3, 8, 12]
print(
    bisect.bisect_left(values, 3),
    bisect.bisect_right(values, 3),
    bisect.bisect(values, 100),
    bisect.bisect_left(values, 3, 2, 3),
)
bisect.insort(values, 7)
bisect.insort_left(values, 3)
print(values)
people = [("Al", 25), ("Bo", 31), ("Cy", 40)]
bisect.insort(people, ("Di", 35), key=lambda person: person[1])
print([name for name, _ in people], bisect.bisect_left(people, 31, key=lambda person: person[1]))


def between(data, low, high):
    return data[bisect.bisect_left(data, low) : bisect.bisect_right(data, high)]


def contains(data, x):
    i = bisect.bisect_left(data, x)
    return i < len(data) and data[i] == x


def longest_increasing(sequence):
    tails = []
    for x in sequence:
        i = bisect.bisect_left(tails, x)
        tails[i : i + 1] = [x]
    return len(tails)


def slowest_speed(piles, hours):
    return (
        bisect.bisect_left(range(1, max(piles) + 1), True, key=lambda k: sum(math.ceil(p / k) for p in piles) <= hours)
        + 1
    )


print(between(values, 3, 8), contains(values, 8), contains(values, 9))
print(
    longest_increasing([10, 9, 2, 5, 3, 7, 101, 18]),
    slowest_speed([3, 6, 7, 11], 8),
    slowest_speed([30, 11, 23, 4, 20], 6),
)
print(bisect.bisect_left(range(10**9), 123456789), bisect.bisect(["ant", "bee", "cow"], "bat"))
