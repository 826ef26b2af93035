//! What a checkpoint holds: a complete model folder and the optimiser's state.

use super::critic::Critic;
use super::journal::{Journal, Report};
use super::policy::Policy;
use crate::algorithm::KlController;
use crate::optim::AdamW;
use crate::run::{Checkpoint, CheckpointState, RunFolder};
use crate::{Error, Result};
use rlhost_host::files::{TEXT, read};
use std::path::Path;

/// The optimiser's state in a model folder.
pub(super) const OPTIMIZER: &str = "optimizer.safetensors";

/// How far a job has come.
pub(super) struct Progress {
    /// Steps that are done.
    pub(super) step: u64,
    /// Ordinal of the next prompt.
    pub(super) draw: u64,
    pub(super) kl_controller: Option<KlController>,
}

/// Saves the state of a job and forgets checkpoints beyond `save_limit` (-1: none).
pub(super) fn save(
    journal: &mut Journal<'_>,
    policy: &Policy,
    critic: Option<&Critic>,
    source: &Path,
    progress: &Progress,
    save_limit: i64,
) -> Result<Checkpoint> {
    journal.sync()?;
    let state = CheckpointState {
        step: progress.step,
        draw: progress.draw,
        kl_controller: progress.kl_controller,
        metrics_len: journal.metrics.len(),
        config_digest: journal.folder.config_digest()?,
        chain_len: journal.chain.len(),
        chain: journal.chain.digest(),
    };
    let saved = journal.folder.save_checkpoint(&state, |folder| {
        copy_description(source, folder)?;
        policy.model.weights().save(folder)?;
        policy.updater.save(&folder.join(OPTIMIZER))?;
        critic.map_or(Ok(()), |critic| critic.save(folder))
    })?;
    prune(&journal.folder, save_limit)?;
    journal.report(Report::Saved {
        folder: saved.path(),
    });
    Ok(saved)
}

/// Forgets checkpoints beyond `save_limit` (-1: none). A resumed run begins with it: the one before
/// may have been killed between a save and this.
pub(super) fn prune(folder: &RunFolder, save_limit: i64) -> Result<()> {
    usize::try_from(save_limit).map_or(Ok(()), |limit| folder.prune_checkpoints(limit))
}

/// Copies everything of a model folder but its weights: configuration, tokenizer, templates.
pub fn copy_description(source: &Path, target: &Path) -> Result<()> {
    let entries = std::fs::read_dir(source).map_err(|e| Error::io(source, e))?;
    for entry in entries {
        let path = entry.map_err(|e| Error::io(source, e))?.path();
        let kind = path.extension().and_then(|e| e.to_str());
        let name = path.file_name().unwrap_or_default();
        let described = matches!(kind, Some("json" | "jinja" | "txt" | "model"))
            && name != "state.json"
            && name != "model.safetensors.index.json";
        if path.is_file() && described {
            let bytes = read(&path, TEXT).map_err(|e| Error::io(&path, e))?;
            let target = target.join(name);
            std::fs::write(&target, bytes).map_err(|e| Error::io(&target, e))?;
        }
    }
    Ok(())
}

/// The optimiser as a checkpoint holds it.
pub(super) fn restore(
    folder: &Path,
    settings: crate::optim::AdamWSettings,
    weights: &crate::model::Weights,
) -> Result<AdamW> {
    AdamW::load(settings, weights, &folder.join(OPTIMIZER))
}
