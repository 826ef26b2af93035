//! Rewards in Python with packages, mathruler and Math-Verify, beside the verifier `math`: size, build, time, fuel.
//!
//! The components judge the same pairs in turn, each in a fresh sandbox. A run fails where a score is not the one that `CPython` has. The figures
//! are written to `docs/benchmarks/packages.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::algorithm_bench::Server;
use crate::project::Project;
use crate::{guests, process};

/// File, function, and whose reward it is in the manner of.
const REWARDS: [(&str, &str, &str); 4] = [
    ("geo3k", "compute_score", "veRL, Geometry3K: mathruler"),
    ("easyr1_math", "compute_score", "EasyR1, math: mathruler"),
    (
        "trl_accuracy",
        "accuracy_reward",
        "TRL, accuracy: Math-Verify",
    ),
    (
        "openr1_accuracy",
        "accuracy_reward",
        "open-r1, accuracy: Math-Verify",
    ),
];
/// The rewards, the pairs and what `CPython` scores.
const FOLDER: &str = "tests/fixtures/rewards/maths";
/// So many pairs a component judges before it is the next one's turn.
const TURN: usize = 32;

/// A component, and what was found.
struct Judge {
    name: String,
    what: String,
    component: PathBuf,
    build: Option<f64>,
    cases: PathBuf,
    /// What `CPython` scores; nothing for `math`.
    expected: Vec<Option<f64>>,
    times: Vec<f64>,
    /// Of each pair.
    fuel: Vec<u64>,
    agree: usize,
}

/// Builds and times all of them.
pub(crate) fn run(project: &Project, rounds: u32) -> Result<Value> {
    guests::build_named(project, &["math"])?;
    let folder = project.target.join("bench/packages");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let text = fs::read_to_string(project.root.join(FOLDER).join("pairs.jsonl"))?;
    let pairs = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Value>, _>>()?;
    let mut judges = vec![Judge::math(project, &folder, &pairs)?];
    for (file, function, what) in REWARDS {
        println!("packages: building {file}");
        judges.push(Judge::make(project, &folder, &pairs, file, function, what)?);
    }
    let mut servers = Vec::new();
    for judge in &judges {
        servers.push(Server::start(
            "the example bench_cases",
            Command::new(project.target.join("debug/examples/bench_cases"))
                .arg(&judge.component)
                .arg(&judge.cases)
                .env("RLHOST_CACHE_DIR", project.target.join("bench/cache")),
        )?);
    }
    // A first round that doesn't count: code is compiled and pages are read.
    for round in 0..=rounds {
        println!("packages: round {round} of {rounds}");
        for first in (0..pairs.len()).step_by(TURN) {
            let last = (first + TURN).min(pairs.len());
            for (judge, server) in judges.iter_mut().zip(&mut servers) {
                judge.take(&server.ask(&format!("{first} {last}"))?, first, round)?;
            }
        }
    }
    let rows: Vec<Value> = judges.iter().map(Judge::row).collect();
    Ok(json!({"pairs": pairs.len(), "rounds": rounds, "rewards": rows}))
}

impl Judge {
    fn math(project: &Project, folder: &Path, pairs: &[Value]) -> Result<Self> {
        Ok(Self {
            name: "math".to_owned(),
            what: "rlhost's own, in Rust".to_owned(),
            component: project.guests().join("math.wasm"),
            build: None,
            cases: cases(folder, "math", pairs, false)?,
            expected: Vec::new(),
            times: Vec::new(),
            fuel: Vec::new(),
            agree: 0,
        })
    }

    fn make(
        project: &Project,
        folder: &Path,
        pairs: &[Value],
        file: &str,
        function: &str,
        what: &str,
    ) -> Result<Self> {
        let name = file.replace('_', "-");
        let path = project.root.join(FOLDER).join(format!("{file}.py"));
        let rlhost = |arguments: &[&str]| {
            let mut command = project.rlhost();
            command.current_dir(folder).args(arguments);
            command
        };
        let function = format!("{}:{function}", path.display());
        process::run(&mut rlhost(&["plugin", "new", "--from-python", &function]))?;
        let start = Instant::now();
        process::run(&mut rlhost(&["plugin", "build", &name]))?;
        let expected = pairs.iter().map(|pair| {
            let found = &pair["cpython"][file];
            found.as_f64().or_else(|| found["overall"].as_f64())
        });
        Ok(Self {
            component: folder.join(format!("{name}/target/guests/{name}.wasm")),
            build: Some(start.elapsed().as_secs_f64()),
            cases: cases(folder, &name, pairs, function.ends_with("accuracy_reward"))?,
            name: file.to_owned(),
            what: what.to_owned(),
            expected: expected.collect(),
            times: Vec::new(),
            fuel: Vec::new(),
            agree: 0,
        })
    }

    /// Notes `[score, microseconds, fuel]` of pairs.
    fn take(&mut self, answers: &Value, first: usize, round: u32) -> Result<()> {
        for (index, answer) in answers.as_array().into_iter().flatten().enumerate() {
            if round > 0 {
                self.times.extend(answer[1].as_f64());
                continue;
            }
            self.fuel.extend(answer[2].as_u64());
            if let Some(expected) = self.expected.get(first + index) {
                ensure!(
                    answer[0].as_f64() == *expected,
                    "{}: pair {} has {}, and CPython {expected:?}",
                    self.name,
                    first + index + 1,
                    answer[0]
                );
                self.agree += 1;
            }
        }
        Ok(())
    }

    fn row(&self) -> Value {
        let sorted = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            values
        };
        let times = sorted(&self.times);
        let mut fuel = self.fuel.clone();
        fuel.sort_unstable();
        let at = |p: usize| times[(times.len() * p / 100).min(times.len() - 1)];
        let mean = times.iter().sum::<f64>() / f64::from(u32::try_from(times.len()).unwrap_or(1));
        json!({
            "reward": self.name,
            "what": self.what,
            "bytes": fs::metadata(&self.component).map_or(0, |it| it.len()),
            "build_s": self.build.map(|it| (it * 10.0).round() / 10.0),
            "agree_with_cpython": self.agree,
            "scores": times.len(),
            "p50_us": at(50),
            "p99_us": at(99),
            "mean_us": (mean * 10.0).round() / 10.0,
            "fuel_p50": fuel.get(fuel.len() / 2),
            "fuel_most": fuel.last(),
        })
    }
}

/// The pairs as golden cases; of the frameworks whose solutions are formulas, these.
fn cases(folder: &Path, name: &str, pairs: &[Value], solutions: bool) -> Result<PathBuf> {
    let path = folder.join(format!("{name}.jsonl"));
    let mut text = String::new();
    for pair in pairs {
        let answer = &pair[if solutions { "solution" } else { "answer" }];
        let row = json!({"response": pair["response"], "answer": answer, "expect": {"score": 0}});
        writeln!(text, "{row}")?;
    }
    fs::write(&path, text)?;
    Ok(path)
}

/// Writes the page of a run's results.
pub(crate) fn write(project: &Project, result: &Value, raw: &Path) -> Result<()> {
    let raw = raw
        .file_name()
        .context("no file")?
        .to_string_lossy()
        .into_owned();
    let found = &result["packages"];
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let rows = found["rewards"].as_array().cloned().unwrap_or_default();
    let figure = |row: &Value, key: &str| row[key].as_f64().unwrap_or(f64::NAN);
    let base = rows
        .first()
        .map_or(f64::NAN, |math| figure(math, "mean_us"));
    let mut out = String::new();
    writeln!(
        out,
        "# Rewards in Python with sympy, beside `math`\n\n\
         Written by `cargo xtask bench --only packages` ([how](README.md#how-figures-are-taken)). {}, {} cores ({}), the profile `dev`\n\
         (optimised); load of the machine before and after, over 1, 5 and 15 minutes: {} and {}. Raw: [{raw}](raw/{raw}).\n\n\
         The rewards are in the manner of four published ones, wrapped by `rlhost plugin new --from-python` without a change. All judge the same {} pairs,\n\
         each in a fresh sandbox with its receipt, on one thread, in turns of {TURN}. Every score of the four is the one that CPython has with the\n\
         same packages.\n",
        text(&result["date"]),
        result["machine"]["cores"],
        text(&result["machine"]["cpu"]),
        text(&result["machine"]["load"]),
        text(&result["load_after"]),
        found["pairs"],
    )?;
    out.push_str(
        "| Reward | As CPython | Component, MiB | Build, s | p50, ms | p99, ms | Mean, ms | Times `math` | Fuel, median | most |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in &rows {
        let agree = match row["build_s"].as_f64() {
            Some(_) => format!("{} of {}", row["agree_with_cpython"], found["pairs"]),
            None => "–".to_owned(),
        };
        writeln!(
            out,
            "| {} ({}) | {agree} | {:.1} | {} | {:.2} | {:.2} | {:.2} | {:.0} | {} | {} |",
            text(&row["reward"]),
            text(&row["what"]),
            figure(row, "bytes") / f64::from(1 << 20),
            row["build_s"]
                .as_f64()
                .map_or_else(|| "–".to_owned(), |it| format!("{it:.0}")),
            figure(row, "p50_us") / 1e3,
            figure(row, "p99_us") / 1e3,
            figure(row, "mean_us") / 1e3,
            figure(row, "mean_us") / base,
            row["fuel_p50"],
            row["fuel_most"],
        )?;
    }
    out.push_str(
        "\nA build fetches the packages (in pip's cache after the first), loads them into the interpreter, and compiles the component to native code.\n\
         The time of a score is that of the packages' own Python: each response meets the interpreter as it was when the plugin was built, with patterns\n\
         and tables made (`[python] warm`), and with nothing of earlier responses.\n",
    );
    guests::replace(
        &project.root.join("docs/benchmarks/packages.md"),
        out.as_bytes(),
    )
}
