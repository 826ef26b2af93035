//! The components of a run, ready to score as they did in it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rlhost_host::{Digest, FailurePolicy, Host, Scorer, Share};

use crate::Result;
use crate::config::Config;
use crate::pipeline::rewards::{failure_policy, reward_host, reward_limits, reward_params};
use crate::run::RunFolder;

/// Scorers of a run's own components, loaded when they are first asked for.
pub(super) struct Scorers<'a> {
    host: Host,
    folder: &'a RunFolder,
    config: &'a Config,
    policies: BTreeMap<&'a str, (f64, FailurePolicy)>,
    known: Mutex<BTreeMap<(String, Digest), Result<Scorer, String>>>,
}

impl<'a> Scorers<'a> {
    pub(super) fn new(
        folder: &'a RunFolder,
        config: &'a Config,
        threads: Option<usize>,
    ) -> Result<Self> {
        let policies = config
            .reward
            .iter()
            .map(|(name, table)| Ok((name.as_str(), (table.weight, failure_policy(name, table)?))));
        Ok(Self {
            host: reward_host(config, threads)?,
            folder,
            config,
            policies: policies.collect::<Result<_>>()?,
            known: Mutex::default(),
        })
    }

    pub(super) fn threads(&self) -> usize {
        self.host.threads()
    }

    /// How the rewards enter the sum, in name order.
    pub(super) fn shares(&self) -> Vec<Share<'_>> {
        let policies = self.policies.iter();
        policies
            .map(|(name, (weight, on_failure))| Share {
                name,
                weight: *weight,
                on_failure,
            })
            .collect()
    }

    /// The scorer of a reward with the component of this digest, or why there is none.
    pub(super) fn get(&self, reward: &str, component: Digest) -> Result<Scorer, String> {
        let key = (reward.to_owned(), component);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let scorer = known
            .entry(key)
            .or_insert_with(|| self.load(reward, component));
        scorer.clone()
    }

    /// The one place where a scorer for a replay is made.
    fn load(&self, reward: &str, component: Digest) -> Result<Scorer, String> {
        let table = self.config.reward.get(reward);
        let table = table.ok_or_else(|| format!("config.toml has no [reward.{reward}]"))?;
        let path = self.folder.plugin_of(component);
        if !path.is_file() {
            return Err(format!("the component is missing: {}", path.display()));
        }
        let plugin = self.host.load(&path).map_err(|e| e.to_string())?;
        if plugin.digest() != component {
            return Err(format!(
                "{}: the file is another component, {}",
                path.display(),
                plugin.digest()
            ));
        }
        let params = reward_params(reward, table).map_err(|e| e.to_string())?;
        Scorer::new(&plugin, &params, reward_limits(self.config, table)).map_err(|e| e.to_string())
    }
}
