//! Building the Python of local sessions in a process of its own, `tinycode setup --json`: compiling takes
//! memory that a daemon would never give back.

use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::component;
use super::provision::{Provision, ProvisionError, unusable};
use crate::engine::process::{self, Bounds};

/// What `tinycode setup --json` says, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// What is being done.
    Progress {
        /// Number of the part, from 1.
        part: u32,
        /// Of how many.
        parts: u32,
        /// What it does.
        what: String,
    },
    /// It is built; the version of the Python.
    Ready(String),
    /// It could not be built.
    Failed(ProvisionError),
}

/// Builds the Python here, unless it has been built; tells `say` how it goes. Returns its version.
///
/// # Errors
/// What is missing for it.
pub async fn build(
    provision: &Provision,
    say: impl Fn(Said) + Send + Sync,
) -> Result<String, ProvisionError> {
    let engine = component::engine().map_err(unusable)?;
    let progress = |part, parts, what: &str| {
        say(Said::Progress {
            part,
            parts,
            what: what.to_owned(),
        });
    };
    let built = provision.build(&engine, &progress).await?;
    Ok(built.python_version().to_owned())
}

/// Has a process build the Python; tells `say` how it goes.
///
/// # Errors
/// What is missing for it.
pub async fn run(provision: &Provision, say: impl Fn(String)) -> Result<(), ProvisionError> {
    let program = std::env::current_exe().map_err(unusable)?;
    let mut command = Command::new(program);
    command.args(["setup", "--json"]);
    if let Some(component) = &provision.component {
        command.arg("--local-component").arg(component);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = process::spawn(&mut command, &Bounds::default()).map_err(unusable)?;
    let id = child.id();
    let mut ended = Err(unusable("`tinycode setup` did not end well"));
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(Said::Progress { part, parts, what }) => {
                    say(format!("{part} of {parts}, {what}"));
                }
                Ok(Said::Ready(_)) => ended = Ok(()),
                Ok(Said::Failed(error)) => ended = Err(error),
                Err(_) => {}
            }
        }
    }
    let _ = child.wait().await;
    id.into_iter().for_each(process::reaped);
    ended
}
