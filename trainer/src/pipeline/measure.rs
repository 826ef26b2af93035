//! What a sample is measured by: its accuracy, and what its rewards could have given it.

use crate::config::Config;
use rlhost_host::{Judgement, RewardRecord};
use std::collections::BTreeMap;

/// The part that says whether an answer is right, by the name that verifiers give it.
pub(super) const ACCURACY: &str = "accuracy";
/// The name of the whole score among metrics.
pub(super) const SCORE: &str = "score";

/// The weights of a run's rewards. A reward of weight 0 is only recorded: nothing is measured by it.
pub(super) struct Weights<'a>(BTreeMap<&'a str, f64>);

impl<'a> Weights<'a> {
    pub(super) fn of(config: &'a Config) -> Self {
        let rewards = config.reward.iter();
        Self(
            rewards
                .map(|(name, reward)| (name.as_str(), reward.weight))
                .collect(),
        )
    }

    /// The weight of a reward; 0 for one that the run does not have.
    pub(super) fn of_reward(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// What the rewards that count say of a sample, in the order of their names.
    fn counted<'j>(&self, judgement: &'j Judgement) -> impl Iterator<Item = &'j RewardRecord> {
        let rewards = judgement.rewards.iter();
        rewards.filter(|reward| self.of_reward(&reward.name) != 0.0)
    }

    fn accuracies<'j>(&self, judgement: &'j Judgement) -> impl Iterator<Item = f64> + use<'j, '_> {
        let counted = self.counted(judgement);
        counted.filter_map(|reward| reward.parts.get(ACCURACY).copied())
    }

    /// The accuracy of a sample that has a score: the part `accuracy` of the first reward that has one.
    pub(super) fn accuracy(&self, judgement: &Judgement) -> Option<f64> {
        judgement.score?;
        self.accuracies(judgement).next()
    }

    /// The accuracy of a sample of which exactly one reward reports one.
    pub(super) fn only_accuracy(&self, judgement: &Judgement) -> Option<f64> {
        judgement.score?;
        let mut found = self.accuracies(judgement);
        found.next().filter(|_| found.next().is_none())
    }

    /// The score of a sample within what the rewards that judged it can sum to, each of whose totals is taken to lie
    /// between 0 and 1: 0 is the least, 1 the most.
    pub(super) fn relative_score(&self, judgement: &Judgement) -> Option<f64> {
        let score = judgement.score?;
        let counted = self.counted(judgement);
        let (least, most) = range(counted.map(|reward| self.of_reward(&reward.name)));
        Some((score - least) / (most - least))
    }
}

/// The least and the most that rewards of these weights can sum to, each total being taken to lie between 0 and 1.
pub(super) fn range(weights: impl Iterator<Item = f64>) -> (f64, f64) {
    weights.fold((0.0, 0.0), |(least, most), weight| {
        (least + weight.min(0.0), most + weight.max(0.0))
    })
}
