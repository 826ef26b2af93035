//! Metrics that follow from judged samples alone: a run computes them from what it sampled, a replay again
//! from the rows.

use super::answer;
use super::measure::Weights;
use super::prompts::Drawn;
use super::tally::{Numbers, Tally, by_column, describe_columns};
use super::trajectory::Trajectory;
use crate::algorithm::Advantages;
use crate::rollout::FinishReason;
use crate::run::Origin;
use rlhost_host::Judgement;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

type Metrics = BTreeMap<String, f64>;

/// A judged completion.
#[derive(Clone, Copy)]
pub(super) struct Sampled<'a> {
    pub(super) origin: Origin,
    /// Ordinal of its prompt in the run's order.
    pub(super) draw: u64,
    /// What the data says of the prompt.
    pub(super) data_source: &'a str,
    pub(super) problem_type: &'a str,
    /// The completion as rewards and people read it.
    pub(super) text: &'a str,
    /// Its length in tokens.
    pub(super) tokens: usize,
    /// Tokens at its beginning that the data's target wrote.
    pub(super) prefix: usize,
    pub(super) finish: FinishReason,
    pub(super) judgement: &'a Judgement,
}

impl<'a> Sampled<'a> {
    pub(super) fn of(drawn: &Drawn<'a>, trajectory: &'a Trajectory) -> Self {
        Self {
            origin: trajectory.origin,
            draw: drawn.draw,
            data_source: drawn.row.data_source().unwrap_or_default(),
            problem_type: drawn.row.problem_type().unwrap_or_default(),
            text: &trajectory.text,
            tokens: trajectory.completion.token_ids.len(),
            prefix: trajectory.prefix,
            finish: trajectory.completion.finish,
            judgement: &trajectory.judgement,
        }
    }

    /// Where the data says that it comes from, and of what kind it is, with what came of it.
    pub(super) fn columns(&self) -> ([&'a str; 2], &'a Judgement) {
        ([self.data_source, self.problem_type], self.judgement)
    }

    /// Whether it is a target that takes the place of a prompt's completions: one without a score does
    /// not.
    pub(super) fn is_target(&self) -> bool {
        self.origin == Origin::Target && self.judgement.score.is_some()
    }
}

/// The samples of a training step.
pub(super) fn describe_samples(samples: &[Sampled<'_>], weights: &Weights<'_>) -> Metrics {
    let of = |origin: Origin| {
        let chosen = samples.iter().filter(move |sample| sample.origin == origin);
        Tally::of(chosen.map(|sample| sample.judgement), weights)
    };
    let tally = of(Origin::Policy);
    let mut metrics = tally.metrics("reward");
    metrics.extend(tally.of_rewards(weights));
    let [data_source, problem_type] = by_column(of_policy(samples).map(Sampled::columns), weights);
    describe_columns(&mut metrics, "reward/data_source", &data_source);
    describe_columns(&mut metrics, "reward/problem_type", &problem_type);
    describe_lengths(&mut metrics, samples);
    if let Some(share) = equal_groups(samples) {
        metrics.insert("sampling/equal_groups".into(), share);
    }
    if let Some(share) = commonest_answer(samples) {
        metrics.insert("response/commonest_answer".into(), share);
    }
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

/// What the policy itself made by sampling.
fn of_policy<'s, 'a>(samples: &'s [Sampled<'a>]) -> impl Iterator<Item = &'s Sampled<'a>> + Clone {
    samples
        .iter()
        .filter(|sample| sample.origin == Origin::Policy)
}

/// The share of groups whose scores are all equal, among those of two scores or more: they teach nothing.
fn equal_groups(samples: &[Sampled<'_>]) -> Option<f64> {
    let mut groups: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for sample in of_policy(samples) {
        if let Some(score) = sample.judgement.score {
            groups.entry(sample.draw).or_default().push(score);
        }
    }
    let compared: Vec<_> = groups
        .into_values()
        .filter(|scores| scores.len() > 1)
        .collect();
    let equal = compared.iter().filter(|scores| !differ(scores)).count();
    (!compared.is_empty()).then(|| equal as f64 / compared.len() as f64)
}

/// Whether some of the numbers differ.
pub(super) fn differ(numbers: &[f64]) -> bool {
    numbers
        .windows(2)
        .any(|pair| pair[0].partial_cmp(&pair[1]) != Some(Ordering::Equal))
}

/// The share of the completions that state the commonest of their answers.
fn commonest_answer(samples: &[Sampled<'_>]) -> Option<f64> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for sample in of_policy(samples) {
        *counts.entry(answer::stated(sample.text)).or_default() += 1;
    }
    let most = counts.values().max()?;
    Some(*most as f64 / counts.values().sum::<usize>() as f64)
}

/// Lengths of what the policy sampled.
fn describe_lengths(metrics: &mut Metrics, samples: &[Sampled<'_>]) {
    let sampled = || of_policy(samples);
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

/// The advantages of what is trained, by token, and what left the step.
pub(super) fn describe_advantages(metrics: &mut Metrics, advantages: &Advantages) {
    let tokens = advantages.advantages.iter().zip(advantages.rows.mask());
    let trained = tokens
        .filter(|(_, trained)| **trained)
        .map(|(value, _)| *value);
    let largest = trained.clone().map(f64::abs).fold(0.0, f64::max);
    let numbers: Numbers = trained.collect();
    let found = [
        ("advantage/mean", numbers.mean().unwrap_or(0.0)),
        ("advantage/std", numbers.std().unwrap_or(0.0)),
        ("advantage/abs_max", largest),
        ("sampling/dropped_samples", advantages.dropped_rows as f64),
        ("sampling/dropped_groups", advantages.dropped_groups as f64),
    ];
    metrics.extend(found.map(|(name, value)| (name.to_owned(), value)));
}
