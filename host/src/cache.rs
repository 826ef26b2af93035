//! Compiled code, kept between runs.
//!
//! What is kept is native code, so the folder must be ours alone: it is created with mode 0700 and left
//! alone if it belongs to somebody else or others may write to it. Each file starts with the SHA-256 of
//! the rest, so damage is noticed before the code is loaded. Nor is it used where a folder above it is such
//! that others could put another in its place. A cache that can't be used never fails a run.

use std::fs::{self, DirBuilder};
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::digest::Digest;
use crate::files;
use crate::trust::{is_out_of_reach, is_private};

/// Starts a file of the cache, before the digest.
const MAGIC: &[u8; 16] = b"rlhost-compiled\n";

/// Bytes of compiled code that are kept in all.
const MOST_BYTES: u64 = 2 << 30;

/// The folder of compiled code, if there is one that can be used.
#[derive(Debug, Clone)]
pub(crate) struct CodeCache {
    folder: Option<PathBuf>,
}

impl CodeCache {
    /// A cache in `folder`, or none.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// `$RLHOST_CACHE_DIR`, else `$XDG_CACHE_HOME/rlhost`, else `~/.cache/rlhost`.
    pub(crate) fn default_folder() -> Option<PathBuf> {
        let var = |name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        var("RLHOST_CACHE_DIR")
            .or_else(|| Some(var("XDG_CACHE_HOME")?.join("rlhost")))
            .or_else(|| Some(std::env::home_dir()?.join(".cache").join("rlhost")))
    }

    /// The code of the component with this digest, if it is there and intact.
    pub(crate) fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        read(engine, &self.file(engine, digest)?)
    }

    /// Keeps a component's code, and drops what was not used for the longest time where there is too
    /// much of it. A cache that can't be written is only slow: the run goes on without it.
    pub(crate) fn put(&self, engine: &Engine, digest: Digest, code: &[u8]) {
        if let Some(file) = self.file(engine, digest)
            && code.len() as u64 <= MOST_BYTES
            && write(&file, code).is_ok()
            && let Some(folder) = file.parent()
        {
            let _ = evict(folder, &file, MOST_BYTES);
        }
    }

    /// The file for a component: by its digest and by all that compiled code depends on (engine version,
    /// settings, target and features of the processor).
    fn file(&self, engine: &Engine, digest: Digest) -> Option<PathBuf> {
        let folder = self.folder.as_deref()?.join("compiled");
        ensure_private(&folder)?;
        let mut settings = HashInto(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut settings);
        let settings = Digest(settings.0.finalize().into()).hex();
        Some(folder.join(format!("{}-{}.bin", digest.hex(), &settings[..16])))
    }
}

/// Feeds what is hashed into SHA-256: std's hashers give other values in every process.
struct HashInto(Sha256);

impl Hasher for HashInto {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |n, &byte| n << 8 | u64::from(byte))
    }
}

/// The code in a file of the cache, if the file is whole: magic, the code's digest, the code.
pub(crate) fn intact(file: &[u8]) -> Option<&[u8]> {
    let (digest, code) = file.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    (Digest::of(code).0 == *digest).then_some(code)
}

#[allow(unsafe_code)]
fn read(engine: &Engine, file: &Path) -> Option<Component> {
    if !is_private(&fs::symlink_metadata(file).ok()?) {
        return None;
    }
    let mut opened = files::open(file).ok()?;
    // What the path names may have changed since it was looked at: what was opened counts.
    if !is_private(&opened.metadata().ok()?) {
        return None;
    }
    let mut bytes = Vec::new();
    opened.read_to_end(&mut bytes).ok()?;
    let code = intact(&bytes)?;
    // When it was used last decides what is dropped; not knowing it does no harm.
    let _ = opened.set_modified(SystemTime::now());
    // SAFETY: the file lies in a folder that only we can write to, is itself ours alone, and its digest
    // shows that it is what an engine like this one (the name holds its settings) serialised.
    unsafe { Component::deserialize(engine, code) }.ok()
}

fn write(file: &Path, code: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(MAGIC)?;
    temporary.write_all(&Digest::of(code).0)?;
    temporary.write_all(code)?;
    temporary.persist(file)?;
    Ok(())
}

/// Removes the files that were used the longest time ago, until at most `most` bytes are left. The newest,
/// `keep`, stays.
fn evict(folder: &Path, keep: &Path, most: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_file() {
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
    }
    files.sort();
    let mut sum: u64 = files.iter().map(|(_, len, _)| len).sum();
    for (_, len, path) in files {
        if sum <= most {
            break;
        }
        if path != keep && fs::remove_file(&path).is_ok() {
            sum -= len;
        }
    }
    Ok(())
}

/// Creates the folder where it is missing, and says whether it can be trusted.
fn ensure_private(folder: &Path) -> Option<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).ok()?;
    let private =
        is_private(&fs::symlink_metadata(folder).ok()?) && is_out_of_reach(folder).ok()?;
    private.then_some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let file = |name: &str, age: u64| {
            let path = folder.path().join(name);
            let mut file = File::create(&path).unwrap();
            file.write_all(&[0; 100]).unwrap();
            file.set_modified(now - Duration::from_secs(age)).unwrap();
            path
        };
        let (old, newest, middle) = (file("old", 300), file("newest", 400), file("middle", 200));
        let young = file("young", 100);
        evict(folder.path(), &newest, 400).unwrap();
        assert!(old.exists());
        evict(folder.path(), &newest, 250).unwrap();
        let left: Vec<_> = [&old, &newest, &middle, &young].map(|p| p.exists()).into();
        assert_eq!(left, [false, true, false, true]);
    }
}
