//! Algorithms as components: advantage estimators and policy losses that run in the sandbox.
//!
//! An algorithm is a component of the world `rlhost:plugin/algorithm` (`wit/algorithm.wit`): pure functions
//! over flat arrays. Each call meets a fresh instance, metered like a reward's but with limits of its
//! own ([`Algorithm::default_limits`]): a batch of 512 rows of 4,096 tokens is some 70 MB of numbers.
//!
//! ```no_run
//! use rlhost_host::Host;
//! use rlhost_host::algorithm::{Algorithm, AlgorithmRunner, LossInput, Rows, Totals};
//!
//! # fn main() -> rlhost_host::Result<()> {
//! let host = Host::builder().build()?;
//! let gspo = Algorithm::load(&host, "gspo")?;
//! let limits = Algorithm::default_limits(&host);
//! let runner = AlgorithmRunner::new(&gspo, &serde_json::Map::new(), limits)?;
//!
//! let rows = Rows { offsets: &[0, 2], mask: &[true, true] };
//! let (old, new, advantages) = ([-0.5, -0.2], [-0.4, -0.3], [1.0, 1.0]);
//! let totals = Totals { tokens: 2, rows: 1, norm_length: 16, ..Totals::default() };
//! let answer = runner.policy_loss(&LossInput::new(rows, &new, &old, &advantages), &totals)?;
//! println!("{} {:?}, {} fuel", answer.value.loss, answer.value.d_logp, answer.fuel);
//! # Ok(())
//! # }
//! ```

mod check;
mod runner;
mod types;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::bindings::algorithm::AlgorithmIndices;
use crate::bindings::algorithm::exports::rlhost::plugin::objective as wit;
use crate::capability::Grants;
use crate::component::{self, World};
use crate::guest::GuestState;
use crate::instance::{self, Budget, Call, judge};
use crate::plugin::{check_identity, check_params, described};
use crate::{
    AskedLimits, Digest, Error, Host, Inspection, Limits, Outcome, PluginRef, Result, imports,
};

pub use runner::{AlgorithmRunner, Answered};
pub use types::{
    AdvantageInput, Advantages, AlgorithmFault, AlgorithmInfo, Input, LossInput, LossOutput,
    LossScope, Rows, Totals,
};

/// What algorithms export.
pub(crate) const WORLD: World = World {
    name: "rlhost:plugin/algorithm@0.1.0",
    interface: "rlhost:plugin/objective@0.1.0",
    functions: &["describe", "advantage", "policy-loss"],
};

/// Fuel for a call: ten seconds to a minute or two.
const FUEL: u64 = 100_000_000_000;
/// Bytes of memory for a call.
const MEMORY: u64 = 2 << 30;

/// An algorithm, loaded and described. Clones share the compiled code.
#[derive(Clone)]
pub struct Algorithm(Arc<Loaded>);

struct Loaded {
    host: Host,
    code: Code,
    path: PathBuf,
    digest: Digest,
    size: u64,
    info: AlgorithmInfo,
    imports: Vec<String>,
    exports: Vec<String>,
}

/// A component, ready to be instantiated.
struct Code {
    pre: InstancePre<GuestState>,
    indices: AlgorithmIndices,
    /// The log is open to every algorithm.
    grants: Arc<Grants>,
}

impl Code {
    /// One call in a fresh instance, on the thread of the caller, which must be one of the host's own.
    fn call<T>(
        &self,
        host: &Host,
        limits: &Limits,
        budget: Budget,
        body: impl FnOnce(&wit::Guest, &mut Store<GuestState>) -> wasmtime::Result<T>,
    ) -> Call<T> {
        let state = GuestState::new(limits, Vec::new(), Some(Arc::clone(&self.grants)));
        let mut store = instance::store(&host.0.engine, state);
        instance::call_in(&mut store, budget, |store| {
            let instance = instance::start(&self.pre, store)?;
            let guest = self.indices.load(&mut *store, &instance);
            let guest = guest.map_err(|error| judge(&error, Outcome::ProtocolError))?;
            let answer = body(guest.rlhost_plugin_objective(), store);
            answer.map_err(|error| judge(&error, Outcome::Trap))
        })
    }
}

impl Algorithm {
    /// Loads the component of the world `rlhost:plugin/algorithm` of this path or name, and asks it to
    /// describe itself.
    ///
    /// # Errors
    /// As [`Host::load`]; in particular [`Error::WrongWorld`] for a component of another kind, such as a
    /// reward plugin.
    pub fn load(host: &Host, algorithm: impl Into<PluginRef>) -> Result<Self> {
        let path = host.find(&algorithm.into())?;
        let loaded = component::load(host, &path)?;
        Self::from_loaded(host, &path, &loaded)
    }

    pub(crate) fn from_loaded(
        host: &Host,
        path: &Path,
        loaded: &component::Loaded,
    ) -> Result<Self> {
        let known = imports::known_to_algorithms;
        let names = component::check_world(host, path, &loaded.component, &WORLD, known)?;
        let wrong = |e: wasmtime::Error| component::wrong_types(path, &WORLD, format!("{e:#}"));
        let linker = imports::linker(&host.0.engine, &loaded.component).map_err(wrong)?;
        let pre = linker.instantiate_pre(&loaded.component).map_err(wrong)?;
        let indices = AlgorithmIndices::new(&pre).map_err(wrong)?;
        let code = Code {
            pre,
            indices,
            grants: Arc::new(Grants::none().log()),
        };
        let info = describe(host, path, &code)?;
        Ok(Self(Arc::new(Loaded {
            host: host.clone(),
            code,
            path: path.to_owned(),
            digest: loaded.digest,
            size: loaded.size,
            info,
            imports: names.imports,
            exports: names.exports,
        })))
    }

    /// The limits of a call where nothing else is said: 1e11 fuel, 2 GiB of memory, the others as `host`
    /// has them. The answer may have 16 bytes a token more than `output`.
    pub fn default_limits(host: &Host) -> Limits {
        Limits {
            fuel: FUEL,
            memory: MEMORY,
            ..host.limits()
        }
    }

    /// The component's file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// SHA-256 of the component's file: the algorithm's identity.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What the algorithm says about itself.
    pub fn info(&self) -> &AlgorithmInfo {
        &self.0.info
    }

    /// The host that loaded it.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// Everything about the algorithm, ready to be printed.
    pub fn inspect(&self) -> Inspection<AlgorithmInfo> {
        Inspection {
            path: self.0.path.clone(),
            digest: self.0.digest,
            size: self.0.size,
            world: WORLD.name.to_owned(),
            // The log is not granted one by one here.
            capabilities: Vec::new(),
            imports: self.0.imports.clone(),
            exports: self.0.exports.clone(),
            asks: AskedLimits::default(),
            description: self.0.info.clone(),
        }
    }
}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Algorithm")
            .field("name", &self.0.info.name)
            .field("path", &self.0.path)
            .field("digest", &self.0.digest)
            .finish_non_exhaustive()
    }
}

/// Asks the algorithm to describe itself and checks what it says.
fn describe(host: &Host, path: &Path, code: &Code) -> Result<AlgorithmInfo> {
    let fail = |message: String| Error::Describe {
        path: path.to_owned(),
        message,
    };
    let limits = host.limits();
    let call = host.0.threads.install(|| {
        let budget = Budget::new(&host.0, &limits, 0);
        code.call(host, &limits, budget, |guest, store| {
            guest.call_describe(store).map(AlgorithmInfo::from)
        })
    });
    let info = described(path, &WORLD, call)?;
    check_identity(&info.name, &info.version).map_err(fail)?;
    check_params(&info.params).map_err(fail)?;
    if !info.advantage && info.policy_loss.is_none() {
        return Err(fail(
            "it provides neither advantages nor a policy loss".to_owned(),
        ));
    }
    Ok(info)
}
