//! What samples of held-out prompts say of a model.

use super::measure::{ACCURACY, SCORE, Weights};
use super::passes::{self, Measured};
use super::sampled::Sampled;
use super::tally::{Means, Tally, by_column, describe_columns};
use crate::config::Config;
use crate::rollout::FinishReason;
use crate::run::{HeldOut, RolloutRow};
use crate::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// Result of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// What [`value`](Self::value) is: `accuracy`, `score`, or what `trainer.val_metric` names.
    pub metric: String,
    /// The mean of that, over the samples that have it; 0 where none has.
    pub value: f64,
    /// The interval that holds the true mean with 95 % confidence, as far as the prompts stand for all others.
    pub interval: Option<[f64; 2]>,
    /// Mean accuracy: the part `accuracy` of the first reward of non-zero weight that has one. `None` where no
    /// sample has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Mean score.
    pub score: f64,
    /// Prompts.
    pub prompts: usize,
    /// Samples that were judged.
    pub samples: usize,
    /// Samples that got a score.
    pub scored: usize,
    /// Prompts that were left out because they are too long.
    pub left_out: usize,
    /// Mean length of the completions in tokens.
    pub response_length: f64,
    /// Share of the completions that were cut at `data.max_response_length`.
    pub cut: f64,
    /// Means of the rewards' named parts.
    pub parts: BTreeMap<String, f64>,
    /// Outcomes that are no score, counted.
    pub outcomes: BTreeMap<String, usize>,
    /// By number k of completions: the chance that one of k is right (pass@k). Right is a value of 1, or a score that
    /// reaches what the rewards can sum to. Empty where a prompt has one completion.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pass_at: BTreeMap<usize, f64>,
    /// By number k of completions: the value of the commonest answer among the first k (maj@k).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub maj_at: BTreeMap<usize, f64>,
    /// Means by the data's column `data_source`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data_source: BTreeMap<String, Means>,
    /// Means by the data's column `problem_type`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub problem_type: BTreeMap<String, Means>,
    /// The metrics of a validation, by their names; no part of the result.
    #[serde(skip)]
    pub metrics: BTreeMap<String, f64>,
    /// The samples, as the rollouts of a validation have them; no part of the result.
    #[serde(skip)]
    pub rows: Vec<RolloutRow>,
    /// What the user should know of the data; no part of the result.
    #[serde(skip)]
    pub notices: Vec<String>,
}

impl Evaluation {
    /// What follows from the samples alone. Those of a prompt stand together.
    pub(super) fn of(samples: &[Sampled<'_>], config: &Config) -> Self {
        let weights = Weights::of(config);
        let tally = Tally::of(samples.iter().map(|sample| sample.judgement), &weights);
        let count = tally.samples.max(1) as f64;
        let tokens: usize = samples.iter().map(|sample| sample.tokens).sum();
        let response_length = tokens as f64 / count;
        let cut = samples.iter().filter(|s| s.finish == FinishReason::Length);
        let [data_source, problem_type] = by_column(samples.iter().map(Sampled::columns), &weights);

        let mut metrics = tally.metrics("val");
        metrics.insert("val/response_length".into(), response_length);
        if let Some(accuracy) = tally.accuracy() {
            metrics.insert("val/accuracy".into(), accuracy);
        }
        describe_columns(&mut metrics, "val/data_source", &data_source);
        describe_columns(&mut metrics, "val/problem_type", &problem_type);

        let val_metric = config.trainer.val_metric.as_deref();
        let (metric, value) = match HeldOut::new(val_metric).of(&metrics) {
            Some((name, value)) => (name.to_owned(), value),
            None => (val_metric.unwrap_or(SCORE).to_owned(), 0.0),
        };
        let groups: Vec<Vec<Measured<'_>>> = samples
            .chunk_by(|a, b| a.draw == b.draw)
            .map(|group| {
                let measured = group.iter().map(|sample| {
                    let value = measured(&metric, sample, &weights);
                    (value, sample.text)
                });
                measured.collect()
            })
            .collect();
        let means: Vec<f64> = groups.iter().filter_map(|group| mean(group)).collect();
        let (mut pass_at, mut maj_at) = (BTreeMap::new(), BTreeMap::new());
        let least = groups.iter().map(Vec::len).min().unwrap_or(0);
        // A metric that is not one of samples, such as a length, makes none of them right.
        if least > 1 && !means.is_empty() {
            let of_all = |of: &dyn Fn(usize) -> f64| {
                let sum: f64 = (0..groups.len()).map(of).sum();
                sum / groups.len() as f64
            };
            let right: Vec<usize> = samples
                .chunk_by(|a, b| a.draw == b.draw)
                .map(|group| {
                    group
                        .iter()
                        .filter(|s| is_right(&metric, s, &weights))
                        .count()
                })
                .collect();
            for k in passes::sizes(least) {
                let pass = |at: usize| passes::pass_at(k, groups[at].len(), right[at]);
                pass_at.insert(k, of_all(&pass));
                maj_at.insert(k, of_all(&|at| passes::majority(&groups[at][..k])));
            }
        }
        Self {
            metric,
            value,
            interval: passes::interval(&means),
            accuracy: tally.accuracy(),
            score: tally.score(),
            prompts: groups.len(),
            samples: tally.samples,
            scored: tally.scored,
            left_out: 0,
            response_length,
            cut: cut.count() as f64 / count,
            parts: tally.parts(),
            outcomes: tally.outcomes,
            pass_at,
            maj_at,
            data_source,
            problem_type,
            metrics,
            rows: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Fails if samples have scores, and none of them what `trainer.val_metric` names.
    pub(super) fn check(&self) -> Result<()> {
        let name = format!("val/{}", self.metric);
        if self.scored == 0 || self.metrics.contains_key(&name) {
            return Ok(());
        }
        let known = self
            .metrics
            .keys()
            .filter_map(|name| name.strip_prefix("val/"));
        Err(Error::Config(format!(
            "trainer.val_metric: validations have no metric `{name}`; there are: {}",
            known.collect::<Vec<_>>().join(", ")
        )))
    }
}

/// What a sample with a score is measured at by the metric of that name, if it can be said of a single sample.
fn measured(metric: &str, sample: &Sampled<'_>, weights: &Weights<'_>) -> Option<f64> {
    let judgement = sample.judgement;
    let score = judgement.score?;
    match metric {
        SCORE => Some(score),
        ACCURACY => weights.accuracy(judgement),
        part => judgement.parts.get(part).copied(),
    }
}

/// Whether a sample is right.
fn is_right(metric: &str, sample: &Sampled<'_>, weights: &Weights<'_>) -> bool {
    let value = match metric {
        SCORE => weights.relative_score(sample.judgement),
        part => measured(part, sample, weights),
    };
    // Sums of weights are not exact.
    value.is_some_and(|value| value >= 1.0 - 1e-9)
}

/// The mean of the measured completions of a prompt.
fn mean(group: &[Measured<'_>]) -> Option<f64> {
    let values: Vec<f64> = group.iter().filter_map(|(value, _)| *value).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
