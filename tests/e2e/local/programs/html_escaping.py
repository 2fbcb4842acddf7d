"""html: escaping and unescaping, and a small safe template."""

import html
import re

text = "<a href=\"x?a=1&b=2\">Tom & 'Jerry'</a>"
print(html.escape(text))
print(html.escape(text, quote=False))
print(html.unescape(html.escape(text)) == text)
print(html.unescape("&lt;b&gt; &eacute; &#233; &#xe9; &amp;amp; &copy &hearts; &nosuch; &#128512; &notin;"))


class Markup(str):
    """Text that is HTML already."""

    def __add__(self, other):
        return Markup(str.__add__(self, safe(other)))


def safe(value):
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def tag(name, *children, **attributes):
    attrs = "".join(f' {key.rstrip("_")}="{html.escape(str(value))}"' for key, value in attributes.items())
    return Markup(f"<{name}{attrs}>{''.join(safe(child) for child in children)}</{name}>")


def render(template, **values):
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda m: safe(values.get(m[1], "")), template)


print(tag("ul", *(tag("li", item, class_="row") for item in ["a < b", tag("b", "bold"), 3])))
print(render("<p>{{ name }} is {{age}}{{ none }}</p>", name="<script>", age=5), Markup("<i>") + "<&>")
page = "<h1>Title</h1><p>One <b>two</b></p><script>alert(1)</script>"
print(re.sub(r"<script.*?</script>|<[^>]+>", " ", page).split())
