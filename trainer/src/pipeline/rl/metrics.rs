//! What a step says of itself.

use super::learner::Step;
use crate::algorithm::Advantages;
use crate::pipeline::journal::Clock;
use crate::pipeline::trajectory::{Group, Trajectory};
use crate::rollout::FinishReason;
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
            "perf/samples_per_s",
            step.rows.len() as f64 / seconds("timing_s/step"),
        ),
    ];
    let finite = rates.into_iter().filter(|(_, rate)| rate.is_finite());
    timings.extend(finite.map(|(name, rate)| (name.to_owned(), rate)));
    timings
}

/// Lengths of what the policy sampled.
pub(super) fn describe_lengths<'a>(
    metrics: &mut BTreeMap<String, f64>,
    groups: impl Iterator<Item = &'a Group<'a>>,
) {
    let sampled: Vec<&Trajectory> = groups.flat_map(Group::sampled).collect();
    let lengths = || sampled.iter().map(|t| t.completion.token_ids.len() as f64);
    let count = sampled.len().max(1) as f64;
    let cut = sampled
        .iter()
        .filter(|t| t.completion.finish == FinishReason::Length)
        .count();
    let prefixes: usize = sampled.iter().map(|t| t.prefix).sum();
    let tokens: f64 = lengths().sum();
    let found = [
        ("response_length/mean", tokens / count),
        (
            "response_length/min",
            lengths().fold(f64::INFINITY, f64::min),
        ),
        ("response_length/max", lengths().fold(0.0, f64::max)),
        ("response_length/clip_ratio", cut as f64 / count),
    ];
    metrics.extend(found.map(|(name, value)| (name.to_owned(), value)));
    if prefixes > 0 {
        metrics.insert(
            "rollout/prefix_share".to_owned(),
            prefixes as f64 / tokens.max(1.0),
        );
    }
}

/// The advantages of what is trained, and what left the step.
pub(super) fn describe_advantages(metrics: &mut BTreeMap<String, f64>, advantages: &Advantages) {
    let trained = advantages
        .advantages
        .iter()
        .zip(advantages.rows.mask())
        .filter(|(_, trained)| **trained)
        .map(|(advantage, _)| advantage.abs());
    let found = [
        ("critic/advantages/abs_max", trained.fold(0.0, f64::max)),
        ("critic/dropped_samples", advantages.dropped_rows as f64),
        ("critic/dropped_groups", advantages.dropped_groups as f64),
    ];
    metrics.extend(found.map(|(name, value)| (name.to_owned(), value)));
}
