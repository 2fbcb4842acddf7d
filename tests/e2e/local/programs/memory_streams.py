"""io.BytesIO, io.StringIO, TextIOWrapper and custom raw streams."""

import io

text = io.StringIO("first\nsecond\nthird\n")
print(text.readline(), text.read(3), text.tell(), list(text), text.read() == "")
text.seek(0)
print([line.rstrip() for line in text if "i" in line], text.seekable(), text.closed)
text.seek(0, io.SEEK_END)
print(text.write("fourth"), text.getvalue()[-7:])
text.truncate(5)
print(repr(text.getvalue()))
data = io.BytesIO(b"0123456789")
data.seek(-3, io.SEEK_END)
print(
    data.read(), data.seek(2), data.read1(2), data.peek(1) if hasattr(data, "peek") else "no peek", data.getbuffer()[5]
)
data.seek(4)
data.write(b"XY")
view = bytearray(3)
data.seek(3)
print(data.readinto(view), view, data.getvalue())
wrapped = io.TextIOWrapper(io.BytesIO("é\r\nü\n".encode("latin-1")), encoding="latin-1", newline=None)
print(wrapped.read().splitlines(), wrapped.encoding)
out = io.BytesIO()
writer = io.TextIOWrapper(out, encoding="utf-8", newline="\r\n", write_through=True)
print("a", "ß", sep="\n", file=writer)
print(out.getvalue())


class Repeating(io.RawIOBase):
    def __init__(self, pattern, total):
        self.source, self.left = pattern, total

    def readable(self):
        return True

    def readinto(self, buffer):
        size = min(len(buffer), self.left, len(self.source))
        buffer[:size] = self.source[:size]
        self.left -= size
        return size


print(
    io.BufferedReader(Repeating(b"ab\n", 8)).read(),
    len(io.TextIOWrapper(io.BufferedReader(Repeating(b"xy\n", 30))).readlines()),
)
for wrong in (
    lambda: io.StringIO().read(-1) or io.StringIO("x").fileno(),
    lambda: io.BytesIO().write("text"),
    lambda: data.close() or data.read(),
):
    try:
        wrong()
    except (OSError, TypeError, ValueError) as error:
        print(type(error).__name__)
with io.StringIO(newline="") as exact:
    exact.write("a\r\nb")
    print(repr(exact.getvalue()), io.DEFAULT_BUFFER_SIZE > 0, issubclass(io.StringIO, io.TextIOBase))
