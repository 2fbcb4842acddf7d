//! A copy of a folder, as an archive of bounded size.

use std::fs;
use std::io;
use std::path::Path;

use tar::{Builder, HeaderMode};

/// The most that a copy may hold, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;
/// The most files and folders that it may hold.
const MAX_ENTRIES: usize = 10_000;
/// What to do with a folder that is larger.
const INSTEAD: &str = "`cwd_mode` \"mount\" has it read in place";

/// What is in `folder`: files, folders and links as they are. Sockets, pipes and devices are left out.
///
/// # Errors
/// When it is larger than `most` bytes, or something of it cannot be read.
pub fn archive(folder: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut copy = Copy {
        archive: Builder::new(Vec::new()),
        bytes: 0,
        entries: 0,
        most: most.min(MAX_BYTES),
    };
    copy.archive.mode(HeaderMode::Deterministic);
    copy.archive.follow_symlinks(false);
    copy.folder(folder, Path::new(""))?;
    copy.archive.into_inner().map_err(|error| error.to_string())
}

struct Copy {
    archive: Builder<Vec<u8>>,
    bytes: u64,
    entries: usize,
    most: u64,
}

impl Copy {
    fn folder(&mut self, folder: &Path, name: &Path) -> Result<(), String> {
        let failed = |error: io::Error| cannot_read(folder, &error);
        let mut entries: Vec<_> = fs::read_dir(folder)
            .and_then(Iterator::collect)
            .map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), name.join(entry.file_name()));
            let data = entry
                .metadata()
                .map_err(|error| cannot_read(&path, &error))?;
            let kind = data.file_type();
            if !kind.is_dir() && !kind.is_file() && !kind.is_symlink() {
                continue;
            }
            self.count(if kind.is_file() { data.len() } else { 0 })?;
            self.archive
                .append_path_with_name(&path, &name)
                .map_err(|error| cannot_read(&path, &error))?;
            if kind.is_dir() {
                self.folder(&path, &name)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, bytes: u64) -> Result<(), String> {
        self.bytes += bytes;
        self.entries += 1;
        if self.bytes > self.most {
            let most = self.most >> 20;
            return Err(format!(
                "it holds more than {most} MiB, the most that is copied into a sandbox; {INSTEAD}"
            ));
        }
        if self.entries > MAX_ENTRIES {
            return Err(format!(
                "it holds more than {MAX_ENTRIES} files, the most that are copied into a sandbox; {INSTEAD}"
            ));
        }
        Ok(())
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!("'{}' cannot be read: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn names(archive: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap();
        entries
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn files_folders_and_links_are_copied_and_nothing_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("b")).unwrap();
        fs::write(path.join("b/c.txt"), "c").unwrap();
        fs::write(path.join("a.txt"), "a").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path.join("link")).unwrap();
        let _socket = UnixListener::bind(path.join("socket")).unwrap();
        let archive = archive(path, MAX_BYTES).unwrap();
        assert_eq!(names(&archive), ["a.txt", "b", "b/c.txt", "link"]);
        assert!(!archive.windows(5).any(|bytes| bytes == b"root:"));
    }

    #[test]
    fn too_much_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("large")).unwrap();
        file.set_len(1 << 40).unwrap();
        let error = archive(folder.path(), MAX_BYTES).unwrap_err();
        assert_eq!(
            error,
            "it holds more than 64 MiB, the most that is copied into a sandbox; \
             `cwd_mode` \"mount\" has it read in place"
        );
        let error = archive(&folder.path().join("none"), MAX_BYTES).unwrap_err();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
