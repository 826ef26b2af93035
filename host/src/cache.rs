//! Compiled code, kept between runs.
//!
//! What is kept is native code, so the folder must be ours alone: it is created with mode 0700 and left
//! alone if it belongs to somebody else or others may write to it. Each file starts with the SHA-256 of
//! the rest, so damage is noticed before the code is loaded. A cache that can't be used never fails a run.

use std::fs::{self, DirBuilder};
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::digest::Digest;

/// Starts a file of the cache, before the digest.
const MAGIC: &[u8; 16] = b"rlhost-compiled\n";

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

    /// The component of `bytes`, and whether its code came from the cache.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        digest: Digest,
        bytes: &[u8],
    ) -> wasmtime::Result<(Component, bool)> {
        let file = self.file(engine, digest);
        if let Some(component) = file.as_deref().and_then(|file| read(engine, file)) {
            return Ok((component, true));
        }
        let component = Component::from_binary(engine, bytes)?;
        if let (Some(file), Ok(code)) = (file, component.serialize()) {
            // A cache that can't be written is only slow: the run goes on without it.
            let _ = write(&file, &code);
        }
        Ok((component, false))
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

#[allow(unsafe_code)]
fn read(engine: &Engine, file: &Path) -> Option<Component> {
    if !is_private(&fs::symlink_metadata(file).ok()?) {
        return None;
    }
    let bytes = fs::read(file).ok()?;
    let (digest, code) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    if Digest::of(code).0 != *digest {
        return None;
    }
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

/// Creates the folder where it is missing, and says whether it can be trusted.
fn ensure_private(folder: &Path) -> Option<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).ok()?;
    is_private(&fs::symlink_metadata(folder).ok()?).then_some(())
}

/// Whether a file or folder belongs to us and nobody else may write to it.
#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    !metadata.is_symlink()
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode() & 0o022 == 0
}

/// Whether a file or folder can be trusted: elsewhere than on Unix a user's cache folder is private by default.
#[cfg(not(unix))]
fn is_private(metadata: &fs::Metadata) -> bool {
    !metadata.is_symlink()
}
