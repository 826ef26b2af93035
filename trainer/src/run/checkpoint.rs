//! Saved states of a run: `checkpoints/step-N/`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rlhost_host::Digest;
use rlhost_host::files::{TEXT, read_text};
use serde::{Deserialize, Serialize};

use crate::algorithm::KlController;
use crate::{Error, Result};

use super::digest::{FileDigest, digest_of};
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
    pub config_digest: Digest,
    /// Length of `digests.jsonl` in bytes.
    pub chain_len: u64,
    /// Digest of that chain: it stands for all that the run wrote up to here ([`Chain`](super::Chain)).
    pub chain: Digest,
}

/// The content of `state.json` but for its own digest.
#[derive(Serialize, Deserialize)]
struct StateFile {
    #[serde(flatten)]
    state: CheckpointState,
    /// The other files by their path in the checkpoint.
    files: BTreeMap<String, FileDigest>,
}

/// The content of `state.json`.
#[derive(Serialize, Deserialize)]
struct SealedState {
    #[serde(flatten)]
    content: StateFile,
    /// SHA-256 over the rest, as JSON without white space.
    digest: Digest,
}

impl SealedState {
    fn of(content: StateFile) -> serde_json::Result<Self> {
        let digest = Digest::of(&serde_json::to_vec(&content)?);
        Ok(Self { content, digest })
    }

    fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// Reads the text of a `state.json`.
///
/// # Errors
/// If it is not a state, or not as it was written.
fn read_state(text: &str) -> Result<StateFile, String> {
    let sealed: SealedState =
        serde_json::from_str(text).map_err(|e| format!("this is not a checkpoint's state: {e}"))?;
    let again = SealedState::of(sealed.content).map_err(|e| e.to_string())?;
    // Equal texts have equal digests, and hold nothing besides.
    if again.text().ok().as_deref() == Some(text) {
        Ok(again.content)
    } else {
        Err("the state is not as it was written: its digest does not match".to_owned())
    }
}

/// A checkpoint that is whole: it has its files, as they were written, and no others.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    dir: PathBuf,
    state: CheckpointState,
    digest: Digest,
}

impl Checkpoint {
    /// Opens the checkpoint in `dir` and takes the digests of all its files.
    ///
    /// # Errors
    /// Names the file that is missing, changed, unreadable or not the checkpoint's.
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
        let StateFile { state, files } = match read_state(&text) {
            Ok(state) => state,
            Err(what) => return damaged(&path, &what),
        };
        let mut wanted: BTreeMap<&str, &FileDigest> = files
            .iter()
            .map(|(name, file)| (name.as_str(), file))
            .collect();
        for (name, path) in tree(dir)?.files {
            if name == STATE {
                continue;
            }
            let Some(wanted) = wanted.remove(name.as_str()) else {
                return damaged(&path, "the checkpoint did not write this file");
            };
            let found = fs::symlink_metadata(&path).map_err(|e| Error::io(&path, e))?;
            if !found.is_file() {
                return damaged(&path, "this is not a file");
            }
            if found.len() != wanted.bytes {
                let what = format!(
                    "the file has {} bytes instead of {}",
                    found.len(),
                    wanted.bytes
                );
                return damaged(&path, &what);
            }
            if digest_of(&path)?.digest != wanted.digest {
                return damaged(
                    &path,
                    "the file is not as it was written: its digest does not match",
                );
            }
        }
        if let Some(name) = wanted.keys().next() {
            return damaged(&dir.join(name), "a file of the checkpoint is gone");
        }
        Ok(Self {
            dir: dir.to_owned(),
            state,
            digest: Digest::of(text.as_bytes()),
        })
    }

    /// SHA-256 of `state.json`, which holds the digests of all other files.
    pub fn digest(&self) -> Digest {
        self.digest
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
    ) -> Result<Checkpoint> {
        let target = self.checkpoint_of(state.step);
        let staged = files::temporary(&target);
        let result = stage(&staged, state, write).and_then(|digest| {
            if target.exists() {
                discard(&target)?;
            }
            fs::rename(&staged, &target).map_err(|e| Error::io(&target, e))?;
            files::sync_dir(&self.checkpoints())?;
            Ok(Checkpoint {
                dir: target,
                state: state.clone(),
                digest,
            })
        });
        if result.is_err() {
            // The first error is the one to tell; a leftover is cleaned up on resume.
            let _ = fs::remove_dir_all(&staged);
        }
        result
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
            .map(|(step, _)| self.open_checkpoint(*step))
            .transpose()
    }

    /// The checkpoint of `step`.
    ///
    /// # Errors
    /// As [`Checkpoint::open`], and if it is that of another step.
    pub fn open_checkpoint(&self, step: u64) -> Result<Checkpoint> {
        let checkpoint = Checkpoint::open(self.checkpoint_of(step))?;
        let found = checkpoint.state.step;
        if found == step {
            return Ok(checkpoint);
        }
        Err(Error::run(
            checkpoint.dir,
            format!(
                "this is the checkpoint of step {found} under another name; give it back its own"
            ),
        ))
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

/// Fills the folder `dir` and makes all of it durable. Returns the digest of its `state.json`.
fn stage(
    dir: &Path,
    state: &CheckpointState,
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<Digest> {
    files::remove_leftover(dir)?;
    fs::create_dir(dir).map_err(|e| Error::io(dir, e))?;
    write(dir)?;
    let mut files = BTreeMap::new();
    let tree = tree(dir)?;
    for (name, path) in tree.files {
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(|e| Error::io(&path, e))?;
        files.insert(name, digest_of(&path)?);
    }
    for folder in &tree.folders {
        files::sync_dir(folder)?;
    }
    let path = dir.join(STATE);
    let content = StateFile {
        state: state.clone(),
        files,
    };
    let text = SealedState::of(content).and_then(|sealed| sealed.text());
    let text = text.map_err(|e| Error::run(&path, e.to_string()))?;
    files::write_whole(&path, |file| file.write_all(text.as_bytes()))?;
    Ok(Digest::of(text.as_bytes()))
}

/// What is in a folder and below.
struct Tree {
    /// All but folders, by its path from there, with `/` between names.
    files: Vec<(String, PathBuf)>,
    /// The folder and those below.
    folders: Vec<PathBuf>,
}

fn tree(dir: &Path) -> Result<Tree> {
    let mut found = Tree {
        files: Vec::new(),
        folders: Vec::new(),
    };
    let mut folders = vec![(String::new(), dir.to_owned())];
    while let Some((prefix, dir)) = folders.pop() {
        for path in files::entries(&dir)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{prefix}{name}");
            let kind = fs::symlink_metadata(&path).map_err(|e| Error::io(&path, e))?;
            if kind.is_dir() {
                folders.push((format!("{name}/"), path));
            } else {
                found.files.push((name, path));
            }
        }
        found.folders.push(dir);
    }
    Ok(found)
}

/// Removes a checkpoint without a moment in which half of it stands under its name.
fn discard(dir: &Path) -> Result<()> {
    let doomed = files::temporary(&dir.with_extension("old"));
    files::remove_leftover(&doomed)?;
    fs::rename(dir, &doomed).map_err(|e| Error::io(dir, e))?;
    files::remove(&doomed)
}
