"""Binary data without struct: integers to bytes, bit fields, varints and a tiny file format."""

import io


def write_varint(out, number):
    while number >= 0x80:
        out.write(bytes([number & 0x7F | 0x80]))
        number >>= 7
    out.write(bytes([number]))


def read_varint(source):
    number = shift = 0
    while True:
        byte = source.read(1)
        if not byte:
            raise EOFError("truncated varint")
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return number
        shift += 7


def pack(records):
    out = io.BytesIO()
    out.write(b"REC1" + len(records).to_bytes(2, "big"))
    for name, value in records:
        raw = name.encode()
        write_varint(out, len(raw))
        out.write(raw + value.to_bytes(4, "little", signed=True))
    body = out.getvalue()
    return body + bytes([sum(body) & 0xFF])


def unpack(blob):
    if sum(blob[:-1]) & 0xFF != blob[-1]:
        raise ValueError("bad checksum")
    source = io.BytesIO(blob)
    assert source.read(4) == b"REC1"
    for _ in range(int.from_bytes(source.read(2), "big")):
        name = source.read(read_varint(source)).decode()
        yield name, int.from_bytes(source.read(4), "little", signed=True)


records = [("alpha", 1), ("bêta", -2), ("x" * 200, 2**31 - 1)]
blob = pack(records)
print(len(blob), blob[:14].hex(" "), list(unpack(blob)) == records)
for damaged in (blob[:-1] + b"\0", blob[:10]):
    try:
        list(unpack(damaged))
    except (ValueError, EOFError) as error:
        print(type(error).__name__, error)
color = 0x3A7BCD
r, g, b = color >> 16, color >> 8 & 0xFF, color & 0xFF
print(
    (r, g, b),
    f"#{r:02x}{g:02x}{b:02x}",
    (1000).to_bytes(2, "big"),
    (-1).to_bytes(2, "big", signed=True),
    (2**70).bit_length(),
    (0b1011).bit_count(),
)
