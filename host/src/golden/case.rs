//! Cases and the files that hold them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Expectation, prepared};
use crate::{Answer, Capability, Columns, Error, Result, Sample, SampleReader, Scope};

/// A sample with what a plugin has to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The file that it stands in.
    pub file: PathBuf,
    /// Its line, counted from 1.
    pub line: usize,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The plugin's parameters.
    pub params: Map<String, Value>,
    /// What the plugin gets.
    pub sample: Sample,
    /// What it has to say.
    pub expect: Expectation,
    /// The row without its expectation, as JSON.
    pub text: String,
    /// The call that the row names, as JSON.
    pub(super) call: Option<Value>,
    /// What others answer when the plugin asks, in order.
    pub(super) answers: Vec<(Capability, Answer)>,
}

/// The cases that one call of the plugin sees.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The cases, at least one.
    pub cases: &'a [Case],
}

impl Call<'_> {
    /// The samples, of which no two neighbours are of different prompts unless the cases are.
    pub fn samples(&self) -> Vec<Sample> {
        self.cases.iter().map(|case| case.sample.clone()).collect()
    }

    /// What others answer when the plugin asks, in order.
    pub(crate) fn answers(&self) -> Vec<(Capability, Answer)> {
        let answers = self.cases.iter().flat_map(|case| &case.answers);
        answers.cloned().collect()
    }
}

/// Which cases each call of a plugin of this scope sees, in order.
///
/// # Errors
/// Names file and line of a case that names a `call` where the scope is not `batch`, or whose parameters differ
/// within one call.
pub fn calls(scope: Scope, cases: &[Case]) -> Result<Vec<Call<'_>>> {
    if scope != Scope::Batch
        && let Some(case) = cases.iter().find(|case| case.call.is_some())
    {
        return Err(case.error(
            "`call` is for plugins of scope batch: this one's calls follow from its scope"
                .to_owned(),
        ));
    }
    let joined = cases.chunk_by(|a, b| scope != Scope::Sample && a.joins(b));
    let calls: Vec<_> = joined.map(|cases| Call { cases }).collect();
    for Call { cases } in &calls {
        if let Some(case) = cases.iter().find(|case| case.params != cases[0].params) {
            return Err(case.error(format!(
                "`params` differ from those of line {}, which is in the same call",
                cases[0].line
            )));
        }
    }
    Ok(calls)
}

/// `FILE:LINE`, and the name where there is one.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)?;
        match &self.name {
            Some(name) => write!(f, " {name}"),
            None => Ok(()),
        }
    }
}

impl Case {
    /// An error that names file and line.
    pub(super) fn error(&self, message: String) -> Error {
        Error::Input {
            file: self.file.clone(),
            line: self.line,
            message,
        }
    }

    /// Whether this case and `next`, the one after it, may be in one call: what they say of it is equal.
    pub(super) fn joins(&self, next: &Self) -> bool {
        self.file == next.file
            && match (&self.call, &next.call) {
                (None, None) => self.sample.group == next.sample.group,
                (a, b) => a == b,
            }
    }
}

/// The samples of the cases that have these parameters, so that each call of [`calls`] is a group of its own.
///
/// # Errors
/// As [`calls`].
pub fn samples(scope: Scope, cases: &[Case], params: &Map<String, Value>) -> Result<Vec<Sample>> {
    let calls = calls(scope, cases)?;
    let calls = calls.iter().filter(|call| call.cases[0].params == *params);
    let samples = (0..).zip(calls).flat_map(|(number, call)| {
        let mut samples = call.samples();
        if scope == Scope::Group {
            for sample in &mut samples {
                sample.group = number;
            }
        }
        samples
    });
    Ok(samples.collect())
}

/// Reads the cases of a file, or of all `*.jsonl` files of a folder in the order of their names.
///
/// # Errors
/// Names file and line of a row that is no case: one that has no `expect`, or one that can't be met. A
/// file without a case is an error too: nothing would be tested.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<Case>> {
    let path = path.as_ref();
    let mut cases = Vec::new();
    for file in files(path)? {
        let before = cases.len();
        read_file(&file, &mut cases)?;
        if cases.len() == before {
            return Err(Error::NoCases {
                path: file,
                message: "there is no case in it".to_owned(),
            });
        }
    }
    Ok(cases)
}

/// Keeps the cases whose name or place (`FILE:LINE`, without folders) contains `text`. A plugin of scope
/// `group` or `batch` keeps whole calls.
pub fn retain(cases: Vec<Case>, scope: Scope, text: &str) -> Vec<Case> {
    let matches = |case: &Case| {
        let file = case.file.file_name().unwrap_or_default().to_string_lossy();
        let place = format!("{file}:{}", case.line);
        place.contains(text) || case.name.as_deref().is_some_and(|name| name.contains(text))
    };
    let calls = cases.chunk_by(|a, b| scope != Scope::Sample && a.joins(b));
    let kept: Vec<bool> = calls
        .flat_map(|call| vec![call.iter().any(matches); call.len()])
        .collect();
    let cases = cases.into_iter().zip(kept);
    cases
        .filter_map(|(case, keep)| keep.then_some(case))
        .collect()
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let kind = fs::metadata(path).map_err(|e| Error::io(path, e))?;
    if !kind.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| Error::io(path, e))? {
        let file = entry.map_err(|e| Error::io(path, e))?.path();
        if file.extension() == Some(OsStr::new("jsonl")) {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Error::NoCases {
            path: path.to_owned(),
            message: "there is no file of cases (`*.jsonl`) in it".to_owned(),
        });
    }
    files.sort();
    Ok(files)
}

fn read_file(file: &Path, cases: &mut Vec<Case>) -> Result<()> {
    let mut reader = SampleReader::open(file)?;
    while let Some(row) = reader.next_with(OwnColumns::take) {
        let (columns, sample) = row?;
        cases.push(Case {
            file: file.to_owned(),
            line: reader.line(),
            name: columns.name,
            params: columns.params,
            sample,
            expect: columns.expect,
            text: columns.text,
            call: columns.call,
            answers: columns.answers,
        });
    }
    Ok(())
}

/// What a case has beside its sample.
struct OwnColumns {
    name: Option<String>,
    params: Map<String, Value>,
    expect: Expectation,
    call: Option<Value>,
    answers: Vec<(Capability, Answer)>,
    text: String,
}

impl OwnColumns {
    fn take(reader: &SampleReader<BufReader<File>>, row: &mut Columns) -> Result<Self> {
        let text = shown(row);
        let expect: Option<Expectation> = reader.column(row, "expect", "an expectation")?;
        let expect = expect.ok_or_else(|| {
            reader
                .error("`expect` is missing: a case says what the plugin has to answer".to_owned())
        })?;
        expect
            .validate()
            .map_err(|message| reader.error(format!("`expect`: {message}")))?;
        let params: Option<Map<String, Value>> = reader.column(row, "params", "an object")?;
        if params.is_none()
            && let Some((misspelt, _)) = row.iter().find(|(key, _)| means_params(key))
        {
            return Err(reader.error(format!(
                "`{misspelt}` is no key of a case, and would be a column that the plugin sees: write `params`"
            )));
        }
        let mut answers = Vec::new();
        for capability in [Capability::Judge, Capability::Retriever] {
            let column = reader.column(row, capability.as_str(), "a list of answers")?;
            let read = prepared::answers(capability, column).map_err(|e| reader.error(e))?;
            answers.extend(read);
        }
        let call: Option<CallName> = reader.column(row, "call", "a text or a number")?;
        Ok(Self {
            name: reader.column(row, "name", "a text")?,
            params: params.unwrap_or_default(),
            expect,
            call: call.map(|call| match call {
                CallName::Text(text) => text.into(),
                CallName::Number(number) => number.into(),
            }),
            answers,
            text,
        })
    }
}

/// Whether somebody who writes this key of a case means its parameters: with it, the case would be tested without them.
fn means_params(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["param", "params", "parms", "parameter", "parameters"].contains(&key.as_str())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CallName {
    Text(String),
    Number(i64),
}

/// The row without its expectation, as JSON: what a reader of a failure wants to see.
fn shown(row: &Columns) -> String {
    let columns: BTreeMap<_, _> = row.iter().filter(|(key, _)| *key != "expect").collect();
    // The columns have just been read as JSON, so they can be written.
    serde_json::to_string(&columns).unwrap_or_default()
}
