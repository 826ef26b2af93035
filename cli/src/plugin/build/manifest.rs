//! `plugin.toml`: what a plugin says about itself where its language has no manifest of its own.

use super::kind::Kind;
use super::{licence, python};
use crate::plugin::new::check_name;
use anyhow::{Context, Result, bail};
use rlhost_host::files::{TEXT, read_text};
use rlhost_host::{AskedLimits, Limits, PluginInfo, Scope};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use wit_parser::{Resolve, WorldId};

/// The manifest's name.
pub const NAME: &str = "plugin.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    plugin: About,
    python: Option<python::Settings>,
    /// The limits that the plugin asks for.
    #[serde(default)]
    limits: AskedLimits,
}

/// What a manifest says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub name: String,
    pub description: String,
    pub version: String,
    pub license: Option<String>,
    /// The world of `wit/` that it is built for.
    pub world: String,
    /// Which samples a call of a reward sees together; by default one.
    scope: Option<Scope>,
}

impl About {
    /// Which samples a call sees together.
    pub fn scope(&self) -> Scope {
        self.scope.unwrap_or(Scope::Sample)
    }
}

/// The manifest of a plugin's folder.
pub fn read(folder: &Path) -> Result<About> {
    let manifest = parse(folder)?;
    if manifest.python.is_some() {
        bail!(
            "{}: `[python]` is for plugins in Python",
            folder.join(NAME).display()
        );
    }
    Ok(manifest.plugin)
}

/// The manifest of a folder with a plugin in Python.
pub fn read_python(folder: &Path) -> Result<(About, python::Settings)> {
    let manifest = parse(folder)?;
    let settings = manifest.python.with_context(|| {
        format!(
            "{}: it lacks `[python]` with `function = \"FILE.py:FUNCTION\"` (of an algorithm `file = \"FILE.py\"`)",
            folder.join(NAME).display()
        )
    })?;
    Ok((manifest.plugin, settings))
}

/// Whether a folder's manifest is there and tells all of the plugin. Beside the `Cargo.toml` of one in Rust, it has `[limits]`
/// alone.
fn is_whole(folder: &Path) -> bool {
    folder.join(NAME).is_file() && !folder.join("Cargo.toml").is_file()
}

/// What a manifest says beside a `Cargo.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyLimits {
    #[serde(default)]
    limits: AskedLimits,
}

/// The packages of Python that a folder's plugin requires; none where it is of another language.
pub fn requires(folder: &Path) -> Result<Vec<String>> {
    if !is_whole(folder) {
        return Ok(Vec::new());
    }
    let python = parse(folder)?.python;
    Ok(python.map(|it| it.requires).unwrap_or_default())
}

/// The limits that a folder's plugin asks for.
pub fn limits(folder: &Path) -> Result<AskedLimits> {
    if !folder.join(NAME).is_file() {
        return Ok(AskedLimits::default());
    }
    let path = folder.join(NAME);
    let name = || path.display().to_string();
    let manifest = is_whole(folder).then(|| parse(folder)).transpose()?;
    let asked = if let Some(manifest) = &manifest {
        manifest.limits
    } else {
        let text = read_text(&path, TEXT).with_context(name)?;
        let only: OnlyLimits = toml::from_str(&text)
            .context("beside a Cargo.toml, it has [limits] alone")
            .with_context(name)?;
        only.limits
    };
    let defaults = Limits::default();
    let limits = Limits {
        fuel: asked.fuel.unwrap_or(defaults.fuel),
        memory: asked.memory.unwrap_or(defaults.memory),
        ..defaults
    };
    limits
        .validate()
        .with_context(|| folder.join(NAME).display().to_string())?;
    if let Some(manifest) = manifest.filter(|_| !asked.is_empty()) {
        let (resolve, world) = world(folder, &manifest.plugin.world)?;
        if Kind::of(&resolve, world) == Some(Kind::Algorithm) {
            bail!(
                "{}: `[limits]` is for rewards: an algorithm may use 1e11 fuel and 2 GiB of memory as it is",
                folder.join(NAME).display()
            );
        }
    }
    Ok(asked)
}

/// Refuses a scope of an algorithm.
pub fn check_no_scope(folder: &Path) -> Result<()> {
    if is_whole(folder) && parse(folder)?.plugin.scope.is_some() {
        bail!(
            "{}: plugin.scope is for rewards: an algorithm sees all rows of a step",
            folder.join(NAME).display()
        );
    }
    Ok(())
}

/// Checks that a reward describes itself with the scope that its manifest names: what describes it is a file of the folder,
/// which may be of an earlier version or changed by hand.
pub fn check_scope(folder: &Path, described: &PluginInfo) -> Result<()> {
    if !is_whole(folder) {
        return Ok(());
    }
    let Some(scope) = parse(folder)?.plugin.scope else {
        return Ok(());
    };
    if scope != described.scope {
        bail!(
            "{}: `scope = \"{}\"` is not what the plugin says of itself: \"{}\". The files of rlhost in its src are of an earlier \
             version, or were changed: `rlhost plugin new` makes a folder with those of now",
            folder.join(NAME).display(),
            scope.as_str(),
            described.scope.as_str(),
        );
    }
    Ok(())
}

fn parse(folder: &Path) -> Result<Manifest> {
    let path = folder.join(NAME);
    let name = || path.display().to_string();
    let text = read_text(&path, TEXT).with_context(name)?;
    check_keys(&text).with_context(name)?;
    let manifest: Manifest = toml::from_str(&text).with_context(name)?;
    let about = &manifest.plugin;
    for (key, text) in [
        ("name", &about.name),
        ("version", &about.version),
        ("description", &about.description),
    ] {
        if text.is_empty() || text.chars().any(char::is_control) {
            bail!(
                "{}: plugin.{key} must be a text of one line, and not empty",
                path.display()
            );
        }
    }
    check_name(&about.name).with_context(|| format!("{}: plugin.name", path.display()))?;
    if let Err(error) = semver::Version::parse(&about.version) {
        bail!(
            "{}: plugin.version = {:?} is no version as Semantic Versioning has them, such as \"0.1.0\": {error}",
            path.display(),
            about.version
        );
    }
    if let Some(text) = &about.license
        && let Err(reason) = licence::check(text)
    {
        bail!(
            "{}: plugin.license = {text:?} is no SPDX expression, such as \"Apache-2.0\", \"MIT OR Apache-2.0\" or \
             \"LicenseRef-Ours\": {reason}",
            path.display()
        );
    }
    Ok(manifest)
}

/// The sections of a manifest and their keys; what they hold is not checked here.
const KEYS: [(&str, &[&str]); 3] = [
    (
        "plugin",
        &[
            "name",
            "description",
            "version",
            "license",
            "world",
            "scope",
        ],
    ),
    (
        "python",
        &[
            "function",
            "file",
            "convention",
            "completions",
            "requires",
            "warm",
            "arguments",
        ],
    ),
    ("limits", &["fuel", "memory"]),
];

/// Refuses unknown keys, all of them at once.
fn check_keys(text: &str) -> Result<()> {
    // What is no TOML is told by whoever reads it.
    let Ok(table) = text.parse::<toml::Table>() else {
        return Ok(());
    };
    let mut unknown = Vec::new();
    for (section, value) in &table {
        let Some((_, known)) = KEYS.iter().find(|(name, _)| name == section) else {
            let owner = KEYS
                .iter()
                .find(|(_, keys)| keys.contains(&section.as_str()));
            unknown.push(match owner {
                Some((name, _)) => format!("`{section}` belongs under `[{name}]`"),
                None => format!("`{section}`: there are `[plugin]`, `[python]` and `[limits]`"),
            });
            continue;
        };
        let keys = value.as_table().into_iter().flat_map(toml::Table::keys);
        for key in keys.filter(|key| !known.contains(&key.as_str())) {
            unknown.push(format!(
                "`{section}.{key}`: `[{section}]` has {}",
                known.join(", ")
            ));
        }
    }
    match unknown.as_slice() {
        [] => Ok(()),
        [one] => bail!("unknown key {one}"),
        all => bail!("{} unknown keys:\n  {}", all.len(), all.join("\n  ")),
    }
}

/// The contract in the folder's `wit`, and the world of it that the manifest names.
pub fn world(folder: &Path, world: &str) -> Result<(Resolve, WorldId)> {
    let wit = folder.join("wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(&wit)
        .map_err(own_package)
        .with_context(|| format!("cannot read the contract in {}", wit.display()))?;
    let world = resolve
        .select_world(&[package], Some(world))
        .with_context(|| format!("{NAME}: plugin.world names no world of {}", wit.display()))?;
    Ok((resolve, world))
}

/// Adds the way out where a file of `wit` names the package that it is of itself.
fn own_package(error: anyhow::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    if text.contains("depends on itself") || text.contains("cycle") {
        return error.context(
            "the files in wit/ are of the package rlhost:plugin themselves, and name what it has without it, as in \
             `include reward-plugin;` and `import judge;`",
        );
    }
    error
}

/// The files in `src` whose names end in `extension`, in the order of their names, as seen from the
/// plugin's folder.
pub fn sources(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let folder = folder.join("src");
    let failed = || format!("cannot read {}", folder.display());
    let mut sources = Vec::new();
    for entry in fs::read_dir(&folder).with_context(failed)? {
        let name = entry.with_context(failed)?.file_name();
        if Path::new(&name).extension().is_some_and(|e| e == extension) {
            sources.push(Path::new("src").join(name));
        }
    }
    sources.sort();
    Ok(sources)
}
