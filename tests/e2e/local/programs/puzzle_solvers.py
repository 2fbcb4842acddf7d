"""Backtracking: queens, sudoku, a letter puzzle, permutations and the towers of Hanoi."""

from itertools import permutations

SUDOKU = "530070000600195000098000060800060003400803001700020006060000280000419005000080079"


def queens(n, placed=()):
    if len(placed) == n:
        yield placed
        return
    for column in range(n):
        if all(column != c and abs(column - c) != len(placed) - r for r, c in enumerate(placed)):
            yield from queens(n, (*placed, column))


def peers(i):
    row, column = divmod(i, 9)
    box = row // 3 * 27 + column // 3 * 3
    return (
        {row * 9 + k for k in range(9)}
        | {k * 9 + column for k in range(9)}
        | {box + k // 3 * 9 + k % 3 for k in range(9)}
    )


PEERS = [peers(i) for i in range(81)]


def solve(board):
    choices = [
        (len(free), i, free)
        for i in range(81)
        if board[i] == "0"
        for free in [set("123456789") - {board[p] for p in PEERS[i]}]
    ]
    if not choices:
        return board
    _, i, free = min(choices, key=lambda c: c[:2])
    for digit in sorted(free):
        if solved := solve(board[:i] + digit + board[i + 1 :]):
            return solved


def hanoi(n, source="A", target="C", spare="B"):
    if n:
        yield from hanoi(n - 1, source, spare, target)
        yield f"{source}{target}"
        yield from hanoi(n - 1, spare, target, source)


print(len(list(queens(6))), next(queens(8)))
for row in next(queens(8)):
    print("." * row + "Q" + "." * (7 - row))
solution = solve(SUDOKU)
print(*(solution[i : i + 9] for i in range(0, 81, 9)), sep="\n")
letters = "TWOFUR"
for digits in permutations(range(10), len(letters)):
    t, w, o, f, u, r = digits
    if t and f and 2 * (100 * t + 10 * w + o) == 1000 * f + 100 * o + 10 * u + r:
        print(dict(zip(letters, digits)))
        break
print(" ".join(hanoi(4)), sum(1 for _ in hanoi(10)))
