//! Diagnostics: exceptions on their lines, with the way that led there.

use tower_lsp_server::ls_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Uri,
};

use crate::lsp::document::{Mark, State, View};
use crate::lsp::text::position::Encoding;

/// The exceptions of a document. Those of cells that were edited or undone since are history, and left out.
pub fn diagnostics(view: View<'_>, uri: &Uri, encoding: Encoding) -> Vec<Diagnostic> {
    let fresh = view.marks().filter(|mark| !mark.stale && !mark.undone());
    let mut all: Vec<Diagnostic> = fresh
        .filter_map(|mark| diagnostic(view, uri, encoding, mark))
        .collect();
    all.sort_by_key(|diagnostic| diagnostic.range.start);
    all
}

fn diagnostic(view: View<'_>, uri: &Uri, encoding: Encoding, mark: &Mark) -> Option<Diagnostic> {
    let State::Done(summary) = &mark.state else {
        return None;
    };
    let error = summary.error.as_ref()?;
    let at = view.trace_of(mark).next_back().map(|(line, _)| line);
    let at = at.or_else(|| view.lines_of(mark).map(|(first, _)| first))?;
    let related = |line: usize, message: String| DiagnosticRelatedInformation {
        location: Location::new(uri.clone(), encoding.line(view.text, line)),
        message,
    };
    let elsewhere = view.trace_of(mark).filter(|(line, _)| *line != at);
    let elsewhere = elsewhere.map(|(line, frame)| related(line, format!("in {}", frame.function)));
    let whole = std::iter::once(related(at, error.traceback.trim_end().to_owned()));
    let message = match error.message.is_empty() {
        true => error.kind.clone(),
        false => format!("{}: {}", error.kind, error.message),
    };
    Some(Diagnostic {
        range: encoding.line(view.text, at),
        severity: Some(DiagnosticSeverity::ERROR),
        source: Some("tinycode".to_owned()),
        message,
        related_information: Some(whole.chain(elsewhere).collect()),
        ..Diagnostic::default()
    })
}
