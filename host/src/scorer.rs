//! Scores samples with one plugin.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::{Map, Value};

use crate::capability::{
    Capability, Exchange, Grants, Interpreter, LogLine, Tape, exchanges_digest,
};
use crate::digest::Digest;
use crate::guest::GuestState;
use crate::instance::Failure;
use crate::lower;
use crate::receipt::{call_digest, engine_settings, input_digest};
use crate::verdict::{self, Verdict};
use crate::{Error, Image, Limits, Outcome, Plugin, Receipt, Result, Sample, Scope, StepReward};

/// A plugin with its parameters and limits, ready to score.
#[derive(Debug, Clone)]
pub struct Scorer {
    plugin: Plugin,
    limits: Limits,
    params: String,
    params_digest: Digest,
    engine: String,
    /// What the plugin may use; `None` where it uses nothing.
    grants: Option<Arc<Grants>>,
    interpreters: Vec<Digest>,
}

/// What a plugin says about one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// What came of it.
    pub outcome: Outcome,
    /// The score; present exactly where the outcome is [`Outcome::Score`].
    pub total: Option<f64>,
    /// Named parts.
    pub parts: BTreeMap<String, f64>,
    /// Rewards of single steps.
    pub steps: Vec<StepReward>,
    /// Fuel that was used. A call over several samples notes it on the first of them.
    pub fuel: u64,
    /// Why there is no score.
    pub message: Option<String>,
    /// What the plugin wrote to its log. A call over several samples notes it on the first of them.
    pub log: Vec<LogLine>,
    /// What the plugin asked others. A call over several samples notes it on the first of them.
    pub exchanges: Vec<Exchange>,
    /// What the score was made of.
    pub receipt: Receipt,
}

impl Scorer {
    /// Prepares a plugin that needs no capability. Every parameter must be one that the plugin's
    /// description names.
    pub fn new(plugin: &Plugin, params: &Map<String, Value>, limits: Limits) -> Result<Self> {
        Self::with_grants(plugin, params, limits, Grants::none())
    }

    /// Prepares a plugin and grants it capabilities. What it does not import it does not get.
    ///
    /// # Errors
    /// [`Error::NotGranted`] where the plugin needs more; the others as for [`Scorer::new`].
    pub fn with_grants(
        plugin: &Plugin,
        params: &Map<String, Value>,
        limits: Limits,
        grants: Grants,
    ) -> Result<Self> {
        limits.validate()?;
        let needed = plugin.capabilities();
        let missing: Vec<_> = needed.iter().filter(|c| !grants.allows(**c)).collect();
        if !missing.is_empty() {
            return Err(Error::NotGranted {
                plugin: plugin.info().name.clone(),
                capabilities: missing.iter().map(|c| format!("`{c}`")).collect(),
            });
        }
        let stack = plugin.host().limits().stack;
        if limits.stack != stack {
            return Err(Error::Limits(format!(
                "stack = {}: the host was built for {stack}; the stack is a setting of the whole host",
                limits.stack
            )));
        }
        let info = plugin.info();
        for name in params.keys() {
            if !info.params.iter().any(|known| known.name == *name) {
                let known: Vec<_> = info
                    .params
                    .iter()
                    .map(|known| known.name.as_str())
                    .collect();
                return Err(Error::Params {
                    plugin: info.name.clone(),
                    message: match known.as_slice() {
                        [] => format!("unknown parameter `{name}`; it has no parameters"),
                        known => {
                            format!("unknown parameter `{name}`; it has: {}", known.join(", "))
                        }
                    },
                });
            }
        }
        let sorted: BTreeMap<_, _> = params.iter().collect();
        let params = serde_json::to_string(&sorted).map_err(|e| Error::Params {
            plugin: info.name.clone(),
            message: format!("the parameters can't be written as JSON: {e}"),
        })?;
        Ok(Self {
            plugin: plugin.clone(),
            limits,
            params_digest: Digest::of(params.as_bytes()),
            params,
            engine: engine_settings(&limits),
            interpreters: if needed.contains(&Capability::Interpreter) {
                grants
                    .interpreters
                    .iter()
                    .map(Interpreter::digest)
                    .collect()
            } else {
                Vec::new()
            },
            // The log is open to a guest's WASI too, which names no capability.
            grants: (!needed.is_empty() || grants.log).then(|| Arc::new(grants)),
        })
    }

    /// The plugin.
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// The limits of a call.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The parameters as the plugin gets them: the text of a JSON object.
    pub fn params(&self) -> &str {
        &self.params
    }

    /// Scores samples, in parallel on the host's threads; results stand in the order of the samples.
    ///
    /// Every call of the guest gets a fresh instance. What one call sees depends on the plugin's scope:
    /// a single sample, a group (consecutive samples whose `group` is equal), or all of `samples`.
    /// If a call over several samples fails, all of them get its outcome. Scores and fuel are the same
    /// for any number of threads and, for plugins of scope `sample`, for any order.
    pub fn score(&self, samples: &[Sample]) -> Vec<Scored> {
        self.score_all(samples, None)
    }

    /// Scores samples again with the exchanges that were recorded for each of them: nobody is asked. A
    /// question that is not recorded ends as [`Outcome::HostFault`].
    pub fn replay(&self, samples: &[Sample], recorded: &[Vec<Exchange>]) -> Vec<Scored> {
        self.score_all(samples, Some(recorded))
    }

    fn score_all(&self, samples: &[Sample], recorded: Option<&[Vec<Exchange>]>) -> Vec<Scored> {
        let calls = self.calls(samples);
        let host = self.plugin.host();
        let run = |range: &Range<usize>| {
            let tape = match recorded {
                None => Tape::default(),
                Some(all) => {
                    let exchanges = all.iter().take(range.end).skip(range.start).flatten();
                    Tape::replay(exchanges.cloned().collect())
                }
            };
            self.run(&samples[range.clone()], tape)
        };
        let score = || {
            let mut results: Vec<Vec<Scored>> = calls.par_iter().map(run).collect();
            // A fault of the host says nothing about the sample, so such calls get a second chance when
            // the others are done. Outcomes of the guest's own making would only come again.
            calls
                .par_iter()
                .zip(&mut results)
                .for_each(|(range, result)| {
                    if result
                        .iter()
                        .any(|scored| scored.outcome == Outcome::HostFault)
                    {
                        *result = run(range);
                    }
                });
            results.into_iter().flatten().collect()
        };
        let waits = self.grants.as_deref().is_some_and(Grants::waits);
        match host.waiting() {
            Ok(threads) if waits && recorded.is_none() => threads.install(score),
            // Without threads of their own, calls that wait hold others up, and nothing worse.
            _ => host.0.threads.install(score),
        }
    }

    /// Which samples each call sees.
    fn calls(&self, samples: &[Sample]) -> Vec<Range<usize>> {
        match self.plugin.info().scope {
            Scope::Sample => (0..samples.len()).map(|i| i..i + 1).collect(),
            Scope::Group => {
                let mut end = 0;
                let groups = samples.chunk_by(|a, b| a.group == b.group);
                let ranges = groups.map(|group| {
                    end += group.len();
                    end - group.len()..end
                });
                ranges.collect()
            }
            Scope::Batch if samples.is_empty() => Vec::new(),
            Scope::Batch => std::iter::once(0..samples.len()).collect(),
        }
    }

    /// One call of the guest.
    fn run(&self, samples: &[Sample], tape: Tape) -> Vec<Scored> {
        let groups = self.group_numbers(samples);
        let inputs: Vec<_> = samples
            .iter()
            .zip(&groups)
            .map(|(sample, &group)| input_digest(sample, group, &self.params))
            .collect();
        let call = (self.plugin.info().scope != Scope::Sample).then(|| call_digest(&inputs));
        let images: Vec<Image> = samples
            .iter()
            .flat_map(|s| s.images.iter().cloned())
            .collect();
        let state = GuestState::new(&self.limits, images).with_grants(self.grants.clone(), tape);
        let result = self.plugin.prepared().call(
            &self.plugin.host().0,
            &self.limits,
            samples.len(),
            state,
            |guest, store| {
                lower::with_arguments(samples, &groups, &self.params, |arguments| {
                    guest.rlhost_plugin_reward().call_score(store, arguments)
                })
            },
        );
        let answers = result
            .answer
            .and_then(|answers| verdict::check_all(answers, samples, self.plugin.info()))
            .unwrap_or_else(|failure| vec![Err(failure); samples.len()]);
        let exchanges = exchanges_digest(&result.exchanges);
        let scored = answers.into_iter().zip(inputs).map(|(answer, input)| {
            let receipt = Receipt {
                component: self.plugin.digest(),
                input,
                call,
                params: self.params_digest,
                interpreters: self.interpreters.clone(),
                exchanges,
                engine: self.engine.clone(),
                fuel: 0,
                outcome: Outcome::Score,
            };
            scored(answer, receipt)
        });
        let mut scored: Vec<_> = scored.collect();
        // What belongs to the whole call stands on its first sample.
        if let Some(first) = scored.first_mut() {
            first.fuel = result.fuel;
            first.receipt.fuel = result.fuel;
            first.log = result.log;
            first.exchanges = result.exchanges;
        }
        scored
    }

    /// The group numbers that the guest sees: counted from 0 in a batch, else 0.
    fn group_numbers(&self, samples: &[Sample]) -> Vec<u32> {
        if self.plugin.info().scope != Scope::Batch {
            return vec![0; samples.len()];
        }
        let groups = samples.chunk_by(|a, b| a.group == b.group);
        let numbers = (0u32..)
            .zip(groups)
            .flat_map(|(number, group)| vec![number; group.len()]);
        numbers.collect()
    }
}

/// An answer with its receipt.
fn scored(answer: Result<Verdict, Failure>, mut receipt: Receipt) -> Scored {
    let (outcome, total, parts, steps, message) = match answer {
        Ok(verdict) => (
            Outcome::Score,
            Some(verdict.total),
            verdict.parts,
            verdict.steps,
            None,
        ),
        Err(failure) => (
            failure.outcome,
            None,
            BTreeMap::new(),
            Vec::new(),
            Some(failure.message),
        ),
    };
    receipt.outcome = outcome;
    Scored {
        outcome,
        total,
        parts,
        steps,
        fuel: 0,
        message,
        log: Vec::new(),
        exchanges: Vec::new(),
        receipt,
    }
}
