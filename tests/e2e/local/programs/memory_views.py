"""bytes, bytearray and memoryview: editing in place, slices without copies, casts."""

data = bytearray(b"hello world")
view = memoryview(data)
view[0:5] = b"HELLO"
print(data, bytes(view[6:]), view[-1], len(view), view.readonly, view.itemsize, view.format)
part = view[::2]
print(part.tobytes(), part.contiguous, part.strides, part.tolist()[:3])
part[0] = ord("J")
print(data.decode(), view == data, memoryview(b"abc") == b"abc", view[:3].hex())
try:
    data.append(1)
except BufferError as error:
    print(type(error).__name__)
part.release()
view.release()
data += b"!"
data[0:1] = b"YJ"
del data[-1:]
data.insert(0, 33)
data.extend([65, 66])
print(data, data.pop(), data.find(b"JELLO"), data.replace(b"o", b"0"), data.count(b"l"), data.isascii())
words = memoryview(bytearray(16)).cast("I")
words[0], words[3] = 0xDEADBEEF, 1
print(words.tolist(), words.nbytes, words.cast("B")[:4].tolist(), words.shape)
grid = memoryview(bytes(range(12))).cast("B", [3, 4])
print(grid.ndim, grid[1, 2], grid.tolist())
for wrong in (
    lambda: memoryview(b"x").__setitem__(0, 1),
    lambda: bytearray([256]),
    lambda: memoryview("text"),
    lambda: view[0],
    lambda: bytearray(b"a") + "b",
):
    try:
        wrong()
    except (TypeError, ValueError) as error:
        print(type(error).__name__, end=" ")
print()


def xor(payload, key):
    return bytes(b ^ key[i % len(key)] for i, b in enumerate(payload))


secret = xor(b"meet at noon", b"key")
print(
    secret.hex(),
    xor(secret, b"key"),
    bytes.maketrans(b"ab", b"xy")[97:99],
    b"aabb".translate(bytes.maketrans(b"ab", b"xy"), b""),
    b"%d-%s" % (5, b"x"),
)
bits = bytearray(4)
for n in (0, 3, 9, 31):
    bits[n // 8] |= 1 << n % 8
print(
    [n for n in range(32) if bits[n // 8] >> n % 8 & 1],
    bits.hex(":"),
    int.from_bytes(bits, "little"),
    b"\x01\x02".ljust(4, b"."),
    b" x ".strip(),
    b"abc" > b"abb",
)
