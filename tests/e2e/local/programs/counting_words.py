"""Counters: word frequencies, arithmetic, most common and histograms."""

import re
from collections import Counter

TEXT = """It was the best of times, it was the worst of times, it was the age of wisdom,
it was the age of foolishness, it was the epoch of belief, it was the epoch of incredulity"""

words = Counter(re.findall(r"[a-z]+", TEXT.lower()))
print(words.most_common(5), len(words), words.total(), words["absent"], "absent" in words)
for word, count in sorted(words.items(), key=lambda item: (-item[1], item[0]))[:6]:
    print(f"{word:<8}{'█' * count} {count}")
letters = Counter(char for char in TEXT.lower() if char.isalpha())
print(letters.most_common(3), min(letters.items(), key=lambda item: (item[1], item[0])))
a, b = Counter(apples=3, pears=1), Counter(apples=1, plums=2)
print(
    a + b,
    a - b,
    a & b,
    a | b,
    sorted((+Counter(x=-1, y=2)).elements()),
    a == Counter("x"),
    Counter("ab") <= Counter("abc"),
)
a.update(["apples", "kiwis"])
a.subtract({"pears": 5})
del a["kiwis"]
print(a, dict(-a), sorted(Counter("mississippi").elements()))


def anagrams(candidates):
    groups = {}
    for word in candidates:
        groups.setdefault(frozenset(Counter(word).items()), []).append(word)
    return [group for group in groups.values() if len(group) > 1]


print(anagrams(["listen", "silent", "apple", "enlist", "papel", "stone", "notes", "xyz"]))
bigrams = Counter(zip(TEXT.split(), TEXT.split()[1:]))
print([(" ".join(pair), n) for pair, n in bigrams.most_common(3)])
