//! Threads that guests run on.

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{Error, Result};

/// The most threads of a kind that a host starts: far more than any machine has processors, and few enough
/// to start.
pub(crate) const MOST_THREADS: usize = 1024;

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
