//! What a run recorded: files, rows, and the samples that they describe.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rlhost_host::replay::Difference;
use rlhost_host::{Image, Judgement, Picture, Sample, Turn};
use serde_json::json;

use super::Place;
use super::written::Written;
use crate::run::{ChainEntry, FileDigest, MetricsLine, RolloutReader, RolloutRow, RunFolder};
use crate::{Error, Result};

/// The files of a run's records, in the order of the run.
pub(super) struct Recorded(Vec<RecordFile>);

/// A file of records.
pub(super) struct RecordFile {
    pub(super) step: u64,
    pub(super) validation: bool,
    pub(super) path: PathBuf,
    /// The line of the run's metrics, if they know of it.
    pub(super) metrics: Option<MetricsLine>,
    /// What the run's digests say of the file, if they know of it.
    pub(super) bound: Option<FileDigest>,
}

/// The metrics that hold the number of a file's samples: of a step, and of a validation.
const TRAINED: &str = "reward/samples";
const VALIDATED: &str = "val/samples";

/// A recorded sample.
pub(super) struct Entry {
    pub(super) row: RolloutRow,
    pub(super) judgement: Judgement,
    /// The sample as rewards saw it, or why it can't be made again.
    pub(super) sample: Result<Sample, String>,
    /// What a row as a run writes it does not have, or has otherwise.
    pub(super) strange: Vec<Difference>,
}

/// The samples of a file.
pub(super) struct Loaded {
    pub(super) entries: Vec<Entry>,
    /// What can't be read: the number of samples that it may be, and why.
    pub(super) broken: Vec<(usize, String)>,
}

/// The files of a run, as they become known.
struct Files<'a> {
    folder: &'a RunFolder,
    /// By step, and whether it is of a validation.
    known: BTreeMap<(u64, bool), RecordFile>,
}

impl Files<'_> {
    fn at(&mut self, step: u64, validation: bool) -> &mut RecordFile {
        let file = || RecordFile {
            step,
            validation,
            path: if validation {
                self.folder.validation_of(step)
            } else {
                self.folder.rollouts_of(step)
            },
            metrics: None,
            bound: None,
        };
        self.known.entry((step, validation)).or_insert_with(file)
    }
}

impl Recorded {
    /// The files of one step and the validation after it, or all: those that are there, and those that the run's
    /// digests or metrics know of.
    pub(super) fn of(folder: &RunFolder, written: &Written, step: Option<u64>) -> Result<Self> {
        let mut files = Files {
            folder,
            known: BTreeMap::new(),
        };
        for (found, validation) in [
            (folder.rollout_steps()?, false),
            (folder.validation_steps()?, true),
        ] {
            for (step, _) in found {
                files.at(step, validation);
            }
        }
        for line in &written.lines {
            for (validation, name) in [(false, TRAINED), (true, VALIDATED)] {
                if line.values.contains_key(name) {
                    files.at(line.step, validation).metrics = Some(line.clone());
                }
            }
        }
        for link in &written.links {
            match link.entry {
                ChainEntry::Step {
                    step,
                    rollouts: Some(digest),
                    ..
                } => files.at(step, false).bound = Some(digest),
                ChainEntry::Validation { step, rollouts, .. } => {
                    files.at(step, true).bound = Some(rollouts);
                }
                _ => {}
            }
        }
        let mut files: Vec<_> = files.known.into_values().collect();
        let (Some(first), Some(last)) = (files.first(), files.last()) else {
            return Err(Error::run(folder.path(), "the run has no rollouts yet"));
        };
        if let Some(step) = step {
            let range = (first.step, last.step);
            files.retain(|file| file.step == step);
            if files.is_empty() {
                return Err(Error::run(
                    folder.path(),
                    format!(
                        "the run has no records of step {step}: it has those of steps {} to {}",
                        range.0, range.1
                    ),
                ));
            }
        }
        Ok(Self(files))
    }

    /// The files.
    pub(super) fn files(&self) -> impl Iterator<Item = &RecordFile> {
        self.0.iter()
    }

    /// Runs `work` on every file, on so many threads; results stand in the order of the files.
    ///
    /// Plain threads: a thread of a pool would take up the next file while it waits for the scores of
    /// one, and so on, all on one stack.
    pub(super) fn each<T: Send>(
        &self,
        threads: usize,
        work: impl Fn(&RecordFile) -> T + Sync,
    ) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(self.0.len()));
        thread::scope(|scope| {
            for _ in 0..threads.min(self.0.len()) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(file) = self.0.get(number) else {
                            return;
                        };
                        let result = work(file);
                        lock(&results).push((number, result));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(number, _)| *number);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

impl RecordFile {
    /// The place of the whole file.
    pub(super) fn place(&self) -> Place {
        Place {
            step: Some(self.step),
            validation: self.validation,
            draw: None,
            sample: None,
        }
    }

    /// The place of one sample.
    pub(super) fn place_of(&self, row: &RolloutRow) -> Place {
        Place {
            draw: Some(row.draw),
            sample: Some(row.sample),
            ..self.place()
        }
    }

    /// The number of samples by the run's metrics, if they know of it.
    fn expected(&self) -> Option<usize> {
        let name = if self.validation { VALIDATED } else { TRAINED };
        let samples = self.metrics.as_ref()?.values.get(name)?;
        Some(*samples as usize)
    }

    /// Reads what can be read.
    pub(super) fn load(&self, images: &Images) -> Loaded {
        let mut entries: Vec<Entry> = Vec::new();
        let mut broken: Vec<(usize, String)> = Vec::new();
        let mut group = 0;
        let mut end = None;
        match RolloutReader::open(&self.path) {
            Err(error) => end = Some(error),
            Ok(mut rows) => {
                while let Some(row) = rows.next() {
                    let entry = row.and_then(|row| {
                        if entries.last().is_some_and(|last| last.row.draw != row.draw) {
                            group += 1;
                        }
                        Entry::of(row, rows.text(), group, images)
                    });
                    match entry {
                        Ok(entry) => entries.push(entry),
                        Err(error @ Error::Io { .. }) => end = Some(error),
                        Err(error) => broken.push((1, error.to_string())),
                    }
                }
            }
        }
        let rows = entries.len() + broken.len();
        match (self.expected(), end) {
            (Some(expected), end) if expected > rows => {
                let missing = expected - rows;
                let why = end.map_or_else(String::new, |error| format!(": {error}"));
                let what = format!("{missing} of the step's {expected} samples are missing{why}");
                broken.push((missing, what));
            }
            (_, Some(error)) => broken.push((1, error.to_string())),
            (Some(expected), None) if expected < rows => {
                let what = format!(
                    "{}: {rows} samples, where metrics.jsonl knows of {expected}",
                    self.path.display()
                );
                broken.push((rows - expected, what));
            }
            _ => {}
        }
        Loaded { entries, broken }
    }
}

impl Entry {
    fn of(row: RolloutRow, text: &[u8], group: u32, images: &Images) -> Result<Self> {
        let record = row.judged()?;
        let strange = row.strange_fields(text)?.into_iter();
        let mut strange: Vec<_> = strange
            .map(|(field, old, new)| Difference { field, old, new })
            .collect();
        let names: Vec<_> = record.judgement.rewards.iter().map(|r| &r.name).collect();
        if !names.is_sorted_by(|a, b| a < b) {
            let mut once = names.clone();
            once.sort();
            once.dedup();
            strange.push(Difference {
                field: "rewards".to_owned(),
                old: json!(names),
                new: json!(once),
            });
        }
        Ok(Self {
            sample: sample(&row, group, images),
            row,
            judgement: record.judgement,
            strange,
        })
    }
}

/// The sample as rewards saw it, or why it can't be made again.
fn sample(row: &RolloutRow, group: u32, images: &Images) -> Result<Sample, String> {
    let finish_reason = serde_json::from_value(row.finish_reason.clone().into())
        .map_err(|_| format!("`{}` is no finish reason", row.finish_reason))?;
    let tokens = u32::try_from(row.tokens).map_err(|_| format!("{} tokens", row.tokens))?;
    Ok(Sample {
        group,
        prompt: row.messages.clone(),
        response: vec![Turn {
            text: row.response.clone(),
            finish_reason,
            tokens,
        }],
        answer: row.answer.clone(),
        data_source: row.data_source.clone(),
        problem_type: row.problem_type.clone(),
        answer_type: row.answer_type.clone(),
        columns: row.columns.clone(),
        images: row
            .images
            .iter()
            .map(|path| images.open(path))
            .collect::<Result<_, _>>()?,
    })
}

/// Decoded images, up to a bound; it has no influence on what is returned.
pub(super) struct Images {
    root: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    images: HashMap<Picture, Image>,
    bytes: usize,
}

/// Bytes of pixels that are kept altogether.
const BOUND: usize = 256 * 1024 * 1024;

impl Images {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            kept: Mutex::default(),
        }
    }

    fn open(&self, name: &str) -> Result<Image, String> {
        let picture = Picture::named(name, &self.root)?;
        if let Some(image) = lock(&self.kept).images.get(&picture) {
            return Ok(image.clone());
        }
        let image = picture.open().map_err(|e| e.to_string())?;
        let mut kept = lock(&self.kept);
        if kept.bytes + image.rgb().len() > BOUND {
            *kept = Kept::default();
        }
        kept.bytes += image.rgb().len();
        kept.images.insert(picture, image.clone());
        Ok(image)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
