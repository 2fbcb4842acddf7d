"""The view of a run: what it shows, that it stays small, and that nothing foreign gets into the page."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from typing import Any, Dict, List, Optional

import pytest

from tinyagent import _html, _text
from tinyagent._plain import MAX_SHOWN, clip, duration, partial_code, printable, words_of
from tinyagent._sanitize import sanitize
from tinyagent.display import RunView

TRACEBACK = "Traceback (most recent call last):\n  File \"<step 1>\", line 1, in <module>\nKeyError: 'x'\n"


def event(kind: str, /, **fields: Any) -> Dict[str, Any]:
    return {"session": "s", "seq": 1, "time": fields.pop("time", 100.0), "type": kind, **fields}


def exec_result(**fields: Any) -> Dict[str, Any]:
    base: Dict[str, Any] = {
        "step": 1, "output": "", "stderr": "", "output_truncated": False, "value": None, "is_final": False,
        "final_value": None, "error": None, "timeout": False, "interrupted": False, "duration_ms": 12.0,
        "signals": [], "display": [], "state": "kept",
    }  # fmt: skip
    return {**base, **fields}


def run_result(value: Any = None, **fields: Any) -> Dict[str, Any]:
    base: Dict[str, Any] = {
        "output": str(value),
        "final_answer": {"value": value, "source": "normal", "timestamp": 0.0, "metadata": {}},
        "state": "completed", "steps_taken": 3, "duration_seconds": 4.2, "error": None,
        "metadata": {"run": "r", "session": "s", "usage": {"total_tokens": 1234}},
    }  # fmt: skip
    return {**base, **fields}


def one_step(*inner: Dict[str, Any], result: Optional[Dict[str, Any]] = None, **finished: Any) -> List[Dict[str, Any]]:
    """The events of a run of one step."""
    return [
        event("run.started", run="r", task="the task", max_steps=3),
        event("step.started", run="r", step=1),
        event("model.message", step=1, text="I add.\n```python\n1 + 1\n```", usage={}),
        event("code", step=1, code="1 + 1"),
        *inner,
        event("step.finished", step=1, result=exec_result(**finished)),
        event("run.finished", run="r", result=result or run_result(2)),
    ]


def view_of(*inner: Dict[str, Any], **finished: Any) -> RunView:
    return RunView.from_events(one_step(*inner, **finished))


def text_in(html: str) -> str:
    """The text of a page, without its style."""

    class Text(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: List[str] = []
            self.style = False

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.style = tag == "style"

        def handle_endtag(self, tag: str) -> None:
            self.style = False

        def handle_data(self, data: str) -> None:
            if not self.style:
                self.found.append(data)

    parser = Text()
    parser.feed(html)
    return "".join(parser.found)


def tags_in(html: str) -> List[str]:
    """All start tags of a page with their attributes."""

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: List[str] = []

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.found.append(" ".join([tag, *(f"{name}={value}" for name, value in attrs)]))

    parser = Tags()
    parser.feed(html)
    return parser.found


def test_a_run_is_shown_with_all_it_did() -> None:
    view = view_of(
        event("stdout", step=1, text="printed\n"),
        event("stderr", step=1, text="warned\n"),
        event("signal", step=1, kind="uncertain", message="is it?"),
        event("tool.call", step=1, call="c", name="add", args=[1], kwargs={"y": 2}),
        event("tool.done", call="c", ok=False),
        value="2",
    )
    view.bound_to = "total"
    html = text_in(view._repr_html_())
    for shown in (html, repr(view)):
        for part in ("the task", "I add.", "1 + 1", "printed", "warned", "uncertain", "is it?", "add(1, y=2)"):
            assert part in shown
        assert "3 steps · 4.2 s · 1,234 tokens · the answer is in total" in shown
    assert "✗" in html and "failed" in repr(view)
    assert view.answer == 2 and view.code == "1 + 1"


def test_an_error_is_shown_with_its_traceback_folded() -> None:
    view = view_of(error={"type": "KeyError", "message": "'x'", "traceback": TRACEBACK, "line": 1})
    html = view._repr_html_()
    assert '<details class="ta-error"><summary><b>KeyError</b>' in html
    assert "  ! KeyError: 'x'" in repr(view)


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("step_limit_reached", "No answer within the step limit"),
        ("cancelled", "Interrupted"),
        ("error", "The run failed"),
    ],
)
def test_a_run_without_an_answer_says_why(state: str, title: str) -> None:
    error = {"type": state, "message": "what happened", "hint": "do this"}
    view = view_of(result=run_result(final_answer=None, state=state, error=error))
    view.bound_to = "name"
    for shown in (text_in(view._repr_html_()), repr(view)):
        assert title in shown and "what happened (do this)" in shown
        assert "the answer is in" not in shown


@pytest.mark.parametrize(
    ("result", "note"),
    [
        ({"timeout": True, "state": "restored"}, "it took too long"),
        ({"timeout": True, "state": "restored"}, "as it was before this step"),
        ({"state": "lost"}, "the Python state was lost"),
        ({"output_truncated": True}, "output cut"),
        ({"interrupted": True}, "interrupted"),
    ],
)
def test_what_must_be_known_of_a_step_is_noted(result: Dict[str, Any], note: str) -> None:
    view = view_of(**result)
    assert note in repr(view) and note in view._repr_html_()


def test_while_it_runs_it_says_what_it_does() -> None:
    view = RunView()
    said = []
    for happening in one_step(event("tool.call", step=1, call="c", name="add", args=[], kwargs={}))[:-2]:
        view.feed(happening)
        said.append(view.activity())
    assert said == ["starting", "thinking", "writing", "running the code", "calling add"]
    view.tick(104.25)
    assert "calling add · 1 step · 4.2 s" in text_in(view._repr_html_())
    assert repr(view).endswith("… calling add · 1 step · 4.2 s")


def test_code_is_shown_while_the_model_writes_it() -> None:
    view = RunView.from_events(one_step()[:2])
    view.feed(event("model.delta", step=1, text="I add.\n```py"))
    assert "ta-code" not in re.sub("<style>.*?</style>", "", view._repr_html_())
    view.feed(event("model.delta", step=1, text="thon\n1 +"))
    html = text_in(view._repr_html_())
    assert "1 +" in html and "I add." in html and "thon" not in html


def test_events_of_other_runs_are_left_alone() -> None:
    view = RunView.from_events(one_step()[:3])
    assert not view.feed(event("run.started", run="other", task="", max_steps=1))
    assert not view.feed(event("step.started", run="other", step=9))
    assert not view.feed(event("stdout", step=9, text="not ours"))
    assert not view.feed(event("run.finished", run="other", result=run_result()))
    assert not view.finished and "not ours" not in repr(view)


def test_text_as_it_comes_is_the_text_of_the_whole() -> None:
    events = one_step(
        event("stdout", step=1, text="one\ntw"),
        event("stdout", step=1, text="o\nthree"),
        event("stderr", step=1, text="oh"),
        event("signal", step=1, kind="commit", message="sure"),
        value="2",
    )
    stream = _text.TextStream(RunView(show_task=False))
    printed = "".join(stream.feed(happening) for happening in events)
    assert printed.rstrip("\n") == repr(RunView.from_events(events, show_task=False))


HOSTILE = "</pre></details></div><script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg onload=alert(1)>&amp;"


def hostile_view() -> RunView:
    """A run in which everything foreign tries to get out."""
    error = {"type": HOSTILE, "message": HOSTILE, "traceback": HOSTILE, "line": 1}
    events: List[Dict[str, Any]] = [
        event("run.started", run="r", task=HOSTILE, max_steps=3),
        event("step.started", run="r", step=1),
        event("model.message", step=1, text=f"{HOSTILE}\n{HOSTILE}", usage={}),
        event("code", step=1, code=HOSTILE),
        event("stdout", step=1, text=HOSTILE),
        event("stderr", step=1, text=HOSTILE),
        event("signal", step=1, kind=HOSTILE, message=HOSTILE),
        event("tool.call", step=1, call="c", name=HOSTILE, args=[HOSTILE], kwargs={HOSTILE: HOSTILE}),
        event("display", step=1, data={"text/html": HOSTILE}),
        event("display", step=1, data={"image/svg+xml": HOSTILE}),
        event("display", step=1, data={"image/png": HOSTILE}),
        event("display", step=1, data={"text/markdown": HOSTILE}),
        event("display", step=1, data={HOSTILE: HOSTILE}),
        event("step.finished", step=1, result=exec_result(value=HOSTILE, error=error)),
        event("step.started", run="r", step=2),
        event("model.delta", step=2, text=f"```\n{HOSTILE}"),
        event("step.finished", step=2, result=None),
    ]
    return RunView.from_events(events, about=HOSTILE)


@pytest.mark.parametrize(
    "result",
    [
        None,
        run_result(HOSTILE),
        run_result([HOSTILE, {HOSTILE: HOSTILE}]),
        run_result(final_answer=None, state=HOSTILE, error={"message": HOSTILE, "hint": HOSTILE}),
    ],
)
def test_nothing_foreign_gets_into_the_page(result: Optional[Dict[str, Any]]) -> None:
    view = hostile_view()
    view.bound_to = HOSTILE
    if result:
        view.finish(result)
    html = view._repr_html_()
    allowed = r"(div|details|summary|span|code|pre|b|style|img)( (class|open|title|alt|src)=.*)?"
    for tag in tags_in(html):
        assert re.fullmatch(allowed, tag, re.DOTALL), tag
        assert not re.search(r"(?:^| )on\w+=", re.sub(r"title=.*", "", tag, flags=re.DOTALL)), tag
        if tag.startswith("img"):
            assert re.search(r" src=data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+$", tag), tag
    body = re.sub("<style>.*?</style>", "", html)
    assert body.count("<div") == body.count("</div") and body.count("<details") == body.count("</details")
    assert "<script" not in html and "http" not in html and html.count("<style>") == 1


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (
            "<table onclick='x'><tr><td colspan=2 style='x'>1</td></tr></table>",
            '<table><tr><td colspan="2">1</td></tr></table>',
        ),
        ("a<script>alert(1)</script>b", "ab"),
        ("a<style>* {}</style>b<iframe srcdoc='x'>c</iframe>d", "abd"),
        ("a<iframe srcdoc='<script>'>c</script>d", "a&lt;iframe srcdoc=&#x27;d"),
        ("</div></div><b>x", "<b>x</b>"),
        ("<b><i>x</b></i>", "<b><i>x</i></b>"),
        ("<a href='javascript:alert(1)'>x</a>", "x"),
        ("<!-- --!><script>x</script> --><p>y", "<p>y</p>"),
        ("<!doctype html><?xml?>x<!-- y", "x"),
        ("<td colspan='1\" onload=x'>", '<td colspan="1"></td>'),
        ("<td colspan=12345>", "<td></td>"),
        ("<p title='>'>x", "<p>&#x27;&gt;x</p>"),
        ("<tables>x</tables>", "x"),
        ("&lt;script&gt; &amp;amp; &nosuch; &#60;b&#x3e;", "&lt;script&gt; &amp;amp; &amp;nosuch; &lt;b&gt;"),
        ("<scr<script>ipt>alert(1)</scr</script>ipt>", "&lt;script&gt;"),
        ("a < b <", "a &lt; b &lt;"),
        ("\x1b[31m\x00", "\ufffd"),
    ],
)
def test_foreign_html_loses_all_that_acts(given: str, left: str) -> None:
    cleaned = sanitize(given)
    assert "<script" not in cleaned and "onclick" not in cleaned
    assert cleaned == left


SEEDS = ["<", "<!--", "<!", "<a ", "</", "<a b=", "<a b='", "<td/", "<b>", "</b>", "<?", "&", "&#1", "<td colspan="]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_html_takes_long(seed: str) -> None:
    began = time.process_time()
    sanitize(seed * (1_000_000 // len(seed)))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("seed", ["`", "```\n", "~~~\n```\n", "<think>", "<code>", " ", "\r", "\x1b]", "``` \n  "])
def test_no_reply_takes_long(seed: str) -> None:
    reply = seed * (64_000 // len(seed))
    began = time.process_time()
    words_of(reply)
    partial_code(reply)
    assert time.process_time() - began < 1


def test_deep_html_does_not_matter() -> None:
    cleaned = sanitize("<div>" * 100_000 + "x")
    assert cleaned.count("<div>") == cleaned.count("</div>") <= 64


def test_a_picture_is_shown_as_one() -> None:
    view = view_of(event("display", step=1, data={"image/png": "iVBORw0K\nGgo=", "text/plain": "<Figure>"}))
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in view._repr_html_()


def test_a_table_takes_the_place_of_its_repr() -> None:
    view = view_of(event("display", step=1, data={"text/html": "<table><tr><td>cell"}), value="plain repr")
    html = view._repr_html_()
    assert "<td>cell</td></tr></table>" in html and "plain repr" not in html
    assert "plain repr" in repr(view)


def test_long_output_is_cut_in_the_middle() -> None:
    shown = clip("".join(f"line {number}\n" for number in range(10_000)))
    assert len(shown) < MAX_SHOWN + 100
    assert shown.startswith("line 0\n") and shown.endswith("line 9999\n")
    cut = re.search(r"\n… ([\d,]+) characters left out …\n(.*)", shown)
    assert cut and re.fullmatch(r"line \d+", cut[2])


def test_whatever_is_said_the_view_stays_small() -> None:
    flood, picture = "x" * 50_000, "A" * 1_000_000
    events = [event("run.started", run="r", task=flood * 20, max_steps=200)]
    for step in range(200):
        events.append(event("step.started", run="r", step=step))
        events.append(event("model.message", step=step, text=flood, usage={}))
        events.append(event("code", step=step, code=flood))
        for number in range(100):
            events.append(event("stdout" if number % 2 else "stderr", step=step, text=flood if number < 9 else "x"))
        for _ in range(20):
            events.append(event("display", step=step, data={"image/png": picture}))
        events.append(event("signal", step=step, kind="explore", message=flood))
        events.append(event("step.finished", step=step, result=exec_result(value=flood)))
    events.append(event("run.finished", run="r", result=run_result(flood)))
    view = RunView.from_events(events)
    assert len(view._repr_html_()) < 12 << 20
    assert "160 steps left out" in view._repr_html_() and "160 steps left out" in repr(view)


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    assert printable("\x1b[31mred\x1b[0m \x1b]0;title\x07ok\x07") == "red ok\ufffd"
    assert printable(" 10%\r 20%\r100%\ndone\r\n") == "100%\ndone\n"
    json.dumps(printable("\ud800")).encode()


def test_words_are_the_reply_without_its_code() -> None:
    assert words_of("<think>hm ```x```</think>First.\n\n```python\nx\n```\n\nThen.") == "First.\n\nThen."
    assert words_of("x = 1", "x = 1") == ""
    assert words_of("see <code>x</code>") == "see"
    assert words_of("open\n~~~python\nx = 1") == "open"
    assert partial_code("a\n```python\nx = 1\n```\nb") == "x = 1\n"
    assert partial_code("no code") == ""


def test_times_are_short() -> None:
    assert [duration(seconds) for seconds in (0.004, 4.23, 59.99, 125)] == ["0.00 s", "4.2 s", "1 min 0 s", "2 min 5 s"]


def test_without_pygments_code_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pygments", None)
    _html.highlight.cache_clear()
    try:
        assert _html.highlight("a < b") == "a &lt; b"
    finally:
        _html.highlight.cache_clear()
