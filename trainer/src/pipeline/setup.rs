//! What every job sets up first.

use super::objective::{AdvantageObjective, PolicyObjective, is_component};
use crate::algorithm::{AdvantageConfig, Estimator, KlPenalty, LossConfig, LossMode, Scope};
use crate::config::{self, Config};
use crate::model::Model;
use crate::optim::AdamWSettings;
use crate::optim::schedule::{Decay, Schedule, Warmup};
use crate::processor::Processor;
use crate::run::RunFolder;
use crate::{Error, Result};
use candle_core::Device;
use rlhost_host::Host;
use rlhost_host::algorithm::Input;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The device that the configuration names.
pub fn device(device: config::Device) -> Result<Device> {
    match device {
        config::Device::Cpu => Ok(Device::Cpu),
        config::Device::Cuda if cfg!(feature = "cuda") => Ok(Device::new_cuda(0)?),
        config::Device::Cuda => Err(Error::Config(
            "trainer.device is \"cuda\", but this rlhost was built without CUDA: build it with \
             `cargo xtask cuda-build`, or set trainer.device=cpu"
                .into(),
        )),
    }
}

/// The Hugging Face folder behind a path: itself, or the latest checkpoint of a run.
pub fn model_folder(path: &Path) -> Result<PathBuf> {
    if path.join("config.toml").is_file() && !path.join("config.json").is_file() {
        let run = RunFolder::open(path)?;
        return match run.latest_checkpoint()? {
            Some(checkpoint) => Ok(checkpoint.path().to_owned()),
            None => Err(Error::run(path, "the run has no checkpoint yet")),
        };
    }
    if path.is_dir() {
        Ok(path.to_owned())
    } else {
        Err(Error::model(path, "there is no such model folder"))
    }
}

/// The model folder that the configuration names.
pub(super) fn configured_model(config: &Config) -> Result<PathBuf> {
    let path = config.actor.model.model_path.as_deref().ok_or_else(|| {
        Error::Config("actor.model.model_path is missing: name a model folder or a run".into())
    })?;
    model_folder(path)
}

/// Loads a model and checks that it knows all tokens of `processor`.
pub(super) fn load_model(folder: &Path, device: &Device, processor: &Processor) -> Result<Model> {
    let model = Model::load(folder, device)?;
    let (tokens, rows) = (
        processor.tokenizer().vocab_size(),
        model.config().text.vocab_size,
    );
    if tokens > rows {
        return Err(Error::model(
            folder,
            format!("the tokenizer has {tokens} tokens, but config.json says vocab_size = {rows}"),
        ));
    }
    if let Some(images) = processor.image_processor() {
        let vision = &model.config().vision;
        let wanted = [
            vision.patch_size,
            vision.temporal_patch_size,
            vision.spatial_merge_size,
        ];
        if images.geometry() != wanted {
            return Err(Error::model(
                folder,
                format!(
                    "config.json says patch_size, temporal_patch_size, merge_size = {wanted:?}, but \
                     the image processor's file says {:?}",
                    images.geometry()
                ),
            ));
        }
    }
    Ok(model)
}

/// The run's folder.
pub(super) fn run_folder(config: &Config) -> PathBuf {
    config
        .trainer
        .outputs_dir
        .join(&config.trainer.experiment_name)
}

pub(super) fn optimizer_settings(config: &Config) -> AdamWSettings {
    let optim = &config.actor.optim;
    AdamWSettings {
        beta1: optim.betas[0],
        beta2: optim.betas[1],
        eps: optim.eps,
        weight_decay: optim.weight_decay,
    }
}

pub(super) fn schedule(config: &Config, steps: u64) -> Result<Schedule> {
    let optim = &config.actor.optim;
    let min_lr_ratio = optim.min_lr_ratio;
    let decay = match optim.lr_scheduler_type {
        config::LrScheduler::Constant => Decay::Constant,
        config::LrScheduler::Cosine => Decay::Cosine { min_lr_ratio },
        config::LrScheduler::Linear => Decay::Linear { min_lr_ratio },
        config::LrScheduler::Wsd => Decay::Wsd {
            decay_ratio: optim.lr_decay_ratio,
            min_lr_ratio,
        },
    };
    let warmup = match optim.lr_warmup_steps {
        Some(steps) => Warmup::Steps(steps),
        None => Warmup::Ratio(optim.lr_warmup_ratio),
    };
    Schedule::new(decay, warmup, steps)
}

/// What a key names; an error says which key.
fn named<T: FromStr<Err = Error>>(key: &str, name: &str) -> Result<T> {
    name.parse()
        .map_err(|error| Error::Config(format!("{key}: {error}")))
}

pub(super) fn advantage_config(config: &Config) -> Result<AdvantageConfig> {
    let estimator: Estimator = named("algorithm.adv_estimator", &config.algorithm.adv_estimator)?;
    let missing = match estimator {
        Estimator::Gae => Some("a critic"),
        Estimator::Remax => Some("greedy baseline rollouts"),
        _ => None,
    };
    if let Some(missing) = missing {
        return Err(Error::Config(format!(
            "algorithm.adv_estimator = \"{}\" needs {missing}, which this version can't train with; \
             choose another estimator",
            config.algorithm.adv_estimator
        )));
    }
    Ok(AdvantageConfig {
        estimator,
        norm_adv_by_std_in_grpo: config.algorithm.norm_adv_by_std_in_grpo,
        ..AdvantageConfig::default()
    })
}

pub(super) fn loss_config(config: &Config) -> Result<LossConfig> {
    let actor = &config.actor;
    let loss = LossConfig {
        loss_mode: match actor.policy_loss.loss_mode.as_str() {
            // The settings are those of what is added to a component's loss.
            name if is_component(name) => LossMode::Sft,
            name => named("actor.policy_loss.loss_mode", name)?,
        },
        loss_agg_mode: actor.loss_agg_mode.as_str().parse()?,
        clip_ratio_low: actor.clip_ratio_low,
        clip_ratio_high: actor.clip_ratio_high,
        clip_ratio_c: actor.clip_ratio_c,
        loss_remove_clip: actor.loss_remove_clip,
        entropy_coeff: actor.entropy_coeff,
        use_kl_loss: config.algorithm.use_kl_loss,
        kl_loss_coef: actor.kl_loss_coef,
        kl_loss_type: actor.kl_loss_type.as_str().parse::<KlPenalty>()?,
        ..LossConfig::default()
    };
    let missing = match (loss.loss_mode.mixes(), loss.scope()) {
        (true, _) => Some("targets mixed into the rollouts"),
        (false, Scope::Batch) => Some("the whole mini-batch at once"),
        (false, Scope::Row) => None,
    };
    if let Some(missing) = missing {
        return Err(Error::Config(format!(
            "actor.policy_loss.loss_mode = \"{}\" needs {missing}, which this version can't train \
             with; choose another loss",
            actor.policy_loss.loss_mode
        )));
    }
    loss.validate()?;
    Ok(loss)
}

/// What `algorithm.adv_estimator` names, if training can feed it.
pub(super) fn advantage_objective(config: &Config, host: &Host) -> Result<AdvantageObjective> {
    let native = || advantage_config(config);
    let objective = AdvantageObjective::load(config, native, host)?;
    if let Some(component) = objective.component() {
        component.check_needs(&[])?;
    }
    Ok(objective)
}

/// What `actor.policy_loss.loss_mode` names, if training can feed it.
pub(super) fn policy_objective(config: &Config, host: &Host) -> Result<PolicyObjective> {
    let objective = PolicyObjective::load(config, loss_config(config)?, host)?;
    if let Some(component) = objective.component() {
        component.check_needs(&[Input::RefLogp, Input::RolloutLogp, Input::Entropy])?;
        if objective.scope() == Scope::Batch {
            return Err(component.unfit(
                "its loss needs the whole mini-batch at once, which this version can't train with",
            ));
        }
    }
    Ok(objective)
}

/// Steps of a job over `prompts` prompts: whole batches of all epochs, at most `max_steps`.
pub(super) fn step_count(config: &Config, prompts: usize) -> Result<u64> {
    let batch = config.data.train_batch_size as u64;
    let all = prompts as u64 * config.trainer.total_epochs / batch;
    let steps = config.trainer.max_steps.unwrap_or(all);
    if steps == 0 {
        return Err(Error::Config(format!(
            "{prompts} prompts in {} epochs don't fill one batch of data.train_batch_size = {batch}",
            config.trainer.total_epochs
        )));
    }
    Ok(steps)
}

/// Whether something that happens every `freq` steps (-1: never) happens after `step`.
pub(super) fn due(freq: i64, step: u64) -> bool {
    u64::try_from(freq).is_ok_and(|freq| freq > 0 && step.is_multiple_of(freq))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::algorithm::known_loss_modes;

    #[test]
    fn losses_that_training_cannot_feed_are_refused() {
        let fed = ["vanilla", "gspo", "geo_mean", "gpg", "sft"];
        let mut config = Config::default();
        for mode in known_loss_modes() {
            config.actor.policy_loss.loss_mode = mode.into();
            let found = loss_config(&config);
            assert_eq!(found.is_ok(), fed.contains(&mode), "{mode}");
            if let Err(error) = found {
                let error = error.to_string();
                assert!(
                    error.contains("loss_mode") && error.contains(mode),
                    "{error}"
                );
            }
        }
    }
}
