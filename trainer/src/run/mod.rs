//! A run is a folder: everything that a run leaves behind, and all that resuming needs.
//!
//! ```text
//! runs/NAME/
//!   config.toml                  the resolved configuration
//!   metrics.jsonl                one line per step; equal runs have equal bytes
//!   timings.jsonl                all that differs between equal runs
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
//! use rlhost_trainer::run::{CheckpointState, JsonLines, RunFolder};
//!
//! # let temp = std::env::temp_dir().join(format!("rlhost-doc-{}", std::process::id()));
//! # let dir = temp.join("digits");
//! let run = RunFolder::create(&dir, "seed = 1\n")?;
//! let mut metrics = JsonLines::open(&run.metrics())?;
//! metrics.write(1, &BTreeMap::from([("reward/mean".to_owned(), 0.5)]))?;
//! metrics.sync()?;
//! let state = CheckpointState {
//!     step: 1,
//!     draw: 16,
//!     kl_controller: None,
//!     metrics_len: metrics.len(),
//!     config_digest: run.config_digest()?,
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

mod checkpoint;
mod files;
mod folder;
mod metrics;
pub mod plot;
mod rollouts;

pub use checkpoint::{Checkpoint, CheckpointState};
pub use folder::RunFolder;
pub use metrics::{JsonLines, read_metric};
pub use rollouts::{Origin, RolloutReader, RolloutRow, read_rollouts};
