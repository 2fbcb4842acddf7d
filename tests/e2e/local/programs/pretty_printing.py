"""pprint: widths, depth, nesting, sets, long texts and recursive structures."""

import pprint
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field


@dataclass
class Node:
    name: str
    children: list = field(default_factory=list)


data = {
    "servers": [{"name": f"web{n}", "ports": list(range(8000, 8000 + n)), "tags": {f"tag{n}"}} for n in range(1, 4)],
    "owner": ("someone", {"mail": "someone@example.org", "phones": [5550100, 5550199]}),
    "empty": [{}, [], (), set(), None],
}
pprint.pprint(data)
pprint.pprint(data, width=40, depth=2)
pprint.pprint(data, compact=True, width=60, sort_dicts=False)
print(pprint.pformat(list(range(30)), compact=True, width=50))
pprint.pprint("a long sentence that will be split over lines " * 2, width=30)
pprint.pprint(Node("root", [Node("left leaf with a long name"), Node("right leaf with a long name")]), width=50)
pprint.pprint([Counter("mississippi"), deque([1, 2]), defaultdict(list, a=[1])])
pprint.pprint(OrderedDict((f"key number {n}", n) for n in range(3)), width=30)
pprint.pp({"z": 1, "a": 2}, indent=4)
looped = [1]
looped.append(looped)
print(
    "Recursion" in pprint.pformat(looped),
    pprint.isrecursive(looped),
    pprint.isreadable(looped),
    pprint.saferepr({2: 1, 1: 2}),
)
pprint.pprint({"big": 10**8, "b": b"bytes" * 12}, underscore_numbers=True, width=40)
