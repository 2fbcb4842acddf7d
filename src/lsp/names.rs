//! Completion and hover by the names of a document's session, as they are now.
//!
//! An answer comes at once or not at all: no session is opened for it, and none that runs code is waited
//! for.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tower_lsp_server::ls_types::{
    CompletionContext, CompletionItem, CompletionItemKind, CompletionTextEdit, Hover,
    HoverContents, MarkupContent, MarkupKind, Position, Range, TextDocumentPositionParams,
    TextEdit,
};

use super::document::View;
use super::editor::Editor;
use super::summary::fenced;
use super::text::position::{Encoding, position};
use crate::session::{Session, When};

/// What completion is asked for by, beside the letters of names.
pub const TRIGGERS: [&str; 4] = [".", "[", "\"", "'"];
/// Characters of a cell before the cursor that are looked at; where there are more, nothing is said.
const MAX_BEFORE: usize = 200_000;
/// And behind it, where a name may go on.
const MAX_BEHIND: usize = 1_000;

/// The code around a position, as far as it is run together with it: from the start of a line on.
struct Place {
    code: Vec<char>,
    /// Where the position is in the code.
    cursor: usize,
}

/// How the code may go on at a position.
pub async fn completion(
    editor: &Editor,
    at: &TextDocumentPositionParams,
    context: Option<&CompletionContext>,
) -> Option<Vec<CompletionItem>> {
    let encoding = editor.settings().encoding;
    let (place, session) = look(editor, at)?;
    let never = CancellationToken::new();
    let asked = session.complete(place.text(), place.cursor, When::AtOnce, &never);
    let found = asked.await.ok()?;
    let at = |cursor| Position::new(at.position.line, place.column(encoding, cursor));
    let range = Range::new(at(found.cursor_start), at(found.cursor_end));
    let trigger = context.and_then(|context| context.trigger_character.as_deref());
    let keys_only = trigger.is_some_and(|trigger| trigger != ".");
    let found = found.matches.into_iter().zip(found.kinds).enumerate();
    let items = found.filter(|(_, (_, kind))| !keys_only || kind == "key");
    Some(
        items
            .map(|(number, (text, kind))| item(number, text, &kind, range))
            .collect(),
    )
}

fn item(number: usize, text: String, kind: &str, range: Range) -> CompletionItem {
    let edit = TextEdit::new(range, text.clone());
    CompletionItem {
        label: text,
        kind: Some(match kind {
            "function" => CompletionItemKind::FUNCTION,
            "class" => CompletionItemKind::CLASS,
            "module" => CompletionItemKind::MODULE,
            "property" => CompletionItemKind::PROPERTY,
            "keyword" => CompletionItemKind::KEYWORD,
            "key" => CompletionItemKind::VALUE,
            _ => CompletionItemKind::VARIABLE,
        }),
        sort_text: Some(format!("{number:04}")), // else editors sort by the label
        text_edit: Some(CompletionTextEdit::Edit(edit)),
        ..CompletionItem::default()
    }
}

/// What the name at a position stands for.
pub async fn hover(editor: &Editor, at: &TextDocumentPositionParams) -> Option<Hover> {
    let (place, session) = look(editor, at)?;
    if !place.is_on_name() {
        return None; // within brackets, `inspect` would tell of the function
    }
    let never = CancellationToken::new();
    let asked = session.inspect(place.text(), place.cursor, When::AtOnce, &never);
    let found = asked.await.ok().filter(|found| found.found)?;
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent {
            kind: MarkupKind::Markdown,
            value: fenced("text", &found.text),
        }),
        range: None,
    })
}

/// The code at a position, and the session that knows its names.
fn look(editor: &Editor, at: &TextDocumentPositionParams) -> Option<(Place, Arc<Session>)> {
    let (uri, encoding) = (&at.text_document.uri, editor.settings().encoding);
    let place = editor.document(uri, |document| {
        Place::of(document.view(), encoding, at.position)
    });
    let place = place.ok()??;
    // Somebody who holds the seat is about to run something.
    let session = editor.seats.of(uri).try_lock().ok()?.session()?;
    Some((place, session))
}

impl Place {
    fn of(view: View<'_>, encoding: Encoding, at: Position) -> Option<Self> {
        let line = at.line as usize;
        let cell = &view.outline.cells[view.outline.cell_at(line)?];
        let text = view.text;
        let start = text.line_to_char(cell.source_line);
        let offset = encoding.offset(text, at);
        let end = text.line_to_char(cell.lines.end.min(text.len_lines()));
        if line < cell.source_line || offset > start + MAX_BEFORE {
            return None;
        }
        let end = end.min(offset + MAX_BEHIND).max(offset);
        Some(Self {
            code: text.slice(start..end).chars().collect(),
            cursor: offset - start,
        })
    }

    fn text(&self) -> String {
        self.code.iter().collect()
    }

    /// The column of a character, as the client counts.
    fn column(&self, encoding: Encoding, index: usize) -> u32 {
        let before = self.code.get(..index).unwrap_or(&self.code);
        let in_line = before.rsplit(|it| matches!(it, '\n' | '\r')).next();
        let in_line: String = in_line.unwrap_or_default().iter().collect();
        position(0, encoding.length(&in_line)).character
    }

    fn is_on_name(&self) -> bool {
        let is_letter = |it: &char| it.is_alphanumeric() || *it == '_';
        let around = [self.cursor.checked_sub(1), Some(self.cursor)];
        let mut around = around.into_iter().flatten();
        around.any(|index| self.code.get(index).is_some_and(is_letter))
    }
}
