//! The components of a run, ready to score as they did in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rlhost_host::{
    Allow, Digest, FailurePolicy, Host, HostBuilder, Interpreter, Receipt, Sample, Scorer, Share,
    When,
};

use crate::Result;
use crate::config::Config;
use crate::pipeline::rewards::{hosts, reward_host, reward_limits};
use crate::run::RunFolder;

/// A reward with the components that scored for it: the plugin's, and those of its interpreters.
type Key = (String, Vec<Digest>);

/// Scorers of a run's own components, loaded when they are first asked for.
pub(super) struct Scorers<'a> {
    host: Host,
    folder: &'a RunFolder,
    config: &'a Config,
    policies: BTreeMap<&'a str, (f64, FailurePolicy)>,
    conditions: BTreeMap<&'a str, When>,
    known: Mutex<BTreeMap<Key, Result<Scorer, String>>>,
}

impl<'a> Scorers<'a> {
    pub(super) fn new(
        folder: &'a RunFolder,
        config: &'a Config,
        host: HostBuilder,
    ) -> Result<Self> {
        let policies = config.reward.iter().map(|(name, table)| {
            let on_failure = hosts(name, "on_failure", &table.on_failure)?;
            Ok((name.as_str(), (table.weight, on_failure)))
        });
        let conditions = config
            .reward
            .iter()
            .map(|(name, table)| Ok((name.as_str(), hosts(name, "when", &table.when)?)));
        Ok(Self {
            conditions: conditions.collect::<Result<_>>()?,
            host: reward_host(config, host)?,
            folder,
            config,
            policies: policies.collect::<Result<_>>()?,
            known: Mutex::default(),
        })
    }

    pub(super) fn threads(&self) -> usize {
        self.host.threads()
    }

    /// The rewards of which a sample lacks the record, or has one that is not for it, and why that is so.
    pub(super) fn misplaced(
        &self,
        sample: &Sample,
        recorded: impl Fn(&str) -> bool,
    ) -> Vec<(&'a str, String)> {
        let conditions = self.conditions.iter();
        let misplaced = conditions.filter_map(|(name, when)| {
            let reason = match (when.holds(sample), recorded(name)) {
                (true, false) => "the reward's record is missing",
                (false, true) => "the reward does not judge this sample, by its `when`",
                _ => return None,
            };
            Some((*name, reason.to_owned()))
        });
        misplaced.collect()
    }

    /// The components that records named.
    pub(super) fn components(&self) -> BTreeSet<Digest> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .keys()
            .flat_map(|(_, digests)| digests.iter().copied())
            .collect()
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

    /// The scorer of a reward with the component and the interpreters of a receipt, or why there is none.
    pub(super) fn get(&self, reward: &str, receipt: &Receipt) -> Result<Scorer, String> {
        let mut components = vec![receipt.component];
        components.extend(&receipt.interpreters);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let scorer = known
            .entry((reward.to_owned(), components))
            .or_insert_with(|| self.load(reward, receipt));
        scorer.clone()
    }

    /// The one place where a scorer for a replay is made.
    fn load(&self, reward: &str, receipt: &Receipt) -> Result<Scorer, String> {
        let table = self.config.reward.get(reward);
        let table = table.ok_or_else(|| format!("config.toml has no [reward.{reward}]"))?;
        let text = |e: rlhost_host::Error| e.to_string();
        let component = self.component(receipt.component)?;
        let plugin = self.host.load_with(&component, &reward_limits(table));
        let plugin = plugin.map_err(text)?;
        self.check(receipt.component, plugin.digest())?;
        let config = |key| move |e: crate::Error| format!("{key}: {e}");
        let allow: Allow = hosts(reward, "allow", &table.allow).map_err(config("allow"))?;
        let mut interpreters = Vec::new();
        for &digest in &receipt.interpreters {
            let path = self.component(digest)?;
            let loaded = Interpreter::load(&self.host, &path, allow.interpreter_memory);
            let loaded = loaded.map_err(text)?;
            self.check(digest, loaded.digest())?;
            interpreters.push(loaded);
        }
        let grants = allow.grants_for_replay(interpreters);
        let params = hosts(reward, "params", &table.params).map_err(config("params"))?;
        Scorer::with_grants(&plugin, &params, plugin.limits(), grants).map_err(text)
    }

    /// The run's copy of a component.
    fn component(&self, digest: Digest) -> Result<PathBuf, String> {
        let path = self.folder.plugin_of(digest);
        if path.is_file() {
            Ok(path)
        } else {
            Err(format!("the component is missing: {}", path.display()))
        }
    }

    fn check(&self, wanted: Digest, found: Digest) -> Result<(), String> {
        if wanted == found {
            return Ok(());
        }
        let path = self.folder.plugin_of(wanted);
        Err(format!(
            "{}: the file is another component, {found}",
            path.display()
        ))
    }
}
