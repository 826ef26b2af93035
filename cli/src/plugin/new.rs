//! `rlhost plugin new`: a folder with a plugin that builds.

use super::templates;
use super::wrapped::Wrapped;
use crate::output;
use anyhow::{Context, Result, bail};
use rlhost_host::Scope;
use rlhost_host::files::stage_folder;
use std::path::Path;
use std::{fs, io};

#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the plugin and its folder: lower-case words with hyphens, such as `word-count`
    name: Option<String>,
    /// The language to write it in
    #[arg(long, value_enum, ignore_case = true)]
    lang: Option<Language>,
    /// Wrap a reward function in Python as it is (docs/porting.md)
    ///
    /// FUNCTION may be a class, `make(max_len=200)` or `Grader().score`.
    ///
    /// Without NAME, the plugin has the name of the file.
    #[arg(long, value_name = "FILE.py:FUNCTION", conflicts_with_all = ["lang", "world"])]
    from_python: Option<String>,
    /// What lists of --from-python hold: one completion, all of a prompt or of a step
    #[arg(long, value_enum, requires = "from_python", default_value_t = Together::Sample)]
    scope: Together,
    /// What to write
    #[arg(long, value_enum, ignore_case = true, default_value_t = World::Reward)]
    world: World,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    /// Cargo with the target `wasm32-unknown-unknown`
    #[value(alias = "rs")]
    Rust,
    /// Clang with a C library for WASI
    C,
    /// Pure Python and its standard library; also `py`
    #[value(alias = "py")]
    Python,
    /// The stock Go toolchain
    #[value(alias = "golang")]
    Go,
    /// ECMAScript modules; also `js`
    #[value(alias = "js")]
    Javascript,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Together {
    Sample,
    Group,
    Batch,
}

impl Together {
    fn scope(self) -> Scope {
        match self {
            Self::Sample => Scope::Sample,
            Self::Group => Scope::Group,
            Self::Batch => Scope::Batch,
        }
    }
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

const NO_LANGUAGE: &str = "say in which language: --lang rust, c, python, go or javascript. A reward function in Python that is there \
     already is taken as it is by --from-python FILE.py:FUNCTION";

pub fn run(arguments: &Arguments) -> Result<()> {
    let lang = match (arguments.lang, &arguments.from_python) {
        (Some(lang), _) => lang,
        (None, Some(_)) => Language::Python,
        (None, None) => bail!(NO_LANGUAGE),
    };
    let wrapped = arguments.from_python.as_deref().map(Wrapped::read);
    let wrapped = wrapped.transpose()?;
    let name = match (&arguments.name, &wrapped) {
        (Some(name), _) => name.clone(),
        (None, Some(wrapped)) => wrapped.name()?,
        (None, None) => {
            bail!("name the plugin, as in `rlhost plugin new word-count --lang python`")
        }
    };
    let name = &name;
    check_name(name)?;
    if matches!(lang, Language::Rust) {
        check_crate_name(name)?;
    }
    let folder = Path::new(name);
    if folder.symlink_metadata().is_ok() {
        bail!("{name} exists: choose another name, or remove it");
    }
    let files = match (lang, arguments.world) {
        (Language::Rust, World::Reward) => templates::rust_reward(name),
        (Language::Rust, World::Algorithm) => templates::rust_algorithm(name),
        (Language::Python, World::Reward) => match &wrapped {
            Some(wrapped) => {
                let scope = arguments.scope.scope();
                templates::python_wrapped(name, &wrapped.function(), &wrapped.requires, scope)
            }
            None => templates::python_reward(name),
        },
        (Language::Python, World::Algorithm) => templates::python_algorithm(name),
        (Language::C, World::Reward) => templates::c_reward(name),
        (Language::C, World::Algorithm) => templates::c_algorithm(name),
        (Language::Go, World::Reward) => templates::go_reward(name),
        (Language::Go, World::Algorithm) => templates::go_algorithm(name),
        (Language::Javascript, World::Reward) => templates::javascript_reward(name),
        (Language::Javascript, World::Algorithm) => templates::javascript_algorithm(name),
    };
    make(folder, &files, wrapped.as_ref())
        .with_context(|| format!("cannot make the folder {name}"))?;
    let test = match (arguments.world, lang, &wrapped) {
        (_, _, Some(_)) => format!("rlhost score {name} --input samples.jsonl"),
        (World::Reward, ..) => "rlhost plugin test".to_owned(),
        (World::Algorithm, Language::Rust, _) => "cargo test".to_owned(),
        (World::Algorithm, Language::Python, _) => "python3 tests/test_loss.py".to_owned(),
        (World::Algorithm, ..) => format!("rlhost plugin inspect target/guests/{name}.wasm"),
    };
    output::standard(|out| {
        writeln!(out, "{name}: README.md says what is in it\n")?;
        writeln!(out, "    cd {name}")?;
        writeln!(out, "    rlhost plugin build")?;
        Ok(writeln!(out, "    {test}")?)
    })
}

/// Components' names are words of lower-case letters and digits with hyphens in between.
pub fn check_name(name: &str) -> Result<()> {
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
    Ok(())
}

/// A plugin in Rust is a crate, and those that it needs have their names already.
fn check_crate_name(name: &str) -> Result<()> {
    if templates::is_dependency(name) {
        bail!("{name} can't be a plugin's name: every plugin in Rust needs a crate of that name");
    }
    Ok(())
}

/// Makes the folder with these files, whole or not at all.
fn make(folder: &Path, files: &templates::Files, wrapped: Option<&Wrapped>) -> io::Result<()> {
    let staged = stage_folder(folder)?;
    for (path, text) in files {
        let path = staged.path().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    if let Some(wrapped) = wrapped {
        let path = staged.path().join("src").join(&wrapped.file);
        fs::write(path, &wrapped.text)?;
    }
    fs::rename(staged.path(), folder)?;
    let _ = staged.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_crate_name, check_name};

    #[test]
    fn names_are_those_of_components() {
        for name in ["x", "word-count", "ocr2", "a1-b2-c3", "test", "fn"] {
            assert!(check_name(name).is_ok(), "{name}");
            assert!(check_crate_name(name).is_ok(), "{name}");
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
            &long,
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["serde_json", "dlmalloc", "rlhost-plugin"] {
            assert!(check_crate_name(name).is_err(), "{name}");
        }
    }
}
