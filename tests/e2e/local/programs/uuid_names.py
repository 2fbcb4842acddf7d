"""uuid: names hashed to ids, fields of ids, and random ones by their shape only."""

import uuid

for space in ("DNS", "URL", "OID", "X500"):
    namespace = getattr(uuid, f"NAMESPACE_{space}")
    print(space, uuid.uuid5(namespace, "example.org"), uuid.uuid3(namespace, "example.org"))
u = uuid.UUID("12345678-1234-5678-1234-567812345678")
print(u, repr(u), u.hex, u.int, u.urn, u.version, u.variant == uuid.RFC_4122, u.fields, u.bytes[:4], u.time_low)
print(uuid.UUID(int=5), uuid.UUID(bytes=b"\x01" * 16), uuid.UUID("{" + u.hex + "}") == u, uuid.UUID(u.urn) == u)
made = {uuid.uuid4() for _ in range(100)}
print(len(made), {m.version for m in made}, {m.variant for m in made} == {uuid.RFC_4122}, {len(str(m)) for m in made})
print(
    uuid.UUID(bytes=u.bytes_le).hex != u.hex,
    uuid.UUID(bytes_le=u.bytes_le) == u,
    sorted([uuid.UUID(int=9), uuid.UUID(int=3)])[0].int,
)
print({u: "key"}[uuid.UUID(str(u))], hash(u) == hash(uuid.UUID(u.hex)), uuid.UUID(int=1) < uuid.UUID(int=2))
first = uuid.uuid1(node=0x123456789ABC, clock_seq=7)
print(first.version, hex(first.node), first.clock_seq)
for bad in ("", "not-a-uuid", "1234"):
    try:
        uuid.UUID(bad)
    except ValueError:
        print("bad id", repr(bad))
try:
    u.int = 3
except TypeError as error:
    print(type(error).__name__)
