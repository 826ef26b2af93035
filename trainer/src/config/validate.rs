//! Values that have the right type but can't be, alone or together.

use toml::Table;

use super::bounds::MILLION;
use super::schema::Setting;
use super::{Config, DataConfig, OptimConfig, RewardConfig};
use crate::run::recorder;
use crate::{Error, Result};

impl Config {
    /// Checks ranges and combinations.
    ///
    /// # Errors
    /// [`Error::Config`] that names the keys and what they need.
    pub fn validate(&self) -> Result<()> {
        self.check_shape()?;
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

    /// Checks every value by itself, as reading a file does.
    fn check_shape(&self) -> Result<()> {
        let table = Table::try_from(self).map_err(|error| {
            Error::Config(format!("the configuration can't be written: {error}"))
        })?;
        Self::shape()
            .check_root(&table)
            .map_err(|wrong| Error::Config(super::told(&wrong)))
    }

    fn check_data(&self) -> Result<()> {
        let data = &self.data;
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
        Ok(())
    }

    fn check_trainer(&self) -> Result<()> {
        let trainer = &self.trainer;
        recorder::check_names(&trainer.logger.0)?;
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
        check_micro_batch("actor", actor.micro_batch_tokens, &self.data)?;
        check_optim("actor", &actor.optim)
    }

    fn check_rollout(&self) -> Result<()> {
        let (batch, n) = (self.data.train_batch_size, self.rollout.n);
        require(
            batch.saturating_mul(n) <= MILLION as usize,
            &format!(
                "data.train_batch_size ({batch}) times rollout.n ({n}) is more than {MILLION} samples in a step"
            ),
        )?;
        let val = &self.rollout.val_override_config;
        require(
            val.n == 1 || val.temperature > 0.0,
            "rollout.val_override_config.n is above 1, but \
             rollout.val_override_config.temperature is 0: all completions would be the same",
        )
    }

    fn check_sft(&self) -> Result<()> {
        require(
            self.sft.target_accuracy.is_none() || !self.data.val_files.0.is_empty(),
            "sft.target_accuracy is set, but data.val_files is not",
        )
    }
}

/// Checks `ppo_mini_batch_size` of the section `owner`.
pub(super) fn check_mini_batch(owner: &str, mini: usize, data: &DataConfig) -> Result<()> {
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
    require(
        optim.lr_warmup_steps.is_none() || optim.lr_warmup_ratio == 0.0,
        &format!(
            "{} and {} are both set; set one",
            key("lr_warmup_steps"),
            key("lr_warmup_ratio")
        ),
    )
}

fn check_reward(name: &str, reward: &RewardConfig) -> Result<()> {
    require(
        !reward.plugin.is_empty(),
        &format!("reward.{name}.plugin: not set; give a component's path or a plugin's name"),
    )?;
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
