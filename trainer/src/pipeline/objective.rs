//! What a training step asks for advantages and losses: the built-in arithmetic, or a component.
//!
//! `algorithm.adv_estimator` and `actor.policy_loss.loss_mode` are names of the built-in ones or, where
//! they are paths or end in `.wasm`, components of the world `rlhost:plugin/algorithm`. What a component
//! can't touch: rows that left the step by a failure policy are masked before it sees them and again in
//! what it returns; entropy bonus and KL loss are added here, as for the built-in losses.
//!
//! ```no_run
//! use rlhost_host::Host;
//! use rlhost_trainer::algorithm::{LossConfig, LossInput, Rows, Totals};
//! use rlhost_trainer::config::Config;
//! use rlhost_trainer::pipeline::objective::PolicyObjective;
//!
//! let overrides = ["actor.policy_loss.loss_mode=target/guests/gspo.wasm".to_owned()];
//! let config = Config::load(None, &overrides)?;
//! let loss = LossConfig { use_kl_loss: false, ..LossConfig::default() };
//! let objective = PolicyObjective::load(&config, loss, &Host::builder().build()?)?;
//!
//! let rows = Rows::new(vec![0, 2], vec![true; 2])?;
//! let input = LossInput::new(&rows, &[-0.4, -0.3], &[-0.5, -0.2], &[1.0, 1.0]);
//! println!("{:?}", objective.loss(&input, &Totals::of(&rows, 16))?);
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rlhost_host::algorithm::{
    self as component, Algorithm, AlgorithmRunner, Answered, Input, LossScope,
};
use rlhost_host::{Host, PluginRef};
use serde_json::{Map, Value};
use toml::Table;

use crate::algorithm::{
    self, AdvantageInput, AdvantageMethod, Advantages, LossConfig, LossInput, LossOutput, Rows,
    Scope, Totals, regularize, remaining, row_scores, with_penalties,
};
use crate::config::{Config, is_component};
use crate::{Error, Result};

/// The key of [`AdvantageObjective`].
const ADVANTAGE: &str = "algorithm.adv_estimator";
/// The key of [`PolicyObjective`].
const LOSS: &str = "actor.policy_loss.loss_mode";
/// Arrays that are for `advantage`; all others are for `policy-loss`.
const FOR_ADVANTAGE: [Input; 2] = [Input::Values, Input::Baselines];
/// Metrics of a step that a component's own would be taken for.
const TAKEN: [&str; 9] = [
    "pg_loss",
    "entropy_loss",
    "kl_loss",
    "loss",
    "lr",
    "grad_norm",
    "skipped_updates",
    "reward_kl_penalty",
    "reward_kl_penalty_coeff",
];
/// Lines of a component's log that are kept between two calls of `take_log`.
const LOG_LINES: usize = 100;

/// How rewards become advantages.
#[derive(Debug)]
pub enum AdvantageObjective {
    /// A built-in estimator.
    Native(AdvantageMethod),
    /// A component.
    Component(Component),
}

/// How advantages become a loss.
#[derive(Debug)]
pub enum PolicyObjective {
    /// A built-in loss.
    Native(LossConfig),
    /// A component, with the settings of what is added to its loss.
    Component(Component, LossConfig),
}

/// A component that stands for a built-in algorithm.
#[derive(Debug)]
pub struct Component {
    /// The key that names it.
    key: &'static str,
    runner: AlgorithmRunner,
    log: Mutex<Vec<String>>,
}

impl AdvantageObjective {
    /// What `algorithm.adv_estimator` names: its component, or else `native`.
    ///
    /// # Errors
    /// Names the key: if the component can't be loaded, provides no advantages, needs what training does
    /// not have, or does not know a parameter; if there are parameters and no component.
    pub fn load(
        config: &Config,
        native: impl FnOnce() -> Result<AdvantageMethod>,
        host: &Host,
    ) -> Result<Self> {
        let section = &config.algorithm;
        let name = &section.adv_estimator;
        if !is_component(name) {
            no_params("algorithm.params", &section.params, ADVANTAGE, name)?;
            return Ok(Self::Native(native()?));
        }
        let by_std = section.norm_adv_by_std_in_grpo;
        let settings = [
            ("norm_adv_by_std_in_grpo", Value::from(by_std)),
            ("gamma", Value::from(section.gamma)),
            ("lam", Value::from(section.lam)),
        ];
        let component = Component::load(ADVANTAGE, name, &section.params, settings, host)?;
        let info = component.algorithm().info();
        if !info.advantage {
            return Err(component.unfit("it provides no advantages"));
        }
        let mut given = vec![Input::Baselines];
        given.extend(config.critic.is_some().then_some(Input::Values));
        component.check_needs(&given)?;
        Ok(Self::Component(component))
    }

    /// The built-in method, if it is one.
    pub fn native(&self) -> Option<&AdvantageMethod> {
        match self {
            Self::Native(method) => Some(method),
            Self::Component(_) => None,
        }
    }

    /// Whether it compares with the score of a greedy completion.
    pub fn needs_baselines(&self) -> bool {
        match self {
            Self::Native(method) => method.needs_baselines(),
            Self::Component(component) => component.algorithm().info().needs(Input::Baselines),
        }
    }

    /// Advantages and returns of a step; see [`AdvantageMethod::advantage`].
    ///
    /// # Errors
    /// As there, and [`Error::Algorithm`] where a component fails or breaks its contract.
    pub fn advantage(
        &self,
        input: &AdvantageInput,
        penalties: Option<&[f64]>,
    ) -> Result<Advantages> {
        match self {
            Self::Native(method) => method.advantage(input, penalties),
            Self::Component(component) => {
                let rewards = with_penalties(input.rewards, penalties)?;
                let rewards = &rewards;
                component.advantage(&AdvantageInput { rewards, ..*input })
            }
        }
    }

    /// Whether it is made of a critic's values.
    pub fn needs_values(&self) -> bool {
        match self {
            Self::Native(method) => method.takes_values(),
            Self::Component(component) => component.algorithm().info().needs(Input::Values),
        }
    }

    /// The component, if it is one.
    pub fn component(&self) -> Option<&Component> {
        match self {
            Self::Native(_) => None,
            Self::Component(component) => Some(component),
        }
    }
}

impl PolicyObjective {
    /// What `actor.policy_loss.loss_mode` names: its component, or else the built-in loss of `loss`, whose
    /// entropy bonus and KL loss hold for both.
    ///
    /// # Errors
    /// As [`AdvantageObjective::load`].
    pub fn load(config: &Config, loss: LossConfig, host: &Host) -> Result<Self> {
        let (actor, section) = (&config.actor, &config.actor.policy_loss);
        let name = &section.loss_mode;
        if !is_component(name) {
            no_params("actor.policy_loss.params", &section.params, LOSS, name)?;
            return Ok(Self::Native(loss));
        }
        let settings = [
            ("clip_ratio_low", Value::from(actor.clip_ratio_low)),
            ("clip_ratio_high", Value::from(actor.clip_ratio_high)),
            ("clip_ratio_c", Value::from(actor.clip_ratio_c)),
            ("loss_remove_clip", Value::from(actor.loss_remove_clip)),
            ("loss_agg_mode", Value::from(actor.loss_agg_mode.as_str())),
            ("tis_imp_ratio_cap", Value::from(actor.tis_imp_ratio_cap)),
            ("use_decoupled_loss", Value::from(actor.use_decoupled_loss)),
        ];
        let component = Component::load(LOSS, name, &section.params, settings, host)?;
        if component.algorithm().info().policy_loss.is_none() {
            return Err(component.unfit("it provides no policy loss"));
        }
        let knows = |name| {
            component
                .algorithm()
                .info()
                .params
                .iter()
                .any(|p| p.name == name)
        };
        for (weight, key) in [
            (actor.tis_imp_ratio_cap > 0.0, "tis_imp_ratio_cap"),
            (actor.use_decoupled_loss, "use_decoupled_loss"),
        ] {
            if weight && !knows(key) {
                return Err(component.unfit(&format!(
                    "actor.{key} is set, but the component has no parameter `{key}`"
                )));
            }
        }
        let mut given = vec![
            Input::RefLogp,
            Input::RolloutLogp,
            Input::Entropy,
            Input::RowScores,
        ];
        let mixes = config.algorithm.learns_from_targets();
        given.extend(mixes.then_some(Input::PrefixMask));
        component.check_needs(&given)?;
        Ok(Self::Component(component, loss))
    }

    /// The loss of a micro-batch with its gradient; see [`algorithm::policy_loss`].
    ///
    /// # Errors
    /// As there, and [`Error::Algorithm`] where a component fails or breaks its contract.
    pub fn loss(&self, input: &LossInput, totals: &Totals) -> Result<LossOutput> {
        match self {
            Self::Native(config) => algorithm::policy_loss(input, totals, config),
            Self::Component(component, config) => component.loss(input, totals, config),
        }
    }

    /// What the loss must see at once.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Native(config) => config.scope(),
            Self::Component(component, _) => match component.algorithm().info().policy_loss {
                Some(LossScope::Batch) => Scope::Batch,
                _ => Scope::Row,
            },
        }
    }

    /// Whether the loss is made of the log-probs of the reference policy.
    pub fn needs_reference(&self) -> bool {
        match self {
            Self::Native(config) => config.use_kl_loss,
            Self::Component(component, config) => {
                config.use_kl_loss || component.algorithm().info().needs(Input::RefLogp)
            }
        }
    }

    /// The component, if it is one.
    pub fn component(&self) -> Option<&Component> {
        match self {
            Self::Native(_) => None,
            Self::Component(component, _) => Some(component),
        }
    }
}

impl Component {
    /// Loads the component `name`. Of `settings`, values of other keys of the configuration, it gets those
    /// that it has parameters for, unless `params` says otherwise.
    fn load<const N: usize>(
        key: &'static str,
        name: &str,
        params: &Table,
        settings: [(&str, Value); N],
        host: &Host,
    ) -> Result<Self> {
        let failed = |source| Error::algorithm(key, source);
        let algorithm = Algorithm::load(host, reference(name)).map_err(failed)?;
        let known = |name: &str| algorithm.info().params.iter().any(|p| p.name == name);
        let mut all: Map<String, Value> = settings
            .into_iter()
            .filter(|(name, _)| known(name))
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        for (name, value) in params {
            let wrong = |what: &str| {
                let section = key.rsplit_once('.').map_or(key, |(section, _)| section);
                Error::Config(format!("{section}.params.{name}: {what}"))
            };
            let value = serde_json::to_value(value).map_err(|e| wrong(&e.to_string()))?;
            if has_null(&value) {
                return Err(wrong("every number must be finite"));
            }
            all.insert(name.clone(), value);
        }
        let limits = Algorithm::default_limits(host);
        let runner = AlgorithmRunner::new(&algorithm, &all, limits).map_err(failed)?;
        Ok(Self {
            key,
            runner,
            log: Mutex::default(),
        })
    }

    /// The component as it was loaded.
    pub fn algorithm(&self) -> &Algorithm {
        self.runner.algorithm()
    }

    /// Which key names which component, for whoever reads the run.
    pub fn notice(&self) -> String {
        let algorithm = self.algorithm();
        let info = algorithm.info();
        format!(
            "{} is the component {} {} ({})",
            self.key,
            info.name,
            info.version,
            algorithm.digest()
        )
    }

    /// The first of the arrays that its function needs and `given` lacks, as an error.
    ///
    /// # Errors
    /// [`Error::Config`] with the key and the array.
    pub fn check_needs(&self, given: &[Input]) -> Result<()> {
        let for_advantage = self.key == ADVANTAGE;
        let needs = &self.algorithm().info().needs;
        let missing = needs
            .iter()
            .filter(|input| FOR_ADVANTAGE.contains(input) == for_advantage)
            .find(|input| !given.contains(input));
        match missing {
            None => Ok(()),
            Some(input) => {
                Err(self.unfit(&format!("it needs `{input}`, which this run does not have")))
            }
        }
    }

    /// Lines that the component has logged since the last call, equal ones once.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The component does not do here.
    fn unfit(&self, why: &str) -> Error {
        let path = self.algorithm().path().display();
        Error::Config(format!("{} = \"{path}\": {why}", self.key))
    }

    /// The result of a call; its lines go to the log.
    fn take<T>(&self, answer: rlhost_host::Result<Answered<T>>) -> Result<T> {
        let answer = answer.map_err(|source| Error::algorithm(self.key, source))?;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        for line in answer.log {
            let name = &self.algorithm().info().name;
            let line = format!("{name}, {}: {}", line.level.as_str(), line.message);
            if log.len() < LOG_LINES && !log.contains(&line) {
                log.push(line);
            }
        }
        Ok(answer.value)
    }

    fn advantage(&self, input: &AdvantageInput) -> Result<Advantages> {
        row_scores(input)?;
        let (groups, mut out) = remaining(input)?;
        let rows = &out.rows;
        let mut kept = vec![false; rows.len()];
        for row in groups.into_values().flatten() {
            kept[row] = true;
        }
        let mut rewards = Cow::Borrowed(input.rewards);
        for row in (0..rows.len()).filter(|row| !kept[*row]) {
            // Whatever a failed reward left there is nobody's business.
            rewards.to_mut()[rows.range(row)].fill(0.0);
        }
        let found = self.take(self.runner.advantage(&component::AdvantageInput {
            rows: borrowed(rows),
            rewards: &rewards,
            groups: input.groups,
            kept: &kept,
            values: input.values,
            baselines: input.baselines,
        }))?;
        out.advantages = found.advantages;
        out.returns = found.returns;
        Ok(out)
    }

    fn loss(&self, input: &LossInput, totals: &Totals, config: &LossConfig) -> Result<LossOutput> {
        let found = self.take(self.runner.policy_loss(
            &component::LossInput {
                rows: borrowed(input.rows),
                logp: input.logp,
                old_logp: input.old_logp,
                advantages: input.advantages,
                ref_logp: input.ref_logp,
                rollout_logp: input.rollout_logp,
                entropy: input.entropy,
                prefix_mask: input.prefix_mask,
                row_scores: input.row_scores,
                target_logp: input.target_logp,
                seed: input.seed,
            },
            &component::Totals {
                tokens: totals.tokens as u64,
                rows: totals.rows as u64,
                prefix_tokens: totals.prefix_tokens as u64,
                prefix_rows: totals.prefix_rows as u64,
                prefix_row_tokens: totals.prefix_row_tokens as u64,
                norm_length: totals.norm_length as u64,
            },
        ))?;
        if let Some(name) = TAKEN.iter().find(|name| found.metrics.contains_key(**name)) {
            return Err(self.unfit(&format!(
                "it returned a metric `{name}`, which is the name of one of the trainer's"
            )));
        }
        let metrics = found.metrics.into_iter();
        let mut out = LossOutput {
            loss: found.loss,
            d_logp: found.d_logp,
            d_entropy: found.d_entropy,
            metrics: metrics
                .map(|(name, value)| (format!("actor/{name}"), value))
                .collect(),
        };
        out.metrics.insert("actor/pg_loss".to_owned(), found.loss);
        regularize(&mut out, input, totals, config)?;
        Ok(out)
    }
}

/// Where a component is: at this path or, for a bare file name that is not here, where plugins are looked
/// for.
fn reference(name: &str) -> PluginRef {
    let path = Path::new(name);
    match path.file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) if !name.contains(std::path::is_separator) && !path.exists() => {
            PluginRef::Name(stem.to_owned())
        }
        _ => PluginRef::Path(path.to_owned()),
    }
}

/// Whether there was a number that JSON has no form for: TOML has no null.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(entries) => entries.values().any(has_null),
        _ => false,
    }
}

fn no_params(params: &str, table: &Table, key: &str, name: &str) -> Result<()> {
    if table.is_empty() {
        return Ok(());
    }
    Err(Error::Config(format!(
        "{params} is set, but {key} = \"{name}\" is built in and has keys of its own; parameters are for \
         components (.wasm)"
    )))
}

fn borrowed(rows: &Rows) -> component::Rows<'_> {
    component::Rows {
        offsets: rows.offsets(),
        mask: rows.mask(),
    }
}
