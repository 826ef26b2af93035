//! `plugin.toml`: what a plugin says about itself where its language has no manifest of its own.

use super::kind::Kind;
use super::{licence, python};
use crate::plugin::new::check_name;
use anyhow::{Context, Result, bail};
use rlhost_host::files::{TEXT, read_text};
use rlhost_host::{AskedLimits, Limits};
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

/// The packages of Python that a folder's plugin requires; none where it is of another language.
pub fn requires(folder: &Path) -> Result<Vec<String>> {
    if !folder.join(NAME).is_file() {
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
    let manifest = parse(folder)?;
    let asked = manifest.limits;
    let defaults = Limits::default();
    let limits = Limits {
        fuel: asked.fuel.unwrap_or(defaults.fuel),
        memory: asked.memory.unwrap_or(defaults.memory),
        ..defaults
    };
    limits
        .validate()
        .with_context(|| folder.join(NAME).display().to_string())?;
    if !asked.is_empty() {
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

fn parse(folder: &Path) -> Result<Manifest> {
    let path = folder.join(NAME);
    let name = || path.display().to_string();
    let text = read_text(&path, TEXT).with_context(name)?;
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

/// The contract in the folder's `wit`, and the world of it that the manifest names.
pub fn world(folder: &Path, world: &str) -> Result<(Resolve, WorldId)> {
    let wit = folder.join("wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(&wit)
        .with_context(|| format!("cannot read the contract in {}", wit.display()))?;
    let world = resolve
        .select_world(&[package], Some(world))
        .with_context(|| format!("{NAME}: plugin.world names no world of {}", wit.display()))?;
    Ok((resolve, world))
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
