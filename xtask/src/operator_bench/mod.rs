//! What a unit of fuel buys: the time of every operator that the sandbox's engine takes, and of other ways to buy
//! much time for little fuel, beside a plain loop.
//!
//! Each is a reward plugin of its own, scored in a fresh sandbox as any plugin is. The figures are written to
//! `docs/benchmarks/operators.md`; `host/src/costs.rs` has the costs that follow from them.

mod guest;
mod operators;
mod programs;
mod special;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::project::Project;
use crate::{guests, peers};

use operators::Snippet;

/// Rounds of an operator's plugin: some 400,000 repetitions.
const ROUNDS: u32 = 2_000;
/// How many times as dear as the plain loop an operator may be.
const MOST: f64 = 3.0;
/// Rows that the page shows.
const SHOWN: usize = 40;

/// Makes the plugins and measures them.
pub(crate) fn run(project: &Project, rounds: u32) -> Result<Value> {
    let folder = project.target.join("bench/operators");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let wit = project.root.join("wit");
    let make = |name: &str, snippet: &Snippet, rounds: u32| -> Result<()> {
        let bytes = guest::component(&guest::module(snippet, rounds), &wit)
            .with_context(|| name.to_owned())?;
        fs::write(folder.join(format!("{name}.wasm")), bytes)?;
        Ok(())
    };
    let mut names = Vec::new();
    for operator in operators::enabled() {
        if let Some(snippet) = operators::snippet(&operator) {
            // What is no code at all needs more rounds, or starting the plugin is most of the time.
            let rounds = match operator.text.as_str() {
                "nop" | "block" | "end" => 200 * ROUNDS,
                _ => ROUNDS,
            };
            make(&operator.text, &snippet, rounds)?;
            names.push(operator.text);
        }
    }
    for program in programs::all() {
        let rounds = match program.rounds {
            0 => ROUNDS,
            rounds => rounds,
        };
        make(&program.name, &program.snippet, rounds)?;
    }
    let found = peers::result(
        Command::new(project.target.join("debug/examples/bench_fuel"))
            .arg(&folder)
            .arg(rounds.to_string()),
    )?;
    summary(&found, &names)
}

/// What a unit of fuel buys in each plugin, in nanoseconds and in plain loops.
fn summary(found: &Value, operators: &[String]) -> Result<Value> {
    let found = found.as_object().context("no rows")?;
    let per_fuel = |row: &Value| Some(row["ns"].as_f64()? / row["fuel"].as_f64()?);
    let plain = found.get(programs::PLAIN).and_then(per_fuel);
    let plain = plain.context("no plain loop")?;
    let rows = |of_operators: bool| -> Result<Map<String, Value>> {
        let mut rows = Map::new();
        for (name, row) in found {
            if operators.contains(name) != of_operators {
                continue;
            }
            let expected = match name.as_str() {
                programs::PLAIN => "budget-exhausted",
                _ => "score",
            };
            ensure!(row["outcome"] == expected, "{name}: {}", row["outcome"]);
            let ns = per_fuel(row).context("no figures")?;
            let hundredth = |value: f64| (value * 100.0).round() / 100.0;
            rows.insert(
                name.clone(),
                json!({"ns_per_fuel": hundredth(ns), "times_plain": hundredth(ns / plain), "fuel": row["fuel"]}),
            );
        }
        Ok(rows)
    };
    let (operators, programs) = (rows(true)?, rows(false)?);
    for (name, row) in by_cost(&operators).iter().take(SHOWN) {
        println!(
            "{:<28} {:>8} {:>8}",
            name, row["ns_per_fuel"], row["times_plain"]
        );
    }
    for (name, row) in by_cost(&programs) {
        println!(
            "{name:<48} {:>8} {:>8}",
            row["ns_per_fuel"], row["times_plain"]
        );
    }
    Ok(json!({"plain_ns_per_fuel": plain, "operators": operators, "programs": programs}))
}

/// Rows, the dearest first.
fn by_cost(rows: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut rows: Vec<_> = rows.iter().collect();
    let cost = |row: &Value| row["times_plain"].as_f64().unwrap_or(f64::NAN);
    rows.sort_by(|a, b| cost(b.1).total_cmp(&cost(a.1)));
    rows
}

/// Writes the page of a run's results.
pub(crate) fn write(project: &Project, result: &Value, raw: &Path) -> Result<()> {
    let raw = raw.file_name().context("no file")?.to_string_lossy();
    let found = &result["operators"];
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let rows = |kind: &str| found[kind].as_object().cloned().unwrap_or_default();
    let (operators, programs) = (rows("operators"), rows("programs"));
    let over: Vec<_> = by_cost(&operators)
        .into_iter()
        .filter(|(_, row)| row["times_plain"].as_f64().is_none_or(|times| times > MOST))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let verdict = match over.as_slice() {
        [] => format!("None of them is dearer than {MOST:.0} plain loops."),
        over => format!("Dearer than {MOST:.0} plain loops: {}.", over.join(", ")),
    };
    let mut out = String::new();
    writeln!(
        out,
        "# What a unit of fuel buys\n\n\
         Written by `cargo xtask bench --only operators` ([how](README.md#how-figures-are-taken)). {}, {} cores ({}), the profile `dev`\n\
         (optimised). Raw: [{raw}](raw/{raw}).\n\n\
         Fuel bounds the time of a call only as far as a unit of it buys about the same time whatever it is spent on. Each operator that the\n\
         engine takes stands {} times and more in a loop of a plugin of its own, where possible on the result of the one before; the processor time\n\
         of a score is divided by its fuel, operands and all; the least of all rounds counts. The plain loop, which is empty, takes {:.2} ns for a\n\
         unit. {verdict} The costs are in `host/src/costs.rs`.\n",
        text(&result["date"]),
        result["machine"]["cores"],
        text(&result["machine"]["cpu"]),
        guest::REPEATED,
        found["plain_ns_per_fuel"].as_f64().unwrap_or(f64::NAN),
    )?;
    let table = |out: &mut String, title: &str, rows: &[(&String, &Value)]| -> Result<()> {
        writeln!(
            out,
            "| {title} | ns for a unit of fuel | plain loops |\n|---|---|---|"
        )?;
        for (name, row) in rows {
            writeln!(
                out,
                "| {name} | {:.2} | {:.2} |",
                row["ns_per_fuel"].as_f64().unwrap_or(f64::NAN),
                row["times_plain"].as_f64().unwrap_or(f64::NAN),
            )?;
        }
        Ok(())
    };
    writeln!(
        out,
        "## The dearest {SHOWN} of {} operators\n",
        operators.len()
    )?;
    let sorted = by_cost(&operators);
    table(&mut out, "Operator", &sorted[..SHOWN.min(sorted.len())])?;
    writeln!(
        out,
        "\nNot measured: {}. Operators of other proposals are refused at load.\n\n\
         ## Other ways to buy time\n\n\
         What a program does with its operators can be dearer than any of them alone.\n",
        operators::NOT_MEASURED
            .map(|(name, why)| format!("`{name}` ({why})"))
            .join(", ")
    )?;
    table(&mut out, "Program", &by_cost(&programs))?;
    let page = project.root.join("docs/benchmarks/operators.md");
    guests::replace(&page, out.as_bytes())
}
