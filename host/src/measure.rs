//! What one call of a plugin takes, for whoever builds it.

use std::time::{Duration, Instant};

use crate::bindings::rlhost::plugin::types as wit;
use crate::capability::Tape;
use crate::golden::Call;
use crate::lower;
use crate::{Outcome, Sample, Scorer};

/// What one call took.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// What came of its first sample.
    pub outcome: Outcome,
    /// Fuel that was used.
    pub fuel: u64,
    /// Bytes of memory and tables at the end.
    pub memory: u64,
    /// Time from the start of the instance on.
    pub time: Duration,
}

/// The outcome that a plugin says itself.
fn said(failure: &wit::Failure) -> Outcome {
    match failure {
        wit::Failure::InvalidReference(_) => Outcome::InvalidReference,
        wit::Failure::Abstain(_) => Outcome::Abstain,
        wit::Failure::Internal(_) => Outcome::Internal,
    }
}

impl Scorer {
    /// Scores one sample, alone, and says what that took.
    pub fn measure(&self, sample: &Sample) -> Measured {
        self.timed(std::slice::from_ref(sample), Tape::default())
    }

    /// Scores the samples of one call of golden cases, with the answers that they hold, and says what that took.
    pub fn measure_call(&self, call: &Call<'_>) -> Measured {
        let answers = call.answers();
        let tape = if answers.is_empty() {
            Tape::default()
        } else {
            Tape::script(answers)
        };
        self.timed(&call.samples(), tape)
    }

    fn timed(&self, samples: &[Sample], tape: Tape) -> Measured {
        let host = self.plugin().host();
        let groups = self.group_numbers(samples);
        let images = samples.iter().flat_map(|s| s.images.iter().cloned());
        let mut state = self.state(images.collect());
        state.tape = tape;
        let count = samples.len();
        host.install(|| {
            let start = Instant::now();
            let prepared = self.plugin().prepared();
            let call = prepared.call(&host.0, &self.limits(), count, state, |guest, store| {
                lower::with_arguments(samples, &groups, self.params(), |arguments| {
                    guest.score(store, arguments)
                })
            });
            let outcome = match call.answer.as_ref().map(|answers| answers.first()) {
                Ok(Some(Ok(_))) => Outcome::Score,
                Ok(Some(Err(failure))) => said(failure),
                Ok(None) => Outcome::ProtocolError,
                Err(failure) => failure.outcome,
            };
            Measured {
                outcome,
                fuel: call.fuel,
                memory: call.memory,
                time: start.elapsed(),
            }
        })
    }
}
