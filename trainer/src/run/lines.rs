//! A file that grows by whole lines, or other records.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

use super::files;

/// A file that is open for appending.
///
/// A line is written at once or not at all: when the disk is full, what was there stays whole.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
    len: u64,
}

impl Lines {
    /// Opens `path`; creates it if it is missing.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = files::open_own(path, options.read(true).append(true).create(true))?;
        let len = file.metadata().map_err(|e| Error::io(path, e))?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            len,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Appends `line`, which ends in a line feed where the file has lines.
    ///
    /// # Errors
    /// If it can't be written; the file then holds what it held before.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<()> {
        if let Err(error) = self.file.write_all(line) {
            // Takes away half a line; the error to tell is that of the write.
            let _ = self.file.set_len(self.len);
            return Err(Error::io(&self.path, error));
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Waits until the lines are on the disk: before a checkpoint notes their length.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|e| Error::io(&self.path, e))
    }

    /// Takes the file back to its first `len` bytes.
    ///
    /// # Errors
    /// If it holds less than that.
    pub(super) fn truncate_to(&mut self, len: u64) -> Result<()> {
        if len > self.len {
            return Err(Error::run(
                &self.path,
                format!(
                    "the file has {} bytes where the checkpoint knows of {len}; restore it, or \
                     start a run of another name",
                    self.len
                ),
            ));
        }
        if len < self.len {
            self.file
                .set_len(len)
                .and_then(|()| self.file.sync_all())
                .map_err(|e| Error::io(&self.path, e))?;
            self.len = len;
        }
        Ok(())
    }
}
