//! What a run is told: one typed tree, read from TOML and from `key=value` overrides.
//!
//! ```
//! use rlhost_trainer::config::Config;
//!
//! let overrides = ["rollout.n=4".to_owned(), "data.train_files=train.jsonl".to_owned()];
//! let mut config = Config::load(None, &overrides)?;
//! config.add_reward("plugins/math.wasm")?;
//! assert_eq!(config.rollout.n, 4);
//! assert_eq!(config.reward["math"].plugin, "plugins/math.wasm");
//! config.validate()?;
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```
//!
//! Every key is a field of [`Config`] and documented there. A key that is not there is an error
//! that names the nearest one.

mod actor;
mod algorithm;
mod bounds;
mod combinations;
mod critic;
mod foreign;
mod presets;
mod schema;
mod sections;
mod unused;
mod validate;

use std::path::Path;

use rlhost_host::files::read_text_given;
use toml::{Table, Value};

use crate::{Error, Result};
use schema::{Setting, Shape};

pub use actor::{
    ActorConfig, LossAggMode, LrScheduler, ModelConfig, OptimConfig, PolicyLossConfig, Reshaping,
    SrftClamp, SrftType,
};
pub use algorithm::{
    AlgorithmConfig, KlControl, KlCtrlConfig, KlEstimator, NormConfig, NormOver, PrefixStrategy,
    UnifyStrategy,
};
pub(crate) use combinations::{NORMALIZED, is_off};
pub use combinations::{is_component, known_advantage_estimators};
pub use critic::CriticConfig;
pub use presets::{PRESETS, Preset, preset};
pub use sections::{
    AllowConfig, AugmentConfig, Config, DataConfig, Device, FailureOutcome, FailurePolicy, Files,
    JudgeConfig, LimitsConfig, Loggers, OnFailure, RetrieverConfig, RewardConfig, RolloutConfig,
    SftConfig, TrainerConfig, ValSamplingConfig,
};

impl Config {
    /// Reads the file, if there is one, and then the overrides (`a.b=c`) in their order.
    ///
    /// The right side of an override is a TOML value, or else a string. Keys that neither sets are
    /// those of `algorithm.preset`, and else the defaults. Without `trainer.experiment_name` the
    /// file's name without its ending is taken.
    ///
    /// # Errors
    /// [`Error::Io`] if the file can't be read; [`Error::Config`] that names file and line of
    /// broken TOML, the key that is unknown, has a wrong type or is out of its bounds, or the preset that is unknown.
    /// Values that don't go together are found by [`validate`](Self::validate).
    pub fn load(path: Option<&Path>, overrides: &[String]) -> Result<Self> {
        Self::load_with_rewards(path, overrides, &[])
    }

    /// As [`load`](Self::load), with further rewards: plugins, as for [`add_reward`](Self::add_reward), and files that
    /// end in `.toml` and have `[reward.NAME]` tables only. Overrides change the files' tables too.
    ///
    /// # Errors
    /// As for [`load`](Self::load) and [`add_reward`](Self::add_reward); [`Error::Config`] if a file of rewards has
    /// another section, or a reward that is there already.
    pub fn load_with_rewards(
        path: Option<&Path>,
        overrides: &[String],
        rewards: &[String],
    ) -> Result<Self> {
        Self::load_from(path, overrides, rewards, |_| {})
    }

    /// The configuration for evaluating a model: as [`load_with_rewards`](Self::load_with_rewards), but `rewards`, where there are
    /// some, take the place of the file's.
    ///
    /// # Errors
    /// As there.
    pub fn load_for_evaluation(
        path: Option<&Path>,
        overrides: &[String],
        rewards: &[String],
    ) -> Result<Self> {
        Self::load_from(path, overrides, rewards, |table| {
            if !rewards.is_empty() {
                table.remove("reward");
            }
        })
    }

    /// `change` is applied to what the file has.
    fn load_from(
        path: Option<&Path>,
        overrides: &[String],
        rewards: &[String],
        change: impl FnOnce(&mut Table),
    ) -> Result<Self> {
        let shape = Self::shape();
        let mut table = match path {
            Some(path) => read(path, &shape)?,
            None => Table::new(),
        };
        change(&mut table);
        let is_file = |spec: &&String| Path::new(spec).extension().is_some_and(|e| e == "toml");
        for file in rewards.iter().filter(is_file) {
            add_rewards(&mut table, Path::new(file), &shape)?;
        }
        let mut wrong = Vec::new();
        for text in overrides {
            apply(&mut table, text, &shape)?;
            let mut alone = Table::new();
            apply(&mut alone, text, &shape)?;
            if let Err(messages) = shape.check_root(&alone) {
                wrong.extend(messages.iter().map(|it| format!("override `{text}`: {it}")));
            }
        }
        if !wrong.is_empty() {
            return Err(Error::Config(told(&wrong)));
        }
        let unreadable =
            |error: String| Error::Config(format!("the configuration can't be read: {error}"));
        let mut whole =
            Table::try_from(Self::default()).map_err(|error| unreadable(error.to_string()))?;
        if let Some(preset) = presets::named_in(&table)? {
            merge(&mut whole, preset.table(&shape)?);
        }
        merge(&mut whole, table.clone());
        let mut config: Self = Value::Table(whole)
            .try_into()
            .map_err(|error: toml::de::Error| unreadable(error.to_string()))?;
        let named = table
            .get("trainer")
            .is_some_and(|trainer| trainer.get("experiment_name").is_some());
        if let Some(stem) = path.and_then(Path::file_stem).filter(|_| !named) {
            config.trainer.experiment_name = stem.to_string_lossy().into_owned();
        }
        for plugin in rewards.iter().filter(|spec| !is_file(spec)) {
            config.add_reward(plugin)?;
        }
        Ok(config)
    }

    /// The resolved configuration as TOML: every key, in the order of the sections.
    ///
    /// # Errors
    /// [`Error::Config`] if a value has no form in TOML (an integer above `i64::MAX`).
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|error| Error::Config(format!("the configuration can't be written: {error}")))
    }

    /// Adds the plugin `spec` (a path or the name of a standard plugin) as `[reward.<file stem>]`
    /// and returns that name. A section of this name without a plugin (from overrides such as
    /// `reward.math.weight=0.5`) is completed.
    ///
    /// # Errors
    /// [`Error::Config`] if another plugin already has the name.
    pub fn add_reward(&mut self, spec: &str) -> Result<String> {
        let name = Path::new(spec)
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .ok_or_else(|| {
                Error::Config(format!(
                    "--reward {spec:?}: expected the path of a component or a plugin's name"
                ))
            })?;
        let reward = self.reward.entry(name.clone()).or_default();
        if !reward.plugin.is_empty() && reward.plugin != spec {
            return Err(Error::Config(format!(
                "--reward {spec}: reward.{name}.plugin is already \"{}\"; rename the file, or set \
                 reward.{name}.plugin={spec}",
                reward.plugin
            )));
        }
        spec.clone_into(&mut reward.plugin);
        Ok(name)
    }
}

/// The most bytes of a configuration.
const MOST: u64 = 4 << 20;

fn read(path: &Path, shape: &Shape) -> Result<Table> {
    let text = read_text_given(path, MOST).map_err(|source| Error::io(path, source))?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        Error::Config(format!(
            "{}:{line}: {}",
            path.display(),
            error.message().replace('\n', ", ")
        ))
    })?;
    shape
        .check_root(&table)
        .map_err(|wrong| Error::Config(format!("{}: {}", path.display(), told(&wrong))))?;
    Ok(table)
}

/// What is wrong with a configuration, all at once.
fn told(wrong: &[String]) -> String {
    match wrong {
        [one] => one.clone(),
        all => format!(
            "{} keys are wrong{}:\n  {}",
            all.len(),
            if all.len() < schema::MOST_WRONG {
                ""
            } else {
                ", if not more"
            },
            all.join("\n  ")
        ),
    }
}

/// Adds the rewards of a file to `table`.
fn add_rewards(table: &mut Table, path: &Path, shape: &Shape) -> Result<()> {
    let at = |message: String| Error::Config(format!("{}: {message}", path.display()));
    let mut file = read(path, shape)?;
    let Some(Value::Table(found)) = file.remove("reward") else {
        return Err(at("a file of rewards needs [reward.NAME] tables".into()));
    };
    if let Some(other) = file.keys().next() {
        return Err(at(format!(
            "`{other}`: a file of rewards has [reward.NAME] tables only; give the other sections in the configuration"
        )));
    }
    let rewards = table
        .entry("reward")
        .or_insert_with(|| Value::Table(Table::new()));
    // The configuration's own shape has been checked.
    let Value::Table(rewards) = rewards else {
        return Err(at("`reward` is no section of the configuration".into()));
    };
    for (name, reward) in found {
        if rewards.contains_key(&name) {
            return Err(at(format!(
                "reward.{name} is there already; rename one of the two"
            )));
        }
        rewards.insert(name, reward);
    }
    Ok(())
}

/// Sets the key of one override in `table`.
fn apply(table: &mut Table, text: &str, shape: &Shape) -> Result<()> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| in_override(text, "expected key=value"))?;
    let path: Vec<&str> = key.trim().split('.').collect();
    let Some((last, sections)) = path.split_last().filter(|_| !path.contains(&"")) else {
        return Err(in_override(text, "the key has an empty part"));
    };
    let mut section = table;
    for (depth, name) in sections.iter().enumerate() {
        let entry = section
            .entry(*name)
            .or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = entry else {
            let key = path[..=depth].join(".");
            return Err(in_override(
                text,
                &format!("`{key}` is a value, not a section"),
            ));
        };
        section = inner;
    }
    let literal = shape.find(&path).is_some_and(Shape::is_text);
    section.insert((*last).to_owned(), parse_value(value.trim(), literal));
    Ok(())
}

/// The right side of an override. For a key that holds text only quotes and lists are TOML.
fn parse_value(text: &str, literal: bool) -> Value {
    let parsed = format!("value = {text}")
        .parse::<Table>()
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"));
    match parsed {
        Some(value) if !literal || value.is_str() || value.is_array() => value,
        _ => Value::String(text.to_owned()),
    }
}

/// Writes the keys of `over` into `base`, section by section.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn in_override(text: &str, message: &str) -> Error {
    Error::Config(format!("override `{text}`: {message}"))
}
