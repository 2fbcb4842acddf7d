"""Deques: rotation, bounded history, sliding windows and the Josephus problem."""

from collections import deque

d = deque("abcde", maxlen=6)
d.append("f")
d.append("g")
d.appendleft("z")
print(d, d.maxlen, d[0], d[-1], len(d))
d.rotate(2)
print("".join(d), d.popleft(), d.pop(), d.index("z"), d.count("b"))
d.extendleft([1, 2])
d.pop()
d.insert(2, "mid")
d.remove("z")
d.reverse()
print(list(d), deque([1, 2]) < deque([1, 3]), deque([1]) + deque([2]), deque([0]) * 3)
try:
    deque([1, 2], maxlen=2).insert(0, 3)
except IndexError as error:
    print(type(error).__name__)
try:
    changing = deque([1, 2, 3])
    for item in changing:
        changing.append(item)
except RuntimeError as error:
    print(error)


def josephus(n, k):
    circle, out = deque(range(1, n + 1)), []
    while circle:
        circle.rotate(1 - k)
        out.append(circle.popleft())
    return out


def window_maxima(values, size):
    best, result = deque(), []
    for i, value in enumerate(values):
        while best and values[best[-1]] <= value:
            best.pop()
        best.append(i)
        if best[0] <= i - size:
            best.popleft()
        if i >= size - 1:
            result.append(values[best[0]])
    return result


def tail(lines, n):
    return list(deque(lines, maxlen=n))


print(josephus(7, 3), josephus(41, 3)[-1], window_maxima([1, 3, -1, -3, 5, 3, 6, 7], 3), tail(range(100), 3))
undo, redo = deque(maxlen=3), []
for command in ["type a", "type b", "type c", "type d"]:
    undo.append(command)
redo.append(undo.pop())
print(list(undo), redo)
