"""How values and exceptions are said to the daemon.

Standard library only. What it cannot say as it is, it says as text.
"""

import base64
import builtins
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
MAX_MESSAGE = 10_000
MAX_TRACEBACK = 20_000
MAX_LINE = 2**31
MAX_ERRORS = 100  # exceptions that one traceback shows
MAX_FRAMES = 10_000  # calls that one traceback looks at
LATEST_FRAMES = 500  # that are shown where there are more

# What Python itself keeps of a class or an exception, whatever the code's own attributes say.
name_of = type.__dict__["__name__"].__get__
mro_of = type.__dict__["__mro__"].__get__
dict_of = type.__dict__["__dict__"].__get__
flags_of = type.__dict__["__flags__"].__get__
cause_of = BaseException.__dict__["__cause__"].__get__
context_of = BaseException.__dict__["__context__"].__get__
trace_of = BaseException.__dict__["__traceback__"].__get__
code_of = SystemExit.__dict__["code"].__get__
Group = getattr(builtins, "BaseExceptionGroup", None)  # from Python 3.11 on
HEAP = 1 << 9  # the flag of classes that a class statement made
TRACED = ("__cause__", "__context__", "__suppress_context__", "__traceback__", "__getattribute__", "exceptions")


class Stopped(KeyboardInterrupt):
    """The step was stopped from outside. Not an `Exception`, so that `except Exception` lets it by."""


def attempt(function, *args):
    """Calls a function that may run methods of the code's own. Returns whether it returned, and its result or
    the exception: any but that of a stop."""
    try:
        return True, function(*args)
    except Stopped:
        raise
    except BaseException as error:  # `SystemExit` too, which would end this interpreter
        return False, error


def plain_str(text):
    """A string without the methods of a class of its own."""
    return str.__str__(text)


def type_name(value):
    return plain_str(name_of(type(value)))[:MAX_NAME]


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
    said, plain = attempt(lambda: decode_text(encode_exactly(value)))
    return said, plain if said else None


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
    if issubclass(type(value), type):
        return []
    for method, mime in RICH.items():
        try:
            shown = getattr(value, method)() if hasattr(value, method) else None
        except Stopped:
            raise
        except BaseException:
            continue
        if issubclass(type(shown), bytes):
            shown = base64.b64encode(shown).decode("ascii")
        if issubclass(type(shown), str) and str.__len__(shown) <= MAX_FRAME // 16:
            shown = plain_str(shown)
            size = len(encode(shown).encode("utf-8", "replace"))
            if size <= room:
                data[mime] = shown
                room -= size
    return [data] if data else []


def safe_repr(value):
    said, text = attempt(repr, value)
    if said:
        return plain_str(text)
    return "<%s whose repr failed: %s>" % (type_name(value), type_name(text))


def safe_str(value):
    said, text = attempt(str, value)
    return plain_str(text) if said else safe_repr(value)


def is_clean_exit(error):
    """Whether an exception is that of `sys.exit()`, without a code that says something is wrong."""
    if not issubclass(type(error), SystemExit):
        return False
    said, is_failure = attempt(bool, code_of(error))
    return said and not is_failure


def describe(error, filename):
    """An exception as the daemon is told it: with the code's own lines and none of ours. Its class may be the
    code's own, with methods and attributes that do anything."""
    said, text = attempt(report, error)
    if not said:
        said, text = attempt(short_report, error)
    if not said:
        text = "%s (its traceback cannot be shown)" % type_name(error)
    tool = attempt(getattr, error, "_tinycode_tool", None)[1]
    message = safe_str(error)
    if issubclass(type(error), SyntaxError):
        message = message_of_syntax(error) or message
    return {
        "type": type_name(error),
        "message": message[:MAX_MESSAGE],
        "traceback": cut(text),
        "line": line_of(error, filename),
        "tool": plain_str(tool)[:MAX_NAME] if issubclass(type(tool), str) else None,
    }


def cut(text):
    half = MAX_TRACEBACK // 2
    return text if len(text) <= MAX_TRACEBACK else text[:half] + "\n...\n" + text[-half:]


def report(error):
    """The traceback of an exception and of those that it hangs together with."""
    if not can_be_walked(error):
        return short_report(error)
    report = traceback.TracebackException.from_exception(error)
    hide_ours(report, set())
    return "".join(report.format())


def short_report(error):
    """The traceback of an exception alone, and of its latest calls where there are too many."""
    frames = traceback.walk_tb(trace_of(error))
    stack = traceback.StackSummary.extract(frames, limit=-LATEST_FRAMES)
    stack[:] = [frame for frame in stack if frame.filename not in HIDDEN]
    last = "%s: %s\n" % (type_name(error), safe_str(error)[:MAX_MESSAGE])
    return "".join(["Traceback (most recent call last):\n", *stack.format(), last])


def can_be_walked(error):
    """Whether an exception hangs together with few enough others, and none has attributes of its own where
    `traceback` looks, which could go on without end."""
    waiting, seen, frames = [error], set(), 0
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        inner = members_of(error)
        frames += length_of(trace_of(error), MAX_FRAMES)
        if len(seen) + len(inner) > MAX_ERRORS or frames >= MAX_FRAMES or has_own(type(error), TRACED):
            return False
        waiting += [cause_of(error), context_of(error), *inner]
    return True


def members_of(error):
    """The exceptions of a group."""
    if Group is None or not issubclass(type(error), Group):
        return ()
    return Group.exceptions.__get__(error)


def length_of(trace, most):
    length = 0
    while trace is not None and length < most:
        length += 1
        trace = trace.tb_next
    return length


def has_own(kind, names):
    """Whether a class of exceptions, or a base that is not Python's own, has something under these names."""
    for base in mro_of(kind):
        if flags_of(base) & HEAP and any(name in dict_of(base) for name in names):
            return True
    return False


def hide_ours(report, seen):
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    report.stack[:] = [frame for frame in report.stack if frame.filename not in HIDDEN]
    hide_ours(report.__cause__, seen)
    hide_ours(report.__context__, seen)
    for inner in getattr(report, "exceptions", None) or ():
        hide_ours(inner, seen)


def of_syntax(error, name):
    return SyntaxError.__dict__[name].__get__(error)


def message_of_syntax(error):
    message = of_syntax(error, "msg")
    return safe_str(message) if message is not None else ""


def line_of(error, filename):
    """The innermost line of the step's own code that the error went through."""
    line = None
    trace = trace_of(error)
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    if issubclass(type(error), SyntaxError):
        place = of_syntax(error, "filename")
        if type(place) is str and place == filename:
            line = of_syntax(error, "lineno")
    return line if type(line) is int and 0 <= line < MAX_LINE else None
