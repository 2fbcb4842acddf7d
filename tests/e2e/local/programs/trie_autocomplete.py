"""A trie for completing words, with counts, prefixes and wildcards."""


class Trie:
    END = "$"

    def __init__(self, words=()):
        self.root = {}
        for word in words:
            self.add(word)

    def add(self, word):
        node = self.root
        for char in word:
            node = node.setdefault(char, {})
        node[self.END] = node.get(self.END, 0) + 1

    def _find(self, prefix):
        node = self.root
        for char in prefix:
            if char not in node:
                return None
            node = node[char]
        return node

    def __contains__(self, word):
        node = self._find(word)
        return node is not None and self.END in node

    def complete(self, prefix, node=None):
        node = self._find(prefix) if node is None else node
        for char in sorted(node or {}):
            if char == self.END:
                yield prefix, node[char]
            else:
                yield from self.complete(prefix + char, node[char])

    def matches(self, pattern, node=None, found=""):
        node = self.root if node is None else node
        if not pattern:
            if self.END in node:
                yield found
            return
        for char in sorted(node) if pattern[0] == "?" else [pattern[0]]:
            if char in node and char != self.END:
                yield from self.matches(pattern[1:], node[char], found + char)


trie = Trie("car card care cat dog do done car cart carbon".split())
print(list(trie.complete("car")), list(trie.complete("x")), "car" in trie, "ca" in trie)
print(list(trie.matches("ca?")), list(trie.matches("d??e")), list(trie.matches("???")))
best = sorted(trie.complete("c"), key=lambda item: (-item[1], item[0]))
print(best[:3], len(list(trie.complete(""))))
