//! `metrics.csv`: the metrics as a table, for spreadsheets. A row is a step with the validation after it; a column is
//! a metric, in order of name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use crate::Result;
use crate::run::files;
use crate::run::lines::Lines;
use crate::run::{RunFolder, read_metrics};

use super::{Entry, Recorder};

type Values = BTreeMap<String, f64>;

/// The most columns. Values of the data can make names of metrics without end, and each makes the table anew.
const MOST_COLUMNS: usize = 1_000;

/// The table. It follows from `metrics.jsonl`, and is written anew from there when a metric appears for the first time.
pub(super) struct Table {
    path: PathBuf,
    metrics: PathBuf,
    columns: BTreeSet<String>,
    /// The last row, which a validation may still add to, and where it begins.
    last: Option<(u64, Values, u64)>,
}

impl Table {
    pub(super) fn open(folder: &RunFolder) -> Result<Self> {
        let mut table = Self {
            path: folder.table(),
            metrics: folder.metrics(),
            columns: BTreeSet::new(),
            last: None,
        };
        if table.metrics.exists() {
            table.write_anew()?;
        }
        Ok(table)
    }

    fn write_anew(&mut self) -> Result<()> {
        let mut rows: Vec<(u64, Values)> = Vec::new();
        for line in read_metrics(&self.metrics)? {
            for name in line.values.keys() {
                if self.columns.len() < MOST_COLUMNS {
                    self.columns.insert(name.clone());
                }
            }
            match rows.last_mut() {
                Some((step, values)) if *step == line.step => values.extend(line.values),
                _ => rows.push((line.step, line.values)),
            }
        }
        let mut text = self.head();
        let mut begins = text.len() as u64;
        for (step, values) in &rows {
            begins = text.len() as u64;
            text += &self.row(*step, values);
        }
        self.last = rows.pop().map(|(step, values)| (step, values, begins));
        files::write_whole(&self.path, |file: &mut dyn Write| {
            file.write_all(text.as_bytes())
        })
    }

    fn head(&self) -> String {
        let names = self.columns.iter().map(|name| quoted(name));
        line("step".to_owned(), names)
    }

    fn row(&self, step: u64, values: &Values) -> String {
        let value = |name: &String| values.get(name).map_or(String::new(), |v| format!("{v:?}"));
        line(step.to_string(), self.columns.iter().map(value))
    }
}

fn line(first: String, rest: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = [first].into_iter().chain(rest).collect();
    cells.join(",") + "\n"
}

/// A name as a cell: in quotes where it would be several.
fn quoted(name: &str) -> String {
    if name.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

impl Recorder for Table {
    fn record(&mut self, entry: &Entry<'_>) -> Result<()> {
        let room = self.columns.len() < MOST_COLUMNS;
        let new = |name: &String| room && !self.columns.contains(name);
        if entry.metrics.keys().any(new) || !self.path.exists() {
            return self.write_anew();
        }
        let mut file = Lines::open(&self.path)?;
        let mut values = entry.metrics.clone();
        let mut begins = file.len();
        if let Some((step, before, at)) = self.last.take()
            && step == entry.step
        {
            values.extend(before);
            begins = at;
            file.truncate_to(at)?;
        }
        file.push(self.row(entry.step, &values).as_bytes())?;
        self.last = Some((entry.step, values, begins));
        Ok(())
    }
}
