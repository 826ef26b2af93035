//! Reinforcement learning: sample, judge, compare within the group, update.

use super::batch::Batch;
use super::evaluate::Validation;
use super::journal::{Clock, Journal, Observer, Report, Start, Summary};
use super::policy::{Policy, Signals};
use super::prompts::{Drawn, Prompts, held_out, processor};
use super::rewards::{judge, load_rewards, response_text, summarise};
use super::{checkpoint, setup};
use crate::Result;
use crate::algorithm::{AdvantageInput, Advantages, Rows, advantage, place_rewards};
use crate::config::Config;
use crate::model::Model;
use crate::optim::AdamW;
use crate::processor::{Processor, Tokenizer};
use crate::rollout::{
    Completion, FinishReason, NativeEngine, Request, RolloutEngine, SamplingParams,
};
use crate::run::RolloutRow;
use rlhost_host::{Judgement, Record, RewardSet};
use std::collections::BTreeMap;

/// Trains `actor.model` on `data.train_files` with the rewards of `config`.
pub fn train(config: &Config, start: Start, observer: &mut dyn Observer) -> Result<Summary> {
    config.validate_for_train()?;
    let source = setup::configured_model(config)?;
    let device = setup::device(config.trainer.device)?;
    let processor = processor(config, &source)?;
    let rewards = load_rewards(config)?;
    let mut notices = Vec::new();
    let prompts = Prompts::load(config, &processor, &mut |text| {
        notices.push(text.to_owned())
    })?;
    let held_out = held_out(config)?;
    let validation = held_out
        .as_ref()
        .map(|dataset| Validation::new(config, dataset, &processor, None))
        .transpose()?;
    let steps = setup::step_count(config, prompts.len())?;
    let loss = setup::loss_config(config)?;
    let advantage_config = setup::advantage_config(config)?;
    let schedule = setup::schedule(config, steps)?;
    let settings = setup::optimizer_settings(config);

    // Everything that can be wrong with the inputs has been looked at: now the folder may appear.
    let first_model = Model::load(&source, &device)?;
    let (mut journal, resumed) = Journal::open(
        &setup::run_folder(config),
        &config.to_toml()?,
        start,
        observer,
    )?;
    let reference = if config.algorithm.use_kl_loss {
        Some(Model::load(&source, &device)?)
    } else {
        None
    };
    checkpoint::prune(&journal.folder, config.trainer.save_limit)?;
    let (model, optimizer, mut done, mut draw) = match &resumed {
        Some(checkpoint) => {
            let model = Model::load(checkpoint.path(), &device)?;
            let optimizer = checkpoint::restore(checkpoint.path(), settings, model.weights())?;
            let state = checkpoint.state();
            (model, optimizer, state.step, state.draw)
        }
        None => {
            let optimizer = AdamW::new(settings, first_model.weights())?;
            (first_model, optimizer, 0, 0)
        }
    };
    let temperature = config.rollout.temperature;
    let mut job = Job {
        config,
        processor: &processor,
        rewards: &rewards,
        policy: Policy::new(config, model, optimizer, schedule, loss, temperature),
        reference,
        sampling: SamplingParams {
            temperature,
            top_p: config.rollout.top_p,
            top_k: usize::try_from(config.rollout.top_k).ok(),
            max_tokens: config.data.max_response_length,
            stop: processor.tokenizer().eos_ids().to_vec(),
            seed: config.trainer.seed,
        },
        advantage_config,
    };
    journal.report(Report::Started {
        folder: &journal.folder.path().to_owned(),
        done,
        steps,
    });
    for notice in &notices {
        journal.report(Report::Notice(notice));
    }
    let validate = |job: &Job<'_>, journal: &mut Journal<'_>, step: u64| -> Result<()> {
        match &validation {
            Some(validation) => {
                let found = validation.run(&job.policy.model, job.processor, job.rewards)?;
                journal.validated(step, &found.metrics())
            }
            None => Ok(()),
        }
    };
    if done == 0 && config.trainer.val_before_train {
        validate(&job, &mut journal, 0)?;
    }
    let mut saved = resumed.map(|checkpoint| checkpoint.path().to_owned());
    let mut stopped = false;
    while done < steps && !stopped {
        let drawn = prompts.draw(draw, config.data.train_batch_size, &processor)?;
        let (metrics, timings, rows) = job.step(done, &drawn)?;
        draw += drawn.len() as u64;
        done += 1;
        journal.folder.write_rollouts(done, &rows)?;
        journal.step(done, &metrics, &timings)?;
        stopped = journal.stop_requested() && done < steps;
        if done == steps || setup::due(config.trainer.val_freq, done) {
            validate(&job, &mut journal, done)?;
        }
        if done == steps || stopped || setup::due(config.trainer.save_freq, done) {
            let limit = config.trainer.save_limit;
            saved = Some(checkpoint::save(
                &mut journal,
                &job.policy,
                &source,
                done,
                draw,
                limit,
            )?);
        }
    }
    let title = &config.trainer.experiment_name;
    let plot = journal.plot(title, "reward/score")?;
    let accuracy = journal.history("val/accuracy")?;
    Ok(Summary {
        folder: journal.folder.path().to_owned(),
        checkpoint: saved.unwrap_or_default(),
        plot,
        steps: done,
        accuracy: accuracy
            .first()
            .zip(accuracy.last())
            .map(|(a, b)| (a.1, b.1)),
        stopped,
    })
}

struct Job<'a> {
    config: &'a Config,
    processor: &'a Processor,
    rewards: &'a RewardSet,
    policy: Policy,
    reference: Option<Model>,
    sampling: SamplingParams,
    advantage_config: crate::algorithm::AdvantageConfig,
}

type StepResult = (
    BTreeMap<String, f64>,
    BTreeMap<String, f64>,
    Vec<RolloutRow>,
);

impl Job<'_> {
    /// One training step; `step` counts from 0.
    fn step(&mut self, step: u64, drawn: &[Drawn<'_>]) -> Result<StepResult> {
        let mut clock = Clock::start();
        let requests: Vec<Request<'_>> = drawn
            .iter()
            .map(|drawn| Request {
                prompt: &drawn.prompt,
                draw: drawn.draw,
                samples: self.config.rollout.n,
            })
            .collect();
        let groups = NativeEngine::new(&self.policy.model).generate(&requests, &self.sampling)?;
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
        let mut metrics = summarise("reward", judgements.iter().flatten());
        describe(&mut metrics, &groups, &advantages);
        clock.book("adv");

        let ref_logp = match &self.reference {
            Some(reference) => Some(
                self.policy
                    .evaluate(reference, &batch, &advantages.rows)?
                    .logp,
            ),
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
        metrics.extend(self.policy.update(step, &batch, &signals)?);
        clock.book("update");

        let rows = rollout_rows(step + 1, drawn, &responses, judgements, &advantages)?;
        let mut timings = clock.finish();
        let tokens = batch.rows().tokens() as f64;
        let rate = |part: &str| tokens / timings.get(part).copied().unwrap_or(f64::INFINITY);
        let rates = [
            ("perf/gen_tokens_per_s", rate("timing_s/gen")),
            ("perf/update_tokens_per_s", rate("timing_s/update")),
            (
                "perf/samples_per_s",
                batch.rows().len() as f64 / timings["timing_s/step"],
            ),
        ];
        timings.extend(rates.map(|(name, value)| (name.to_owned(), value)));
        Ok((metrics, timings, rows))
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
        advantage(
            &AdvantageInput {
                rewards: &rewards,
                rows: batch.rows(),
                groups: &group_names,
                kept: &kept,
                values: None,
                baselines: None,
            },
            &self.advantage_config,
        )
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

fn rollout_rows(
    step: u64,
    drawn: &[Drawn<'_>],
    responses: &[Vec<(String, &Completion)>],
    judgements: Vec<Vec<Judgement>>,
    advantages: &Advantages,
) -> Result<Vec<RolloutRow>> {
    let mut rows = Vec::new();
    for ((drawn, responses), judgements) in drawn.iter().zip(responses).zip(judgements) {
        for (sample, ((text, completion), judgement)) in
            responses.iter().zip(judgements).enumerate()
        {
            let index = drawn.index as u64;
            let mut row = RolloutRow::new(step, index, drawn.draw, sample as u32);
            row.prompt.clone_from(&drawn.prompt.text);
            row.images = drawn
                .row
                .image_paths()
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            row.response.clone_from(text);
            row.tokens = completion.token_ids.len() as u64;
            row.finish_reason = match completion.finish {
                FinishReason::Stop => "stop",
                FinishReason::Length => "length",
            }
            .to_owned();
            row.advantage = row_advantage(&advantages.rows, &advantages.advantages, rows.len());
            let record = Record::new(index, drawn.draw, sample as u32, judgement);
            rows.push(row.with_record(&record)?);
        }
    }
    Ok(rows)
}

/// Mean advantage of a row's trained tokens; `None` if the row left the step.
fn row_advantage(rows: &Rows, advantages: &[f64], row: usize) -> Option<f64> {
    let trained: Vec<f64> = rows.trained(row).map(|token| advantages[token]).collect();
    (!trained.is_empty()).then(|| trained.iter().sum::<f64>() / trained.len() as f64)
}
