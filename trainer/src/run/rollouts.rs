//! What was sampled and how it was scored: `rollouts/step-N.jsonl.zst` and, on held-out prompts,
//! `rollouts/validation-N.jsonl.zst`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use rlhost_host::files::{LINE, open, read_line};
use rlhost_host::{Message, Record};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::{Error, Result};

use super::files;
use super::folder::RunFolder;

const STEP: &str = "step-";
const VALIDATION: &str = "validation-";
const SUFFIX: &str = ".jsonl.zst";
/// Text shrinks to about a fifth at zstd's default level, at hundreds of MB/s.
const LEVEL: i32 = 3;
/// The most bytes of a row: that of the data, what the model said and what the rewards said.
const MOST: u64 = 4 * LINE;

/// Who made a completion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The policy, by sampling.
    #[default]
    Policy,
    /// The policy, taking the most probable tokens: a baseline, which is not trained.
    Greedy,
    /// Nobody: it is the data's target.
    Target,
}

/// One sample: a prompt, its completion, what the data says about it and, merged into the same JSON
/// object, the score record. With the images' files, a row is all that a reward saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutRow {
    /// The step that sampled it, from 1; of a validation, the steps that were done.
    pub step: u64,
    /// Row of the data file, from 0.
    pub index: u64,
    /// Ordinal of the prompt in the run's data order.
    pub draw: u64,
    /// Place in the group of completions of the prompt.
    pub sample: u32,
    /// The prompt, as the chat template made it.
    pub prompt: String,
    /// The prompt, as rewards see it.
    pub messages: Vec<Message>,
    /// Where the prompt's images come from, as the data names them.
    pub images: Vec<String>,
    /// The completion, as text.
    pub response: String,
    /// Length of the completion in tokens.
    pub tokens: u64,
    /// Why it ended: `stop`, `length`, ….
    pub finish_reason: String,
    /// Who made it.
    #[serde(default)]
    pub origin: Origin,
    /// Tokens at its beginning that the data's target wrote.
    #[serde(default)]
    pub prefix_tokens: u64,
    /// Mean advantage of its trained tokens; `None` if the sample left the step, and in a validation.
    pub advantage: Option<f64>,
    /// The reference answer: JSON text, which comes back byte for byte.
    #[serde(with = "json_text")]
    pub answer: String,
    /// Where the data says that the row comes from, or an empty string.
    pub data_source: String,
    /// The kind of problem, or an empty string.
    pub problem_type: String,
    /// The kind of answer, or an empty string.
    pub answer_type: String,
    /// All further columns: the text of a JSON object, which comes back byte for byte.
    #[serde(with = "json_text")]
    pub columns: String,
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
            messages: Vec::new(),
            images: Vec::new(),
            response: String::new(),
            tokens: 0,
            finish_reason: String::new(),
            origin: Origin::Policy,
            prefix_tokens: 0,
            advantage: None,
            answer: "null".into(),
            data_source: String::new(),
            problem_type: String::new(),
            answer_type: String::new(),
            columns: "{}".into(),
            record: Map::new(),
        }
    }

    /// The row with the fields of `record` (whatever the scorer says of a sample) merged into it.
    ///
    /// # Errors
    /// If `record` is not an object, or has a field of the row with another value: then it is
    /// the record of another sample.
    pub fn with_record(mut self, record: &impl Serialize) -> Result<Self> {
        let whose = self.whose();
        let fail = |message: String| Err(Error::run(&whose, message));
        let mut record = match serde_json::to_value(record) {
            Ok(Value::Object(record)) => record,
            Ok(_) => return fail("it is not a JSON object".into()),
            Err(error) => return fail(error.to_string()),
        };
        self.record.clear();
        for (name, own) in self.fields()? {
            let Some(value) = record.remove(&name) else {
                continue;
            };
            let value = value.to_string();
            if value != own.get() {
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
        let mut record = self.record.clone();
        record.insert("index".into(), json!(self.index));
        record.insert("draw".into(), json!(self.draw));
        record.insert("sample".into(), json!(self.sample));
        serde_json::from_value(Value::Object(record))
            .map_err(|e| Error::run(self.whose(), e.to_string()))
    }

    /// The score record, of the version that this crate knows.
    ///
    /// # Errors
    /// If the row holds another kind of record, or another version.
    pub fn judged(&self) -> Result<Record> {
        let record: Record = self.record()?;
        if record.v == Record::VERSION {
            return Ok(record);
        }
        Err(Error::run(
            self.whose(),
            format!(
                "its form is version {}; this rlhost reads version {}",
                record.v,
                Record::VERSION
            ),
        ))
    }

    /// What errors call the record.
    fn whose(&self) -> String {
        format!(
            "record of step {}, draw {}, sample {}",
            self.step, self.draw, self.sample
        )
    }

    /// The whole row as one object. Values keep their text: not every number of the data fits a
    /// number of ours.
    fn fields(&self) -> Result<BTreeMap<String, Box<RawValue>>> {
        let text = serde_json::to_string(self);
        text.and_then(|text| serde_json::from_str(&text))
            .map_err(|e| Error::run(self.whose(), format!("it can't be written as JSON: {e}")))
    }
}

/// JSON text as a value of its own.
mod json_text {
    use serde::de::Deserializer;
    use serde::ser::{Error as _, Serializer};
    use serde::{Deserialize, Serialize};
    use serde_json::value::RawValue;

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
        Ok(Box::<RawValue>::deserialize(d)?.get().to_owned())
    }
}

impl RunFolder {
    /// The file with the rollouts of `step`.
    pub fn rollouts_of(&self, step: u64) -> PathBuf {
        self.rollouts().join(format!("{STEP}{step}{SUFFIX}"))
    }

    /// The file with the samples of the validation after `step` steps.
    pub fn validation_of(&self, step: u64) -> PathBuf {
        self.rollouts().join(format!("{VALIDATION}{step}{SUFFIX}"))
    }

    /// Writes the rollouts of `step`, whole or not at all.
    pub fn write_rollouts(&self, step: u64, rows: &[RolloutRow]) -> Result<PathBuf> {
        write(self.rollouts_of(step), rows)
    }

    /// Writes the samples of the validation after `step` steps, whole or not at all.
    pub fn write_validation(&self, step: u64, rows: &[RolloutRow]) -> Result<PathBuf> {
        write(self.validation_of(step), rows)
    }

    /// The steps that have rollouts, in order, with their files.
    pub fn rollout_steps(&self) -> Result<Vec<(u64, PathBuf)>> {
        files::numbered(&self.rollouts(), STEP, SUFFIX)
    }

    /// The validations that have samples, by the steps that were done, with their files.
    pub fn validation_steps(&self) -> Result<Vec<(u64, PathBuf)>> {
        files::numbered(&self.rollouts(), VALIDATION, SUFFIX)
    }

    /// Removes the rollouts of steps after `step` and those of later validations; without any step
    /// that counts, all of them.
    pub(super) fn remove_rollouts_after(&self, step: Option<u64>) -> Result<()> {
        for (number, path) in [self.rollout_steps()?, self.validation_steps()?].concat() {
            if step.is_none_or(|step| number > step) {
                files::remove(&path)?;
            }
        }
        Ok(())
    }
}

fn write(path: PathBuf, rows: &[RolloutRow]) -> Result<PathBuf> {
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

/// Reads a file of rollouts.
///
/// # Errors
/// Names the file, and the line that is not a rollout.
pub fn read_rollouts(path: &Path) -> Result<Vec<RolloutRow>> {
    RolloutReader::open(path)?.collect()
}

/// Reads a file of rollouts row by row. It goes on after a line that is not a rollout; after an
/// [`Error::Io`], such as the end of a file that was cut off, there are no more rows.
pub struct RolloutReader {
    path: PathBuf,
    reader: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    line: usize,
    ended: bool,
}

impl RolloutReader {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self> {
        let io = |e| Error::io(path, e);
        let decoder = zstd::Decoder::new(open(path).map_err(io)?).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::new(decoder),
            line: 0,
            ended: false,
        })
    }
}

impl Iterator for RolloutReader {
    type Item = Result<RolloutRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.line += 1;
        let wrong = |message: String| Error::Data {
            file: self.path.clone(),
            line: self.line,
            message,
        };
        let mut line = Vec::new();
        match read_line(&mut self.reader, &mut line, MOST) {
            Ok(Some(0)) => None,
            Ok(Some(_)) => {
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                Some(serde_json::from_slice(line).map_err(|e| wrong(e.to_string())))
            }
            // A small file can hold a line without end: it is not gone through.
            Ok(None) => {
                self.ended = true;
                Some(Err(wrong(format!("the row has more than {MOST} bytes"))))
            }
            Err(error) => {
                self.ended = true;
                Some(Err(Error::io(&self.path, error)))
            }
        }
    }
}
