//! What determinism and the safety net cost: `cargo run --example bench_engine -- PLUGIN [SAMPLES.jsonl]`.
//!
//! Runs a plugin on bare wasmtime engines with the sandbox's settings, of which one has fuel, NaN
//! canonicalisation and epochs on, and the others lack one or all of them. Two times are taken on one
//! thread, in microseconds: a fresh instance with one call, and a call of an instance that lives on. The
//! engines take turns; the median and the least of the rounds count. Prints one JSON object.

use std::time::Instant;

use rlhost_host::{Sample, SampleReader};
use serde_json::{Value, json};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig, Store};

use crate::bindings::rlhost::plugin::types::{FinishReason, Sample as WitSample, Turn as WitTurn};
use crate::bindings::{RewardPlugin, RewardPluginPre};

/// Rust types for `wit/plugin.wit`, generated.
#[allow(clippy::pedantic)]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "reward-plugin",
        with: { "rlhost:plugin/types.image": crate::NoImage },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// What stands for an image: there are none here.
pub type NoImage = ();

/// The allocator of the `rlhost` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls of each engine in a round.
const CALLS: usize = 2_000;
/// Rounds of which the median and the least count.
const ROUNDS: usize = 15;

type Error = Box<dyn std::error::Error>;

/// The settings that are compared.
#[derive(Clone, Copy)]
struct Settings {
    name: &'static str,
    fuel: bool,
    canonical_nans: bool,
    epochs: bool,
}

const ALL: Settings = Settings {
    name: "all",
    fuel: true,
    canonical_nans: true,
    epochs: true,
};

const SETTINGS: [Settings; 5] = [
    ALL,
    Settings {
        name: "no fuel",
        fuel: false,
        ..ALL
    },
    Settings {
        name: "no NaN canonicalisation",
        canonical_nans: false,
        ..ALL
    },
    Settings {
        name: "no epochs",
        epochs: false,
        ..ALL
    },
    Settings {
        name: "none of them",
        fuel: false,
        canonical_nans: false,
        epochs: false,
    },
];

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let plugin = arguments
        .next()
        .ok_or("usage: bench_engine PLUGIN [SAMPLES.jsonl]")?;
    let samples = match arguments.next() {
        Some(file) => SampleReader::open(file)?.collect::<Result<Vec<_>, _>>()?,
        None => vec![Sample::single(
            "<think>3+9</think><answer>12</answer>",
            "\"12\"",
        )],
    };
    let bytes = std::fs::read(&plugin)?;
    let guests: Vec<_> = SETTINGS
        .into_iter()
        .map(|settings| Guest::new(settings, &bytes))
        .collect::<Result<_, _>>()?;
    let mut fresh = vec![Vec::new(); guests.len()];
    let mut reused = vec![Vec::new(); guests.len()];
    for _ in 0..ROUNDS {
        for (i, guest) in guests.iter().enumerate() {
            let cycle = || samples.iter().cycle().take(CALLS);
            let start = Instant::now();
            for sample in cycle() {
                let (mut store, instance) = guest.start()?;
                guest.score(&mut store, &instance, sample)?;
            }
            fresh[i].push(start.elapsed().as_secs_f64() * 1e6 / CALLS as f64);

            let (mut store, instance) = guest.start()?;
            let start = Instant::now();
            for sample in cycle() {
                guest.score(&mut store, &instance, sample)?;
            }
            reused[i].push(start.elapsed().as_secs_f64() * 1e6 / CALLS as f64);
        }
    }
    let rows = guests.iter().zip(fresh.iter().zip(&reused));
    let rows = rows.map(|(guest, (fresh, reused))| {
        json!({
            "settings": guest.settings.name,
            "fresh_us": {"median": median(fresh), "least": least(fresh)},
            "call_us": {"median": median(reused), "least": least(reused)},
        })
    });
    let report = json!({"component": plugin, "engines": rows.collect::<Vec<Value>>()});
    println!("{report:#}");
    Ok(())
}

/// A component on an engine of its own.
struct Guest {
    settings: Settings,
    engine: Engine,
    pre: RewardPluginPre<()>,
}

impl Guest {
    fn new(settings: Settings, component: &[u8]) -> Result<Self, Error> {
        let engine = Engine::new(&config(settings))?;
        let component = Component::from_binary(&engine, component)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = RewardPluginPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self {
            settings,
            engine,
            pre,
        })
    }

    fn start(&self) -> Result<(Store<()>, RewardPlugin), Error> {
        let mut store = Store::new(&self.engine, ());
        self.allow(&mut store)?;
        let instance = self.pre.instantiate(&mut store)?;
        Ok((store, instance))
    }

    /// Fuel and time for a call.
    fn allow(&self, store: &mut Store<()>) -> Result<(), Error> {
        if self.settings.fuel {
            store.set_fuel(1_000_000_000)?;
        }
        if self.settings.epochs {
            store.set_epoch_deadline(1_000_000);
        }
        Ok(())
    }

    fn score(
        &self,
        store: &mut Store<()>,
        instance: &RewardPlugin,
        sample: &Sample,
    ) -> Result<f64, Error> {
        self.allow(store)?;
        let turns = sample.response.iter().map(|turn| WitTurn {
            text: &turn.text,
            finish_reason: FinishReason::Stop,
            tokens: turn.tokens,
        });
        let sample = WitSample {
            group: 0,
            prompt: &[],
            response: &turns.collect::<Vec<_>>(),
            answer: &sample.answer,
            data_source: &sample.data_source,
            problem_type: &sample.problem_type,
            answer_type: &sample.answer_type,
            columns: &sample.columns,
            params: "{}",
            images: &[],
        };
        let scores = instance
            .rlhost_plugin_reward()
            .call_score(store, &[sample])?;
        match scores.into_iter().next() {
            Some(Ok(verdict)) => Ok(verdict.total),
            other => Err(format!("no verdict but {other:?}").into()),
        }
    }
}

/// The settings of the sandbox's engine, apart from those that are compared and from sizes of the pool.
fn config(settings: Settings) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(2)
        .total_core_instances(128)
        .total_memories(8)
        .total_tables(32)
        .max_core_instances_per_component(64)
        .max_memories_per_component(4)
        .max_tables_per_component(16)
        .table_elements(1 << 16)
        .max_core_instance_size(16 << 20)
        .max_component_instance_size(16 << 20);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(1 << 20)
            .table_keep_resident(64 << 10)
            .pagemap_scan(Enabled::Yes);
    }
    let mut config = Config::new();
    config
        .consume_fuel(settings.fuel)
        .epoch_interruption(settings.epochs)
        .cranelift_nan_canonicalization(settings.canonical_nans)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .concurrency_support(false)
        .memory_init_cow(true)
        .allocation_strategy(pool);
    config
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    rounded(values[values.len() / 2])
}

fn least(values: &[f64]) -> f64 {
    rounded(values.iter().copied().fold(f64::INFINITY, f64::min))
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
