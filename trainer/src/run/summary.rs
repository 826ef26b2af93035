//! `summary.json`: how a run ended, in one digest.

use std::path::Path;

use rlhost_host::Digest;
use rlhost_host::files::{TEXT, read_text};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::chain::Chain;
use super::checkpoint::Checkpoint;
use super::files;
use super::folder::RunFolder;
use super::held_out::HeldOut;
use super::metrics::{MetricsLine, read_metrics};

/// What a run's model is worth on held-out prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOutSummary {
    /// The metric, without `val/`: `accuracy`, `score`, or what `trainer.val_metric` names.
    pub val_metric: String,
    /// Its value before the first step, if it was measured then.
    pub val_before: Option<f64>,
    /// Its value at the last validation.
    pub val_after: f64,
}

impl HeldOutSummary {
    /// By the text of the run's `config.toml`, and its lines of metrics.
    fn of(config: &str, lines: &[MetricsLine]) -> Option<Self> {
        let config: toml::Table = config.parse().unwrap_or_default();
        let held_out = HeldOut::of_config(&config);
        let (metric, values) = held_out.in_lines(lines)?;
        let (first, last) = (values.first()?, values.last()?);
        Some(Self {
            val_metric: metric.to_owned(),
            val_before: (first.0 == 0).then_some(first.1),
            val_after: last.1,
        })
    }
}

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
    /// What the model is worth on held-out prompts, if there was a validation.
    #[serde(flatten)]
    pub held_out: Option<HeldOutSummary>,
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
    pub const VERSION: u32 = 2;

    /// The summary of the run in `folder`, whose chain and last checkpoint these are.
    pub fn of(folder: &RunFolder, chain: Digest, checkpoint: &Checkpoint) -> Result<Self> {
        let path = folder.config();
        let text = read_text(&path, TEXT).map_err(|e| Error::io(&path, e))?;
        let config = Digest::of(text.as_bytes());
        let state = checkpoint.digest();
        Ok(Self {
            held_out: HeldOutSummary::of(&text, &read_metrics(&folder.metrics())?),
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
