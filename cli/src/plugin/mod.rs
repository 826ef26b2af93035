//! `rlhost plugin`: look at plugins, test and audit them.

mod audit;
mod inspect;
mod test;

use anyhow::Result;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print a component's digest, size, world, imports and description
    Inspect(inspect::Arguments),
    /// Run a plugin on its golden cases (docs/plugins.md)
    Test(test::Arguments),
    /// Score a file many times over and demand the same answers every time
    Audit(audit::Arguments),
}

pub fn run(command: &Command) -> Result<()> {
    match command {
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Audit(arguments) => audit::run(arguments),
    }
}
