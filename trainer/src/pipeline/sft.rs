//! Supervised fine-tuning: maximum likelihood of target texts.

use super::arithmetic::loss_config;
use super::batch::Batch;
use super::evaluate::Validation;
use super::job::{Job, Plan};
use super::journal::{Clock, Observer, Start, Summary};
use super::objective::PolicyObjective;
use super::policy::{Policy, Signals};
use super::prompts::{Drawn, Prompts, held_out, processor};
use super::rewards::load_rewards;
use super::setup;
use super::targets::target_tokens;
use crate::Result;
use crate::algorithm::{LossConfig, LossMode};
use crate::config::Config;
use rlhost_host::HostBuilder;
use std::collections::BTreeMap;

/// Trains `actor.model` on the column `data.target_key` of `data.train_files`.
///
/// With `sft.target_accuracy`, the job ends as soon as the rewards' accuracy on held-out prompts
/// reaches it. They run in the host that `host` describes.
pub fn sft(
    config: &Config,
    start: Start,
    host: HostBuilder,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    config.validate_for_sft()?;
    let source = setup::configured_model(config)?;
    let processor = processor(config, &source)?;
    let prompts = Prompts::load(config, &processor)?;
    let held_out = held_out(config)?;
    let judged = match &held_out {
        Some(dataset) if !config.reward.is_empty() => {
            let limit = config.sft.val_samples;
            let rewards = load_rewards(config, host)?;
            let validation = Validation::new(config, dataset, &processor, limit, &rewards)?;
            Some((validation, rewards))
        }
        _ => None,
    };
    let mut notices = prompts.notices();
    if let Some((validation, _)) = &judged {
        notices.extend(validation.notices.iter().cloned());
    }
    // A target that is missing or too long shows itself now, and not in the middle of the run.
    for row in prompts.rows() {
        target_tokens(config, &processor, row)?;
    }
    let plan = Plan {
        config,
        source,
        device: setup::device(config.trainer.device)?,
        processor: &processor,
        prompts: prompts.len(),
        loss: PolicyObjective::Native(LossConfig {
            loss_mode: LossMode::Sft,
            entropy_coeff: 0.0,
            use_kl_loss: false,
            ..loss_config(config)?
        }),
        critic: false,
        kl_controller: None,
        temperature: 1.0,
        rewards: judged.as_ref().map(|(_, rewards)| rewards),
        algorithms: Vec::new(),
        notices,
    };
    let mut job = Job::open(plan, start, observer)?;
    let target = config.sft.target_accuracy;
    // A run that was killed after its last checkpoint may have reached its target already.
    let last = job.journal.held_out()?.pop();
    let mut reached = last.is_some_and(|(step, value)| {
        step > 0 && step == job.done && target.is_some_and(|target| value >= target)
    });
    if let (0, true, Some((validation, rewards))) =
        (job.done, config.trainer.val_before_train, &judged)
    {
        let found = validation.run(&job.policy.model, &processor, rewards, 0)?;
        job.journal.validated(0, &found)?;
    }
    while job.goes_on() && !reached {
        let mut clock = Clock::start();
        let drawn = prompts.draw(job.draw, config.data.train_batch_size, &processor)?;
        clock.book("data");
        let targets = drawn
            .iter()
            .map(|drawn| target_tokens(config, &processor, drawn.row))
            .collect::<Result<Vec<_>>>()?;
        let mut metrics = learn(&mut job.policy, job.done, &drawn, &targets)?;
        clock.book("update");
        job.step_done(drawn.len(), None, &[], &mut metrics, &clock.finish())?;
        if let Some((validation, rewards)) = &judged {
            let due = match target {
                Some(_) => job.done.is_multiple_of(config.sft.check_freq.max(1)),
                None => setup::due(config.trainer.val_freq, job.done),
            };
            if due || job.done == job.steps {
                let model = &job.policy.model;
                let found = validation.run(model, &processor, rewards, job.done)?;
                job.journal.validated(job.done, &found)?;
                reached = target.is_some_and(|target| found.value >= target);
            }
        }
        job.save(reached)?;
    }
    job.finish()
}

fn learn(
    policy: &mut Policy,
    step: u64,
    drawn: &[Drawn<'_>],
    targets: &[Vec<u32>],
) -> Result<BTreeMap<String, f64>> {
    let groups = drawn
        .iter()
        .zip(targets)
        .map(|(drawn, target)| (&drawn.prompt, vec![target.as_slice()]))
        .collect();
    let batch = Batch::new(groups)?;
    let advantages = vec![1.0; batch.rows().tokens()];
    let signals = Signals::new(batch.rows(), &advantages);
    let found = policy.update(step, &batch, &signals)?;
    let keep = [
        ("actor/loss", "sft/loss"),
        ("actor/entropy_loss", "sft/entropy"),
        ("actor/grad_norm", "sft/grad_norm"),
        ("actor/lr", "sft/lr"),
        ("actor/skipped_updates", "sft/skipped_updates"),
    ];
    let mut metrics: BTreeMap<String, f64> = keep
        .into_iter()
        .filter_map(|(from, to)| Some((to.to_owned(), *found.get(from)?)))
        .collect();
    metrics.insert("sft/tokens".into(), batch.rows().tokens() as f64);
    Ok(metrics)
}
