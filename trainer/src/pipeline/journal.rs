//! What a job tells about itself while it runs.

use crate::run::plot::{Curve, write_svg};
use crate::run::{Checkpoint, JsonLines, RunFolder, read_metric};
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;
use toml::{Table, Value};

/// How a job begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// In a folder of its own, which must not exist.
    Fresh,
    /// From the latest checkpoint of the run's folder.
    Resume,
}

/// Something that happened.
#[derive(Debug)]
pub enum Report<'a> {
    /// The job is set up: folder, first step to do (from 0) and number of steps.
    Started {
        /// The run's folder.
        folder: &'a std::path::Path,
        /// Steps that are done already.
        done: u64,
        /// Steps in all.
        steps: u64,
    },
    /// Something the user should know.
    Notice(&'a str),
    /// A training step is done; `step` counts from 1.
    Step {
        /// Number of the step.
        step: u64,
        /// What `metrics.jsonl` holds of it.
        metrics: &'a BTreeMap<String, f64>,
        /// What `timings.jsonl` holds of it.
        timings: &'a BTreeMap<String, f64>,
    },
    /// Held-out prompts were evaluated after `step` steps.
    Validated {
        /// Steps that are done.
        step: u64,
        /// What `metrics.jsonl` holds of it.
        metrics: &'a BTreeMap<String, f64>,
    },
    /// A checkpoint was written.
    Saved {
        /// Its folder.
        folder: &'a std::path::Path,
    },
}

/// Is told what happens and may ask for an early end.
pub trait Observer {
    /// Something happened.
    fn report(&mut self, report: Report<'_>);

    /// Whether the job should save a checkpoint and end after the current step.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// An observer that says nothing.
pub struct Silent;

impl Observer for Silent {
    fn report(&mut self, _report: Report<'_>) {}
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The run's folder.
    pub folder: PathBuf,
    /// The latest checkpoint.
    pub checkpoint: PathBuf,
    /// The learning curve.
    pub plot: PathBuf,
    /// Steps that are done.
    pub steps: u64,
    /// Held-out accuracy at the first and the last evaluation, if there were any.
    pub accuracy: Option<(f64, f64)>,
    /// Whether the observer asked for the end.
    pub stopped: bool,
}

/// Writes a run's metrics and timings and passes them on.
pub(super) struct Journal<'a> {
    pub(super) folder: RunFolder,
    metrics: JsonLines,
    timings: JsonLines,
    observer: &'a mut dyn Observer,
}

impl<'a> Journal<'a> {
    /// Creates or reopens the run's folder.
    pub(super) fn open(
        dir: &std::path::Path,
        config: &str,
        start: Start,
        observer: &'a mut dyn Observer,
    ) -> Result<(Self, Option<Checkpoint>)> {
        let (folder, checkpoint) = match start {
            Start::Fresh => (RunFolder::create(dir, config)?, None),
            Start::Resume => {
                let found = RunFolder::open(dir)?.config();
                let found = fs::read_to_string(&found).map_err(|e| Error::io(&found, e))?;
                if let Some(difference) = difference(&found, config) {
                    return Err(Error::run(
                        dir,
                        format!(
                            "--resume goes on with the run's own configuration, but {difference}; \
                             give the same configuration, or start a run of another name"
                        ),
                    ));
                }
                RunFolder::open_for_resume(dir)?
            }
        };
        let journal = Self {
            metrics: JsonLines::open(&folder.metrics())?,
            timings: JsonLines::open(&folder.timings())?,
            folder,
            observer,
        };
        Ok((journal, checkpoint))
    }

    pub(super) fn report(&mut self, report: Report<'_>) {
        self.observer.report(report);
    }

    pub(super) fn stop_requested(&self) -> bool {
        self.observer.stop_requested()
    }

    pub(super) fn step(
        &mut self,
        step: u64,
        metrics: &BTreeMap<String, f64>,
        timings: &BTreeMap<String, f64>,
    ) -> Result<()> {
        self.metrics.write(step, metrics)?;
        self.timings.write(step, timings)?;
        self.report(Report::Step {
            step,
            metrics,
            timings,
        });
        Ok(())
    }

    pub(super) fn validated(&mut self, step: u64, metrics: &BTreeMap<String, f64>) -> Result<()> {
        self.metrics.write(step, metrics)?;
        self.report(Report::Validated { step, metrics });
        Ok(())
    }

    /// Makes all lines durable and returns the length of the metrics, for a checkpoint.
    pub(super) fn sync(&mut self) -> Result<u64> {
        self.metrics.sync()?;
        self.timings.sync()?;
        Ok(self.metrics.len())
    }

    /// Values of a metric over the run, from the file, as (step, value).
    pub(super) fn history(&self, name: &str) -> Result<Vec<(u64, f64)>> {
        read_metric(&self.folder.metrics(), name)
    }

    /// Draws the learning curve beside the metrics.
    pub(super) fn plot(&self, title: &str, training: &str) -> Result<PathBuf> {
        let path = self.folder.path().join("curve.svg");
        write_svg(
            &path,
            &Curve {
                title,
                reward: &self.history(training)?,
                accuracy: &self.history("val/accuracy")?,
            },
        )?;
        Ok(path)
    }
}

/// What differs first between a run's configuration and the one that is given now.
fn difference(found: &str, given: &str) -> Option<String> {
    if found == given {
        return None;
    }
    let (Ok(found), Ok(given)) = (found.parse(), given.parse()) else {
        return Some("its config.toml can't be read".into());
    };
    let absent = "absent";
    Some(differing_key("", &found, &given).map_or_else(
        || "its config.toml has been rewritten".into(),
        |(key, [found, given])| {
            let text = |value: Option<&Value>| value.map_or(absent.into(), Value::to_string);
            format!("`{key}` is {} there and {} here", text(found), text(given))
        },
    ))
}

type Difference<'a> = (String, [Option<&'a Value>; 2]);

fn differing_key<'a>(prefix: &str, a: &'a Table, b: &'a Table) -> Option<Difference<'a>> {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter().find_map(|key| {
        let name = format!("{prefix}{key}");
        match (a.get(key), b.get(key)) {
            (Some(Value::Table(a)), Some(Value::Table(b))) => {
                differing_key(&format!("{name}."), a, b)
            }
            (a, b) => (a != b).then_some((name, [a, b])),
        }
    })
}

/// Seconds of the parts of a step.
pub(super) struct Clock {
    start: Instant,
    last: Instant,
    parts: BTreeMap<String, f64>,
}

impl Clock {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            parts: BTreeMap::new(),
        }
    }

    /// Books the time since the last call under `part`.
    pub(super) fn book(&mut self, part: &str) {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        *self.parts.entry(format!("timing_s/{part}")).or_insert(0.0) += seconds;
        self.last = now;
    }

    pub(super) fn finish(mut self) -> BTreeMap<String, f64> {
        let total = self.start.elapsed().as_secs_f64();
        self.parts.insert("timing_s/step".into(), total);
        self.parts
    }
}
