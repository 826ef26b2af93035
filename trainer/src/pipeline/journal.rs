//! What a job tells about itself while it runs.

use super::evaluation::Evaluation;
use crate::run::plot::Shown;
use crate::run::recorder::{self, Entry, Recorder};
use crate::run::{
    Chain, ChainEntry, Checkpoint, FileDigest, HeldOut, HeldOutSummary, JsonLines, RolloutRow,
    RunFolder, read_metric, read_metrics,
};
use crate::{Error, Result};
use rlhost_host::Digest;
use rlhost_host::files::{TEXT, read_text};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
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

/// The key that a resumed run may change.
const MAX_STEPS: &str = "trainer.max_steps";

/// How long a run is to be.
#[derive(Clone, Copy)]
pub(super) struct Length {
    /// Its steps.
    pub(super) steps: u64,
    /// The steps that it has without `trainer.max_steps`.
    pub(super) by_epochs: u64,
}

/// What a run goes on from.
#[derive(Default)]
pub(super) struct Resumed {
    pub(super) checkpoint: Option<Checkpoint>,
    /// The steps that it had, where it is longer now.
    pub(super) longer_than: Option<u64>,
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
        /// The metric that stands for the run, and its value; nothing where no sample has a score.
        held_out: Option<(&'a str, f64)>,
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
    /// What stands for the whole run ([`RunSummary`](crate::run::RunSummary)).
    pub digest: Digest,
    /// Steps that are done.
    pub steps: u64,
    /// What the model is worth on held-out prompts, if there was a validation.
    pub held_out: Option<HeldOutSummary>,
    /// Whether the observer asked for the end.
    pub stopped: bool,
}

/// Who else is told of a run than its observer.
pub(super) struct Watched<'a> {
    /// The names of loggers.
    pub(super) loggers: &'a [String],
    /// What the run's picture shows.
    pub(super) shown: Shown,
}

/// Writes a run's metrics and passes them on.
pub(super) struct Journal<'a> {
    pub(super) folder: RunFolder,
    pub(super) metrics: JsonLines,
    recorders: Vec<Box<dyn Recorder>>,
    pub(super) chain: Chain,
    observer: &'a mut dyn Observer,
    /// Which metric of validations stands for the run.
    held_out: HeldOut,
    /// Held as long as the job runs; the system lets go of it however the job ends.
    _lock: File,
}

impl<'a> Journal<'a> {
    /// Creates or reopens the run's folder; `algorithms` are the components that stand for some.
    pub(super) fn open(
        dir: &std::path::Path,
        config: &str,
        length: Length,
        algorithms: Vec<Digest>,
        start: Start,
        watched: Watched<'_>,
        observer: &'a mut dyn Observer,
    ) -> Result<(Self, Resumed)> {
        let (folder, resumed, lock) = match start {
            Start::Fresh => {
                let folder = RunFolder::create(dir, config)?;
                let lock = folder.lock()?;
                (folder, Resumed::default(), lock)
            }
            Start::Resume => {
                let folder = RunFolder::open(dir)?;
                let lock = folder.lock()?;
                let longer_than = same_config(&folder, config, length)?;
                let (folder, checkpoint) = RunFolder::open_for_resume(dir)?;
                if longer_than.is_some() {
                    folder.lengthen(config)?;
                }
                let resumed = Resumed {
                    checkpoint,
                    longer_than,
                };
                (folder, resumed, lock)
            }
        };
        let mut chain = Chain::open(&folder.digests())?;
        if chain.is_empty() {
            chain.push(&ChainEntry::Config {
                v: Chain::VERSION,
                digest: folder.config_digest()?,
                algorithms,
            })?;
        }
        let done = resumed.checkpoint.as_ref();
        let done = done.map_or(0, |checkpoint| checkpoint.state().step);
        let metrics = JsonLines::open(&folder.metrics())?;
        let journal = Self {
            chain,
            metrics,
            recorders: recorder::open(&folder, watched.loggers, watched.shown, done)?,
            folder,
            observer,
            held_out: HeldOut::of_config(&config.parse().unwrap_or_default()),
            _lock: lock,
        };
        Ok((journal, resumed))
    }

    /// Says that the job is set up.
    pub(super) fn started(&mut self, done: u64, steps: u64) {
        self.observer.report(Report::Started {
            folder: self.folder.path(),
            done,
            steps,
        });
    }

    pub(super) fn report(&mut self, report: Report<'_>) {
        self.observer.report(report);
    }

    /// Says what the user should know.
    pub(super) fn notices(&mut self, notices: impl IntoIterator<Item = String>) {
        for notice in notices {
            self.report(Report::Notice(&notice));
        }
    }

    pub(super) fn stop_requested(&self) -> bool {
        self.observer.stop_requested()
    }

    /// Books a step whose rollouts `rows`, where it has some, are written. The next one begins with the prompt of
    /// the ordinal `draw`.
    pub(super) fn step(
        &mut self,
        step: u64,
        draw: u64,
        rollouts: Option<FileDigest>,
        rows: &[RolloutRow],
        metrics: &BTreeMap<String, f64>,
        timings: &BTreeMap<String, f64>,
    ) -> Result<()> {
        let line = self.metrics.write(step, metrics)?;
        self.chain.push(&ChainEntry::Step {
            step,
            draw,
            rollouts,
            metrics: line,
        })?;
        self.record(&Entry {
            step,
            metrics,
            timings: Some(timings),
            rows,
        })?;
        self.report(Report::Step {
            step,
            metrics,
            timings,
        });
        Ok(())
    }

    pub(super) fn validated(&mut self, step: u64, found: &Evaluation) -> Result<()> {
        let metrics = &found.metrics;
        let rollouts = self.folder.write_validation(step, &found.rows)?;
        let line = self.metrics.write(step, metrics)?;
        self.chain.push(&ChainEntry::Validation {
            step,
            rollouts,
            metrics: line,
        })?;
        self.record(&Entry {
            step,
            metrics,
            timings: None,
            rows: &found.rows,
        })?;
        self.report(Report::Validated {
            step,
            metrics,
            held_out: (found.scored > 0).then_some((&found.metric, found.value)),
        });
        Ok(())
    }

    fn record(&mut self, entry: &Entry<'_>) -> Result<()> {
        let mut recorders = self.recorders.iter_mut();
        recorders.try_for_each(|recorder| recorder.record(entry))
    }

    /// Makes all lines durable, for a checkpoint.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.metrics.sync()?;
        self.chain.sync()?;
        let mut recorders = self.recorders.iter_mut();
        recorders.try_for_each(|recorder| recorder.sync())
    }

    /// Values of a metric over the run, from the file, as (step, value).
    pub(super) fn history(&self, name: &str) -> Result<Vec<(u64, f64)>> {
        read_metric(&self.folder.metrics(), name)
    }

    /// Values over the run of the metric of validations that stands for it, as (step, value).
    pub(super) fn held_out(&self) -> Result<Vec<(u64, f64)>> {
        let lines = read_metrics(&self.folder.metrics())?;
        let found = self.held_out.in_lines(&lines);
        Ok(found.map(|(_, values)| values).unwrap_or_default())
    }

    /// The run ends here.
    pub(super) fn finish(&mut self) -> Result<()> {
        let mut recorders = self.recorders.iter_mut();
        recorders.try_for_each(|recorder| recorder.finish())
    }
}

/// A run goes on with the configuration that it began with, or its bytes would mean nothing. It may become
/// longer: then this returns the steps that it had.
fn same_config(folder: &RunFolder, config: &str, length: Length) -> Result<Option<u64>> {
    let path = folder.config();
    let first = read_text(&path, TEXT).map_err(|e| Error::io(&path, e))?;
    if first == config {
        return Ok(None);
    }
    let unreadable = |e: toml::de::Error| Error::run(&path, e.message());
    let (mut then, now): (Table, Table) = (
        first.parse().map_err(unreadable)?,
        config.parse().map_err(unreadable)?,
    );
    let wrong = |what: String, way_out: &str| Err(Error::run(&path, format!("{what}; {way_out}")));
    let same = "resume it with the same configuration, or give the new run another \
                trainer.experiment_name";
    let Some((key, values)) = changed_key("", &then, &now) else {
        let what = "the file has been rewritten since the run was started".to_owned();
        return wrong(what, same);
    };
    let text = |value: Option<&Value>| value.map_or("absent".into(), Value::to_string);
    let what = format!(
        "the run was started with {key} = {}, and now it is {}",
        text(values[0]),
        text(values[1])
    );
    if key != MAX_STEPS {
        return wrong(what, same);
    }
    let had = values[0].and_then(Value::as_integer);
    let had = had.map_or(length.by_epochs, |steps| steps as u64);
    if length.steps < had {
        let way_out = format!(
            "a run can become longer by --resume, not shorter than its {had} steps; {same}"
        );
        return wrong(what, &way_out);
    }
    // Whatever else has changed is still an error.
    let max_steps = now
        .get("trainer")
        .and_then(|trainer| trainer.get("max_steps"));
    if let Some(Value::Table(trainer)) = then.get_mut("trainer") {
        match max_steps {
            Some(steps) => trainer.insert("max_steps".into(), steps.clone()),
            None => trainer.remove("max_steps"),
        };
    }
    match changed_key("", &then, &now) {
        None => Ok(Some(had)),
        Some((key, [then, now])) => wrong(
            format!(
                "the run was started with {key} = {}, and now it is {}",
                text(then),
                text(now)
            ),
            same,
        ),
    }
}

/// The first key that differs, and its values.
fn changed_key<'a>(
    section: &str,
    then: &'a Table,
    now: &'a Table,
) -> Option<(String, [Option<&'a Value>; 2])> {
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    keys.into_iter().find_map(|key| {
        let name = format!("{section}{key}");
        match (then.get(key), now.get(key)) {
            (Some(Value::Table(then)), Some(Value::Table(now))) => {
                changed_key(&format!("{name}."), then, now)
            }
            (then, now) => (then != now).then_some((name, [then, now])),
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
        if let Some(mib) = peak_memory_mib() {
            self.parts.insert("perf/peak_memory_mib".into(), mib);
        }
        self.parts
    }
}

/// The most memory that this process has held, where the system tells (Linux).
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
