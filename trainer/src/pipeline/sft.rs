//! Supervised fine-tuning: maximum likelihood of target texts.

use super::batch::Batch;
use super::evaluate::Validation;
use super::journal::{Clock, Journal, Observer, Report, Start, Summary};
use super::policy::{Policy, Signals};
use super::prompts::{Drawn, Prompts, held_out, processor};
use super::rewards::load_rewards;
use super::{checkpoint, setup};
use crate::algorithm::{LossConfig, LossMode};
use crate::config::Config;
use crate::data::Row;
use crate::model::Model;
use crate::optim::AdamW;
use crate::processor::Processor;
use crate::{Error, Result};
use std::collections::BTreeMap;

/// Trains `actor.model` on the column `data.target_key` of `data.train_files`.
///
/// With `sft.target_accuracy`, the job ends as soon as the rewards' accuracy on held-out prompts
/// reaches it.
pub fn sft(config: &Config, start: Start, observer: &mut dyn Observer) -> Result<Summary> {
    config.validate_for_sft()?;
    let source = setup::configured_model(config)?;
    let device = setup::device(config.trainer.device)?;
    let processor = processor(config, &source)?;
    let mut notices = Vec::new();
    let prompts = Prompts::load(config, &processor, &mut |text| {
        notices.push(text.to_owned())
    })?;
    for row in prompts.rows() {
        target_tokens(config, &processor, row)?;
    }
    let held_out = held_out(config)?;
    let judged = match &held_out {
        Some(dataset) if !config.reward.is_empty() => {
            let limit = config.sft.val_samples;
            let validation = Validation::new(config, dataset, &processor, limit)?;
            Some((validation, load_rewards(config)?))
        }
        _ => None,
    };
    let steps = setup::step_count(config, prompts.len())?;
    let schedule = setup::schedule(config, steps)?;
    let settings = setup::optimizer_settings(config);
    let loss = LossConfig {
        loss_mode: LossMode::Sft,
        entropy_coeff: 0.0,
        use_kl_loss: false,
        ..setup::loss_config(config)?
    };
    let first_model = Model::load(&source, &device)?;
    let (mut journal, resumed) = Journal::open(
        &setup::run_folder(config),
        &config.to_toml()?,
        start,
        observer,
    )?;
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
    let mut policy = Policy::new(config, model, optimizer, schedule, loss, 1.0);
    journal.report(Report::Started {
        folder: &journal.folder.path().to_owned(),
        done,
        steps,
    });
    for notice in &notices {
        journal.report(Report::Notice(notice));
    }
    let mut saved = resumed.map(|checkpoint| checkpoint.path().to_owned());
    // A run that was killed after its last checkpoint has reached its target already.
    let target = config.sft.target_accuracy;
    let last = journal.history("val/accuracy")?.pop();
    let mut reached = last
        .is_some_and(|(step, found)| step == done && target.is_some_and(|target| found >= target));
    let mut stopped = false;
    while done < steps && !stopped && !reached {
        let drawn = prompts.draw(draw, config.data.train_batch_size, &processor)?;
        let mut clock = Clock::start();
        let targets = drawn
            .iter()
            .map(|drawn| target_tokens(config, &processor, drawn.row))
            .collect::<Result<Vec<_>>>()?;
        let metrics = learn(&mut policy, done, &drawn, &targets)?;
        clock.book("update");
        draw += drawn.len() as u64;
        done += 1;
        journal.step(done, &metrics, &clock.finish())?;
        stopped = journal.stop_requested() && done < steps;
        if let Some((validation, rewards)) = &judged {
            let due = match target {
                Some(_) => done.is_multiple_of(config.sft.check_freq.max(1)),
                None => setup::due(config.trainer.val_freq, done),
            };
            if due || done == steps {
                let found = validation.run(&policy.model, &processor, rewards)?;
                journal.validated(done, &found.metrics())?;
                reached = target.is_some_and(|target| found.accuracy >= target);
            }
        }
        let last = done == steps || stopped || reached;
        if last || setup::due(config.trainer.save_freq, done) {
            let limit = config.trainer.save_limit;
            saved = Some(checkpoint::save(
                &mut journal,
                &policy,
                &source,
                done,
                draw,
                limit,
            )?);
        }
    }
    let plot = journal.plot(&config.trainer.experiment_name, "sft/token_accuracy")?;
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

/// The target text's tokens and the end-of-turn token.
fn target_tokens(config: &Config, processor: &Processor, row: &Row) -> Result<Vec<u32>> {
    let mut tokens = processor.tokenizer().encode(row.target()?)?;
    let stop =
        processor.tokenizer().eos_ids().first().ok_or_else(|| {
            Error::Config("the tokenizer has no end-of-turn token to learn".into())
        })?;
    tokens.push(*stop);
    let longest = config.data.max_response_length;
    if tokens.len() > longest {
        return Err(row.error(format!(
            "the target has {} tokens, more than data.max_response_length = {longest}",
            tokens.len()
        )));
    }
    Ok(tokens)
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
    let rows = batch.rows().clone();
    let advantages = vec![1.0; rows.tokens()];
    let found = policy.update(
        step,
        &batch,
        &Signals {
            rows: &rows,
            advantages: &advantages,
            rollout_logp: None,
            ref_logp: None,
        },
    )?;
    let keep = [
        "actor/loss",
        "actor/grad_norm",
        "actor/lr",
        "actor/skipped_updates",
    ];
    let mut metrics: BTreeMap<String, f64> = found
        .into_iter()
        .filter(|(name, _)| keep.contains(&name.as_str()))
        .map(|(name, value)| (name.replace("actor/", "sft/"), value))
        .collect();
    metrics.insert("sft/tokens".into(), rows.tokens() as f64);
    Ok(metrics)
}
