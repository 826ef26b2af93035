//! `rlhost plot`: metrics of runs as a picture.

use crate::output;
use crate::terminal::inline;
use anyhow::Result;
use rlhost_trainer::run::plot::{self, Format};
use rlhost_trainer::run::{History, RunFolder};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folders of runs
    #[arg(required = true)]
    run: Vec<PathBuf>,
    /// A metric, or several by * and ?, such as "val/*"; may stand again
    #[arg(long, value_name = "NAME")]
    metric: Vec<String>,
    /// The picture's file, which ends in .svg or .png
    #[arg(long, short, value_name = "FILE", default_value = "curves.svg")]
    output: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    // Before runs are read, which may take a while.
    Format::of(&arguments.output)?;
    let mut runs = Vec::new();
    for (path, label) in arguments.run.iter().zip(labels(&arguments.run)) {
        runs.push((label, History::read(&RunFolder::open(path)?)?));
    }
    let title = match &runs[..] {
        [(label, _)] => label.clone(),
        runs => format!("{} runs", runs.len()),
    };
    let figure = plot::compare(&title, &runs, &arguments.metric)?;
    plot::write(&arguments.output, &figure)?;
    output::standard(|out| {
        let panels = figure.panels.len();
        writeln!(
            out,
            "{} ({panels} {})",
            inline(arguments.output.display()),
            if panels == 1 { "panel" } else { "panels" }
        )?;
        Ok(())
    })
}

/// What runs are called: by their folders' names, or by the whole paths where two have the same.
fn labels(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().map(|name| name.display().to_string());
    let names: Vec<Option<String>> = paths.iter().map(name).collect();
    let unique = |name: &Option<String>| names.iter().filter(|other| *other == name).count() == 1;
    let whole = |path: &Path| path.display().to_string();
    let labels = paths.iter().zip(&names).map(|(path, name)| match name {
        Some(text) if unique(name) => text.clone(),
        _ => whole(path),
    });
    labels.collect()
}
