//! What commands about plugins are given: a source folder, a component's file, or a plugin's name.
//!
//! All of them read it alike, and take the current folder where nothing is said. A folder stands for the component that
//! was built of it, a file in a folder for that folder where sources are wanted.

use super::build::{self, source};
use super::metadata::Metadata;
use crate::terminal;
use anyhow::{Context, Result, bail};
use rlhost_host::{Host, LimitSettings, Plugin, PluginRef, Search, files, golden};
use std::env;
use std::path::{Path, PathBuf};

/// Where the sources of plugins lie by their names, in a checkout.
const SOURCES: [&str; 4] = [
    "reward-plugins",
    "reward-plugins/examples",
    "algorithms",
    "tests/guests",
];

/// The component that is meant.
pub fn component(what: &str) -> Result<PluginRef> {
    let folder = Path::new(what);
    if !folder.is_dir() {
        return Ok(PluginRef::parse(what));
    }
    let found = golden::find_component(folder)?;
    if matches!(found, PluginRef::Name(_))
        && build::known(folder).is_ok()
        && Search::from_env().find(&found).is_err()
    {
        bail!(
            "{} has no component yet: `rlhost plugin build {what}` makes it",
            folder.display()
        );
    }
    Ok(found)
}

/// Loads the component that is meant; of a folder that has changed since it was built, says so.
pub fn load(host: &Host, what: &str, limits: &LimitSettings) -> Result<Plugin> {
    load_as(host, what, component(what)?, limits)
}

/// Loads a component for what is meant.
pub fn load_as(
    host: &Host,
    what: &str,
    component: PluginRef,
    limits: &LimitSettings,
) -> Result<Plugin> {
    let folder = Path::new(what);
    if !folder.is_dir() {
        return Ok(host.load_with(component, limits)?);
    }
    let plugin = host.load_with(component, limits).with_context(|| {
        format!(
            "cannot load the component of the source folder {}",
            folder.display()
        )
    })?;
    note_if_old(folder, &plugin);
    Ok(plugin)
}

/// The golden cases: those that are named, else those beside the source.
pub fn cases(what: &str, plugin: &Plugin, named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(cases) => Ok(cases.to_owned()),
        None if Path::new(what).is_dir() => in_folder(Path::new(what)),
        None => match source_of(plugin.path()) {
            Some(folder) => in_folder(&folder),
            None => Ok(golden::find_cases(plugin.path())?),
        },
    }
}

/// The source folder of a component that lies where builds write it: `FOLDER/target/guests/FOLDER.wasm`.
fn source_of(component: &Path) -> Option<PathBuf> {
    let path = component.canonicalize().ok()?;
    let folder = path.parent()?.parent()?.parent()?;
    let built = path.parent()?.ends_with("target/guests") && path.file_stem() == folder.file_name();
    let has_cases = built && folder.join("cases").is_dir();
    has_cases.then(|| {
        // As it was named, where it was named so.
        let above = component
            .parent()
            .and_then(Path::parent)
            .and_then(Path::parent);
        match above.filter(|it| it.as_os_str().is_empty() || it.is_dir()) {
            Some(named) if named.as_os_str().is_empty() => PathBuf::from("."),
            Some(named) => named.to_owned(),
            None => folder.to_owned(),
        }
    })
}

/// The cases of a source folder.
pub fn in_folder(folder: &Path) -> Result<PathBuf> {
    let cases = match folder.to_str() {
        Some(".") => PathBuf::from("cases"),
        _ => folder.join("cases"),
    };
    if !cases.is_dir() {
        bail!(
            "there is no folder {}: give a plugin's source folder, which has its cases in `cases`, or \
             say where they are with --cases. (Golden cases are for rewards: an algorithm has none)",
            cases.display()
        );
    }
    Ok(cases)
}

/// The source folder that is meant.
pub fn folder(what: &str) -> Result<PathBuf> {
    let path = Path::new(what);
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    if path.exists() {
        let above = path.ancestors().skip(1);
        let above = above.map(|it| {
            if it == Path::new("") {
                Path::new(".")
            } else {
                it
            }
        });
        return match above
            .into_iter()
            .find(|folder| build::known(folder).is_ok())
        {
            Some(folder) => Ok(folder.to_owned()),
            None => bail!("{what} lies in no plugin's folder"),
        };
    }
    if let (PluginRef::Name(name), Ok(here)) = (PluginRef::parse(what), env::current_dir()) {
        let folders = here
            .ancestors()
            .flat_map(|root| SOURCES.map(|source| root.join(source).join(&name)));
        if let Some(found) = folders.into_iter().find(|it| build::known(it).is_ok()) {
            return Ok(found
                .strip_prefix(&here)
                .map_or(found.clone(), Path::to_owned));
        }
    }
    bail!(
        "{what}: there is no such folder, nor a plugin's source of that name in reward-plugins here or above: \
         `rlhost plugin new` makes a folder"
    )
}

/// Says so where a component was built from other files than those that lie in the folder now. One that says
/// nothing of its source is taken as it is.
fn note_if_old(folder: &Path, plugin: &Plugin) {
    let embedded = files::read(plugin.path(), files::COMPONENT).map_err(Into::into);
    let embedded = embedded.and_then(|bytes| Metadata::read(&bytes));
    let Some(built_from) = embedded.ok().and_then(|found| found.source) else {
        return;
    };
    if source::digest(folder, plugin.path()).is_ok_and(|now| now != built_from) {
        let name = plugin.path().display();
        terminal::say(&format!(
            "note: {name} was built from other files than are in the folder now: `rlhost plugin build` builds it anew"
        ));
    }
}
