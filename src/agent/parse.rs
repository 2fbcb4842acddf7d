//! Takes the Python out of a model's reply: fenced blocks, `<code>` tags, or, from models that
//! forget both, a reply that is Python from end to end. Pure, linear, never panics. It must know
//! nothing of models, prompts or engines, and it does not check that the code is right.
//!
//! Fences are read as in CommonMark, with these differences, all for the sake of weak models:
//! - a fence inside a Python string literal does not end the block, unless the literal never ends;
//! - a closing fence may stand behind the last line of code, an opening one behind prose;
//! - the next opening fence ends a block whose closing fence was forgotten;
//! - text inside `<think>` is not looked at.

mod marks;
mod python;

use marks::{Fence, Kind, Tag, margin, one_line, tag_of};
use python::{Literals, plausible};

/// How often a search for the end of a block may run on in vain before string literals are no
/// longer followed. No honest reply comes near it; it keeps the time linear for the others.
const PATIENCE: u8 = 8;

/// The code in a model's reply, if there is any: its blocks in order, joined by newlines.
///
/// Blocks tagged as Python count before bare ones (which then show output), fenced ones before
/// `<code>` tags, and a reply without any of them counts only if the whole of it reads as Python.
/// A last block that was cut off counts as it is. Line ends come out as `\n`.
#[must_use]
pub fn code(reply: &str) -> Option<String> {
    let mut scan = Scan {
        lines: reply
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
            .collect(),
        at: 0,
        patience: PATIENCE,
        blocks: Vec::new(),
        prose: Vec::new(),
    };
    scan.run();
    scan.choose()
}

struct Block<'a> {
    kind: Kind,
    closed: bool,
    /// How far the opening fence was indented, in bytes of white space.
    indent: usize,
    lines: Vec<&'a str>,
}

/// Where a block ends: its lines up to `end`, then `tail`, and reading goes on at line `next`.
struct End<'a> {
    end: usize,
    tail: &'a str,
    next: usize,
    closed: bool,
}

impl<'a> End<'a> {
    /// Closed by line `end`, on which `tail` stands before the closing mark.
    fn closed(end: usize, tail: &'a str) -> Self {
        Self {
            end,
            tail,
            next: end + 1,
            closed: true,
        }
    }

    /// Never closed: the block takes all `lines`.
    fn cut(lines: usize) -> Self {
        Self {
            end: lines,
            tail: "",
            next: lines,
            closed: false,
        }
    }
}

impl<'a> Block<'a> {
    fn one_line(kind: Kind, code: &'a str) -> Self {
        Self {
            kind,
            closed: true,
            indent: 0,
            lines: vec![code],
        }
    }
}

/// One pass over the lines of a reply.
struct Scan<'a> {
    lines: Vec<&'a str>,
    at: usize,
    patience: u8,
    blocks: Vec<Block<'a>>,
    /// The lines that are in no block.
    prose: Vec<&'a str>,
}

impl<'a> Scan<'a> {
    fn run(&mut self) {
        while let Some(&line) = self.lines.get(self.at) {
            if self.thought(line) {
                continue;
            }
            self.at += 1;
            if let Some(fence) = Fence::open(line).or_else(|| Fence::behind_prose(line)) {
                self.fenced(fence);
            } else if let Some((kind, code)) = one_line(line) {
                self.blocks.push(Block::one_line(kind, code));
            } else if !self.element(line) {
                self.prose.push(line);
            }
        }
    }

    /// Skips reasoning. What stands behind it on its last line takes the place of that line.
    fn thought(&mut self, line: &'a str) -> bool {
        const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];
        let text = line.trim_start();
        if let Some((_, close)) = TAGS.iter().find(|(open, _)| text.starts_with(open)) {
            let ahead = self.lines[self.at..]
                .iter()
                .position(|line| line.contains(close));
            self.at = ahead.map_or(self.lines.len(), |lines| self.at + lines);
            if let Some(line) = self.lines.get_mut(self.at) {
                *line = line.split_once(close).map_or("", |(_, rest)| rest);
            }
            return true;
        }
        let stray = |close: &str| text.starts_with(close) || text.trim_end().ends_with(close);
        let Some((_, close)) = TAGS.iter().find(|(_, close)| stray(close)) else {
            return false;
        };
        // Some servers swallow the opening tag: then all that came before was reasoning.
        self.blocks.clear();
        self.prose.clear();
        self.lines[self.at] = line.rsplit_once(close).map_or("", |(_, rest)| rest);
        true
    }

    fn fenced(&mut self, fence: Fence) {
        let found = if fence.kind == Kind::Other {
            self.plain_end(fence)
        } else {
            self.python_end(fence)
        };
        self.push(fence.kind, fence.indent, "", &found);
    }

    /// Adds the block that begins at the current line, but for `head` before it, and goes on behind it.
    fn push(&mut self, kind: Kind, indent: usize, head: &'a str, found: &End<'a>) {
        let mut lines = Vec::new();
        lines.extend((!head.trim().is_empty()).then_some(head));
        lines.extend(
            self.lines[self.at..]
                .iter()
                .take(found.end.saturating_sub(self.at)),
        );
        lines.extend((!found.tail.trim().is_empty()).then_some(found.tail));
        self.blocks.push(Block {
            kind,
            closed: found.closed,
            indent,
            lines,
        });
        self.at = found.next;
    }

    /// The end of a block that is not Python: the first closing fence.
    fn plain_end(&self, fence: Fence) -> End<'a> {
        let found = self.lines[self.at..]
            .iter()
            .position(|line| fence.closed_by(line));
        found.map_or_else(
            || End::cut(self.lines.len()),
            |lines| End::closed(self.at + lines, ""),
        )
    }

    fn python_end(&mut self, fence: Fence) -> End<'a> {
        let mut literals = Literals::default();
        // The first closing fence that was passed over because it is inside a literal.
        let mut passed = None;
        for (at, &line) in self.lines.iter().enumerate().skip(self.at) {
            if fence.closed_by(line) {
                if !literals.open() || self.patience == 0 {
                    return End::closed(at, "");
                }
                passed = passed.or(Some(at));
            }
            let Some(foreign) = literals.read(line).filter(|_| fence.mark == '`') else {
                continue;
            };
            let (code, ticks) = line.split_at(foreign);
            if fence.closed_by(ticks) {
                return End::closed(at, code);
            }
            if code.trim().is_empty()
                && Fence::open(ticks).is_some_and(|next| next.len >= fence.len)
            {
                let Some(first) = passed else {
                    return End {
                        next: at,
                        ..End::closed(at, "")
                    };
                };
                self.patience = self.patience.saturating_sub(1);
                return End::closed(first, "");
            }
        }
        if let Some(first) = passed.filter(|_| literals.open()) {
            self.patience = self.patience.saturating_sub(1);
            return End::closed(first, "");
        }
        End::cut(self.lines.len())
    }

    /// Takes a `<code>` element that begins on this line, the one before the current; false if there
    /// is none, or only one that belongs to a sentence.
    fn element(&mut self, line: &'a str) -> bool {
        let Some(tag) = Tag::open(line) else {
            return false;
        };
        if !tag.alone {
            let Some((code, rest)) = tag.rest.rsplit_once("</code>") else {
                return false;
            };
            let counts = rest.trim().is_empty() && plausible(code, false);
            if counts {
                self.blocks.push(Block::one_line(tag.kind, code));
            }
            return counts;
        }
        if self.patience == 0 {
            return false;
        }
        let Some((head, found)) = self.element_end(tag.rest) else {
            self.patience -= 1;
            return false;
        };
        self.push(tag.kind, tag.indent, head, &found);
        true
    }

    /// The first line and the end of the element whose opening tag is followed by `first`.
    fn element_end(&self, first: &'a str) -> Option<(&'a str, End<'a>)> {
        let mut literals = Literals::default();
        let mut passed = None;
        // The first line may be the last one too, so its code is told apart from a tail.
        let split = |at: Option<usize>, code| match at {
            None => (
                code,
                End {
                    next: self.at,
                    ..End::closed(self.at, "")
                },
            ),
            Some(at) => (first, End::closed(at, code)),
        };
        let lines = self
            .lines
            .iter()
            .enumerate()
            .skip(self.at)
            .map(|(at, line)| (Some(at), *line));
        for (at, line) in std::iter::once((None, first)).chain(lines) {
            if let Some(foreign) = literals.read(line) {
                let (code, mark) = line.split_at(foreign);
                let rest = mark.strip_prefix("</code>")?.trim();
                return matches!(rest, "" | "</pre>").then(|| split(at, code));
            }
            passed = passed.or_else(|| line.split_once("</code>").map(|(code, _)| (at, code)));
        }
        if let Some((at, code)) = passed.filter(|_| literals.open()) {
            return Some(split(at, code));
        }
        Some((first, End::cut(self.lines.len())))
    }

    fn choose(mut self) -> Option<String> {
        self.blocks
            .retain(|block| block.lines.iter().any(|line| !line.trim().is_empty()));
        let others = self.blocks.iter().any(|block| block.kind == Kind::Other);
        // Whether a block reads as Python. One without a tag that was left open may be prose behind
        // a stray fence; among closed bare ones some may show output.
        let sure = |block: &Block<'_>| plausible(&block.text(), !block.closed);
        self.blocks
            .retain(|block| block.closed || block.kind == Kind::Python || sure(block));
        for kind in [Kind::Python, Kind::Bare, Kind::Element] {
            let mut found: Vec<_> = self
                .blocks
                .iter()
                .filter(|block| block.kind == kind)
                .collect();
            if kind == Kind::Bare && found.iter().any(|block| sure(block)) {
                found.retain(|block| sure(block));
            }
            if !found.is_empty() {
                return Some(
                    found
                        .iter()
                        .map(|block| block.text())
                        .collect::<Vec<_>>()
                        .join("\n"),
                );
            }
        }
        // The language tag may be left of a fence that the server took for a stop word.
        let first = self.prose.iter().position(|line| !line.trim().is_empty())?;
        let tag = self.prose[first].trim();
        let skip = !tag.contains(' ') && tag_of(tag) == Kind::Python;
        let lines = self.prose.split_off(first + usize::from(skip));
        let whole = Block {
            kind: Kind::Bare,
            closed: true,
            indent: 0,
            lines,
        }
        .text();
        (!others && plausible(&whole, false)).then_some(whole)
    }
}

impl Block<'_> {
    /// The code, moved left as far as its fence was indented and then as far as its first line is:
    /// models indent code in lists, with or without its fence.
    fn text(&self) -> String {
        let lines = || {
            self.lines
                .iter()
                .map(|line| &line[margin(line).len().min(self.indent)..])
        };
        let filled = || lines().filter(|line| !line.trim().is_empty());
        let margin = filled().next().map_or("", margin);
        let margin = if filled().all(|line| line.starts_with(margin)) {
            margin
        } else {
            ""
        };
        lines()
            .map(|line| line.strip_prefix(margin).unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[cfg(test)]
mod tests;
