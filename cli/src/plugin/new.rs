//! `rlhost plugin new`: a folder with a plugin that builds.

use super::build::python;
use super::templates;
use crate::output;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the plugin and its folder: lower-case words with hyphens, such as `word-count`
    #[arg(required_unless_present = "from_python")]
    name: Option<String>,
    /// The language to write it in
    #[arg(long, value_enum, required_unless_present = "from_python")]
    lang: Option<Language>,
    /// Wrap a reward function in Python as it is (docs/porting.md)
    ///
    /// Without NAME, the plugin has the name of the file.
    #[arg(long, value_name = "FILE.py:FUNCTION", conflicts_with_all = ["lang", "world"])]
    from_python: Option<String>,
    /// What to write
    #[arg(long, value_enum, default_value_t = World::Reward)]
    world: World,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    /// Cargo with the target `wasm32-unknown-unknown`
    Rust,
    /// Clang with a C library for WASI
    C,
    /// Pure Python and its standard library
    Python,
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
    let wrapped = arguments.from_python.as_deref().map(Wrapped::read);
    let wrapped = wrapped.transpose()?;
    let name = match (&arguments.name, &wrapped) {
        (Some(name), _) => name.clone(),
        (None, Some(wrapped)) => wrapped.name()?,
        (None, None) => bail!("name the plugin"),
    };
    let name = &name;
    check_new_name(name)?;
    let folder = Path::new(name);
    if folder.symlink_metadata().is_ok() {
        bail!("{name} exists: choose another name, or remove it");
    }
    let lang = arguments.lang.unwrap_or(Language::Python);
    let files = match (lang, arguments.world) {
        (Language::Rust, World::Reward) => templates::rust_reward(name),
        (Language::Rust, World::Algorithm) => templates::rust_algorithm(name),
        (Language::Python, World::Reward) => match &wrapped {
            Some(wrapped) => templates::python_wrapped(name, &wrapped.function()),
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
    let staged = output::staged(folder);
    let made = write(&staged, &files)
        .and_then(|()| match &wrapped {
            Some(wrapped) => fs::write(staged.join("src").join(&wrapped.file), &wrapped.text),
            None => Ok(()),
        })
        .and_then(|()| fs::rename(&staged, folder))
        .with_context(|| format!("cannot make the folder {name}"));
    if made.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(&staged);
    }
    made?;
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

/// A reward function in Python that is there already.
struct Wrapped {
    /// The file's name.
    file: String,
    function: String,
    text: Vec<u8>,
}

impl Wrapped {
    /// Reads the file of `FILE.py:FUNCTION`, and sees whether it mentions the function; `plugin build` reads it
    /// as Python does.
    fn read(argument: &str) -> Result<Self> {
        let Some((path, function)) = argument.rsplit_once(':') else {
            bail!("--from-python {argument}: name the function too, as in reward.py:compute_score");
        };
        let is_word = |word: &str| {
            word.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && word.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        if !function.split('.').all(is_word) {
            bail!("--from-python {argument}: {function:?} can't be a function's name");
        }
        let file = Path::new(path).file_name().and_then(|name| name.to_str());
        let file = file.unwrap_or_default();
        if !python::is_file(file) || file.contains(|c: char| c == '"' || c.is_control()) {
            bail!("--from-python {argument}: {path:?} is no file of Python (*.py)");
        }
        let text = fs::read(path).with_context(|| format!("cannot read {path}"))?;
        let lossy = String::from_utf8_lossy(&text);
        let first = function.split('.').next().unwrap_or_default();
        let mentions = lossy
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .any(|word| word == first);
        if !mentions {
            let functions: Vec<_> = lossy.lines().filter_map(defined).collect();
            let listed = match &functions[..] {
                [] => "it has none".to_owned(),
                some => format!("it has {}", some.join(", ")),
            };
            bail!("{path} has no function `{function}`: {listed}");
        }
        Ok(Self {
            file: file.to_owned(),
            function: function.to_owned(),
            text,
        })
    }

    fn function(&self) -> String {
        format!("{}:{}", self.file, self.function)
    }

    /// The plugin's name, of the file's.
    fn name(&self) -> Result<String> {
        let stem = self.file.trim_end_matches(".py");
        let name = stem.trim_matches('_').replace('_', "-").to_lowercase();
        check_name(&name).with_context(|| {
            format!(
                "{} gives the plugin no name: put one before --from-python",
                self.file
            )
        })?;
        Ok(name)
    }
}

/// The function that a line of Python begins to define, outside of others.
fn defined(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async ").unwrap_or(line);
    let (name, _) = rest.strip_prefix("def ")?.split_once('(')?;
    Some(name.trim())
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

/// The name of a folder that is yet to be made.
fn check_new_name(name: &str) -> Result<()> {
    check_name(name)?;
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
    use super::check_new_name;

    #[test]
    fn names_are_those_of_components() {
        for name in ["x", "word-count", "ocr2", "a1-b2-c3", "test", "fn"] {
            assert!(check_new_name(name).is_ok(), "{name}");
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
            assert!(check_new_name(name).is_err(), "{name}");
        }
    }
}
