//! What the fuel of plugins buys: `cargo run --example bench_fuel -- FOLDER ROUNDS`.
//!
//! Scores one sample with every component of a folder, on one thread, in a fresh sandbox each time. The components
//! take turns, round by round. Prints one JSON object: for each component its fuel, the least time of a score in
//! nanoseconds, and the outcome. The time is the thread's on a processor, so that a machine which does other
//! things as well makes it no longer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rlhost_host::{Host, Sample, Scorer};
use serde_json::{Map, json};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(rounds)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bench_fuel FOLDER ROUNDS".into());
    };
    let rounds: u32 = rounds.parse()?;
    let host = Host::builder().threads(1).cache(None).build()?;
    let limits = host.limits();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let mut scorers = Vec::new();
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let plugin = host
            .load(file)
            .map_err(|error| format!("{name}: {error}"))?;
        scorers.push((
            name.into_owned(),
            Scorer::new(&plugin, &Map::new(), limits)?,
        ));
    }
    let samples = [Sample::single("", "null")];
    let mut found = BTreeMap::new();
    for _ in 0..rounds {
        for (name, scorer) in &scorers {
            let (time, scored) = host.install(|| {
                let start = processor_time();
                let scored = scorer.score(&samples).swap_remove(0);
                (processor_time().saturating_sub(start), scored)
            });
            let least = found
                .entry(name)
                .or_insert((time, scored.fuel, scored.outcome));
            least.0 = least.0.min(time);
        }
    }
    let rows: Map<_, _> = found
        .into_iter()
        .map(|(name, (time, fuel, outcome))| {
            let row = json!({"ns": time.as_nanos() as u64, "fuel": fuel, "outcome": outcome});
            (name.clone(), row)
        })
        .collect();
    println!("{}", json!(rows));
    Ok(())
}

/// How long this thread ran on a processor.
#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Elsewhere than on Unix, the time of day stands for it.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
}
