"""Conway's game of life on an unbounded plane, and an elementary automaton."""

from collections import Counter

GLIDER = """.O.
..O
OOO"""


def parse(text):
    return {(x, y) for y, line in enumerate(text.splitlines()) for x, char in enumerate(line) if char == "O"}


def step(alive):
    around = Counter((x + dx, y + dy) for x, y in alive for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)
    return {cell for cell, n in around.items() if n == 3 or (n == 2 and cell in alive)}


def show(alive, width, height):
    return "\n".join("".join("#" if (x, y) in alive else "." for x in range(width)) for y in range(height))


glider = parse(GLIDER)
cells = glider
for _ in range(4):
    cells = step(cells)
print(show(cells, 5, 5), cells == {(x + 1, y + 1) for x, y in glider})
blinker = parse("OOO")
print(sorted(step(blinker)), step(step(blinker)) == blinker, step(set()), step({(0, 0)}))
pentomino = parse(".OO\nOO.\n.O.")
sizes = [len(pentomino)]
for _ in range(100):
    pentomino = step(pentomino)
    sizes.append(len(pentomino))
print(sizes[::10], max(sizes))


def rule(number, width=41, generations=12):
    row = [n == width // 2 for n in range(width)]
    for _ in range(generations):
        yield "".join(" █"[cell] for cell in row).rstrip()
        row = [bool(number >> (row[i - 1] << 2 | row[i] << 1 | row[(i + 1) % width]) & 1) for i in range(width)]


print("\n".join(rule(30)))
