//! Removing what hostile code left: folders nested as deep as it likes, without rights, with any number of entries.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, chmodat, openat, renameat, unlinkat};
use rustix::io::Errno;

/// Entries of a folder that are known at a time.
const BATCH: usize = 10_000;

/// Removes all that is in a folder. Needs no more of stack and descriptors the deeper the folders are nested: what lies
/// deeper than one level is moved up. Needs no more of memory the more entries there are.
///
/// # Errors
/// What could not be removed.
pub fn empty(folder: &Path) -> io::Result<()> {
    let root = open(CWD, folder)?;
    let mut moved = 0_u64;
    while let Some(names) = some_names(&root)? {
        for name in names {
            if remove(root.as_fd(), &name)? {
                continue;
            }
            let inner = open(root.as_fd(), name.as_c_str())?;
            while let Some(names) = some_names(&inner)? {
                for below in names {
                    if !remove(inner.as_fd(), &below)? {
                        moved += 1;
                        let up = format!(".removed-{}-{moved}", std::process::id());
                        let _ = chmodat(&inner, below.as_c_str(), Mode::RWXU, AtFlags::empty());
                        renameat(&inner, below.as_c_str(), &root, up)?;
                    }
                }
            }
            remove(root.as_fd(), &name)?;
        }
    }
    Ok(())
}

/// Removes a folder with all that is in it.
///
/// # Errors
/// What could not be removed.
pub fn folder(folder: &Path) -> io::Result<()> {
    empty(folder)?;
    std::fs::remove_dir(folder)
}

fn open(within: BorrowedFd<'_>, path: impl rustix::path::Arg + Copy) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(within, path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            chmodat(within, path, Mode::RWXU, AtFlags::empty())?;
            Ok(openat(within, path, flags, Mode::empty())?)
        }
        opened => Ok(opened?),
    }
}

/// Some of the names in a folder; `None` where it is empty.
fn some_names(folder: &OwnedFd) -> io::Result<Option<Vec<CString>>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name: &CStr = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
        if names.len() == BATCH {
            break;
        }
    }
    Ok((!names.is_empty()).then_some(names))
}

/// Removes a file or an empty folder; says whether it is gone.
fn remove(within: BorrowedFd<'_>, name: &CStr) -> io::Result<bool> {
    match unlinkat(within, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(true),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::ACCESS) => {
            // The folder that it is in may not be written.
            rustix::fs::fchmod(within, Mode::RWXU)?;
            return match unlinkat(within, name, AtFlags::empty()) {
                Err(Errno::ISDIR | Errno::PERM) => remove_folder(within, name),
                removed => Ok(removed.map(|()| true)?),
            };
        }
        Err(error) => return Err(error.into()),
    }
    remove_folder(within, name)
}

fn remove_folder(within: BorrowedFd<'_>, name: &CStr) -> io::Result<bool> {
    match unlinkat(within, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn folders_go_however_deep_and_closed_they_are() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        let outside = place.path().join("outside");
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "stays").unwrap();
        fs::write(root.join("a/file"), "goes").unwrap();
        symlink(&outside, root.join("a/b/link")).unwrap();
        fs::set_permissions(root.join("a/b"), fs::Permissions::from_mode(0o000)).unwrap();
        let mut deep = open(CWD, root.as_path()).unwrap();
        for _ in 0..20_000 {
            rustix::fs::mkdirat(&deep, "d", Mode::RWXU).unwrap();
            deep = open(deep.as_fd(), c"d").unwrap();
        }
        fs::create_dir(root.join("wide")).unwrap();
        for number in 0..=2 * BATCH {
            fs::write(root.join(format!("wide/{number}")), "").unwrap();
        }
        folder(&root).unwrap();
        assert!(!root.exists());
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "stays");
    }
}
