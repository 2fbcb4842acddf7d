//! Just enough Python to read a model's reply: where string literals end, and whether a text
//! without any fence can be Python at all. It must not know of fences, tags or prompts, and it is
//! no parser: what it lets through may still be a syntax error.

/// The kind of string literal that a quotation mark opens. Prefixes (`r`, `f`, ...) do not matter:
/// in every one of them a backslash keeps the next quotation mark from ending the literal.
#[derive(Clone, Copy)]
struct Quote {
    mark: u8,
    triple: bool,
}

/// Where a literal leads: `Ended` behind its closing mark, or `Open` where reading stopped, which
/// is at a newline, at the end of the text, or one past it if the text ended in a backslash.
enum Ending {
    Ended(usize),
    Open(usize),
}

impl Quote {
    fn at(text: &[u8], at: usize) -> Option<Self> {
        let mark = *text.get(at).filter(|byte| matches!(byte, b'\'' | b'"'))?;
        let triple = text[at..].starts_with(&[mark; 3]);
        Some(Self { mark, triple })
    }

    fn len(self) -> usize {
        if self.triple { 3 } else { 1 }
    }

    fn finish(self, text: &[u8], mut at: usize) -> Ending {
        while let Some(&byte) = text.get(at) {
            match byte {
                b'\\' => at += 2,
                b'\n' if !self.triple => break,
                _ if byte != self.mark => at += 1,
                _ if self.triple && !text[at..].starts_with(&[byte; 3]) => at += 1,
                _ => return Ending::Ended(at + self.len()),
            }
        }
        Ending::Open(at)
    }
}

/// Follows string literals through code that is read line by line.
#[derive(Default)]
pub(super) struct Literals(Option<Quote>);

impl Literals {
    /// Whether the next line begins inside a triple-quoted literal. The others do not matter here:
    /// a line that is all fence does not end in a backslash, so none of them goes on behind it.
    pub(super) fn open(&self) -> bool {
        self.0.is_some_and(|quote| quote.triple)
    }

    /// Reads one line and tells where in it the first thing stands that is never Python: three or
    /// more backticks, or `</code>`, outside literals and comments.
    pub(super) fn read(&mut self, line: &str) -> Option<usize> {
        let text = line.as_bytes();
        let (mut at, mut foreign) = (0, None);
        loop {
            if let Some(quote) = self.0 {
                match quote.finish(text, at) {
                    Ending::Ended(next) => at = next,
                    // A one-line literal goes on only behind a backslash.
                    Ending::Open(end) if quote.triple || end > text.len() => return foreign,
                    Ending::Open(_) => at = text.len(),
                }
                self.0 = None;
            }
            match text.get(at) {
                None | Some(b'#') => return foreign,
                Some(b'`') => {
                    let run = text[at..].iter().take_while(|byte| **byte == b'`').count();
                    if run >= 3 {
                        foreign.get_or_insert(at);
                    }
                    at += run;
                }
                Some(_) => {
                    self.0 = Quote::at(text, at);
                    if text[at..].starts_with(b"</code>") {
                        foreign.get_or_insert(at);
                    }
                    at += self.0.map_or(1, Quote::len);
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Number,
    Text,
    Open,
    Close,
    Op,
    /// The end of a logical line.
    End,
}

#[derive(Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    /// Whether white space stands before it.
    gap: bool,
}

/// Words that only begin a statement.
const STARTERS: &[&str] = &[
    "assert", "break", "class", "continue", "def", "del", "elif", "except", "finally", "from",
    "global", "import", "nonlocal", "pass", "raise", "return", "try", "while", "with",
];
/// Words that may stand between or before operands.
const JOINERS: &[&str] = &[
    "and", "as", "async", "await", "else", "for", "if", "in", "is", "lambda", "not", "or", "yield",
];
/// Statements that need a colon.
const COMPOUND: &[&str] = &[
    "async", "case", "class", "def", "elif", "else", "except", "finally", "for", "if", "match",
    "try", "while", "with",
];

/// Whether a text without fences reads as Python: every statement could be one, and at least one
/// imports, assigns, defines or calls. `cut` says that the text may break off in its last statement.
///
/// What tells prose from Python is that Python never has two operands side by side.
pub(super) fn plausible(text: &str, cut: bool) -> bool {
    let Some(tokens) = tokens(text, cut) else {
        return false;
    };
    let statements: Vec<_> = tokens
        .split(|token| token.kind == Kind::End)
        .filter(|statement| !statement.is_empty())
        .collect();
    let last = statements.len().saturating_sub(1);
    let mut evidence = false;
    for (at, tokens) in statements.iter().enumerate() {
        let shape = Shape::of(tokens);
        let whole = !(cut && at == last);
        let idle = at < last && shape.idle;
        if whole && (idle || !shape.valid(tokens)) {
            return false;
        }
        evidence |= shape.evidence;
    }
    evidence
}

/// Splits a text into tokens; `None` if it cannot be Python.
fn tokens(text: &str, cut: bool) -> Option<Vec<Token<'_>>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut depth, mut gap) = (0, 0_usize, true);
    while let Some(&byte) = bytes.get(at) {
        let rest = &text[at..];
        let (kind, len) = match byte {
            b' ' | b'\t' | b'\r' | b'\x0c' => (None, 1),
            b'\\' if rest.starts_with("\\\n") => (None, 2),
            b'\n' => ((depth == 0).then_some(Kind::End), 1),
            b'#' => (None, rest.find('\n').unwrap_or(rest.len())),
            b'\'' | b'"' => (Some(Kind::Text), literal(bytes, at, cut)? - at),
            b'(' | b'[' | b'{' => (Some(Kind::Open), 1),
            b')' | b']' | b'}' => (Some(Kind::Close), 1),
            b'0'..=b'9' => (Some(Kind::Number), extent(rest, "_.")),
            b'.' if rest.starts_with("...") => (Some(Kind::Number), 3),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => word(rest)?,
            b'!' if !rest.starts_with("!=") => return None,
            b'$' | b'?' | b'`' | b'\\' => return None,
            _ if byte.is_ascii_control() => return None,
            b'=' | b'!' | b'<' | b'>' | b':' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|'
            | b'^' | b'@' => (
                Some(Kind::Op),
                if bytes.get(at + 1) == Some(&b'=') {
                    2
                } else {
                    1
                },
            ),
            _ => (Some(Kind::Op), 1),
        };
        match kind {
            Some(Kind::Open) => depth += 1,
            Some(Kind::Close) => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if let Some(kind) = kind {
            found.push(Token {
                kind,
                text: &rest[..len],
                gap,
            });
        }
        // The prefix of a literal belongs to it, so what comes next keeps the gap before it.
        let prefix = kind.is_none() && byte.is_ascii_alphabetic();
        gap = (kind.is_none() && !prefix) || kind == Some(Kind::End) || (prefix && gap);
        at += len;
    }
    (depth == 0 || cut).then_some(found)
}

/// The end of the literal that opens at `at`.
fn literal(text: &[u8], at: usize, cut: bool) -> Option<usize> {
    let quote = Quote::at(text, at)?;
    match quote.finish(text, at + quote.len()) {
        Ending::Ended(end) => Some(end),
        Ending::Open(end) => (cut && end >= text.len()).then_some(text.len()),
    }
}

/// A word and its length; no token if it is the prefix of a literal. `None` if it is a symbol that
/// Python does not know.
fn word(rest: &str) -> Option<(Option<Kind>, usize)> {
    let len = extent(rest, "_");
    let prefix = len <= 2
        && rest[..len]
            .bytes()
            .all(|byte| b"rbfutRBFUT".contains(&byte))
        && rest[len..].starts_with(['\'', '"']);
    (len > 0).then_some(((!prefix).then_some(Kind::Word), len))
}

fn extent(rest: &str, also: &str) -> usize {
    rest.find(|char: char| !char.is_alphanumeric() && !also.contains(char))
        .unwrap_or(rest.len())
}

impl Token<'_> {
    fn keyword(&self) -> bool {
        self.kind == Kind::Word && (STARTERS.contains(&self.text) || JOINERS.contains(&self.text))
    }

    fn begins_operand(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Number | Kind::Text) && !self.keyword()
    }

    fn ends_operand(&self) -> bool {
        self.kind == Kind::Close || self.begins_operand()
    }

    fn assigns(&self) -> bool {
        self.kind == Kind::Op
            && self.text.ends_with('=')
            && !matches!(self.text, "==" | "!=" | "<=" | ">=")
    }
}

/// What one pass over a statement finds out about it.
struct Shape {
    /// `match`, `case` or `type`, which are words of Python only here.
    soft: bool,
    /// A colon outside brackets.
    colon: bool,
    /// It is nothing but names, which only makes sense at the end: else it is a word of prose.
    idle: bool,
    /// It imports, assigns, defines or begins with a call.
    evidence: bool,
}

impl Shape {
    fn of(tokens: &[Token<'_>]) -> Self {
        let first = tokens[0];
        let soft = matches!(first.text, "match" | "case" | "type")
            && tokens
                .get(1)
                .is_some_and(|next| next.gap && (next.begins_operand() || next.kind == Kind::Open));
        let (mut colon, mut assigns, mut depth) = (false, false, 0_usize);
        let mut path = first.begins_operand();
        let mut begins_with_call = false;
        for (at, token) in tokens.iter().enumerate() {
            colon |= depth == 0 && token.text == ":";
            assigns |= depth == 0 && at > 0 && token.assigns();
            let called = token.text == "(" && at > 0 && !token.gap && tokens[at - 1].ends_operand();
            begins_with_call |= called && path;
            path &= token.begins_operand() || token.text == ".";
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        let text = first.kind == Kind::Text;
        let defines = matches!(first.text, "import" | "from" | "def" | "class");
        Self {
            soft,
            colon,
            idle: tokens
                .iter()
                .all(|token| token.text == "," || (token.kind == Kind::Word && !token.keyword())),
            evidence: assigns || defines || (begins_with_call && !text),
        }
    }

    fn valid(&self, tokens: &[Token<'_>]) -> bool {
        let (first, last) = (tokens[0], tokens[tokens.len() - 1]);
        let compound = COMPOUND.contains(&first.text) && (self.soft || first.keyword());
        let second = tokens.get(1).map_or("", |token| token.text);
        let begins = match first.text {
            "from" => tokens.iter().any(|token| token.text == "import"),
            "import" => tokens.len() > 1 && tokens[1].begins_operand(),
            "try" | "else" | "finally" => second == ":",
            _ if first.kind == Kind::Op => matches!(first.text, "+" | "-" | "~" | "*" | "@"),
            _ => !compound || self.colon,
        };
        let ends = match last.text {
            ":" => compound,
            "*" => first.text == "from",
            ";" | "," => true,
            _ => last.kind != Kind::Op,
        };
        let skip = usize::from(self.soft);
        begins
            && ends
            && tokens[skip..]
                .windows(2)
                .all(|pair| fits(pair[0], pair[1], first.text))
    }
}

/// Whether two tokens may stand side by side in a statement that begins with `first`.
fn fits(left: Token<'_>, right: Token<'_>, first: &str) -> bool {
    if right.keyword() && STARTERS.contains(&right.text) {
        let joined = matches!(right.text, "from" | "import")
            && matches!(first, "from" | "raise" | "yield")
            || right.text == "from" && left.text == "yield";
        return joined || matches!(left.text, ":" | ";" | "async");
    }
    let texts = [left.kind, right.kind]
        .iter()
        .filter(|kind| **kind == Kind::Text)
        .count();
    match right.kind {
        // "5 (about)": numbers are not called.
        Kind::Open => left.kind != Kind::Number,
        // Literals join; quotation marks nested in an f-string look like operands glued to literals.
        _ => {
            !(left.ends_operand() && right.begins_operand())
                || texts == 2
                || (texts == 1 && !right.gap)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_python_from_prose() {
        let python = [
            "final_answer(42)",
            "print('a b c', x)",
            "import csv\nrows = list(csv.reader(open('a.csv')))\nrows[0]",
            "from a.b import (\n  c,\n  d as e,\n)",
            "from math import *",
            "x = 5",
            "x: int = 5 # the number of things",
            "a, b = b, a",
            "total += f'{x!r} and \"that\"' 'more'\nprint(f\"{d[\"k\"]}\")",
            "def f(x, *, y=1) -> int:\n    \"\"\"What it does.\"\"\"\n    return x if x else y\nf(3)",
            "@cache\ndef f(n): return n\n",
            "class A(B):\n    name: str\n    def m(self): pass",
            "for i, x in enumerate(xs):\n    if x not in seen and x is not None: continue\n    print(i)\nelse:\n    pass",
            "try:\n    x = 1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from e\nfinally:\n    print(1)",
            "match x:\n    case [1, *_]:\n        y = 2\n    case _:\n        y = 3",
            "with open('a') as f, open('b') as g:\n    text = f.read()",
            "x = [i**2 for i in range(3) if i % 2 == 1]\nx.sort(key=lambda v: -v)",
            "s = '''any prose, isn't it?\nYes!'''\nprint(s)",
            "x = 1 + \\\n    2",
            "größe = 3",
            "print(\n    1,\n\n    2)  # don't stop",
            "calculate(5, 3)",
            "async def f():\n    async with x as y: await y\nx = (yield)",
        ];
        for text in python {
            assert!(plausible(text, false), "{text}");
            assert!(plausible(text, true), "{text}");
        }
        let prose = [
            "",
            "42",
            "x",
            "Done.",
            "Sure!",
            "Sure\nx = 5",
            "The answer is 42",
            "I'm done with x = 5",
            "Answer: 42",
            "{\"tool\": \"f\", \"x\": [1, 2]}",
            "print the result",
            "Let me see.\nprint(5)",
            "print(5)\nThis prints the number.",
            "Here is the code:\nprint(5)",
            "Use print(x) to see it.",
            "Is this so?",
            "import the data",
            "from there to here",
            "1. import csv",
            "for each row, do:",
            "try again",
            "if it works:",
            "Mean = 42 meters",
            "x = 5. Then y = 6",
            "SELECT * FROM t WHERE x = 1",
            "pip install pandas",
            "!pip install pandas",
            "const x = 5;",
            "| a | b |\n|---|---|",
            "**Answer**: f(x)",
            "\\[ x = 5 \\]",
            "x = $5",
            "x → y\ny = 1",
            "f(x",
            "x = '''a",
            "f(x))",
            "see https://a.b/c",
        ];
        for text in prose {
            assert!(!plausible(text, false), "{text}");
        }
        for text in [
            "x = [1,\n",
            "x = 1\ns = '''a",
            "import csv\nfor row in",
            "print('a",
        ] {
            assert!(plausible(text, true) && !plausible(text, false), "{text}");
        }
    }

    #[test]
    fn follows_literals() {
        // (lines, whether a literal is open behind them)
        let table: &[(&[&str], bool)] = &[
            (&["x = 1"], false),
            (&["x = '''"], true),
            (&["x = '''a'''"], false),
            (&["x = ''"], false),
            (&["x = '''a", "\"\"\" '' it's", "'''"], false),
            (&["x = rb\"\"\"\\\"\"\"", "\""], true),
            (&["x = \"it's # '''"], false),
            (&["x = 'a \\", "b"], false),
            (&["# don't '''"], false),
            (&["x = '#' + '''"], true),
            (&["x = '\\'' + '''"], true),
            (&["x = '\\\\' '''"], true),
        ];
        for (lines, open) in table {
            let mut text = Literals::default();
            for line in *lines {
                text.read(line);
            }
            assert_eq!(text.open(), *open, "{lines:?}");
        }
    }

    #[test]
    fn finds_what_is_never_python() {
        let table = [
            ("x```", Some(1)),
            ("x``", None),
            ("'```'", None),
            ("# ```", None),
            ("'a' `````", Some(4)),
            ("f()</code>", Some(3)),
            ("'</code>'", None),
        ];
        for (line, at) in table {
            assert_eq!(Literals::default().read(line), at, "{line}");
        }
    }
}
