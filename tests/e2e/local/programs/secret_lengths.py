"""secrets: only the shape of what cannot be foreseen."""

import secrets
import string

print(
    len(secrets.token_bytes(16)), len(secrets.token_hex(8)), len(secrets.token_urlsafe(24)), len(secrets.token_bytes())
)
print(secrets.choice("x"), all(0 <= secrets.randbelow(10) < 10 for _ in range(100)), secrets.randbits(12) < 4096)
print(len({secrets.token_hex(16) for _ in range(200)}), sorted({secrets.randbelow(3) for _ in range(200)}))
print(
    secrets.compare_digest("same", "same"),
    secrets.compare_digest(b"a", b"b"),
    set(secrets.token_hex(32)) <= set(string.hexdigits),
)


def password(length=14):
    groups = [string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#%&"]
    chars = [secrets.choice(group) for group in groups]
    chars += [secrets.choice("".join(groups)) for _ in range(length - len(groups))]
    secrets.SystemRandom().shuffle(chars)
    return "".join(chars)


made = [password() for _ in range(20)]
print(
    len(set(made)),
    {len(p) for p in made},
    all(any(c in string.digits for c in p) and any(c in "!#%&" for c in p) for p in made),
)


class Tokens:
    def __init__(self):
        self._owners = {}

    def issue(self, owner):
        token = secrets.token_urlsafe(12)
        self._owners[token] = owner
        return token

    def owner(self, token):
        return next((name for known, name in self._owners.items() if secrets.compare_digest(known, token)), None)


tokens = Tokens()
ann = tokens.issue("ann")
print(tokens.owner(ann), tokens.owner("forged"), len(ann))
