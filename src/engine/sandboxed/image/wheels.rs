//! Python packages for an image, as pip of this machine finds them for the Python of that image.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// The oldest C library that wheels of this kind are made for.
const OLDEST: u32 = 5;

/// An archive with the packages `with` and all that they need, in the folder `below`, for a Python that
/// describes itself as `3.13 x86_64 2.36`: its version, its machine and its C library.
///
/// # Errors
/// Why they cannot be had.
pub async fn archive(python: &str, with: &[String], below: &str) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut command = Command::new("python3");
    command
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args([
            "--no-compile",
            "--only-binary=:all:",
            "--implementation",
            "cp",
        ])
        .args(fitting(python)?)
        .arg("--target")
        .arg(folder.path())
        .arg("--")
        .args(with);
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.map_err(|error| format!("python3 cannot be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let why = said
            .lines()
            .rfind(|line| line.contains("ERROR") || line.contains("No module"));
        return Err(format!(
            "pip fails: {}",
            why.unwrap_or("it does not say why")
        ));
    }
    let path = folder.path().to_owned();
    let below = below.to_owned();
    let archived = tokio::task::spawn_blocking(move || archive_of(&path, &below)).await;
    archived.unwrap_or_else(|error| Err(error.to_string()))
}

/// The options that have pip look for wheels which fit.
fn fitting(python: &str) -> Result<Vec<String>, String> {
    let parts: Vec<&str> = python.split_whitespace().collect();
    let [version, machine, library] = parts[..] else {
        return Err(format!("the Python of the image says '{python}' of itself"));
    };
    let minor = library.split('.').nth(1);
    let newest: u32 = minor.and_then(|minor| minor.parse().ok()).unwrap_or(0);
    let platforms = (OLDEST..=newest)
        .rev()
        .map(|minor| format!("manylinux_2_{minor}_{machine}"));
    let old = ["manylinux2014", "manylinux2010", "manylinux1", "linux"];
    let old = old.map(|name| format!("{name}_{machine}"));
    let mut options = vec!["--python-version".to_owned(), version.to_owned()];
    for platform in platforms.chain(old) {
        options.extend(["--platform".to_owned(), platform]);
    }
    Ok(options)
}

fn archive_of(folder: &Path, below: &str) -> Result<Vec<u8>, String> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.mode(tar::HeaderMode::Deterministic);
    archive
        .append_dir_all(below, folder)
        .and_then(|()| archive.into_inner())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn wheels_have_to_fit_the_python_of_the_image() {
        let options = fitting("3.13 x86_64 2.7\n").unwrap().join(" ");
        assert_eq!(
            options,
            "--python-version 3.13 --platform manylinux_2_7_x86_64 --platform manylinux_2_6_x86_64 \
             --platform manylinux_2_5_x86_64 --platform manylinux2014_x86_64 \
             --platform manylinux2010_x86_64 --platform manylinux1_x86_64 --platform linux_x86_64"
        );
        assert!(fitting("").is_err());
    }
}
