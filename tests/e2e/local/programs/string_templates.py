"""string: templates with identifiers of their own, constants, capwords and a formatter."""

import string
from string import Formatter, Template

letter = Template("Dear $name,\nyou owe ${amount}USD ($$). Due: $date")
print(letter.substitute(name="Ann", amount=12.5, date="today"))
print(letter.safe_substitute({"name": "Bob"}))
for values in ({}, {"name": "x"}):
    try:
        letter.substitute(values)
    except KeyError as error:
        print("missing", error)
try:
    Template("costs $5").substitute()
except ValueError as error:
    print(type(error).__name__)


class Percent(Template):
    delimiter = "%"
    idpattern = r"[a-z]+\.[a-z]+"


print(Percent("%user.name at %{host.name}s, 100%%").substitute({"user.name": "root", "host.name": "box"}))
print(letter.get_identifiers(), letter.is_valid(), Template("$ x").is_valid())
print(
    string.ascii_lowercase,
    string.digits,
    string.hexdigits,
    string.punctuation,
    len(string.printable),
    repr(string.whitespace),
)
print(string.capwords("hello  wide world"), string.capwords("a-b-c", "-"))


class Shouting(Formatter):
    def get_value(self, key, args, kwargs):
        return kwargs.get(key, f"<{key}>") if isinstance(key, str) else args[key]

    def convert_field(self, value, conversion):
        return str(value).upper() if conversion == "u" else super().convert_field(value, conversion)


print(Shouting().format("{0!u} and {name!r:>8} {missing}", "quiet", name="Al"))
print([part[1] for part in Formatter().parse("a{x}b{y:>3}c{0[k]!r}") if part[1] is not None])
rot13 = str.maketrans(
    string.ascii_letters,
    string.ascii_lowercase[13:]
    + string.ascii_lowercase[:13]
    + string.ascii_uppercase[13:]
    + string.ascii_uppercase[:13],
)
print("Hello, World".translate(rot13), "Uryyb".translate(rot13), "a-b_c".translate({45: None, ord("_"): " "}))
