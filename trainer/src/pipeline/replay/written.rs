//! What binds a run: its chain of digests, and all that the chain, the checkpoints and the summary must agree
//! on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rlhost_host::Digest;
use rlhost_host::files::{COMPONENT, read};
use rlhost_host::replay::{Difference, Replayed};
use serde_json::{Value, json};

use super::recorded::RecordFile;
use super::{Finding, Place};
use crate::Result;
use crate::run::{
    Chain, ChainEntry, Checkpoint, Link, MetricsLine, Proof, RunFolder, RunSummary, entries,
    metric_proof, read_chain, read_metrics,
};

/// The chain and the metrics of a run, as far as they can be read, and what contradicts them.
#[derive(Default)]
pub(super) struct Written {
    pub(super) links: Vec<Link>,
    pub(super) lines: Vec<MetricsLine>,
    pub(super) findings: Vec<Finding>,
    /// What nothing stands for.
    pub(super) unproven: Vec<String>,
    /// The digest that stands for the whole run, where all agrees with it.
    pub(super) digest: Option<Digest>,
}

/// Something of the run, or of a step of it.
fn at(step: Option<u64>) -> Place {
    Place {
        step,
        validation: false,
        draw: None,
        sample: None,
    }
}

impl Written {
    /// Reads chain and metrics, and checks one against the other.
    pub(super) fn read(folder: &RunFolder) -> Self {
        let mut written = Self::default();
        match read_chain(&folder.digests()) {
            Ok(links) => written.links = links,
            Err(error) => written.unreadable(error.to_string()),
        }
        match read_metrics(&folder.metrics()) {
            Ok(lines) => written.lines = lines,
            Err(error) => written.unreadable(error.to_string()),
        }
        if written.findings.is_empty() {
            written.check_order(folder);
            written.check_metrics(folder);
        }
        written
    }

    fn unreadable(&mut self, reason: String) {
        self.findings.push(Finding {
            place: at(None),
            reward: None,
            found: Replayed::Unreadable { reason },
        });
    }

    fn changed(&mut self, step: Option<u64>, field: impl Into<String>, old: Value, new: Value) {
        let field = field.into();
        self.findings.push(Finding {
            place: at(step),
            reward: None,
            found: Replayed::Changed {
                differences: vec![Difference { field, old, new }],
            },
        });
    }

    /// The chain begins with the configuration; steps follow one another, each validation the step that it came
    /// after.
    fn check_order(&mut self, folder: &RunFolder) {
        let config = folder.config_digest().ok();
        let first = self.links.first().map(|link| link.entry.clone());
        match first {
            Some(ChainEntry::Config { v, digest, .. }) => {
                if v != Chain::VERSION {
                    self.changed(None, "digests.jsonl: v", json!(v), json!(Chain::VERSION));
                }
                if Some(digest) != config {
                    self.changed(None, "config.toml", json!(digest), json!(config));
                }
            }
            _ => self.unreadable(
                "digests.jsonl: it does not begin with the configuration, so it is no run's".into(),
            ),
        }
        let (mut done, mut validated) = (0, None);
        for link in self.links.clone().iter().skip(1) {
            let (step, follows) = match link.entry {
                ChainEntry::Config { .. } => (None, false),
                ChainEntry::Step { step, .. } => {
                    let follows = step == done + 1;
                    done = step;
                    (Some(step), follows)
                }
                ChainEntry::Validation { step, .. } => {
                    let follows = step == done && validated != Some(step);
                    validated = Some(step);
                    (Some(step), follows)
                }
            };
            if !follows {
                self.changed(
                    step,
                    "digests.jsonl: the order of its lines",
                    json!(link.entry),
                    Value::Null,
                );
            }
        }
    }

    /// Each entry of the chain has its line of metrics, and each line its entry.
    fn check_metrics(&mut self, folder: &RunFolder) {
        let booked: Vec<_> = self.links.iter().filter_map(Link::metrics).collect();
        let lines: Vec<_> = self.lines.iter().map(|l| (l.step, l.digest)).collect();
        for (at, (step, bound)) in booked.iter().enumerate() {
            let found = lines.get(at).map(|(_, digest)| *digest);
            if found != Some(*bound) {
                self.changed(Some(*step), "metrics.jsonl", json!(bound), json!(found));
                // What follows would only say it again.
                return;
            }
        }
        self.check_unowned();
        let read = self.lines.last().map_or(0, |line| line.end);
        let more = fs::metadata(folder.metrics()).map_or(0, |found| found.len()) - read;
        let beyond = lines.len() - booked.len();
        if beyond > 0 || more > 0 {
            self.beyond(folder, "lines of metrics.jsonl");
        }
    }

    /// A step without rollouts, as those of fine-tuning are, measures nothing that follows from rows; and the steps of a run
    /// all have some, or none.
    fn check_unowned(&mut self) {
        let booked = self.links.iter().filter(|link| link.metrics().is_some());
        let pairs: Vec<_> = booked.zip(&self.lines).collect();
        let has_rollouts = |link: &Link| {
            matches!(
                link.entry,
                ChainEntry::Step {
                    rollouts: Some(_),
                    ..
                }
            )
        };
        let some_have = pairs.iter().any(|(link, _)| has_rollouts(link));
        let mut found = Vec::new();
        for (link, line) in pairs {
            if !matches!(link.entry, ChainEntry::Step { rollouts: None, .. }) {
                continue;
            }
            if some_have {
                found.push((line.step, "digests.jsonl: rollouts".to_owned(), Value::Null));
            }
            for (name, value) in &line.values {
                if metric_proof(name) != Some(Proof::Bound) {
                    found.push((line.step, format!("metrics.jsonl: {name}"), json!(value)));
                }
            }
        }
        for (step, field, old) in found {
            self.changed(Some(step), &field, old, Value::Null);
        }
    }

    /// Something stands behind what the chain binds. A run that was killed leaves that, one that ended does not.
    pub(super) fn beyond(&mut self, folder: &RunFolder, what: &str) {
        if folder.summary().exists() {
            self.unreadable(format!(
                "{what} stand beyond the end of digests.jsonl, though the run has ended"
            ));
        } else {
            self.unproven.push(format!(
                "{what} beyond the end of digests.jsonl: the run did not come to book them"
            ));
        }
    }

    /// Each step's prompts follow those of the step before, and end where the chain says; all validations have the
    /// same. `files` are all of the run, with the ordinals of their prompts.
    pub(super) fn check_draws<'a>(
        &mut self,
        files: impl Iterator<Item = (&'a RecordFile, &'a BTreeSet<u64>)>,
    ) {
        let ends: BTreeMap<u64, u64> = self
            .links
            .iter()
            .filter_map(|link| match link.entry {
                ChainEntry::Step { step, draw, .. } => Some((step, draw)),
                _ => None,
            })
            .collect();
        let mut next = 0;
        let mut validated: Option<&BTreeSet<u64>> = None;
        for (file, draws) in files.filter(|(file, _)| file.bound.is_some()) {
            let follow = if file.validation {
                *validated.get_or_insert(draws) == draws
            } else {
                let end = ends.get(&file.step).copied().unwrap_or_default();
                let first = std::mem::replace(&mut next, end);
                let count = end.checked_sub(first);
                draws.first() == Some(&first)
                    && draws.last().map(|last| last + 1) == Some(end)
                    && count == Some(draws.len() as u64)
            };
            // A file that is not there was found as one.
            if !follow && file.path.is_file() {
                let reason = "its prompts are not those that follow in the run's order";
                self.findings.push(Finding {
                    place: file.place(),
                    reward: None,
                    found: Replayed::Unreadable {
                        reason: reason.to_owned(),
                    },
                });
            }
        }
    }

    /// The steps that are done.
    pub(super) fn steps(&self) -> u64 {
        let steps = self.links.iter().rev().find_map(|link| match link.entry {
            ChainEntry::Step { step, .. } => Some(step),
            _ => None,
        });
        steps.unwrap_or(0)
    }

    /// Checks all that is in the folder: nothing is there that the run did not write, checkpoints are whole and of
    /// this chain, the summary is that of all. `components` are those that records name.
    pub(super) fn check_folder(
        &mut self,
        folder: &RunFolder,
        components: &BTreeSet<Digest>,
        expected: Option<Digest>,
    ) -> Result<()> {
        self.check_names(folder)?;
        self.check_rollout_names(folder)?;
        self.check_plugins(folder, components)?;
        let last = self.check_checkpoints(folder)?;
        self.check_summary(folder, last.as_ref(), expected);
        Ok(())
    }

    fn check_names(&mut self, folder: &RunFolder) -> Result<()> {
        let bound = [
            folder.config(),
            folder.metrics(),
            folder.digests(),
            folder.summary(),
            folder.rollouts(),
            folder.plugins(),
            folder.checkpoints(),
        ];
        for path in entries(folder.path())? {
            if bound.contains(&path) {
                continue;
            }
            let name = shown(&path);
            if !RunFolder::is_unbound(&name) {
                self.unproven
                    .push(format!("{name}: the run did not write it"));
            }
        }
        Ok(())
    }

    fn check_rollout_names(&mut self, folder: &RunFolder) -> Result<()> {
        let mut bound = BTreeSet::new();
        for link in &self.links {
            match link.entry {
                ChainEntry::Step { step, .. } => bound.insert(folder.rollouts_of(step)),
                ChainEntry::Validation { step, .. } => bound.insert(folder.validation_of(step)),
                ChainEntry::Config { .. } => false,
            };
        }
        let next = [
            folder.rollouts_of(self.steps() + 1),
            folder.validation_of(self.steps()),
        ];
        for path in entries(&folder.rollouts())? {
            if bound.contains(&path) {
                continue;
            }
            let name = format!("rollouts/{}", shown(&path));
            if next.contains(&path) {
                self.beyond(folder, &name);
            } else {
                self.unreadable(format!("{name}: the run did not write it"));
            }
        }
        Ok(())
    }

    fn check_plugins(&mut self, folder: &RunFolder, components: &BTreeSet<Digest>) -> Result<()> {
        if !folder.plugins().is_dir() {
            return Ok(());
        }
        let algorithms = match self.links.first().map(|link| &link.entry) {
            Some(ChainEntry::Config { algorithms, .. }) => algorithms.clone(),
            _ => Vec::new(),
        };
        for path in entries(&folder.plugins())? {
            let name = format!("plugins/{}", shown(&path));
            let found = read(&path, COMPONENT).map(|bytes| Digest::of(&bytes));
            match found {
                Ok(digest) if folder.plugin_of(digest) != path => {
                    self.changed(None, name, Value::Null, json!(digest));
                }
                Ok(digest) if !components.contains(&digest) && !algorithms.contains(&digest) => {
                    self.unproven.push(format!("{name}: no record names it"));
                }
                Ok(_) => {}
                Err(error) => self.unreadable(format!("{name}: {error}")),
            }
        }
        Ok(())
    }

    /// Returns the last checkpoint, if it is whole: to open it takes the digests of all its weights.
    fn check_checkpoints(&mut self, folder: &RunFolder) -> Result<Option<Checkpoint>> {
        let config = folder.config_digest()?;
        let mut last = None;
        for (step, _) in folder.checkpoint_steps()? {
            let checkpoint = match folder.open_checkpoint(step) {
                Ok(checkpoint) => checkpoint,
                Err(error) => {
                    self.unreadable(error.to_string());
                    last = None;
                    continue;
                }
            };
            let state = checkpoint.state();
            let end = self.links.iter().take_while(|l| l.end <= state.chain_len);
            let then: Vec<Link> = end.cloned().collect();
            let draw = then.iter().rev().find_map(|link| match link.entry {
                ChainEntry::Step { step, draw, .. } => Some((step, draw)),
                _ => None,
            });
            let metrics = then.iter().filter_map(Link::metrics).count();
            let metrics_len = self.lines[..metrics.min(self.lines.len())].last();
            let name = |key: &str| format!("checkpoints/step-{step}/state.json: {key}");
            let of_run = [
                ("step", json!(state.step), json!(draw.map(|d| d.0))),
                ("draw", json!(state.draw), json!(draw.map(|d| d.1))),
                (
                    "metrics_len",
                    json!(state.metrics_len),
                    json!(metrics_len.map_or(0, |line| line.end)),
                ),
                (
                    "chain",
                    json!(state.chain),
                    json!(then.last().map(|l| l.chain)),
                ),
                ("config_digest", json!(state.config_digest), json!(config)),
            ];
            for (key, old, new) in of_run {
                if old != new {
                    self.changed(Some(step), name(key), old, new);
                }
            }
            last = Some(checkpoint);
        }
        Ok(last)
    }

    fn check_summary(
        &mut self,
        folder: &RunFolder,
        last: Option<&Checkpoint>,
        expected: Option<Digest>,
    ) {
        if !folder.summary().exists() {
            self.unproven.push(
                "summary.json is not there: the run has not ended, and no one digest stands for it"
                    .into(),
            );
            if let Some(expected) = expected {
                self.changed(None, "digest", json!(expected), Value::Null);
            }
            return;
        }
        let read = RunSummary::read(&folder.summary()).and_then(|summary| {
            let chain = self.links.last().map(|link| link.chain);
            let (Some(last), Some(chain)) = (last, chain) else {
                return Ok((summary, None));
            };
            Ok((summary, Some(RunSummary::of(folder, chain, last)?)))
        });
        match read {
            Ok((summary, Some(again))) if summary == again && again.steps == self.steps() => {
                self.digest = Some(again.digest);
                if let Some(expected) = expected.filter(|expected| *expected != again.digest) {
                    self.changed(None, "digest", json!(expected), json!(again.digest));
                }
            }
            Ok((summary, again)) => {
                self.changed(None, "summary.json", json!(summary), json!(again));
            }
            Err(error) => self.unreadable(error.to_string()),
        }
    }
}

fn shown(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
