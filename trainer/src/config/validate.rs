//! Values that have the right type but can't be, alone or together.

use std::ops::{Bound, RangeBounds};

use super::{Config, DataConfig, OptimConfig, RewardConfig};
use crate::{Error, Result};

impl Config {
    /// Checks ranges and combinations.
    ///
    /// # Errors
    /// [`Error::Config`] that names the keys and what they need.
    pub fn validate(&self) -> Result<()> {
        self.check_data()?;
        self.check_trainer()?;
        self.check_actor()?;
        self.check_critic()?;
        self.check_rollout()?;
        for (name, reward) in &self.reward {
            check_reward(name, reward)?;
        }
        self.check_sft()
    }

    /// [`validate`](Self::validate), and that everything which SFT needs is there.
    ///
    /// # Errors
    /// [`Error::Config`] that names the key.
    pub fn validate_for_sft(&self) -> Result<()> {
        self.validate()?;
        self.check_sources()
    }

    /// [`validate`](Self::validate), and that everything which RL needs is there.
    ///
    /// # Errors
    /// [`Error::Config`] that names the key.
    pub fn validate_for_train(&self) -> Result<()> {
        self.validate()?;
        self.check_algorithm()?;
        self.check_sources()?;
        require(
            !self.reward.is_empty(),
            "reward: no reward is set; add --reward PLUGIN or a section [reward.NAME] with a plugin",
        )?;
        require(
            self.reward.values().any(|reward| reward.weight != 0.0),
            "reward: every reward has weight 0, so there is nothing to learn from; set \
             reward.NAME.weight",
        )
    }

    fn check_sources(&self) -> Result<()> {
        require(
            self.actor.model.model_path.is_some(),
            "actor.model.model_path: not set; give the folder of the model to train",
        )?;
        require(
            !self.data.train_files.0.is_empty(),
            "data.train_files: not set; give at least one JSONL file",
        )
    }

    fn check_data(&self) -> Result<()> {
        let data = &self.data;
        at_least_one("data.max_prompt_length", data.max_prompt_length as u64)?;
        at_least_one("data.max_response_length", data.max_response_length as u64)?;
        at_least_one("data.train_batch_size", data.train_batch_size as u64)?;
        for (key, column) in [
            ("data.prompt_key", &data.prompt_key),
            ("data.answer_key", &data.answer_key),
            ("data.image_key", &data.image_key),
            ("data.target_key", &data.target_key),
        ] {
            require(!column.is_empty(), &format!("{key}: must name a column"))?;
        }
        if let (Some(min), Some(max)) = (data.min_pixels, data.max_pixels) {
            require(
                min <= max,
                &format!("data.min_pixels ({min}) is above data.max_pixels ({max})"),
            )?;
        }
        let augment = &data.augment;
        within("data.augment.rotate", augment.rotate, 0.0..=180.0)?;
        within("data.augment.shear", augment.shear, 0.0..=80.0)?;
        within("data.augment.scale", augment.scale, 0.0..=0.9)?;
        within("data.augment.translate", augment.translate, 0.0..=1.0)
    }

    fn check_trainer(&self) -> Result<()> {
        let trainer = &self.trainer;
        at_least_one("trainer.total_epochs", trainer.total_epochs)?;
        at_least_one("trainer.max_steps", trainer.max_steps.unwrap_or(1))?;
        for (key, value) in [
            ("trainer.val_freq", trainer.val_freq),
            ("trainer.save_freq", trainer.save_freq),
            ("trainer.save_limit", trainer.save_limit),
            ("trainer.max_empty_steps", trainer.max_empty_steps),
        ] {
            off_or_positive(key, value)?;
        }
        let name = &trainer.experiment_name;
        require(
            !matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\\']),
            &format!("trainer.experiment_name: {name:?} can't be the name of a folder"),
        )?;
        require(
            trainer.val_freq < 0 || !self.data.val_files.0.is_empty(),
            "trainer.val_freq is set, but data.val_files is not; set both or neither",
        )
    }

    fn check_actor(&self) -> Result<()> {
        let actor = &self.actor;
        if let Some(mini) = actor.ppo_mini_batch_size {
            check_mini_batch("actor", mini, &self.data)?;
        }
        at_least_one("actor.ppo_epochs", actor.ppo_epochs)?;
        check_micro_batch("actor", actor.micro_batch_tokens, &self.data)?;
        positive("actor.max_grad_norm", actor.max_grad_norm)?;
        positive("actor.skip_grad_norm", actor.skip_grad_norm)?;
        within("actor.clip_ratio_low", actor.clip_ratio_low, 0.0..=1.0)?;
        within("actor.clip_ratio_high", actor.clip_ratio_high, 0.0..)?;
        require(
            actor.clip_ratio_c > 1.0,
            &format!("actor.clip_ratio_c: {} must be above 1", actor.clip_ratio_c),
        )?;
        within("actor.entropy_coeff", actor.entropy_coeff, ..)?;
        within("actor.kl_loss_coef", actor.kl_loss_coef, 0.0..)?;
        check_optim("actor", &actor.optim)
    }

    fn check_rollout(&self) -> Result<()> {
        let rollout = &self.rollout;
        at_least_one("rollout.n", rollout.n as u64)?;
        positive("rollout.temperature", rollout.temperature)?;
        probability("rollout.top_p", rollout.top_p)?;
        off_or_positive("rollout.top_k", rollout.top_k)?;
        let val = &rollout.val_override_config;
        at_least_one("rollout.val_override_config.n", val.n as u64)?;
        within(
            "rollout.val_override_config.temperature",
            val.temperature,
            0.0..,
        )?;
        probability("rollout.val_override_config.top_p", val.top_p)?;
        off_or_positive("rollout.val_override_config.top_k", val.top_k)?;
        require(
            val.n == 1 || val.temperature > 0.0,
            "rollout.val_override_config.n is above 1, but \
             rollout.val_override_config.temperature is 0: all completions would be the same",
        )
    }

    fn check_sft(&self) -> Result<()> {
        let sft = &self.sft;
        at_least_one("sft.check_freq", sft.check_freq)?;
        at_least_one("sft.val_samples", sft.val_samples.unwrap_or(1) as u64)?;
        if let Some(target) = sft.target_accuracy {
            probability("sft.target_accuracy", target)?;
            require(
                !self.data.val_files.0.is_empty(),
                "sft.target_accuracy is set, but data.val_files is not",
            )?;
        }
        Ok(())
    }
}

/// Checks `ppo_mini_batch_size` of the section `owner`.
pub(super) fn check_mini_batch(owner: &str, mini: usize, data: &DataConfig) -> Result<()> {
    at_least_one(&format!("{owner}.ppo_mini_batch_size"), mini as u64)?;
    let batch = data.train_batch_size;
    require(
        batch.is_multiple_of(mini),
        &format!(
            "data.train_batch_size ({batch}) must be a multiple of {owner}.ppo_mini_batch_size \
             ({mini})"
        ),
    )
}

/// Checks `micro_batch_tokens` of the section `owner`.
pub(super) fn check_micro_batch(owner: &str, tokens: usize, data: &DataConfig) -> Result<()> {
    let longest = data
        .max_prompt_length
        .saturating_add(data.max_response_length);
    require(
        tokens >= longest,
        &format!(
            "{owner}.micro_batch_tokens ({tokens}) must hold a longest sample: \
             data.max_prompt_length + data.max_response_length = {longest}"
        ),
    )
}

/// Checks the optimiser of the section `owner`.
pub(super) fn check_optim(owner: &str, optim: &OptimConfig) -> Result<()> {
    let key = |name: &str| format!("{owner}.optim.{name}");
    positive(&key("lr"), optim.lr)?;
    for beta in optim.betas {
        require(
            (0.0..1.0).contains(&beta),
            &format!("{}: {beta} must be at least 0 and below 1", key("betas")),
        )?;
    }
    positive(&key("eps"), optim.eps)?;
    within(&key("weight_decay"), optim.weight_decay, 0.0..)?;
    within(&key("lr_warmup_ratio"), optim.lr_warmup_ratio, 0.0..=1.0)?;
    require(
        optim.lr_warmup_steps.is_none() || optim.lr_warmup_ratio == 0.0,
        &format!(
            "{} and {} are both set; set one",
            key("lr_warmup_steps"),
            key("lr_warmup_ratio")
        ),
    )?;
    within(&key("lr_decay_ratio"), optim.lr_decay_ratio, 0.0..=1.0)?;
    within(&key("min_lr_ratio"), optim.min_lr_ratio, 0.0..=1.0)
}

fn check_reward(name: &str, reward: &RewardConfig) -> Result<()> {
    require(
        !reward.plugin.is_empty(),
        &format!("reward.{name}.plugin: not set; give a component's path or a plugin's name"),
    )?;
    within(&format!("reward.{name}.weight"), reward.weight, ..)?;
    let limits = &reward.limits;
    for (key, limit) in [
        ("fuel", limits.fuel),
        ("memory", limits.memory),
        ("output", limits.output),
        ("instances", limits.instances),
        ("stack", limits.stack),
    ] {
        at_least_one(&format!("reward.{name}.limits.{key}"), limit.unwrap_or(1))?;
    }
    if let Some(judge) = &reward.allow.judge {
        for (key, value) in [("url", &judge.url), ("model", &judge.model)] {
            let key = format!("reward.{name}.allow.judge.{key}");
            require(!value.is_empty(), &format!("{key}: not set"))?;
        }
    }
    if let Some(retriever) = &reward.allow.retriever {
        let key = format!("reward.{name}.allow.retriever.url");
        require(!retriever.url.is_empty(), &format!("{key}: not set"))?;
    }
    Ok(())
}

pub(super) fn require(holds: bool, message: &str) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::Config(message.to_owned()))
    }
}

pub(super) fn at_least_one(key: &str, value: u64) -> Result<()> {
    require(value >= 1, &format!("{key}: {value} must be at least 1"))
}

fn off_or_positive(key: &str, value: i64) -> Result<()> {
    require(
        value == -1 || value >= 1,
        &format!("{key}: {value} must be at least 1, or -1 for off"),
    )
}

pub(super) fn positive(key: &str, value: f64) -> Result<()> {
    require(
        value > 0.0 && value.is_finite(),
        &format!("{key}: {value} must be above 0"),
    )
}

fn probability(key: &str, value: f64) -> Result<()> {
    require(
        value > 0.0 && value <= 1.0,
        &format!("{key}: {value} must be above 0 and at most 1"),
    )
}

/// Infinities and NaN never pass.
pub(super) fn within(key: &str, value: f64, range: impl RangeBounds<f64>) -> Result<()> {
    let bounds = match (range.start_bound(), range.end_bound()) {
        (Bound::Included(low), Bound::Included(high)) => format!("between {low} and {high}"),
        (Bound::Included(low), _) => format!("a finite number of at least {low}"),
        _ => "a finite number".to_owned(),
    };
    require(
        value.is_finite() && range.contains(&value),
        &format!("{key}: {value} must be {bounds}"),
    )
}
