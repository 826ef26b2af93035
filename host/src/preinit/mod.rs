//! Runs the start of a module once, when it is built, instead of in every instance.
//!
//! A runtime such as Go's sets up its heap and its packages before the first call. As every sample has a fresh
//! instance, it would do so for every sample. [`preinitialise`] does it once and keeps what it left: memory becomes
//! data of the module, globals become constants, and the function that did it is gone.
//!
//! ```
//! # fn main() -> Result<(), rlhost_host::Error> {
//! let module = wat::parse_str(
//!     r#"(module
//!          (memory (export "memory") 1)
//!          (func (export "_initialize") (i32.store (i32.const 8) (i32.const 42)))
//!          (func (export "read") (result i32) (i32.load (i32.const 8))))"#,
//! ).unwrap();
//! let module = rlhost_host::preinitialise(&module)?.module;
//! // `read` gives 42 in every instance from its first moment on.
//! # Ok(())
//! # }
//! ```
//!
//! The start sees what it would see in the sandbox: the same clock and random numbers, no arguments, environment or
//! files. So equal modules give equal bytes. What it can't do is call the host.

mod data;
mod wasi;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmparser::ValType;
use wasmtime::{Instance, Module, Store, StoreLimits, StoreLimitsBuilder, Trap, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, Wizer};

use self::wasi::Wasi;
use crate::{Error, Result, engine};

/// The function that WASI has a library's start in.
const START: &str = "_initialize";
/// What a start may take: four thousand times what the runtime of Go takes, or some seconds for tables that a package computes.
const FUEL: u64 = 4_000_000_000;
/// Bytes that its memory may grow to.
const MEMORY: usize = 1 << 30;

struct State {
    wasi: Wasi,
    limits: StoreLimits,
}

/// A module that has started.
#[derive(Debug, PartialEq, Eq)]
pub struct Preinitialised {
    /// The module.
    pub module: Vec<u8>,
    /// What the start printed, or the first lines of it: no instance will print it.
    pub printed: String,
}

/// The module as its `_initialize` leaves it; without that function the module as it is.
///
/// # Errors
///
/// [`Error::Preinitialise`] where the start traps, ends the program, calls the host, sleeps, or takes too long.
pub fn preinitialise(module: &[u8]) -> Result<Preinitialised> {
    let failed = |error: wasmtime::Error| Error::Preinitialise {
        message: format!("{error:#}"),
    };
    let engine = engine::for_one_run()?;
    let gathered = data::gathered(module).map_err(|error| failed(error.into()))?;
    let mut wizer = Wizer::new();
    wizer.init_func(START);
    let (context, instrumented) = wizer.instrument(&gathered).map_err(failed)?;
    let compiled = Module::new(&engine, &instrumented).map_err(failed)?;
    if compiled.get_export(START).is_none() {
        return Ok(Preinitialised {
            module: module.to_vec(),
            printed: String::new(),
        });
    }
    let mut store = Store::new(
        &engine,
        State {
            wasi: Wasi::default(),
            limits: StoreLimitsBuilder::new().memory_size(MEMORY).build(),
        },
    );
    store.limiter(|state| &mut state.limits);
    store.set_epoch_deadline(u64::MAX >> 1);
    store.set_fuel(FUEL).map_err(failed)?;
    let linker = wasi::linker(&mut store, &compiled).map_err(failed)?;
    let started = linker
        .instantiate(&mut store, &compiled)
        .and_then(|instance| {
            let start = instance.get_typed_func::<(), ()>(&mut store, START)?;
            start.call(&mut store, ())?;
            Ok(instance)
        });
    let instance = started.map_err(|error| Error::Preinitialise {
        message: fault(&error, store.data().wasi.printed()),
    })?;
    if store.data().wasi.slept() {
        let message =
            "sleeps, and the clock of a call starts before the moment at which it wakes".to_owned();
        return Err(Error::Preinitialise { message });
    }
    let printed = String::from_utf8_lossy(store.data().wasi.printed()).into_owned();
    let mut state = Snapshot { store, instance };
    let module = now(wizer.snapshot(&context, &mut state)).map_err(failed)?;
    Ok(Preinitialised { module, printed })
}

/// What a start did wrong, with what it printed.
fn fault(error: &wasmtime::Error, printed: &[u8]) -> String {
    let what = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => format!("takes more than {FUEL} instructions"),
        Some(trap) => {
            let trap = trap.to_string();
            format!("traps: {}", trap.trim_start_matches("wasm trap: "))
        }
        // The last cause, without the frames of the stack.
        None => error.root_cause().to_string(),
    };
    let printed = String::from_utf8_lossy(printed);
    match printed.trim() {
        "" => what,
        printed => format!("{what}\n{printed}"),
    }
}

/// The outcome of a future that waits for nothing.
fn now<T>(future: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(wasmtime::Error::msg("the snapshot waits for something")),
    }
}

struct Snapshot {
    store: Store<State>,
    instance: Instance,
}

impl InstanceState for Snapshot {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let value = self
            .instance
            .get_global(&mut self.store, name)
            .map(|global| global.get(&mut self.store));
        match value {
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(bits)) => SnapshotVal::F32(bits),
            Some(Val::F64(bits)) => SnapshotVal::F64(bits),
            Some(Val::V128(value)) => SnapshotVal::V128(value.as_u128()),
            // The instrumented module exports each mutable global, and `instrument` refuses other types.
            _ => unreachable!("{name} is no global with a number"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        if let Some(memory) = self.instance.get_memory(&mut self.store, name) {
            contents(memory.data(&self.store));
        }
    }
}
