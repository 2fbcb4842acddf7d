"""How values and exceptions are said to the daemon.

Standard library only. What it cannot say as it is, it says as text.
"""

import base64
import json
import re
import traceback

MAX_FRAME = 32 << 20
MAX_NAME = 200  # characters of the name of a class
MAX_ANSWER = 8 << 20  # bytes of a final answer, as JSON and as text
MAX_RICH = 16 << 20  # bytes of all forms of a rich value, as JSON
RICH = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
}
HIDDEN = {__file__}  # files of ours, which tracebacks do not show
name_of_class = type.__dict__["__name__"].__get__


def kind_of(value):
    """The name of a value's class, whatever its metaclass says, cut."""
    return name_of_class(type(value))[:MAX_NAME]


def plain(value):
    """Scalars and arrays of numpy as what they stand for."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError("not JSON")


def exact_int(digits):
    """Integers of 64 bits; larger ones would come out as something near them."""
    if not -(2**63) <= int(digits) < 2**64:
        raise OverflowError
    return int(digits)


has_long_number = re.compile("[0-9]{19}").search
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=plain).encode
decode_text = json.JSONDecoder().decode
decode_exact = json.JSONDecoder(parse_int=exact_int).decode


def encode_exactly(value):
    """JSON that says the value; a tool is called with no other."""
    text = encode(value)
    if has_long_number(text):
        decode_exact(text)
    return text


def encode_frame(message):
    return to_frame(encode(message))


def to_frame(text):
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_FRAME:
        raise ValueError(
            "%d bytes are too many to hand over, the limit is %d" % (len(data), MAX_FRAME)
        )
    return data


def numbered(text, number):
    """The frame of a JSON object that wants an answer."""
    return to_frame('{"call": %d, %s' % (number, text[1:]))


def decode(frame):
    return decode_text(str(frame, "utf-8"))


def as_json(value):
    """Whether JSON can say the value, and the value as JSON says it."""
    try:
        return True, decode_text(encode_exactly(value))
    except Exception:
        return False, None


def final(value):
    text = safe_str(value)
    found, said = as_json(value)
    if not found:
        said = safe_repr(value)
    if size_of(said, MAX_ANSWER) > MAX_ANSWER:
        said = text[: MAX_ANSWER // 6]  # as many characters as surely have room
    if size_of(text, MAX_ANSWER) > MAX_ANSWER:
        text = text[: MAX_ANSWER // 6]
    return {"value": said, "text": text}


def size_of(value, most):
    """Bytes of a value that JSON can say; of a short text no more than it surely does not have."""
    if isinstance(value, str) and len(value) <= most // 6:
        return len(value)
    return len(encode(value).encode("utf-8", "replace"))


def rich(value):
    """What a notebook would show of the value beside its `repr`."""
    data, room = {}, MAX_RICH - 1_000
    if isinstance(value, type):
        return []
    for method, mime in RICH.items():
        try:
            shown = getattr(value, method)() if hasattr(value, method) else None
        except Exception:
            continue
        if isinstance(shown, bytes):
            shown = base64.b64encode(shown).decode("ascii")
        if isinstance(shown, str) and len(shown) <= MAX_FRAME // 16:
            size = len(encode(shown).encode("utf-8", "replace"))
            if size <= room:
                data[mime] = shown
                room -= size
    return [data] if data else []


def safe_repr(value):
    try:
        return plain_text(repr(value))
    except Exception as error:
        return "<%s whose repr failed: %s>" % (kind_of(value), kind_of(error))


def safe_str(value):
    try:
        return plain_text(str(value))
    except Exception:
        return safe_repr(value)


def plain_text(text):
    """A text without methods of the code's own."""
    return text if type(text) is str else str.__str__(text)


def describe(error, filename):
    """An exception as the daemon is told it: with the code's own lines and none of ours."""
    try:
        report = traceback.TracebackException.from_exception(error)
        seen = set()
        hide_ours(report, seen)
        text = "".join(report.format())
    except Exception:
        text = "%s (its traceback cannot be shown)" % kind_of(error)
    message = safe_str(error)
    if isinstance(error, SyntaxError):
        message = safe_str(error.msg) if error.msg else message
    tool = getattr(error, "_tinycode_tool", None)
    return {
        "type": kind_of(error),
        "message": message[:10_000],
        "traceback": text if len(text) <= 20_000 else text[:10_000] + "\n...\n" + text[-10_000:],
        "line": line_of(error, filename),
        "tool": tool[:MAX_NAME] if type(tool) is str else None,
    }


def hide_ours(report, seen):
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    report.stack[:] = [frame for frame in report.stack if frame.filename not in HIDDEN]
    hide_ours(report.__cause__, seen)
    hide_ours(report.__context__, seen)
    for inner in getattr(report, "exceptions", None) or ():
        hide_ours(inner, seen)


def line_of(error, filename):
    """The innermost line of the step's own code that the error went through."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        line = error.lineno
        return line if type(line) is int and 0 <= line < 2**31 else None
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
