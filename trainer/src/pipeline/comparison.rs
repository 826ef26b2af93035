//! What a step compares its samples by: their scores, and with what each score is set against.
//!
//! A row is a completion that is learnt from; rows stand group by group, in the order of the step's samples.

use super::sampled::Sampled;
use crate::Result;
use crate::algorithm::{AdvantageInput, Advantages, Rows, overlong_penalty, place_rewards};
use crate::config::{ActorConfig, Config};
use crate::rollout::FinishReason;
use crate::run::Origin;

/// The samples of a step as arrays, one entry per row unless they say otherwise.
#[derive(Default)]
pub(super) struct Comparison {
    /// The first row of each group.
    pub(super) firsts: Vec<usize>,
    /// The group of each row, by the ordinal of its prompt.
    pub(super) groups: Vec<u64>,
    /// Whether the row has a score, and what it is compared with.
    pub(super) kept: Vec<bool>,
    /// The score; 0 without one.
    pub(super) scores: Vec<f64>,
    /// The score and what the row's length costs.
    totals: Vec<f64>,
    /// The score of the greedy completion of the prompt.
    pub(super) baselines: Option<Vec<f64>>,
    /// Whether the row is learnt from at all: not where its prompt's target takes its place.
    replaced: Vec<bool>,
    /// Whether the row's tokens ran out.
    cut: Vec<bool>,
}

/// The samples of a group that are learnt from: all but greedy baselines, which stand behind the others.
pub(super) fn learnt(origins: impl Iterator<Item = Origin>) -> usize {
    origins
        .take_while(|origin| *origin != Origin::Greedy)
        .count()
}

impl Comparison {
    /// The groups of a step that are learnt from, each by the ordinal of its prompt.
    pub(super) fn of<'a>(
        config: &Config,
        groups: impl IntoIterator<Item = (u64, Vec<Sampled<'a>>)>,
    ) -> Self {
        let mut all = Self::default();
        let mut baselines = Vec::new();
        let mut compared = false;
        for (draw, samples) in groups {
            all.firsts.push(all.groups.len());
            let learnt = learnt(samples.iter().map(|sample| sample.origin));
            let baseline = samples.get(learnt).map(|greedy| {
                let score = greedy.judgement.score?;
                Some(score + overlong_cost(config, greedy.tokens))
            });
            compared |= baseline.is_some();
            let samples = &samples[..learnt];
            let has_target = samples.iter().any(Sampled::is_target);
            for sample in samples {
                let score = sample.judgement.score;
                all.groups.push(draw);
                // Without its baseline a sample can't be compared.
                all.kept
                    .push(score.is_some() && baseline.is_none_or(|score| score.is_some()));
                let score = score.unwrap_or(0.0);
                all.scores.push(score);
                all.totals
                    .push(score + overlong_cost(config, sample.tokens));
                baselines.push(baseline.flatten().unwrap_or(0.0));
                all.replaced.push(has_target && !sample.is_target());
                all.cut.push(sample.finish == FinishReason::Length);
            }
        }
        all.baselines = compared.then_some(baselines);
        all
    }

    /// Reward of each token: scores and what long completions cost, at their places. `steps` are what earlier
    /// places of each row earned ([`place_rewards`]).
    pub(super) fn rewards(&self, steps: &[Vec<(usize, f64)>], rows: &Rows) -> Result<Vec<f64>> {
        place_rewards(&self.totals, steps, rows)
    }

    /// What advantages are computed from.
    pub(super) fn input<'a>(&'a self, rewards: &'a [f64], rows: &'a Rows) -> AdvantageInput<'a> {
        AdvantageInput {
            rewards,
            rows,
            groups: &self.groups,
            kept: &self.kept,
            values: None,
            baselines: self.baselines.as_deref(),
        }
    }

    /// Takes what is not trained out of `advantages`, which others were compared with; returns the rows that
    /// were.
    pub(super) fn train(&self, config: &Config, advantages: &mut Advantages) -> Result<Rows> {
        let filtered = config.algorithm.overlong_filtering;
        let rows = self.replaced.iter().zip(&self.cut);
        let trained: Vec<bool> = rows
            .map(|(replaced, cut)| !(*replaced || filtered && *cut))
            .collect();
        let compared = advantages.rows.clone();
        advantages.rows = compared.keep(&trained)?;
        Ok(compared)
    }
}

/// What the length of a completion adds to its score.
fn overlong_cost(config: &Config, tokens: usize) -> f64 {
    let ActorConfig {
        overlong_reward_penalty,
        overlong_tokens,
        overlong_penalty_factor,
        ..
    } = config.actor;
    if !overlong_reward_penalty {
        return 0.0;
    }
    let longest = config.data.max_response_length;
    let margin = overlong_tokens.unwrap_or_else(|| longest.div_ceil(5));
    overlong_penalty(tokens, longest, margin, overlong_penalty_factor)
}

/// Mean advantage of a row's trained tokens; `None` if the row left the step.
pub(super) fn row_advantage(advantages: &Advantages, row: usize) -> Option<f64> {
    let trained = advantages.rows.trained(row);
    let count = advantages.rows.trained_len(row);
    let sum: f64 = trained.map(|token| advantages.advantages[token]).sum();
    (count > 0).then(|| sum / count as f64)
}
