"""Comprehensions of all kinds, nested and conditional, with and without the walrus operator."""

text = "the quick brown fox jumps over the lazy dog the end"
words = text.split()
print({word: words.count(word) for word in sorted(set(words)) if (n := words.count(word)) > 1})
print(n, [y := 1, y**2, y + 5], y)
print([(i, j) for i in range(4) for j in range(i) if (i + j) % 2])
matrix = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
print([[row[i] for row in matrix] for i in range(3)], [x for row in matrix for x in row if x % 2 == 0])
print(sorted({len(word) for word in words}), {k: v for v, k in enumerate("abc")})
print(sum(x * x for x in range(101)), max((len(w), w) for w in words))
print(any((found := w).startswith("j") for w in words), found)
print(["fizz" * (i % 3 == 0) + "buzz" * (i % 5 == 0) or i for i in range(1, 16)])
data = [3, 8, -2, 10, 7]
total = 0
print([total := total + value for value in data], total)
chunks = iter(range(10))
while chunk := [x for _, x in zip(range(3), chunks)]:
    print(chunk, end=" ")
print()
if (length := len(data)) > 3 and (average := total / length):
    print(f"{length=} {average=:.2f}")
print([f() for f in [lambda i=i: i * i for i in range(4)]], [f() for f in [lambda: i for i in range(3)]])
print(dict(zip("abc", [(a, b) for a, b in zip([1, 2, 3], "xyz")])), [*map(str.upper, "xyz"), *"ab"])
print({(a, b) for a in "ab" for b in "ab"} == {("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")})
print([[0] * 3 for _ in range(2)], [x if x > 0 else -x for x in data], [*range(5)][::-2])
