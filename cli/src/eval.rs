//! `rlhost eval`: accuracy on held-out prompts, as JSON.

use crate::{host, output};
use anyhow::Result;
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline;
use std::io::Write;
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
        let _ = writeln!(std::io::stderr(), "note: {}", output::printable(notice));
    }
    output::standard(|out| Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?))
}
