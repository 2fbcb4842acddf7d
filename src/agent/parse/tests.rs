//! Replies and the code in them.

use super::*;
use proptest::prelude::*;

/// Replies, and the code in them; `None` is no code.
fn check(table: &[(&str, Option<&str>)]) {
    for (reply, wanted) in table {
        assert_eq!(code(reply).as_deref(), *wanted, "{reply}");
        let windows = reply.replace('\n', "\r\n");
        assert_eq!(code(&windows).as_deref(), *wanted, "CRLF: {reply}");
    }
}

#[test]
fn fences() {
    check(&[
        ("", None),
        ("Only words.", None),
        ("```python\nx = 1\n```", Some("x = 1")),
        (
            "Think.\n```python\nx = 1\n\ny\n```\nDone.",
            Some("x = 1\n\ny"),
        ),
        ("~~~py\nx = ~~~1\n~~~", Some("x = ~~~1")),
        ("````python\nx\n```\ny\n````", Some("x\n```\ny")),
        ("```python\nx\n`````", Some("x")),
        ("```python\n~~~\n```", Some("~~~")),
        ("```python\n\n```", None),
        ("``python\nx = 1 + 1 2\n``", None),
        ("```\n42\n```", Some("42")),
        // cut off
        ("```python\nx = [1,", Some("x = [1,")),
        ("```python\nx = '''a", Some("x = '''a")),
        ("```\nx = f(1,", Some("x = f(1,")),
        // fences that share a line with something else
        ("```python\nf(1)```\nwords", Some("f(1)")),
        ("Code: ```python\nf(1)\n```", Some("f(1)")),
        ("Use ```python``` or\nnothing", None),
        ("Run it: ```f(1)``` now", None),
        ("```f(1)```", Some("f(1)")),
        ("```python f(1)```", Some("f(1)")),
        (
            "```python\nf(1)\n```<end_code>\nObservation: 1",
            Some("f(1)"),
        ),
        // stray fences
        ("import csv\nprint(1)\n```", Some("import csv\nprint(1)")),
        ("print(1)\n```\nThis prints one.", Some("print(1)")),
        ("```\nJust words, cut", None),
    ]);
}

#[test]
fn info_strings() {
    for info in [
        "python",
        "py",
        "python3",
        "Python",
        "PY",
        "{python}",
        "{.python .numbers}",
        "python title=x",
        "python3.12",
        " python",
        "python,linenos",
        "python{run=1}",
        "ipython3",
        "tool_code",
        "",
    ] {
        check(&[(&format!("```{info}\nx = 1\n```"), Some("x = 1"))]);
    }
    for info in [
        "json",
        "bash",
        "text",
        "output",
        "sql",
        "pycon",
        "pyrex",
        "{r}",
        "javascript",
        "c++",
        "python-repl",
    ] {
        check(&[(&format!("```{info}\nx = 1\n```"), None)]);
    }
}

#[test]
fn several_blocks() {
    check(&[
        ("```py\na\n```\nand\n```py\nb\n```", Some("a\nb")),
        ("```py\na\n```\n```json\n{}\n```\n```\n3\n```", Some("a")),
        ("```\n3\n```\n~~~py\na\n~~~", Some("a")),
        (
            "```\na = 1\n```\nOutput:\n```\nMean: 5 apples\n```",
            Some("a = 1"),
        ),
        ("```\na\n```\n```\nb\n```", Some("a\nb")),
        ("```json\n{}\n```\nf(1)", None),
        ("```markdown\n```python\nx\n```", None),
        // the closing fence was forgotten
        ("```py\na\n```python\nb\n```", Some("a\nb")),
        (
            "```py\na = '''\n```\nwords '''\n```py\nb\n```",
            Some("a = '''\nb"),
        ),
    ]);
}

#[test]
fn fences_in_literals() {
    check(&[
        (
            "```py\nx = '''\n```json\n{}\n```\n'''\nf(x)\n```\nw",
            Some("x = '''\n```json\n{}\n```\n'''\nf(x)"),
        ),
        (
            "```py\nx = f\"\"\"\n```\n\"\"\"\n```",
            Some("x = f\"\"\"\n```\n\"\"\""),
        ),
        ("```py\nx = 'a \\\n```'\n```", Some("x = 'a \\\n```'")),
        ("```py\nx = '```'\n```", Some("x = '```'")),
        // quotation marks that open nothing
        ("```py\n# don't '''\n```\nit's", Some("# don't '''")),
        ("```py\nx = 'it's'\n```\nit's", Some("x = 'it's'")),
        // the literal never ends
        (
            "```py\nx = '''a\n```\nwords\n```json\n{}\n```",
            Some("x = '''a"),
        ),
        (
            "```py\nx = '''a\n```\nwords\n```py\ny = '''b'''\n```",
            Some("x = '''a\ny = '''b'''"),
        ),
        // cut off behind a fence in a literal
        (
            "```py\nx = '''\n```\n'''\nf(x",
            Some("x = '''\n```\n'''\nf(x"),
        ),
    ]);
}

#[test]
fn indentation() {
    check(&[
        (
            "1. First\n   ```py\n   if x:\n       y\n\n   ```\n2. Then",
            Some("if x:\n    y\n"),
        ),
        ("- ```py\n  x\n  ```", Some("x")),
        ("10. ```py\n    x\n    ```", Some("x")),
        (
            "```py\n    x\n\n    if y:\n        z\n```",
            Some("x\n\nif y:\n    z"),
        ),
        ("  ```py\nx\n   y\n```", Some("x\n y")),
        ("```py\n  x\ny\n```", Some("  x\ny")),
    ]);
}

#[test]
fn elements() {
    check(&[
        ("<code>\nx = 1\nf(x)\n</code>", Some("x = 1\nf(x)")),
        ("I think.\n<code>f(1)</code>\nDone.", Some("f(1)")),
        ("Thought: so. <code>f(1)</code>", Some("f(1)")),
        ("Code: <code>\nf(1)</code>", Some("f(1)")),
        (
            "<pre><code class=\"language-python\">\nx\n</code></pre>",
            Some("x"),
        ),
        ("<code lang=\"json\">\n{}\n</code>", None),
        ("<code>\nf('</code>')\n</code>", Some("f('</code>')")),
        (
            "<code>\nx = '''\n```json\n```\n'''\n</code>",
            Some("x = '''\n```json\n```\n'''"),
        ),
        ("<code>\nx = '''a\n</code>\nit's", Some("x = '''a")),
        ("<code>\nf(1)", Some("f(1)")),
        ("<code>\nhere is what I do", None),
        ("<code>\n```py\nf(1)\n```\n</code>", Some("f(1)")),
        ("<code>\na\n</code>\n<code>\nb\n</code>", Some("a\nb")),
        ("Use <code>print</code> here.", None),
        ("Say <code>len</code>", None),
        ("<code>len</code> is a function.", None),
        ("<codex>f(1)</codex>", None),
        ("<code>g(1)</code>\n```py\nf(1)\n```", Some("f(1)")),
        ("With <code>g(1)</code>\n```\nf(1)\n```", Some("f(1)")),
    ]);
}

#[test]
fn no_fence_at_all() {
    check(&[
        ("final_answer(42)\n", Some("final_answer(42)\n")),
        ("\nimport csv\nx = 1", Some("import csv\nx = 1")),
        ("python\nf(1)\n```", Some("f(1)")),
        ("    x = 1\n    f(x)", Some("x = 1\nf(x)")),
        ("python is nice", None),
        ("I would call\nf(1)", None),
    ]);
}

#[test]
fn reasoning() {
    check(&[
        ("<think>\n```py\na\n```\n</think>\n```py\nb\n```", Some("b")),
        ("<think>hm</think>f(1)", Some("f(1)")),
        (
            "<thinking>a</thinking> <think>b</think>\nf(1)",
            Some("f(1)"),
        ),
        ("```py\na\n```\nso.</think>\n```py\nb\n```", Some("b")),
        ("<think>\n```py\na\n```", None),
        (
            "```py\nx = '<think>'\ny.split('</think>')\n```",
            Some("x = '<think>'\ny.split('</think>')"),
        ),
    ]);
}

#[test]
fn long_replies_take_linear_time() {
    for text in [
        "```py\n\\'''\n```\n",
        "<code>\n",
        "<code>\n\\'''\n",
        "`",
        "~~~\n",
        "</think>",
        "<think></think>",
        "'",
        "(",
        "```py\n",
        "x = '''\n```\n",
        "- ",
        "\\\n",
        "```py\nx'''\n```\ny'''\n",
        "<code></code>",
        "</think> ",
    ] {
        let many = text.repeat(200_000 / text.len());
        let start = std::time::Instant::now();
        let _ = code(&many);
        let _ = code(&format!("{many}\n```py\n"));
        let _ = code(&format!("```py\n{many}\n'''\n```py\n"));
        assert!(start.elapsed().as_secs() < 5, "{text}");
    }
}

proptest! {
    #[test]
    fn takes_its_output_from_the_reply(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(vec![
            "```", "````", "~~~", "python", "json", "\n", "\r\n", "  ", "'''", "\"\"\"", "'", "\\", "#", "<code>",
            "</code>", "<think>", "</think>", "x = 1", "f(", ")", "1. ", "- ", "\t",
        ]).prop_map(str::to_owned),
        ".{0,6}",
    ], 0..40)) {
        let reply = pieces.concat();
        for line in code(&reply).unwrap_or_default().split('\n') {
            prop_assert!(reply.contains(line), "{reply:?} {line:?}");
        }
    }

    #[test]
    fn fenced_code_comes_back(
        body in "[a-z(][a-z =+#()'\"\\\\é.:]{0,12}(\n[a-z =+#()'\"\\\\é.:]{0,12}){0,6}",
        info in "python|py|",
    ) {
        let reply = format!("Words.\n```{info}\n{body}\n```\nMore words.");
        prop_assert_eq!(code(&reply), Some(body.clone()));
        let reply = format!("~~~{info}\n{body}\n~~~");
        prop_assert_eq!(code(&reply), Some(body));
    }
}
