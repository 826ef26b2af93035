//! A reward function in Python that is there already: `FILE.py:FUNCTION`, or what makes one: `FILE.py:make(max_len=200)`,
//! `FILE.py:Class`, `FILE.py:Class().method`.
//!
//! Where a Python is at hand it reads the file, without running it, so that what can't become a plugin is told before
//! there is a folder. `rlhost plugin build` looks again, with the Python that the plugin has.

use super::build::python;
use super::new::check_name;
use super::programs;
use crate::terminal::say;
use anyhow::{Context, Result, bail};
use rlhost_host::files;
use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Asks a Python for [`Found`].
const SCRIPT: &str = concat!(
    include_str!("../../templates/python/rlhost/source.py"),
    "\n\n",
    include_str!("wrapped.py")
);

/// Packages of pure Python that rlhost is tested with: the module that a file imports, and what to require for it, which is more than the
/// package itself where that does not say what it needs.
const PACKAGES: &[(&str, &[&str])] = &[
    ("antlr4", &["antlr4-python3-runtime==4.13.2"]),
    ("latex2sympy2_extended", &["latex2sympy2_extended==1.11.0"]),
    ("math_verify", &["math-verify==0.9.0"]),
    (
        "mathruler",
        &["mathruler==0.1.0", "pylatexenc==2.11", "sympy==1.14.0"],
    ),
    ("mpmath", &["mpmath==1.3.0"]),
    ("pylatexenc", &["pylatexenc==2.11"]),
    ("sympy", &["sympy==1.14.0"]),
];
/// Modules of other packages that every plugin has: the folder `standin`.
const STAND_INS: &[&str] = &["Levenshtein", "tqdm"];

/// A function, and the file that it is in.
pub struct Wrapped {
    /// The file's name.
    pub file: String,
    function: String,
    pub text: Vec<u8>,
    /// Packages that it imports, of those that are known to work.
    pub requires: Vec<String>,
}

/// What a Python finds in the file.
#[derive(Deserialize)]
struct Found {
    /// Its version.
    python: String,
    broken: Option<Broken>,
    /// Functions and classes at the file's top.
    #[serde(default)]
    functions: Vec<String>,
    kind: Option<Kind>,
    line: Option<usize>,
    /// Methods of a class.
    #[serde(default)]
    methods: Vec<String>,
    /// Whether the argument calls what it names.
    #[serde(default)]
    called: bool,
    #[serde(default)]
    imports: Vec<Import>,
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
    /// One whose objects can't be called.
    Class,
    /// One that takes `self`.
    Method,
    /// A number, a text, a list.
    Value,
    Missing,
    /// Whatever a call, say, has made; the build finds out.
    Unknown,
}

/// A module from outside of the standard library that the function needs.
#[derive(Deserialize)]
struct Import {
    module: String,
    line: usize,
    /// Whether there is one in the file's folder.
    beside: bool,
    /// Whether it is of the file's own package.
    relative: bool,
}

impl Wrapped {
    /// Reads the file of `FILE.py:FUNCTION`, and sees whether it has the function.
    pub fn read(argument: &str) -> Result<Self> {
        let Some((path, function)) = split(argument) else {
            bail!("--from-python {argument}: name the function too, as in reward.py:compute_score");
        };
        check_function(function).with_context(|| {
            format!("--from-python {argument}: {function:?} can't be a function's name")
        })?;
        let file = Path::new(path).file_name().and_then(|name| name.to_str());
        let file = file.unwrap_or_default();
        if !python::is_file(file) || file.contains(|c: char| c == '"' || c.is_control()) {
            bail!("--from-python {argument}: {path:?} is no file of Python (*.py)");
        }
        let text = files::read(Path::new(path), files::TEXT)
            .with_context(|| format!("cannot read {path}"))?;
        let requires = if let Some(found) = look(path, function) {
            check(path, function, &found)?
        } else {
            check_mentioned(path, function, &String::from_utf8_lossy(&text))?;
            Vec::new()
        };
        Ok(Self {
            file: file.to_owned(),
            function: function.to_owned(),
            text,
            requires,
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

/// `FILE.py` and what follows its colon, which may have colons of its own.
fn split(argument: &str) -> Option<(&str, &str)> {
    match argument.find(".py:") {
        Some(at) => Some((&argument[..at + 3], &argument[at + 4..])),
        None => argument.rsplit_once(':'),
    }
}

/// Whether it is a name, of words with dots in between, each of which may be called: what stands in the brackets, the build reads.
fn check_function(function: &str) -> Result<()> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let mut rest = function;
    loop {
        let end = rest.find(['.', '(']).unwrap_or(rest.len());
        if !is_word(&rest[..end]) {
            bail!(
                "it must be of words, such as compute_score, make(max_len=200) or Grader().score"
            );
        }
        rest = &rest[end..];
        if rest.starts_with('(') {
            let close = closing(rest).context("a bracket is not closed")?;
            rest = &rest[close + 1..];
        }
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Ok(()),
            None => bail!("{rest:?} is too much"),
        }
    }
}

/// Where the bracket that a text begins with closes; texts in quotes may hold others.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            (None, c) if c.is_control() => return None,
            _ => {}
        }
    }
    None
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
            let known = PACKAGES.iter().map(|(module, _)| *module);
            let known: Vec<_> = known.chain(STAND_INS.iter().copied()).collect();
            let said = programs::output(command.arg(&path).arg(function).arg(known.join(",")))?;
            serde_json::from_str(&said).ok()
        })
}

/// Refuses what can't be a plugin; else the packages that it requires.
fn check(path: &str, function: &str, found: &Found) -> Result<Vec<String>> {
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
        return Ok(Vec::new());
    }
    let place = match found.line {
        Some(line) => format!("{path}, line {line}"),
        None => path.to_owned(),
    };
    match found.kind {
        Some(Kind::Class) if !found.called => {
            let method = found.methods.first().map_or("method", String::as_str);
            bail!(
                "{place}: `{function}` is a class, and its objects can't be called (it has no `__call__`): name a method, as in \
                 `{function}().{method}`"
            )
        }
        Some(Kind::Method) if !found.called => {
            let (class, method) = function.rsplit_once('.').unwrap_or((function, "method"));
            bail!(
                "{place}: `{function}` is a method, which needs an object of its class: name it as `{class}().{method}`"
            )
        }
        Some(Kind::Value) => bail!(
            "{place}: `{function}` is a value, and not a function: {path} has {}",
            listed(&found.functions)
        ),
        Some(Kind::Missing) => missing(path, function, &found.functions)?,
        Some(Kind::Function | Kind::Unknown | Kind::Class | Kind::Method) | None => {}
    }
    let mut requires: Vec<String> = Vec::new();
    for import in &found.imports {
        let known = PACKAGES.iter().find(|(module, _)| *module == import.module);
        if let (Some((_, packages)), false) = (known, import.relative) {
            requires.extend(packages.iter().map(|&it| it.to_owned()));
        } else if let Some(told) = import.note() {
            say(&format!("note: {path}, line {}: {told}", import.line));
        }
    }
    requires.sort();
    requires.dedup();
    if !requires.is_empty() {
        say(&format!(
            "note: plugin.toml requires {}, which the build fetches",
            requires.join(", ")
        ));
    }
    Ok(requires)
}

impl Import {
    /// What is to be done about a module that rlhost knows nothing of.
    fn note(&self) -> Option<String> {
        let module = &self.module;
        if self.relative {
            return Some(format!(
                "`{module}` is of the file's own package: put {module}.py into the plugin's src before you build"
            ));
        }
        if self.beside {
            return Some(format!(
                "`{module}` lies beside the file: put it into the plugin's src before you build"
            ));
        }
        if STAND_INS.contains(&module.as_str()) {
            return None;
        }
        Some(format!(
            "`{module}` is not of the standard library. If it is a package of pure Python, plugin.toml names it before you build \
             (`requires = [\"{module}\"]` under `[python]`, if that is the package's name); a file of your own goes into the plugin's src; one with \
             compiled parts (numpy, torch) can't be had"
        ))
    }
}

/// Without a Python: whether the file mentions the function at all.
fn check_mentioned(path: &str, function: &str, text: &str) -> Result<()> {
    let first = function.split(['.', '(']).next().unwrap_or_default();
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
