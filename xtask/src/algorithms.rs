//! `cargo xtask algorithms`: trains the quickstart with every preset, and puts the accuracies beside each
//! other: `docs/benchmarks/algorithms.md`, a picture of all curves, and the raw figures.
//!
//! All runs start from the cold start that `cargo xtask demo` leaves in `runs/quickstart-sft`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::algorithms_plot::{self, Panel};
use crate::project::Project;
use crate::{bench, guests, process};

/// Where every run starts.
const START: &str = "runs/quickstart-sft";
/// The training data with the texts that some algorithms learn from.
const TARGETS: &str = "data/quickstart/train-targets.jsonl";
const RUNS: &str = "runs/algorithms";
const PAGE: &str = "docs/benchmarks/algorithms.md";
const PICTURE: &str = "docs/benchmarks/algorithms.svg";
/// The lines of the page between which the table stands.
const BEGIN: &str = "<!-- table -->";
const END: &str = "<!-- end of table -->";

/// What all runs have in common beside the quickstart's configuration: two updates a step, so that ratios
/// move.
const COMMON: &[&str] = &[
    "actor.ppo_mini_batch_size=8",
    "actor.optim.lr=1e-4",
    "actor.optim.lr_warmup_steps=10",
    "trainer.save_freq=-1",
    "data.max_response_length=16",
];
/// What single presets have beside that: a critic as fast as so few steps ask for, and one update a step
/// for the one that is on-policy.
const OF_PRESET: &[(&str, &[&str])] = &[
    ("ppo", &["critic.optim.lr=3e-4", "trainer.critic_warmup=10"]),
    ("opo", &["actor.ppo_mini_batch_size=16"]),
];

/// Options of `cargo xtask algorithms`.
#[derive(clap::Args)]
pub struct Options {
    /// Steps of each run
    #[arg(long, default_value_t = 200)]
    steps: u64,
    /// Only these presets; the table keeps the others' rows
    #[arg(value_name = "PRESET")]
    presets: Vec<String>,
    /// Name of the machine in the results' file names
    #[arg(long, default_value = "local")]
    name: String,
}

/// Trains, and writes table, picture and raw figures.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    guests::build_all(project)?;
    process::run(project.cargo().args(["build", "--workspace", "--bins"]))?;
    ensure!(
        project.root.join(START).is_dir(),
        "{START} is missing: `cargo xtask demo` makes it"
    );
    write_targets(project)?;
    let all = presets(project)?;
    for name in &options.presets {
        ensure!(
            all.contains(name),
            "there is no preset {name}; there are: {}",
            all.join(", ")
        );
    }
    let date = process::output(Command::new("date").args(["-u", "+%F"])).context("no date")?;
    let raw = project.root.join(format!(
        "docs/benchmarks/raw/{date}-algorithms-{}.json",
        options.name
    ));
    let mut results = match fs::read_to_string(&raw) {
        Ok(text) if !options.presets.is_empty() => serde_json::from_str(&text)?,
        _ => {
            json!({ "date": date, "steps": options.steps, "machine": bench::machine(), "runs": {} })
        }
    };
    for name in &all {
        if options.presets.is_empty() || options.presets.contains(name) {
            results["runs"][name] = train(project, name, options.steps)?;
            // What is done is kept, whatever becomes of the rest.
            guests::replace(&raw, format!("{results:#}\n").as_bytes())?;
        }
    }
    let rows: Vec<(&String, &Value)> = all
        .iter()
        .map(|name| (name, &results["runs"][name]))
        .filter(|(_, run)| run.is_object())
        .collect();
    write_table(&project.root.join(PAGE), &rows)?;
    let panels: Vec<Panel> = rows
        .iter()
        .map(|(name, run)| Panel {
            title: (*name).clone(),
            curve: points(&run["accuracy"]),
        })
        .collect();
    let svg = algorithms_plot::draw(&panels)?;
    guests::replace(&project.root.join(PICTURE), svg.as_bytes())?;
    println!("{PAGE}\n{PICTURE}\n{}", raw.display());
    Ok(())
}

/// The presets, as the command lists them.
fn presets(project: &Project) -> Result<Vec<String>> {
    let listed = process::output(project.rlhost().arg("algorithms"))
        .context("`rlhost algorithms` failed")?;
    let (_, listed) = listed.split_once("\n\n").context("no presets")?;
    Ok(listed
        .split("\n\n")
        .filter(|block| block.contains("\n    "))
        .filter_map(|block| Some(block.split_once(": ")?.0.to_owned()))
        .collect())
}

/// The training data with a solution for each pair of digits.
fn write_targets(project: &Project) -> Result<()> {
    let source = project.root.join("data/quickstart/train.jsonl");
    let text = fs::read_to_string(&source)
        .with_context(|| format!("{} is missing: `cargo xtask demo`", source.display()))?;
    let mut lines = String::new();
    for line in text.lines() {
        let mut row: Value = serde_json::from_str(line)?;
        let [a, b] = [0, 1].map(|at| row["digits"][at].as_u64());
        let (a, b) = (a.context("no digits")?, b.context("no digits")?);
        row["target"] = format!("<think>{a}+{b}</think><answer>{}</answer>", a + b).into();
        writeln!(lines, "{row}")?;
    }
    guests::replace(&project.root.join(TARGETS), lines.as_bytes())
}

/// Trains one preset and returns its figures.
fn train(project: &Project, name: &str, steps: u64) -> Result<Value> {
    println!("== {name}");
    let folder = project.root.join(RUNS).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let own = OF_PRESET.iter().filter(|(preset, _)| *preset == name);
    let start = Instant::now();
    process::run(
        project
            .rlhost()
            .args(["train", "configs/quickstart.toml", "--reward", "math"])
            .args([
                format!("algorithm.preset={name}"),
                format!("trainer.experiment_name={name}"),
                format!("trainer.outputs_dir={RUNS}"),
                format!("trainer.max_steps={steps}"),
                format!("trainer.val_freq={}", (steps / 10).max(1)),
                format!("data.train_files={TARGETS}"),
                format!("actor.model.model_path={START}"),
            ])
            .args(COMMON)
            .args(own.flat_map(|(_, overrides)| *overrides)),
    )?;
    let seconds = start.elapsed().as_secs_f64();
    let text = fs::read_to_string(folder.join("metrics.jsonl"))?;
    let rows: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let column = |name: &str| -> Vec<(u64, f64)> {
        let point = |row: &Value| Some((row["step"].as_u64()?, row[name].as_f64()?));
        rows.iter().filter_map(point).collect()
    };
    let mean = |name: &str| {
        let values = column(name);
        values.iter().map(|point| point.1).sum::<f64>() / values.len().max(1) as f64
    };
    let samples: f64 = column("reward/samples").iter().map(|point| point.1).sum();
    Ok(json!({
        "accuracy": column("val/accuracy"),
        "reward": column("reward/score"),
        "steps": steps,
        "seconds": seconds,
        "samples": samples,
        "skipped_updates": mean("actor/skipped_updates"),
        "entropy_at_end": column("actor/entropy_loss").last().map(|point| point.1),
    }))
}

fn points(curve: &Value) -> Vec<(f64, f64)> {
    let rows = curve.as_array().into_iter().flatten();
    rows.filter_map(|point| Some((point[0].as_f64()?, point[1].as_f64()?)))
        .collect()
}

/// Writes the table between its two marks on the page.
fn write_table(page: &Path, rows: &[(&String, &Value)]) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("{}", page.display()))?;
    let (before, rest) = text
        .split_once(BEGIN)
        .with_context(|| format!("{} has no line {BEGIN}", page.display()))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("{} has no line {END}", page.display()))?;
    let mut table = String::from(
        "\n| Preset | Accuracy before | after | best | Steps | Samples | Seconds |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (name, run) in rows {
        let accuracy = points(&run["accuracy"]);
        let (Some(first), Some(last)) = (accuracy.first(), accuracy.last()) else {
            continue;
        };
        let best = accuracy.iter().map(|point| point.1).fold(0.0, f64::max);
        let of = |key: &str| run[key].as_f64().unwrap_or(f64::NAN);
        writeln!(
            table,
            "| `{name}` | {:.3} | {:.3} | {best:.3} | {} | {} | {:.0} |",
            first.1,
            last.1,
            of("steps"),
            of("samples"),
            of("seconds"),
        )?;
    }
    guests::replace(
        page,
        format!("{before}{BEGIN}{table}{END}{after}").as_bytes(),
    )
}
