//! One fresh instance: its limits, the functions that the host lends it, and how its end is judged.

use std::fmt;
use std::sync::OnceLock;

use wasmtime::component::{
    Component, ComponentExportIndex, Instance, InstancePre, Linker, Resource, ResourceType,
    TypedFunc,
};
use wasmtime::{
    Engine, PoolConcurrencyLimitError, ResourceLimiter, Store, StoreContextMut, Trap, WasmBacktrace,
};

use crate::bindings::RewardPluginIndices;
use crate::bindings::rlhost::plugin::types as wit;
use crate::engine::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use crate::host::Shared;
use crate::{Image, Limits, Outcome};

/// The interface that plugins import.
pub(crate) const TYPES: &str = "rlhost:plugin/types@0.1.0";
/// The interface that plugins export.
pub(crate) const REWARD: &str = "rlhost:plugin/reward@0.1.0";
/// Fuel for a host call, besides the bytes that it moves.
const HOST_CALL_FUEL: u64 = 1_000;
/// Handles that a guest may hold besides its images.
const MAX_HANDLES: usize = 10_000;
/// Bytes of a message that are kept.
const MAX_MESSAGE: usize = 2_000;

/// What the host keeps for an instance.
pub(crate) struct GuestState {
    pub(crate) images: Vec<Image>,
    memory: MemoryLimit,
}

/// A component, ready to be instantiated.
pub(crate) struct Prepared {
    pre: InstancePre<GuestState>,
    indices: RewardPluginIndices,
    /// The function `score`.
    score: ComponentExportIndex,
    /// Set once the type of `score` was found to be the contract's.
    checked: OnceLock<()>,
}

impl Prepared {
    /// Links a component and looks up its exports.
    pub(crate) fn new(host: &Shared, component: &Component) -> wasmtime::Result<Self> {
        let pre = host.linker.instantiate_pre(component)?;
        let indices = RewardPluginIndices::new(&pre)?;
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
        let instance = self.pre.instantiate(store);
        let instance = instance.map_err(|error| judge(&error, Outcome::HostFault))?;
        Ok(self.guest(instance))
    }

    /// The functions of an instance that [`Prepared::start`] made.
    pub(crate) fn guest(&self, instance: Instance) -> Guest<'_> {
        Guest {
            plugin: self,
            instance,
        }
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
}

impl Failure {
    pub(crate) fn new(outcome: Outcome, message: &str) -> Self {
        Self {
            outcome,
            message: shorten(message),
        }
    }
}

/// The answer of a call and the fuel that it took.
pub(crate) struct Call<T> {
    pub(crate) answer: Result<T, Failure>,
    pub(crate) fuel: u64,
}

/// Runs `body` in a fresh instance that holds `images`, with the limits of a call over `samples` samples.
/// Must run on a thread of the host's own.
pub(crate) fn call<T>(
    host: &Shared,
    plugin: &Prepared,
    limits: &Limits,
    samples: usize,
    images: Vec<Image>,
    body: impl FnOnce(&Guest<'_>, &mut Store<GuestState>) -> wasmtime::Result<T>,
) -> Call<T> {
    let mut store = store(host, limits, images);
    call_in(host, &mut store, limits, samples, |store| {
        let guest = plugin.start(store)?;
        body(&guest, store).map_err(|error| judge(&error, Outcome::Trap))
    })
}

/// A store for one instance that holds `images`.
pub(crate) fn store(host: &Shared, limits: &Limits, images: Vec<Image>) -> Store<GuestState> {
    let handles = images.len().saturating_add(MAX_HANDLES);
    let memory = MemoryLimit::new(limits.memory);
    let mut store = Store::new(&host.engine, GuestState { images, memory });
    store.limiter(|state| &mut state.memory);
    store.set_max_component_handles(handles);
    store
}

/// Runs `body`, which may use the fuel, the time and the output of a call over `samples` samples.
pub(crate) fn call_in<T>(
    host: &Shared,
    store: &mut Store<GuestState>,
    limits: &Limits,
    samples: usize,
    body: impl FnOnce(&mut Store<GuestState>) -> Result<T, Failure>,
) -> Call<T> {
    let samples = (samples as u64).max(1);
    let fuel = limits.fuel.saturating_mul(samples).min(Limits::MAX_FUEL);
    let output = limits.output.saturating_mul(samples);
    store.set_epoch_deadline(host.clock.deadline_for(samples));
    store.set_hostcall_fuel(usize::try_from(output).unwrap_or(usize::MAX));
    let answer = store
        .set_fuel(fuel)
        .map_err(|error| judge(&error, Outcome::HostFault))
        .and_then(|()| body(store));
    let fuel = match &answer {
        Err(failure) if failure.outcome == Outcome::BudgetExhausted => fuel,
        // How far it came depends on the machine, not on guest and sample.
        Err(failure) if failure.outcome == Outcome::HostFault => 0,
        _ => fuel - store.get_fuel().unwrap_or(0).min(fuel),
    };
    Call { answer, fuel }
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
            GrowthDenied::Limit { .. } => Outcome::MemoryExhausted,
            GrowthDenied::Machine(_) => Outcome::HostFault,
        }
    } else if error.is::<PoolConcurrencyLimitError>() {
        Outcome::HostFault
    } else if error.is::<WrongTypes>() {
        Outcome::ProtocolError
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

/// Lends guests what they may import: the interface `types` and nothing else.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    let mut types = linker.instance(TYPES)?;
    types.resource("image", ResourceType::host::<Image>(), |_, _| Ok(()))?;
    types.func_wrap(
        "[method]image.width",
        |mut store, (image,): (Resource<Image>,)| {
            charge(&mut store, 4)?;
            Ok((image_of(&store, &image)?.width(),))
        },
    )?;
    types.func_wrap(
        "[method]image.height",
        |mut store, (image,): (Resource<Image>,)| {
            charge(&mut store, 4)?;
            Ok((image_of(&store, &image)?.height(),))
        },
    )?;
    types.func_wrap(
        "[method]image.rgb",
        |mut store, (image,): (Resource<Image>,)| {
            let image = image_of(&store, &image)?.clone();
            charge(&mut store, image.rgb().len() as u64)?;
            Ok((image.rgb().to_vec(),))
        },
    )?;
    Ok(linker)
}

fn image_of<'a>(
    store: &'a StoreContextMut<'_, GuestState>,
    image: &Resource<Image>,
) -> wasmtime::Result<&'a Image> {
    let images = &store.data().images;
    images
        .get(image.rep() as usize)
        .ok_or_else(|| wasmtime::Error::msg("a handle of no image of this call"))
}

/// Charges a host call that moves `bytes` bytes to the guest's fuel.
fn charge(store: &mut StoreContextMut<'_, GuestState>, bytes: u64) -> wasmtime::Result<()> {
    let fuel = store.get_fuel()?;
    let left = fuel.checked_sub(HOST_CALL_FUEL.saturating_add(bytes));
    store.set_fuel(left.unwrap_or(0))?;
    left.map(|_| ()).ok_or_else(|| Trap::OutOfFuel.into())
}

/// Bounds memory and tables of an instance. Growth beyond the limit ends the call, so that the outcome
/// does not depend on how the guest's allocator takes a refusal.
struct MemoryLimit {
    left: usize,
    limit: u64,
}

/// Growth that did not happen.
#[derive(Debug)]
enum GrowthDenied {
    /// The guest's limit forbids it.
    Limit { limit: u64 },
    /// The machine has no more.
    Machine(String),
}

impl fmt::Display for GrowthDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { limit } => {
                write!(f, "more memory asked for than the limit of {limit} bytes")
            }
            Self::Machine(error) => {
                write!(f, "the machine can't give the guest more memory: {error}")
            }
        }
    }
}

impl std::error::Error for GrowthDenied {}

impl MemoryLimit {
    fn new(limit: u64) -> Self {
        Self {
            left: usize::try_from(limit).unwrap_or(usize::MAX),
            limit,
        }
    }

    fn denied(&self) -> wasmtime::Error {
        GrowthDenied::Limit { limit: self.limit }.into()
    }

    fn take(&mut self, bytes: usize) -> wasmtime::Result<bool> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.denied())?;
        Ok(true)
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = desired.saturating_sub(current);
        if bytes <= self.left && maximum.is_some_and(|maximum| desired > maximum) {
            // The guest's own declared maximum: it knows, and gets -1 as the specification says.
            return Ok(false);
        }
        self.take(bytes)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // More than 32 bits can address is refused before `memory_growing` is asked.
        if error.to_string().contains("memory type's limits") {
            return Err(self.denied());
        }
        Err(GrowthDenied::Machine(format!("{error:#}")).into())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > MAX_TABLE_ELEMENTS {
            return Err(self.denied());
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take(
            desired
                .saturating_sub(current)
                .saturating_mul(size_of::<usize>()),
        )
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}
