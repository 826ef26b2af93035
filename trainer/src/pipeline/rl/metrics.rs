//! How fast a step was.

use super::learner::Step;
use crate::pipeline::journal::Clock;
use std::collections::BTreeMap;

/// Seconds with tokens and samples per second beside them.
pub(super) fn with_rates(clock: Clock, step: &Step) -> BTreeMap<String, f64> {
    let mut timings = clock.finish();
    let seconds = |part: &str| timings.get(part).copied().unwrap_or(f64::NAN);
    let rates = [
        (
            "perf/gen_tokens_per_s",
            step.sampled_tokens as f64 / seconds("timing_s/gen"),
        ),
        (
            "perf/update_tokens_per_s",
            step.learnt_tokens as f64 / seconds("timing_s/update"),
        ),
        (
            "perf/tokens_per_s",
            step.tokens as f64 / seconds("timing_s/step"),
        ),
        (
            "perf/samples_per_s",
            step.rows.len() as f64 / seconds("timing_s/step"),
        ),
    ];
    let finite = rates.into_iter().filter(|(_, rate)| rate.is_finite());
    timings.extend(finite.map(|(name, rate)| (name.to_owned(), rate)));
    timings
}
