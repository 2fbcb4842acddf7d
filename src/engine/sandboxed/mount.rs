//! The folder of a session itself, read-only, where it asks for no copy of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{PathBuf, absolute};

use super::facts::Facts;
use super::machine::Machine;
use super::policy::Shape;
use crate::engine::{EngineError, Spec};

/// The folder that the containers of such sessions work in, if it is one of the machine's.
#[must_use]
pub fn folder(spec: &Spec) -> Option<PathBuf> {
    let folder = spec.cwd.as_ref().filter(|_| spec.mount)?;
    Some(absolute(folder).unwrap_or_else(|_| folder.clone()))
}

/// Whether the engine can mount folders of this machine at all.
///
/// # Errors
/// When it is not on this machine: a folder of the same name there would be another one.
pub fn possible(machine: &Machine) -> Result<(), EngineError> {
    if machine.is_far() {
        return Err(refused(
            "the Docker engine is reached over the network, and sees no folder of this machine; ",
        ));
    }
    Ok(())
}

/// Whether a container works in the folder that was meant, and its code may look into it.
///
/// # Errors
/// What is wrong with the folder.
pub fn check(shape: &Shape, facts: &Facts) -> Result<(), EngineError> {
    let Some(folder) = &shape.mount else {
        return Ok(());
    };
    let name = folder.display();
    // An engine in a container or a machine of its own may have a folder of the same name.
    if !fs::metadata(folder).is_ok_and(|data| data.ino() == facts.work.inode) {
        let why = format!("the Docker engine sees another folder at '{name}' than this machine; ");
        return Err(refused(&why));
    }
    if !facts.work.readable {
        return Err(refused(&format!(
            "the code of a sandbox runs as a user of its own, who may not look into '{name}'; let others \
             read it, as `chmod o+rx` does, or "
        )));
    }
    Ok(())
}

/// What the engine's refusal means, if it is about the folder.
#[must_use]
pub fn explain(shape: &Shape, message: &str) -> Option<EngineError> {
    let name = shape.mount.as_ref()?.display().to_string();
    message.contains(&name).then(|| {
        refused(&format!(
            "the Docker engine cannot mount '{name}': {message}; "
        ))
    })
}

fn refused(why: &str) -> EngineError {
    EngineError::Option {
        field: "cwd_mode",
        message: format!("{why}\"copy\" copies it into the sandbox"),
    }
}
