//! `rlhost config show`: the configuration that a run would have.

use anyhow::Result;
use rlhost_trainer::config::Config;
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print the configuration with all defaults and overrides
    Show {
        /// Configuration file (TOML); the defaults alone without one
        #[arg(value_name = "CONFIG")]
        config: Option<PathBuf>,
        /// Overrides of keys, such as rollout.n=8
        #[arg(value_name = "KEY=VALUE")]
        overrides: Vec<String>,
    },
}

pub fn run(command: &Command) -> Result<()> {
    let Command::Show { config, overrides } = command;
    print!("{}", Config::load(config.as_deref(), overrides)?.to_toml()?);
    Ok(())
}
