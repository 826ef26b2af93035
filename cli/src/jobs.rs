//! `rlhost sft` and `rlhost train`.

use crate::progress::Progress;
use crate::terminal::inline;
use crate::{host, output};
use anyhow::Result;
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline::{self, Start, Summary};
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// Configuration file (TOML); see docs/configuration.md
    config: PathBuf,
    /// Overrides of keys, such as rollout.n=8 or reward.math.weight=0.5
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Add a reward: a component, a plugin's name, or a TOML file of rewards
    #[arg(long, value_name = "PLUGIN|FILE")]
    reward: Vec<String>,
    /// Go on from the run's latest checkpoint
    #[arg(long)]
    resume: bool,
}

impl Arguments {
    fn config(&self) -> Result<Config> {
        let (path, overrides) = (Some(self.config.as_path()), &self.overrides);
        Ok(Config::load_with_rewards(path, overrides, &self.reward)?)
    }

    fn start(&self) -> Start {
        if self.resume {
            Start::Resume
        } else {
            Start::Fresh
        }
    }
}

pub fn train(arguments: &Arguments) -> Result<()> {
    let config = arguments.config()?;
    let mut progress = Progress::training(&config)?;
    let summary = pipeline::train(&config, arguments.start(), host::builder()?, &mut progress)?;
    output::standard(|out| {
        finish(out, &summary)?;
        let folder = inline(summary.folder.display());
        writeln!(out, "Rollouts    rlhost rollouts show {folder} --worst")?;
        Ok(())
    })
}

pub fn sft(arguments: &Arguments) -> Result<()> {
    let config = arguments.config()?;
    let mut progress = Progress::fine_tuning(&config)?;
    let summary = pipeline::sft(&config, arguments.start(), host::builder()?, &mut progress)?;
    output::standard(|out| finish(out, &summary))
}

fn finish(out: &mut dyn Write, summary: &Summary) -> Result<()> {
    let how = if summary.stopped { "stopped" } else { "done" };
    writeln!(out, "{how} after {} steps", summary.steps)?;
    if let Some(held_out) = &summary.held_out {
        let before = held_out
            .val_before
            .map(|value| format!("{value:.3} at first, "));
        writeln!(
            out,
            "Held out    {} {}{:.3} at the end",
            inline(&held_out.val_metric),
            before.unwrap_or_default(),
            held_out.val_after
        )?;
    }
    writeln!(out, "Model       {}", inline(summary.checkpoint.display()))?;
    writeln!(out, "Curve       {}", inline(summary.plot.display()))?;
    writeln!(out, "Digest      {}", summary.digest)?;
    if summary.stopped {
        writeln!(out, "Go on       the same command with --resume")?;
    }
    Ok(())
}
