"""hashlib: digests of all guaranteed kinds, incremental updates, keyed hashes and a Merkle tree."""

import hashlib

for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s"):
    digest = hashlib.new(name, b"hello world")
    print(f"{name:<9}{digest.digest_size:>3}{digest.block_size:>5} {digest.hexdigest()[:40]}")
print(hashlib.shake_128(b"x").hexdigest(10), hashlib.shake_256("é".encode()).hexdigest(8))
steps = hashlib.sha256()
for part in (b"hello", b" ", b"world"):
    steps.update(part)
copied = steps.copy()
copied.update(b"!")
print(steps.hexdigest() == hashlib.sha256(b"hello world").hexdigest(), copied.hexdigest()[:16], steps.name)
print(hashlib.blake2b(b"data", key=b"secret", digest_size=16, salt=b"salt", person=b"me").hexdigest())
print(
    hashlib.md5(b"", usedforsecurity=False).hexdigest(),
    {"sha256", "sha3_512", "shake_256"} <= hashlib.algorithms_available,
)


def merkle(leaves):
    level = [hashlib.sha256(leaf.encode()).digest() for leaf in leaves]
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [hashlib.sha256(a + b).digest() for a, b in zip(level[::2], level[1::2])]
    return level[0].hex()


def proof_of_work(text, zeros):
    nonce = 0
    while not hashlib.sha256(f"{text}{nonce}".encode()).hexdigest().startswith("0" * zeros):
        nonce += 1
    return nonce


print(merkle(["a", "b", "c", "d", "e"])[:32], merkle(["a"])[:32], proof_of_work("block", 3))
chain, previous = [], "0" * 8
for data in ["genesis", "pay 5", "pay 7"]:
    previous = hashlib.sha1((previous + data).encode()).hexdigest()[:8]
    chain.append(previous)
print(chain)
try:
    hashlib.new("nosuchhash")
except ValueError as error:
    print(type(error).__name__)
