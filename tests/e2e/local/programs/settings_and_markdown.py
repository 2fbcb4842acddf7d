"""Parsing text: an INI file with sections and types, and a little Markdown to HTML."""

import html
import re

INI = """
; comment
[server]
host = example.org
port = 8080
debug = yes

[paths]
root = /srv
logs = ${root}/logs
sizes = 1, 2, 3
broken line
"""


def parse_ini(text):
    sections, current = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition(";")[0].strip()
        if not line:
            continue
        if found := re.fullmatch(r"\[(\w+)\]", line):
            current = sections.setdefault(found[1], {})
        elif found := re.fullmatch(r"(\w+)\s*=\s*(.*)", line):
            current[found[1]] = convert(re.sub(r"\$\{(\w+)\}", lambda m: current[m[1]], found[2]))
        else:
            print(f"line {number} makes no sense: {line!r}")
    return sections


def convert(text):
    if text.lower() in ("yes", "no"):
        return text.lower() == "yes"
    if "," in text:
        return [convert(part.strip()) for part in text.split(",")]
    return int(text) if text.isdecimal() else text


def inline(text):
    text = html.escape(text, quote=False)
    for pattern, put in [
        (r"`(.+?)`", r"<code>\1</code>"),
        (r"\*\*(.+?)\*\*", r"<b>\1</b>"),
        (r"\*(.+?)\*", r"<i>\1</i>"),
    ]:
        text = re.sub(pattern, put, text)
    return re.sub(r"\[(.+?)\]\((.+?)\)", r'<a href="\2">\1</a>', text)


def markdown(text):
    for block in re.split(r"\n\s*\n", text.strip()):
        if heading := re.match(r"(#+) (.*)", block):
            yield f"<h{len(heading[1])}>{inline(heading[2])}</h{len(heading[1])}>"
        elif block.startswith("- "):
            yield "<ul>" + "".join(f"<li>{inline(item[2:])}</li>" for item in block.splitlines()) + "</ul>"
        else:
            yield f"<p>{inline(' '.join(block.splitlines()))}</p>"


print(parse_ini(INI))
print("\n".join(markdown("# Title *here*\n\nSome **bold** text\nwith `a < b`.\n\n- one [link](http://x.org)\n- two")))
