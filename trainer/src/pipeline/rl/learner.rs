//! One training step.

use super::collect::{Collected, Collector};
use super::metrics::{describe_advantages, describe_lengths};
use crate::algorithm::{
    AdvantageInput, Advantages, KlPenalty, Totals, kl_in_reward, overlong_penalty, place_rewards,
    remaining,
};
use crate::config::{ActorConfig, Config};
use crate::model::Model;
use crate::pipeline::batch::{Batch, TokenValues};
use crate::pipeline::job::Job;
use crate::pipeline::journal::Clock;
use crate::pipeline::objective::AdvantageObjective;
use crate::pipeline::policy::Signals;
use crate::pipeline::rewards::Tally;
use crate::pipeline::rows::rollout_rows;
use crate::pipeline::trajectory::{Group, Trajectory};
use crate::processor::Tokenizer;
use crate::random::{Domain, Stream};
use crate::rollout::FinishReason;
use crate::run::{Origin, RolloutRow};
use crate::{Error, Result};
use std::collections::BTreeMap;

/// What a step needs beside the job.
pub(super) struct Learner<'a> {
    pub(super) config: &'a Config,
    pub(super) collector: Collector<'a>,
    pub(super) reference: Option<Model>,
    pub(super) advantage: AdvantageObjective,
    pub(super) kl_penalty: KlPenalty,
}

/// What a step leaves behind.
pub(super) struct Step {
    pub(super) metrics: BTreeMap<String, f64>,
    pub(super) rows: Vec<RolloutRow>,
    /// Prompts that were drawn.
    pub(super) prompts: usize,
    /// Tokens that were sampled.
    pub(super) sampled_tokens: usize,
    /// Tokens of the rows that were learnt from.
    pub(super) learnt_tokens: usize,
}

/// How a step ended.
pub(super) enum Outcome {
    Done(Step),
    /// There was too little to learn from: what was sampled, and why that is an error.
    Starved(Vec<RolloutRow>, Error),
}

type Metrics = BTreeMap<String, f64>;

impl Learner<'_> {
    /// Samples, judges, compares and updates once.
    pub(super) fn step(&self, job: &mut Job<'_>, clock: &mut Clock) -> Result<Outcome> {
        let step = job.done;
        let collected = self
            .collector
            .collect(&job.policy.model, step, job.draw, clock)?;
        if let Some(error) = collected.starved {
            let groups = collected.kept.into_iter().chain(collected.left_out);
            let rows = groups.map(|group| untrained_rows(step, group));
            let rows = rows.collect::<Result<Vec<_>>>()?.concat();
            return Ok(Outcome::Starved(rows, error));
        }
        let mut metrics = self.describe(&collected);
        let samples = Samples::of(self.config, &collected.kept)?;
        let learnt = self.learn(job, &samples, &mut metrics, clock)?;
        let sampled = collected.kept.iter().chain(&collected.left_out);
        let sampled_tokens = sampled
            .flat_map(Group::sampled)
            .map(|t| t.completion.token_ids.len() - t.prefix)
            .sum();
        let learnt_tokens = samples.batch.rows().tokens();
        let firsts = samples.firsts;
        drop(samples.batch);

        let mut rows = Vec::new();
        for (group, first) in collected.kept.into_iter().zip(firsts) {
            let learnt_rows = group.learnt().len();
            let of_row = |sample: u32| {
                let row = first + sample as usize;
                let known = (sample as usize) < learnt_rows;
                known.then(|| row_advantage(&learnt, row)).flatten()
            };
            rows.extend(rollout_rows(
                step + 1,
                &group.drawn,
                group.trajectories,
                of_row,
            )?);
        }
        for group in collected.left_out {
            rows.extend(untrained_rows(step, group)?);
        }
        metrics.insert("reward/samples".into(), rows.len() as f64);
        Ok(Outcome::Done(Step {
            metrics,
            rows,
            prompts: collected.drawn,
            sampled_tokens,
            learnt_tokens,
        }))
    }

    /// What was sampled.
    fn describe(&self, collected: &Collected<'_>) -> Metrics {
        let groups = || collected.kept.iter().chain(&collected.left_out);
        let of = |origin: Origin| {
            let all = groups().flat_map(|group| &group.trajectories);
            Tally::of(all.filter(|t| t.origin == origin).map(|t| &t.judgement))
        };
        let mut metrics = of(Origin::Policy).metrics("reward");
        describe_lengths(&mut metrics, groups());
        for (origin, name) in [
            (Origin::Greedy, "reward/greedy_score"),
            (Origin::Target, "reward/target_score"),
        ] {
            let tally = of(origin);
            if tally.scored > 0 {
                metrics.insert(name.into(), tally.score());
            }
        }
        if self.config.algorithm.online_filtering {
            metrics.insert("sampling/tries".into(), collected.tries as f64);
            metrics.insert("sampling/filtered_groups".into(), collected.filtered as f64);
        }
        metrics
    }

    /// Compares the samples and updates the weights.
    fn learn(
        &self,
        job: &mut Job<'_>,
        samples: &Samples<'_>,
        metrics: &mut Metrics,
        clock: &mut Clock,
    ) -> Result<Advantages> {
        let config = self.config;
        let batch = &samples.batch;
        let tokenizer = self.collector.processor.tokenizer();
        let rewards = samples.rewards(config, tokenizer)?;
        let mut input = AdvantageInput {
            rewards: &rewards,
            rows: batch.rows(),
            groups: &samples.groups,
            kept: &samples.kept,
            values: None,
            baselines: samples.baselines.as_deref(),
        };
        // What leaves the step touches nothing: no divergence, no value, no controller.
        let candidates = remaining(&input)?.1.rows;
        let mut old: Option<TokenValues> = None;
        let mut ref_logp = None;
        let mut penalties = None;
        let count = Totals::of(&candidates, 0).rows;
        if let (Some(control), Some(reference), 1..) =
            (&mut job.kl_controller, &self.reference, count)
        {
            let values = job.policy.evaluate(&job.policy.model, batch, &candidates)?;
            let of_reference = job.policy.evaluate(reference, batch, &candidates)?.logp;
            let coef = control.coef();
            let found = kl_in_reward(
                &vec![0.0; rewards.len()],
                &values.logp,
                &of_reference,
                &candidates,
                self.kl_penalty,
                coef,
            )?;
            penalties = Some(found.rewards);
            control.update(found.kl, count);
            metrics.insert("actor/reward_kl_penalty".into(), found.kl);
            metrics.insert("actor/reward_kl_penalty_coeff".into(), coef);
            (old, ref_logp) = (Some(values), Some(of_reference));
            clock.book("ref");
        }
        let values = match &job.critic {
            Some(critic) => Some(critic.values(batch, &candidates)?),
            None => None,
        };
        clock.book("values");
        input.values = values.as_deref();
        let mut advantages = self.advantage.advantage(&input, penalties.as_deref())?;
        // Others are compared with rows that are not trained themselves.
        let compared = advantages.rows.clone();
        advantages.rows = compared.keep(&samples.trained(config))?;
        describe_advantages(metrics, &advantages);
        clock.book("adv");
        if let (Some(critic), Some(values)) = (&mut job.critic, &values) {
            let returns = &advantages.returns;
            metrics.extend(critic.update(job.done, batch, &compared, values, returns)?);
            clock.book("update_critic");
            if job.done < config.trainer.critic_warmup {
                return Ok(advantages);
            }
        }
        if let (true, None, Some(reference)) = (
            job.policy.loss.needs_reference(),
            &ref_logp,
            &self.reference,
        ) {
            let values = job.policy.evaluate(reference, batch, &advantages.rows)?;
            ref_logp = Some(values.logp);
            clock.book("ref");
        }
        let signals = Signals {
            old,
            rollout_logp: Some(&samples.rollout_logp),
            ref_logp: ref_logp.as_deref(),
            prefix_mask: samples.prefix_mask.as_deref(),
            row_scores: Some(&samples.scores),
            seed: Stream::new(config.trainer.seed, Domain::Loss, job.done, 0).bits(0),
            ..Signals::new(&advantages.rows, &advantages.advantages)
        };
        metrics.extend(job.policy.update(job.done, batch, &signals)?);
        clock.book("update");
        Ok(advantages)
    }
}

/// The rows of a group that nothing is learnt from.
fn untrained_rows(step: u64, group: Group<'_>) -> Result<Vec<RolloutRow>> {
    rollout_rows(step + 1, &group.drawn, group.trajectories, |_| None)
}

/// The samples of a step as arrays, one entry per row unless they say otherwise. Row `r` is the `r`-th
/// trajectory that is learnt from, group by group.
struct Samples<'a> {
    batch: Batch<'a>,
    trajectories: Vec<&'a Trajectory>,
    /// The first row of each group.
    firsts: Vec<usize>,
    /// The group of each row, by the ordinal of its prompt.
    groups: Vec<u64>,
    /// Whether the row has a score, and what it is compared with.
    kept: Vec<bool>,
    /// The score; 0 without one.
    scores: Vec<f64>,
    /// The score of the greedy completion of the prompt.
    baselines: Option<Vec<f64>>,
    /// Whether the row is learnt from at all: not where its prompt's target takes its place.
    replaced: Vec<bool>,
    /// By token: what the sampler noted.
    rollout_logp: Vec<f64>,
    /// By token: whether a target wrote it; `None` where targets have no part.
    prefix_mask: Option<Vec<bool>>,
}

impl<'a> Samples<'a> {
    fn of(config: &Config, groups: &'a [Group<'_>]) -> Result<Self> {
        let batch = Batch::new(
            groups
                .iter()
                .map(|group| {
                    let tokens = |t: &'a Trajectory| t.completion.token_ids.as_slice();
                    let learnt = group.learnt().iter().map(tokens).collect();
                    (&group.drawn.prompt, learnt)
                })
                .collect(),
        )?;
        let mut samples = Self {
            batch,
            trajectories: Vec::new(),
            firsts: Vec::new(),
            groups: Vec::new(),
            kept: Vec::new(),
            scores: Vec::new(),
            baselines: None,
            replaced: Vec::new(),
            rollout_logp: Vec::new(),
            prefix_mask: None,
        };
        let (mut mask, mut baselines) = (Vec::new(), Vec::new());
        let mut compared = false;
        for group in groups {
            samples.firsts.push(samples.trajectories.len());
            let learnt = group.learnt();
            let greedy = group.trajectories.get(learnt.len());
            let baseline = greedy.map(|t| {
                let score = t.judgement.score?;
                Some(score + overlong_cost(config, t))
            });
            compared |= greedy.is_some();
            let has_target = learnt.iter().any(Trajectory::is_target);
            for trajectory in learnt {
                let score = trajectory.judgement.score;
                samples.groups.push(group.drawn.draw);
                // Without its baseline a sample can't be compared.
                samples
                    .kept
                    .push(score.is_some() && baseline.is_none_or(|score| score.is_some()));
                samples.scores.push(score.unwrap_or(0.0));
                baselines.push(baseline.flatten().unwrap_or(0.0));
                samples.replaced.push(has_target && !trajectory.is_target());
                let logprobs = trajectory.completion.logprobs.iter();
                samples.rollout_logp.extend(logprobs.map(|x| f64::from(*x)));
                let length = trajectory.completion.token_ids.len();
                mask.extend((0..length).map(|token| token < trajectory.prefix));
                samples.trajectories.push(trajectory);
            }
        }
        // Also where no token of the step is a target's: a loss that mixes is still that loss.
        samples.prefix_mask = config.algorithm.learns_from_targets().then_some(mask);
        samples.baselines = compared.then_some(baselines);
        Ok(samples)
    }

    /// Which rows the policy learns from: not those whose prompt's target takes their place and, if so
    /// configured, not those whose tokens ran out.
    fn trained(&self, config: &Config) -> Vec<bool> {
        let filtered = config.algorithm.overlong_filtering;
        let rows = self.trajectories.iter().zip(&self.replaced);
        rows.map(|(trajectory, replaced)| {
            let cut = filtered && trajectory.completion.finish == FinishReason::Length;
            !replaced && !cut
        })
        .collect()
    }

    /// Reward of each token: scores and what long completions cost, at their places.
    fn rewards(&self, config: &Config, tokenizer: &Tokenizer) -> Result<Vec<f64>> {
        let costs = |trajectory: &Trajectory| overlong_cost(config, trajectory);
        let totals: Vec<f64> = self
            .trajectories
            .iter()
            .zip(&self.scores)
            .map(|(trajectory, score)| score + costs(trajectory))
            .collect();
        let steps = self
            .trajectories
            .iter()
            .map(|trajectory| step_tokens(tokenizer, trajectory))
            .collect::<Result<Vec<_>>>()?;
        place_rewards(&totals, &steps, self.batch.rows())
    }
}

/// What the length of a completion adds to its score.
fn overlong_cost(config: &Config, trajectory: &Trajectory) -> f64 {
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
    let tokens = trajectory.completion.token_ids.len();
    overlong_penalty(tokens, longest, margin, overlong_penalty_factor)
}

/// Step rewards by the token that holds each step's end.
fn step_tokens(tokenizer: &Tokenizer, trajectory: &Trajectory) -> Result<Vec<(usize, f64)>> {
    let token_ids = &trajectory.completion.token_ids;
    let last = token_ids.len().saturating_sub(1);
    trajectory
        .judgement
        .steps
        .iter()
        .map(|step| {
            let Some(end) = step.end_byte else {
                return Ok((last, step.value));
            };
            for count in 1..=last {
                let text = tokenizer.decode(&token_ids[..count], false)?;
                if text.len() as u64 >= end {
                    return Ok((count - 1, step.value));
                }
            }
            Ok((last, step.value))
        })
        .collect()
}

/// Mean advantage of a row's trained tokens; `None` if the row left the step.
fn row_advantage(advantages: &Advantages, row: usize) -> Option<f64> {
    let trained = advantages.rows.trained(row);
    let count = advantages.rows.trained_len(row);
    let sum: f64 = trained.map(|token| advantages.advantages[token]).sum();
    (count > 0).then(|| sum / count as f64)
}
