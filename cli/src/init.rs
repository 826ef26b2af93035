//! `rlhost init`: a model folder with random weights.

use crate::output;
use crate::terminal::inline;
use anyhow::{Context, Result, bail};
use rlhost_host::files;
use rlhost_trainer::config::Device;
use rlhost_trainer::model::{Model, ModelConfig};
use rlhost_trainer::pipeline::{copy_description, device};
use rlhost_trainer::processor::{PixelLimits, Processor};
use std::fs;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder in Hugging Face layout without weights: config.json, tokenizer.json, …
    description: PathBuf,
    /// Seed of the weights
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder to make
    #[arg(long, short)]
    output: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let config = ModelConfig::load(&arguments.description)?;
    let output = &arguments.output;
    if output.exists() {
        bail!(
            "{} exists: remove it, or give another --output",
            output.display()
        );
    }
    // Whatever else the folder lacks shows now, and not when the model is used.
    Processor::load(&arguments.description, PixelLimits::default())?;
    let model = Model::random(config, arguments.seed, &device(Device::Cpu)?)?;
    let failed = || format!("cannot write {}", output.display());
    if let Some(parent) = output.parent() {
        fs::create_dir_all(parent).with_context(failed)?;
    }
    let staged = files::stage_folder(output).with_context(failed)?;
    copy_description(&arguments.description, staged.path())?;
    model.weights().save(staged.path())?;
    fs::rename(staged.path(), output).with_context(failed)?;
    let _ = staged.keep();
    output::standard(|out| {
        let count = model.weights().parameter_count();
        Ok(writeln!(
            out,
            "{}: {count} parameters",
            inline(output.display())
        )?)
    })
}
