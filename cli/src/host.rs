//! The sandbox host as the command sets it up: components are compiled in a child of the command.

use crate::terminal;
use anyhow::{Context, Result};
use rlhost_host::{CompileLimits, Compiler, Host, HostBuilder, compile_child};
use std::env;
use std::path::Path;
use std::process::ExitCode;

/// Where users set what compiling may use.
const LIMITS: &str = "RLHOST_COMPILE_LIMITS";
/// The subcommand of the child.
const COMPILE: &str = "compile-component";

#[derive(clap::Args)]
pub struct Compile {
    /// What compiling may use, as in `RLHOST_COMPILE_LIMITS`
    limits: String,
}

/// A host with a compiler that limits itself.
pub fn builder() -> Result<HostBuilder> {
    let limits = match env::var(LIMITS) {
        Ok(text) => text.parse().context(LIMITS)?,
        Err(env::VarError::NotPresent) => CompileLimits::default(),
        Err(error) => return Err(error).context(LIMITS),
    };
    let compiler = Compiler::this_program([COMPILE], limits)
        .context("cannot find out which program this is, to compile components with it")?;
    let tell = |path: &Path| terminal::say(&format!("note: the plugin is {}", path.display()));
    Ok(Host::builder().compiler(compiler).on_found_by_chance(tell))
}

/// The same on so many threads; on all processors where nothing is said.
pub fn builder_on(threads: Option<u16>) -> Result<HostBuilder> {
    let host = builder()?;
    Ok(match threads {
        Some(threads) => host.threads(threads.into()),
        None => host,
    })
}

/// The child: a component on standard input, its code on standard output.
pub fn compile(arguments: &Compile) -> ExitCode {
    if terminal::is_output() {
        terminal::say("error: compile-component writes machine code, and no terminal reads that");
        return ExitCode::from(2);
    }
    compile_child(&arguments.limits)
}
