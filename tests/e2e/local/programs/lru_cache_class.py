"""Caches written by hand: least recently used, with expiry, and as a decorator."""

from collections import OrderedDict
from functools import wraps


class LRUCache:
    def __init__(self, capacity):
        self.capacity, self.entries = capacity, OrderedDict()
        self.hits = self.misses = 0

    def get(self, key, default=None):
        if key in self.entries:
            self.hits += 1
            self.entries.move_to_end(key)
            return self.entries[key]
        self.misses += 1
        return default

    def put(self, key, value):
        self.entries[key] = value
        self.entries.move_to_end(key)
        if len(self.entries) > self.capacity:
            return self.entries.popitem(last=False)

    def __contains__(self, key):
        return key in self.entries

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self.entries.items())})"


class ExpiringCache(LRUCache):
    def __init__(self, capacity, seconds, clock):
        super().__init__(capacity)
        self.seconds, self.clock = seconds, clock

    def put(self, key, value):
        return super().put(key, (value, self.clock() + self.seconds))

    def get(self, key, default=None):
        value, until = super().get(key, (default, float("inf")))
        if self.clock() < until:
            return value
        del self.entries[key]
        return default


def memoize(cache):
    def decorate(function):
        @wraps(function)
        def wrapper(*args):
            if args not in cache:
                cache.put(args, function(*args))
            return cache.get(args)

        return wrapper

    return decorate


cache = LRUCache(2)
print(
    cache.put("a", 1), cache.put("b", 2), cache.get("a"), cache.put("c", 3), "b" in cache, cache, cache.get("b", "gone")
)
print(cache.hits, cache.misses)
now = [0]
expiring = ExpiringCache(10, 5, lambda: now[0])
expiring.put("x", "fresh")
print(expiring.get("x"))
now[0] = 6
print(expiring.get("x", "stale"), expiring.get("x"))
kept = LRUCache(50)


@memoize(kept)
def paths(rows, columns):
    return 1 if rows == 1 or columns == 1 else paths(rows - 1, columns) + paths(rows, columns - 1)


print(paths(7, 7), len(kept.entries), kept.hits, paths.__name__)
