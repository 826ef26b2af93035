//! A folder that the builds of all plugins in Rust share: what they are made of is the same, and compiled once. Cargo locks
//! it while it builds, and leaves what comes of a plugin in the plugin's own folder.

use anyhow::{Context, Result};
use std::env;
use std::fs::{self, DirBuilder};
use std::path::{Path, PathBuf};

/// `rust-build` in the folder of caches (`$RLHOST_CACHE_DIR`, else `$XDG_CACHE_HOME/rlhost`, else `~/.cache/rlhost`);
/// `None` where there is none that is ours alone: what is compiled there goes into components.
pub fn folder() -> Option<PathBuf> {
    let var = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let caches = var("RLHOST_CACHE_DIR")
        .or_else(|| Some(var("XDG_CACHE_HOME")?.join("rlhost")))
        .or_else(|| Some(env::home_dir()?.join(".cache").join("rlhost")))?;
    let folder = std::path::absolute(caches.join("rust-build")).ok()?;
    make_private(&folder).ok()?.then_some(folder)
}

/// Makes the folder, for us alone; whether it is.
#[cfg(unix)]
fn make_private(folder: &Path) -> Result<bool> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // Whose it is shows beside a file of our own.
    let own = tempfile::tempfile_in(folder)?.metadata()?.uid();
    let found = fs::symlink_metadata(folder).context("it is gone")?;
    Ok(found.is_dir() && found.uid() == own && found.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_that_others_may_write_to_is_not_shared() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("a/b");
        assert!(make_private(&folder).unwrap());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!make_private(&folder).unwrap());
    }
}
