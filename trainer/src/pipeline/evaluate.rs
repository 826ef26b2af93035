//! Accuracy on held-out prompts.

use super::prompts::{Drawn, in_order, notices, processor, usable_rows};
use super::references;
use super::rewards::{check_dispatch, load_rewards};
use super::rows::rollout_rows;
use super::sampled::Sampled;
use super::setup;
use super::tally::Tally;
use super::trajectory::{generate, judged};
use super::unscored;
use crate::Result;
use crate::config::Config;
use crate::data::Dataset;
use crate::model::Model;
use crate::processor::Processor;
use crate::rollout::SamplingParams;
use crate::run::{Origin, RolloutRow};
use rlhost_host::{HostBuilder, RewardSet};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Result of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Mean of the part `accuracy` where exactly one reward reports it, otherwise mean score; over
    /// the samples that got a score.
    pub accuracy: f64,
    /// Samples that were judged.
    pub samples: usize,
    /// Samples that got a score.
    pub scored: usize,
    /// Prompts that were left out because they are too long.
    pub left_out: usize,
    /// Mean length of the completions in tokens.
    pub response_length: f64,
    /// Mean score.
    pub score: f64,
    /// Means of the rewards' named parts.
    pub parts: BTreeMap<String, f64>,
    /// Outcomes that are no score, counted.
    pub outcomes: BTreeMap<String, usize>,
    /// What the user should know of the data; no part of the result.
    #[serde(skip)]
    pub notices: Vec<String>,
}

/// Held-out prompts, prepared once.
pub(super) struct Validation<'a> {
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
        config: &Config,
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

    /// What `model` is worth after `step` steps, and the samples that say so.
    pub(super) fn run(
        &self,
        model: &Model,
        processor: &Processor,
        rewards: &RewardSet,
        step: u64,
    ) -> Result<(Evaluation, Vec<RolloutRow>)> {
        let completions = generate(model, &self.prompts, self.samples, &[], &self.params)?;
        let groups = judged(
            rewards,
            processor.tokenizer(),
            &self.prompts,
            completions,
            Origin::Policy,
        )?;
        let samples: Vec<_> = groups.iter().flatten().map(Sampled::from).collect();
        let evaluation = Evaluation {
            left_out: self.left_out,
            notices: self.notices.clone(),
            ..Evaluation::of(&samples, rewards.rewards().len())
        };
        let mut rows = Vec::with_capacity(evaluation.samples);
        for (drawn, group) in self.prompts.iter().zip(groups) {
            rows.extend(rollout_rows(step, drawn, group, |_| None)?);
        }
        Ok((evaluation, rows))
    }
}

impl Evaluation {
    /// What follows from the samples alone, which so many rewards judged.
    pub(super) fn of(samples: &[Sampled<'_>], rewards: usize) -> Self {
        let tokens: usize = samples.iter().map(|sample| sample.tokens).sum();
        let tally = Tally::of(samples.iter().map(|sample| sample.judgement));
        let parts = tally.parts();
        Self {
            accuracy: accuracy(&parts, rewards).unwrap_or(tally.score()),
            samples: tally.samples,
            scored: tally.scored,
            left_out: 0,
            response_length: tokens as f64 / tally.samples.max(1) as f64,
            score: tally.score(),
            parts,
            outcomes: tally.outcomes,
            notices: Vec::new(),
        }
    }

    /// As metrics under `val/`.
    pub(super) fn metrics(&self) -> BTreeMap<String, f64> {
        let parts = self
            .parts
            .iter()
            .map(|(part, mean)| (format!("val/{part}"), *mean));
        let mut metrics: BTreeMap<String, f64> = parts.collect();
        for (outcome, count) in &self.outcomes {
            metrics.insert(format!("val/outcome/{outcome}"), *count as f64);
        }
        if self.scored > 0 {
            metrics.insert("val/accuracy".into(), self.accuracy);
            metrics.insert("val/score".into(), self.score);
        }
        metrics.extend([
            ("val/samples".to_owned(), self.samples as f64),
            ("val/response_length".to_owned(), self.response_length),
        ]);
        metrics
    }
}

/// The part `accuracy` of the only one of so many rewards that reports one.
fn accuracy(parts: &BTreeMap<String, f64>, rewards: usize) -> Option<f64> {
    let mut found = parts.iter().filter(|(name, _)| {
        // The name of a reward ends at the first slash: a part may have more of them.
        let part = match rewards {
            1 => Some(name.as_str()),
            _ => name.split_once('/').map(|(_, part)| part),
        };
        part == Some("accuracy")
    });
    match (found.next(), found.next()) {
        (Some((_, accuracy)), None) => Some(*accuracy),
        _ => None,
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
    let (found, rows) = validation.run(model, processor, &rewards, 0)?;
    if found.scored == 0 {
        return Err(unscored::error(
            &format!("none of the {} samples has a score", found.samples),
            &rows,
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

#[cfg(test)]
mod tests {
    use super::accuracy;

    #[test]
    fn accuracy_is_a_part_of_that_very_name() {
        let of = |names: &[&str], rewards| {
            let values = (0..).map(f64::from);
            let parts = names.iter().map(|name| (*name).to_owned()).zip(values);
            accuracy(&parts.collect(), rewards)
        };
        assert_eq!(of(&["accuracy", "x/accuracy"], 1), Some(0.0));
        assert_eq!(of(&["x/accuracy"], 1), None);
        assert_eq!(of(&["format/x/accuracy", "math/accuracy"], 2), Some(1.0));
        assert_eq!(of(&["format/accuracy", "math/accuracy"], 2), None);
    }
}
