//! Makes the image that sandboxed sessions run in: from a registry where one can be reached, and from the
//! packages of the distribution where not.
//!
//! Whatever it is made from, all of its Python is compiled in advance, since nothing can be written to
//! it later, and the packages that were asked for are put in as wheels.

mod debian;
mod wheels;

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;

use bollard::errors::Error;
use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptions, CreateImageOptionsBuilder,
    LogsOptionsBuilder, RemoveImageOptions, StartContainerOptions, UploadToContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use bollard::{Docker, body_full};
use futures_util::{StreamExt, TryStreamExt};

use super::client::Settings;
use super::connection::{Connection, said};
use super::container::remove;
use super::policy::LABEL;
use super::{DEFAULT_IMAGE, owner};
use crate::engine::EngineError;

/// What the image is made from where a registry can be reached.
const PINNED: &str = "docker.io/library/python:3.13.7-slim-bookworm";
/// What the image was made from.
const FROM: &str = "tinycode.from";
/// The packages that were put in.
const WITH: &str = "tinycode.with";
/// Where packages are put, in the image.
const PACKAGES: &str = "opt/tinycode";
/// Has Python find the packages, and compiles everything.
const FINISH: &str = r"
import compileall, os, py_compile, site, sys, sysconfig
folder = site.getsitepackages()[0]
os.makedirs(folder, exist_ok=True)
with open(folder + '/tinycode.pth', 'w') as file:
    file.write('/opt/tinycode\n')
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for path in (sysconfig.get_path('stdlib'), '/opt/tinycode'):
    if os.path.isdir(path):
        compileall.compile_dir(path, maxlevels=20, quiet=2, workers=0, invalidation_mode=mode)
";
/// What wheels have to fit.
const DESCRIBE: &str = "import platform, sys; print('%d.%d' % sys.version_info[:2], \
                        platform.machine(), platform.libc_ver()[1] or '0.0')";

/// What to make.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The name of the image.
    pub image: String,
    /// What to make it from; the first that works where it is left out.
    pub from: Option<Source>,
    /// Packages to put in, as pip calls them.
    pub with: Vec<String>,
    /// Where downloads are kept.
    pub cache: PathBuf,
}

/// What an image is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An image of Python's own, from a registry.
    Registry,
    /// Packages of the Debian that this machine runs.
    Debian,
}

/// What has been made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The name of the image.
    pub image: String,
    /// What it was made from.
    pub from: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Makes an image; `say` is told what goes on.
///
/// # Errors
/// Why it cannot be made; an image of the same name that was there before is kept.
pub async fn make(
    settings: &Settings,
    recipe: &Recipe,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<Made, EngineError> {
    let docker = Connection::new(settings).await?.docker;
    let maker = Maker { docker, recipe };
    maker.make(say).await
}

struct Maker<'a> {
    docker: Docker,
    recipe: &'a Recipe,
}

/// What an image is built on.
struct Base {
    id: String,
    from: String,
    /// Whether it is nobody else's, and to go when the image is there.
    ours: bool,
}

impl Maker<'_> {
    async fn make(&self, say: &mut (dyn FnMut(&str) + Send)) -> Result<Made, EngineError> {
        let base = self.base(say).await?;
        let finished = self.finish(&base, say).await;
        if base.ours && finished.is_err() {
            let options = None::<RemoveImageOptions>;
            let _ = self.docker.remove_image(&base.id, options, None).await;
        }
        finished
    }

    async fn base(&self, say: &mut (dyn FnMut(&str) + Send)) -> Result<Base, EngineError> {
        let mut no_registry = None;
        if self.recipe.from != Some(Source::Debian) {
            say("pulling the image of Python");
            match self.pull().await {
                Ok(base) => return Ok(base),
                Err(error) => no_registry = Some(said(&error)),
            }
        }
        if self.recipe.from == Some(Source::Registry) {
            let why = no_registry.unwrap_or_default();
            return Err(failed(format!("'{PINNED}' cannot be pulled: {why}")));
        }
        if let Some(why) = no_registry {
            say(&format!(
                "no registry ({why}): making it from Debian's packages"
            ));
        }
        say("downloading Debian's packages");
        let root = debian::root(&self.recipe.cache).await.map_err(failed)?;
        say("importing them");
        self.import(root).await
    }

    async fn pull(&self) -> Result<Base, Error> {
        let options = CreateImageOptionsBuilder::new().from_image(PINNED).build();
        let pulling = self.docker.create_image(Some(options), None, None);
        pulling.try_for_each(|_| async { Ok(()) }).await?;
        let image = self.docker.inspect_image(PINNED).await?;
        let digest = image.repo_digests.and_then(|all| all.into_iter().next());
        Ok(Base {
            id: PINNED.to_owned(),
            from: digest.unwrap_or_else(|| PINNED.to_owned()),
            ours: false,
        })
    }

    async fn import(&self, root: Vec<u8>) -> Result<Base, EngineError> {
        let options = CreateImageOptionsBuilder::new().from_src("-").build();
        let body = Some(body_full(root.into()));
        let importing = self.docker.create_image(Some(options), body, None);
        let said: Vec<_> = importing.try_collect().await.map_err(refused)?;
        let id = said.into_iter().filter_map(|said| said.status).next_back();
        Ok(Base {
            id: id.ok_or_else(|| failed("the engine does not say what it imported"))?,
            from: "debian".to_owned(),
            ours: true,
        })
    }

    /// Puts the packages in, compiles everything, and names the image.
    async fn finish(
        &self,
        base: &Base,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Made, EngineError> {
        let packages = match self.recipe.with.as_slice() {
            [] => None,
            with => {
                say("downloading packages");
                let python = self.run(base, DESCRIBE, None).await?;
                let said = self.said(&python).await;
                remove(&self.docker, &python).await;
                Some(
                    wheels::archive(&said?, with, PACKAGES)
                        .await
                        .map_err(failed)?,
                )
            }
        };
        say("compiling");
        let before = self.docker.inspect_image(&self.recipe.image).await;
        let container = self.run(base, FINISH, packages).await?;
        let committed = self.commit(&container).await;
        remove(&self.docker, &container).await;
        committed?;
        let image = self.docker.inspect_image(&self.recipe.image).await;
        let size = image.map_err(refused)?.size.unwrap_or_default();
        if let Some(id) = before.ok().and_then(|image| image.id) {
            self.remove_if_nameless(&id).await;
        }
        Ok(Made {
            image: self.recipe.image.clone(),
            from: base.from.clone(),
            size: u64::try_from(size).unwrap_or_default(),
        })
    }

    /// Removes the image that had the name before, unless it is in use or has another name.
    async fn remove_if_nameless(&self, id: &str) {
        let image = self.docker.inspect_image(id).await;
        let names = image.map(|image| image.repo_tags.unwrap_or_default());
        if names.is_ok_and(|names| names.is_empty()) {
            let options = None::<RemoveImageOptions>;
            let _ = self.docker.remove_image(id, options, None).await;
        }
    }

    /// Runs a script in a container of the base, with these files in it; the container has ended.
    async fn run(
        &self,
        base: &Base,
        script: &str,
        files: Option<Vec<u8>>,
    ) -> Result<String, EngineError> {
        let config = ContainerCreateBody {
            image: Some(base.id.clone()),
            entrypoint: Some(Vec::new()),
            cmd: Some(["python3", "-c", script].map(str::to_owned).to_vec()),
            env: Some(vec!["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()]),
            labels: Some(self.labels(base)),
            user: Some("0:0".to_owned()),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = None::<CreateContainerOptions>;
        let created = self.docker.create_container(options, config).await;
        let id = created.map_err(refused)?.id;
        let ended = self.run_to_its_end(&id, files).await;
        if ended.is_err() {
            remove(&self.docker, &id).await;
        }
        ended.map(|()| id)
    }

    async fn run_to_its_end(&self, id: &str, files: Option<Vec<u8>>) -> Result<(), EngineError> {
        if let Some(files) = files {
            let options = UploadToContainerOptionsBuilder::new().path("/").build();
            let files = body_full(files.into());
            let uploaded = self
                .docker
                .upload_to_container(id, Some(options), files)
                .await;
            uploaded.map_err(refused)?;
        }
        let options = None::<StartContainerOptions>;
        self.docker
            .start_container(id, options)
            .await
            .map_err(refused)?;
        let options = WaitContainerOptionsBuilder::new()
            .condition("not-running")
            .build();
        match self.docker.wait_container(id, Some(options)).next().await {
            Some(Ok(_)) | None => Ok(()),
            Some(Err(error)) => {
                let printed = self.said(id).await.unwrap_or_default();
                let last = printed.lines().last().map(str::to_owned);
                let why = last.unwrap_or_else(|| said(&error));
                Err(failed(format!("the Python of the image fails: {why}")))
            }
        }
    }

    async fn said(&self, id: &str) -> Result<String, EngineError> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let lines = self.docker.logs(id, Some(options));
        let lines: Vec<_> = lines.try_collect().await.map_err(refused)?;
        Ok(lines.iter().map(ToString::to_string).collect())
    }

    /// The labels of a container, which are the image's too; but for the first, which `commit` empties.
    fn labels(&self, base: &Base) -> HashMap<String, String> {
        HashMap::from([
            (LABEL.to_owned(), owner::name()),
            (FROM.to_owned(), base.from.clone()),
            (WITH.to_owned(), self.recipe.with.join(" ")),
        ])
    }

    async fn commit(&self, container: &str) -> Result<(), EngineError> {
        let (name, tag) = self
            .recipe
            .image
            .split_once(':')
            .unwrap_or((&self.recipe.image, "latest"));
        let options = CommitContainerOptionsBuilder::new()
            .container(container)
            .repo(name)
            .tag(tag)
            .changes(&format!("CMD [\"python3\"]\nLABEL {LABEL}=\"\""))
            .build();
        let config = ContainerConfig::default(); // which Podman does not look at
        let committed = self.docker.commit_container(options, config).await;
        committed.map(|_| ()).map_err(refused)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
fn refused(error: Error) -> EngineError {
    let why = said(&error);
    if why.contains("no space left") {
        return cannot(why, "`docker system df` says what takes the engine's space");
    }
    failed(why)
}

fn failed(why: impl Display) -> EngineError {
    let tag = format!("`docker tag python:3-slim {DEFAULT_IMAGE}`");
    cannot(
        why,
        &format!("where a registry can be reached, any image with a python3 does too: {tag}"),
    )
}

fn cannot(why: impl Display, hint: &str) -> EngineError {
    EngineError::Unavailable {
        message: format!("the image cannot be made: {why}"),
        hint: hint.to_owned(),
    }
}
