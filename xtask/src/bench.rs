//! `cargo xtask bench`: measures the sandbox beside other ways to score, the verifiers beside Python, one verifier in every
//! language, what a unit of fuel buys, rewards in Python with packages, the algorithms' arithmetic beside `NumPy`, and the quickstart's run where there is one.
//!
//! Raw results go to `docs/benchmarks/raw/DATE-NAME.json`, with the machine they were taken on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::project::Project;
use crate::{
    algorithm_bench, guests, language_bench, math_bench, operator_bench, packages_bench, process,
    sandbox_bench, verifier_bench,
};

/// Steps at the start of a run that are not counted: caches and allocators warm up.
const WARM_UP: usize = 10;

/// A part of what can be measured.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Sandbox,
    Math,
    Languages,
    Operators,
    Packages,
    Verifiers,
    Algorithms,
    Training,
}

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Options {
    /// Name of the machine in the results' file names
    #[arg(long, default_value = "local")]
    name: String,
    /// Runs of each measurement
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Measure this part only
    #[arg(long)]
    only: Option<Part>,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

/// Measures and writes the raw results.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let on_guests = [Part::Sandbox, Part::Math, Part::Verifiers];
    if on_guests.iter().any(|part| options.wants(*part)) {
        guests::build_all(project)?;
    }
    // The others run the command, and examples of several crates.
    let programs: &[&str] = match options.only {
        Some(Part::Operators) => &["--example", "bench_fuel"],
        _ => &["--bins", "--examples"],
    };
    process::run(
        project
            .cargo()
            .args(["build", "--workspace"])
            .args(programs),
    )?;
    let before = machine();
    let measure = |part, measure: fn(&Project, u32) -> Result<Value>| {
        let wanted = options.wants(part);
        wanted.then(|| measure(project, options.rounds)).transpose()
    };
    let sandbox = measure(Part::Sandbox, sandbox_bench::run)?;
    let math = measure(Part::Math, math_bench::run)?;
    let languages = measure(Part::Languages, language_bench::run)?;
    let operators = measure(Part::Operators, operator_bench::run)?;
    let packages = measure(Part::Packages, packages_bench::run)?;
    let verifiers = measure(Part::Verifiers, verifier_bench::run)?;
    let algorithms = measure(Part::Algorithms, algorithm_bench::run)?;
    let timings = project.root.join("runs/quickstart/timings.jsonl");
    let training = if !options.wants(Part::Training) {
        None
    } else if timings.is_file() {
        let found = training(&timings)?;
        println!("quickstart {found:#}");
        Some(found)
    } else {
        println!("runs/quickstart is missing: `cargo xtask demo` first to measure training");
        None
    };
    let date = process::output(Command::new("date").args(["-u", "+%F"])).context("no date")?;
    let result = json!({
        "date": date,
        "machine": before,
        "load_after": load(),
        "commit": process::output(
            Command::new("git")
                .current_dir(&project.root)
                .args(["describe", "--always", "--dirty"]),
        ),
        "sandbox": sandbox,
        "math": math,
        "languages": languages,
        "operators": operators,
        "packages": packages,
        "verifiers": verifiers,
        "algorithms": algorithms,
        "training": training,
    });
    let folder = project.root.join("docs/benchmarks/raw");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{date}-{}.json", options.name));
    guests::replace(&path, format!("{result:#}\n").as_bytes())?;
    println!("{}", path.display());
    if !result["languages"].is_null() {
        language_bench::write(project, &result, &path)?;
    }
    if !result["operators"].is_null() {
        operator_bench::write(project, &result, &path)?;
    }
    if !result["packages"].is_null() {
        packages_bench::write(project, &result, &path)?;
    }
    if !result["math"].is_null() {
        math_bench::write(project, &result, &path)?;
    }
    Ok(())
}

/// Median, least and largest of every timing of a run.
fn training(timings: &Path) -> Result<Value> {
    let text = fs::read_to_string(timings)?;
    let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in text.lines().skip(WARM_UP) {
        let row: BTreeMap<String, f64> = serde_json::from_str(line)?;
        for (name, value) in row {
            columns.entry(name).or_default().push(value);
        }
    }
    ensure!(
        !columns.is_empty(),
        "{} has too few steps",
        timings.display()
    );
    columns.remove("step");
    let summary = columns.into_iter().map(|(name, mut values)| {
        values.sort_by(f64::total_cmp);
        let middle = values[values.len() / 2];
        let row = json!({
            "median": middle,
            "least": values.first(),
            "most": values.last(),
            "steps": values.len(),
        });
        (name, row)
    });
    Ok(Value::Object(summary.collect()))
}

/// What the figures were taken on.
pub(crate) fn machine() -> Value {
    let first = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
    };
    json!({
        "cpu": first("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": first("/proc/meminfo", "MemTotal"),
        "kernel": process::output(Command::new("uname").arg("-r")),
        "rustc": process::output(Command::new("rustc").arg("-V")),
        "load": load(),
    })
}

/// How many programs ran of late: figures of a busy machine are not to be trusted.
fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.trim().to_owned())
}
