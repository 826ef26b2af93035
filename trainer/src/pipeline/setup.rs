//! What every job sets up first.

use crate::config::{self, Config, OptimConfig};
use crate::model::Model;
use crate::optim::AdamWSettings;
use crate::optim::schedule::{Decay, Schedule, Warmup};
use crate::processor::Processor;
use crate::run::RunFolder;
use crate::{Error, Result};
use candle_core::Device;
use std::path::{Path, PathBuf};

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
        let hub = hub_hint(path).unwrap_or_default();
        Err(Error::model(
            path,
            format!("there is no such model folder{hub}"),
        ))
    }
}

/// How to get the folder of a model, where a path has the form of a name on the Hugging Face Hub: `OWNER/NAME`.
fn hub_hint(path: &Path) -> Option<String> {
    let (owner, name) = path.to_str()?.split_once('/')?;
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    (is_word(owner) && is_word(name)).then(|| {
        format!(
            ". If it is the name of a model on the Hugging Face Hub: nothing is downloaded here; `hf download {owner}/{name} \
             --local-dir {name}` (older: `huggingface-cli download`) makes a folder {name}, which is the path to give"
        )
    })
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
    let largest = processor.tokenizer().largest_id();
    if largest as usize >= rows {
        return Err(Error::model(
            folder,
            format!(
                "the tokenizer has the token id {largest}, but config.json says vocab_size = {rows}"
            ),
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

pub(super) fn optimizer_settings(optim: &OptimConfig) -> AdamWSettings {
    AdamWSettings {
        beta1: optim.betas[0],
        beta2: optim.betas[1],
        eps: optim.eps,
        weight_decay: optim.weight_decay,
    }
}

pub(super) fn schedule(optim: &OptimConfig, steps: u64) -> Result<Schedule> {
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

/// Steps of a job over `prompts` prompts: whole batches of all epochs, at most `max_steps`.
pub(super) fn step_count(config: &Config, prompts: usize) -> Result<u64> {
    let batch = config.data.train_batch_size;
    let steps = config.trainer.max_steps;
    let steps = steps.unwrap_or_else(|| steps_of_epochs(config, prompts));
    if steps == 0 {
        return Err(Error::Config(format!(
            "{prompts} prompts in {} epochs don't fill one batch of data.train_batch_size = {batch}",
            config.trainer.total_epochs
        )));
    }
    Ok(steps)
}

/// Whole batches of all epochs.
pub(super) fn steps_of_epochs(config: &Config, prompts: usize) -> u64 {
    prompts as u64 * config.trainer.total_epochs / config.data.train_batch_size as u64
}

/// Whether something that happens every `freq` steps (-1: never) happens after `step`.
pub(super) fn due(freq: i64, step: u64) -> bool {
    u64::try_from(freq).is_ok_and(|freq| freq > 0 && step.is_multiple_of(freq))
}
