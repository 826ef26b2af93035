//! Files of numbers that grow by a line per step.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rlhost_host::files::read_text;
use serde::{Deserialize, Serialize};

use super::files;
use crate::{Error, Result};

/// The most bytes of a file that is read whole.
const MOST: u64 = 4 << 30;

/// A file with one JSON object per line, `{"step":N,"name":number,…}`, names in order.
///
/// A line is written at once or not at all: when the disk is full, what was there stays whole.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    file: File,
    len: u64,
}

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

/// The values of one metric over a file of metrics, as (step, value) in the file's order.
///
/// # Errors
/// If the file can't be read or a line of it is not an object of numbers.
pub fn read_metric(path: &Path, name: &str) -> Result<Vec<(u64, f64)>> {
    let text = read_text(path, MOST).map_err(|e| Error::io(path, e))?;
    let mut values = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut line: BTreeMap<String, f64> = serde_json::from_str(line)
            .map_err(|e| Error::run(path, format!("line {}: {e}", number + 1)))?;
        if let (Some(step), Some(value)) = (line.remove("step"), line.remove(name)) {
            values.push((step as u64, value));
        }
    }
    Ok(values)
}

impl JsonLines {
    /// Opens `path` for appending; creates it if it is missing.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = files::open_own(path, options.read(true).append(true).create(true))?;
        let len = file.metadata().map_err(|e| Error::io(path, e))?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            len,
        })
    }

    /// Length of the file in bytes, as a checkpoint notes it.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file holds no line.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends the `values` of `step`.
    ///
    /// # Errors
    /// If a value is not finite or the file can't be written, for instance on a full disk; the
    /// file then holds what it held before.
    pub fn write(&mut self, step: u64, values: &BTreeMap<String, f64>) -> Result<()> {
        if let Some((name, value)) = values.iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::run(
                &self.path,
                format!("`{name}` of step {step} is {value}, which is not a number to record"),
            ));
        }
        if values.contains_key("step") {
            return Err(Error::run(
                &self.path,
                "`step` is the number of the line and can't be the name of a value",
            ));
        }
        let mut line = serde_json::to_vec(&LineOut { step, values })
            .map_err(|e| Error::io(&self.path, e.into()))?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // Takes away half a line; the error to tell is that of the write.
            let _ = self.file.set_len(self.len);
            return Err(Error::io(&self.path, error));
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Waits until the lines are on the disk: before a checkpoint notes their length.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|e| Error::io(&self.path, e))
    }

    /// Takes the file back to its first `len` bytes.
    ///
    /// # Errors
    /// If it holds less than that.
    pub fn truncate_to(&mut self, len: u64) -> Result<()> {
        if len > self.len {
            return Err(Error::run(
                &self.path,
                format!(
                    "the file has {} bytes where the checkpoint knows of {len}; restore it, or \
                     start a run of another name",
                    self.len
                ),
            ));
        }
        if len < self.len {
            self.file
                .set_len(len)
                .and_then(|()| self.file.sync_all())
                .map_err(|e| Error::io(&self.path, e))?;
            self.len = len;
        }
        Ok(())
    }

    /// Takes the file back to its lines of steps up to `step`; also drops a broken last line.
    pub fn truncate_after_step(&mut self, step: u64) -> Result<()> {
        let kept = self.len_up_to(step).map_err(|e| Error::io(&self.path, e))?;
        self.truncate_to(kept)
    }

    fn len_up_to(&mut self, step: u64) -> io::Result<u64> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(&self.file);
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
