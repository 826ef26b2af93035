//! The configured wasmtime engine.

use wasmtime::{Config, Enabled, Engine, OptLevel, PoolingAllocationConfig};

use crate::{Error, Result, costs};

/// Core instances of one component: itself, adapters, and one each for shims.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;
/// Linear memories of one component.
pub(crate) const MAX_MEMORIES: u32 = 4;
/// Tables of one component.
pub(crate) const MAX_TABLES: u32 = 16;
/// Elements of one table.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 1 << 18;
/// Bytes of each memory that stay mapped between instances, so that small guests cause no page faults.
const KEEP_RESIDENT: usize = 8 << 20;
/// Wasm frames that a trap's message is made of: those of a runtime stand between the trap and the author's own.
const BACKTRACE_FRAMES: usize = 32;

/// The distance at which a function touches the stack that it takes, as a power of two: 16 MiB, which is more than
/// most functions can take. At the usual distance of a page, a call of a function with a large frame costs as much as
/// thousands of others: microseconds for a unit of fuel.
const STACK_PROBES_LOG2: &str = "24";

/// The stack where none is asked for: a setting of running code, but every engine wants one.
const ANY_STACK: usize = 8 << 20;

/// Core instances and tables of a session's component on average: a session has one memory, and few of
/// them come near what a component may have.
const SESSION_PARTS: u32 = 4;

/// An engine whose guests run deterministically, on a pool of `slots` instances where the machine allows
/// one (it takes about 4 GiB of address space, not memory, for each memory) and on single allocations
/// elsewhere. The pool has room for `sessions` small instances besides.
pub(crate) fn build(stack: usize, slots: u32, sessions: u32) -> Result<Engine> {
    Engine::new(&pooled(stack, slots, sessions))
        .or_else(|_| Engine::new(&base(stack)))
        .map_err(fault)
}

/// An engine that only compiles: it reserves no address space, and its code runs in every engine of
/// [`build`], whatever their stacks and slots.
pub(crate) fn for_compiling() -> Result<Engine> {
    Engine::new(&base(ANY_STACK)).map_err(fault)
}

/// An engine for a module that runs once: its code is made fast, not fast code.
pub(crate) fn for_one_run() -> Result<Engine> {
    let mut config = base(ANY_STACK);
    config.cranelift_opt_level(OptLevel::None);
    Engine::new(&config).map_err(fault)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn fault(error: wasmtime::Error) -> Error {
    Error::Engine(format!("{error:#}"))
}

fn base(stack: usize) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .operator_cost(costs::operators())
        .epoch_interruption(true)
        .max_wasm_stack(stack)
        // Not used, but the engine wants it to be no smaller than the other.
        .async_stack_size(stack)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .concurrency_support(false)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(BACKTRACE_FRAMES));
    // SAFETY: how far apart a function touches the stack that it takes changes nothing else. A function never
    // takes more than is left of the guest's stack, which it looks at first, so none can reach over the pages
    // below the thread's.
    #[allow(unsafe_code)]
    unsafe {
        config.cranelift_flag_set("probestack_size_log2", STACK_PROBES_LOG2);
    }
    config
}

fn pooled(stack: usize, slots: u32, sessions: u32) -> Config {
    let total = |each: u32, session: u32| {
        let sessions = sessions.saturating_mul(session);
        slots.saturating_mul(each).saturating_add(sessions)
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(total(1, 1))
        .total_core_instances(total(MAX_CORE_INSTANCES, SESSION_PARTS))
        .total_memories(total(MAX_MEMORIES, 1))
        .total_tables(total(MAX_TABLES, SESSION_PARTS))
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_memories_per_module(MAX_MEMORIES)
        .max_tables_per_module(MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_core_instance_size(16 << 20)
        .max_component_instance_size(16 << 20);
    // Without the scan (Linux before 6.7) keeping pages means clearing all of them blindly, which is
    // slower than giving them back.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(KEEP_RESIDENT)
            .table_keep_resident(64 << 10)
            .pagemap_scan(Enabled::Yes);
    }
    let mut config = base(stack);
    config.allocation_strategy(pool);
    config
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    fn compatibility(engine: &Engine) -> u64 {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn code_of_the_compiling_engine_runs_in_all_others() {
        let wanted = compatibility(&for_compiling().unwrap());
        for stack in [64 << 10, 512 << 10, 8 << 20] {
            let pooled = Engine::new(&pooled(stack, 2, 1)).unwrap();
            assert_eq!(compatibility(&pooled), wanted, "pooled, {stack}");
            let single = Engine::new(&base(stack)).unwrap();
            assert_eq!(compatibility(&single), wanted, "single, {stack}");
        }
    }

    /// Or the cache would hand out code that counts its fuel in another way.
    #[test]
    fn code_with_other_costs_does_not_run() {
        let mut config = base(ANY_STACK);
        config.operator_cost(wasmtime::OperatorCost {
            RefFunc: 1,
            ..costs::operators()
        });
        let other = Engine::new(&config).unwrap();
        let ours = for_compiling().unwrap();
        assert_ne!(compatibility(&other), compatibility(&ours));
        let code = other.precompile_component(b"\0asm\x0d\0\x01\0").unwrap();
        // SAFETY: an engine wrote it just now.
        #[allow(unsafe_code)]
        let loaded = unsafe { wasmtime::component::Component::deserialize(&ours, &code) };
        assert!(loaded.is_err());
    }
}
