//! The folder itself.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use rlhost_host::Digest;
use rlhost_host::files::{TEXT, read, stage_folder};
use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

use super::chain::{Chain, ChainEntry, read_chain};
use super::checkpoint::{Checkpoint, CheckpointState};
use super::files;
use super::metrics::{JsonLines, read_metrics};

/// The folder of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    dir: PathBuf,
}

impl RunFolder {
    /// Creates the folder `dir`, and those above it, with `config` as its `config.toml`.
    ///
    /// It appears as a whole: after an error there is no folder `dir`, or an empty one where
    /// there was an empty one before.
    ///
    /// # Errors
    /// If `dir` exists and is not an empty folder, or can't be written.
    pub fn create(dir: impl AsRef<Path>, config: &str) -> Result<Self> {
        let dir = dir.as_ref();
        let exists = |what| {
            Err(Error::run(
                dir,
                format!("{what}; continue it with `--resume`, or give this run another name"),
            ))
        };
        match fs::read_dir(dir).map(Iterator::count) {
            Ok(0) => {}
            Ok(_) => return exists("the folder exists and is not empty"),
            Err(_) if dir.exists() => return exists("this exists and is not a folder"),
            Err(_) => {}
        }
        let parent = files::parent(dir);
        fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
        let run = Self { dir: dir.into() };
        let folder = stage_folder(dir).map_err(|e| Error::io(dir, e))?;
        let staged = Self {
            dir: folder.path().into(),
        };
        staged.fill(config)?;
        // A rename replaces an empty folder, and nothing else.
        fs::rename(&staged.dir, dir).map_err(|e| Error::io(dir, e))?;
        let _ = folder.keep();
        files::sync_dir(parent)?;
        Ok(run)
    }

    fn fill(&self, config: &str) -> Result<()> {
        for dir in [&self.rollouts(), &self.checkpoints()] {
            fs::create_dir(dir).map_err(|e| Error::io(dir, e))?;
        }
        files::write_whole(&self.config(), |file| file.write_all(config.as_bytes()))
    }

    /// Opens a run in order to read it.
    ///
    /// # Errors
    /// If there is no run in `dir`.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let run = Self {
            dir: dir.as_ref().into(),
        };
        if run.config().is_file() {
            return Ok(run);
        }
        let what = if run.dir.is_dir() {
            "the folder holds no `config.toml`, so it is not a run"
        } else {
            "there is no such run"
        };
        Err(Error::run(&run.dir, what))
    }

    /// Opens a run in order to continue it from its latest checkpoint, and takes it back to what
    /// it was then: leftovers of interrupted writes, later rollouts and later lines of metrics and
    /// timings are removed. Without a checkpoint the run starts again from its configuration.
    ///
    /// # Errors
    /// If there is no run in `dir`, its latest checkpoint is damaged or of another configuration,
    /// or what the run wrote up to it is not there any more as it was written; also if a file or
    /// folder in it that a run writes to is a link.
    pub fn open_for_resume(dir: impl AsRef<Path>) -> Result<(Self, Option<Checkpoint>)> {
        let run = Self::open(dir)?;
        run.check_own()?;
        for dir in [&run.rollouts(), &run.checkpoints()] {
            fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        }
        let checkpoint = run.latest_checkpoint()?;
        let digest = run.config_digest()?;
        let (step, metrics_len, chain_len) = match checkpoint.as_ref().map(Checkpoint::state) {
            Some(state) if state.config_digest != digest => {
                return Err(Error::run(
                    run.config(),
                    format!(
                        "this is not the configuration that the checkpoint of step {} was written \
                         with; restore the file, or start a run of another name",
                        state.step
                    ),
                ));
            }
            Some(state) => {
                run.check_bound(state)?;
                (state.step, state.metrics_len, state.chain_len)
            }
            None => (0, 0, 0),
        };
        if run.summary().exists() {
            files::remove(&run.summary())?;
        }
        Chain::open_up_to(&run.digests(), chain_len)?;
        JsonLines::open(&run.metrics())?.truncate_to(metrics_len)?;
        JsonLines::open(&run.timings())?.truncate_after_step(step)?;
        for dir in [&run.dir, &run.rollouts(), &run.checkpoints()] {
            files::remove_temporaries(dir)?;
        }
        if run.plugins().is_dir() {
            files::remove_temporaries(&run.plugins())?;
        }
        run.remove_rollouts_after(checkpoint.as_ref().map(|_| step))?;
        Ok((run, checkpoint))
    }

    /// Checks that all that a run writes to lies in its folder: whoever handed it out may have put links there.
    fn check_own(&self) -> Result<()> {
        let folders = [self.rollouts(), self.checkpoints(), self.plugins()];
        let files = [
            self.config(),
            self.metrics(),
            self.timings(),
            self.digests(),
            self.summary(),
            self.curve(),
            self.table(),
        ];
        let events = self.events()?;
        for path in folders.iter().chain(&files).chain(&events) {
            files::check_own(path)?;
        }
        if self.checkpoints().is_dir() {
            for (_, checkpoint) in self.checkpoint_steps()? {
                files::check_own(&checkpoint)?;
            }
        }
        Ok(())
    }

    /// Checks that what the run wrote up to a checkpoint is there: the chain with its digest, the metrics that it
    /// binds, and the rollouts by their lengths (a replay takes their digests).
    fn check_bound(&self, state: &CheckpointState) -> Result<()> {
        let step = state.step;
        let other = |path: PathBuf, what: &str| {
            Err(Error::run(
                path,
                format!(
                    "{what} the checkpoint of step {step}; restore the file, or start a run of another \
                     name"
                ),
            ))
        };
        let mut links = read_chain(&self.digests())?;
        links.retain(|link| link.end <= state.chain_len);
        let last = links.last();
        if last.is_none_or(|link| link.chain != state.chain || link.end != state.chain_len) {
            return other(self.digests(), "the chain is not the one of");
        }
        let mut metrics = read_metrics(&self.metrics())?.into_iter();
        let (mut done, mut next, mut end) = (0, 0, 0);
        for link in &links {
            let (file, digest) = match &link.entry {
                ChainEntry::Config { .. } => continue,
                ChainEntry::Step {
                    step,
                    draw,
                    rollouts,
                    metrics,
                } => {
                    (done, next) = (*step, *draw);
                    (
                        rollouts.map(|file| (self.rollouts_of(*step), file)),
                        metrics,
                    )
                }
                ChainEntry::Validation {
                    step,
                    rollouts,
                    metrics,
                } => (Some((self.validation_of(*step), *rollouts)), metrics),
            };
            let line = metrics.next();
            end = line.as_ref().map_or(end, |line| line.end);
            if line.is_none_or(|line| line.digest != *digest) {
                return other(self.metrics(), "the metrics are not those of");
            }
            if let Some((path, file)) = file
                && !fs::metadata(&path)
                    .is_ok_and(|found| found.is_file() && found.len() == file.bytes)
            {
                return other(path, "the rollouts are gone, or not those of");
            }
        }
        if (done, next, end) != (state.step, state.draw, state.metrics_len) {
            return other(self.digests(), "the chain ends at another step than");
        }
        Ok(())
    }

    /// Makes sure that one process at a time writes the run, as long as the file is held.
    ///
    /// # Errors
    /// If another process writes it.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.dir.join(".lock");
        let file = files::open_own(&path, OpenOptions::new().write(true).create(true))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Error::run(
                &self.dir,
                "another process is writing this run: wait for its end, or stop it",
            )),
            Err(TryLockError::Error(e)) => Err(Error::io(&path, e)),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// `config.toml`, the resolved configuration.
    pub fn config(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    /// `metrics.jsonl`, the numbers that equal runs share.
    pub fn metrics(&self) -> PathBuf {
        self.dir.join("metrics.jsonl")
    }

    /// `digests.jsonl`, the digests of what the run wrote ([`Chain`]).
    pub fn digests(&self) -> PathBuf {
        self.dir.join("digests.jsonl")
    }

    /// `summary.json`, how the run ended ([`RunSummary`](super::RunSummary)).
    pub fn summary(&self) -> PathBuf {
        self.dir.join("summary.json")
    }

    /// `curve.svg`, the learning curve.
    pub fn curve(&self) -> PathBuf {
        self.dir.join("curve.svg")
    }

    /// `metrics.csv`, the metrics as a table.
    pub fn table(&self) -> PathBuf {
        self.dir.join("metrics.csv")
    }

    /// What the names of files of events begin with.
    pub const EVENTS: &str = "events.out.tfevents.";

    /// The files of events for `TensorBoard`, in order of name.
    pub fn events(&self) -> Result<Vec<PathBuf>> {
        let mut paths = files::entries(&self.dir)?;
        paths.retain(|path| {
            let name = path.file_name().unwrap_or_default();
            name.as_encoded_bytes().starts_with(Self::EVENTS.as_bytes())
        });
        Ok(paths)
    }

    /// Whether a file of this name in the folder follows from the others or tells of time, so that no digest binds it.
    pub fn is_unbound(name: &str) -> bool {
        let known = ["timings.jsonl", "curve.svg", "metrics.csv", ".lock"];
        known.contains(&name) || name.starts_with(Self::EVENTS)
    }

    /// `timings.jsonl`, the numbers that they don't.
    pub fn timings(&self) -> PathBuf {
        self.dir.join("timings.jsonl")
    }

    /// `rollouts/`, one file per step.
    pub fn rollouts(&self) -> PathBuf {
        self.dir.join("rollouts")
    }

    /// `checkpoints/`, one folder per saved step.
    pub fn checkpoints(&self) -> PathBuf {
        self.dir.join("checkpoints")
    }

    /// `plugins/`, the components of the run's rewards by their digests.
    pub fn plugins(&self) -> PathBuf {
        self.dir.join("plugins")
    }

    /// The copy of the component of this digest.
    pub fn plugin_of(&self, component: Digest) -> PathBuf {
        self.plugins().join(format!("{}.wasm", component.hex()))
    }

    /// Keeps a component of the run, so that its scores can be made again; one that is there already
    /// and whole is left alone. The file is there whole or not at all.
    pub fn keep_plugin(&self, component: &[u8]) -> Result<PathBuf> {
        let digest = Digest::of(component);
        let path = self.plugin_of(digest);
        let known = read(&path, component.len() as u64);
        if known.is_ok_and(|known| known == component) {
            return Ok(path);
        }
        let plugins = self.plugins();
        fs::create_dir_all(&plugins).map_err(|e| Error::io(&plugins, e))?;
        files::write_whole(&path, |file| file.write_all(component))?;
        files::sync_dir(&self.dir)?;
        Ok(path)
    }

    /// Writes a configuration that makes the run longer and is otherwise the one that it has.
    pub(crate) fn lengthen(&self, config: &str) -> Result<()> {
        files::write_whole(&self.config(), |file| file.write_all(config.as_bytes()))
    }

    /// SHA-256 of `config.toml` without the line of `trainer.max_steps`: a run that is made longer keeps it.
    pub fn config_digest(&self) -> Result<Digest> {
        let path = self.config();
        let bytes = read(&path, TEXT).map_err(|e| Error::io(&path, e))?;
        let mut section: &[u8] = b"";
        let mut digest = Sha256::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b"[") {
                section = line.trim_ascii_end();
            }
            if section != b"[trainer]" || !line.starts_with(b"max_steps = ") {
                digest.update(line);
            }
        }
        Ok(Digest(digest.finalize().into()))
    }
}
