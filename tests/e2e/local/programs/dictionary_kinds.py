"""OrderedDict, ChainMap, defaultdict, UserDict and the plain dict's own tricks."""

from collections import ChainMap, OrderedDict, UserDict, UserList, UserString, defaultdict

od = OrderedDict(a=1, b=2, c=3)
od.move_to_end("a")
od.move_to_end("c", last=False)
print(
    list(od),
    od.popitem(last=False),
    od == OrderedDict(b=2, a=1),
    od == OrderedDict(a=1, b=2),
    dict(od) == {"a": 1, "b": 2},
)

defaults, config, arguments = {"color": "red", "user": "guest"}, {"user": "ann"}, {}
settings = ChainMap(arguments, config, defaults)
settings["color"] = "blue"
print(
    settings["user"],
    arguments,
    dict(sorted(settings.items())),
    settings.parents["color"],
    len(settings.new_child({"x": 1}).maps),
)

tree = lambda: defaultdict(tree)
paths = tree()
for path in ["usr/bin/python", "usr/lib", "etc/hosts"]:
    node = paths
    for part in path.split("/"):
        node = node[part]


def show(node, depth=0):
    for name in sorted(node):
        print("  " * depth + name)
        show(node[name], depth + 1)


show(paths)


class CaseInsensitive(UserDict):
    def __setitem__(self, key, value):
        super().__setitem__(key.lower(), value)

    def __getitem__(self, key):
        return super().__getitem__(key.lower())

    def __missing__(self, key):
        return f"<no {key}>"


headers = CaseInsensitive({"Content-Type": "text"}, ACCEPT="*/*")
print(
    headers["CONTENT-type"],
    headers["accept"],
    headers["missing"],
    len(headers),
    sorted(headers),
    UserList([1]) + [2],
    UserString("ab") * 2,
)


class Squares(dict):
    def __missing__(self, key):
        self[key] = key * key
        return self[key]


squares = Squares()
print(squares[4], squares, squares.get(5), {"a": 1} | {"a": 2, "b": 3}, dict(zip("ab", [1, 2])).items() & {("a", 1)})
d = dict.fromkeys("abc", 0)
d.update(b=5)
print(
    d.pop("a"),
    d.setdefault("z", []),
    d.pop("nope", None),
    list(reversed(d)),
    d.keys() - {"b"} == {"c", "z"},
    {1: "int", 1.0: "float", True: "bool"},
)
