"""zlib: round trips, streams in pieces, checksums, levels and damaged data."""

import zlib

text = ("The quick brown fox jumps over the lazy dog. " * 200).encode()
packed = zlib.compress(text)
print(len(text), len(packed) < len(text) // 20, zlib.decompress(packed) == text)
print([zlib.decompress(zlib.compress(text, level)) == text for level in range(-1, 10, 2)])
print(
    zlib.crc32(b"hello"),
    zlib.adler32(b"hello"),
    hex(zlib.crc32(b" world", zlib.crc32(b"hello"))),
    zlib.crc32(b"hello world"),
)
compressor = zlib.compressobj(level=9)
stream = b"".join(compressor.compress(text[i : i + 1000]) for i in range(0, len(text), 1000)) + compressor.flush()
decompressor = zlib.decompressobj()
out = bytearray()
for i in range(0, len(stream), 7):
    out += decompressor.decompress(stream[i : i + 7])
out += decompressor.flush()
print(bytes(out) == text, decompressor.eof, decompressor.unused_data)
limited = zlib.decompressobj()
print(limited.decompress(packed, 10), len(limited.unconsumed_tail) > 0)
raw = zlib.compressobj(wbits=-15)
body = raw.compress(b"raw deflate") + raw.flush()
print(zlib.decompress(body, wbits=-15))
gz = zlib.compressobj(wbits=31)
body = gz.compress(b"gzip wrapped") + gz.flush()
print(body[:2], zlib.decompress(body, wbits=47))
trailing = zlib.decompressobj()
print(trailing.decompress(zlib.compress(b"one") + b"rest"), trailing.unused_data)
for bad in (b"garbage", packed[:-5], packed[:10] + b"\0\0" + packed[12:]):
    try:
        print(len(zlib.decompress(bad)))
    except zlib.error as error:
        print(type(error).__name__)
preset = zlib.compressobj(zdict=b"hello world")
body = preset.compress(b"hello hello world") + preset.flush()
print(zlib.decompressobj(zdict=b"hello world").decompress(body))
