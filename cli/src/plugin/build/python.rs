//! Plugins in Python: `plugin.toml` and the files in `src`, made into a component by componentize-py.
//!
//! The plugin's files run in its sandbox while the component is made, and the checks of `src/rlhost/build.py` with them: which modules
//! are there, how the function is called. What they have to say they write into files.

use super::kind::Kind;
use super::{Compiled, MADE, Product, manifest, packages, read, source};
use crate::plugin::programs;
use crate::terminal::{quote, say};
use anyhow::{Context, Result, bail};
use rlhost_host::Scope;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version that the templates are written for; others of the same minor version are taken too.
const VERSION: &str = "0.25.1";
/// The module that is made into the component.
const APP: &str = "rlhost_app";
/// What the checks write: why there is no plugin, and what is worth knowing about one that there is.
const ERROR: &str = "error.txt";
const NOTES: &str = "notes.txt";

/// `[python]` of `plugin.toml`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `FILE.py:FUNCTION`, of a reward.
    function: Option<String>,
    /// The file with an algorithm's functions.
    file: Option<String>,
    /// How the function is called, where the names of its arguments don't show it.
    convention: Option<String>,
    /// What the completions of a function in TRL's manner are: texts or messages.
    completions: Option<String>,
    /// Packages of pure Python, as pip takes them: "math-verify==0.9.0".
    #[serde(default)]
    pub(super) requires: Vec<String>,
    /// Whether the function is called while it is built, so that caches are full; by default where packages are required.
    #[serde(skip_serializing_if = "Option::is_none")]
    warm: Option<bool>,
    /// What to pass for an argument.
    #[serde(default)]
    arguments: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct About<'a> {
    name: &'a str,
    version: &'a str,
    description: &'a str,
    scope: Scope,
    python: &'a Settings,
}

pub(super) fn compile(folder: &Path) -> Result<Compiled> {
    let (about, settings) = manifest::read_python(folder)?;
    let (resolve, world) = manifest::world(folder, &about.world)?;
    let algorithm = Kind::of(&resolve, world) == Some(Kind::Algorithm);
    let path = folder.join(manifest::NAME);
    match (algorithm, &settings.function, &settings.file) {
        (false, Some(name), None) => match name.split_once(':') {
            Some((file, function)) if is_file(file) && !function.is_empty() => {}
            _ => bail!(
                "{}: python.function = {name:?} must be FILE.py:FUNCTION, such as \"reward.py:compute_score\" or \"reward.py:make(scale=2)\"",
                path.display()
            ),
        },
        (true, None, Some(file)) if is_file(file) => {}
        (true, None, Some(file)) => bail!(
            "{}: python.file = {file:?} must be the name of a file in src, such as \"loss.py\"",
            path.display()
        ),
        (false, ..) => bail!(
            "{}: {:?} is a world of rewards, and a reward in Python names its function, and no file: `[python]` with \
             `function = \"FILE.py:FUNCTION\"` (an algorithm has `world = \"algorithm\"`)",
            path.display(),
            about.world
        ),
        (true, ..) => bail!(
            "{}: {:?} is a world of algorithms, and an algorithm in Python names its file, and no function: `[python]` with \
             `file = \"FILE.py\"` (a reward has `world = \"reward-plugin\"`)",
            path.display(),
            about.world
        ),
    }
    let tool = Tool::find()?;
    let made = folder.join(MADE);
    // A copy: the interpreter writes its caches beside what it reads.
    let sources = made.join("python");
    let app = made.join("app");
    for folder in [&sources, &app] {
        if folder.exists() {
            fs::remove_dir_all(folder)
                .with_context(|| format!("cannot empty {}", folder.display()))?;
        }
    }
    let wanted = |path: &Path| !path.ends_with("__pycache__");
    source::copy(&folder.join("src"), &sources, &wanted)?;
    let required = packages::install(folder, &made)?;
    // An environment without packages: what is installed on this machine is not the plugin's.
    let environment = made.join("environment");
    for folder in [&app, &environment.join("lib/python3/site-packages")] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let described = serde_json::to_string(&About {
        name: &about.name,
        version: &about.version,
        description: &about.description,
        scope: about.scope(),
        python: &settings,
    })?;
    // A string of JSON is one of Python too.
    let described = serde_json::to_string(&described)?;
    let (module, make, class) = if algorithm {
        ("objective", "objective", "Objective")
    } else {
        ("component", "reward", "Reward")
    };
    fs::write(
        app.join(APP).with_extension("py"),
        format!(
            "import json\nfrom rlhost import build, {module}\nABOUT = json.loads({described})\n\
             {class} = build.plugin(__file__, lambda notes: {module}.{make}(ABOUT, notes))\n"
        ),
    )?;
    let output = made.join("component.wasm");
    // What an earlier build left, or a link that came with the folder, is not written to.
    let _ = fs::remove_file(&output);
    let mut command = tool.command();
    command
        .current_dir(&made)
        .arg("-q")
        .arg("-d")
        .arg(folder.join("wit"))
        .args(["-w", &about.world, "componentize"])
        .args(["-p", "python", "-p", "app"])
        .args(
            required
                .iter()
                .flat_map(|(path, _)| ["-p".as_ref(), path.as_os_str()]),
        )
        .args([APP, "-o", "component.wasm"])
        .env("VIRTUAL_ENV", &environment)
        .env("RUST_BACKTRACE", "0");
    componentize(command, &app)?;
    Ok(Compiled {
        product: Product::Component(fused(&output)?),
        name: about.name,
        version: about.version,
        licence: about.license,
        language: ("Python", format!("componentize-py {}", tool.version)),
        packages: required
            .into_iter()
            .flat_map(|(_, packages)| packages)
            .map(|package| (package.name, package.version))
            .collect(),
    })
}

/// The component that the tool wrote, with its modules linked. It runs without that too, but starts slower.
fn fused(path: &Path) -> Result<Vec<u8>> {
    let component = read(path)?;
    Ok(rlhost_host::fuse(&component).unwrap_or_else(|error| {
        say(&format!(
            "note: {error}; the plugin works, but takes half as long again"
        ));
        component
    }))
}

/// Runs the tool. What the plugin's own checks say comes first; else the tool's words are shown as they are.
fn componentize(mut command: Command, app: &Path) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| programs::cannot_start(&command))?;
    let said = |name: &str| {
        fs::read_to_string(app.join(name))
            .ok()
            .filter(|text| !text.is_empty())
    };
    if let Some(reason) = said(ERROR) {
        quote(reason.trim_end());
        bail!("the plugin does not compile: its Python files have the error above");
    }
    if !output.status.success() {
        for text in [&output.stdout, &output.stderr] {
            quote(String::from_utf8_lossy(text).trim_end());
        }
    }
    programs::compiled(&command, output.status, None)?;
    if let Some(notes) = said(NOTES) {
        quote(notes.trim_end());
    }
    Ok(())
}

/// The name of a file of Python, without a folder.
pub fn is_file(name: &str) -> bool {
    !name.contains(['/', '\\', ':'])
        && name
            .strip_suffix(".py")
            .is_some_and(|stem| !stem.is_empty() && !stem.contains('.'))
}

/// componentize-py, as a program or as a module of `python3`.
struct Tool {
    program: PathBuf,
    arguments: &'static [&'static str],
    version: String,
}

impl Tool {
    /// The first one on `PATH`, by either name, whose version fits.
    fn find() -> Result<Self> {
        let programs = programs::all(|name| name == "componentize-py" || name == "python3");
        // The command itself is surer than a module of whichever `python3` comes first.
        let (own, pythons): (Vec<_>, Vec<_>) = programs
            .into_iter()
            .partition(|path| path.ends_with("componentize-py"));
        let candidates = own.into_iter().map(|program| (program, &[][..])).chain(
            pythons
                .into_iter()
                .map(|it| (it, &["-m", "componentize_py"][..])),
        );
        let mut other = None;
        for (program, arguments) in candidates {
            let mut command = Command::new(&program);
            let said = programs::output(command.args(arguments).arg("--version"));
            let Some(version) = said.as_deref().and_then(|it| it.split_whitespace().last()) else {
                continue;
            };
            let tool = Self {
                version: version.to_owned(),
                program,
                arguments,
            };
            if fits(&tool.version) {
                return Ok(tool);
            }
            other.get_or_insert(tool);
        }
        let install = format!("This installs it:\n    pip install componentize-py=={VERSION}");
        match other {
            Some(tool) => bail!(
                "{} is version {}, and plugins in Python need {VERSION} of componentize-py. {install}",
                tool.program.display(),
                tool.version
            ),
            None => bail!(
                "componentize-py, which makes components of Python, is not on PATH. {install}"
            ),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments);
        command
    }
}

/// Whether a version has the same interface: the same minor number.
fn fits(version: &str) -> bool {
    let minor = |text: &str| text.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    minor(version).is_some() && minor(version) == minor(VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_same_interface_fit() {
        for version in ["0.25.1", "0.25.0", "0.25.12"] {
            assert!(fits(version), "{version}");
        }
        for version in ["0.24.1", "0.26.0", "1.25.1", "", "x"] {
            assert!(!fits(version), "{version}");
        }
    }

    #[test]
    fn files_of_python_are_named_without_a_folder() {
        assert!(is_file("reward.py") && is_file("my-reward.py"));
        for name in [
            "", ".py", "reward", "a/b.py", "../b.py", "a.b.py", "a.py:f", "b.pyc",
        ] {
            assert!(!is_file(name), "{name}");
        }
    }
}
