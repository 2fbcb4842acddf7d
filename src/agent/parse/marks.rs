//! The marks around code in a reply: fences and their tags, `<code>` elements, list items. It looks
//! at one line at a time and must not know which of the marks count.

use super::python::plausible;

/// What a block says it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind {
    /// A fence with a Python tag.
    Python,
    /// A fence without a tag.
    Bare,
    /// A `<code>` element.
    Element,
    /// Some other language.
    Other,
}

/// An opening fence.
#[derive(Clone, Copy)]
pub(super) struct Fence {
    pub(super) mark: char,
    pub(super) len: usize,
    pub(super) indent: usize,
    pub(super) kind: Kind,
}

impl Fence {
    /// The opening fence that begins a line, be it a list item.
    pub(super) fn open(line: &str) -> Option<Self> {
        let body = without_bullet(line);
        let mark = body
            .chars()
            .next()
            .filter(|mark| matches!(mark, '`' | '~'))?;
        let info = body.trim_start_matches(mark);
        let len = body.len() - info.len();
        let fits = len >= 3 && !(mark == '`' && info.contains('`'));
        fits.then(|| Self {
            mark,
            len,
            indent: line.len() - body.len(),
            kind: tag_of(info),
        })
    }

    /// The opening fence, tagged as Python, that ends a line of prose.
    pub(super) fn behind_prose(line: &str) -> Option<Self> {
        let (_, info) = line.split_once("```")?;
        let fits =
            !info.contains('`') && !info.trim().contains(' ') && tag_of(info) == Kind::Python;
        fits.then(|| Self {
            mark: '`',
            len: 3,
            indent: margin(line).len(),
            kind: Kind::Python,
        })
    }

    pub(super) fn closed_by(&self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.len && line.trim_start_matches(self.mark).is_empty()
    }
}

/// An opening `<code>` tag.
pub(super) struct Tag<'a> {
    pub(super) kind: Kind,
    pub(super) indent: usize,
    /// Whether it begins or ends its line, rather than being part of a sentence.
    pub(super) alone: bool,
    pub(super) rest: &'a str,
}

impl<'a> Tag<'a> {
    pub(super) fn open(line: &'a str) -> Option<Self> {
        let (before, tag) = line.split_once("<code")?;
        let (attributes, rest) = tag.split_once('>')?;
        let named = attributes.is_empty() || attributes.starts_with([' ', '\t']);
        let language = ["language-", "lang-", "lang=\"", "language=\""]
            .iter()
            .find_map(|key| attributes.split_once(key))
            .map(|(_, language)| tag_of(language));
        let kind = if language == Some(Kind::Other) {
            Kind::Other
        } else {
            Kind::Element
        };
        let alone = matches!(before.trim(), "" | "<pre>") || rest.trim().is_empty();
        named.then(|| Self {
            kind,
            indent: margin(line).len(),
            alone,
            rest: rest.trim_start(),
        })
    }
}

/// What the info string of a fence says: its first word, whatever the brackets and the version.
pub(super) fn tag_of(info: &str) -> Kind {
    let info = info.trim();
    let word = info.trim_start_matches(['{', '.']);
    let end = word
        .find(|char: char| !char.is_alphanumeric() && !"_-+#.".contains(char))
        .unwrap_or(word.len());
    let name = word[..end].trim_end_matches(|char: char| char.is_ascii_digit() || char == '.');
    // "tool_code" is what Gemma models write.
    let python = ["python", "py", "ipython", "tool_code"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name));
    match info {
        "" => Kind::Bare,
        _ if python => Kind::Python,
        _ => Kind::Other,
    }
}

/// Code between fences on one line, which Markdown does not take for a block.
pub(super) fn one_line(line: &str) -> Option<(Kind, &str)> {
    let inner = without_bullet(line)
        .trim_end()
        .strip_prefix("```")?
        .strip_suffix("```")?;
    let tag = inner
        .split_once(' ')
        .filter(|(word, _)| tag_of(word) == Kind::Python);
    let (kind, code) = tag.map_or((Kind::Bare, inner), |(_, code)| (Kind::Python, code));
    plausible(code, false).then(|| (kind, code.trim()))
}

/// A line without its indentation and the marker of a list item.
pub(super) fn without_bullet(line: &str) -> &str {
    let text = line.trim_start();
    let number = text.trim_start_matches(|char: char| char.is_ascii_digit());
    let marks: &[char] = if number.len() < text.len() {
        &['.', ')']
    } else {
        &['-', '*', '+']
    };
    let marker = number.strip_prefix(marks);
    marker
        .filter(|rest| rest.starts_with(' '))
        .map_or(text, str::trim_start)
}

/// The blanks at the beginning of a line.
pub(super) fn margin(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
