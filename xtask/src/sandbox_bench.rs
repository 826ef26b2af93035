//! What scoring in the sandbox costs, beside other ways to do the same job, all in one run.
//!
//! The job: 1 where the text between the last pair of answer tags is the reference answer, else 0, for the
//! samples of `tests/peers/samples.jsonl`. The sandbox runs the guest `exact` for it; `tests/peers/peers.py`
//! has the other ways. All of them must find the same mean score. Measurements take turns, round by round,
//! so that a machine that slows down slows all of them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::project::Project;
use crate::{guests, peers, process};

/// Ways of `tests/peers/peers.py`.
const PEERS: [&str; 7] = [
    "python-subprocess",
    "python-pool",
    "python-in-process",
    "wasmtime-py-component",
    "wasmtime-py-module",
    "extism-fresh",
    "extism-reused",
];

/// Ways of ours: name, mode of the example, guest.
const OURS: [(&str, &str, &str); 3] = [
    ("rlhost-fresh", "fresh", "exact"),
    ("rlhost-reused", "reused", "exact"),
    ("rlhost-fresh-math", "fresh", "math"),
];

/// Instances that live at once where their memory is measured.
const LIVE: &str = "live-10000";

/// Starts of the command where they are timed.
const STARTS: usize = 60;

/// The programs and files of a run.
struct Bench<'a> {
    project: &'a Project,
    samples: PathBuf,
    module: PathBuf,
    python: PathBuf,
    cache: PathBuf,
}

/// Measures everything; the raw results with a summary.
pub(crate) fn run(project: &Project, rounds: u32) -> Result<Value> {
    let bench = Bench::prepare(project)?;
    let mut ways: Map<String, Value> = Map::new();
    let mut keep = |name: &str, found: Value| {
        let runs = ways.entry(name).or_insert_with(|| json!([]));
        runs.as_array_mut().expect("it is a list").push(found);
    };
    for round in 1..=rounds {
        println!("round {round} of {rounds}");
        for (name, mode, guest) in OURS {
            keep(name, bench.example("bench_score", &[mode], guest)?);
        }
        for name in PEERS {
            keep(name, bench.peer(name)?);
        }
    }
    check_scores(&ways)?;
    let summary: Map<_, _> = ways
        .iter()
        .map(|(name, runs)| (name.clone(), summary(runs)))
        .collect();
    let live = bench.example("bench_score", &[LIVE], "exact")?;
    let engines = json!({
        "exact": bench.example("bench_engine", &[], "exact")?,
        "math": bench.example("bench_engine", &[], "math")?,
    });
    let starts = json!({
        "exact": bench.starts("exact")?,
        "math": bench.starts("math")?,
    });
    print_table(&summary);
    let targets = targets(&summary, &live, &starts);
    Ok(json!({
        "targets": targets,
        "versions": peers::versions(&bench.python),
        "summary": summary,
        "live": live,
        "engines": engines,
        "process_ms": starts,
        "runs": ways,
    }))
}

impl<'a> Bench<'a> {
    /// Builds and installs what is missing.
    fn prepare(project: &'a Project) -> Result<Self> {
        let folder = project.target.join("bench");
        fs::create_dir_all(&folder)?;
        let module = folder.join("exact-core.wasm");
        fs::write(
            &module,
            guests::build_module(project, "tests/peers/exact-core")?,
        )?;
        Ok(Self {
            project,
            samples: project.root.join("tests/peers/samples.jsonl"),
            module,
            python: peers::environment(&folder)?,
            cache: folder.join("cache"),
        })
    }

    /// Runs an example of the host's.
    fn example(&self, name: &str, arguments: &[&str], guest: &str) -> Result<Value> {
        let example = self.project.target.join("debug/examples").join(name);
        let mut command = Command::new(example);
        command
            .args(arguments)
            .arg(self.guest(guest))
            .arg(&self.samples)
            .env("RLHOST_CACHE_DIR", &self.cache);
        peers::result(&mut command)
    }

    fn peer(&self, way: &str) -> Result<Value> {
        let mut command = Command::new(&self.python);
        command
            .arg(self.project.root.join("tests/peers/peers.py"))
            .arg(way)
            .arg(&self.samples)
            .arg(self.guest("exact"))
            .arg(&self.module);
        peers::result(&mut command)
    }

    fn guest(&self, name: &str) -> PathBuf {
        self.project.guests().join(name).with_extension("wasm")
    }

    /// Wall time of `rlhost score` for one row, in milliseconds, with the component's code in the cache.
    fn starts(&self, guest: &str) -> Result<Value> {
        let input = self.cache.with_file_name("one.jsonl");
        let samples = fs::read_to_string(&self.samples)?;
        let first = samples.lines().next().context("there are no samples")?;
        fs::write(&input, first)?;
        let mut command = Command::new(self.project.target.join("debug/rlhost"));
        command
            .arg("score")
            .arg(self.guest(guest))
            .arg("--input")
            .arg(&input)
            .env("RLHOST_CACHE_DIR", &self.cache)
            .stdout(Stdio::null());
        let mut times = Vec::new();
        // The first one fills the cache.
        for _ in 0..=STARTS {
            let start = Instant::now();
            process::run(&mut command)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        let at = |p: usize| rounded(times[times.len() * p / 100]);
        Ok(json!({"p50": at(50), "p90": at(90), "p99": at(99), "first": rounded(first)}))
    }
}

/// Fails unless all ways agree about the samples.
fn check_scores(ways: &Map<String, Value>) -> Result<()> {
    let scores = ways.iter().flat_map(|(name, runs)| {
        let runs = runs.as_array().into_iter().flatten();
        runs.map(move |run| (name, run["mean_score"].as_f64()))
    });
    for (name, score) in scores {
        // Half of the samples are right.
        ensure!(
            score.is_some_and(|score| (score - 0.5).abs() < 1e-9),
            "`{name}` finds a mean score of {score:?}, not of 0.5: it does another job"
        );
    }
    Ok(())
}

/// The median round, figure by figure.
fn summary(runs: &Value) -> Value {
    let median = |paths: [&str; 2]| {
        let runs = runs.as_array().into_iter().flatten();
        let mut found: Vec<f64> = runs
            .filter_map(|run| paths.iter().find_map(|path| run.pointer(path)))
            .filter_map(Value::as_f64)
            .collect();
        found.sort_by(f64::total_cmp);
        found.get(found.len() / 2).copied()
    };
    json!({
        "p50_us": median(["/latency_us/p50", ""]),
        "p99_us": median(["/latency_us/p99", ""]),
        "rate_1": median(["/rate_1_thread", "/rate_1_core"]),
        "rate_2": median(["/rate_2_threads", "/rate_2_cores"]),
        "speedup": median(["/speedup", ""]),
    })
}

/// The summary as a table for `docs/benchmarks/sandbox.md`.
fn print_table(summary: &Map<String, Value>) {
    println!("\n| Way | p50, µs | p99, µs | a second, 1 core | 2 cores |");
    println!("|---|---|---|---|---|");
    for (name, row) in summary {
        let figure = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "| {name} | {:.1} | {:.1} | {:.0} | {:.0} |",
            figure("p50_us"),
            figure("p99_us"),
            figure("rate_1"),
            figure("rate_2"),
        );
    }
    println!();
}

/// What the sandbox is meant to reach, and what it reached in this run.
fn targets(summary: &Map<String, Value>, live: &Value, starts: &Value) -> Value {
    let figure = |way: &str, key: &str| summary[way][key].as_f64().unwrap_or(f64::NAN);
    let fresh = |key: &str| figure("rlhost-fresh", key);
    let python = figure("python-subprocess", "rate_1");
    let memory = ["/pss_mib/after", "/page_tables_mib/after"]
        .map(|path| live.pointer(path).and_then(Value::as_f64))
        .into_iter()
        .sum::<Option<f64>>()
        .unwrap_or(f64::NAN);
    let start = starts["exact"]["p50"].as_f64().unwrap_or(f64::NAN);
    let row = |target: &str, found: f64, met: bool| {
        let word = if met { "met" } else { "not met" };
        println!("{target}: {found:.2}, {word}");
        json!({"target": target, "found": rounded(found), "met": met})
    };
    let times = fresh("rate_1") / python;
    json!([
        row("p50 under 12 µs", fresh("p50_us"), fresh("p50_us") < 12.0),
        row(
            "over 200,000 scores a second on 2 cores",
            fresh("rate_2"),
            fresh("rate_2") > 200_000.0
        ),
        row(
            "1.8 times as many on 2 cores as on 1",
            fresh("speedup"),
            fresh("speedup") >= 1.8
        ),
        row(
            "1,000 times the rate of fresh Python processes",
            times,
            times >= 1_000.0
        ),
        row(
            "10,000 live instances in 0.6 GiB (in MiB)",
            memory,
            memory <= 614.4
        ),
        row(
            "a process with one score within 30 ms",
            start,
            start <= 30.0
        ),
    ])
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_summary_is_the_median_of_each_figure() {
        let run = |p50: f64, rate: f64| json!({"latency_us": {"p50": p50}, "rate_1_core": rate});
        let found = summary(&json!([run(3.0, 10.0), run(1.0, 30.0), run(2.0, 20.0)]));
        assert_eq!(found["p50_us"], 2.0);
        assert_eq!(found["rate_1"], 20.0);
        assert!(found["rate_2"].is_null());
    }

    #[test]
    fn ways_that_disagree_are_named() {
        let ways = |score: f64| {
            let ways = json!({"a": [{"mean_score": 0.5}], "b": [{"mean_score": score}]});
            ways.as_object().unwrap().clone()
        };
        assert!(check_scores(&ways(0.5)).is_ok());
        let error = check_scores(&ways(0.25)).unwrap_err();
        assert!(error.to_string().contains("`b`"), "{error}");
    }
}
