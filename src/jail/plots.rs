//! What matplotlib finds of its user's settings: copies of them, and of the list of fonts that takes seconds to make.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::limits::User;
use super::messages::{Launch, Sandbox};

/// Its folder in the temporary folder.
const FOLDER: &str = ".matplotlib";
/// Largest file that is copied.
const MAX_FILE: u64 = 4 << 20;

/// Copies them to the session's temporary folder, as far as there are any.
pub fn bring_settings(launch: &Launch, user: Option<User>) {
    let Some(home) = launch
        .home
        .as_deref()
        .filter(|_| launch.sandbox != Sandbox::Off)
    else {
        return;
    };
    let folder = launch.temp.join(FOLDER);
    if fs::DirBuilder::new().mode(0o700).create(&folder).is_err() {
        return;
    }
    own(&folder, user);
    for source in [".config/matplotlib", ".cache/matplotlib"] {
        let Ok(entries) = fs::read_dir(home.join(source)) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let wanted = name == "matplotlibrc" || name.to_string_lossy().starts_with("fontlist-");
            let small = entry
                .metadata()
                .is_ok_and(|data| data.is_file() && data.len() <= MAX_FILE);
            let target = folder.join(&name);
            if wanted && small && fs::copy(entry.path(), &target).is_ok() {
                own(&target, user);
            }
        }
    }
}

/// Where it looks for them.
pub fn variable(temp: &Path) -> OsString {
    let mut variable = OsString::from("MPLCONFIGDIR=");
    variable.push(temp.join(FOLDER));
    variable
}

fn own(path: &Path, user: Option<User>) {
    if let Some(user) = user {
        let _ = rustix::fs::chown(path, Some(user.uid), Some(user.gid)); // else it makes its own
    }
}
