//! Measures fresh-sandbox scoring: `cargo run --example bench_score -- PLUGIN [SAMPLES.jsonl]`.
//!
//! Prints one JSON object: latency of single samples on one thread (p50 and p99, in microseconds) and the
//! rate on 1 and 2 threads (samples a second, the median of several rounds). Every sample gets an instance
//! of its own; receipts are made as always. Without a sample file it scores a short answer to a sum.

use std::time::Instant;

use rlhost_host::{Host, Plugin, Sample, SampleReader, Scorer};
use serde_json::{Map, json};

/// The allocator of the `rlhost` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Samples whose latency is taken one by one.
const SINGLE: usize = 5_000;
/// Samples of one call that measures a rate.
const BATCH: usize = 20_000;
/// Calls of which the median counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let plugin = arguments
        .next()
        .ok_or("usage: bench_score PLUGIN [SAMPLES.jsonl]")?;
    let samples = match arguments.next() {
        Some(file) => SampleReader::open(file)?.collect::<Result<Vec<_>, _>>()?,
        None => vec![Sample::single(
            "<think>3+9</think><answer>12</answer>",
            "\"12\"",
        )],
    };
    if samples.is_empty() {
        return Err("the sample file is empty".into());
    }
    let one = scorer(&plugin, 1)?;
    let latency = one.plugin().host().install(|| latencies(&one, &samples));
    let percentile = |p: usize| (latency[latency.len() * p / 100] * 10.0).round() / 10.0;
    let first = &one.score(&samples[..1])[0];
    let report = json!({
        "plugin": one.plugin().info().name,
        "digest": one.plugin().digest(),
        "engine": *first.receipt.engine,
        "outcome": first.outcome,
        "fuel": first.fuel,
        "latency_us": {"p50": percentile(50), "p99": percentile(99)},
        "rate_1_thread": rate(&one, &samples),
        "rate_2_threads": rate(&scorer(&plugin, 2)?, &samples),
    });
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}

fn scorer(plugin: &str, threads: usize) -> rlhost_host::Result<Scorer> {
    let host = Host::builder().threads(threads).build()?;
    let plugin: Plugin = host.load(plugin)?;
    Scorer::new(&plugin, &Map::new(), host.limits())
}

/// Microseconds of single samples, sorted. Run on the guest thread: the way there and back is not a part
/// of the sandbox.
fn latencies(scorer: &Scorer, samples: &[Sample]) -> Vec<f64> {
    let samples = samples.iter().cycle();
    let mut times: Vec<_> = samples
        .take(SINGLE + SINGLE / 10)
        .map(|sample| {
            let start = Instant::now();
            scorer.score(std::slice::from_ref(sample));
            start.elapsed().as_secs_f64() * 1e6
        })
        .skip(SINGLE / 10)
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Samples a second: the median of several calls.
fn rate(scorer: &Scorer, samples: &[Sample]) -> f64 {
    let batch: Vec<_> = samples.iter().cycle().take(BATCH).cloned().collect();
    let mut rates: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            scorer.score(&batch);
            BATCH as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2].round()
}
