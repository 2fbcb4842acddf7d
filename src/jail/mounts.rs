//! What a session sees of the file system: mounts of its own, over what it is not to see.
//!
//! Folders that hold secrets, or what others put there, are covered by empty ones; what the session needs of what was
//! covered is mounted again at its own path. A working folder of a root daemon is mounted so that its files belong to the
//! unprivileged user that the code runs as, and those that it makes to the folder's owner.

use std::ffi::{CStr, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind,
    mount_change, move_mount, open_tree,
};

use super::limits::User;
use super::messages::{Launch, Sandbox};
use super::namespaces::mapping;

/// Where the temporary folder of a session is for its code.
pub const TEMP: &str = "/tmp";
/// Where it is too.
const KEPT_TEMP: &str = "/var/tmp";
/// Bytes of the folders that cover others.
const COVER: &CStr = c"size=1m,nr_inodes=4k,mode=755";

/// Whether a name is one that listings leave out.
pub fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().first() == Some(&b'.')
}

/// Whether a working folder is one that code may be given: not all there is, nor what the system makes of itself.
pub fn is_of_project(cwd: &Path) -> bool {
    let system = ["/dev", "/proc", "/sys"];
    cwd != Path::new("/") && !system.iter().any(|folder| cwd.starts_with(folder))
}

/// Tries what `enter` needs.
///
/// # Errors
/// When the system does not let it.
pub fn probe() -> io::Result<()> {
    keep_to_ourselves()?;
    cover(Path::new("/tmp"))?;
    own_processes()?;
    open(Path::new("/"))?;
    Ok(())
}

/// Mounts what a session sees; returns its temporary folder there. `user` is whom the code runs as where it is not who
/// this process is.
///
/// # Errors
/// What could not be done.
pub fn enter(launch: &Launch, user: Option<User>) -> io::Result<PathBuf> {
    keep_to_ourselves()?;
    own_processes()?;
    read_only(Path::new("/sys"))?;
    let mut view = View::default();
    let confined = launch.sandbox != Sandbox::Off;
    // Within the working folder, which may not be mounted over, it stays where it is.
    let beside =
        |folder: &str| !is_of_project(&launch.cwd) || !Path::new(folder).starts_with(&launch.cwd);
    let temp = if confined && beside(TEMP) {
        Path::new(TEMP)
    } else {
        &launch.temp
    };
    let own_temp = open(&launch.temp)?;
    let kept_temp = open(&launch.temp)?;
    let read_only = launch.sandbox == Sandbox::Strict;
    let cwd = is_of_project(&launch.cwd).then(|| working_folder(&launch.cwd, user, read_only));
    let cwd = cwd.transpose()?;
    for path in &launch.readable {
        view.remember_exactly(path)?;
    }
    let home = launch
        .home
        .as_deref()
        .filter(|home| home.is_dir() && *home != Path::new("/"));
    let whole_home = home.is_some_and(|home| home.starts_with(&launch.cwd));
    if let Some(home) = home.filter(|_| confined && !whole_home) {
        view.cover_home(home, launch.sandbox == Sandbox::Workspace, user)?;
    }
    if confined {
        view.cover_shared()?;
    }
    if user.is_some() {
        for path in launch.readable.iter().chain([&launch.cwd]) {
            view.open_the_way(path)?;
        }
    }
    let (within, elsewhere): (Vec<&PathBuf>, Vec<&PathBuf>) = launch
        .secret
        .iter()
        .partition(|secret| cwd.is_some() && secret.starts_with(&launch.cwd));
    for secret in elsewhere {
        view.pin(secret, Path::new("/"))?;
        view.hide(secret)?;
    }
    let inside = cwd.is_some() && temp.starts_with(&launch.cwd);
    if !inside {
        place(&own_temp, temp)?;
    }
    if confined && beside(KEPT_TEMP) {
        place(&kept_temp, Path::new(KEPT_TEMP))?;
    }
    let shown = cwd.is_some().then_some(launch.cwd.as_path());
    view.place_remembered(|path| !shown.is_some_and(|shown| path.starts_with(shown)))?;
    if let Some(cwd) = cwd {
        place(&cwd, &launch.cwd)?;
        view.show(&launch.cwd);
    }
    if let Some(home) = home.filter(|home| confined && whole_home && !view.is_covered(home)) {
        view.hide_entries(home)?;
    }
    for secret in within {
        view.pin(secret, &launch.cwd)?;
        view.hide(secret)?;
    }
    view.place_remembered(|_| true)?;
    if inside {
        place(&own_temp, temp)?;
    }
    Ok(temp.to_owned())
}

/// What has been covered, and what is to be there all the same.
#[derive(Default)]
struct View {
    covered: Vec<PathBuf>,
    /// The working folder, once it is there although something above it has been covered.
    shown: Option<PathBuf>,
    remembered: Vec<(PathBuf, OwnedFd)>,
}

impl View {
    /// Keeps what is at `path` now, to be mounted again where it has been covered.
    fn remember(&mut self, path: &Path) -> io::Result<()> {
        if path.exists() {
            self.remembered.push((path.to_owned(), open(path)?));
        }
        Ok(())
    }

    /// The same, where no part of the path is a link: code may have put one there since it was looked at.
    fn remember_exactly(&mut self, path: &Path) -> io::Result<()> {
        if let Ok(there) = exactly(path) {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE
                | OpenTreeFlags::OPEN_TREE_CLOEXEC
                | OpenTreeFlags::AT_RECURSIVE
                | OpenTreeFlags::AT_EMPTY_PATH;
            let tree = named(path, open_tree(&there, "", flags))?;
            self.remembered.push((path.to_owned(), tree));
        }
        Ok(())
    }

    fn is_covered(&self, path: &Path) -> bool {
        let shown = self.shown.as_deref();
        let shown = shown.filter(|shown| path.starts_with(shown));
        let covers = |covered: &PathBuf| {
            path.starts_with(covered) && shown.is_none_or(|shown| covered.starts_with(shown))
        };
        self.covered.iter().any(covers)
    }

    /// Takes what is in a folder for uncovered.
    fn show(&mut self, folder: &Path) {
        self.covered.retain(|covered| covered != folder);
        self.shown = Some(folder.to_owned());
    }

    fn cover(&mut self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() && !self.is_covered(folder) {
            cover(folder)?;
            self.covered.push(folder.to_owned());
        }
        Ok(())
    }

    /// Covers what programs share with each other: temporary files, memory, sockets.
    fn cover_shared(&mut self) -> io::Result<()> {
        if let Ok(names) = fs::canonicalize("/etc/resolv.conf") {
            self.remember(&names)?;
        }
        for folder in [TEMP, KEPT_TEMP] {
            self.covered.push(PathBuf::from(folder)); // by the temporary folder
        }
        for folder in ["/run", "/var/run"] {
            if !fs::symlink_metadata(folder).is_ok_and(|data| data.is_symlink()) {
                self.cover(Path::new(folder))?;
            }
        }
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount(
            "tmpfs",
            "/dev/shm",
            "tmpfs",
            flags,
            c"mode=1777,size=50%,nr_inodes=64k",
        )?;
        own_terminals()
    }

    /// Shows of a home folder only what is not hidden, and nothing that is put there later.
    fn cover_home(&mut self, home: &Path, show: bool, user: Option<User>) -> io::Result<()> {
        let everyone = fs::metadata(home)?.permissions().mode() & 0o005 == 0o005;
        let mut shown = Vec::new();
        if show && (user.is_none() || everyone) {
            // One that the user may not read, as `sudo -u` leaves it, shows nothing.
            for entry in fs::read_dir(home).into_iter().flatten().flatten() {
                if !is_hidden(&entry.file_name()) {
                    shown.push(Shown::of(&entry.path())?);
                }
            }
        }
        self.cover(home)?;
        for entry in shown.into_iter().flatten() {
            entry.show()?;
        }
        Ok(())
    }

    /// Hides each hidden entry of a folder that has to be there as a whole.
    fn hide_entries(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)?.flatten() {
            if is_hidden(&entry.file_name()) {
                self.hide(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Keeps the folders between `from` and `path` from being renamed, so that nothing else can be put in their place: a
    /// folder is not renamed that something is mounted at.
    fn pin(&self, path: &Path, from: &Path) -> io::Result<()> {
        let above = path.ancestors().skip(1);
        let above = above.take_while(|folder| folder.starts_with(from) && *folder != from);
        let mut above: Vec<&Path> = above.collect();
        above.reverse();
        for folder in above {
            if folder.is_dir() && !self.is_covered(folder) {
                place(&open(folder)?, folder)?;
            }
        }
        Ok(())
    }

    /// Hides a file or a folder.
    fn hide(&mut self, path: &Path) -> io::Result<()> {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        if metadata.is_dir() {
            return self.cover(path);
        }
        if !metadata.is_symlink() && !self.is_covered(path) {
            let nothing = open(Path::new("/dev/null"))?;
            // A device that is none there cannot be opened, so that nothing is written in vain.
            change(&nothing, SAFE, None, 0)?;
            place(&nothing, path)?;
            self.covered.push(path.to_owned());
        }
        Ok(())
    }

    /// Covers the first folder above `path` that only its owner may enter.
    fn open_the_way(&mut self, path: &Path) -> io::Result<()> {
        if self.is_covered(path) {
            return Ok(());
        }
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        for folder in above {
            let closed = fs::metadata(folder)?.permissions().mode() & 0o001 == 0;
            if closed {
                self.remember(path)?;
                return self.cover(folder);
            }
        }
        Ok(())
    }

    /// Mounts again what has been covered, as far as it is due.
    fn place_remembered(&mut self, is_due: impl Fn(&Path) -> bool) -> io::Result<()> {
        for (path, tree) in std::mem::take(&mut self.remembered) {
            if !is_due(&path) || !self.is_covered(&path) {
                self.remembered.push((path, tree));
            } else if !is_there(&path, &tree) {
                // Landlock lets it be written where the folder that it is mounted in may be.
                change(
                    &tree,
                    SAFE | libc::MOUNT_ATTR_RDONLY,
                    None,
                    libc::AT_RECURSIVE,
                )?;
                place(&tree, &path)?;
            }
        }
        Ok(())
    }
}

/// What is at `path`, of which no part may be a link.
pub fn exactly(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

/// Whether what is at `path` is what `tree` is.
fn is_there(path: &Path, tree: &OwnedFd) -> bool {
    let (Ok(there), Ok(tree)) = (fs::metadata(path), rustix::fs::fstat(tree)) else {
        return false;
    };
    (there.dev(), there.ino()) == (tree.st_dev, tree.st_ino)
}

/// An entry of a folder that is shown again.
enum Shown {
    Mounted(PathBuf, OwnedFd),
    Link(PathBuf, PathBuf),
}

impl Shown {
    fn of(path: &Path) -> io::Result<Option<Self>> {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return Ok(None); // gone meanwhile
        };
        Ok(Some(if metadata.is_symlink() {
            Self::Link(path.to_owned(), fs::read_link(path)?)
        } else {
            Self::Mounted(path.to_owned(), open(path)?)
        }))
    }

    fn show(self) -> io::Result<()> {
        match self {
            Self::Mounted(path, tree) => place(&tree, &path),
            Self::Link(path, target) => symlink(target, path),
        }
    }
}

/// Has mounts of this process stay its own.
fn keep_to_ourselves() -> io::Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    Ok(mount_change("/", private)?)
}

/// Has terminals that the session makes be its own, and hides those of others.
fn own_terminals() -> io::Result<()> {
    let folder = Path::new("/dev/pts");
    if !folder.is_dir() {
        return Ok(());
    }
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    let options = c"newinstance,ptmxmode=0666,mode=620";
    if mount("devpts", folder, "devpts", flags, options).is_err() {
        return cover(folder); // where the system does not let it there are none
    }
    let link = fs::symlink_metadata("/dev/ptmx").is_ok_and(|data| data.is_symlink());
    if !link {
        mount_bind("/dev/pts/ptmx", "/dev/ptmx")?;
    }
    Ok(())
}

/// Shows the processes of the session alone.
fn own_processes() -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    Ok(mount("proc", "/proc", "proc", flags, None)?)
}

/// Keeps what is mounted at a folder, and below it, from being written.
fn read_only(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let tree = open(folder)?;
    change(&tree, libc::MOUNT_ATTR_RDONLY, None, libc::AT_RECURSIVE)?;
    place(&tree, folder)
}

fn cover(folder: &Path) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    named(folder, mount("tmpfs", folder, "tmpfs", flags, COVER))
}

/// An error that says which path it is about.
fn named<T>(path: &Path, done: rustix::io::Result<T>) -> io::Result<T> {
    done.map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    })
}

/// What is at `path`, with all that is mounted below it, to be mounted elsewhere.
fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    named(path, open_tree(CWD, path, flags))
}

/// Mounts something at `path`, which is made where it is not there.
fn place(tree: &OwnedFd, path: &Path) -> io::Result<()> {
    let folder = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(tree)?.st_mode)
        == rustix::fs::FileType::Directory;
    if !path.exists() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o755);
        if folder {
            builder.create(path)?;
        } else {
            builder.create(path.parent().unwrap_or(path))?;
            fs::File::create(path)?;
        }
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    named(path, move_mount(tree, "", CWD, path, flags))
}

/// The working folder: as it is, or read-only, and with its files those of `user` where one is given.
fn working_folder(path: &Path, user: Option<User>, read_only: bool) -> io::Result<OwnedFd> {
    let tree = open(path)?;
    let also = if read_only {
        libc::MOUNT_ATTR_RDONLY
    } else {
        0
    };
    if let Some(user) = user {
        let metadata = fs::metadata(path)?;
        let owner = (metadata.uid(), metadata.gid());
        let namespace = mapping(owner, (user.uid.as_raw(), user.gid.as_raw()))?;
        // A file system that cannot do so shows its files as they are: usable as far as they are for everyone.
        let _ = change(&tree, libc::MOUNT_ATTR_IDMAP, Some(&namespace), 0);
    }
    change(&tree, SAFE | also, None, libc::AT_RECURSIVE)?;
    Ok(tree)
}

/// What holds of everything that is mounted again.
const SAFE: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

/// Changes the attributes of a mount that is not in its place yet.
fn change(tree: &OwnedFd, set: u64, namespace: Option<&fs::File>, flags: i32) -> io::Result<()> {
    let namespace = namespace.map_or(0, |namespace| namespace.as_raw_fd());
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: 0,
        propagation: 0,
        userns_fd: u64::try_from(namespace).unwrap_or_default(),
    };
    // SAFETY: the call reads a `mount_attr` of the size that it is told.
    #[expect(unsafe_code, reason = "no safe wrapper for this call")]
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
