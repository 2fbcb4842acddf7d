//! The root of an image from the packages of Debian, or of what descends from it.
//!
//! apt downloads them, and checks who made them; nothing is installed on this machine, and nothing of it
//! gets into the image.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use tar::{Archive, Builder, EntryType, Header};
use tokio::process::Command;

/// What goes in, with all that it depends on.
const PACKAGES: &[&str] = &["python3", "libstdc++6", "tzdata"];
/// What their installation depends on, and they do not.
const LEFT_OUT: &[&str] = &["debconf", "dpkg", "perl-base", "tar"];
/// What nobody reads in there.
const UNREAD: &[&str] = &[
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
];
/// Folders that are links into `usr`.
const LINKS: &[&str] = &["bin", "lib", "lib64", "sbin"];
/// Folders that have to be there.
const FOLDERS: &[&str] = &["dev", "proc", "run", "sys"];
const USERS: &str =
    "root:x:0:0:root:/:/nonexistent\nsandbox:x:64200:64200:sandbox:/work:/nonexistent\n";
const GROUPS: &str = "root:x:0:\nsandbox:x:64200:\n";

/// The archive of the root. The same packages make the same archive.
///
/// # Errors
/// Why it cannot be made.
pub async fn root(cache: &Path) -> Result<Vec<u8>, String> {
    let folder = cache.join("debian");
    let none = folder.join("none"); // what has been downloaded is not listed
    for folder in [&folder, &none] {
        std::fs::create_dir_all(folder.join("partial"))
            .map_err(|error| format!("'{}' cannot be made: {error}", folder.display()))?;
    }
    let said = apt(&none, "--print-uris").await?;
    let said = String::from_utf8_lossy(&said);
    let files: Vec<&str> = said.lines().filter_map(file).collect();
    if files.is_empty() {
        return Err("apt-get knows of no packages; `apt-get update` may help".to_owned());
    }
    apt(&folder, "--download-only").await?;
    let mut root = Root::default();
    for file in files {
        let mut unpack = Command::new("dpkg-deb");
        let unpacked = run(unpack.arg("--fsys-tarfile").arg(folder.join(file))).await?;
        root.add(&unpacked)
            .map_err(|error| format!("{file}: {error}"))?;
    }
    root.archive().map_err(|error| error.to_string())
}

/// Asks apt for the packages, as on a machine that has none.
async fn apt(folder: &Path, action: &str) -> Result<Vec<u8>, String> {
    let archives = format!("Dir::Cache::archives={}", folder.display());
    let mut command = Command::new("apt-get");
    command.args(["install", "--yes", "--quiet=2", "--no-install-recommends"]);
    command.args(["-o", "Dir::State::status=/dev/null", "-o", &archives]);
    command.args(["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]);
    run(command.arg(action).args(PACKAGES)).await
}

async fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("it does not say why");
    Err(format!("{program} fails: {last}"))
}

/// The name of the file that a line of apt's is about: `'URL' NAME SIZE HASH`.
fn file(line: &str) -> Option<&str> {
    let name = line.strip_prefix('\'')?.split(' ').nth(1)?;
    let package = name.split('_').next()?;
    (!LEFT_OUT.contains(&package)).then_some(name)
}

/// Files by their paths.
#[derive(Default)]
struct Root(BTreeMap<PathBuf, Item>);

struct Item {
    kind: EntryType,
    mode: u32,
    link: Option<PathBuf>,
    data: Vec<u8>,
}

impl Root {
    /// Adds the files of a package.
    fn add(&mut self, package: &[u8]) -> io::Result<()> {
        for entry in Archive::new(package).entries()? {
            let mut entry = entry?;
            let path = placed(&entry.path()?);
            if path.as_os_str().is_empty() || UNREAD.iter().any(|folder| path.starts_with(folder)) {
                continue;
            }
            let kind = entry.header().entry_type();
            let link = entry.link_name()?.map(|link| match kind {
                EntryType::Link => placed(&link), // names a file of the archive
                _ => link.into_owned(),
            });
            let mut data = Vec::new();
            entry.read_to_end(&mut data)?;
            let item = Item {
                kind,
                mode: entry.header().mode()? & 0o777, // nothing in there gives anybody rights
                link,
                data,
            };
            self.0.insert(path, item);
        }
        Ok(())
    }

    fn folder(&mut self, path: &str) {
        let item = Item {
            kind: EntryType::Directory,
            mode: 0o755,
            link: None,
            data: Vec::new(),
        };
        self.0.insert(PathBuf::from(path), item);
    }

    fn file(&mut self, path: &str, text: &str) {
        let item = Item {
            kind: EntryType::Regular,
            mode: 0o644,
            link: None,
            data: text.as_bytes().to_owned(),
        };
        self.0.insert(PathBuf::from(path), item);
    }

    fn link(&mut self, path: &str) {
        let item = Item {
            kind: EntryType::Symlink,
            mode: 0o777,
            link: Some(Path::new("usr").join(path)),
            data: Vec::new(),
        };
        self.0.insert(PathBuf::from(path), item);
    }

    /// The archive: sorted, everything root's and of the same time.
    fn archive(mut self) -> io::Result<Vec<u8>> {
        LINKS.iter().for_each(|path| self.link(path));
        FOLDERS.iter().for_each(|path| self.folder(path));
        self.file("etc/passwd", USERS);
        self.file("etc/group", GROUPS);
        let mut archive = Builder::new(Vec::new());
        // A link to a file has to come after it.
        let (links, others): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .partition(|(_, item)| item.kind == EntryType::Link);
        for (path, item) in others.into_iter().chain(links) {
            let mut header = Header::new_gnu();
            header.set_entry_type(item.kind);
            header.set_mode(item.mode);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_size(item.data.len() as u64);
            match &item.link {
                Some(link) => archive.append_link(&mut header, path, link)?,
                None => archive.append_data(&mut header, path, item.data.as_slice())?,
            }
        }
        archive.into_inner()
    }
}

/// Where a file of a package is, with the folders that are links followed.
fn placed(path: &Path) -> PathBuf {
    let plain: PathBuf = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect();
    match LINKS.iter().any(|link| plain.starts_with(link)) {
        true => Path::new("usr").join(plain),
        false => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_names_the_files() {
        let line =
            "'http://deb.debian.org/p/libc6_2.36_amd64.deb' libc6_2.36_amd64.deb 27 SHA256:0";
        assert_eq!(file(line), Some("libc6_2.36_amd64.deb"));
        assert_eq!(
            file("'http://d/dpkg_1_amd64.deb' dpkg_1_amd64.deb 1 SHA256:0"),
            None
        );
        assert_eq!(file("Reading package lists..."), None);
    }

    #[test]
    fn files_are_where_links_lead_and_give_nobody_rights() {
        let mut package = Builder::new(Vec::new());
        for (path, mode) in [
            ("./lib/x/libc.so", 0o755),
            ("./usr/share/doc/a", 0o644),
            ("./usr/bin/su", 0o4755),
        ] {
            let mut header = Header::new_gnu();
            header.set_mode(mode);
            header.set_uid(7);
            header.set_mtime(9);
            header.set_size(1);
            package.append_data(&mut header, path, &b"x"[..]).unwrap();
        }
        let mut root = Root::default();
        root.add(&package.into_inner().unwrap()).unwrap();
        let bytes = root.archive().unwrap();
        let mut archive = Archive::new(bytes.as_slice());
        let found: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (0, 0));
                format!(
                    "{} {:o}",
                    entry.path().unwrap().display(),
                    header.mode().unwrap()
                )
            })
            .collect();
        let expected = "bin 777, dev 755, etc/group 644, etc/passwd 644, lib 777, lib64 777, proc 755, \
                        run 755, sbin 777, sys 755, usr/bin/su 755, usr/lib/x/libc.so 755";
        assert_eq!(found.join(", "), expected);
    }
}
