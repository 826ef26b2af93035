//! A reward function in Python that is there already: `FILE.py:FUNCTION`.
//!
//! Where a Python is at hand it reads the file, without running it, so that what can't become a plugin is told before
//! there is a folder. `rlhost plugin build` looks again, with the Python that the plugin has.

use super::build::python;
use super::new::check_name;
use super::programs;
use crate::output::say;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Asks a Python for [`Found`].
const SCRIPT: &str = include_str!("wrapped.py");

/// A function, and the file that it is in.
pub struct Wrapped {
    /// The file's name.
    pub file: String,
    function: String,
    pub text: Vec<u8>,
}

/// What a Python finds in the file.
#[derive(Deserialize)]
struct Found {
    /// Its version.
    python: String,
    broken: Option<Broken>,
    /// Functions outside of classes.
    #[serde(default)]
    functions: Vec<String>,
    kind: Option<Kind>,
    line: Option<usize>,
    #[serde(default)]
    absent: Vec<Absent>,
}

/// Why it is no file of Python.
#[derive(Deserialize)]
struct Broken {
    line: usize,
    message: String,
    text: String,
    /// Whether every Python would say so.
    sure: bool,
}

/// What the function's name stands for.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Function,
    Class,
    /// One that takes `self`.
    Method,
    /// A number, a text, a list.
    Value,
    Missing,
    /// Whatever a call, say, has made; the build finds out.
    Unknown,
}

/// A module that is neither of the standard library nor there.
#[derive(Deserialize)]
struct Absent {
    module: String,
    line: usize,
}

impl Wrapped {
    /// Reads the file of `FILE.py:FUNCTION`, and sees whether it has the function.
    pub fn read(argument: &str) -> Result<Self> {
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
        match look(path, function) {
            Some(found) => check(path, function, &found)?,
            None => check_mentioned(path, function, &String::from_utf8_lossy(&text))?,
        }
        Ok(Self {
            file: file.to_owned(),
            function: function.to_owned(),
            text,
        })
    }

    pub fn function(&self) -> String {
        format!("{}:{}", self.file, self.function)
    }

    /// The plugin's name, of the file's.
    pub fn name(&self) -> Result<String> {
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

/// What the first Python on `PATH` that knows enough of the language finds; `None` without one.
fn look(path: &str, function: &str) -> Option<Found> {
    let path = fs::canonicalize(path).ok()?;
    programs::all(|name| name == "python3")
        .iter()
        .find_map(|python| {
            let mut command = Command::new(python);
            // Without what the user's environment may add, and without the folder it is called in.
            command.args(["-I", "-S", "-c", SCRIPT]);
            let said = programs::output(command.arg(&path).arg(function))?;
            serde_json::from_str(&said).ok()
        })
}

fn check(path: &str, function: &str, found: &Found) -> Result<()> {
    let python = &found.python;
    if let Some(broken) = &found.broken {
        let Broken {
            line,
            message,
            text,
            sure,
        } = broken;
        if *sure {
            bail!("{path}, line {line}: {message} (as Python {python} reads it): {text}");
        }
        say(&format!(
            "note: {path}, line {line}: Python {python} can't read it ({message}); `rlhost plugin build` reads it with a newer one"
        ));
        return Ok(());
    }
    let place = match found.line {
        Some(line) => format!("{path}, line {line}"),
        None => path.to_owned(),
    };
    let way_out = "write a function beside it that makes one and calls it, and name that";
    match found.kind {
        Some(Kind::Class) => {
            bail!("{place}: `{function}` is a class, and not a function: {way_out}")
        }
        Some(Kind::Method) => bail!(
            "{place}: `{function}` is a method, which needs an object of its class: {way_out}"
        ),
        Some(Kind::Value) => bail!(
            "{place}: `{function}` is a value, and not a function: {path} has {}",
            listed(&found.functions)
        ),
        Some(Kind::Missing) => missing(path, function, &found.functions)?,
        Some(Kind::Function | Kind::Unknown) | None => {}
    }
    for Absent { module, line } in &found.absent {
        say(&format!(
            "note: {path}, line {line}: `{module}` is no module of the standard library: put it into the plugin's src before you build, \
             which a module of pure Python allows, and one with compiled parts (numpy, torch) doesn't"
        ));
    }
    Ok(())
}

/// Without a Python: whether the file mentions the function at all.
fn check_mentioned(path: &str, function: &str, text: &str) -> Result<()> {
    let first = function.split('.').next().unwrap_or_default();
    let mentions = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| word == first);
    if !mentions {
        let functions: Vec<_> = text.lines().filter_map(defined).collect();
        missing(path, function, &functions)?;
    }
    Ok(())
}

fn missing(path: &str, function: &str, functions: &[String]) -> Result<()> {
    bail!(
        "{path} has no function `{function}`: it has {}",
        listed(functions)
    )
}

fn listed(functions: &[String]) -> String {
    match functions {
        [] => "none".to_owned(),
        some => some.join(", "),
    }
}

/// The function that a line of Python begins to define, outside of others.
fn defined(line: &str) -> Option<String> {
    let rest = line.strip_prefix("async ").unwrap_or(line);
    let (name, _) = rest.strip_prefix("def ")?.split_once('(')?;
    Some(name.trim().to_owned())
}
