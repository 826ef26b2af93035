//! Dynamic sampling: which prompts there is something to learn from.

use crate::algorithm::keep_groups;
use crate::config::{AlgorithmConfig, Config};
use crate::pipeline::measure::{ACCURACY, Weights, range};
use crate::pipeline::sampled::differ;
use crate::pipeline::trajectory::{Group, Trajectory};
use crate::{Error, Result};
use rlhost_host::{Reward, RewardSet};
use std::collections::BTreeSet;

/// The name of the whole score in `algorithm.filter_key`.
const OVERALL: &str = "overall";

/// Keeps the groups whose scores differ and whose mean lies between bounds.
///
/// The mean is one of accuracies, of another part, or of scores as [shares](Weights::relative_score) of what the rewards
/// can sum to: a weighted sum says little by itself of how hard a prompt is.
pub(super) struct GroupFilter<'a> {
    config: &'a AlgorithmConfig,
    weights: Weights<'a>,
}

impl<'a> GroupFilter<'a> {
    /// The filter of a configuration, where it has `algorithm.online_filtering`.
    pub(super) fn of(config: &'a Config) -> Option<Self> {
        let algorithm = &config.algorithm;
        algorithm.online_filtering.then(|| Self {
            config: algorithm,
            weights: Weights::of(config),
        })
    }

    /// Which groups there is something to learn from.
    ///
    /// # Errors
    /// If samples have scores, and none of them the part that is filtered by.
    pub(super) fn keep(&self, groups: &[Group<'_>]) -> Result<Vec<bool>> {
        let (mut values, mut owners) = (Vec::new(), Vec::new());
        for (number, group) in (0..).zip(groups) {
            for value in self.values(group) {
                values.push(value);
                owners.push(number);
            }
        }
        if values.is_empty() {
            self.check_key(groups)?;
        }
        let (low, high) = (self.config.filter_low, self.config.filter_high);
        let stays = keep_groups(&values, &owners, low, high)?;
        let mut kept: Vec<bool> = vec![false; groups.len()];
        for (owner, stays) in owners.iter().zip(stays) {
            kept[*owner as usize] = stays;
        }
        for (kept, group) in kept.iter_mut().zip(groups) {
            let scores = group.sampled().filter_map(|t| t.judgement.score);
            *kept &= differ(&scores.collect::<Vec<_>>());
        }
        Ok(kept)
    }

    /// What the mean is taken of in a group.
    fn values(&self, group: &Group<'_>) -> Vec<f64> {
        let judgements = || {
            let judgements = group.sampled().map(|t| &t.judgement);
            judgements.filter(|judgement| judgement.score.is_some())
        };
        let scores = || judgements().filter_map(|j| self.weights.relative_score(j));
        match self.config.filter_key.as_deref() {
            Some(OVERALL) => scores().collect(),
            Some(part) => judgements()
                .filter_map(|judgement| judgement.parts.get(part).copied())
                .collect(),
            None => {
                let accuracies = judgements().map(|j| self.weights.only_accuracy(j));
                let all: Option<Vec<f64>> = accuracies.collect();
                all.unwrap_or_else(|| scores().collect())
            }
        }
    }

    /// The mean of what is filtered by, over all completions of `groups`.
    pub(super) fn mean<'g>(&self, groups: impl Iterator<Item = &'g Group<'g>>) -> f64 {
        let values: Vec<f64> = groups.flat_map(|group| self.values(group)).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    }

    /// Fails if samples have scores, but none of them the part that is filtered by.
    fn check_key(&self, groups: &[Group<'_>]) -> Result<()> {
        let scored = || {
            let sampled = groups.iter().flat_map(Group::sampled);
            sampled.filter(|t: &&Trajectory| t.judgement.score.is_some())
        };
        let (Some(key), Some(_)) = (&self.config.filter_key, scored().next()) else {
            return Ok(());
        };
        let parts: BTreeSet<&str> = scored()
            .flat_map(|t| t.judgement.parts.keys().map(String::as_str))
            .chain([OVERALL])
            .collect();
        Err(Error::Config(format!(
            "algorithm.filter_key: no reward has a part `{key}`; there are: {}",
            parts.into_iter().collect::<Vec<_>>().join(", ")
        )))
    }

    /// What is left out, and by what, for the user.
    pub(super) fn notice(&self, rewards: &RewardSet) -> String {
        format!(
            "algorithm.online_filtering leaves out prompts whose completions have equal scores, or of whose \
             completions {} does not lie between {} and {}",
            self.measure(rewards),
            self.config.filter_low,
            self.config.filter_high
        )
    }

    /// What the bounds are for.
    pub(super) fn measure(&self, rewards: &RewardSet) -> String {
        let counted = || {
            rewards
                .rewards()
                .iter()
                .filter(|reward| reward.weight != 0.0)
        };
        let several = rewards.rewards().len() > 1;
        let (least, most) = range(counted().map(|reward| reward.weight));
        let score = format!(
            "the mean score, as a share of what the rewards can sum to ({least} to {most} for all of them),"
        );
        let part = |part: &str| format!("the mean of `{part}`");
        match self.config.filter_key.as_deref() {
            Some(OVERALL) => score,
            Some(key) => part(key),
            None => {
                let reports = |reward: &&Reward| {
                    let parts = &reward.scorer.plugin().info().parts;
                    parts.is_empty() || parts.iter().any(|part| part == ACCURACY)
                };
                let says = |reward: &Reward| !reward.scorer.plugin().info().parts.is_empty();
                let reporting: Vec<&Reward> = counted().filter(reports).collect();
                match reporting.as_slice() {
                    [] => score,
                    [only] if says(only) && several => part(&format!("{}/{ACCURACY}", only.name)),
                    [only] if says(only) => part(ACCURACY),
                    _ => format!(
                        "the mean of the only `{ACCURACY}` that rewards report of a prompt, or else {score}"
                    ),
                }
            }
        }
    }
}
