//! `rlhost plugin`: make plugins, look at them, test and audit them.

mod audit;
mod bench;
mod build;
mod component;
mod componentize;
pub mod given;
mod inspect;
mod metadata;
mod new;
mod programs;
mod templates;
mod test;
mod wrapped;

use anyhow::Result;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a folder with a plugin that builds, to be edited
    New(new::Arguments),
    /// Compile a plugin's folder to a component
    Build(build::Arguments),
    /// Make a component of a core module that another tool compiled
    Componentize(componentize::Arguments),
    /// Print a component's digest, size, world, imports and description
    Inspect(inspect::Arguments),
    /// Run a plugin on its golden cases (docs/plugins.md)
    Test(test::Arguments),
    /// Score a file many times over and demand the same answers every time
    Audit(audit::Arguments),
    /// Measure time, fuel and memory of the golden cases
    Bench(bench::Arguments),
}

pub fn run(command: &Command) -> Result<()> {
    match command {
        Command::New(arguments) => new::run(arguments),
        Command::Build(arguments) => build::run(arguments),
        Command::Componentize(arguments) => componentize::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
    }
}
