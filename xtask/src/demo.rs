//! `cargo xtask demo`: a small vision-language model learns to add handwritten digits.
//!
//! Random weights, a short cold start by imitation (`rlhost sft`), then reinforcement learning with
//! the reward of a sandboxed component (`rlhost train … --reward math`). The figures end up in
//! `runs/quickstart/summary.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::project::Project;
use crate::{guests, process, quickstart};

/// The folder of the demo's run, the one that is looked at afterwards.
const RUN: &str = "runs/quickstart";

/// Folders that the demo makes, and replaces when it runs again.
const RUNS: [&str; 3] = ["runs/quickstart-base", "runs/quickstart-sft", RUN];

/// What the whole demo shows at its standard seed, or it fails: accuracy at most this before, and at least that after.
const STANDARD_SEED: u64 = 1;
const MOST_BEFORE: f64 = 0.55;
const LEAST_AFTER: f64 = 0.80;

/// What makes the run short.
const SHORT: [&str; 1] = ["trainer.max_steps=60"];

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Options {
    /// A quick look: fewer steps, about a minute
    #[arg(long)]
    short: bool,
    /// Of the data, the first weights and all sampling
    #[arg(long, default_value_t = STANDARD_SEED)]
    seed: u64,
}

/// Runs all stages and prints what came of it.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let seed = options.seed;
    stage("Building guests and rlhost", || {
        guests::build_all(project)?;
        process::run(project.cargo().args(["build", "--workspace"]))
    })?;

    let data = project.root.join("data/quickstart");
    stage("Writing images of digits to data/quickstart", || {
        let digits = project.root.join("data/digits.csv.gz");
        quickstart::write(&digits, &data, seed, quickstart::Sizes::default()).map(drop)
    })?;

    for run in RUNS {
        let folder = project.root.join(run);
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot replace {}", folder.display()))?;
        }
    }
    let seed_text = seed.to_string();
    stage("A model with random weights", || {
        process::run(project.rlhost().args([
            "init",
            "configs/quickstart-model",
            "--seed",
            &seed_text,
            "--output",
            RUNS[0],
        ]))
    })?;

    let seeds = [format!("trainer.seed={seed}"), format!("data.seed={seed}")];
    let sft_seconds = stage("Cold start: imitating solved examples", || {
        let mut sft = project.rlhost();
        sft.args(["sft", "configs/quickstart-sft.toml"])
            .args(&seeds);
        process::run(&mut sft)
    })?;

    let rl_seconds = stage("Reinforcement learning: the reward is math.wasm", || {
        let mut train = project.rlhost();
        train
            .args(["train", "configs/quickstart.toml", "--reward", "math"])
            .args(&seeds);
        if options.short {
            train.args(SHORT);
        }
        process::run(&mut train)
    })?;

    let folder = project.root.join(RUN);
    let curve = Curve::read(&folder.join("metrics.jsonl"))?;
    let path = folder.join("summary.json");
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut summary: Value = serde_json::from_slice(&text)?;
    for (key, value) in [
        ("sft_seconds", json!(sft_seconds)),
        ("rl_seconds", json!(rl_seconds)),
        ("seed", json!(seed)),
    ] {
        summary[key] = value;
    }
    guests::replace(&path, format!("{summary:#}\n").as_bytes())?;

    println!("\nAccuracy on held-out images");
    println!("    before reinforcement learning   {:.3}", curve.before);
    println!(
        "    after {:>4} steps                {:.3}",
        curve.steps, curve.after
    );
    if let Some(plot) = plot(&folder) {
        println!("Curve         {}", plot.display());
    }
    println!("Figures       {}", path.display());
    let mut show = project.rlhost();
    show.args(["rollouts", "show", RUN, "--worst"]);
    println!("Rollouts      {}", process::shown(&show));
    if !options.short && seed == STANDARD_SEED {
        ensure!(
            curve.before <= MOST_BEFORE && curve.after >= LEAST_AFTER,
            "accuracy should rise from at most {MOST_BEFORE} to at least {LEAST_AFTER}"
        );
    }
    Ok(())
}

/// Announces a stage, and says and returns how many seconds it took.
fn stage(title: &str, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    println!("\n== {title}");
    let start = Instant::now();
    work().with_context(|| format!("the demo failed at: {title}"))?;
    let seconds = start.elapsed().as_secs_f64();
    println!("   {seconds:.1} s");
    Ok(seconds)
}

/// Accuracy on held-out images over the run.
#[derive(Debug, PartialEq)]
struct Curve {
    before: f64,
    after: f64,
    steps: u64,
}

impl Curve {
    /// Reads it from the rows of `metrics.jsonl` that have `val/accuracy`: the first evaluation is
    /// before any step, the last after all of them.
    fn read(metrics: &Path) -> Result<Self> {
        let text = fs::read_to_string(metrics)
            .with_context(|| format!("cannot read {}", metrics.display()))?;
        Self::parse(&text).with_context(|| format!("cannot use {}", metrics.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut evaluations = Vec::new();
        let mut steps = 0;
        for (index, line) in text.lines().enumerate() {
            let row: Value =
                serde_json::from_str(line).with_context(|| format!("line {}", index + 1))?;
            steps = steps.max(row["step"].as_u64().unwrap_or(0));
            evaluations.extend(row["val/accuracy"].as_f64());
        }
        let (Some(&before), Some(&after)) = (evaluations.first(), evaluations.last()) else {
            anyhow::bail!("no row has `val/accuracy`");
        };
        Ok(Self {
            before,
            after,
            steps,
        })
    }
}

/// The plot in the run's folder.
fn plot(run: &Path) -> Option<PathBuf> {
    let mut plots: Vec<_> = fs::read_dir(run)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "svg" || kind == "png")
        })
        .collect();
    plots.sort();
    plots.into_iter().next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_evaluation_is_before_and_the_last_after() {
        let metrics = r#"{"step":0,"val/accuracy":0.5}
{"step":1,"reward/mean":0.4}
{"step":10,"reward/mean":0.6,"val/accuracy":0.7}
{"step":20,"val/accuracy":0.9}
"#;
        let curve = Curve {
            before: 0.5,
            after: 0.9,
            steps: 20,
        };
        assert_eq!(Curve::parse(metrics).unwrap(), curve);
        assert!(Curve::parse("{\"step\":1}\n").is_err());
        let broken = Curve::parse("{\"step\":1}\n{").unwrap_err();
        assert_eq!(broken.to_string(), "line 2");
    }
}
