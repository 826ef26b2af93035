//! Saved states of a run: `checkpoints/step-N/`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rlhost_host::files::{TEXT, read_text};
use serde::{Deserialize, Serialize};

use crate::algorithm::KlController;
use crate::{Error, Result};

use super::files;
use super::folder::RunFolder;

const STATE: &str = "state.json";

/// What a checkpoint knows of its run, beside the weights and the optimiser's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointState {
    /// Steps that are done.
    pub step: u64,
    /// Prompts that have been drawn from the data: the ordinal of the next one.
    pub draw: u64,
    /// What steers the divergence in the reward, as it is now; `None` for a run without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl_controller: Option<KlController>,
    /// Length of `metrics.jsonl` in bytes.
    pub metrics_len: u64,
    /// Digest of the run's configuration ([`RunFolder::config_digest`]).
    pub config_digest: String,
}

/// The content of `state.json`.
#[derive(Serialize, Deserialize)]
struct StateFile {
    #[serde(flatten)]
    state: CheckpointState,
    /// The other files by their path in the checkpoint, and their lengths in bytes.
    files: BTreeMap<String, u64>,
}

/// A checkpoint that is whole: each of its files is there in its full length.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    dir: PathBuf,
    state: CheckpointState,
}

impl Checkpoint {
    /// Opens the checkpoint in `dir`.
    ///
    /// # Errors
    /// Names the file that is missing, cut off or unreadable.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let path = dir.join(STATE);
        let damaged = |path: &Path, what: &str| {
            Err(Error::run(
                path,
                format!(
                    "{what}; remove the folder {} to go on without it",
                    dir.display()
                ),
            ))
        };
        let text = match read_text(&path, TEXT) {
            Ok(text) => text,
            Err(e) => return damaged(&path, &format!("the checkpoint's state can't be read: {e}")),
        };
        let state: StateFile = match serde_json::from_str(&text) {
            Ok(state) => state,
            Err(e) => return damaged(&path, &format!("this is not a checkpoint's state: {e}")),
        };
        for (name, wanted) in &state.files {
            let path = dir.join(name);
            match fs::metadata(&path) {
                Err(e) => return damaged(&path, &format!("a file of the checkpoint is gone: {e}")),
                Ok(found) if found.len() != *wanted => {
                    let what = format!("the file has {} bytes instead of {wanted}", found.len());
                    return damaged(&path, &what);
                }
                Ok(_) => {}
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            state: state.state,
        })
    }

    /// The checkpoint's folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// What it knows of the run.
    pub fn state(&self) -> &CheckpointState {
        &self.state
    }
}

impl RunFolder {
    /// The folder of the checkpoint of `step`.
    pub fn checkpoint_of(&self, step: u64) -> PathBuf {
        self.checkpoints().join(format!("step-{step}"))
    }

    /// Saves a checkpoint: `write` puts its files into the folder that it is given, `state` goes
    /// beside them as `state.json`. The folder gets its name when all of it is on the disk.
    ///
    /// # Errors
    /// Whatever `write` returns, or the file that could not be written. There is no new
    /// checkpoint then, and earlier ones are as they were.
    pub fn save_checkpoint(
        &self,
        state: &CheckpointState,
        write: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let target = self.checkpoint_of(state.step);
        let staged = files::temporary(&target);
        let result = stage(&staged, state, write).and_then(|()| {
            if target.exists() {
                discard(&target)?;
            }
            fs::rename(&staged, &target).map_err(|e| Error::io(&target, e))?;
            files::sync_dir(&self.checkpoints())
        });
        if result.is_err() {
            // The first error is the one to tell; a leftover is cleaned up on resume.
            let _ = fs::remove_dir_all(&staged);
        }
        result.map(|()| target)
    }

    /// The steps that have a checkpoint, in order, with their folders.
    pub fn checkpoint_steps(&self) -> Result<Vec<(u64, PathBuf)>> {
        files::numbered(&self.checkpoints(), "step-", "")
    }

    /// The checkpoint of the latest step; what an interrupted save left does not count.
    pub fn latest_checkpoint(&self) -> Result<Option<Checkpoint>> {
        let steps = self.checkpoint_steps()?;
        steps
            .last()
            .map(|(_, dir)| Checkpoint::open(dir))
            .transpose()
    }

    /// Removes all checkpoints but the latest `save_limit`, and never the last one.
    pub fn prune_checkpoints(&self, save_limit: usize) -> Result<()> {
        let steps = self.checkpoint_steps()?;
        let surplus = steps.len().saturating_sub(save_limit.max(1));
        for (_, dir) in &steps[..surplus] {
            discard(dir)?;
        }
        Ok(())
    }
}

/// Fills the folder `dir` and makes all of it durable.
fn stage(
    dir: &Path,
    state: &CheckpointState,
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    files::remove_leftover(dir)?;
    fs::create_dir(dir).map_err(|e| Error::io(dir, e))?;
    write(dir)?;
    let mut lengths = BTreeMap::new();
    sync_tree(dir, "", &mut lengths)?;
    let state = StateFile {
        state: state.clone(),
        files: lengths,
    };
    files::write_whole(&dir.join(STATE), |file| {
        serde_json::to_writer_pretty(&mut *file, &state)?;
        file.write_all(b"\n")
    })
}

/// Makes `dir` and all below it durable; collects the files' lengths by path from the top.
fn sync_tree(dir: &Path, prefix: &str, lengths: &mut BTreeMap<String, u64>) -> Result<()> {
    for path in files::entries(dir)? {
        let io = |e| Error::io(&path, e);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            sync_tree(&path, &format!("{name}/"), lengths)?;
        } else {
            let file = File::open(&path).map_err(io)?;
            file.sync_all().map_err(io)?;
            lengths.insert(name, file.metadata().map_err(io)?.len());
        }
    }
    files::sync_dir(dir)
}

/// Removes a checkpoint without a moment in which half of it stands under its name.
fn discard(dir: &Path) -> Result<()> {
    let doomed = files::temporary(&dir.with_extension("old"));
    files::remove_leftover(&doomed)?;
    fs::rename(dir, &doomed).map_err(|e| Error::io(dir, e))?;
    files::remove(&doomed)
}
