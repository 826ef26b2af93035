//! Reinforcement learning: sample, judge, compare within the group, update.

use super::batch::Batch;
use super::evaluate::Validation;
use super::job::{Job, Plan};
use super::journal::{Clock, Observer, Report, Start, Summary};
use super::objective::{AdvantageObjective, Component};
use super::policy::{Policy, Signals};
use super::prompts::{Drawn, Prompts, held_out, processor};
use super::rewards::{Tally, check_dispatch, check_use, judge, load_rewards, response_text};
use super::rows::rollout_rows;
use super::setup;
use crate::Result;
use crate::algorithm::{AdvantageInput, Advantages, Rows, place_rewards};
use crate::config::Config;
use crate::model::Model;
use crate::processor::{Processor, Tokenizer};
use crate::rollout::{
    Completion, FinishReason, NativeEngine, Request, RolloutEngine, SamplingParams,
};
use crate::run::RolloutRow;
use rlhost_host::{HostBuilder, Judgement, RewardSet};
use std::collections::BTreeMap;

/// Trains `actor.model` on `data.train_files` with the rewards of `config`, which run in the host that
/// `host` describes.
pub fn train(
    config: &Config,
    start: Start,
    host: HostBuilder,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    config.validate_for_train()?;
    let source = setup::configured_model(config)?;
    let device = setup::device(config.trainer.device)?;
    let processor = processor(config, &source)?;
    let rewards = load_rewards(config, host)?;
    let host = rewards.host();
    let advantage = setup::advantage_objective(config, host)?;
    let loss = setup::policy_objective(config, host)?;
    let algorithms: Vec<&Component> = [advantage.component(), loss.component()]
        .into_iter()
        .flatten()
        .collect();
    let mut notices: Vec<String> = algorithms.iter().map(|c| c.notice()).collect();
    let algorithms = algorithms.iter().map(|c| c.algorithm().clone()).collect();
    let prompts = Prompts::load(config, &processor)?;
    notices.extend(prompts.notices());
    check_dispatch(&rewards, prompts.rows())?;
    check_use(&rewards, &prompts.rows())?;
    let held_out = held_out(config)?;
    let validation = held_out
        .as_ref()
        .map(|dataset| Validation::new(config, dataset, &processor, None, &rewards))
        .transpose()?;
    let reference = if loss.needs_reference() {
        Some(Model::load(&source, &device)?)
    } else {
        None
    };
    let temperature = config.rollout.temperature;
    let learner = Learner {
        processor: &processor,
        rewards: &rewards,
        reference,
        samples: config.rollout.n,
        sampling: SamplingParams {
            temperature,
            top_p: config.rollout.top_p,
            top_k: usize::try_from(config.rollout.top_k).ok(),
            max_tokens: config.data.max_response_length,
            stop: processor.tokenizer().eos_ids().to_vec(),
            seed: config.trainer.seed,
        },
        advantage,
    };
    let plan = Plan {
        config,
        source,
        device,
        processor: &processor,
        prompts: prompts.len(),
        loss,
        temperature,
        rewards: Some(&rewards),
        algorithms,
        notices,
    };
    let mut job = Job::open(plan, start, observer)?;
    let validate = |job: &mut Job<'_>| -> Result<()> {
        let Some(validation) = &validation else {
            return Ok(());
        };
        let model = &job.policy.model;
        let (found, rows) = validation.run(model, &processor, &rewards, job.done)?;
        job.journal.validated(job.done, &found.metrics(), &rows)
    };
    if job.done == 0 && config.trainer.val_before_train {
        validate(&mut job)?;
    }
    while job.goes_on() {
        let mut clock = Clock::start();
        let drawn = prompts.draw(job.draw, config.data.train_batch_size, &processor)?;
        clock.book("data");
        let (metrics, rows) = learner.step(&mut job.policy, job.done, &drawn, &mut clock)?;
        job.journal.folder.write_rollouts(job.done + 1, &rows)?;
        clock.book("write");
        let algorithms = [learner.advantage.component(), job.policy.loss.component()];
        for line in algorithms
            .into_iter()
            .flatten()
            .flat_map(Component::take_log)
        {
            job.journal.report(Report::Notice(&line));
        }
        job.step_done(drawn.len(), &metrics, &with_rates(clock, &metrics))?;
        if job.done == job.steps || setup::due(config.trainer.val_freq, job.done) {
            validate(&mut job)?;
        }
        job.save(false)?;
    }
    job.finish("reward", "reward/score")
}

/// Seconds with tokens and samples per second beside them.
fn with_rates(clock: Clock, metrics: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let mut timings = clock.finish();
    let of = |map: &BTreeMap<String, f64>, name: &str| map.get(name).copied().unwrap_or(f64::NAN);
    let samples = of(metrics, "reward/samples");
    let tokens = samples * of(metrics, "response_length/mean");
    let rates = [
        (
            "perf/gen_tokens_per_s",
            tokens / of(&timings, "timing_s/gen"),
        ),
        (
            "perf/update_tokens_per_s",
            tokens / of(&timings, "timing_s/update"),
        ),
        (
            "perf/samples_per_s",
            samples / of(&timings, "timing_s/step"),
        ),
    ];
    let finite = rates.into_iter().filter(|(_, rate)| rate.is_finite());
    timings.extend(finite.map(|(name, rate)| (name.to_owned(), rate)));
    timings
}

/// What a step needs beside the policy.
struct Learner<'a> {
    processor: &'a Processor,
    rewards: &'a RewardSet,
    reference: Option<Model>,
    /// Completions of a prompt.
    samples: usize,
    sampling: SamplingParams,
    advantage: AdvantageObjective,
}

type StepResult = (BTreeMap<String, f64>, Vec<RolloutRow>);

impl Learner<'_> {
    /// One training step; `step` counts from 0.
    fn step(
        &self,
        policy: &mut Policy,
        step: u64,
        drawn: &[Drawn<'_>],
        clock: &mut Clock,
    ) -> Result<StepResult> {
        let requests: Vec<Request<'_>> = drawn
            .iter()
            .map(|drawn| Request {
                prompt: &drawn.prompt,
                draw: drawn.draw,
                samples: self.samples,
            })
            .collect();
        let groups = NativeEngine::new(&policy.model).generate(&requests, &self.sampling)?;
        clock.book("gen");

        let tokenizer = self.processor.tokenizer();
        let responses = groups
            .iter()
            .map(|group| {
                let text = |completion| Ok((response_text(tokenizer, completion)?, completion));
                group.iter().map(text).collect::<Result<Vec<_>>>()
            })
            .collect::<Result<Vec<_>>>()?;
        let judgements = judge(self.rewards, drawn, &responses)?;
        clock.book("reward");

        let batch = Batch::new(
            drawn
                .iter()
                .zip(&groups)
                .map(|(drawn, group)| {
                    let tokens = group.iter().map(|c| c.token_ids.as_slice()).collect();
                    (&drawn.prompt, tokens)
                })
                .collect(),
        )?;
        let advantages = self.advantages(&batch, drawn, &groups, &judgements)?;
        let mut metrics = Tally::of(judgements.iter().flatten()).metrics("reward");
        describe(&mut metrics, &groups, &advantages);
        clock.book("adv");

        let ref_logp = match &self.reference {
            Some(reference) => Some(policy.evaluate(reference, &batch, &advantages.rows)?.logp),
            None => None,
        };
        clock.book("ref");
        let rollout_logp: Vec<f64> = groups
            .iter()
            .flatten()
            .flat_map(|completion| completion.logprobs.iter().map(|logp| f64::from(*logp)))
            .collect();
        let signals = Signals {
            rows: &advantages.rows,
            advantages: &advantages.advantages,
            rollout_logp: Some(&rollout_logp),
            ref_logp: ref_logp.as_deref(),
        };
        metrics.extend(policy.update(step, &batch, &signals)?);
        clock.book("update");

        let of_row = |row| row_advantage(&advantages.rows, &advantages.advantages, row);
        let rows = rollout_rows(step + 1, drawn, &responses, judgements, of_row)?;
        Ok((metrics, rows))
    }

    fn advantages(
        &self,
        batch: &Batch<'_>,
        drawn: &[Drawn<'_>],
        groups: &[Vec<Completion>],
        judgements: &[Vec<Judgement>],
    ) -> Result<Advantages> {
        let flat: Vec<&Judgement> = judgements.iter().flatten().collect();
        let kept: Vec<bool> = flat
            .iter()
            .map(|judgement| judgement.score.is_some())
            .collect();
        let totals: Vec<f64> = flat
            .iter()
            .map(|judgement| judgement.score.unwrap_or(0.0))
            .collect();
        let tokenizer = self.processor.tokenizer();
        let steps = flat
            .iter()
            .zip(groups.iter().flatten())
            .map(|(judgement, completion)| step_tokens(tokenizer, completion, judgement))
            .collect::<Result<Vec<_>>>()?;
        let rewards = place_rewards(&totals, &steps, batch.rows())?;
        let group_names: Vec<u64> = batch.group_of().iter().map(|g| drawn[*g].draw).collect();
        self.advantage.advantage(&AdvantageInput {
            rewards: &rewards,
            rows: batch.rows(),
            groups: &group_names,
            kept: &kept,
            values: None,
            baselines: None,
        })
    }
}

/// Step rewards by the token that holds each step's end.
fn step_tokens(
    tokenizer: &Tokenizer,
    completion: &Completion,
    judgement: &Judgement,
) -> Result<Vec<(usize, f64)>> {
    let last = completion.token_ids.len().saturating_sub(1);
    judgement
        .steps
        .iter()
        .map(|step| {
            let Some(end) = step.end_byte else {
                return Ok((last, step.value));
            };
            for count in 1..=last {
                let text = tokenizer.decode(&completion.token_ids[..count], false)?;
                if text.len() as u64 >= end {
                    return Ok((count - 1, step.value));
                }
            }
            Ok((last, step.value))
        })
        .collect()
}

fn describe(
    metrics: &mut BTreeMap<String, f64>,
    groups: &[Vec<Completion>],
    advantages: &Advantages,
) {
    let lengths: Vec<f64> = groups
        .iter()
        .flatten()
        .map(|completion| completion.token_ids.len() as f64)
        .collect();
    let count = lengths.len().max(1) as f64;
    let cut = groups
        .iter()
        .flatten()
        .filter(|completion| completion.finish == FinishReason::Length)
        .count() as f64;
    let mut set = |name: &str, value: f64| {
        metrics.insert(name.to_owned(), value);
    };
    set("response_length/mean", lengths.iter().sum::<f64>() / count);
    set(
        "response_length/min",
        lengths.iter().copied().fold(f64::INFINITY, f64::min),
    );
    set(
        "response_length/max",
        lengths.iter().copied().fold(0.0, f64::max),
    );
    set("response_length/clip_ratio", cut / count);
    let trained: Vec<f64> = advantages
        .advantages
        .iter()
        .zip(advantages.rows.mask())
        .filter(|(_, trained)| **trained)
        .map(|(advantage, _)| *advantage)
        .collect();
    let largest = trained.iter().map(|a| a.abs()).fold(0.0, f64::max);
    set("critic/advantages/abs_max", largest);
    set("critic/dropped_samples", advantages.dropped_rows as f64);
    set("critic/dropped_groups", advantages.dropped_groups as f64);
}

/// Mean advantage of a row's trained tokens; `None` if the row left the step.
fn row_advantage(rows: &Rows, advantages: &[f64], row: usize) -> Option<f64> {
    let trained: Vec<f64> = rows.trained(row).map(|token| advantages[token]).collect();
    (!trained.is_empty()).then(|| trained.iter().sum::<f64>() / trained.len() as f64)
}
