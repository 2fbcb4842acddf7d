"""urllib.parse: taking addresses apart, joining, quoting and queries."""

from urllib.parse import (
    parse_qs,
    parse_qsl,
    quote,
    quote_plus,
    unquote,
    unquote_plus,
    urldefrag,
    urlencode,
    urljoin,
    urlparse,
    urlsplit,
    urlunsplit,
)

url = urlparse("https://user:pw@Example.COM:8443/a/b;p?q=1&q=2&empty=#frag")
print(url)
print(
    url.hostname,
    url.port,
    url.username,
    url.netloc,
    url.geturl() == "https://user:pw@Example.COM:8443/a/b;p?q=1&q=2&empty=#frag",
)
print(parse_qs(url.query), parse_qs(url.query, keep_blank_values=True), parse_qsl("a=1&b=%20x+y"))
print(
    urlencode({"q": "a b&c", "n": 5, "é": "ü"}),
    urlencode({"tag": ["x", "y"]}, doseq=True),
    urlencode([("a", 1), ("a", 2)], quote_via=quote),
)
base = "http://site.org/dir/page.html?x=1"
for link in ("other.html", "../up.html", "/root", "?y=2", "#top", "//cdn.org/x", "https://new.org", "./a/../b"):
    print(f"{link:<16}{urljoin(base, link)}")
print(
    quote("/path with/ünïcode?&"),
    quote("a/b", safe=""),
    quote_plus("a b+c"),
    unquote("%E2%82%AC%20x"),
    unquote_plus("a+b%2B"),
)
print(
    urldefrag("http://x.org/a#b").fragment, urlunsplit(("ftp", "host", "/f", "", "")), urlsplit("mailto:me@x.org").path
)
print(urlsplit("//host/path").netloc, urlparse("http://[::1]:80/").hostname, urlparse("path/only").scheme == "")


def with_query(address, **changes):
    parts = urlsplit(address)
    query = {**dict(parse_qsl(parts.query)), **changes}
    kept = {key: value for key, value in query.items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(kept)))


print(with_query("http://x.org/s?q=cat&page=1", page=2, sort="new", q=None))
for bad in ("http://[::1", "http://x:99999/"):
    try:
        urlparse(bad).port
    except ValueError as error:
        print(type(error).__name__)
