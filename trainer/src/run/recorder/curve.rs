//! `curve.svg`: the picture that grows with the run.

use std::path::PathBuf;

use crate::Result;
use crate::run::plot::{Format, Shown, curves, draw, is_shown};
use crate::run::{History, RunFolder, files};

use super::{Entry, Recorder};

/// Steps after which it is drawn anew; the first ones are waited for.
const EVERY: u64 = 10;
const FIRST: u64 = 3;

/// Draws the picture after the first steps, every few steps, after each validation, and at the end.
pub(super) struct CurveRecorder {
    path: PathBuf,
    shown: Shown,
    history: History,
}

impl CurveRecorder {
    /// Goes on from what the run has measured.
    pub(super) fn open(folder: &RunFolder, shown: Shown) -> Result<Self> {
        let mut history = History::default();
        for path in [folder.metrics(), folder.timings()] {
            if path.exists() {
                history.add(&path, is_shown)?;
            }
        }
        Ok(Self {
            path: folder.curve(),
            shown,
            history,
        })
    }

    fn draw(&self) -> Result<()> {
        let svg = draw(&curves(&self.history, &self.shown), Format::Svg)?;
        files::write_whole(&self.path, |file| file.write_all(&svg))
    }
}

impl Recorder for CurveRecorder {
    fn record(&mut self, entry: &Entry<'_>) -> Result<()> {
        let step = entry.step;
        self.history.push(step, entry.metrics, is_shown);
        let Some(timings) = entry.timings else {
            return self.draw();
        };
        self.history.push(step, timings, is_shown);
        if step <= FIRST || step.is_multiple_of(EVERY) {
            return self.draw();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.draw()
    }
}
