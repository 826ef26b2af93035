//! Metrics that follow from judged samples alone: a run computes them from what it sampled, a replay again
//! from the rows.

use super::tally::Tally;
use super::trajectory::Trajectory;
use crate::algorithm::Advantages;
use crate::rollout::FinishReason;
use crate::run::Origin;
use rlhost_host::Judgement;
use std::collections::BTreeMap;

type Metrics = BTreeMap<String, f64>;

/// A judged completion.
#[derive(Clone, Copy)]
pub(super) struct Sampled<'a> {
    pub(super) origin: Origin,
    /// Its length in tokens.
    pub(super) tokens: usize,
    /// Tokens at its beginning that the data's target wrote.
    pub(super) prefix: usize,
    pub(super) finish: FinishReason,
    pub(super) judgement: &'a Judgement,
}

impl<'a> From<&'a Trajectory> for Sampled<'a> {
    fn from(trajectory: &'a Trajectory) -> Self {
        Self {
            origin: trajectory.origin,
            tokens: trajectory.completion.token_ids.len(),
            prefix: trajectory.prefix,
            finish: trajectory.completion.finish,
            judgement: &trajectory.judgement,
        }
    }
}

impl Sampled<'_> {
    /// Whether it is a target that takes the place of a prompt's completions: one without a score does
    /// not.
    pub(super) fn is_target(&self) -> bool {
        self.origin == Origin::Target && self.judgement.score.is_some()
    }
}

/// The samples of a training step.
pub(super) fn describe_samples(samples: &[Sampled<'_>]) -> Metrics {
    let of = |origin: Origin| {
        let chosen = samples.iter().filter(move |sample| sample.origin == origin);
        Tally::of(chosen.map(|sample| sample.judgement))
    };
    let mut metrics = of(Origin::Policy).metrics("reward");
    describe_lengths(&mut metrics, samples);
    for (origin, name) in [
        (Origin::Greedy, "reward/greedy_score"),
        (Origin::Target, "reward/target_score"),
    ] {
        let tally = of(origin);
        if tally.scored > 0 {
            metrics.insert(name.into(), tally.score());
        }
    }
    metrics.insert("reward/samples".into(), samples.len() as f64);
    metrics
}

/// Lengths of what the policy sampled.
fn describe_lengths(metrics: &mut Metrics, samples: &[Sampled<'_>]) {
    let sampled = || samples.iter().filter(|s| s.origin == Origin::Policy);
    let lengths = || sampled().map(|s| s.tokens as f64);
    let count = sampled().count().max(1) as f64;
    let cut = sampled()
        .filter(|s| s.finish == FinishReason::Length)
        .count();
    let prefixes: usize = sampled().map(|s| s.prefix).sum();
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
pub(super) fn describe_advantages(metrics: &mut Metrics, advantages: &Advantages) {
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
