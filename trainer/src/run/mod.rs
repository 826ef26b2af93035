//! A run is a folder: everything that a run leaves behind, and all that resuming needs.
//!
//! ```text
//! runs/NAME/
//!   config.toml                  the resolved configuration
//!   metrics.jsonl                one line per step; equal runs have equal bytes
//!   timings.jsonl                seconds and rates, which differ between equal runs
//!   curve.svg, metrics.csv, events.out.tfevents.*   the same for people and for other programs
//!   digests.jsonl                the digests of all that was written, as a chain
//!   summary.json                 how the run ended, in one digest
//!   rollouts/step-N.jsonl.zst    prompt, response, score and receipts of every sample
//!   rollouts/validation-N.jsonl.zst  the same of held-out prompts, after N steps
//!   plugins/DIGEST.wasm          the rewards' components
//!   checkpoints/step-N/          the state after step N
//! ```
//!
//! Steps count from 1 here: `step-N` is what step N left. Files that must be whole are written
//! under a temporary name, synced and renamed; files that grow are cut back, on resume, to what
//! the checkpoint knows. So a run that is killed at any moment and resumed leaves the same bytes
//! as one that never was.
//!
//! ```
//! use std::collections::BTreeMap;
//! use rlhost_trainer::run::{Chain, ChainEntry, CheckpointState, JsonLines, RunFolder};
//!
//! # let temp = std::env::temp_dir().join(format!("rlhost-doc-{}", std::process::id()));
//! # let dir = temp.join("digits");
//! let run = RunFolder::create(&dir, "seed = 1\n")?;
//! let mut metrics = JsonLines::open(&run.metrics())?;
//! let line = metrics.write(1, &BTreeMap::from([("reward/mean".to_owned(), 0.5)]))?;
//! metrics.sync()?;
//! let mut chain = Chain::open(&run.digests())?;
//! chain.push(&ChainEntry::Step { step: 1, draw: 16, rollouts: None, metrics: line })?;
//! let state = CheckpointState {
//!     step: 1,
//!     draw: 16,
//!     kl_controller: None,
//!     metrics_len: metrics.len(),
//!     config_digest: run.config_digest()?,
//!     chain_len: chain.len(),
//!     chain: chain.digest(),
//! };
//! run.save_checkpoint(&state, |folder| {
//!     let path = folder.join("model.safetensors");
//!     std::fs::write(&path, b"weights").map_err(|e| rlhost_trainer::Error::io(&path, e))
//! })?;
//!
//! let (run, checkpoint) = RunFolder::open_for_resume(&dir)?;
//! assert_eq!(checkpoint.unwrap().state().step, 1);
//! # std::fs::remove_dir_all(&temp).unwrap();
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod chain;
mod checkpoint;
mod digest;
mod files;
mod folder;
mod held_out;
mod history;
mod lines;
mod metrics;
#[cfg(feature = "train")]
pub mod plot;
mod proof;
#[cfg(feature = "train")]
pub mod recorder;
mod rollouts;
mod summary;

pub use chain::{Chain, ChainEntry, Link, read_chain};
pub use checkpoint::{Checkpoint, CheckpointState};
pub use digest::FileDigest;
pub(crate) use digest::digest_of;
pub(crate) use files::entries;
pub use folder::RunFolder;
pub use held_out::HeldOut;
pub use history::History;
pub use metrics::{JsonLines, METRICS, MetricsLine, metric_proof, read_metric, read_metrics};
pub use proof::Proof;
pub use rollouts::{Origin, RolloutReader, RolloutRow, read_rollouts};
pub use summary::{HeldOutSummary, RunSummary};
