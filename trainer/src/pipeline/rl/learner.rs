//! One training step.

use super::collect::{Collected, Collector};
use crate::algorithm::{Advantages, KlPenalty, Totals, kl_in_reward, remaining};
use crate::config::Config;
use crate::model::Model;
use crate::pipeline::batch::{Batch, TokenValues};
use crate::pipeline::comparison::{Comparison, row_advantage};
use crate::pipeline::job::Job;
use crate::pipeline::journal::Clock;
use crate::pipeline::measure::Weights;
use crate::pipeline::objective::AdvantageObjective;
use crate::pipeline::policy::Signals;
use crate::pipeline::rows::rollout_rows;
use crate::pipeline::sampled::{describe_advantages, describe_samples};
use crate::pipeline::trajectory::{Group, Trajectory};
use crate::processor::Tokenizer;
use crate::random::{Domain, Stream};
use crate::run::RolloutRow;
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
    /// Tokens of all prompts and completions, each prompt once a completion.
    pub(super) tokens: usize,
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
        let sampled = || collected.kept.iter().chain(&collected.left_out);
        let tokens = sampled().map(Group::tokens).sum();
        let sampled_tokens = sampled()
            .flat_map(Group::sampled)
            .map(|t| t.completion.token_ids.len() - t.prefix)
            .sum();
        let learnt_tokens = samples.batch.rows().tokens();
        let firsts = samples.comparison.firsts;
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
        Ok(Outcome::Done(Step {
            metrics,
            rows,
            prompts: collected.drawn,
            sampled_tokens,
            tokens,
            learnt_tokens,
        }))
    }

    /// What was sampled.
    fn describe(&self, collected: &Collected<'_>) -> Metrics {
        let groups = collected.kept.iter().chain(&collected.left_out);
        let samples: Vec<_> = groups.flat_map(Group::samples).collect();
        let mut metrics = describe_samples(&samples, &Weights::of(self.config));
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
        let rewards = samples.rewards(tokenizer)?;
        let mut input = samples.comparison.input(&rewards, batch.rows());
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
        let compared = samples.comparison.train(config, &mut advantages)?;
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
            row_scores: Some(&samples.comparison.scores),
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

/// The samples of a step as arrays. Row `r` is the `r`-th trajectory that is learnt from, group by group.
struct Samples<'a> {
    batch: Batch<'a>,
    trajectories: Vec<&'a Trajectory>,
    comparison: Comparison,
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
        let sampled = |group: &'a Group<'_>| (group.drawn.draw, group.samples().collect());
        let comparison = Comparison::of(config, groups.iter().map(sampled));
        let trajectories: Vec<_> = groups.iter().flat_map(Group::learnt).collect();
        let (mut rollout_logp, mut mask) = (Vec::new(), Vec::new());
        for trajectory in &trajectories {
            let logprobs = trajectory.completion.logprobs.iter();
            rollout_logp.extend(logprobs.map(|x| f64::from(*x)));
            let length = trajectory.completion.token_ids.len();
            mask.extend((0..length).map(|token| token < trajectory.prefix));
        }
        Ok(Self {
            batch,
            trajectories,
            comparison,
            rollout_logp,
            // Also where no token of the step is a target's: a loss that mixes is still that loss.
            prefix_mask: config.algorithm.learns_from_targets().then_some(mask),
        })
    }

    /// Reward of each token.
    fn rewards(&self, tokenizer: &Tokenizer) -> Result<Vec<f64>> {
        let steps = self
            .trajectories
            .iter()
            .map(|trajectory| step_tokens(tokenizer, trajectory))
            .collect::<Result<Vec<_>>>()?;
        self.comparison.rewards(&steps, self.batch.rows())
    }
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
