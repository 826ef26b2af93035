//! Who writes a run's curves: one [`Recorder`] for each form, and nothing else in a run knows that form.
//!
//! `metrics.jsonl` is written by the run itself, since its chain of digests binds each line. Whatever is written here
//! is bound by nothing: it follows from the metrics and the rollouts, or tells of time. A recorder that can't write
//! stops the run, as a full disk does anywhere else.
//!
//! To add a form, implement [`Recorder`] in a module of its own and name it in [`LOGGERS`] and [`open`].

mod csv;
mod curve;
mod jsonl;
mod tensorboard;

use std::collections::BTreeMap;

use crate::{Error, Result};

use super::folder::RunFolder;
use super::plot::Shown;
use super::rollouts::RolloutRow;

pub use tensorboard::{Event, Picture, Value, read_events};

/// The names that `trainer.logger` knows. The console is the command's own.
pub const LOGGERS: [&str; 3] = ["console", "tensorboard", "csv"];

/// What a step, or a validation, has measured.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Steps that are done, this one included.
    pub step: u64,
    /// What `metrics.jsonl` holds of it.
    pub metrics: &'a BTreeMap<String, f64>,
    /// Seconds and rates of a step; `None` of a validation.
    pub timings: Option<&'a BTreeMap<String, f64>>,
    /// The samples: a step's rollouts, or those of held-out prompts. Supervised fine-tuning has none of a step.
    pub rows: &'a [RolloutRow],
}

/// Writes what a run measures in a form of its own.
pub trait Recorder {
    /// Books an entry, which stands in `metrics.jsonl` already.
    ///
    /// # Errors
    /// If it can't be written; what was written before stays whole.
    fn record(&mut self, entry: &Entry<'_>) -> Result<()>;

    /// Waits until all is on the disk: before a checkpoint, which a resumed run goes on from.
    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    /// The run ends here.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The recorders of a run: those that every run has, and those of `loggers`. The folder has been taken back to `done`
/// steps, and so is what they find of their own.
///
/// # Errors
/// [`Error::Config`] for a name that is not in [`LOGGERS`]; whatever hinders reading or cutting their files.
pub fn open(
    folder: &RunFolder,
    loggers: &[String],
    shown: Shown,
    done: u64,
) -> Result<Vec<Box<dyn Recorder>>> {
    check_names(loggers)?;
    let mut recorders: Vec<Box<dyn Recorder>> = vec![
        Box::new(jsonl::Timings::open(folder)?),
        Box::new(curve::CurveRecorder::open(folder, shown)?),
    ];
    let wanted = |name: &str| loggers.iter().any(|logger| logger == name);
    if wanted("tensorboard") {
        recorders.push(Box::new(tensorboard::EventRecorder::open(folder, done)?));
    }
    if wanted("csv") {
        recorders.push(Box::new(csv::Table::open(folder)?));
    }
    Ok(recorders)
}

/// Checks names of loggers.
///
/// # Errors
/// [`Error::Config`] for one that is unknown, with those that are known.
pub fn check_names(loggers: &[String]) -> Result<()> {
    let unknown = loggers
        .iter()
        .find(|name| !LOGGERS.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| {
        Err(Error::Config(format!(
            "trainer.logger: {name:?} is not known; there are {LOGGERS:?} (Weights & Biases, MLflow, SwanLab and others come \
             later; until then metrics.jsonl, which every run has, can be uploaded)"
        )))
    })
}
