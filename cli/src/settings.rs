//! `rlhost config show`: the configuration that a run would have.

use crate::output;
use anyhow::Result;
use rlhost_trainer::config::Config;
use std::path::Path;
use std::slice::from_ref;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print the configuration with all defaults and overrides
    Show {
        /// Configuration file (TOML); the defaults alone without one
        #[arg(value_name = "CONFIG")]
        config: Option<String>,
        /// Overrides of keys, such as rollout.n=8
        #[arg(value_name = "KEY=VALUE")]
        overrides: Vec<String>,
    },
}

pub fn run(command: &Command) -> Result<()> {
    let Command::Show { config, overrides } = command;
    // Without a file, the first argument may be an override.
    let is_file = |text: &&String| !text.contains('=') || Path::new(text).is_file();
    let file = config.as_ref().filter(is_file);
    let overrides: Vec<String> = match (config, file) {
        (Some(first), None) => [from_ref(first), overrides].concat(),
        _ => overrides.clone(),
    };
    let text = Config::load(file.map(Path::new), &overrides)?.to_toml()?;
    output::standard(|out| Ok(out.write_all(text.as_bytes())?))
}
