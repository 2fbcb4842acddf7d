//! What the model is told, apart from observations: fills the templates of `prompts/`, which nothing
//! else reads. Pure. It must not know the session, the engine or the wire; what it needs to say about
//! them comes in as text.
//!
//! The system prompt holds nothing that changes between turns, so that a server can keep what it
//! computed for the beginning of the conversation.

use std::borrow::Cow;

const SYSTEM: &str = include_str!("../../prompts/system.md");

/// A tool as the model sees it.
#[derive(Debug, Clone, Copy)]
pub struct ToolDoc<'a> {
    /// The name that the code calls.
    pub name: &'a str,
    /// The call, such as `calculate(x: int, y: int) -> int`; if empty, the name stands for it.
    pub signature: &'a str,
    /// What the tool does; may have several lines.
    pub description: &'a str,
}

/// The folder that the code works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// Files can be read, not written.
    ReadOnly,
    /// Files can be read and written.
    Writable,
}

/// Everything that the system prompt depends on.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemPrompt<'a> {
    /// The modules that may always be imported.
    pub default_imports: &'a [&'a str],
    /// Top-level packages allowed beyond them; `*` allows all.
    pub imports: &'a [String],
    /// The tools, in the order in which they are shown.
    pub tools: &'a [ToolDoc<'a>],
    /// The folder that `open` reaches, if any.
    pub folder: Option<Folder>,
    /// A template to use in place of the built-in one, with the same placeholders: `{{imports}}`,
    /// `{{files}}` and `{{tools}}`. Tools that it does not place are appended.
    pub template: Option<&'a str>,
    /// Text to append.
    pub suffix: Option<&'a str>,
}

impl SystemPrompt<'_> {
    /// The text of the prompt.
    #[must_use]
    pub fn render(&self) -> String {
        let template = self.template.unwrap_or(SYSTEM);
        let (imports, tools) = (self.imports(), self.tools());
        let files = match self.folder {
            Some(Folder::Writable) => include_str!("../../prompts/files_writable.md"),
            Some(Folder::ReadOnly) => include_str!("../../prompts/files_readonly.md"),
            None => include_str!("../../prompts/files_none.md"),
        };
        let values = [
            ("imports", &*imports),
            ("files", files.trim_end()),
            ("tools", &*tools),
        ];
        let mut text = fill(template, &values).trim_end().to_owned();
        let unplaced = if template.contains("{{tools}}") {
            ""
        } else {
            &*tools
        };
        for part in [unplaced, self.suffix.unwrap_or_default()] {
            if !part.trim().is_empty() {
                text.push_str("\n\n");
                text.push_str(part.trim());
            }
        }
        text
    }

    fn imports(&self) -> String {
        if self.imports.iter().any(|name| name == "*") {
            return "any installed package".to_owned();
        }
        let mut names = self.default_imports.to_vec();
        for name in self.imports {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names.join(", ")
    }

    fn tools(&self) -> String {
        if self.tools.is_empty() {
            return String::new();
        }
        let tools: Vec<_> = self.tools.iter().map(ToolDoc::line).collect();
        fill(
            include_str!("../../prompts/tools.md"),
            &[("tools", &tools.join("\n"))],
        )
        .trim_end()
        .to_owned()
    }
}

impl ToolDoc<'_> {
    /// The tool in a list for the model.
    #[must_use]
    pub fn line(&self) -> String {
        let call = if self.signature.is_empty() {
            self.name
        } else {
            self.signature
        };
        let description = self.description.trim().replace('\n', "\n  ");
        let colon = if description.is_empty() { "" } else { ": " };
        format!("- `{call}`{colon}{description}")
    }
}

/// The message that gives the model its task.
#[must_use]
pub fn task(text: &str) -> String {
    fill(
        include_str!("../../prompts/task.md"),
        &[("task", text.trim())],
    )
    .trim_end()
    .to_owned()
}

/// The reminder that ends an observation: small models forget what to do with one.
#[must_use]
pub fn next() -> &'static str {
    include_str!("../../prompts/next.md").trim_end()
}

/// The correction for the same code as in the step before: small models go round in circles.
#[must_use]
pub fn repeated() -> &'static str {
    include_str!("../../prompts/repeated.md").trim_end()
}

/// The correction for a reply without code.
#[must_use]
pub fn no_code() -> &'static str {
    include_str!("../../prompts/no_code.md").trim_end()
}

/// The correction for code that rebound names which are not its own; they have been put back.
#[must_use]
pub fn redefined<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    line(
        include_str!("../../prompts/redefined.md"),
        "names",
        &names.join(", "),
    )
}

/// What to do after an exception of type `kind`.
#[must_use]
pub fn error(kind: &str) -> &'static str {
    match kind {
        "ImportError" | "ModuleNotFoundError" => include_str!("../../prompts/import.md").trim_end(),
        _ => include_str!("../../prompts/error.md").trim_end(),
    }
}

/// The code was stopped after so many seconds.
#[must_use]
pub fn timeout(seconds: f64) -> String {
    line(
        include_str!("../../prompts/timeout.md"),
        "seconds",
        &seconds.to_string(),
    )
}

/// Python was started anew and its variables are gone.
#[must_use]
pub fn lost() -> &'static str {
    include_str!("../../prompts/lost.md").trim_end()
}

/// The code was stopped by force, and Python went back to where it was before.
#[must_use]
pub fn restored() -> &'static str {
    include_str!("../../prompts/restored.md").trim_end()
}

/// The code showed nothing.
#[must_use]
pub fn silent() -> &'static str {
    include_str!("../../prompts/silent.md").trim_end()
}

/// The output was cut by the engine.
#[must_use]
pub fn truncated() -> &'static str {
    include_str!("../../prompts/truncated.md").trim_end()
}

/// How many steps are left; with one or none, that the answer is due.
#[must_use]
pub fn steps_left(steps: u32) -> Cow<'static, str> {
    match steps {
        0 | 1 => Cow::Borrowed(include_str!("../../prompts/last_step.md").trim_end()),
        _ => Cow::Owned(line(
            include_str!("../../prompts/steps_left.md"),
            "steps",
            &steps.to_string(),
        )),
    }
}

fn line(template: &str, name: &str, value: &str) -> String {
    fill(template.trim_end(), &[(name, value)])
}

/// Puts values in the place of `{{name}}`. What a value contains is not looked at again, unknown
/// names stay as they are, and a line that is only a placeholder goes if its value is empty.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len());
    for line in template.split_inclusive('\n') {
        let empty = |(name, value): &(&str, &str)| {
            value.is_empty() && line.trim() == format!("{{{{{name}}}}}")
        };
        if !values.iter().any(empty) {
            fill_line(&mut text, line, values);
        }
    }
    text
}

fn fill_line(text: &mut String, mut line: &str, values: &[(&str, &str)]) {
    while let Some(at) = line.find("{{") {
        let placed = values.iter().find_map(|(name, value)| {
            let rest = line[at + 2..].strip_prefix(name)?.strip_prefix("}}")?;
            Some((value, rest))
        });
        if let Some((value, rest)) = placed {
            text.push_str(&line[..at]);
            text.push_str(value);
            line = rest;
        } else {
            // Only one brace, so that "{{{name}}}" finds its name.
            text.push_str(&line[..=at]);
            line = &line[at + 1..];
        }
    }
    text.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORTS: &[&str] = &["csv", "json", "math"];

    #[test]
    fn fills_templates_once() {
        let values = [("a", "{{b}}"), ("b", "B"), ("none", "")];
        let table = [
            ("", ""),
            ("x {{a}} y {{b}}", "x {{b}} y B"),
            ("{{{b}}} {{ b }} {{c}} {{b} {{", "{B} {{ b }} {{c}} {{b} {{"),
            ("{{b}}{{b}}\n{{none}}\r\n.{{none}}\n", "BB\n.\n"),
            ("é{{b}}é", "éBé"),
        ];
        for (template, wanted) in table {
            assert_eq!(fill(template, &values), wanted, "{template}");
        }
    }

    #[test]
    fn the_system_prompt_is_short_and_complete() {
        // The default list is longer than this one by some 280 characters.
        let prompt = SystemPrompt {
            default_imports: IMPORTS,
            ..SystemPrompt::default()
        }
        .render();
        assert!(prompt.len() < 1_600, "{}", prompt.len());
        assert!(!prompt.contains("{{"), "{prompt}");
        for word in [
            "final_answer",
            "store",
            "recall",
            "observe",
            "memory.fail",
            "uncertain",
            "explore",
            "commit",
            "csv, json",
        ] {
            assert!(prompt.contains(word), "{word}");
        }
        assert_eq!(
            super::super::parse::code(&prompt).map(|code| code.contains("final_answer")),
            Some(true)
        );
    }

    #[test]
    fn shows_tools_imports_and_folder() {
        let tools = [
            ToolDoc {
                name: "add",
                signature: "add(x: int, y: int) -> int",
                description: "Adds.\nBoth. {{files}}\n",
            },
            ToolDoc {
                name: "now",
                signature: "",
                description: "",
            },
        ];
        let lines = "- `add(x: int, y: int) -> int`: Adds.\n  Both. {{files}}\n- `now`";
        let imports = ["json".to_owned(), "numpy".to_owned()];
        let prompt = SystemPrompt {
            default_imports: IMPORTS,
            imports: &imports,
            tools: &tools,
            folder: Some(Folder::Writable),
            suffix: Some("Be {{tools}}.\n"),
            ..SystemPrompt::default()
        };
        let text = prompt.render();
        assert!(text.contains(lines), "{text}");
        assert!(
            text.contains("import: csv, json, math, numpy.\n- Files: `open"),
            "{text}"
        );
        assert!(text.ends_with("\n\nBe {{tools}}."), "{text}");

        let text = SystemPrompt {
            template: Some("Mine: {{imports}}\n"),
            suffix: None,
            ..prompt
        }
        .render();
        assert!(
            text.starts_with("Mine: csv, json, math, numpy\n\n") && text.ends_with(lines),
            "{text}"
        );
        let text = SystemPrompt {
            template: Some("{{tools}}\nBye"),
            ..prompt
        }
        .render();
        assert!(text.ends_with("- `now`\nBye\n\nBe {{tools}}."), "{text}");
        let all = ["*".to_owned()];
        let text = SystemPrompt {
            template: Some("{{imports}}"),
            imports: &all,
            tools: &[],
            ..prompt
        }
        .render();
        assert_eq!(text, "any installed package\n\nBe {{tools}}.");
    }

    #[test]
    fn fills_the_messages() {
        assert_eq!(task(" a {{task}}\n"), "Task: a {{task}}");
        assert!(redefined(&["final_answer", "store"]).contains("`final_answer`, `store`"));
        assert!(timeout(30.0).contains(" 30 seconds"));
        assert!(timeout(0.5).contains(" 0.5 seconds"));
        assert_eq!(steps_left(3), "Steps left: 3.");
        assert!(steps_left(1).contains("last step"));
        assert_ne!(error("ImportError"), error("ValueError"));
    }
}
