//! Evaluating models on held-out prompts.

use super::evaluation::Evaluation;
use super::prompts::{Drawn, in_order, notices, processor, usable_rows};
use super::references;
use super::rewards::{check_dispatch, load_rewards};
use super::rows::rollout_rows;
use super::sampled::Sampled;
use super::setup;
use super::trajectory::{generate, judged};
use super::unscored;
use crate::Result;
use crate::config::Config;
use crate::data::Dataset;
use crate::model::Model;
use crate::processor::Processor;
use crate::rollout::SamplingParams;
use crate::run::Origin;
use rlhost_host::{HostBuilder, RewardSet};
use std::path::Path;

/// Held-out prompts, prepared once.
pub(super) struct Validation<'a> {
    config: &'a Config,
    prompts: Vec<Drawn<'a>>,
    left_out: usize,
    params: SamplingParams,
    samples: usize,
    /// What the user should know of the data.
    pub(super) notices: Vec<String>,
}

impl<'a> Validation<'a> {
    /// The first `limit` usable rows of `dataset`, each of which a reward must apply to.
    pub(super) fn new(
        config: &'a Config,
        dataset: &'a Dataset,
        processor: &Processor,
        limit: Option<usize>,
        rewards: &RewardSet,
    ) -> Result<Self> {
        let report = usable_rows(config, dataset, processor)?;
        let mut rows = report.kept.clone();
        rows.truncate(limit.unwrap_or(usize::MAX));
        let judged = || rows.iter().map(|&row| &dataset.rows()[row]);
        check_dispatch(rewards, judged())?;
        let mut notices = notices(dataset, &report);
        notices.extend(references::check(
            config,
            rewards,
            dataset,
            processor,
            judged(),
        )?);
        let sampling = &config.rollout.val_override_config;
        Ok(Self {
            config,
            prompts: in_order(dataset, &rows, processor, config.data.resized_size)?,
            left_out: report.dropped,
            params: SamplingParams {
                temperature: sampling.temperature,
                top_p: sampling.top_p,
                top_k: usize::try_from(sampling.top_k).ok(),
                max_tokens: config.data.max_response_length,
                stop: processor.tokenizer().eos_ids().to_vec(),
                seed: config.trainer.seed,
            },
            samples: sampling.n,
            notices,
        })
    }

    /// What `model` is worth after `step` steps; the rows of the result are the samples that say so.
    ///
    /// # Errors
    /// Also if samples have scores, and none of them what `trainer.val_metric` names.
    pub(super) fn run(
        &self,
        model: &Model,
        processor: &Processor,
        rewards: &RewardSet,
        step: u64,
    ) -> Result<Evaluation> {
        let completions = generate(model, &self.prompts, self.samples, &[], &self.params)?;
        let groups = judged(
            rewards,
            processor.tokenizer(),
            &self.prompts,
            completions,
            Origin::Policy,
        )?;
        let by_prompt = self.prompts.iter().zip(&groups);
        let samples: Vec<_> = by_prompt
            .flat_map(|(drawn, group)| group.iter().map(|t| Sampled::of(drawn, t)))
            .collect();
        let mut found = Evaluation::of(&samples, self.config);
        found.check()?;
        found.left_out = self.left_out;
        found.notices.clone_from(&self.notices);
        for (drawn, group) in self.prompts.iter().zip(groups) {
            found
                .rows
                .extend(rollout_rows(step, drawn, group, |_| None)?);
        }
        Ok(found)
    }
}

/// Evaluates `model` on `data.val_files` with the configuration's rewards, which run in the host that
/// `host` describes.
pub fn evaluate(
    config: &Config,
    model: &Model,
    processor: &Processor,
    host: HostBuilder,
) -> Result<Evaluation> {
    let dataset = Dataset::load(&config.data.val_files.0, &config.data)?;
    let rewards = load_rewards(config, host)?;
    let validation = Validation::new(config, &dataset, processor, None, &rewards)?;
    let found = validation.run(model, processor, &rewards, 0)?;
    if found.scored == 0 {
        return Err(unscored::error(
            &format!("none of the {} samples has a score", found.samples),
            &found.rows,
        ));
    }
    Ok(found)
}

/// Loads the model of a folder, or of a run's latest checkpoint, and evaluates it.
pub fn evaluate_model(config: &Config, path: &Path, host: HostBuilder) -> Result<Evaluation> {
    let folder = setup::model_folder(path)?;
    let processor = processor(config, &folder)?;
    let device = setup::device(config.trainer.device)?;
    let model = setup::load_model(&folder, &device, &processor)?;
    evaluate(config, &model, &processor, host)
}
