//! `interpreter`: running untrusted code in a nested fresh sandbox.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::Trap;
use wasmtime::component::{InstancePre, Linker, LinkerInstance};

use crate::bindings::code::{CodeInterpreterIndices, exports::rlhost::plugin::code as exported};
use crate::bindings::rlhost::plugin::{interpreter as wit, programs};
use crate::component::{self, World};
use crate::guest::{GuestState, charge, take_fuel};
use crate::instance::{self, Budget, Call, HostFault, judge};
use crate::{Digest, Error, Host, Limits, Outcome, PluginRef, Result, imports, wasi};

use super::Capability;

/// Memory that a program and its interpreter have, unless said otherwise.
const MEMORY: u64 = 256 << 20;

/// Fuel for setting up the smallest interpreter: about the time that it takes.
const RUN_FUEL: u64 = 50_000;
/// Bytes of an interpreter's component that a further unit of fuel stands for: one of 18 MB takes about a
/// millisecond.
const BYTES_PER_FUEL: u64 = 4;

/// What interpreters export.
const WORLD: World = World {
    name: "rlhost:plugin/code-interpreter@0.1.0",
    interface: "rlhost:plugin/code@0.1.0",
    functions: &["describe", "run"],
};

/// A component that runs programs, loaded and described. Clones share the compiled code.
#[derive(Clone)]
pub struct Interpreter(Arc<Loaded>);

struct Loaded {
    host: Host,
    path: PathBuf,
    pre: InstancePre<GuestState>,
    indices: CodeInterpreterIndices,
    digest: Digest,
    limits: Limits,
    /// Fuel for setting up an instance.
    price: u64,
    info: InterpreterInfo,
}

/// What an interpreter says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterInfo {
    /// A short name.
    pub name: String,
    /// The interpreter's own version.
    pub version: String,
    /// The languages that it runs.
    pub languages: Vec<String>,
}

impl Interpreter {
    /// Loads the component of the world `rlhost:plugin/code-interpreter` of this path or name. It may
    /// import the deterministic WASI and nothing else: an interpreter never gets an interpreter.
    ///
    /// `memory` bounds a program together with its interpreter; default: 256 MiB.
    pub fn load(host: &Host, plugin: impl Into<PluginRef>, memory: Option<u64>) -> Result<Self> {
        let path = host.find(&plugin.into())?;
        let loaded = component::load(host, &path)?;
        component::check_world(
            host,
            &path,
            &loaded.component,
            &WORLD,
            imports::known_to_interpreters,
        )?;
        let wrong = |e: wasmtime::Error| component::wrong_types(&path, &WORLD, format!("{e:#}"));
        let mut linker = Linker::new(&host.0.engine);
        wasi::add_to_linker(&mut linker, &loaded.component).map_err(wrong)?;
        let pre = linker.instantiate_pre(&loaded.component).map_err(wrong)?;
        let indices = CodeInterpreterIndices::new(&pre).map_err(wrong)?;
        let limits = Limits {
            memory: memory.unwrap_or(MEMORY),
            ..host.limits()
        };
        limits.validate()?;
        let mut interpreter = Loaded {
            host: host.clone(),
            path: path.clone(),
            pre,
            indices,
            digest: loaded.digest,
            limits,
            price: RUN_FUEL + loaded.size / BYTES_PER_FUEL,
            info: InterpreterInfo {
                name: String::new(),
                version: String::new(),
                languages: Vec::new(),
            },
        };
        let call = host
            .0
            .threads
            .install(|| interpreter.call(limits.fuel, |guest, store| guest.call_describe(store)));
        let describe = |message: String| Error::Describe {
            path: path.clone(),
            message,
        };
        let info = call.answer.map_err(|failure| {
            describe(format!(
                "`describe` ended with {}: {}",
                failure.outcome, failure.message
            ))
        })?;
        if info.languages.is_empty() {
            return Err(describe("it names no language".to_owned()));
        }
        interpreter.info = InterpreterInfo {
            name: info.name,
            version: info.version,
            languages: info.languages,
        };
        Ok(Self(Arc::new(interpreter)))
    }

    /// What it says about itself.
    pub fn info(&self) -> &InterpreterInfo {
        &self.0.info
    }

    /// The component's file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// SHA-256 of the component's file.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Bytes of memory of a program together with the interpreter.
    pub(crate) fn memory(&self) -> u64 {
        self.0.limits.memory
    }

    fn runs(&self, language: &str) -> bool {
        self.0.info.languages.iter().any(|known| known == language)
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("name", &self.0.info.name)
            .field("digest", &self.0.digest)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    /// One call in a fresh instance, on the thread of the caller.
    fn call<T>(
        &self,
        fuel: u64,
        body: impl FnOnce(&exported::Guest, &mut wasmtime::Store<GuestState>) -> wasmtime::Result<T>,
    ) -> Call<T> {
        let budget = Budget {
            fuel: fuel.min(Limits::MAX_FUEL),
            output: self.limits.output,
            time: self.host.0.clock.time_for(1, fuel),
            can_be_more: false,
        };
        let state = GuestState::new(&self.limits, Vec::new(), None);
        let mut store = instance::store(&self.host.0.engine, state);
        instance::call_in(&mut store, budget, |store| {
            let instance = instance::start(&self.pre, store)?;
            let guest = self.indices.load(&mut *store, &instance);
            let guest = guest.map_err(|error| judge(&error, Outcome::ProtocolError))?;
            let answer = body(guest.rlhost_plugin_code(), store);
            answer.map_err(|error| judge(&error, Outcome::Trap))
        })
    }
}

pub(super) fn add_to_linker(
    interface: &mut LinkerInstance<'_, GuestState>,
) -> wasmtime::Result<()> {
    interface.func_wrap("languages", |mut store, (): ()| {
        let languages: BTreeSet<String> =
            super::granted(store.data(), Capability::Interpreter, |grants| {
                let all = grants.interpreters.iter();
                Some(all.flat_map(|i| i.info().languages.clone()).collect())
            })?;
        let languages: Vec<String> = languages.into_iter().collect();
        charge(&mut store, languages.iter().map(|l| l.len() as u64).sum())?;
        Ok((languages,))
    })?;
    interface.func_wrap(
        "run",
        |mut store, (language, program, fuel): (String, programs::Program, Option<u64>)| {
            let files = program.files.iter();
            let files: usize = files.map(|file| file.path.len() + file.content.len()).sum();
            let bytes = language.len() + program.source.len() + program.stdin.len() + files;
            charge(&mut store, bytes as u64)?;
            let interpreter = super::granted(store.data(), Capability::Interpreter, |grants| {
                Some(
                    grants
                        .interpreters
                        .iter()
                        .find(|i| i.runs(&language))
                        .cloned(),
                )
            })?;
            let Some(interpreter) = interpreter else {
                return Ok((Err(wit::Fault::UnknownLanguage(language)),));
            };
            take_fuel(&mut store, interpreter.0.price)?;
            let left = store.get_fuel()?;
            let fuel = fuel.map_or(left, |fuel| fuel.min(left));
            let call = interpreter.0.call(fuel, |guest, store| {
                guest.call_run(store, &language, &program)
            });
            take_fuel(&mut store, call.fuel)?;
            let result = match call.answer {
                Ok(Ok(finished)) => {
                    let output = finished.stdout.len() + finished.stderr.len();
                    charge(&mut store, output as u64)?;
                    Ok(wit::Execution {
                        finished,
                        fuel: call.fuel,
                    })
                }
                Ok(Err(message)) => {
                    charge(&mut store, message.len() as u64)?;
                    Err(wit::Fault::Failed(message))
                }
                Err(failure) => Err(match failure.outcome {
                    Outcome::BudgetExhausted => wit::Fault::BudgetExhausted,
                    Outcome::MemoryExhausted => wit::Fault::MemoryExhausted,
                    // How deep it came depends on the machine, so no score may depend on it.
                    Outcome::StackExhausted => return Err(Trap::StackOverflow.into()),
                    Outcome::OutputTooLarge => wit::Fault::OutputTooLarge,
                    // The host's trouble is no news for a guest: it ends the whole call.
                    Outcome::HostFault => return Err(HostFault(failure.message).into()),
                    _ => wit::Fault::Failed(failure.message),
                }),
            };
            Ok((result,))
        },
    )
}
