//! Scores golden cases one by one on request: `cargo run --example bench_cases -- PLUGIN CASES`.
//!
//! Reads `FIRST LAST` (places of cases, counted from 0, the second not included) from its input, a line each, and
//! answers with a line of JSON: for each of these cases `[score, microseconds, fuel]`. Every score has a fresh
//! instance on the one guest thread, with a receipt, as in training. `cargo xtask bench` asks it in turn with
//! other programs.

use std::io::Write;
use std::time::Instant;

use rlhost_host::{Host, Scorer, golden};
use serde_json::{Map, Value, json};

/// The allocator of the `rlhost` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(plugin), Some(cases)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bench_cases PLUGIN CASES".into());
    };
    let cases = golden::read(cases)?;
    let host = Host::builder().threads(1).build()?;
    let plugin = host.load(plugin.as_str())?;
    let scorer = Scorer::new(&plugin, &Map::new(), plugin.limits())?;
    let stdout = std::io::stdout();
    for line in std::io::stdin().lines() {
        let line = line?;
        let (first, last) = line.split_once(' ').ok_or("a request is FIRST LAST")?;
        let (first, last): (usize, usize) = (first.parse()?, last.parse()?);
        let asked = cases
            .get(first..last)
            .ok_or("there are not so many cases")?;
        let found: Vec<Value> = host.install(|| {
            let one = |case: &golden::Case| {
                let start = Instant::now();
                let scored = scorer.score(std::slice::from_ref(&case.sample));
                let microseconds = start.elapsed().as_secs_f64() * 1e6;
                json!([
                    scored[0].total,
                    (microseconds * 10.0).round() / 10.0,
                    scored[0].fuel
                ])
            };
            asked.iter().map(one).collect()
        });
        let mut stdout = stdout.lock();
        writeln!(stdout, "{}", Value::Array(found))?;
        stdout.flush()?;
    }
    Ok(())
}
