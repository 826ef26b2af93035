//! Builds verdicts.

use crate::{StepReward, Verdict};

impl Verdict {
    /// A verdict of `total` (finite) without parts or steps.
    pub fn new(total: f64) -> Self {
        Self {
            total,
            parts: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Adds a named part for the record and the curves. A name may stand once; parts are not summed.
    #[must_use]
    pub fn part(mut self, name: &str, value: f64) -> Self {
        self.parts.push((name.to_owned(), value));
        self
    }

    /// Adds what the step that ends at `end_byte` (a UTF-8 offset; the turn's end where `None`) of
    /// turn `turn` earned. It is a share of the total, not an addition to it.
    #[must_use]
    pub fn step(mut self, turn: u32, end_byte: Option<u64>, value: f64) -> Self {
        self.steps.push(StepReward {
            turn,
            end_byte,
            value,
        });
        self
    }
}
