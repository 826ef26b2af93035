//! What was sampled and how it was scored: `rollouts/step-N.jsonl.zst`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, Result};

use super::files;
use super::folder::RunFolder;

const SUFFIX: &str = ".jsonl.zst";
/// Text shrinks to about a fifth at zstd's default level, at hundreds of MB/s.
const LEVEL: i32 = 3;

/// One sample: a prompt, its completion and, merged into the same JSON object, the score record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutRow {
    /// The step that sampled it, from 1.
    pub step: u64,
    /// Row of the data file, from 0.
    pub index: u64,
    /// Ordinal of the prompt in the run's data order.
    pub draw: u64,
    /// Place in the group of completions of the prompt.
    pub sample: u32,
    /// The prompt, as text.
    pub prompt: String,
    /// Where the prompt's images come from, as the data names them.
    pub images: Vec<String>,
    /// The completion, as text.
    pub response: String,
    /// Length of the completion in tokens.
    pub tokens: u64,
    /// Why it ended: `stop`, `length`, ….
    pub finish_reason: String,
    /// Its advantage; `None` if the sample left the step.
    pub advantage: Option<f64>,
    /// The score record but for the fields above.
    #[serde(flatten)]
    record: Map<String, Value>,
}

impl RolloutRow {
    /// A sample without text and score yet.
    pub fn new(step: u64, index: u64, draw: u64, sample: u32) -> Self {
        Self {
            step,
            index,
            draw,
            sample,
            prompt: String::new(),
            images: Vec::new(),
            response: String::new(),
            tokens: 0,
            finish_reason: String::new(),
            advantage: None,
            record: Map::new(),
        }
    }

    /// The row with the fields of `record` (whatever the scorer says of a sample) merged into it.
    ///
    /// # Errors
    /// If `record` is not an object, or has a field of the row with another value: then it is
    /// the record of another sample.
    pub fn with_record(mut self, record: &impl Serialize) -> Result<Self> {
        let whose = format!(
            "record of step {}, draw {}, sample {}",
            self.step, self.draw, self.sample
        );
        let fail = |message: String| Err(Error::run(&whose, message));
        let mut record = match serde_json::to_value(record) {
            Ok(Value::Object(record)) => record,
            Ok(_) => return fail("it is not a JSON object".into()),
            Err(error) => return fail(error.to_string()),
        };
        self.record.clear();
        for (name, own) in self.fields()? {
            if let Some(value) = record.remove(&name)
                && value != own
            {
                return fail(format!(
                    "its `{name}` is {value}, and the sample's is {own}"
                ));
            }
        }
        self.record = record;
        Ok(self)
    }

    /// The score record, as the type that it was written from.
    ///
    /// # Errors
    /// If the row holds another kind of record.
    pub fn record<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(Value::Object(self.fields()?)).map_err(|e| {
            Error::run(
                format!(
                    "record of step {}, draw {}, sample {}",
                    self.step, self.draw, self.sample
                ),
                e.to_string(),
            )
        })
    }

    /// The whole row as one object.
    fn fields(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) | Err(_) => Err(Error::run("rollouts", "a row can't be written as JSON")),
        }
    }
}

impl RunFolder {
    /// The file with the rollouts of `step`.
    pub fn rollouts_of(&self, step: u64) -> PathBuf {
        self.rollouts().join(format!("step-{step}{SUFFIX}"))
    }

    /// Writes the rollouts of `step`, whole or not at all.
    pub fn write_rollouts(&self, step: u64, rows: &[RolloutRow]) -> Result<PathBuf> {
        let path = self.rollouts_of(step);
        files::write_whole(&path, |file| {
            let mut encoder = zstd::Encoder::new(BufWriter::new(file), LEVEL)?;
            encoder.include_checksum(true)?;
            for row in rows {
                serde_json::to_writer(&mut encoder, row)?;
                encoder.write_all(b"\n")?;
            }
            encoder.finish()?.flush()
        })?;
        Ok(path)
    }

    /// The steps that have rollouts, in order, with their files.
    pub fn rollout_steps(&self) -> Result<Vec<(u64, PathBuf)>> {
        files::steps(&self.rollouts(), SUFFIX)
    }

    /// Removes the rollouts of steps after `step`.
    pub(super) fn remove_rollouts_after(&self, step: u64) -> Result<()> {
        for (_, path) in self.rollout_steps()?.iter().filter(|(n, _)| *n > step) {
            files::remove(path)?;
        }
        Ok(())
    }
}

/// Reads a file of rollouts.
///
/// # Errors
/// Names the file, and the line that is not a rollout.
pub fn read_rollouts(path: &Path) -> Result<Vec<RolloutRow>> {
    let io = |e| Error::io(path, e);
    let decoder = zstd::Decoder::new(File::open(path).map_err(io)?).map_err(io)?;
    let mut rows = Vec::new();
    for (number, line) in BufReader::new(decoder).lines().enumerate() {
        let row = serde_json::from_str(&line.map_err(io)?).map_err(|e| Error::Data {
            file: path.to_owned(),
            line: number + 1,
            message: e.to_string(),
        })?;
        rows.push(row);
    }
    Ok(rows)
}
