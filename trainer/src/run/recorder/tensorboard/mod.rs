//! `events.out.tfevents.*`: what `TensorBoard` reads, beside the metrics. Scalars of every step and validation, and now
//! and then a few samples with their pictures.
//!
//! A run that is resumed begins a file of its own, since whoever watches has read further in the old one than the
//! checkpoint. Old files are cut back to the checkpoint, so that no step is there twice; and the new one begins with the
//! mark of a session's start, at which a `TensorBoard` that is running forgets the later steps.

mod events;
mod samples;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::run::lines::Lines;
use crate::run::{RunFolder, files};
use crate::{Error, Result};

use super::{Entry, Recorder};
use events::{framed, kept};

pub use events::{Event, Picture, Value, read_events};

/// Steps after which samples are shown again.
const SAMPLES_EVERY: u64 = 20;
/// Numbers in names are padded to this width, so that files are read in order.
const DIGITS: usize = 10;
const LARGEST: u64 = 9_999_999_999;

/// Writes the files of events.
pub(super) struct EventRecorder {
    folder: RunFolder,
    /// The file of this process; it begins with the first entry.
    file: Option<Lines>,
    /// The number in its name is at least this one.
    least: u64,
    done: u64,
}

impl EventRecorder {
    /// Cuts what is there back to the steps that are done.
    pub(super) fn open(folder: &RunFolder, done: u64) -> Result<Self> {
        let events = folder.events()?;
        // Also behind those that go: somebody may have them open still.
        let last = events.iter().filter_map(number).max();
        for path in events {
            let mut file = Lines::open(&path)?;
            let kept = match done {
                // A run that begins again has a first validation again.
                0 => None,
                _ => kept(file.file(), done).map_err(|e| Error::io(&path, e))?,
            };
            match kept {
                Some(len) => file.truncate_to(len)?,
                None => files::remove(&path)?,
            }
        }
        Ok(Self {
            folder: folder.clone(),
            file: None,
            least: last.map_or(0, |last| last + 1),
            done,
        })
    }

    /// The name of a new file, behind all others: by the time, as usual.
    fn name(&self) -> PathBuf {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        let number = now.max(self.least).min(LARGEST);
        let name = format!("{}{number:0DIGITS$}.rlhost", RunFolder::EVENTS);
        self.folder.path().join(name)
    }

    fn file(&mut self) -> Result<&mut Lines> {
        if self.file.is_none() {
            let mut file = Lines::open(&self.name())?;
            // The first start of all is of the step 0, as a first validation has it.
            let from = if self.done == 0 { 0 } else { self.done + 1 };
            let head = [framed(&Event::version()), framed(&Event::start(from))];
            file.push(&head.concat())?;
            self.file = Some(file);
        }
        let missing = || Error::run(self.folder.path(), "no file of events is open");
        self.file.as_mut().ok_or_else(missing)
    }
}

/// The number in the name of a file of events.
fn number(path: impl AsRef<Path>) -> Option<u64> {
    let name = path.as_ref().file_name()?.to_str()?;
    let rest = name.strip_prefix(RunFolder::EVENTS)?;
    rest.get(..DIGITS)?.parse().ok()
}

impl Recorder for EventRecorder {
    fn record(&mut self, entry: &Entry<'_>) -> Result<()> {
        let timings = entry.timings.into_iter().flatten();
        let numbers = entry.metrics.iter().chain(timings);
        let mut values: Vec<(String, Value)> = numbers
            .map(|(name, value)| (name.clone(), Value::Scalar(*value as f32)))
            .collect();
        let (place, due) = match entry.timings {
            Some(_) => (
                "samples",
                entry.step == 1 || entry.step.is_multiple_of(SAMPLES_EVERY),
            ),
            None => ("val_samples", true),
        };
        if due {
            values.extend(samples::chosen(place, entry.rows));
        }
        let event = framed(&Event::of(entry.step, values));
        self.file()?.push(&event)
    }

    fn sync(&mut self) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), Lines::sync)
    }

    fn finish(&mut self) -> Result<()> {
        self.sync()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let temp = std::env::temp_dir().join(format!("rlhost-events-{}", std::process::id()));
        let folder = RunFolder::create(&temp, "").expect("a folder");
        let mut recorder = EventRecorder::open(&folder, 0).expect("a recorder");
        recorder.file = Lines::open(Path::new("/dev/full")).ok();
        let entry = Entry {
            step: 1,
            metrics: &BTreeMap::from([("a".to_owned(), 0.5)]),
            timings: None,
            rows: &[],
        };
        let error = recorder.record(&entry).expect_err("a full disk");
        std::fs::remove_dir_all(&temp).expect("the folder goes");
        let error = error.to_string();
        assert!(error.contains("/dev/full: No space left"), "{error}");
    }
}
