//! Measures scoring in the sandbox: `cargo run --example bench_score -- MODE PLUGIN [SAMPLES.jsonl [PARAMS]]`.
//!
//! Prints one JSON object. Modes:
//!
//! * `fresh`: every sample gets an instance of its own;
//! * `reused`: one instance a thread lives on (a `Session`);
//! * `latency`: as `fresh`, but latencies alone, with the fuel of all samples;
//! * `live-COUNT`: that many instances live at once, each after one score; what memory they take.
//!
//! Latencies are those of single samples on one guest thread, in microseconds. Rates are samples a second on
//! 1 and on 2 threads, taken in turn; the median of several rounds. Receipts are made as always. Without a
//! sample file it scores a short answer to a sum.

use std::time::Instant;

use rayon::prelude::*;
use rlhost_host::{Host, Outcome, Plugin, Sample, SampleReader, Scorer};
use serde_json::{Map, Value, json};

/// The allocator of the `rlhost` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Samples whose latency is taken one by one, in each round.
const SINGLE: usize = 4_000;
/// Samples of one call that measures a rate.
const BATCH: usize = 20_000;
/// Rounds of which the median counts.
const ROUNDS: usize = 7;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(mode), Some(plugin)) = (arguments.next(), arguments.next()) else {
        return Err(
            "usage: bench_score fresh|reused|latency|live-COUNT PLUGIN [SAMPLES.jsonl [PARAMS]]"
                .into(),
        );
    };
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
    let params: Map<String, Value> = match arguments.next() {
        Some(params) => serde_json::from_str(&params)?,
        None => Map::new(),
    };
    let report = match mode.as_str() {
        "latency" => single(&plugin, &samples, &params)?,
        "fresh" => timed(&plugin, &samples, fresh)?,
        "reused" => timed(&plugin, &samples, reused)?,
        _ => match mode.strip_prefix("live-").map(str::parse) {
            Some(Ok(count)) => live(&plugin, &samples, count)?,
            _ => return Err(format!("no mode `{mode}`").into()),
        },
    };
    println!("{report:#}");
    Ok(())
}

/// How a batch of samples is scored; returns the sum of the scores.
type Way = fn(&Scorer, &[Sample]) -> f64;

fn fresh(scorer: &Scorer, samples: &[Sample]) -> f64 {
    let scored = scorer.score(samples);
    scored.iter().filter_map(|scored| scored.total).sum()
}

fn reused(scorer: &Scorer, samples: &[Sample]) -> f64 {
    let host = scorer.plugin().host();
    let part = samples.len().div_ceil(host.threads());
    host.install(|| {
        let parts = samples.par_chunks(part).map(|samples| {
            let mut session = scorer.session().expect("an instance starts");
            let scores = samples.iter().map(|sample| {
                let scored = session.score(sample).expect("the session goes on");
                scored.total.unwrap_or(0.0)
            });
            scores.sum::<f64>()
        });
        parts.sum()
    })
}

fn timed(plugin: &str, samples: &[Sample], way: Way) -> Result<Value, Error> {
    let one = scorer(plugin, 1, 1)?;
    let two = scorer(plugin, 2, 2)?;
    let batch: Vec<_> = samples.iter().cycle().take(BATCH).cloned().collect();
    let rate = |scorer: &Scorer| {
        let start = Instant::now();
        way(scorer, &batch);
        BATCH as f64 / start.elapsed().as_secs_f64()
    };
    let mut latency = Vec::new();
    let mut rates = [Vec::new(), Vec::new()];
    way(&one, &batch);
    way(&two, &batch);
    for _ in 0..ROUNDS {
        latency.push(latencies(&one, samples, way));
        rates[0].push(rate(&one));
        rates[1].push(rate(&two));
    }
    let percentile = |p: usize| {
        let rounds = latency.iter().map(|times| times[times.len() * p / 100]);
        (median(rounds.collect()) * 100.0).round() / 100.0
    };
    let latency = json!({"p50": percentile(50), "p90": percentile(90), "p99": percentile(99)});
    let ratio = rates[0].iter().zip(&rates[1]).map(|(one, two)| two / one);
    let speedup = median(ratio.collect());
    let first = &one.score(&samples[..1])[0];
    Ok(json!({
        "plugin": one.plugin().info().name,
        "digest": one.plugin().digest(),
        "size": one.plugin().size(),
        "engine": *first.receipt.engine,
        "fuel": first.fuel,
        "mean_score": way(&one, samples) / samples.len() as f64,
        "latency_us": latency,
        "rate_1_thread": median(rates[0].clone()).round(),
        "rate_2_threads": median(rates[1].clone()).round(),
        "speedup": (speedup * 100.0).round() / 100.0,
        "rounds_1_thread": rounded(&rates[0]),
        "rounds_2_threads": rounded(&rates[1]),
    }))
}

/// Latencies and fuel of samples in fresh instances, on one thread.
fn single(plugin: &str, samples: &[Sample], params: &Map<String, Value>) -> Result<Value, Error> {
    let host = Host::builder().threads(1).build()?;
    let plugin: Plugin = host.load(plugin)?;
    let scorer = Scorer::new(&plugin, params, host.limits())?;
    let (mut fuel, mut scores) = (Vec::new(), Vec::new());
    for sample in samples {
        let scored = scorer.score(std::slice::from_ref(sample)).remove(0);
        if scored.outcome != Outcome::Score {
            let message = scored.message.unwrap_or_default();
            return Err(format!("a sample has no score: {message}").into());
        }
        fuel.push(scored.fuel);
        scores.push(scored.total.unwrap_or(0.0));
    }
    fuel.sort_unstable();
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| latencies(&scorer, samples, fresh))
        .collect();
    let percentile = |p: usize| {
        let rounds = rounds.iter().map(|times| times[times.len() * p / 100]);
        (median(rounds.collect()) * 100.0).round() / 100.0
    };
    Ok(json!({
        "plugin": scorer.plugin().info().name,
        "digest": scorer.plugin().digest(),
        "size": scorer.plugin().size(),
        "samples": samples.len(),
        "mean_score": scores.iter().sum::<f64>() / scores.len() as f64,
        "fuel": {"p50": fuel[fuel.len() / 2], "max": fuel.last()},
        "latency_us": {"p50": percentile(50), "p90": percentile(90), "p99": percentile(99)},
    }))
}

fn scorer(plugin: &str, threads: usize, sessions: u32) -> rlhost_host::Result<Scorer> {
    let host = Host::builder()
        .threads(threads)
        .sessions(sessions)
        .build()?;
    let plugin: Plugin = host.load(plugin)?;
    Scorer::new(&plugin, &Map::new(), host.limits())
}

/// Microseconds of single samples, sorted. Run on the guest thread: the way there and back is not a part
/// of the sandbox.
fn latencies(scorer: &Scorer, samples: &[Sample], way: Way) -> Vec<f64> {
    let samples = samples.iter().cycle().take(SINGLE);
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e6
    };
    let mut times: Vec<_> = scorer.plugin().host().install(|| {
        if std::ptr::fn_addr_eq(way, fresh as Way) {
            let one = |sample| {
                time(&mut || {
                    scorer.score(std::slice::from_ref(sample));
                })
            };
            samples.map(one).collect()
        } else {
            let mut session = scorer.session().expect("an instance starts");
            let mut one = |sample| {
                time(&mut || {
                    session.score(sample).expect("the session goes on");
                })
            };
            samples.map(&mut one).collect()
        }
    });
    times.sort_by(f64::total_cmp);
    times
}

/// Memory of `count` instances that live at once.
fn live(plugin: &str, samples: &[Sample], count: u32) -> Result<Value, Error> {
    let scorer = scorer(plugin, 1, count)?;
    scorer.session()?.score(&samples[0])?;
    let before = Memory::now()?;
    let start = Instant::now();
    let sessions = scorer.plugin().host().install(|| {
        let sessions = samples.iter().cycle().take(count as usize).map(|sample| {
            let mut session = scorer.session()?;
            let scored = session.score(sample)?;
            assert_eq!(scored.outcome, Outcome::Score);
            Ok(session)
        });
        sessions.collect::<rlhost_host::Result<Vec<_>>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let after = Memory::now()?;
    let mib = |kib: u64| (kib as f64 / 1024.0 * 10.0).round() / 10.0;
    let report = json!({
        "plugin": scorer.plugin().info().name,
        "digest": scorer.plugin().digest(),
        "instances": sessions.len(),
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "pss_mib": {"before": mib(before.pss), "after": mib(after.pss)},
        "rss_mib": {"before": mib(before.rss), "after": mib(after.rss)},
        "page_tables_mib": {"before": mib(before.page_tables), "after": mib(after.page_tables)},
        "pss_kib_an_instance": (after.pss - before.pss) / u64::from(count.max(1)),
    });
    Ok(report)
}

/// What the process takes, in KiB.
struct Memory {
    rss: u64,
    /// Resident memory, where pages that stand in several places of the address space count once.
    pss: u64,
    page_tables: u64,
}

impl Memory {
    fn now() -> Result<Self, Error> {
        let field = |file: &str, name: &str| -> Result<u64, Error> {
            let text = std::fs::read_to_string(file)?;
            let line = text.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(number
                .ok_or_else(|| format!("{file} has no {name}"))?
                .parse()?)
        };
        Ok(Self {
            rss: field("/proc/self/smaps_rollup", "Rss:")?,
            pss: field("/proc/self/smaps_rollup", "Pss:")?,
            page_tables: field("/proc/self/status", "VmPTE:")?,
        })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn rounded(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.round()).collect()
}
