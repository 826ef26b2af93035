//! One fresh instance: its limits, and how its end is judged.

use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime::{Engine, PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

use crate::bindings::{RewardPlugin, RewardPluginIndices};
use crate::capability::{Exchange, LogLine};
use crate::guest::{GuestState, HostCallBytesExhausted};
use crate::host::Shared;
use crate::memory::GrowthDenied;
use crate::{Limits, Outcome, imports, wasi};

/// Handles that a guest may hold besides its images.
const MAX_HANDLES: usize = 10_000;
/// Bytes of a message that are kept.
const MAX_MESSAGE: usize = 2_000;

/// A reward plugin, ready to be instantiated.
pub(crate) struct Prepared {
    pre: InstancePre<GuestState>,
    indices: RewardPluginIndices,
}

impl Prepared {
    /// Links a component and looks up its exports.
    pub(crate) fn new(host: &Shared, component: &Component) -> wasmtime::Result<Self> {
        let linker = imports::linker(&host.engine, component)?;
        let pre = linker.instantiate_pre(component)?;
        let indices = RewardPluginIndices::new(&pre)?;
        Ok(Self { pre, indices })
    }

    /// Runs `body` in a fresh instance, with the limits of a call over `samples` samples.
    /// Must run on a thread of the host's own.
    pub(crate) fn call<T>(
        &self,
        host: &Shared,
        limits: &Limits,
        samples: usize,
        state: GuestState,
        body: impl FnOnce(&RewardPlugin, &mut Store<GuestState>) -> wasmtime::Result<T>,
    ) -> Call<T> {
        let samples = (samples as u64).max(1);
        let budget = Budget {
            fuel: limits.fuel.saturating_mul(samples).min(Limits::MAX_FUEL),
            output: limits.output.saturating_mul(samples),
            deadline: host.clock.deadline_for(samples),
        };
        let load =
            |store: &mut Store<GuestState>, instance: &Instance| self.indices.load(store, instance);
        call(&host.engine, &self.pre, state, budget, load, body)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(outcome: Outcome, message: &str) -> Self {
        Self {
            outcome,
            message: shorten(message),
        }
    }
}

/// What a call may use up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) fuel: u64,
    /// Bytes that the host takes over at once.
    pub(crate) output: u64,
    /// Ticks of the clock.
    pub(crate) deadline: u64,
}

/// The answer of a call, and what it left behind.
pub(crate) struct Call<T> {
    pub(crate) answer: Result<T, Failure>,
    pub(crate) fuel: u64,
    pub(crate) log: Vec<LogLine>,
    pub(crate) exchanges: Vec<Exchange>,
}

/// The host can't go on with a call, which says nothing about guest and sample.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HostFault(pub(crate) String);

/// Instantiates a component and runs `body` with its exports, as `load` finds them.
pub(crate) fn call<T, G>(
    engine: &Engine,
    component: &InstancePre<GuestState>,
    mut state: GuestState,
    budget: Budget,
    load: impl FnOnce(&mut Store<GuestState>, &Instance) -> wasmtime::Result<G>,
    body: impl FnOnce(&G, &mut Store<GuestState>) -> wasmtime::Result<T>,
) -> Call<T> {
    let handles = state.images.len().saturating_add(MAX_HANDLES);
    state.deadline = budget.deadline;
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_epoch_deadline(budget.deadline);
    store.set_hostcall_fuel(usize::try_from(budget.output).unwrap_or(usize::MAX));
    store.set_max_component_handles(handles);
    let mut answer = store
        .set_fuel(budget.fuel)
        .and_then(|()| component.instantiate(&mut store))
        .map_err(|error| judge(&error, Outcome::HostFault))
        .and_then(|instance| {
            // Types of exports that differ from the contract's come to light here, when a plugin is loaded.
            let guest = load(&mut store, &instance);
            guest.map_err(|error| judge(&error, Outcome::ProtocolError))
        })
        .and_then(|guest| body(&guest, &mut store).map_err(|error| judge(&error, Outcome::Trap)));
    let fuel = match &answer {
        Err(failure) if failure.outcome == Outcome::BudgetExhausted => budget.fuel,
        // How far it came depends on the machine, not on guest and sample.
        Err(failure) if failure.outcome == Outcome::HostFault => 0,
        _ => budget.fuel - store.get_fuel().unwrap_or(0).min(budget.fuel),
    };
    let mut state = store.into_data();
    if let (Some(text), Err(failure)) = (wasi::finish(&mut state), &mut answer)
        && failure.outcome == Outcome::Trap
    {
        failure.message = shorten(&format!("{}; on stderr: {text}", failure.message));
    }
    Call {
        answer,
        fuel,
        log: state.log.finish(),
        exchanges: state.tape.finish(),
    }
}

/// Tells what an error of the engine means. Errors without a kind of their own come from whatever phase
/// it was: setting up is the host's fault, broken pointers and discriminants in an answer the guest's.
fn judge(error: &wasmtime::Error, otherwise: Outcome) -> Failure {
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
    } else if error.root_cause().to_string().contains(OUTPUT_EXHAUSTED) {
        Outcome::OutputTooLarge
    } else {
        otherwise
    };
    let mut message = match outcome {
        Outcome::OutputTooLarge => "the answer is larger than the output limit".to_owned(),
        _ => error.root_cause().to_string(),
    };
    let frames: Vec<_> = error
        .downcast_ref::<WasmBacktrace>()
        .map(WasmBacktrace::frames)
        .unwrap_or_default()
        .iter()
        .filter_map(|frame| frame.func_name())
        .collect();
    if !frames.is_empty() {
        message += " in ";
        message += &frames.join(" < ");
    }
    Failure::new(outcome, &message)
}

/// Part of wasmtime's message for data beyond `Store::set_hostcall_fuel`, whose type is private.
const OUTPUT_EXHAUSTED: &str = "fuel allocated for hostcalls has been exhausted";

/// Bounds a message that a guest can make as long as it likes.
fn shorten(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    format!("{} …", &message[..message.floor_char_boundary(MAX_MESSAGE)])
}
