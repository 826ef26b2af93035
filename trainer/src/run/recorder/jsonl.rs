//! `timings.jsonl`: seconds and rates of each step.

use crate::Result;
use crate::run::{JsonLines, RunFolder};

use super::{Entry, Recorder};

/// The file of timings, which [`RunFolder::open_for_resume`] has cut.
pub(super) struct Timings(JsonLines);

impl Timings {
    pub(super) fn open(folder: &RunFolder) -> Result<Self> {
        JsonLines::open(&folder.timings()).map(Self)
    }
}

impl Recorder for Timings {
    fn record(&mut self, entry: &Entry<'_>) -> Result<()> {
        if let Some(timings) = entry.timings {
            self.0.write(entry.step, timings)?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.0.sync()
    }
}
