//! What a run has measured so far, by name.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Result;

use super::folder::RunFolder;
use super::metrics::read_metrics;

/// Values over the steps, by the names of metrics and timings.
#[derive(Clone, Debug, Default)]
pub struct History(BTreeMap<String, Vec<(u64, f64)>>);

impl History {
    /// What is in a run's `metrics.jsonl` and `timings.jsonl`, also while it is being written.
    ///
    /// # Errors
    /// If there is no `metrics.jsonl`, or a file is not in the form that a run writes.
    pub fn read(folder: &RunFolder) -> Result<Self> {
        let mut history = Self::default();
        history.add(&folder.metrics(), |_| true)?;
        if folder.timings().exists() {
            history.add(&folder.timings(), |_| true)?;
        }
        Ok(history)
    }

    /// Adds the lines of a file, as far as `wanted` says so of their names.
    pub(super) fn add(&mut self, path: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
        for line in read_metrics(path)? {
            self.push(line.step, &line.values, &wanted);
        }
        Ok(())
    }

    /// Adds the values of a step of which `wanted` says so.
    pub(super) fn push(
        &mut self,
        step: u64,
        values: &BTreeMap<String, f64>,
        wanted: impl Fn(&str) -> bool,
    ) {
        for (name, value) in values.iter().filter(|(name, _)| wanted(name)) {
            match self.0.get_mut(name) {
                Some(points) => points.push((step, *value)),
                None => {
                    self.0.insert(name.clone(), vec![(step, *value)]);
                }
            }
        }
    }

    /// The values of `name` as (step, value), in order; none where the run has no such metric.
    pub fn get(&self, name: &str) -> &[(u64, f64)] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
