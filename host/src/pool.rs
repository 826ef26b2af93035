//! Threads that guests run on, and the clock of the safety net.

use std::thread;
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuilder};
use wasmtime::Engine;

use crate::limits::DEFAULT_FUEL;
use crate::{Error, Result};

/// What a thread needs besides the guest's own stack.
const NATIVE_STACK: usize = 4 << 20;

/// Guests on one thread: a plugin and the interpreter that it runs.
const NESTED: usize = 2;

/// Threads of ours whose stacks hold a guest's. On a thread with less (rayon's default is 2 MiB) a
/// guest that recurses deeply would abort the whole process.
pub(crate) fn threads(count: usize, wasm_stack: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(count)
        .stack_size(NESTED * wasm_stack + NATIVE_STACK)
        .thread_name(|i| format!("rlhost-guest-{i}"))
        .build()
        .map_err(|e| Error::Engine(format!("{count} threads can't be started: {e}")))
}

/// How much longer than with the default fuel a sample may take, however much fuel it has: a fuel beyond
/// all measure must not hang a run.
const MOST_BUDGETS: u64 = 60;

/// The pace of the engine's epochs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Ticks after which a call with the default fuel is given up.
    deadline: u64,
}

impl Clock {
    /// Starts a thread that advances the engine's epoch, for as long as the engine lives, so often that
    /// a call is stopped between `deadline` and 1.25 times that.
    pub(crate) fn start(engine: &Engine, deadline: Duration) -> Result<Self> {
        let tick = (deadline / 4).clamp(Duration::from_millis(1), Duration::from_millis(100));
        let ticks = deadline.as_nanos().div_ceil(tick.as_nanos());
        let engine = engine.weak();
        thread::Builder::new()
            .name("rlhost-epoch".to_owned())
            .stack_size(256 << 10)
            .spawn(move || {
                loop {
                    thread::sleep(tick);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => break,
                    }
                }
            })
            .map_err(|e| Error::Engine(format!("the epoch thread can't be started: {e}")))?;
        // The first tick may come at once, so one more than the deadline holds. The engine adds this to the
        // epochs that have passed, which must not overflow.
        let deadline = u64::try_from(ticks).unwrap_or(u64::MAX).min(u64::MAX / 2) + 1;
        Ok(Self { deadline })
    }

    /// Ticks for a call over so many samples with so much fuel for each: as many times the deadline as
    /// there are samples and default budgets, but at most [`MOST_BUDGETS`] for a sample.
    pub(crate) fn deadline_for(self, samples: u64, fuel: u64) -> u64 {
        let budgets = fuel.div_ceil(DEFAULT_FUEL).clamp(1, MOST_BUDGETS);
        let times = budgets.saturating_mul(samples);
        self.deadline.saturating_mul(times).min(u64::MAX / 2)
    }
}
