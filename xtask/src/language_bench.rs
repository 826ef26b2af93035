//! The same small verifier in every language: what `rlhost plugin new` makes, built, tested on its golden cases, and timed.
//!
//! The components judge the same samples in turn, each in a fresh sandbox. The figures are written to
//! `docs/benchmarks/languages.md`.

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

/// Language, the file that an author edits, and the p50 of a score that is wanted, in microseconds.
const LANGUAGES: [(&str, &str, f64); 5] = [
    ("rust", "src/lib.rs", 12.0),
    ("c", "src/score.c", 12.0),
    ("go", "src/score.go", 200.0),
    ("javascript", "src/score.js", 150.0),
    ("python", "src/reward.py", 1300.0),
];
/// The verifier's name.
const NAME: &str = "contains-answer";
/// The golden cases, the same in every language.
const CASES: &str = "cli/templates/reward/cases/examples.jsonl";
/// So often a language's component judges all cases before it is the next one's turn.
const TURN: usize = 20;
/// Turns in a round.
const TURNS: usize = 15;

/// A language's plugin, and what was found.
struct Plugin {
    language: &'static str,
    wanted: f64,
    component: PathBuf,
    size: u64,
    first_build: f64,
    second_build: f64,
    passed: usize,
    times: Vec<f64>,
    /// Of each case.
    fuel: Vec<u64>,
}

/// Builds, tests and times all of them.
pub(crate) fn run(project: &Project, rounds: u32) -> Result<Value> {
    let folder = project.target.join("bench/languages");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut plugins = Vec::new();
    for (language, source, wanted) in LANGUAGES {
        println!("languages: building in {language}");
        plugins.push(Plugin::make(
            project,
            &folder.join(language),
            language,
            source,
            wanted,
        )?);
    }
    let cases = project.root.join(CASES);
    let count = fs::read_to_string(&cases)?.lines().count();
    let mut servers = Vec::new();
    for plugin in &plugins {
        servers.push(Server::start(
            "the example bench_cases",
            Command::new(project.target.join("debug/examples/bench_cases"))
                .arg(&plugin.component)
                .arg(&cases)
                .env("RLHOST_CACHE_DIR", project.target.join("bench/cache")),
        )?);
    }
    let question = format!("0 {count}");
    // A first round that doesn't count: caches and allocators warm up.
    for round in 0..=rounds {
        println!("languages: round {round} of {rounds}");
        for _ in 0..TURNS {
            for (plugin, server) in plugins.iter_mut().zip(&mut servers) {
                for _ in 0..TURN {
                    plugin.take(&server.ask(&question)?, round > 0)?;
                }
            }
        }
    }
    let rows: Vec<Value> = plugins.iter().map(Plugin::row).collect();
    Ok(json!({"cases": count, "verifier": NAME, "languages": rows}))
}

impl Plugin {
    fn make(
        project: &Project,
        folder: &Path,
        language: &'static str,
        source: &str,
        wanted: f64,
    ) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let rlhost = |arguments: &[&str]| {
            let mut command = project.rlhost();
            command.current_dir(folder).args(arguments);
            command
        };
        let timed = |command: &mut Command| {
            let start = Instant::now();
            process::run(command).map(|()| start.elapsed().as_secs_f64())
        };
        process::run(&mut rlhost(&["plugin", "new", NAME, "--lang", language]))?;
        let first_build = timed(&mut rlhost(&["plugin", "build", NAME]))?;
        let source = folder.join(NAME).join(source);
        let text = fs::read_to_string(&source).with_context(|| source.display().to_string())?;
        fs::write(&source, text + "\n")?;
        let second_build = timed(&mut rlhost(&["plugin", "build", NAME]))?;
        let tested = rlhost(&["plugin", "test", NAME, "--json"]).output()?;
        let passed = String::from_utf8(tested.stdout)?
            .lines()
            .filter(|line| line.contains("\"passed\":true"))
            .count();
        let component = folder.join(format!("{NAME}/target/guests/{NAME}.wasm"));
        Ok(Self {
            language,
            wanted,
            size: fs::metadata(&component)?.len(),
            component,
            first_build,
            second_build,
            passed,
            times: Vec::new(),
            fuel: Vec::new(),
        })
    }

    /// Notes `[score, microseconds, fuel]` of each case; the fuel has to be the same every time.
    fn take(&mut self, answers: &Value, counts: bool) -> Result<()> {
        let answers = answers.as_array().context("no list of answers")?;
        let fuel: Vec<u64> = answers.iter().filter_map(|one| one[2].as_u64()).collect();
        if self.fuel.is_empty() {
            self.fuel.clone_from(&fuel);
        }
        ensure!(
            fuel == self.fuel,
            "{}: other fuel for the same case",
            self.language
        );
        if counts {
            self.times
                .extend(answers.iter().filter_map(|one| one[1].as_f64()));
        }
        Ok(())
    }

    fn row(&self) -> Value {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        let at = |p: usize| times[(times.len() * p / 100).min(times.len() - 1)];
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        println!(
            "{:<10} p50 {:.1} µs, wanted under {:.0}",
            self.language,
            at(50),
            self.wanted
        );
        json!({
            "language": self.language,
            "bytes": self.size,
            "first_build_s": tenth(self.first_build),
            "second_build_s": tenth(self.second_build),
            "passed": self.passed,
            "scores": times.len(),
            "p50_us": at(50),
            "p99_us": at(99),
            "wanted_us": self.wanted,
            "fuel": self.fuel,
        })
    }
}

/// Writes the page of a run's results.
pub(crate) fn write(project: &Project, result: &Value, raw: &Path) -> Result<()> {
    let raw = raw
        .file_name()
        .context("no file")?
        .to_string_lossy()
        .into_owned();
    let found = &result["languages"];
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let mut out = String::new();
    writeln!(
        out,
        "# The same verifier in every language\n\n\
         Written by `cargo xtask bench --only languages` ([how](README.md#how-figures-are-taken)). {}, {} cores ({}), the profile `dev`\n\
         (optimised). Raw: [{raw}](raw/{raw}).\n\n\
         The verifier is what `rlhost plugin new` makes: 1 where the response contains the reference answer, with a parameter, a part and\n\
         three kinds of failure. Its {} golden cases are the same in every language. Each score has a fresh sandbox, with fuel, a limit of memory and a\n\
         receipt; the languages take turns. The fuel is that of the first case, and the same every time.\n",
        text(&result["date"]),
        result["machine"]["cores"],
        text(&result["machine"]["cpu"]),
        found["cases"],
    )?;
    out.push_str(
        "| Language | Cases passed | Component, KiB | First build, s | Build after an edit, s | p50, µs | p99, µs | Wanted p50, µs | | Fuel |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in found["languages"].as_array().into_iter().flatten() {
        let figure = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        let met = if figure("p50_us") < figure("wanted_us") {
            "met"
        } else {
            "not met"
        };
        writeln!(
            out,
            "| {} | {} of {} | {} | {} | {} | {:.1} | {:.1} | {:.0} | {met} | {} |",
            text(&row["language"]),
            row["passed"],
            found["cases"],
            row["bytes"].as_u64().unwrap_or(0) / 1024,
            row["first_build_s"],
            row["second_build_s"],
            figure("p50_us"),
            figure("p99_us"),
            figure("wanted_us"),
            row["fuel"][0],
        )?;
    }
    out.push_str(
        "\nA first build in Rust compiles the crate that speaks the contract; one in Go may compile Go's library. Compiling a component to native code is not in these times: it\n\
         happens once for each component and machine, and is cached.\n\n\
         Go's runtime is started and Python's libraries are linked when the plugin is built. What the second is worth: the Python component before and\n\
         after, in turn, has a p50 of 1,780 and of 1,037 µs (median of three; [raw](raw/2026-11-22-python-linked-epyc-2-cores.jsonl)). What is\n\
         left is page faults, three quarters of it: CPython counts references all over its memory.\n",
    );
    guests::replace(
        &project.root.join("docs/benchmarks/languages.md"),
        out.as_bytes(),
    )
}
