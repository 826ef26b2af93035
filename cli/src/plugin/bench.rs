//! `rlhost plugin bench`: what a plugin's golden cases take of time, fuel and memory.

use super::given;
use crate::terminal::inline;
use crate::{allow, host, output, score};
use anyhow::{Result, bail};
use rlhost_host::golden::{self, Call};
use rlhost_host::{Measured, Plugin, Scorer};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// A plugin's source folder, a component's file, or a plugin's name
    #[arg(value_name = "FOLDER|FILE|NAME", default_value = ".")]
    what: String,
    /// Cases; by default the folder `cases` beside the plugin's source
    #[arg(long, value_name = "FILE|FOLDER")]
    cases: Option<PathBuf>,
    /// Only cases whose name or `FILE:LINE` contains this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// How often each call is made; by default 200 calls in all
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    times: Option<u32>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    allow: allow::Arguments,
    #[command(flatten)]
    limits: score::LimitArguments,
}

/// Calls that are made at the least, so that the 99th percentile is one of several.
const CALLS: usize = 200;

/// A call, and what it took each time.
struct Row {
    place: String,
    times: Vec<f64>,
    last: Measured,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let host = host::builder_on(Some(1))?;
    let host = arguments.limits.on(host).build()?;
    let plugin = given::load(&host, &arguments.what, &arguments.limits.settings())?;
    let path = given::cases(&arguments.what, &plugin, arguments.cases.as_deref())?;
    let mut cases = golden::read(&path)?;
    if let Some(text) = &arguments.filter {
        cases = golden::retain(cases, plugin.info().scope, text);
        if cases.is_empty() {
            bail!("{}: no case matches the filter `{text}`", path.display());
        }
    }
    let calls = golden::calls(plugin.info().scope, &cases)?;
    let grants = golden::grants(&plugin, &calls, &arguments.allow.grants(&host)?.log());
    let times = arguments.times.map_or_else(
        || CALLS.div_ceil(calls.len()),
        |times| usize::try_from(times).unwrap_or(usize::MAX),
    );
    let mut rows = Vec::new();
    for call in &calls {
        let params = &call.cases[0].params;
        let scorer = Scorer::with_grants(&plugin, params, plugin.limits(), grants.clone())?;
        rows.push(measure(&scorer, call, times));
    }
    let found = Found::of(&rows);
    if arguments.json {
        return output::json(&found.json(&plugin, times));
    }
    output::standard(|out| Ok(found.print(out, &plugin, times)?))
}

/// Makes a call so many times, and once before, which reads the component's pages.
fn measure(scorer: &Scorer, call: &Call<'_>, times: usize) -> Row {
    let mut last = scorer.measure_call(call);
    let times = (0..times)
        .map(|_| {
            last = scorer.measure_call(call);
            last.time.as_secs_f64() * 1e3
        })
        .collect();
    Row {
        place: call.cases[0].to_string(),
        times,
        last,
    }
}

/// The figures of all calls.
struct Found<'a> {
    rows: &'a [Row],
    /// Milliseconds of every call, in order.
    times: Vec<f64>,
    /// Fuel of each case's call, in order, and the calls' places.
    fuel: Vec<(u64, &'a str)>,
    memory: (u64, &'a str),
}

/// The value that a share of the values do not exceed.
fn percentile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (share * sorted.len() as f64).ceil().max(1.0);
    // It is no more than the length.
    sorted.get(rank as usize - 1).copied()
}

impl<'a> Found<'a> {
    fn of(rows: &'a [Row]) -> Self {
        let mut times: Vec<_> = rows.iter().flat_map(|row| row.times.clone()).collect();
        times.sort_by(f64::total_cmp);
        let mut fuel: Vec<_> = rows
            .iter()
            .map(|row| (row.last.fuel, row.place.as_str()))
            .collect();
        fuel.sort_unstable();
        let memory = rows.iter().map(|row| (row.last.memory, row.place.as_str()));
        Self {
            rows,
            times,
            fuel,
            memory: memory.max().unwrap_or_default(),
        }
    }

    /// Half of the calls, 99 of 100, and the slowest, in milliseconds.
    fn latency(&self) -> [f64; 3] {
        [0.5, 0.99, 1.0].map(|share| percentile(&self.times, share).unwrap_or_default())
    }

    fn fuel(&self) -> [u64; 4] {
        [0.0, 0.5, 0.99, 1.0].map(|share| percentile(&self.fuel, share).map_or(0, |(fuel, _)| fuel))
    }

    fn json(&self, plugin: &Plugin, times: usize) -> serde_json::Value {
        let ([p50, p99, max], [least, half, most, top]) = (self.latency(), self.fuel());
        let info = plugin.info();
        json!({
            "name": info.name,
            "version": info.version,
            "digest": plugin.digest(),
            "calls": self.rows.len(),
            "times": times,
            "latency_ms": {"p50": p50, "p99": p99, "max": max},
            "fuel": {"min": least, "p50": half, "p99": most, "max": top},
            "memory": self.memory.0,
        })
    }

    fn print(&self, out: &mut dyn Write, plugin: &Plugin, times: usize) -> io::Result<()> {
        let info = plugin.info();
        let path = inline(plugin.path().display());
        writeln!(out, "plugin {} {}, {path}", info.name, info.version)?;
        let calls = self.rows.len();
        writeln!(out, "{calls} calls, {times} times each, on one thread")?;
        writeln!(out)?;
        let [p50, p99, max] = self.latency();
        writeln!(
            out,
            "time    p50 {p50:.3} ms, p99 {p99:.3} ms, most {max:.3} ms"
        )?;
        let [least, half, most, top] = self.fuel();
        let dearest = self.fuel.last().map_or("", |(_, place)| place);
        writeln!(
            out,
            "fuel    least {least}, p50 {half}, p99 {most}, most {top} of {} ({})",
            plugin.limits().fuel,
            inline(dearest)
        )?;
        let (memory, place) = self.memory;
        // Numbers for people to read.
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        writeln!(
            out,
            "memory  most {:.1} MiB of {:.0} MiB ({})",
            mebibytes(memory),
            mebibytes(plugin.limits().memory),
            inline(place)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<u64> = (1..=200).collect();
        let found = [0.0, 0.5, 0.99, 1.0].map(|share| percentile(&values, share));
        assert_eq!(found, [Some(1), Some(100), Some(198), Some(200)]);
        assert_eq!(percentile(&[7], 0.99), Some(7));
        assert_eq!(percentile::<u64>(&[], 0.5), None);
    }
}
