//! Writing files so that they are whole or absent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rlhost_host::files as host_files;

use crate::{Error, Result};

/// Makes the names in folder `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| Error::io(dir, e))
}

/// The folder that holds `path`.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A name next to `path` that no reader looks at: hidden, and ending in `.tmp`.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

/// Whether `path` has a name that [`temporary`] gives.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Writes a file of which either all or nothing is there under its name. One process at a time writes a run, so the
/// name under way is always the same, and a leftover of it is found.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let temporary = temporary(path);
    remove_leftover(&temporary)?;
    // New, so that nothing is followed that others have put there.
    let result = File::create_new(&temporary)
        .and_then(|mut file| {
            write(&mut file)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|e| Error::io(path, e))
        .and_then(|()| sync_dir(parent(path)));
    if result.is_err() {
        // The first error is the one to tell; a leftover is cleaned up on resume.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// Checks that what a run writes to lies in its folder.
///
/// # Errors
/// Names what is a link, or a further name of a file that lies elsewhere.
pub(crate) fn check_own(path: &Path) -> Result<()> {
    host_files::check_own(path).map_err(|e| Error::io(path, e))
}

/// Opens a file of a run to write to, without following a link.
pub(crate) fn open_own(path: &Path, options: &OpenOptions) -> Result<File> {
    host_files::open_own(path, options).map_err(|e| Error::io(path, e))
}

/// Removes what has this name, if anything has.
pub(super) fn remove_leftover(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => remove(path),
        Err(_) => Ok(()),
    }
}

/// Removes a file or folder with all that it holds.
pub(super) fn remove(path: &Path) -> Result<()> {
    let kind = fs::symlink_metadata(path).map_err(|e| Error::io(path, e))?;
    if kind.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
    .map_err(|e| Error::io(path, e))
}

/// Removes what interrupted writers left in `dir`.
pub(super) fn remove_temporaries(dir: &Path) -> Result<()> {
    for path in entries(dir)? {
        if is_temporary(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// What is in `dir`, in order of name.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(dir).map_err(|e| Error::io(dir, e))?;
    let mut paths = read
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|e| Error::io(dir, e))?;
    paths.sort();
    Ok(paths)
}

/// The entries of `dir` called `prefix` + `N` + `suffix`, by `N`.
pub(super) fn numbered(dir: &Path, prefix: &str, suffix: &str) -> Result<Vec<(u64, PathBuf)>> {
    let mut steps: Vec<_> = entries(dir)?
        .into_iter()
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let number = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
            let step: u64 = number.parse().ok()?;
            // `step-01` or `step-+1` are nobody's checkpoints.
            (step.to_string() == number).then_some((step, path))
        })
        .collect();
    steps.sort();
    Ok(steps)
}
