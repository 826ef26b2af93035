//! `rlhost rollouts show`: samples of a run, to be read by people.

use crate::output;
use crate::terminal::{block, inline};
use anyhow::{Result, bail};
use rlhost_host::Record;
use rlhost_trainer::run::{RolloutReader, RolloutRow, RunFolder};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print samples of a step
    Show(Show),
}

#[derive(clap::Args)]
pub struct Show {
    /// The run's folder
    run: PathBuf,
    /// The step; the last by default
    #[arg(long)]
    step: Option<u64>,
    /// Samples of held-out prompts, after that step
    #[arg(long)]
    validation: bool,
    /// Lowest scores first
    #[arg(long, conflicts_with = "best")]
    worst: bool,
    /// Highest scores first
    #[arg(long)]
    best: bool,
    /// How many samples
    #[arg(long, short = 'n', default_value_t = 8)]
    count: usize,
}

pub fn run(command: &Command) -> Result<()> {
    let Command::Show(show) = command;
    let folder = RunFolder::open(&show.run)?;
    let (steps, what) = if show.validation {
        (folder.validation_steps()?, "validation")
    } else {
        (folder.rollout_steps()?, "rollouts")
    };
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        bail!("{} has no {what} yet", show.run.display());
    };
    let step = show.step.unwrap_or(last.0);
    let Some((_, path)) = steps.iter().find(|(found, _)| *found == step) else {
        bail!(
            "{} has no {what} of step {step}: it has those of steps {} to {}",
            show.run.display(),
            first.0,
            last.0
        );
    };
    let mut rows: Vec<(Record, RolloutRow)> = Vec::new();
    // Samples without a score are what a reader of the worst wants to see first.
    let score = |record: &Record| record.judgement.score.unwrap_or(f64::NEG_INFINITY);
    let choose = |rows: &mut Vec<(Record, RolloutRow)>| {
        if show.worst {
            rows.sort_by(|(a, _), (b, _)| score(a).total_cmp(&score(b)));
        } else if show.best {
            rows.sort_by(|(a, _), (b, _)| score(b).total_cmp(&score(a)));
        }
        rows.truncate(show.count);
    };
    for row in RolloutReader::open(path)? {
        let row = row?;
        rows.push((row.judged()?, row));
        // What will not be shown is not kept: a file may hold more than memory.
        if rows.len() / 2 > show.count {
            choose(&mut rows);
        }
    }
    choose(&mut rows);
    output::standard(|out| {
        for (record, row) in &rows {
            print(out, show, record, row)?;
        }
        Ok(())
    })
}

fn print(
    out: &mut dyn Write,
    show: &Show,
    record: &Record,
    row: &RolloutRow,
) -> std::io::Result<()> {
    let judgement = &record.judgement;
    write!(
        out,
        "── step {} · draw {} · sample {} · ",
        row.step, row.draw, row.sample
    )?;
    match judgement.score {
        Some(score) => write!(out, "score {score}")?,
        None => write!(out, "{}", judgement.outcome)?,
    }
    match row.advantage {
        Some(advantage) => writeln!(out, " · advantage {advantage:+.3}")?,
        None if show.validation => writeln!(out, " · held out")?,
        None => writeln!(out, " · left out")?,
    }
    if !row.images.is_empty() {
        let images: Vec<String> = row.images.iter().map(|name| clipped(name)).collect();
        writeln!(out, "images    {}", inline(images.join(", ")))?;
    }
    writeln!(out, "prompt    {}", indented(&row.prompt))?;
    writeln!(out, "response  {}", indented(&row.response))?;
    writeln!(
        out,
        "          {} tokens, {}",
        row.tokens,
        inline(&row.finish_reason)
    )?;
    for reward in &judgement.rewards {
        write!(out, "reward    {} {}", inline(&reward.name), reward.outcome)?;
        for (part, value) in &reward.parts {
            write!(out, ", {} {value}", inline(part))?;
        }
        writeln!(out, ", {} fuel", reward.fuel)?;
        if let Some(message) = &reward.message {
            writeln!(out, "          {}", indented(message))?;
        }
        for line in &reward.log {
            let text = indented(&line.message);
            writeln!(out, "          {:<5} {text}", line.level.as_str())?;
        }
        for exchange in &reward.exchanges {
            let (request, answer) = (&exchange.request, json!(exchange.answer));
            let text = indented(&format!("{request} → {answer}"));
            writeln!(out, "          {} {text}", exchange.capability)?;
        }
    }
    writeln!(out)
}

/// The beginning of a name: one in base64 holds the whole picture.
fn clipped(name: &str) -> String {
    match name.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// Lines after the first stand under it.
fn indented(text: &str) -> String {
    block(text, 10)
}
