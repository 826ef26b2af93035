//! `rlhost algorithms`: the named algorithms, and what they are made of.

use crate::output;
use anyhow::Result;
use rlhost_trainer::algorithm::known_loss_modes;
use rlhost_trainer::config::{PRESETS, Preset, known_advantage_estimators, preset};
use std::io::{self, Write};

#[derive(clap::Args)]
pub struct Arguments {
    /// Show this preset only, as the keys of a configuration file
    #[arg(value_name = "PRESET")]
    preset: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(name) = &arguments.preset {
        let preset = preset(name)?;
        return output::standard(|out| {
            writeln!(
                out,
                "# {}: {} ({})",
                preset.name, preset.about, preset.paper
            )?;
            Ok(keys(out, preset, "")?)
        });
    }
    output::standard(|out| {
        writeln!(
            out,
            "Presets: algorithm.preset=NAME sets these keys where you have not set them"
        )?;
        writeln!(out)?;
        for preset in PRESETS {
            writeln!(out, "{}: {}", preset.name, preset.about)?;
            writeln!(out, "    {}", preset.paper)?;
            keys(out, preset, "    ")?;
            writeln!(out)?;
        }
        for (key, known) in [
            ("algorithm.adv_estimator", known_advantage_estimators()),
            ("actor.policy_loss.loss_mode", known_loss_modes()),
        ] {
            writeln!(
                out,
                "{key}: {}, or the path of a component",
                known.join(", ")
            )?;
        }
        Ok(())
    })
}

fn keys(out: &mut dyn Write, preset: &Preset, indent: &str) -> io::Result<()> {
    for (key, value) in preset.keys {
        writeln!(out, "{indent}{key} = {value}")?;
    }
    Ok(())
}
