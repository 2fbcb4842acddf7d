//! The source keeps to its layers: each part uses only those below it.

use std::fs;
use std::path::{Path, PathBuf};

/// What each part may use. A part that is not here fails the test: give it a place.
const MAY_USE: &[(&str, &[&str])] = &[
    ("worker", &[]),
    ("jail", &[]),
    ("regular_file", &[]),
    ("protocol", &[]),
    ("model", &["regular_file"]),
    ("engine", &["worker", "jail"]),
    ("agent", &["model", "engine"]),
    (
        "session",
        &["protocol", "agent", "model", "engine", "regular_file"],
    ),
    ("api", &["protocol", "session", "agent", "model", "engine"]),
    ("lsp", &["protocol", "api", "session"]),
    ("transport", &["protocol", "lsp", "api", "session", "model"]),
    ("logging", &[]),
    (
        "config",
        &["api", "session", "engine", "model", "transport"],
    ),
    (
        "cli",
        &[
            "config",
            "logging",
            "transport",
            "protocol",
            "api",
            "session",
            "engine",
            "jail",
            "model",
        ],
    ),
    ("lib", &[]),
    ("main", &["cli", "config", "logging", "transport"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The part of a source file: the first name of its path below `src`.
fn part_of(path: &Path, root: &Path) -> String {
    let first = path
        .strip_prefix(root)
        .unwrap()
        .components()
        .next()
        .unwrap();
    first
        .as_os_str()
        .to_str()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned()
}

/// The parts that a source uses, by `crate::part` or, in `main.rs`, `tinycode::part`.
fn used(source: &str) -> Vec<String> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.flat_map(|line| [line, "\n"]).collect();
    let mut names = Vec::new();
    for root in ["crate::", "tinycode::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' || before == '$' {
                continue;
            }
            let rest = code[at + root.len()..].trim_start();
            match rest.strip_prefix('{') {
                Some(list) => names.extend(first_names(list)),
                None => names.push(identifier(rest)),
            }
        }
    }
    names.retain(|name| name.chars().next().is_some_and(char::is_lowercase));
    names
}

/// The first name of each path of a list in braces.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut item, mut names) = (0, String::new(), Vec::new());
    for character in list.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(std::mem::take(&mut item)),
            _ => item.push(character),
        }
    }
    names.push(item);
    names.iter().map(|item| identifier(item.trim())).collect()
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn no_part_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in sources(&root) {
        let part = part_of(&path, &root);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == part) else {
            panic!("{part} has no place among the layers");
        };
        for name in used(&fs::read_to_string(&path).unwrap()) {
            let is_part = MAY_USE.iter().any(|(part, _)| *part == name);
            if is_part && name != part && !allowed.contains(&name.as_str()) {
                let file = path.strip_prefix(&root).unwrap().display();
                wrong.push(format!("{file} uses {name}, which {part} must not know"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn uses_are_found_however_they_are_written() {
    let source = "use crate::a::B;\nuse crate::{b, c::{D, d}, e::f};\n// use crate::g;\n\
                  fn f() { crate::h::i(); $crate::j!(); mycrate::k(); }\nuse crate::L;";
    assert_eq!(used(source), ["a", "b", "c", "e", "h"]);
}

#[test]
fn the_environment_is_read_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&root) {
        let part = part_of(&path, &root);
        if path.ends_with("protocol/generated.rs") {
            continue; // part of the tests
        }
        let source = fs::read_to_string(&path).unwrap();
        let reads = ["env::var", "env::vars"]
            .iter()
            .any(|call| source.contains(call));
        assert!(
            !reads || part == "config",
            "{} reads the environment",
            path.display()
        );
    }
}
