//! `rlhost init`: a model folder with random weights.

use anyhow::{Result, bail};
use rlhost_trainer::config::Device;
use rlhost_trainer::model::{Model, ModelConfig};
use rlhost_trainer::pipeline::{copy_description, device};
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
    let model = Model::random(config, arguments.seed, &device(Device::Cpu)?)?;
    let staged = output.with_extension("partial");
    let made = std::fs::create_dir_all(&staged)
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(copy_description(&arguments.description, &staged)?))
        .and_then(|()| Ok(model.weights().save(&staged)?))
        .and_then(|()| Ok(std::fs::rename(&staged, output)?));
    if made.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_dir_all(&staged);
    }
    made?;
    println!(
        "{}: {} parameters",
        output.display(),
        model.weights().parameter_count()
    );
    Ok(())
}
