//! `rlhost plugin componentize`: core modules that other tools compiled.

use super::component;
use crate::output;
use anyhow::{Context, Result};
use rlhost_host::{LimitSettings, files};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// A core module that exports the contract's functions
    #[arg(value_name = "CORE.wasm")]
    module: PathBuf,
    /// The component to write; by default NAME.component.wasm beside NAME.wasm
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let module = &arguments.module;
    let name = || module.display().to_string();
    let bytes = files::read_given(module, files::COMPONENT).with_context(name)?;
    let component = component::encode(&bytes).with_context(name)?;
    let path = match &arguments.output {
        Some(path) => path.clone(),
        None => module.with_extension("component.wasm"),
    };
    let found = component::put(&component, &path, &LimitSettings::default(), |_| Ok(()))?;
    output::standard(|out| component::print(out, &path, &found))
}
