//! What many judgements say together.

use super::measure::Weights;
use rlhost_host::{Judgement, RewardRecord, as_name};
use serde::Serialize;
use std::collections::BTreeMap;

type Metrics = BTreeMap<String, f64>;

/// The most values of a column that have metrics of their own.
const MOST_SOURCES: usize = 64;
/// The most characters of such a value in a metric's name.
const LONGEST_SOURCE: usize = 64;

/// Numbers, and what they say together.
#[derive(Default)]
pub(super) struct Numbers(Vec<f64>);

impl Numbers {
    pub(super) fn push(&mut self, number: f64) {
        self.0.push(number);
    }

    /// Their mean; `None` where there is none.
    pub(super) fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    /// Their standard deviation, with n − 1; 0 for a single one.
    pub(super) fn std(&self) -> Option<f64> {
        let mean = self.mean()?;
        let squares: f64 = self.0.iter().map(|x| (x - mean).powi(2)).sum();
        Some((squares / (self.0.len() - 1).max(1) as f64).sqrt())
    }

    /// Adds mean, deviation and range under the names that are given for them.
    fn describe(&self, metrics: &mut Metrics, [mean, std, min, max]: [String; 4]) {
        let of = |pick: fn(f64, f64) -> f64| self.0.iter().copied().reduce(pick);
        let found = [
            (mean, self.mean()),
            (std, self.std()),
            (min, of(f64::min)),
            (max, of(f64::max)),
        ];
        metrics.extend(
            found
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    }
}

impl FromIterator<f64> for Numbers {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

/// What a reward said of the samples that it judged.
#[derive(Default)]
struct OfReward {
    /// How often there was each outcome, a score too.
    outcomes: BTreeMap<String, usize>,
    totals: Numbers,
}

/// What many judgements say together.
#[derive(Default)]
pub(super) struct Tally {
    /// Judged samples.
    pub(super) samples: usize,
    /// Samples with a score.
    pub(super) scored: usize,
    /// Outcomes that are no score, by name.
    pub(super) outcomes: BTreeMap<String, usize>,
    scores: Numbers,
    accuracies: Numbers,
    parts: BTreeMap<String, Numbers>,
    rewards: BTreeMap<String, OfReward>,
}

impl Tally {
    pub(super) fn of<'a>(
        judgements: impl Iterator<Item = &'a Judgement>,
        weights: &Weights<'_>,
    ) -> Self {
        let mut tally = Self::default();
        for judgement in judgements {
            tally.samples += 1;
            for reward in &judgement.rewards {
                tally.add_reward(reward);
            }
            let Some(score) = judgement.score else {
                let outcome = judgement.outcome.to_string();
                *tally.outcomes.entry(outcome).or_default() += 1;
                continue;
            };
            tally.scored += 1;
            tally.scores.push(score);
            if let Some(accuracy) = weights.accuracy(judgement) {
                tally.accuracies.push(accuracy);
            }
            for (part, value) in &judgement.parts {
                tally.parts.entry(part.clone()).or_default().push(*value);
            }
        }
        tally
    }

    fn add_reward(&mut self, record: &RewardRecord) {
        let reward = self.rewards.entry(record.name.clone()).or_default();
        let outcome = record.outcome.to_string();
        *reward.outcomes.entry(outcome).or_default() += 1;
        if let Some(total) = record.total {
            reward.totals.push(total);
        }
    }

    /// Mean score of the samples that have one; 0 where there is none.
    pub(super) fn score(&self) -> f64 {
        self.scores.mean().unwrap_or(0.0)
    }

    /// Mean accuracy of the samples that have one.
    pub(super) fn accuracy(&self) -> Option<f64> {
        self.accuracies.mean()
    }

    /// Mean of each part.
    pub(super) fn parts(&self) -> BTreeMap<String, f64> {
        let parts = self.parts.iter();
        let means = parts.filter_map(|(part, values)| Some((part.clone(), values.mean()?)));
        means.collect()
    }

    /// `{prefix}/score`, `/std`, `/min`, `/max`, `/PART`, `/samples`, `/outcome/OUTCOME` and `/REWARD/outcome/OUTCOME`. No
    /// part has the name of one of the others: those are [`RESERVED`](rlhost_host::RESERVED).
    pub(super) fn metrics(&self, prefix: &str) -> Metrics {
        let named = |name: &str| format!("{prefix}/{name}");
        let parts = self.parts().into_iter();
        let mut metrics: Metrics = parts.map(|(part, mean)| (named(&part), mean)).collect();
        for (outcome, count) in &self.outcomes {
            metrics.insert(named(&format!("outcome/{outcome}")), *count as f64);
        }
        for (name, reward) in &self.rewards {
            for (outcome, count) in &reward.outcomes {
                metrics.insert(named(&format!("{name}/outcome/{outcome}")), *count as f64);
            }
        }
        metrics.insert(named("samples"), self.samples as f64);
        self.scores
            .describe(&mut metrics, ["score", "std", "min", "max"].map(named));
        metrics
    }

    /// `rewards/NAME/mean`, `/std`, `/min` and `/max` of each reward's totals, and `/weighted`, what it adds to the mean
    /// score of the samples that it judges.
    pub(super) fn of_rewards(&self, weights: &Weights<'_>) -> Metrics {
        let mut metrics = Metrics::new();
        for (name, reward) in &self.rewards {
            let named = |what: &str| format!("rewards/{name}/{what}");
            let names = ["mean", "std", "min", "max"].map(named);
            reward.totals.describe(&mut metrics, names);
            if let Some(mean) = reward.totals.mean() {
                metrics.insert(named("weighted"), weights.of_reward(name) * mean);
            }
        }
        metrics
    }
}

/// Means of the samples whose prompts have one value in a column of the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Means {
    /// Samples.
    pub samples: usize,
    /// Mean score of those that have one.
    pub score: Option<f64>,
    /// Mean accuracy of those that have one.
    pub accuracy: Option<f64>,
}

/// Means by the values of columns: of the first [`MOST_SOURCES`] of each, in their order. Samples whose prompts have no
/// value there are left out.
pub(super) fn by_column<'a, const N: usize>(
    samples: impl Iterator<Item = ([&'a str; N], &'a Judgement)>,
    weights: &Weights<'_>,
) -> [BTreeMap<String, Means>; N] {
    let mut found: [BTreeMap<String, Vec<&Judgement>>; N] = [const { BTreeMap::new() }; N];
    for (values, judgement) in samples {
        for (found, value) in found.iter_mut().zip(values) {
            let value = as_name(value, LONGEST_SOURCE);
            if !value.is_empty() {
                found.entry(value).or_default().push(judgement);
            }
        }
    }
    found.map(|column| {
        let column = column.into_iter().take(MOST_SOURCES);
        let means = column.map(|(value, judgements)| {
            let tally = Tally::of(judgements.into_iter(), weights);
            let means = Means {
                samples: tally.samples,
                score: tally.scores.mean(),
                accuracy: tally.accuracy(),
            };
            (value, means)
        });
        means.collect()
    })
}

/// `{prefix}/VALUE/score` and `/accuracy` of each value.
pub(super) fn describe_columns(
    metrics: &mut Metrics,
    prefix: &str,
    column: &BTreeMap<String, Means>,
) {
    for (value, means) in column {
        for (name, mean) in [("score", means.score), ("accuracy", means.accuracy)] {
            if let Some(mean) = mean {
                metrics.insert(format!("{prefix}/{value}/{name}"), mean);
            }
        }
    }
}
