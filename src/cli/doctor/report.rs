//! What `tinycode doctor` found, for people. Pure.

use super::{Findings, Folder, Level, Log, ModelServer};
use crate::cli::look::{Look, Tone, time};

/// Characters of the names of what was looked at.
const NAME: usize = 10;

/// The whole report.
pub fn text(look: Look, findings: &Findings) -> String {
    let levels = &findings.trust_levels;
    let title = format!("tinycode {}", findings.version);
    [
        look.paint(Tone::Bold, &title) + "\n",
        level(look, "isolated", &levels.isolated),
        level(look, "local", &levels.local),
        level(look, "sandboxed", &levels.sandboxed),
        key(look, &findings.model),
        server(look, &findings.model),
        folder(look, &findings.state_folder),
        log(look, &findings.log),
    ]
    .concat()
}

/// One thing that was looked at: whether it works, what is to say of it, and what to do.
fn item(look: Look, works: bool, name: &str, said: &str, further: &[String]) -> String {
    let mut text = format!("{} {name:NAME$} {}\n", look.mark(works), look.safe(said));
    let indent = " ".repeat(if look.live { 2 } else { 3 } + NAME + 1);
    for line in further {
        text.push_str(&format!(
            "{indent}{}\n",
            look.paint(Tone::Dim, &look.safe(line))
        ));
    }
    text
}

fn level(look: Look, name: &str, level: &Level) -> String {
    let status = &level.status;
    if !level.works {
        let reason = status.reason.as_deref().unwrap_or("did not run 1+1");
        let hint: Vec<String> = level.hint.iter().map(|hint| advice(look, hint)).collect();
        return item(look, false, name, reason, &hint);
    }
    let mut said = status.engine.clone();
    if let Some(version) = &status.python_version {
        said.push_str(&format!(", Python {version}"));
    }
    let mut further = Vec::new();
    if let (Some(start), Some(exec)) = (level.start_ms, level.exec_ms) {
        let (start, exec) = (time(start / 1_000.0), time(exec / 1_000.0));
        further.push(format!("started in {start}, ran 1+1 in {exec}"));
    }
    if !status.enforced.is_empty() {
        further.push(format!("enforced: {}", status.enforced.join(", ")));
    }
    further.extend(
        status
            .missing
            .iter()
            .map(|what| format!("not enforced: {what}")),
    );
    item(look, true, name, &said, &further)
}

fn key(look: Look, model: &ModelServer) -> String {
    if model.api_key_set {
        return item(look, true, "API key", "OPENAI_API_KEY is set", &[]);
    }
    let hint = advice(
        look,
        "export OPENAI_API_KEY=...; a local server may need none",
    );
    item(look, false, "API key", "OPENAI_API_KEY is not set", &[hint])
}

fn server(look: Look, model: &ModelServer) -> String {
    let reason = model.reason.as_deref().unwrap_or_default();
    match &model.base_url {
        Some(url) if model.reachable => item(look, true, "model", &format!("{url} answers"), &[]),
        Some(url) => {
            let said = format!("{url} does not answer: {reason}");
            let hint =
                "start the server, or set OPENAI_BASE_URL or --base-url to where one listens";
            item(look, false, "model", &said, &[advice(look, hint)])
        }
        None => {
            let hint: Vec<String> = model.hint.iter().map(|hint| advice(look, hint)).collect();
            item(look, false, "model", reason, &hint)
        }
    }
}

fn folder(look: Look, folder: &Folder) -> String {
    match &folder.reason {
        None => item(
            look,
            true,
            "state",
            &format!("{} is writable", folder.path),
            &[],
        ),
        Some(reason) => {
            let said = format!("{} cannot be written: {reason}", folder.path);
            let hint = "set XDG_STATE_HOME to a folder of yours; only `serve --ws` needs it";
            item(look, false, "state", &said, &[advice(look, hint)])
        }
    }
}

fn log(look: Look, log: &Log) -> String {
    let said = format!("stderr, filter \"{}\"", log.filter);
    let further = "TINYCODE_LOG=tinycode=debug shows more; `serve --log-file FILE` keeps it";
    item(look, true, "log", &said, &[further.to_owned()])
}

fn advice(look: Look, hint: &str) -> String {
    format!("{}{hint}", look.arrow())
}

#[cfg(test)]
mod tests {
    use super::super::Levels;
    use super::*;
    use crate::protocol::LevelStatus;

    fn missing(reason: &str, hint: Option<&str>) -> Level {
        Level {
            status: LevelStatus {
                available: false,
                engine: "CPython".to_owned(),
                python_version: None,
                enforced: Vec::new(),
                missing: Vec::new(),
                preparing: None,
                reason: Some(reason.to_owned()),
            },
            works: false,
            start_ms: None,
            exec_ms: None,
            hint: hint.map(str::to_owned),
        }
    }

    fn findings() -> Findings {
        let mut isolated = missing("", None);
        isolated.works = true;
        isolated.start_ms = Some(42.0);
        isolated.exec_ms = Some(1.2);
        isolated.status.python_version = Some("3.11.7".to_owned());
        isolated.status.enforced = vec!["time".to_owned(), "output".to_owned()];
        isolated.status.missing = vec!["files: no Landlock".to_owned()];
        Findings {
            version: "0.1.0".to_owned(),
            trust_levels: Levels {
                isolated,
                local: missing("not part of this version", None),
                sandboxed: missing("no Docker", Some("install it")),
            },
            model: ModelServer {
                api_key_set: false,
                base_url: Some("http://localhost:1/v1".to_owned()),
                reachable: false,
                reason: Some("Connection refused".to_owned()),
                hint: None,
            },
            state_folder: Folder {
                path: "/state".to_owned(),
                writable: true,
                reason: None,
            },
            log: Log {
                filter: "warn".to_owned(),
            },
        }
    }

    #[test]
    fn the_report_says_what_works_and_what_to_do() {
        let expected = "\
tinycode 0.1.0
ok isolated   CPython, Python 3.11.7
              started in 42 ms, ran 1+1 in 1 ms
              enforced: time, output
              not enforced: files: no Landlock
no local      not part of this version
no sandboxed  no Docker
              => install it
no API key    OPENAI_API_KEY is not set
              => export OPENAI_API_KEY=...; a local server may need none
no model      http://localhost:1/v1 does not answer: Connection refused
              => start the server, or set OPENAI_BASE_URL or --base-url to where one listens
ok state      /state is writable
ok log        stderr, filter \"warn\"
              TINYCODE_LOG=tinycode=debug shows more; `serve --log-file FILE` keeps it
";
        assert_eq!(text(Look::PLAIN, &findings()), expected);
    }

    #[test]
    fn on_a_terminal_there_are_marks_and_the_same_columns() {
        let look = Look {
            live: true,
            colours: false,
        };
        let text = text(look, &findings());
        assert!(
            text.contains("✗ sandboxed  no Docker\n             → install it\n"),
            "{text}"
        );
        assert!(text.contains("✓ state      /state is writable\n"), "{text}");
    }
}
