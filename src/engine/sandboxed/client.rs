//! Finds the engine that makes containers, in the order of Docker's own client: `DOCKER_HOST`, the context,
//! the usual socket; then the sockets of rootless Docker and of Podman.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where Docker listens.
const SOCKET: &str = "/var/run/docker.sock";
/// Where Podman of the whole machine listens.
const PODMAN: &str = "/run/podman/podman.sock";

/// What the environment says of where the engine is.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Its address (`DOCKER_HOST`).
    pub host: Option<String>,
    /// The name of a context of Docker's client (`DOCKER_CONTEXT`).
    pub context: Option<String>,
    /// The folder of Docker's client (`DOCKER_CONFIG`, or `~/.docker`).
    pub config: Option<PathBuf>,
    /// Whether the engine at `host` has to prove who it is (`DOCKER_TLS_VERIFY`).
    pub tls: bool,
    /// The folder with the certificates for that (`DOCKER_CERT_PATH`).
    pub certificates: Option<PathBuf>,
    /// The user's folder for sockets (`XDG_RUNTIME_DIR`).
    pub runtime: Option<PathBuf>,
}

/// Where an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub host: String,
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`, where it has to prove who it is.
    pub certificates: Option<PathBuf>,
}

impl Endpoint {
    const fn at(host: String) -> Self {
        Self {
            host,
            certificates: None,
        }
    }

    /// Where the engine is.
    ///
    /// # Errors
    /// What is wrong with what the environment says.
    pub fn find(settings: &Settings) -> Result<Self, String> {
        if let Some(host) = &settings.host {
            let folder = settings.certificates.clone().or(settings.config.clone());
            return Ok(Self {
                host: host.clone(),
                certificates: folder.filter(|_| settings.tls),
            });
        }
        if let Some(found) = context(settings)? {
            return Ok(found);
        }
        let below = |name: &str| settings.runtime.as_ref().map(|folder| folder.join(name));
        let sockets = [
            Some(PathBuf::from(SOCKET)),
            below("docker.sock"),
            below("podman/podman.sock"),
            Some(PathBuf::from(PODMAN)),
        ];
        let found = sockets.into_iter().flatten().find(|path| path.exists());
        let path = found.ok_or("no Docker engine is running here")?;
        Ok(Self::at(format!("unix://{}", path.display())))
    }

    /// Whether it may see the files of this machine.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.host.starts_with("unix://")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Context {
    name: String,
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: ContextEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    host: String,
}

/// The endpoint of the context that is in use, if one is.
fn context(settings: &Settings) -> Result<Option<Endpoint>, String> {
    let Some(folder) = &settings.config else {
        return Ok(None);
    };
    let current = || read::<ClientConfig>(&folder.join("config.json"))?.current_context;
    let name = settings.context.clone().or_else(current);
    let Some(name) = name.filter(|name| name != "default") else {
        return Ok(None);
    };
    let all = fs::read_dir(folder.join("contexts/meta"))
        .into_iter()
        .flatten();
    for entry in all.flatten() {
        let Some(found) = read::<Context>(&entry.path().join("meta.json")) else {
            continue;
        };
        if found.name == name {
            // The certificates of a context are in a folder of the same name beside it.
            let tls = folder
                .join("contexts/tls")
                .join(entry.file_name())
                .join("docker");
            return Ok(Some(Endpoint {
                host: found.endpoints.docker.host,
                certificates: tls.is_dir().then_some(tls),
            }));
        }
    }
    Err(format!("Docker's context '{name}' does not exist"))
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_that_the_environment_names_comes_first() {
        let settings = Settings {
            host: Some("tcp://far:2376".to_owned()),
            context: Some("other".to_owned()),
            certificates: Some(PathBuf::from("/certs")),
            ..Settings::default()
        };
        let found = Endpoint::find(&settings).unwrap();
        assert_eq!(found, Endpoint::at("tcp://far:2376".to_owned()));
        assert!(!found.is_near());
        let found = Endpoint::find(&Settings {
            tls: true,
            ..settings
        })
        .unwrap();
        assert_eq!(found.certificates, Some(PathBuf::from("/certs")));
    }

    #[test]
    fn a_context_is_found_by_its_name_with_its_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let meta = folder.path().join("contexts/meta/5a");
        let tls = folder.path().join("contexts/tls/5a/docker");
        fs::create_dir_all(&meta).unwrap();
        fs::create_dir_all(&tls).unwrap();
        let said = r#"{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://lab:1","SkipTLSVerify":false}}}"#;
        fs::write(meta.join("meta.json"), said).unwrap();
        fs::write(
            folder.path().join("config.json"),
            r#"{"currentContext":"lab"}"#,
        )
        .unwrap();
        let settings = Settings {
            config: Some(folder.path().to_owned()),
            ..Settings::default()
        };
        let found = Endpoint::find(&settings).unwrap();
        assert_eq!(
            (found.host.as_str(), found.certificates),
            ("tcp://lab:1", Some(tls))
        );
        let settings = Settings {
            context: Some("none".to_owned()),
            ..settings
        };
        let error = Endpoint::find(&settings).unwrap_err();
        assert_eq!(error, "Docker's context 'none' does not exist");
    }

    #[test]
    fn a_socket_of_the_user_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("podman/podman.sock");
        fs::create_dir_all(socket.parent().unwrap()).unwrap();
        fs::write(&socket, "").unwrap();
        let settings = Settings {
            runtime: Some(folder.path().to_owned()),
            ..Settings::default()
        };
        if !Path::new(SOCKET).exists() {
            let found = Endpoint::find(&settings).unwrap();
            assert_eq!(found.host, format!("unix://{}", socket.display()));
            assert!(found.is_near());
        }
    }
}
