//! The connection to an engine, and what it is to be told in a way of its own.
//!
//! Podman speaks Docker's protocol, but for one thing that matters here: it takes a filter of system calls
//! as the name of a file that it opens, which Docker takes as a text.

use std::path::Path;

use bollard::errors::Error;
use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, Docker};

use super::client::{Endpoint, Settings};
use crate::engine::EngineError;

/// Seconds that the engine gets for one answer.
const PATIENCE: u64 = 120;
/// What Podman calls itself.
const PODMAN: &str = "Podman Engine";
/// Bytes of what an engine says that are shown: it may quote all that it was sent.
const MAX_SAID: usize = 600;
/// What to do where no engine can be used.
const HINT: &str = "start Docker, or Podman's socket, or point DOCKER_HOST to one";

/// An engine that answers.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The engine.
    pub docker: Docker,
    /// Whether it may see the files of this machine.
    pub is_near: bool,
    /// Whether it is Podman.
    pub is_podman: bool,
}

impl Connection {
    /// Finds the engine, and connects to it.
    ///
    /// # Errors
    /// Why it cannot be found or reached, or not be used from here.
    pub async fn new(settings: &Settings) -> Result<Self, EngineError> {
        let unusable = |message| EngineError::Unavailable {
            message,
            hint: HINT.to_owned(),
        };
        let endpoint = Endpoint::find(settings).map_err(unusable)?;
        let host = &endpoint.host;
        if let Some(port) = ssh_port(host) {
            return Err(unusable(format!(
                "the Docker engine at {host} cannot be reached through a port that is part of its address; give \
                 the machine a name in ~/.ssh/config, with `Port {port}`, and use that name"
            )));
        }
        let (docker, version) = connect(&endpoint).await.map_err(|error| {
            let why = said(&error);
            unusable(format!(
                "the Docker engine at {host} does not answer: {why}"
            ))
        })?;
        let (is_near, is_podman) = (endpoint.is_near(), is_podman(&version));
        if is_podman && !is_near {
            return Err(unusable(format!(
                "the engine at {host} is Podman, which takes its filter of system calls as a file of its own \
                 machine: it can be used through a socket of that machine alone"
            )));
        }
        Ok(Self {
            docker,
            is_near,
            is_podman,
        })
    }
}

/// The port in an address of ssh: the library that connects would take it for a part of the name.
fn ssh_port(host: &str) -> Option<&str> {
    let (_, port) = host.strip_prefix("ssh://")?.rsplit_once(':')?;
    port.parse::<u16>().is_ok().then_some(port)
}

async fn connect(endpoint: &Endpoint) -> Result<(Docker, SystemVersion), Error> {
    let host = &endpoint.host;
    let docker = match &endpoint.certificates {
        Some(folder) => connect_with_tls(host, folder),
        None if host.starts_with("ssh://") => {
            Docker::connect_with_ssh(host, PATIENCE, API_DEFAULT_VERSION, None)
        }
        None if endpoint.is_near() => {
            Docker::connect_with_unix(host, PATIENCE, API_DEFAULT_VERSION)
        }
        None => Docker::connect_with_http(host, PATIENCE, API_DEFAULT_VERSION),
    };
    let docker = docker?.negotiate_version().await?;
    let version = docker.version().await?;
    Ok((docker, version))
}

fn connect_with_tls(host: &str, folder: &Path) -> Result<Docker, Error> {
    // A second time is an error that says so, and does not matter.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = |name: &str| folder.join(name);
    let (key, certificate, authority) = (file("key.pem"), file("cert.pem"), file("ca.pem"));
    Docker::connect_with_ssl(
        host,
        &key,
        &certificate,
        &authority,
        PATIENCE,
        API_DEFAULT_VERSION,
    )
}

fn is_podman(version: &SystemVersion) -> bool {
    let mut components = version.components.iter().flatten();
    components.any(|component| component.name == PODMAN)
}

/// What an engine's refusal says, or the cause of what went wrong on the way to it.
#[must_use]
pub fn said(error: &Error) -> String {
    if let Error::DockerResponseServerError { message, .. } = error {
        return shortened(message.trim());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    shortened(&cause.to_string())
}

/// A text, or the beginning and the end of one that is too long.
fn shortened(text: &str) -> String {
    if text.len() <= MAX_SAID {
        return text.to_owned();
    }
    let begin = text.floor_char_boundary(MAX_SAID / 2);
    let end = text.ceil_char_boundary(text.len() - MAX_SAID / 2);
    format!("{} [...] {}", &text[..begin], &text[end..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn podman_is_told_from_docker_by_its_components() {
        for (components, podman) in [
            (
                json!([{"Name": "Podman Engine", "Version": "4.3.1"}, {"Name": "Conmon", "Version": ""}]),
                true,
            ),
            (
                json!([{"Name": "Engine", "Version": "28.2.2"}, {"Name": "containerd", "Version": ""}]),
                false,
            ),
            (json!(null), false),
        ] {
            let version = json!({"Version": "4.3.1", "Components": components});
            let version = serde_json::from_value(version).unwrap();
            assert_eq!(is_podman(&version), podman, "{version:?}");
        }
    }

    #[test]
    fn a_port_is_seen_in_an_address_of_ssh_alone() {
        for (host, port) in [
            ("ssh://me@far:2222", Some("2222")),
            ("ssh://me@far", None),
            ("ssh://me@[fe80::1]", None),
            ("tcp://far:2376", None),
        ] {
            assert_eq!(ssh_port(host), port, "{host}");
        }
    }

    #[test]
    fn what_an_engine_says_is_shown_whole_as_long_as_it_is_short() {
        let refusal = |message: String| {
            said(&Error::DockerResponseServerError {
                status_code: 500,
                message,
            })
        };
        assert_eq!(
            refusal("no space left on device".to_owned()),
            "no space left on device"
        );
        let quoted = "é".repeat(10_000);
        let shown = refusal(format!("open {quoted}: file name too long"));
        assert!(shown.starts_with("open éé"), "{shown}");
        assert!(shown.ends_with("éé: file name too long"), "{shown}");
        assert!(
            (MAX_SAID - 10..MAX_SAID + 10).contains(&shown.len()),
            "{}",
            shown.len()
        );
    }
}
