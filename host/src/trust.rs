//! Whom files and folders belong to: what other users of the machine can put in their place is not ours.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Whether a file or folder belongs to us and nobody else may write to it.
#[cfg(unix)]
pub(crate) fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    !metadata.is_symlink()
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode() & 0o022 == 0
}

/// Whether only we, or root, decide what is in a file or folder.
#[cfg(unix)]
pub(crate) fn is_ours(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = metadata.uid();
    (owner == rustix::process::geteuid().as_raw() || owner == 0) && !others_may_write(metadata)
}

/// Whether nobody else can put another folder in the place of this one: those above it belong to us or to
/// root, and others may not write to them, or may not touch what is not theirs (the sticky bit of `/tmp`).
#[cfg(unix)]
pub(crate) fn is_out_of_reach(folder: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let us = rustix::process::geteuid().as_raw();
    for above in std::fs::canonicalize(folder)?.ancestors().skip(1) {
        let metadata = std::fs::metadata(above)?;
        let sticky = metadata.mode() & 0o1000 != 0;
        let owner = metadata.uid();
        if !(owner == us || owner == 0) || (others_may_write(&metadata) && !sticky) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where every user has a group of the same number, it is as good as the user.
#[cfg(unix)]
fn others_may_write(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own_group = metadata.gid() == metadata.uid();
    metadata.mode() & 0o002 != 0 || (metadata.mode() & 0o020 != 0 && !own_group)
}

/// Elsewhere than on Unix a user's cache folder is private by default.
#[cfg(not(unix))]
pub(crate) fn is_private(metadata: &Metadata) -> bool {
    !metadata.is_symlink()
}

/// Elsewhere than on Unix, whom a file belongs to is not asked.
#[cfg(not(unix))]
pub(crate) fn is_ours(_: &Metadata) -> bool {
    true
}

/// Elsewhere than on Unix, folders above a user's own are the system's.
#[cfg(not(unix))]
pub(crate) fn is_out_of_reach(_: &Path) -> io::Result<bool> {
    Ok(true)
}
