"""Something that shows itself as a bitmap, as figures of Matplotlib do."""

import struct
import zlib


class Plot:
    def __init__(self, values):
        self.values = values

    def _repr_png_(self):
        width, height, top = 40 * len(self.values), 200, max(self.values)
        bars = [(70, 130, 220) if n % 2 == 0 else (90, 190, 150) for n in range(len(self.values))]
        rows = []
        for y in range(height):
            colours = [bar if (height - y) * top <= value * height else (255, 255, 255) for bar, value in zip(bars, self.values)]
            rows.append(b"\0" + b"".join(bytes(colour) * 40 for colour in colours))
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
