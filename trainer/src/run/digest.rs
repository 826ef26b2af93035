//! Files by the digests of their bytes.

use std::io::{self, Write};
use std::path::Path;

use rlhost_host::{Digest, files};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// A file by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub digest: Digest,
}

/// A writer that takes the digest of what passes.
pub(super) struct Digesting<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Digesting<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Writes what is left, and returns what has passed.
    pub(super) fn finish(mut self) -> io::Result<FileDigest> {
        self.inner.flush()?;
        Ok(FileDigest {
            bytes: self.bytes,
            digest: Digest(self.hash.finalize().into()),
        })
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Length and digest of a file.
pub(crate) fn digest_of(path: &Path) -> Result<FileDigest> {
    let read = || {
        let mut passing = Digesting::new(io::sink());
        io::copy(&mut files::open(path)?, &mut passing)?;
        passing.finish()
    };
    read().map_err(|e| Error::io(path, e))
}
