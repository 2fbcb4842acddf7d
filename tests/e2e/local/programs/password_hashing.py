"""Slow hashes for passwords: PBKDF2 with a salt, checked in constant time."""

import base64
import hashlib
import secrets


def hash_password(password, salt, rounds=1000):
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    return f"pbkdf2${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def verify(password, stored):
    _, rounds, salt, _ = stored.split("$")
    again = hash_password(password, base64.b64decode(salt), int(rounds))
    return secrets.compare_digest(again, stored)


stored = hash_password("correct horse", b"0123456789abcdef")
print(stored)
print(verify("correct horse", stored), verify("battery staple", stored))
fresh = [hash_password("same", secrets.token_bytes(16), 10) for _ in range(2)]
print(fresh[0] != fresh[1], all(verify("same", entry) for entry in fresh))
print(hashlib.pbkdf2_hmac("sha1", b"password", b"salt", 2, dklen=20).hex())
