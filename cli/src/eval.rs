//! `rlhost eval`: what a model is worth on held-out prompts.

use crate::settings::split_overrides;
use crate::terminal::{inline, padded, widest};
use crate::{host, output, terminal};
use anyhow::{Context, Result, ensure};
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline::{self, Evaluation, Means};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    /// A run, with its data, rewards and lengths; or a model folder
    #[arg(value_name = "RUN|MODEL")]
    subject: Option<String>,
    /// Overrides of keys, such as `data.max_response_length=64`
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// A model folder or a run, in place of the run's latest checkpoint
    #[arg(long)]
    model: Option<PathBuf>,
    /// JSONL file with prompts and answers, in place of the run's; repeatable
    #[arg(long)]
    data: Vec<PathBuf>,
    /// A plugin, or a TOML file of rewards, in place of the run's; repeatable
    #[arg(long, value_name = "PLUGIN|FILE")]
    reward: Vec<String>,
    /// A file for the samples, a row each, as rollouts have them
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let (subject, overrides) = split_overrides(arguments.subject.as_deref(), &arguments.overrides);
    let subject = subject.map(Path::new);
    // The settings of a run, where the subject is one.
    let settings = subject.map(|run| run.join("config.toml"));
    let settings = settings.filter(|file| file.is_file());
    let model = arguments.model.as_deref().or(subject);
    let model = model.context("what is to be evaluated? Name a run or a model folder")?;
    if settings.is_none() {
        ensure!(
            !arguments.data.is_empty() && !arguments.reward.is_empty(),
            "{} is no run, so nothing says what to ask and who judges: give --data and --reward",
            model.display()
        );
    }
    let mut config =
        Config::load_for_evaluation(settings.as_deref(), &overrides, &arguments.reward)?;
    if !arguments.data.is_empty() {
        config.data.val_files.0.clone_from(&arguments.data);
    }
    config.validate()?;
    let found = pipeline::evaluate_model(&config, model, host::builder()?)?;
    for notice in &found.notices {
        terminal::say(&format!("note: {notice}"));
    }
    if let Some(path) = &arguments.output {
        output::json_file(path, |out| {
            for row in &found.rows {
                serde_json::to_writer(&mut *out, row).map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
    }
    if arguments.json {
        return output::json(&found);
    }
    output::standard(|out| table(out, &found))
}

/// The result for people.
fn table(out: &mut dyn Write, found: &Evaluation) -> Result<()> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let interval = found
        .interval
        .map(|[low, high]| format!("   95 % of such samples: {low:.3} to {high:.3}"));
    rows.push((
        found.metric.clone(),
        format!("{:.3}{}", found.value, interval.unwrap_or_default()),
    ));
    for (kind, values) in [("pass", &found.pass_at), ("maj", &found.maj_at)] {
        rows.extend(
            values
                .iter()
                .map(|(k, value)| (format!("{kind}@{k}"), format!("{value:.3}"))),
        );
    }
    if found.metric != "score" {
        rows.push(("score".into(), format!("{:.3}", found.score)));
    }
    let parts = found
        .parts
        .iter()
        .filter(|(part, _)| **part != found.metric);
    rows.extend(parts.map(|(part, mean)| (part.clone(), format!("{mean:.3}"))));
    for (column, values) in [
        ("data_source", &found.data_source),
        ("problem_type", &found.problem_type),
    ] {
        rows.extend(by_column(column, values));
    }
    let too_long = match found.left_out {
        0 => String::new(),
        count => format!("; {count} more are too long"),
    };
    rows.push((
        "samples".into(),
        format!("{} of {} prompts{too_long}", found.samples, found.prompts),
    ));
    let failed = found.samples - found.scored;
    if failed > 0 {
        let outcomes = found.outcomes.iter();
        let outcomes: Vec<String> = outcomes.map(|(name, n)| format!("{n} {name}")).collect();
        rows.push((
            "no score".into(),
            format!("{failed} ({})", outcomes.join(", ")),
        ));
    }
    rows.push((
        "length".into(),
        format!(
            "{:.1} tokens, {:.1} % cut",
            found.response_length,
            100.0 * found.cut
        ),
    ));
    let names: Vec<String> = rows.iter().map(|(name, _)| inline(name)).collect();
    let width = widest(names.iter().map(String::as_str));
    for (name, (_, value)) in names.iter().zip(&rows) {
        writeln!(out, "{}  {value}", padded(name, width))?;
    }
    Ok(())
}

/// The main figure of each value of a column, and of how many samples.
fn by_column<'a>(
    column: &'a str,
    values: &'a BTreeMap<String, Means>,
) -> impl Iterator<Item = (String, String)> + 'a {
    values.iter().map(move |(value, means)| {
        let figures = [("accuracy", means.accuracy), ("score", means.score)];
        let figures = figures
            .into_iter()
            .filter_map(|(name, x)| Some(format!("{name} {:.3}", x?)));
        let figures: Vec<String> = figures.collect();
        (
            format!("{column} {value}"),
            format!("{}   of {} samples", figures.join(", "), means.samples),
        )
    })
}
