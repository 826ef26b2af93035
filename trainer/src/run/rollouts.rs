//! What was sampled and how it was scored: `rollouts/step-N.jsonl.zst` and, on held-out prompts,
//! `rollouts/validation-N.jsonl.zst`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use rlhost_host::files::{open, read_line};
use rlhost_host::{Message, Record};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::{Error, Result};

use super::digest::{Digesting, FileDigest};
use super::files;
use super::folder::RunFolder;
use super::proof::Proof::{self, Bound, Receipt, Recomputed};

const STEP: &str = "step-";
const VALIDATION: &str = "validation-";
const SUFFIX: &str = ".jsonl.zst";
/// Text shrinks to about a fifth at zstd's default level, at hundreds of MB/s.
const LEVEL: i32 = 3;
/// The longest row, in bytes: a few kilobytes of compressed data could be a line without end.
const MAX_LINE: u64 = 256 << 20;
/// The most bytes that a file may decode to.
const MAX_DECODED: u64 = 4 << 30;

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
    /// What stands for each field of a row and of its record. `[]` is any element of a list; a map, and what has
    /// values of any form, is one field.
    ///
    /// An advantage is recomputed where it follows from scores and lengths alone: by a built-in estimator, without
    /// a critic, divergence in the reward, or rewards inside a response.
    pub const FIELDS: &[(&str, Proof)] = &[
        ("step", Recomputed),
        ("index", Bound),
        ("draw", Recomputed),
        ("sample", Recomputed),
        ("prompt", Bound),
        ("messages", Receipt),
        ("images", Receipt),
        ("response", Receipt),
        ("tokens", Receipt),
        ("finish_reason", Receipt),
        ("origin", Recomputed),
        ("prefix_tokens", Bound),
        ("advantage", Recomputed),
        ("answer", Receipt),
        ("data_source", Receipt),
        ("problem_type", Receipt),
        ("answer_type", Receipt),
        ("columns", Receipt),
        ("v", Recomputed),
        ("outcome", Recomputed),
        ("score", Recomputed),
        ("parts", Recomputed),
        ("steps", Recomputed),
        ("rewards[].name", Recomputed),
        ("rewards[].digest", Recomputed),
        ("rewards[].outcome", Recomputed),
        ("rewards[].total", Recomputed),
        ("rewards[].parts", Recomputed),
        ("rewards[].fuel", Recomputed),
        ("rewards[].message", Recomputed),
        ("rewards[].log", Recomputed),
        ("rewards[].exchanges", Receipt),
        ("rewards[].receipt.component", Recomputed),
        ("rewards[].receipt.input", Recomputed),
        ("rewards[].receipt.call", Recomputed),
        ("rewards[].receipt.params", Recomputed),
        ("rewards[].receipt.interpreters", Recomputed),
        ("rewards[].receipt.exchanges", Recomputed),
        ("rewards[].receipt.engine", Recomputed),
        ("rewards[].receipt.fuel", Recomputed),
        ("rewards[].receipt.outcome", Recomputed),
    ];

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

    /// The sample's score, if it has one.
    pub fn score(&self) -> Option<f64> {
        self.record.get("score")?.as_f64()
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

    /// The fields of `text`, from which the row was read, that a row as a run writes it does not have, or has with
    /// another value: as (field, value in the text, value in the row).
    ///
    /// # Errors
    /// If the row holds another kind of record.
    pub fn strange_fields(&self, text: &[u8]) -> Result<Vec<(String, Value, Value)>> {
        let written = self.clone().with_record(&self.judged()?)?;
        let json = |e: serde_json::Error| Error::run(self.whose(), e.to_string());
        if serde_json::to_vec(&written).map_err(json)? == text {
            return Ok(Vec::new());
        }
        let found: Value = serde_json::from_slice(text).map_err(json)?;
        let written = serde_json::to_value(&written).map_err(json)?;
        let mut strange = Vec::new();
        differences(String::new(), &found, &written, &mut strange);
        Ok(strange)
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

/// Adds the values that differ between `found` and `written`, by their paths.
fn differences(
    path: String,
    found: &Value,
    written: &Value,
    into: &mut Vec<(String, Value, Value)>,
) {
    match (found, written) {
        (Value::Object(found), Value::Object(written)) => {
            let keys: BTreeSet<&String> = found.keys().chain(written.keys()).collect();
            for key in keys {
                let path = match path.as_str() {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                match (found.get(key), written.get(key)) {
                    (Some(found), Some(written)) => differences(path, found, written, into),
                    (found, written) => into.push((
                        path,
                        found.cloned().unwrap_or_default(),
                        written.cloned().unwrap_or_default(),
                    )),
                }
            }
        }
        (Value::Array(found), Value::Array(written)) if found.len() == written.len() => {
            for (at, (found, written)) in found.iter().zip(written).enumerate() {
                differences(format!("{path}[{at}]"), found, written, into);
            }
        }
        _ if found == written => {}
        _ => into.push((path, found.clone(), written.clone())),
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
    pub fn write_rollouts(&self, step: u64, rows: &[RolloutRow]) -> Result<FileDigest> {
        write(&self.rollouts_of(step), rows)
    }

    /// Writes the samples of the validation after `step` steps, whole or not at all.
    pub fn write_validation(&self, step: u64, rows: &[RolloutRow]) -> Result<FileDigest> {
        write(&self.validation_of(step), rows)
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

fn write(path: &Path, rows: &[RolloutRow]) -> Result<FileDigest> {
    let mut found = None;
    files::write_whole(path, |file| {
        let out = Digesting::new(BufWriter::new(file));
        let mut encoder = zstd::Encoder::new(out, LEVEL)?;
        encoder.include_checksum(true)?;
        for row in rows {
            serde_json::to_writer(&mut encoder, row)?;
            encoder.write_all(b"\n")?;
        }
        found = Some(encoder.finish()?.finish()?);
        Ok(())
    })?;
    found.ok_or_else(|| Error::run(path, "the file was not written"))
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
///
/// Memory is bounded, whatever the file: a row of more than 256 MiB, and what goes beyond 4 GiB in all, are errors.
pub struct RolloutReader {
    path: PathBuf,
    rows: BufReader<io::Take<zstd::Decoder<'static, BufReader<File>>>>,
    text: Vec<u8>,
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
            rows: BufReader::new(decoder.take(MAX_DECODED)),
            text: Vec::new(),
            line: 0,
            ended: false,
        })
    }

    /// The text of the row that was read last.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Reads the next line; whether there was one.
    fn read_line(&mut self) -> io::Result<bool> {
        self.text.clear();
        let wrong = |what: &str| {
            let message = format!("{what}: no run writes that");
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        };
        let Some(count) = read_line(&mut self.rows, &mut self.text, MAX_LINE)? else {
            self.text = Vec::new();
            return wrong("a row of more than 256 MiB");
        };
        if self.text.last() == Some(&b'\n') {
            self.text.pop();
        } else if self.rows.get_ref().limit() == 0 {
            return wrong("more than 4 GiB of rows");
        }
        Ok(count > 0)
    }
}

impl Iterator for RolloutReader {
    type Item = Result<RolloutRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.line += 1;
        match self.read_line() {
            Ok(true) => Some(serde_json::from_slice(&self.text).map_err(|e| Error::Data {
                file: self.path.clone(),
                line: self.line,
                message: e.to_string(),
            })),
            Ok(false) => {
                self.ended = true;
                None
            }
            Err(error) => {
                self.ended = true;
                Some(Err(Error::io(&self.path, error)))
            }
        }
    }
}
