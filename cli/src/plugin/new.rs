//! `rlhost plugin new`: a folder with a plugin that builds.

use super::templates;
use crate::output;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the plugin and its folder: lower-case words with hyphens, such as `word-count`
    name: String,
    /// The language to write it in
    #[arg(long, value_enum)]
    lang: Language,
    /// What to write
    #[arg(long, value_enum, default_value_t = World::Reward)]
    world: World,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    Rust,
    /// Reward plugins only
    C,
    /// The stock Go toolchain
    Go,
    /// ECMAScript modules; also `js`
    #[value(alias = "js")]
    Javascript,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum World {
    /// A reward function or verifier
    Reward,
    /// An advantage estimator or a policy loss
    Algorithm,
}

/// The longest name.
const LONGEST: usize = 64;

pub fn run(arguments: &Arguments) -> Result<()> {
    let name = &arguments.name;
    check_name(name)?;
    let folder = Path::new(name);
    if folder.symlink_metadata().is_ok() {
        bail!("{name} exists: choose another name, or remove it");
    }
    let files = match (arguments.lang, arguments.world) {
        (Language::Rust, World::Reward) => templates::rust_reward(name),
        (Language::Rust, World::Algorithm) => templates::rust_algorithm(name),
        (Language::C, World::Reward) => templates::c_reward(name),
        (Language::C, World::Algorithm) => {
            bail!("there is no template for algorithms in c: give another --lang")
        }
        (Language::Go, World::Reward) => templates::go_reward(name),
        (Language::Go, World::Algorithm) => templates::go_algorithm(name),
        (Language::Javascript, World::Reward) => templates::javascript_reward(name),
        (Language::Javascript, World::Algorithm) => templates::javascript_algorithm(name),
    };
    let staged = output::staged(folder);
    let made = write(&staged, &files)
        .and_then(|()| fs::rename(&staged, folder))
        .with_context(|| format!("cannot make the folder {name}"));
    if made.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(&staged);
    }
    made?;
    let test = match (arguments.lang, arguments.world) {
        (_, World::Reward) => "rlhost plugin test".to_owned(),
        (Language::Rust, World::Algorithm) => "cargo test".to_owned(),
        (_, World::Algorithm) => format!("rlhost plugin inspect {name}"),
    };
    output::standard(|out| {
        writeln!(out, "{name}: README.md says what is in it\n")?;
        writeln!(out, "    cd {name}")?;
        writeln!(out, "    rlhost plugin build")?;
        Ok(writeln!(out, "    {test}")?)
    })
}

/// Components' names are words of lower-case letters and digits with hyphens in between.
fn check_name(name: &str) -> Result<()> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if !name.split('-').all(is_word) || name.len() > LONGEST {
        bail!(
            "{name:?} can't be a plugin's name: it must be of lower-case words with hyphens in between, each a \
             letter and then letters and digits, such as `word-count`, and not longer than {LONGEST} characters"
        );
    }
    if templates::is_dependency(name) {
        bail!("{name} can't be a plugin's name: every plugin needs a crate of that name");
    }
    Ok(())
}

/// Writes the files into a folder that is made for them, in the place of what an interrupted call left.
fn write(folder: &Path, files: &templates::Files) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_are_those_of_components() {
        for name in ["x", "word-count", "ocr2", "a1-b2-c3", "test", "fn"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let long = "x".repeat(65);
        for name in [
            "",
            "-",
            "Word",
            "word_count",
            "word--count",
            "-x",
            "x-",
            "2x",
            "x-2y",
            "é",
            "a/b",
            "..",
            "x y",
            "serde_json",
            "dlmalloc",
            "rlhost-plugin",
            &long,
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
