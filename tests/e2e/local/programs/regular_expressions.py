"""re: groups, lookaround, substitution by functions, verbose patterns, split, finditer and flags."""

import re

log = """2024-03-01 12:30:45 ERROR [db] Connection lost (code=17)
2024-03-01 12:31:02 INFO [web] GET /index.html took 12.5ms
2024-03-02 00:00:10 WARN [db] Retry 3 of 5
"""
line = re.compile(
    r"""^(?P<date>\d{4}-\d\d-\d\d)\s   # the day
        (?P<time>[\d:]+)\s+            # the time
        (?P<level>[A-Z]+)\s\[(?P<unit>\w+)\]\s
        (?P<text>.*)$""",
    re.VERBOSE | re.MULTILINE,
)
for found in line.finditer(log):
    print(found["level"], found.group("unit", "text"), found.span("time"))
print(line.groupindex["level"], line.groups, line.match(log).groupdict()["time"])
print(re.findall(r"(\w+)=(\d+)", log), re.findall(r"\b\d+\b", log)[-2:])
print(re.sub(r"\b(\w)(\w*)", lambda m: m[1].upper() + m[2], "the end of it"), re.subn(r"\s+", " ", "a  b \n c"))
print(re.sub(r"(?P<y>\d{4})-(\d\d)-(\d\d)", r"\3.\2.\g<y>", "on 2024-03-01"), re.sub("x*", "-", "abxd"))
print(re.split(r"[,;]\s*", "a, b;c,d"), re.split(r"(\d)", "a1b2c"), re.split(r"\b", "hi you"))
print(re.findall(r"(?<=\$)\d+(?:\.\d\d)?", "$5 and $7.25, 8"), re.findall(r"\w+(?=!)", "no yes! ok!"))
print(re.findall(r"(?<!-)\b\d+", "1 -2 3"), re.findall(r"^(?!#).+$", "a\n#b\nc", re.M))
print(re.search(r"(?i)hello\s(?-i:World)", "say HELLO World").group(), re.fullmatch(r"\d{3}", "1234"))
print(re.match(r"(a+)(a+)", "aaaa").groups(), re.match(r"(a+?)(a*)", "aaaa").groups(), re.findall(r"<.+?>", "<a><b>"))
print(re.findall(r"(\w)\1", "aabbcd"), bool(re.match(r"(<)?\w+(?(1)>)$", "<tag>")), re.escape("a.b*c"))
print(re.search(r"é\w+", "caf été", re.UNICODE).group(), re.findall(rb"\d+", b"a1b22"), re.findall(r"\w", "aé", re.A))
print(re.search("a.c", "a\nc"), re.search("a.c", "a\nc", re.S).end(), re.match(r"((a)|b)*", "ba").groups())
for bad in ("(", "[z-a]", "*a", r"(?P<n>a)(?P<n>b)"):
    try:
        re.compile(bad)
    except re.error as error:
        print("bad pattern at", error.pos)
print(re.findall(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}\d+", "10.0.0.1 and 999.1.1.1 or 192.168.1.77"))
