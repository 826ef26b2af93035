//! One instance: its limits, its exports, and how its end is judged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre, TypedFunc};
use wasmtime::{Engine, PoolConcurrencyLimitError, Store, Trap};

use crate::bindings::CapableRewardPluginIndices;
use crate::bindings::rlhost::plugin::types as wit;
use crate::capability::{Exchange, LogLine};
use crate::guest::{GuestState, HostCallBytesExhausted};
use crate::host::Shared;
use crate::memory::GrowthDenied;
use crate::message::{self, shorten};
use crate::net::Net;
use crate::{Limits, Outcome, imports, wasi};

/// The interface that reward plugins export.
pub(crate) const REWARD: &str = "rlhost:plugin/reward@0.1.0";
/// Handles that a guest may hold besides its images.
const MAX_HANDLES: usize = 10_000;

/// A reward plugin, ready to be instantiated.
pub(crate) struct Prepared {
    pre: InstancePre<GuestState>,
    indices: CapableRewardPluginIndices,
    /// The function `score`.
    score: ComponentExportIndex,
    /// Set once the type of `score` was found to be the contract's.
    checked: OnceLock<()>,
}

impl Prepared {
    /// Links a component and looks up its exports.
    pub(crate) fn new(host: &Shared, component: &Component) -> wasmtime::Result<Self> {
        let linker = imports::linker(&host.engine, component)?;
        let pre = linker.instantiate_pre(component)?;
        let indices = CapableRewardPluginIndices::new(&pre)?;
        // Its version may be another than ours, as long as it is compatible: the engine finds it.
        let score = component
            .get_export_index(None, REWARD)
            .and_then(|reward| component.get_export_index(Some(&reward), "score"))
            .ok_or_else(|| wasmtime::Error::msg("there is no function `score`"))?;
        Ok(Self {
            pre,
            indices,
            score,
            checked: OnceLock::new(),
        })
    }

    /// A new instance in `store`, with the limits that the store has.
    pub(crate) fn start(&self, store: &mut Store<GuestState>) -> Result<Guest<'_>, Failure> {
        let instance = start(&self.pre, store)?;
        Ok(self.guest(instance))
    }

    /// The functions of an instance that [`Prepared::start`] made.
    pub(crate) fn guest(&self, instance: Instance) -> Guest<'_> {
        Guest {
            plugin: self,
            instance,
        }
    }

    /// Runs `body` in a fresh instance, with the limits of a call over `samples` samples.
    /// Must run on a thread of the host's own.
    pub(crate) fn call<T>(
        &self,
        host: &Shared,
        limits: &Limits,
        samples: usize,
        state: GuestState,
        body: impl FnOnce(&Guest<'_>, &mut Store<GuestState>) -> wasmtime::Result<T>,
    ) -> Call<T> {
        let mut store = store(&host.engine, state);
        call_in(&mut store, Budget::new(host, limits, samples), |store| {
            let guest = self.start(store)?;
            body(&guest, store).map_err(|error| judge(&error, Outcome::Trap))
        })
    }
}

/// An instance and what it exports.
pub(crate) struct Guest<'a> {
    plugin: &'a Prepared,
    pub(crate) instance: Instance,
}

/// The parameters of `score` and what it returns.
type ScoreParams<'a> = (&'a [wit::Sample<'a>],);
type ScoreResults = (Vec<Result<wit::Verdict, wit::Failure>>,);

impl Guest<'_> {
    /// Calls `describe`. Types of exports that differ from the contract's come to light here.
    pub(crate) fn describe(
        &self,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<wit::PluginInfo> {
        let guest = self.plugin.indices.load(&mut *store, &self.instance);
        let guest = guest.map_err(|error| WrongTypes(error.root_cause().to_string()))?;
        guest.rlhost_plugin_reward().call_describe(store)
    }

    /// Calls `score`.
    pub(crate) fn score(
        &self,
        store: &mut Store<GuestState>,
        samples: &[wit::Sample<'_>],
    ) -> wasmtime::Result<Vec<Result<wit::Verdict, wit::Failure>>> {
        let function = self.score_function(store)?;
        Ok(function.call(store, (samples,))?.0)
    }

    /// The function `score`. Comparing its type with the contract's takes 3% of a small plugin's call, so
    /// that is done once for a component.
    #[allow(unsafe_code)]
    fn score_function<'a>(
        &self,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<TypedFunc<ScoreParams<'a>, ScoreResults>> {
        let Prepared { score, checked, .. } = self.plugin;
        if checked.get().is_none() {
            let function = self.instance.get_typed_func(store, score)?;
            checked.get_or_init(|| ());
            return Ok(function);
        }
        let function = self.instance.get_func(store, score);
        let function = function.ok_or_else(|| wasmtime::Error::msg("`score` is no function"))?;
        // SAFETY: `get_typed_func` found that this export of this very component has these types.
        Ok(unsafe { TypedFunc::new_unchecked(function) })
    }
}

/// An export has other types than the contract says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongTypes(String);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) message: String,
    /// Where the guest was, until [`call_in`] has put it into the message.
    place: String,
}

impl Failure {
    pub(crate) fn new(outcome: Outcome, message: &str) -> Self {
        Self {
            outcome,
            message: shorten(message),
            place: String::new(),
        }
    }

    /// Puts what the guest said of its end, where it was and what helps into the message.
    fn tell(&mut self, budget: &Budget, last_words: Option<String>, on_stderr: Option<String>) {
        let mut message = std::mem::take(&mut self.message);
        let mut helps = (self.outcome == Outcome::MemoryExhausted).then_some("memory");
        if message == OUT_OF_FUEL {
            message = format!("all {} units of fuel are used up", budget.fuel);
            helps = Some("fuel");
        }
        let trapped = self.outcome == Outcome::Trap;
        if let (true, Some(words)) = (trapped, last_words) {
            // The trap is how it ends itself, which says nothing more.
            message = words;
        }
        let place = std::mem::take(&mut self.place);
        if !place.is_empty() {
            message = format!("{message} in {place}");
        }
        if let (true, Some(text)) = (trapped, on_stderr) {
            message = format!("{message}; on stderr: {text}");
        }
        self.message = shorten(&message);
        if let (true, Some(key)) = (budget.can_be_more, helps) {
            self.message += &message::more(key);
        }
    }
}

/// What a call may use up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) fuel: u64,
    /// Bytes that the host takes over at once.
    pub(crate) output: u64,
    /// Processor time.
    pub(crate) time: Duration,
    /// Whether whoever runs the guest can give it more: a reward for its samples.
    pub(crate) can_be_more: bool,
}

impl Budget {
    /// The budget of a call over `samples` samples; of a description, which has none, that of one.
    pub(crate) fn new(host: &Shared, limits: &Limits, samples: usize) -> Self {
        let can_be_more = samples > 0;
        let samples = (samples as u64).max(1);
        Self {
            fuel: limits.fuel.saturating_mul(samples).min(Limits::MAX_FUEL),
            output: limits.output.saturating_mul(samples),
            time: host.clock.time_for(samples, limits.fuel),
            can_be_more,
        }
    }
}

/// The answer of a call, and what it left behind.
pub(crate) struct Call<T> {
    pub(crate) answer: Result<T, Failure>,
    pub(crate) fuel: u64,
    /// Bytes of memory and tables at its end.
    pub(crate) memory: u64,
    pub(crate) log: Vec<LogLine>,
    pub(crate) exchanges: Vec<Exchange>,
}

/// The host can't go on with a call, which says nothing about guest and sample.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HostFault(pub(crate) String);

/// A store for one instance.
pub(crate) fn store(engine: &Engine, state: GuestState) -> Store<GuestState> {
    let handles = state.images.len().saturating_add(MAX_HANDLES);
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_max_component_handles(handles);
    store.epoch_deadline_callback(|store| Ok(Net::look(store)));
    store
}

/// A new instance in `store`.
pub(crate) fn start(
    component: &InstancePre<GuestState>,
    store: &mut Store<GuestState>,
) -> Result<Instance, Failure> {
    let instance = component.instantiate(store);
    instance.map_err(|error| judge(&error, Outcome::HostFault))
}

/// Runs `body`, which may use up the budget. A panic in it, such as one of a [`Judge`](crate::Judge) that a
/// user of the library wrote, ends this call and no other.
pub(crate) fn call_in<T>(
    store: &mut Store<GuestState>,
    budget: Budget,
    body: impl FnOnce(&mut Store<GuestState>) -> Result<T, Failure>,
) -> Call<T> {
    store.data_mut().net = Net::new(budget.time);
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(usize::try_from(budget.output).unwrap_or(usize::MAX));
    let mut answer = store
        .set_fuel(budget.fuel)
        .map_err(|error| judge(&error, Outcome::HostFault))
        .and_then(|()| caught(|| body(store)));
    let fuel = match &answer {
        Err(failure) if failure.outcome == Outcome::BudgetExhausted => budget.fuel,
        // How far it came depends on the machine, not on guest and sample.
        Err(failure) if failure.outcome == Outcome::HostFault => 0,
        _ => budget.fuel - store.get_fuel().unwrap_or(0).min(budget.fuel),
    };
    let state = store.data_mut();
    let (last_words, on_stderr) = (state.last_words.take(), wasi::finish(state));
    if let Err(failure) = &mut answer {
        failure.tell(&budget, last_words, on_stderr);
    }
    Call {
        answer,
        fuel,
        memory: state.memory.used(),
        log: std::mem::take(&mut state.log).finish(),
        exchanges: std::mem::take(&mut state.tape).finish(),
    }
}

/// What `body` says; a panic is a fault of the host.
fn caught<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // The store is not used again after a failure but to read what it used.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let message = format!(
            "the host panicked while it answered: {}",
            text.unwrap_or("it does not say why")
        );
        Err(Failure::new(Outcome::HostFault, &message))
    })
}

/// Tells what an error of the engine means. Errors without a kind of their own come from whatever phase
/// it was: setting up is the host's fault, broken pointers and discriminants in an answer the guest's.
pub(crate) fn judge(error: &wasmtime::Error, otherwise: Outcome) -> Failure {
    let outcome = if let Some(trap) = error.downcast_ref::<Trap>() {
        match trap {
            Trap::OutOfFuel => Outcome::BudgetExhausted,
            Trap::StackOverflow => Outcome::StackExhausted,
            Trap::Interrupt => Outcome::HostFault,
            _ => Outcome::Trap,
        }
    } else if let Some(denied) = error.downcast_ref::<GrowthDenied>() {
        match denied {
            GrowthDenied::Bytes { .. } | GrowthDenied::Table { .. } => Outcome::MemoryExhausted,
            GrowthDenied::Machine(_) => Outcome::HostFault,
        }
    } else if error.is::<HostCallBytesExhausted>() {
        Outcome::BudgetExhausted
    } else if error.is::<PoolConcurrencyLimitError>() || error.is::<HostFault>() {
        Outcome::HostFault
    } else if error.is::<WrongTypes>() {
        Outcome::ProtocolError
    } else if error.root_cause().to_string().contains(OUTPUT_EXHAUSTED) {
        Outcome::OutputTooLarge
    } else {
        otherwise
    };
    let message = match (outcome, error.downcast_ref::<Trap>()) {
        (Outcome::OutputTooLarge, _) => "the answer is larger than the output limit".to_owned(),
        (_, Some(Trap::OutOfFuel)) => OUT_OF_FUEL.to_owned(),
        _ => error.root_cause().to_string(),
    };
    Failure {
        place: message::place(error),
        ..Failure::new(outcome, &message)
    }
}

/// Stands for the message of a guest without fuel, until it is told how much it had.
const OUT_OF_FUEL: &str = "all fuel is used up";

/// Part of wasmtime's message for data beyond `Store::set_hostcall_fuel`, whose type is private.
const OUTPUT_EXHAUSTED: &str = "fuel allocated for hostcalls has been exhausted";
