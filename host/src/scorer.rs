//! Scores samples with one plugin.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;
use serde_json::{Map, Value};

use crate::capability::{
    Capability, Exchange, Grants, Interpreter, LogLine, Tape, exchanges_digest, is_not_recorded,
};
use crate::digest::Digest;
use crate::guest::GuestState;
use crate::instance::Failure;
use crate::lower;
use crate::receipt::{call_digest, engine_settings, input_digest};
use crate::verdict::{self, Verdict};
use crate::{
    Answer, Error, Host, Image, Limits, Outcome, ParamInfo, Plugin, Receipt, Result, Sample, Scope,
    Session, StepReward,
};

/// A plugin with its parameters and limits, ready to score.
#[derive(Debug, Clone)]
pub struct Scorer {
    plugin: Plugin,
    limits: Limits,
    params: String,
    params_digest: Digest,
    engine: Arc<str>,
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
        check_stack(plugin.host(), &limits)?;
        let info = plugin.info();
        let params = params_text(&info.name, &info.params, params)?;
        Ok(Self {
            plugin: plugin.clone(),
            limits,
            params_digest: Digest::of(params.as_bytes()),
            params,
            engine: (engine_settings(&limits) + &grants.settings(needed)).into(),
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

    /// Asks the plugin what it thinks of its parameters' values, which only the plugin knows the meaning of.
    ///
    /// It judges an empty response without a reference. What it says then is an error where it ends as
    /// [`Outcome::Internal`], names one of the parameters, and is not what it says without parameters. No row of the data
    /// is scored by this, and no capability is used: questions to others stay unanswered.
    ///
    /// # Errors
    /// [`Error::Params`] with what the plugin says.
    pub fn check_params(&self) -> Result<()> {
        let names: Map<String, Value> = serde_json::from_str(&self.params).unwrap_or_default();
        if names.is_empty() {
            return Ok(());
        }
        let plain = Self {
            params: "{}".to_owned(),
            ..self.clone()
        };
        match self.objection() {
            Some(message)
                if names.keys().any(|name| names_word(&message, name))
                    && plain.objection().as_ref() != Some(&message) =>
            {
                Err(Error::Params {
                    plugin: self.plugin.info().name.clone(),
                    message,
                })
            }
            _ => Ok(()),
        }
    }

    /// Why the plugin can't judge an empty response without a reference, if that is its own fault.
    fn objection(&self) -> Option<String> {
        let blank = Sample::single("", "null");
        let scored = self.replay(&[blank], &[Vec::new()]).pop()?;
        (scored.outcome == Outcome::Internal)
            .then_some(scored.message)
            .flatten()
    }

    /// The plugin.
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Path and digest of every component that scores depend on: the plugin's, and those of interpreters
    /// that it may use.
    pub fn components(&self) -> Vec<(&Path, Digest)> {
        let mut components = vec![(self.plugin.path(), self.plugin.digest())];
        if let Some(grants) = self
            .grants
            .as_deref()
            .filter(|_| !self.interpreters.is_empty())
        {
            let interpreters = grants.interpreters.iter();
            components.extend(interpreters.map(|i| (i.path(), i.digest())));
        }
        components
    }

    /// The limits of a call.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The parameters as the plugin gets them: the text of a JSON object.
    pub fn params(&self) -> &str {
        &self.params
    }

    /// What stands as `engine` in receipts.
    pub(crate) fn engine(&self) -> &str {
        &self.engine
    }

    /// The state of a guest that holds `images` and may use what is granted.
    pub(crate) fn state(&self, images: Vec<Image>) -> GuestState {
        GuestState::new(&self.limits, images, self.grants.clone())
    }

    /// Starts an instance that scores many samples, one after another. Read what a [`Session`] does not do
    /// before you use one.
    pub fn session(&self) -> Result<Session> {
        Session::start(self)
    }

    /// Scores samples, in parallel on the host's threads; results stand in the order of the samples.
    ///
    /// Every call of the guest gets a fresh instance. What one call sees depends on the plugin's scope:
    /// a single sample, a group (consecutive samples whose `group` is equal), or all of `samples`.
    /// If a call over several samples fails, all of them get its outcome. Scores and fuel are the same
    /// for any number of threads and, for plugins of scope `sample`, for any order.
    pub fn score(&self, samples: &[Sample]) -> Vec<Scored> {
        self.score_all(samples, false, |_| Tape::default())
    }

    /// Scores samples again with the exchanges that were recorded for each of them: nobody is asked. A
    /// question that is not recorded ends as [`Outcome::HostFault`].
    pub fn replay(&self, samples: &[Sample], recorded: &[Vec<Exchange>]) -> Vec<Scored> {
        self.score_all(samples, true, |range| {
            let exchanges = recorded.iter().take(range.end).skip(range.start).flatten();
            Tape::replay(exchanges.cloned().collect())
        })
    }

    /// Scores samples with answers that are prepared for each of them, whatever is asked: nobody is asked. Where there
    /// are none for a call, others are asked as ever.
    pub(crate) fn score_prepared(
        &self,
        samples: &[Sample],
        prepared: &[Vec<(Capability, Answer)>],
    ) -> Vec<Scored> {
        self.score_all(samples, false, |range| {
            let answers = prepared.iter().take(range.end).skip(range.start).flatten();
            let answers: Vec<_> = answers.cloned().collect();
            if answers.is_empty() {
                Tape::default()
            } else {
                Tape::script(answers)
            }
        })
    }

    /// Scores samples, with a tape for each call; `replays` says that none of them asks anybody.
    fn score_all(
        &self,
        samples: &[Sample],
        replays: bool,
        tape: impl Fn(Range<usize>) -> Tape + Sync,
    ) -> Vec<Scored> {
        // A fault of the host says nothing about the sample, so such calls get a second chance when the
        // others are done. Outcomes of the guest's own making would only come again.
        let failed =
            |scored: &Scored| scored.outcome == Outcome::HostFault && !is_not_recorded(scored);
        let threads = self.threads(replays);
        if self.plugin.info().scope == Scope::Sample {
            // Each result goes straight to its place.
            let run = |(i, sample): (usize, &Sample)| {
                let mut scored = self.run(std::slice::from_ref(sample), tape(i..i + 1));
                scored.next().expect("a call has a result for each sample")
            };
            return threads.install(|| {
                let mut results: Vec<_> = samples.par_iter().enumerate().map(run).collect();
                let again = results.par_iter_mut().zip(samples.par_iter().enumerate());
                again
                    .filter(|(result, _)| failed(result))
                    .for_each(|(result, sample)| *result = run(sample));
                results
            });
        }
        let calls = self.plugin.info().scope.calls(samples);
        let run = |range: &Range<usize>| {
            let scored = self.run(&samples[range.clone()], tape(range.clone()));
            scored.collect::<Vec<_>>()
        };
        threads.install(|| {
            let mut results: Vec<_> = calls.par_iter().map(run).collect();
            let again = results.par_iter_mut().zip(&calls);
            again
                .filter(|(results, _)| results.iter().any(failed))
                .for_each(|(results, range)| *results = run(range));
            results.into_iter().flatten().collect()
        })
    }

    /// The threads that calls run on: those that may wait for others have their own.
    fn threads(&self, replays: bool) -> &ThreadPool {
        let host = self.plugin.host();
        let waits = !replays && self.grants.as_deref().is_some_and(Grants::waits);
        // Without threads of their own, calls that wait hold others up, and nothing worse.
        let own = waits.then(|| host.waiting().ok()).flatten();
        own.unwrap_or(&host.0.threads)
    }

    /// One call of the guest: a result for each of the samples.
    fn run(&self, samples: &[Sample], tape: Tape) -> impl Iterator<Item = Scored> {
        let groups = self.group_numbers(samples);
        let inputs: Vec<_> = samples
            .iter()
            .enumerate()
            .map(|(i, sample)| {
                let group = groups.get(i).copied().unwrap_or(0);
                input_digest(sample, group, &self.params)
            })
            .collect();
        let call = (self.plugin.info().scope != Scope::Sample).then(|| call_digest(&inputs));
        let images: Vec<Image> = samples
            .iter()
            .flat_map(|s| s.images.iter().cloned())
            .collect();
        let mut state = self.state(images);
        state.tape = tape;
        let result = self.plugin.prepared().call(
            &self.plugin.host().0,
            &self.limits,
            samples.len(),
            state,
            |guest, store| {
                lower::with_arguments(samples, &groups, &self.params, |arguments| {
                    guest.score(store, arguments)
                })
            },
        );
        let answers = result
            .answer
            .and_then(|answers| verdict::check_all(answers, samples, self.plugin.info()))
            .unwrap_or_else(|failure| vec![Err(failure); samples.len()]);
        let exchanges = exchanges_digest(&result.exchanges);
        // What belongs to the whole call stands on its first sample.
        let notes = std::iter::once(Notes {
            fuel: result.fuel,
            log: result.log,
            exchanges: result.exchanges,
        });
        let notes = notes.chain(std::iter::repeat_with(Notes::default));
        let scored = answers.into_iter().zip(inputs).zip(notes);
        scored.map(move |((answer, input), notes)| {
            let made_of = MadeOf {
                input,
                call,
                exchanges,
            };
            self.scored(answer, notes, made_of)
        })
    }

    /// Puts together what is known of a sample.
    pub(crate) fn scored(
        &self,
        answer: Result<Verdict, Failure>,
        notes: Notes,
        made_of: MadeOf,
    ) -> Scored {
        let outcome = answer
            .as_ref()
            .map_or_else(|failure| failure.outcome, |_| Outcome::Score);
        let receipt = Receipt {
            component: self.plugin.digest(),
            input: made_of.input,
            call: made_of.call,
            params: self.params_digest,
            interpreters: self.interpreters.clone(),
            exchanges: made_of.exchanges,
            engine: self.engine.clone(),
            fuel: notes.fuel,
            outcome,
        };
        let (total, parts, steps, message) = match answer {
            Ok(verdict) => (Some(verdict.total), verdict.parts, verdict.steps, None),
            Err(failure) => (None, BTreeMap::new(), Vec::new(), Some(failure.message)),
        };
        Scored {
            outcome,
            total,
            parts,
            steps,
            fuel: notes.fuel,
            message,
            log: notes.log,
            exchanges: notes.exchanges,
            receipt,
        }
    }

    /// The group numbers that the guest sees: counted from 0 in a batch; else they are 0, and there is none.
    pub(crate) fn group_numbers(&self, samples: &[Sample]) -> Vec<u32> {
        if self.plugin.info().scope != Scope::Batch {
            return Vec::new();
        }
        let groups = samples.chunk_by(|a, b| a.group == b.group);
        let numbers = (0u32..)
            .zip(groups)
            .flat_map(|(number, group)| vec![number; group.len()]);
        numbers.collect()
    }
}

/// The stack is a setting of the whole host, which the limits of a call must agree with.
pub(crate) fn check_stack(host: &Host, limits: &Limits) -> Result<()> {
    let stack = host.limits().stack;
    if limits.stack == stack {
        return Ok(());
    }
    Err(Error::Limits(format!(
        "stack = {}: the host was built for {stack}; the stack is a setting of the whole host",
        limits.stack
    )))
}

/// Does a message have a name in it, and not just as a part of a longer one?
fn names_word(message: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    message.match_indices(name).any(|(at, _)| {
        !message[..at].ends_with(part) && !message[at + name.len()..].starts_with(part)
    })
}

/// Parameters as a component gets them: a JSON object with sorted keys, each of which it knows.
pub(crate) fn params_text(
    component: &str,
    known: &[ParamInfo],
    params: &Map<String, Value>,
) -> Result<String> {
    let fail = |message: String| Error::Params {
        plugin: component.to_owned(),
        message,
    };
    for name in params.keys() {
        if !known.iter().any(|known| known.name == *name) {
            let known: Vec<_> = known.iter().map(|known| known.name.as_str()).collect();
            return Err(fail(match known.as_slice() {
                [] => format!("unknown parameter `{name}`; it has no parameters"),
                known => format!("unknown parameter `{name}`; it has: {}", known.join(", ")),
            }));
        }
    }
    let needed = known
        .iter()
        .filter(|known| known.default.is_empty() && !params.contains_key(&known.name))
        .map(|known| known.name.as_str())
        .collect::<Vec<_>>();
    if let Some(first) = needed.first() {
        return Err(fail(format!(
            "it needs the parameter{} `{}`, for which it has no default: `--param {first}=VALUE` gives it, or \
             `params` in a run's configuration",
            if needed.len() == 1 { "" } else { "s" },
            needed.join("`, `"),
        )));
    }
    let sorted: BTreeMap<_, _> = params.iter().collect();
    serde_json::to_string(&sorted)
        .map_err(|e| fail(format!("the parameters can't be written as JSON: {e}")))
}

/// What a call leaves behind besides its answers.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) fuel: u64,
    pub(crate) log: Vec<LogLine>,
    pub(crate) exchanges: Vec<Exchange>,
}

/// The digests of what a score was made of.
#[derive(Clone, Copy)]
pub(crate) struct MadeOf {
    pub(crate) input: Digest,
    pub(crate) call: Option<Digest>,
    pub(crate) exchanges: Option<Digest>,
}
