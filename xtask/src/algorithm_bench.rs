//! What the algorithms' arithmetic costs, beside `NumPy` doing the same, in one run.
//!
//! `tests/peers/algorithms.py` makes random batches; it and the example `bench_algorithms` of
//! `rlhost-trainer` live through the run and do one call at a time, in turn, so that a machine that
//! slows down slows both. Before anything is timed, both must find the same numbers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::project::Project;
use crate::{peers, process};

/// The batches: all rows of full length, and rows of any length up to that.
const BATCHES: [&str; 2] = ["full", "ragged"];

/// The largest relative difference between the two.
const TOLERANCE: f64 = 1e-9;

/// Calls of each way in a round, of which the least counts.
const CALLS: usize = 3;

/// Measures everything; the raw results with a summary.
pub(crate) fn run(project: &Project, rounds: u32) -> Result<Value> {
    let folder = project.target.join("bench");
    let python = peers::environment(&folder)?;
    let folder = folder.join("algorithms");
    let script = project.root.join("tests/peers/algorithms.py");
    let peer = |task: &str, folder: &Path| {
        let mut command = Command::new(&python);
        command.arg(&script).arg(task).arg(folder);
        command
    };
    process::run(&mut peer("make", &folder))?;
    let mut batches = Map::new();
    for name in BATCHES {
        let batch = folder.join(name);
        let ours = |threads: usize| {
            let mut command = Command::new(project.target.join("debug/examples/bench_algorithms"));
            command
                .arg(&batch)
                .env("RAYON_NUM_THREADS", threads.to_string());
            Server::start("ours", &mut command)
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut ways = Ways {
            one: ours(1)?,
            all: ours(threads)?,
            numpy: Server::start("NumPy", &mut peer("serve", &batch))?,
        };
        println!("{name}");
        batches.insert(
            name.to_owned(),
            json!({"threads": threads, "cases": ways.run(rounds)?}),
        );
    }
    println!();
    for (name, found) in &batches {
        print_table(name, found);
    }
    Ok(json!({"versions": peers::versions(&python), "batches": batches}))
}

/// The programs that take turns.
struct Ways {
    one: Server,
    all: Server,
    numpy: Server,
}

impl Ways {
    fn run(&mut self, rounds: u32) -> Result<Value> {
        let names = |server: &mut Server| -> Result<Vec<String>> {
            let mut names: Vec<String> = serde_json::from_value(server.ask("cases")?)?;
            names.sort();
            Ok(names)
        };
        let cases = names(&mut self.one)?;
        ensure!(
            cases == names(&mut self.numpy)?,
            "tests/peers/algorithms.py lacks some of {cases:?}, or has others"
        );
        let mut found = Map::new();
        for case in cases {
            println!("  {case}");
            let difference = self.compare(&case)?;
            let [mut one, mut all, mut numpy] = [const { Vec::new() }; 3];
            for _ in 0..rounds {
                one.push(self.one.time(&case)?);
                numpy.push(self.numpy.time(&case)?);
                all.push(self.all.time(&case)?);
            }
            let row = json!({
                "difference": difference,
                "ours_us": summary(one),
                "ours_all_threads_us": summary(all),
                "numpy_us": summary(numpy),
            });
            found.insert(case, row);
        }
        Ok(Value::Object(found))
    }

    /// Fails unless all find the same.
    fn compare(&mut self, case: &str) -> Result<Value> {
        let scalars = self.numpy.ask(&format!("results {case}"))?;
        let question = format!("compare {case} {scalars}");
        let difference = self.one.ask(&question)?;
        for found in [&difference, &self.all.ask(&question)?] {
            let close = |key: &str| found[key].as_f64().is_some_and(|x| x <= TOLERANCE);
            ensure!(
                close("scalars") && close("arrays"),
                "`{case}`: ours and NumPy's numbers differ: {found}"
            );
        }
        Ok(difference)
    }
}

/// A program that answers questions, one line each.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let mut child = command
            // NumPy's linear algebra isn't used, but would start threads.
            .env("OPENBLAS_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", process::shown(command)))?;
        let answers = child.stdout.take().context("no pipe")?;
        Ok(Self {
            name,
            questions: child.stdin.take(),
            answers: BufReader::new(answers),
            child,
        })
    }

    pub(crate) fn ask(&mut self, question: &str) -> Result<Value> {
        let pipe = self.questions.as_mut().context("the pipe is closed")?;
        writeln!(pipe, "{question}")?;
        pipe.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        serde_json::from_str(&answer)
            .with_context(|| format!("{} has no answer to `{question}`", self.name))
    }

    /// Microseconds of the quickest of a few calls.
    fn time(&mut self, case: &str) -> Result<f64> {
        let mut least = f64::INFINITY;
        for _ in 0..CALLS {
            let answer = self.ask(&format!("time {case}"))?;
            least = least.min(answer.as_f64().context("no number")?);
        }
        Ok(least)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends the program.
        self.questions = None;
        let _ = self.child.wait();
    }
}

/// Median and least of the rounds, and all of them.
fn summary(rounds: Vec<f64>) -> Value {
    let rounds: Vec<f64> = rounds.into_iter().map(f64::round).collect();
    let mut sorted = rounds.clone();
    sorted.sort_by(f64::total_cmp);
    json!({"median": sorted[sorted.len() / 2], "least": sorted[0], "rounds": rounds})
}

/// A table for `docs/benchmarks/arithmetic.md`.
fn print_table(name: &str, found: &Value) {
    println!("{name}: µs a call, median (least)\n");
    println!(
        "| What | ours, 1 thread | ours, {} threads | NumPy | NumPy / ours |",
        found["threads"]
    );
    println!("|---|---|---|---|---|");
    for (case, row) in found["cases"].as_object().into_iter().flatten() {
        let figure = |way: &str, key: &str| row[way][key].as_f64().unwrap_or(f64::NAN);
        let cell = |way: &str| format!("{} ({})", figure(way, "median"), figure(way, "least"));
        println!(
            "| {case} | {} | {} | {} | {:.1} |",
            cell("ours_us"),
            cell("ours_all_threads_us"),
            cell("numpy_us"),
            figure("numpy_us", "median") / figure("ours_us", "median"),
        );
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_median_and_least() {
        let found = summary(vec![30.2, 10.0, 20.0]);
        assert_eq!(found["median"], 20.0);
        assert_eq!(found["least"], 10.0);
        assert_eq!(found["rounds"], json!([30.0, 10.0, 20.0]));
    }
}
