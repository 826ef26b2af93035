//! What one call of a plugin takes, for whoever builds it.

use std::time::{Duration, Instant};

use crate::bindings::rlhost::plugin::types as wit;
use crate::lower;
use crate::{Outcome, Sample, Scorer};

/// What the score of one sample took.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// What came of it.
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
    /// Scores one sample and says what that took.
    pub fn measure(&self, sample: &Sample) -> Measured {
        let host = self.plugin().host();
        let samples = std::slice::from_ref(sample);
        let state = self.state(sample.images.clone());
        host.install(|| {
            let start = Instant::now();
            let prepared = self.plugin().prepared();
            let call = prepared.call(&host.0, &self.limits(), 1, state, |guest, store| {
                lower::with_arguments(samples, &[0], self.params(), |arguments| {
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
