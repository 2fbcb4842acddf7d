"""What there is to know of the names of a session: variables, completions, descriptions.

Standard library only, and made when the first question comes. The objects are the code's own: what can be
found out without running methods of theirs is. Where that cannot be, as for a `repr`, they run for as long
as the daemon has patience.
"""

import ast
import keyword
import re
import sys
import types
from collections import namedtuple

from tinycode_objects import FUNCTIONS, MAX_ITEMS, MAX_NAME, MAX_NAMES, UNKNOWN, Match, doc_of, first
from tinycode_objects import found_in, importable, is_dunder, is_name, isinstance_of, kind_of, lookup
from tinycode_objects import members, plain_json, search, signature_of, type_name

MAX_DOC = 4_000
MAX_REPR = 300
SCALARS = (bool, float, complex, type(None), type(Ellipsis), type(NotImplemented), range)
BRACKETS = {list: "[]", tuple: "()", set: "{}", frozenset: "{}", dict: "{}"}

OPENING = frozenset("([{.,:=+-*/%@<>&|^~!")  # what a name may follow without a space

TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<string>[a-zA-Z]{0,2}(?:'{3}(?:\\.|[^\\])*?(?:'{3}|\Z)|"{3}(?:\\.|[^\\])*?(?:"{3}|\Z)
        |'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)|"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)))
    |(?P<name>[^\W\d]\w*)
    |(?P<number>\d(?:[eE][-+]|[\w.])*)
    |(?P<space>[^\S\n]+|\\\n)
    |(?P<newline>[\n;])
    |(?P<mark>.)""",
    re.DOTALL | re.VERBOSE,
)
STRING = re.compile(r"""([a-zA-Z]{0,2})('{3}|"{3}|'|")(.*)""", re.DOTALL)

Token = namedtuple("Token", "kind text start end")


class Namespace:
    """The names of a session as they are now. `settle` is called once the code's own has taken too long
    and `stopped` was raised: from then on none of it runs, and nothing is interrupted."""

    def __init__(self, names, builtins, given, imports, stopped, settle):
        self.names = {name: value for name, value in dict.items(names) if is_name(name)}
        self.builtins = builtins if type(builtins) is dict else vars(builtins)
        self.given = given
        self.imports = imports
        self.stopped = stopped
        self.settle = settle
        self.settled = False

    def attempt(self, function, *args):
        """What a function says that may run the code's own; `UNKNOWN` where it fails or takes too long."""
        if self.settled:
            return UNKNOWN
        try:
            return function(*args)
        except self.stopped:
            self.settled = True
            self.settle()
        except BaseException:  # `SystemExit` too
            pass
        return UNKNOWN

    def variables(self):
        """What the code made: no modules, and of functions and classes only those that it defined."""
        own = [name for name in sorted(self.names) if self.is_own(name)]
        return [dict(self.shown(self.names[name], MAX_REPR), name=name) for name in own[:MAX_NAMES]]

    def is_own(self, name):
        value = self.names[name]
        if name in self.given or is_dunder(name) or isinstance_of(value, types.ModuleType):
            return False
        if isinstance_of(value, (type, *FUNCTIONS)):
            module = lookup(value, "__module__")
            return type(module) is str and module == "__main__"
        return True

    def variable(self, name, max_length):
        value = self.names.get(name, UNKNOWN)
        if value is UNKNOWN:
            return None
        said = self.shown(value, max_length)
        plain = self.attempt(plain_json, value)
        if plain is not UNKNOWN:
            said["value"] = plain
        return said

    def shown(self, value, room):
        kind = type_name(value)
        try:
            text = self.repr(value, room)
        except self.stopped:
            raise
        except BaseException:  # its class may have a metaclass, whose methods are the code's own too
            text = ("<%s that does not show itself>" % kind)[:room]
        return {"type": kind, "repr": text, "size": self.size(value)}

    def size(self, value):
        if isinstance_of(value, type) or search(type(value), "__len__") is UNKNOWN:
            return None
        size = self.attempt(len, value)
        return size if type(size) is int else None

    def repr(self, value, room):
        try:
            text = "".join(self.pieces(value, room, 0))
        except RuntimeError:  # a thread of the code's changes it meanwhile
            text = "<%s that changes>" % type_name(value)
        return text if len(text) <= room else text[: max(room - 3, 0)] + "..."[:room]

    def pieces(self, value, room, depth):
        """The parts of a `repr`, somewhat more than the room wants. The builtin containers are walked
        here: theirs would be made in full, however long it is."""
        kind = type(value)
        if kind in BRACKETS and depth < 20:
            yield from self.items(value, kind, room, depth)
        elif kind in (str, bytes):
            yield repr(value[: room + 1])
        elif kind is int:
            yield repr(value) if value.bit_length() < 10_000 else "<int of %d bits>" % value.bit_length()
        elif kind in SCALARS:
            yield repr(value)
        elif kind is type:
            yield type.__repr__(value)
        else:
            yield self.of_object(value, room)

    def items(self, value, kind, room, depth):
        opening, closing = BRACKETS[kind]
        if kind is frozenset or (kind is set and not value):
            opening, closing = kind.__name__ + "(" + opening * bool(value), closing * bool(value) + ")"
        yield opening
        used = 0
        for number, item in enumerate(kind.items(value) if kind is dict else value):
            if used > room:
                yield "..."  # is cut off, and more with it
                return
            parts = item if kind is dict else [item]
            text = ": ".join("".join(self.pieces(part, room - used, depth + 1)) for part in parts)
            yield ", " * (number > 0) + text
            used += len(text) + 2
        yield ",)" if kind is tuple and len(value) == 1 else closing

    def of_object(self, value, room):
        for kind in BRACKETS:
            if isinstance_of(value, kind) and kind.__len__(value) > MAX_ITEMS:
                return "<%s of %d items>" % (type_name(value), kind.__len__(value))
        said = self.attempt(repr, value)
        if isinstance_of(said, str):
            return str.__str__(said)[: room + 1]
        return "<%s that does not show itself>" % type_name(value)

    def complete(self, code, cursor):
        tokens = scan(code[:cursor])
        last = tokens[-1] if tokens else None
        start, prefix, matches = cursor, "", []
        if last and last.kind == "comment" and last.end == cursor:
            pass
        elif last and last.kind == "string" and last.end == cursor and not is_closed(last):
            lead, quote, prefix = STRING.fullmatch(last.text).groups()
            start = cursor - len(prefix)
            if not lead and len(quote) == 1:
                closing = "" if code.startswith(quote, cursor) else quote
                matches = self.keys_in_string(tokens[:-1], quote, closing)
        elif last and last.kind == "name" and last.end == cursor:
            start, prefix = last.start, tokens.pop().text
            matches = self.after(tokens, prefix)
        elif not last or last.end < cursor or last.kind == "newline" or last.text in OPENING:
            matches = self.after(tokens, "")
        found = {}
        for match in matches:
            hidden = match.kind != "key" and match.text.startswith("_") and not prefix.startswith("_")
            if match.text.startswith(prefix) and not hidden and len(match.text) <= MAX_NAME:
                found.setdefault(match.text, match.kind)
        names = list(found)[:MAX_NAMES]
        return {"matches": names, "kinds": [found[name] for name in names], "start": start, "end": cursor}

    def after(self, tokens, prefix):
        """What may follow the tokens."""
        line = statement(tokens)
        if [token.text for token in line[:1]] in (["import"], ["from"]):
            return self.importable(line)
        if ends_with(tokens, "."):
            value = self.value_of(chain(tokens[:-1]))
            return [] if value is UNKNOWN else sorted(members(value))
        keys = self.keys(tokens) if ends_with(tokens, "[") and not prefix else []
        shown = [Match(repr(key), "key") for key in keys if type(key) in (str, int, float, bytes)]
        scope = {**self.builtins, **self.given, **self.names}
        names = [Match(name, kind_of(value)) for name, value in scope.items() if is_name(name)]
        words = [Match(word, "keyword") for word in keyword.kwlist]
        return shown + sorted(names + words)

    def keys_in_string(self, tokens, quote, closing):
        if not ends_with(tokens, "["):
            return []
        keys = [key for key in self.keys(tokens) if type(key) is str and key.isprintable()]
        keys = [key.replace("\\", "\\\\").replace(quote, "\\" + quote) for key in keys]
        return [Match(key + closing, "key") for key in keys]

    def keys(self, tokens):
        """The keys of what is before a bracket."""
        value = self.value_of(chain(tokens[:-1]))
        if isinstance_of(value, dict):
            return first(dict.keys(value))
        method = search(type(value), "_ipython_key_completions_")  # tables say their columns by it
        keys = UNKNOWN if method is UNKNOWN else self.attempt(lambda: first(method(value)))
        return [] if keys is UNKNOWN else keys

    def importable(self, line):
        words = [token.text for token in line]
        if words[0] == "from" and "import" in words:
            package = "".join(words[1 : words.index("import")])
            module = sys.modules.get(package) if self.imports.allows(package) else None
            found = members(module) if type(module) is types.ModuleType else []
            return sorted([*found, *self.modules_in(package + ".")])
        if len(line) > 1 and line[-1].kind == "name":
            return [Match(word, "keyword") for word in ("as", "import")[words[0] == "from" :]]
        dotted = []
        while ends_with(line, ".") and len(line) > 1 and line[-2].kind == "name":
            dotted.insert(0, line[-2].text + ".")
            line = line[:-2]
        return sorted(self.modules_in("".join(dotted)))

    def modules_in(self, package):
        """The modules that may be imported whose names go on after this one, which ends in a dot."""
        names = set(self.imports.allowed) - {"__future__", "*"}
        inside = lookup(sys.modules.get(package[:-1]), "__path__") if package else None
        if type(inside) is list and self.imports.allows(package[:-1]):
            names.update(package + name for name in importable(inside))
        if self.imports.everything and not package:
            names.update(getattr(sys, "stdlib_module_names", ()), sys.builtin_module_names)
            names.update(importable(None))
        parts = (name[len(package) :].partition(".")[0] for name in names if name.startswith(package))
        return {Match(part, "module") for part in parts if is_name(part)}

    def value_of(self, steps):
        """What the code calls by these steps, if it can be found without running any of it."""
        value = UNKNOWN
        for number, (how, what) in enumerate(steps or ()):
            if how == "literal":
                value = what
            elif number == 0:
                scope = (self.names, self.given, self.builtins)
                value = next((names[what] for names in scope if what in names), UNKNOWN)
            elif how == "attribute":
                value = lookup(value, what)
            else:
                value = self.item(value, what)
            if value is UNKNOWN:
                break
        return value

    def item(self, value, key):
        for kind in (dict, list, tuple):
            if isinstance_of(value, kind) and search(type(value), "__getitem__") is kind.__getitem__:
                return self.attempt(kind.__getitem__, value, key)
        return UNKNOWN

    def inspect(self, code, cursor):
        """What is known of the name at the cursor, else of the function in whose brackets it is."""
        while code[cursor : cursor + 1].isidentifier() or code[cursor : cursor + 1].isdecimal():
            cursor += 1
        tokens = scan(code[:cursor])
        if tokens and tokens[-1].kind == "name" and tokens[-1].end == cursor:
            said = self.described(tokens)
            if said:
                return said
        open_brackets = 0
        while tokens:
            token = tokens.pop()
            if token.kind == "mark" and token.text in ")]}":
                open_brackets += 1
            elif token.kind == "mark" and token.text in "([{":
                open_brackets -= 1
            if open_brackets < 0:
                open_brackets = 0
                said = self.described(tokens) if token.text == "(" else None
                if said:
                    return said
        return None

    def described(self, tokens):
        steps = chain(tokens)
        value = self.value_of(steps)
        if steps and steps[-1][0] == "attribute" and value is UNKNOWN:
            owner = self.value_of(steps[:-1])
            value = UNKNOWN if owner is UNKNOWN else found_in(owner, steps[-1][1])
        if value is UNKNOWN:
            return None
        name = str(steps[-1][1])
        signature = self.attempt(signature_of, value)
        doc = self.attempt(doc_of, value)
        said = dict(self.shown(value, MAX_REPR), name=name[:MAX_NAME])
        said["signature"] = None if signature is UNKNOWN else (name + signature)[:MAX_DOC]
        said["doc"] = None if doc is UNKNOWN else doc[:MAX_DOC]
        return said


def answer(query, *session):
    """What a query asks for: the name of a method above, and its parameters."""
    ((what, params),) = query.items()
    return {what: getattr(Namespace(*session), what)(**params)}


def scan(code):
    """The tokens of code that may be broken anywhere. Ends of lines count outside of brackets only."""
    tokens, depth = [], 0
    for found in TOKEN.finditer(code):
        kind, text = found.lastgroup, found.group()
        if kind == "mark":
            depth = max(depth + (text in "([{") - (text in ")]}"), 0)
        dropped = kind == "comment" and found.end() < len(code) or kind == "newline" and depth
        if kind != "space" and not dropped:
            tokens.append(Token(kind, text, found.start(), found.end()))
    return tokens


def is_closed(string):
    _, quote, rest = STRING.fullmatch(string.text).groups()
    inner = rest[: -len(quote)]
    return rest.endswith(quote) and (len(inner) - len(inner.rstrip("\\"))) % 2 == 0


def ends_with(tokens, mark):
    return bool(tokens) and tokens[-1].kind == "mark" and tokens[-1].text == mark


def statement(tokens):
    """The tokens of the last statement."""
    ends = [index for index, token in enumerate(tokens) if token.kind == "newline"]
    return tokens[ends[-1] + 1 :] if ends else tokens


def chain(tokens):
    """The name, attributes and literal keys that the tokens end with; None where it is anything else."""
    steps = []
    tokens = tokens[-100:]
    while tokens:
        token = tokens[-1]
        if token.kind == "name" and ends_with(tokens[:-1], "."):
            steps.insert(0, ("attribute", token.text))
            tokens = tokens[:-2]
        elif token.kind == "name":
            return [("name", token.text), *steps]
        elif token.kind == "string":
            return [("literal", literal(token.text)), *steps]
        elif ends_with(tokens, "]") and ends_with(tokens[:-2], "[") and tokens[:-3]:
            steps.insert(0, ("item", literal(tokens[-2].text)))
            tokens = tokens[:-3]
        else:
            return None
    return None


def literal(text):
    try:
        return ast.literal_eval(text)
    except Exception:
        return UNKNOWN
