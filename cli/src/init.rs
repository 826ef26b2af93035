//! `rlhost init`: a model folder with random weights.

use crate::output;
use crate::terminal::inline;
use anyhow::{Context, Result, bail};
use rlhost_trainer::config::Device;
use rlhost_trainer::model::{Model, ModelConfig};
use rlhost_trainer::pipeline::{copy_description, device};
use rlhost_trainer::processor::{PixelLimits, Processor};
use std::io;
use std::path::{Path, PathBuf};

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
    let staged = output::staged(output);
    let failed = || format!("cannot write {}", output.display());
    let made = create_anew(&staged)
        .with_context(failed)
        .and_then(|()| Ok(copy_description(&arguments.description, &staged)?))
        .and_then(|()| Ok(model.weights().save(&staged)?))
        .and_then(|()| std::fs::rename(&staged, output).with_context(failed));
    if made.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_dir_all(&staged);
    }
    made?;
    output::standard(|out| {
        let count = model.weights().parameter_count();
        Ok(writeln!(
            out,
            "{}: {count} parameters",
            inline(output.display())
        )?)
    })
}

/// An empty folder in the place of what an interrupted call left.
fn create_anew(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)
}
