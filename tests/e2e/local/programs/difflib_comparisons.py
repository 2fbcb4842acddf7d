"""difflib: unified and context diffs, close matches, ratios and edits."""

import difflib

before = """def area(r):
    pi = 3.14
    return pi * r * r

print(area(2))
""".splitlines()
after = """import math

def area(r):
    return math.pi * r * r

print(area(2))
print(area(3))
""".splitlines()
print("\n".join(difflib.unified_diff(before, after, "old.py", "new.py", lineterm="")))
print("\n".join(line.rstrip() for line in difflib.ndiff(before[:3], after[:4])))
print("\n".join(difflib.context_diff(["a", "b", "c"], ["a", "x", "c"], lineterm="", n=1)))
print(difflib.get_close_matches("appel", ["ape", "apple", "peach", "puppy"]), difflib.get_close_matches("zzz", ["abc"]))
matcher = difflib.SequenceMatcher(None, "qabxcd", "abycdf")
for tag, i1, i2, j1, j2 in matcher.get_opcodes():
    print(f"{tag:<8}{matcher.a[i1:i2]!r:>6} -> {matcher.b[j1:j2]!r}")
print(
    f"{matcher.ratio():.4f} {matcher.quick_ratio():.4f} {matcher.real_quick_ratio():.4f}",
    matcher.find_longest_match(0, 6, 0, 6),
)
print(
    [tuple(block) for block in difflib.SequenceMatcher(lambda c: c == " ", " abcd", "abcd abcd").get_matching_blocks()]
)
print("".join(difflib.restore(difflib.ndiff(["one\n", "two\n"], ["ore\n", "tree\n"]), 1)), end="")


def rank(query, names):
    scored = ((difflib.SequenceMatcher(None, query.lower(), name.lower()).ratio(), name) for name in names)
    return [f"{name} {score:.2f}" for score, name in sorted(scored, reverse=True)]


print(rank("jon smith", ["John Smith", "Jane Smythe", "Bob Stone", "Jon Smit"]))
