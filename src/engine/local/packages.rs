//! Pure-Python packages of the machine that the code of a local session may import.

use std::path::PathBuf;

use serde::Deserialize;

use crate::engine::python::Interpreters;
use crate::engine::{EngineError, imports};

/// Finds packages without importing them: the folders that they are in, and which have native code.
const FIND: &str = r"
import importlib.machinery, importlib.util, json, os, site, sys, sysconfig
standard = [os.path.realpath(sysconfig.get_path(name)) for name in ('stdlib', 'platstdlib')]
folders, native = [], []
for name in sys.argv[1:]:
    if name == '*':
        folders += [path for path in sys.path if os.path.basename(path) in ('site-packages', 'dist-packages')]
        continue
    try:
        spec = importlib.util.find_spec(name)
    except Exception:
        spec = None
    places = list(spec.submodule_search_locations or [spec.origin]) if spec else []
    for place in places:
        place = os.path.realpath(place or '')
        parent = os.path.dirname(place)
        if not os.path.exists(place) or parent in standard:
            continue
        files = [place] if os.path.isfile(place) else (file for _, _, files in os.walk(place) for file in files)
        if any(file.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES)) for file in files):
            native.append(name)
        folders.append(parent)
print(json.dumps({'folders': list(dict.fromkeys(folders)), 'native': native}))
";

#[derive(Debug, Default, Deserialize)]
struct Found {
    folders: Vec<PathBuf>,
    native: Vec<String>,
}

/// The folders that hold the packages among `allowed` that the standard library does not have.
///
/// # Errors
/// When a package has native code, which cannot run here.
pub async fn folders(
    interpreters: &Interpreters,
    allowed: &[String],
) -> Result<Vec<PathBuf>, EngineError> {
    let extra = allowed.iter().map(String::as_str);
    let extra: Vec<&str> = extra
        .filter(|name| !imports::DEFAULT.contains(name))
        .collect();
    if extra.is_empty() {
        return Ok(Vec::new());
    }
    // Where the machine has no Python, it has no packages either.
    let found = find(interpreters, &extra).await.unwrap_or_default();
    match found.native.first() {
        None => Ok(found.folders),
        Some(name) => Err(EngineError::Unavailable {
            message: format!(
                "extra_imports: the package '{name}' has native code, which trust level local cannot run"
            ),
            hint: "use trust_level \"isolated\"".to_owned(),
        }),
    }
}

async fn find(interpreters: &Interpreters, names: &[&str]) -> Option<Found> {
    let python = interpreters.find(None).await.ok()?;
    let arguments: Vec<&str> = ["-I", "-c", FIND]
        .into_iter()
        .chain(names.iter().copied())
        .collect();
    let output = interpreters.run(&python, &arguments, &[]).await.ok()?;
    serde_json::from_slice(&output).ok()
}
