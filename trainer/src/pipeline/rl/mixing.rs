//! Learning from the data's targets beside the policy's own completions.
//!
//! A *prefix* gives a completion the beginning of the target, which the policy then goes on from; a
//! *switch* adds the whole target to the completions of a prompt that the policy does not solve, and
//! trains it instead of them.

use crate::Result;
use crate::algorithm::hint_ratio_bound;
use crate::config::{Config, PrefixStrategy, UnifyStrategy};
use crate::data::Row;
use crate::pipeline::targets::target_tokens;
use crate::pipeline::trajectory::Trajectory;
use crate::processor::Processor;
use crate::random::{Domain, Stream};
use crate::rollout::{Completion, FinishReason};

/// What is learnt from targets, if anything is.
pub(super) enum Mixing {
    Nothing,
    Prefixes(Prefixes),
    Switch(Switch),
}

/// Shares of the target that completions begin with.
pub(super) struct Prefixes {
    /// The smallest and the largest share, at the start.
    shares: (f64, f64),
    /// Steps in which the largest share falls; `None` where it stays.
    hint_steps: Option<u64>,
    /// Completions of a prompt that begin with a part of the target.
    count: usize,
    /// Whether they begin with the same part.
    shared: bool,
    seed: u64,
}

/// The rule for prompts that the policy does not solve.
pub(super) struct Switch {
    gate: usize,
    threshold: f64,
}

impl Mixing {
    /// What the configuration asks for.
    ///
    /// # Errors
    /// If targets are learnt from and a row has none, or one that is too long.
    pub(super) fn of<'a>(
        config: &Config,
        processor: &Processor,
        mut rows: impl Iterator<Item = &'a Row>,
    ) -> Result<Self> {
        let algorithm = &config.algorithm;
        let (mixing, key) = if algorithm.prefix_strategy != PrefixStrategy::None {
            let all = config.rollout.n;
            let hints = algorithm.prefix_strategy == PrefixStrategy::Hint;
            let prefixes = Prefixes {
                shares: if hints {
                    (algorithm.hint_min_ratio, algorithm.hint_max_ratio)
                } else {
                    (algorithm.min_prefix_ratio, algorithm.max_prefix_ratio)
                },
                hint_steps: hints.then_some(algorithm.hint_steps),
                count: usize::try_from(algorithm.n_prefix).map_or(all, |n| n.min(all)),
                shared: algorithm.prefix_share_across_samples,
                seed: config.trainer.seed,
            };
            (Self::Prefixes(prefixes), "algorithm.prefix_strategy")
        } else if algorithm.unify_strategy == UnifyStrategy::Switch {
            let switch = Switch {
                gate: algorithm.switch_gate,
                threshold: algorithm.success_reward_threshold,
            };
            (Self::Switch(switch), "algorithm.unify_strategy")
        } else {
            return Ok(Self::Nothing);
        };
        rows.try_for_each(|row| {
            if row.target().is_err() {
                return Err(row.error(format!(
                    "{key} learns from targets, but this row has no column \"{}\" \
                     (data.target_key)",
                    config.data.target_key
                )));
            }
            target_tokens(config, processor, row).map(|_| ())
        })?;
        Ok(mixing)
    }
}

impl Prefixes {
    /// The beginnings of a prompt's completions at `step` (from 0).
    pub(super) fn of(&self, step: u64, draw: u64, target: &[u32]) -> Vec<Vec<u32>> {
        let (low, start) = self.shares;
        let high = match self.hint_steps {
            Some(steps) => hint_ratio_bound(step, steps, low, start),
            None => start,
        };
        (0..self.count as u32)
            .map(|sample| {
                let named = if self.shared { 0 } else { sample };
                let uniform = Stream::new(self.seed, Domain::Prefix, draw, named).uniform(0);
                let share = low + (high - low) * uniform;
                let tokens = (target.len() as f64 * share) as usize;
                target[..tokens.min(target.len())].to_vec()
            })
            .collect()
    }
}

impl Switch {
    /// Sums of weighted rewards need not reach the threshold to the last bit.
    fn succeeds(&self, score: f64) -> bool {
        score >= self.threshold - 1e-9
    }

    /// Whether a prompt's completions leave it unsolved: some have a score, and at most `switch_gate`
    /// of them a good one.
    pub(super) fn applies(&self, trajectories: &[Trajectory]) -> bool {
        let scores = || trajectories.iter().filter_map(|t| t.judgement.score);
        scores().next().is_some()
            && scores().filter(|score| self.succeeds(*score)).count() <= self.gate
    }
}

/// The target as if it had been sampled.
pub(super) fn target_completion(target: Vec<u32>) -> Completion {
    Completion {
        // Nobody sampled it, so nothing reads these.
        logprobs: vec![0.0; target.len()],
        token_ids: target,
        finish: FinishReason::Stop,
    }
}
