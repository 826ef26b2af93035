//! Files of numbers that grow by a line per step.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use rlhost_host::Digest;
use rlhost_host::files::read;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::lines::Lines;
use super::proof::Proof::{self, Bound, Recomputed};

/// The most bytes of a file that is read whole.
pub(super) const MOST: u64 = 4 << 30;

/// A file with one JSON object per line, `{"step":N,"name":number,…}`, names in order.
///
/// A line is written at once or not at all: when the disk is full, what was there stays whole.
#[derive(Debug)]
pub struct JsonLines(Lines);

#[derive(Serialize)]
struct LineOut<'a> {
    step: u64,
    #[serde(flatten)]
    values: &'a BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct LineStep {
    step: u64,
}

/// What stands for each metric: the first entry that its name begins with.
///
/// Advantages are recomputed where those of the rows are ([`RolloutRow::FIELDS`](super::RolloutRow::FIELDS)).
pub const METRICS: &[(&str, Proof)] = &[
    ("reward/", Recomputed),
    ("rewards/", Recomputed),
    ("response/", Recomputed),
    ("response_length/", Recomputed),
    ("rollout/prefix_share", Recomputed),
    ("val/", Recomputed),
    ("sampling/tries", Recomputed),
    ("sampling/equal_groups", Recomputed),
    ("sampling/dropped_", Recomputed),
    ("advantage/", Recomputed),
    // What the weights and the learning step say, what dynamic sampling left out, and how far the run is.
    ("progress/", Bound),
    ("sampling/", Bound),
    ("rollout/", Bound),
    ("actor/", Bound),
    ("critic/", Bound),
    ("sft/", Bound),
];

/// What stands for the metric `name`; nothing for one that no run writes.
pub fn metric_proof(name: &str) -> Option<Proof> {
    let found = METRICS.iter().find(|(prefix, _)| name.starts_with(prefix));
    found.map(|(_, proof)| *proof)
}

#[derive(Deserialize)]
struct LineIn {
    step: u64,
    #[serde(flatten)]
    values: BTreeMap<String, f64>,
}

/// A line of a file of metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsLine {
    /// The step.
    pub step: u64,
    /// The values by name.
    pub values: BTreeMap<String, f64>,
    /// SHA-256 of the line, its line feed included.
    pub digest: Digest,
    /// Where the line ends in the file, in bytes.
    pub end: u64,
}

/// The lines of a file of metrics. A last line that was cut off by the end of its writer does not count.
///
/// # Errors
/// If the file can't be read, or a line is not in the form that [`JsonLines`] writes.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricsLine>> {
    let text = read(path, MOST).map_err(|e| Error::io(path, e))?;
    let mut lines = Vec::new();
    let mut end = 0;
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let wrong = |e: String| Error::run(path, format!("line {}: {e}", number + 1));
        let read: LineIn = serde_json::from_slice(line).map_err(|e| wrong(e.to_string()))?;
        let written = metrics_line(read.step, &read.values).map_err(|e| wrong(e.to_string()))?;
        if written != line {
            return Err(wrong("not in the form that a run writes".to_owned()));
        }
        end += line.len() as u64;
        lines.push(MetricsLine {
            step: read.step,
            values: read.values,
            digest: Digest::of(line),
            end,
        });
    }
    Ok(lines)
}

/// The values of one metric over a file of metrics, as (step, value) in the file's order.
///
/// # Errors
/// As [`read_metrics`].
pub fn read_metric(path: &Path, name: &str) -> Result<Vec<(u64, f64)>> {
    let lines = read_metrics(path)?.into_iter();
    let values = lines.filter_map(|line| Some((line.step, *line.values.get(name)?)));
    Ok(values.collect())
}

impl JsonLines {
    /// Opens `path` for appending; creates it if it is missing.
    pub fn open(path: &Path) -> Result<Self> {
        Lines::open(path).map(Self)
    }

    /// Length of the file in bytes, as a checkpoint notes it.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether the file holds no line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the `values` of `step`. Returns the digest of the line, its line feed included.
    ///
    /// # Errors
    /// If a value is not finite or the file can't be written, for instance on a full disk; the
    /// file then holds what it held before.
    pub fn write(&mut self, step: u64, values: &BTreeMap<String, f64>) -> Result<Digest> {
        let wrong = |message: String| Err(Error::run(self.0.path(), message));
        if let Some((name, value)) = values.iter().find(|(_, value)| !value.is_finite()) {
            return wrong(format!(
                "`{name}` of step {step} is {value}, which is not a number to record"
            ));
        }
        if values.contains_key("step") {
            return wrong(
                "`step` is the number of the line and can't be the name of a value".to_owned(),
            );
        }
        let line = metrics_line(step, values).map_err(|e| Error::io(self.0.path(), e.into()))?;
        self.0.push(&line)?;
        Ok(Digest::of(&line))
    }

    /// Waits until the lines are on the disk: before a checkpoint notes their length.
    pub fn sync(&self) -> Result<()> {
        self.0.sync()
    }

    /// Takes the file back to its first `len` bytes.
    ///
    /// # Errors
    /// If it holds less than that.
    pub fn truncate_to(&mut self, len: u64) -> Result<()> {
        self.0.truncate_to(len)
    }

    /// Takes the file back to its lines of steps up to `step`; also drops a broken last line.
    pub fn truncate_after_step(&mut self, step: u64) -> Result<()> {
        let kept = self
            .len_up_to(step)
            .map_err(|e| Error::io(self.0.path(), e))?;
        self.truncate_to(kept)
    }

    fn len_up_to(&self, step: u64) -> io::Result<u64> {
        let mut file = self.0.file();
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file);
        let (mut kept, mut line) = (0, Vec::new());
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            let parsed = serde_json::from_slice::<LineStep>(&line);
            if !line.ends_with(b"\n") || !parsed.is_ok_and(|line| line.step <= step) {
                return Ok(kept);
            }
            kept += read as u64;
        }
    }
}

/// The one form of a line of metrics, its line feed included.
fn metrics_line(step: u64, values: &BTreeMap<String, f64>) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&LineOut { step, values })?;
    line.push(b'\n');
    Ok(line)
}
