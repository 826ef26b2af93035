//! `summary.json`: how a run ended, in one digest.

use std::path::Path;

use rlhost_host::Digest;
use rlhost_host::files::{TEXT, read, read_text};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::chain::Chain;
use super::checkpoint::Checkpoint;
use super::files;
use super::folder::RunFolder;
use super::metrics::read_metric;

/// How a run ended. Equal runs have equal summaries. Whoever keeps figures of a run may add keys of their own to the
/// file.
///
/// [`digest`](Self::digest) stands for the configuration, all metrics and rollouts, and the last checkpoint:
/// whoever was told it can check a copy of the run (`rlhost replay --digest`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Version of the summary's form: [`RunSummary::VERSION`].
    pub v: u32,
    /// Steps that are done.
    pub steps: u64,
    /// Held-out accuracy at the first validation, if there was one.
    pub val_accuracy_before: Option<f64>,
    /// Held-out accuracy at the last validation.
    pub val_accuracy_after: Option<f64>,
    /// SHA-256 of `config.toml`.
    pub config: Digest,
    /// Digest of the chain in `digests.jsonl`.
    pub chain: Digest,
    /// SHA-256 of the last checkpoint's `state.json`, which holds the digests of its other files.
    pub checkpoint: Digest,
    /// SHA-256 over the text of the three digests above, each with a line feed behind it.
    pub digest: Digest,
}

impl RunSummary {
    /// The version of the form that this crate writes.
    pub const VERSION: u32 = 1;

    /// The summary of the run in `folder`, whose chain and last checkpoint these are.
    pub fn of(folder: &RunFolder, chain: Digest, checkpoint: &Checkpoint) -> Result<Self> {
        let path = folder.config();
        let config = Digest::of(&read(&path, TEXT).map_err(|e| Error::io(&path, e))?);
        let state = checkpoint.digest();
        let accuracy = read_metric(&folder.metrics(), "val/accuracy")?;
        Ok(Self {
            val_accuracy_before: accuracy.first().map(|(_, accuracy)| *accuracy),
            val_accuracy_after: accuracy.last().map(|(_, accuracy)| *accuracy),
            v: Self::VERSION,
            steps: checkpoint.state().step,
            config,
            chain,
            checkpoint: state,
            digest: Digest::of(format!("{config}\n{chain}\n{state}\n").as_bytes()),
        })
    }

    /// Reads a summary.
    ///
    /// # Errors
    /// If the file can't be read or is not one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path, TEXT).map_err(|e| Error::io(path, e))?;
        serde_json::from_str(&text).map_err(|e| Error::run(path, e.to_string()))
    }
}

impl RunFolder {
    /// Writes `summary.json` for the run as it is now: with this chain, and `checkpoint` as its last.
    ///
    /// # Errors
    /// If a file can't be read or written.
    pub fn write_summary(&self, chain: &Chain, checkpoint: &Checkpoint) -> Result<RunSummary> {
        let summary = RunSummary::of(self, chain.digest(), checkpoint)?;
        files::write_whole(&self.summary(), |file| {
            serde_json::to_writer_pretty(&mut *file, &summary)?;
            file.write_all(b"\n")
        })?;
        Ok(summary)
    }
}
