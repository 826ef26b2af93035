//! `rlhost eval`: accuracy on held-out prompts, as JSON.

use crate::{host, output, terminal};
use anyhow::Result;
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// Model folder, or a run (its latest checkpoint is taken)
    #[arg(long)]
    model: PathBuf,
    /// JSONL file with prompts and answers; may be given several times
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// A component, a plugin's name, or a TOML file of rewards; repeatable
    #[arg(long, required = true, value_name = "PLUGIN|FILE")]
    reward: Vec<String>,
    /// Overrides of configuration keys, such as `data.max_response_length=64`
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut config = Config::load_with_rewards(None, &arguments.overrides, &arguments.reward)?;
    config.data.val_files.0.clone_from(&arguments.data);
    config.validate()?;
    let found = pipeline::evaluate_model(&config, &arguments.model, host::builder()?)?;
    for notice in &found.notices {
        terminal::say(&format!("note: {notice}"));
    }
    output::json(&found)
}
