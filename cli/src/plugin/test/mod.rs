//! `rlhost plugin test`: a plugin on its golden cases.

mod show;
mod watch;

use super::build::source;
use super::metadata::Metadata;
use crate::terminal::{self, inline};
use crate::{allow, host, output, score};
use anyhow::{Context, Result, bail};
use rlhost_host::golden;
use rlhost_host::{Host, Plugin, PluginRef, files};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    /// A plugin's source folder, a component's path, or a plugin's name
    #[arg(value_name = "FOLDER|PLUGIN", default_value = ".")]
    what: String,
    /// The component, where the folder's name doesn't lead to it
    #[arg(long)]
    plugin: Option<String>,
    /// Cases; by default the folder `cases` beside the plugin's source
    #[arg(long, value_name = "FILE|FOLDER")]
    cases: Option<PathBuf>,
    /// Only cases whose name or `FILE:LINE` contains this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show every case; otherwise, of more than 30, only those that fail
    #[arg(long)]
    all: bool,
    /// One JSON object a case
    #[arg(long, conflicts_with = "all")]
    json: bool,
    /// Build and test the source folder, again at each change of a file
    #[arg(long, conflicts_with_all = ["plugin", "json"])]
    watch: bool,
    #[command(flatten)]
    allow: allow::Arguments,
    #[command(flatten)]
    limits: score::LimitArguments,
    /// Threads, at most 1024; all processors by default
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let host = host::builder_on(arguments.threads)?;
    let host = arguments.limits.on(host).build()?;
    if arguments.watch {
        return watch::run(&host, arguments);
    }
    let (plugin, cases) = find(&host, arguments)?;
    check(&plugin, &cases, arguments)
}

/// Checks a plugin on its cases, and prints what comes of it. Failed cases are an error.
fn check(plugin: &Plugin, cases: &Path, arguments: &Arguments) -> Result<()> {
    let mut found = golden::read(cases)?;
    if let Some(text) = &arguments.filter {
        found = golden::retain(found, plugin.info().scope, text);
        if found.is_empty() {
            bail!("{}: no case matches the filter `{text}`", cases.display());
        }
    }
    let limits = plugin.limits();
    // Log lines change nothing, and tell what went wrong.
    let grants = arguments.allow.grants(plugin.host())?.log();
    let checked = golden::check(plugin, found, limits, &grants)?;
    let failed = checked.iter().filter(|checked| !checked.passed()).count();
    if arguments.json {
        output::json_lines(|out| show::json(out, &checked))?;
    } else {
        output::standard(|out| {
            let info = plugin.info();
            let path = inline(plugin.path().display());
            writeln!(out, "plugin {} {}, {path}", info.name, info.version)?;
            writeln!(out)?;
            Ok(show::text(out, &checked, arguments.all)?)
        })?;
    }
    if failed > 0 {
        let cases = if checked.len() == 1 { "case" } else { "cases" };
        bail!("{failed} of {} {cases} failed", checked.len());
    }
    Ok(())
}

/// The component and where its cases are.
fn find(host: &Host, arguments: &Arguments) -> Result<(Plugin, PathBuf)> {
    let folder = Path::new(&arguments.what);
    let named = arguments.plugin.as_ref().map(PluginRef::from);
    if folder.is_dir() {
        let cases = match &arguments.cases {
            Some(cases) => cases.clone(),
            None => in_folder(folder)?,
        };
        let component = match named {
            Some(component) => component,
            None => golden::find_component(folder)?,
        };
        let plugin = host
            .load_with(component, &arguments.limits.settings())
            .with_context(|| {
                format!(
                    "cannot load the component of the source folder {}",
                    folder.display()
                )
            })?;
        note_if_old(folder, &plugin);
        return Ok((plugin, cases));
    }
    if named.is_some() {
        bail!(
            "--plugin names the component of a source folder, but {} is no folder",
            arguments.what
        );
    }
    let plugin = host.load_with(arguments.what.as_str(), &arguments.limits.settings())?;
    let cases = match &arguments.cases {
        Some(cases) => cases.clone(),
        None => golden::find_cases(plugin.path())?,
    };
    Ok((plugin, cases))
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

/// The cases of a source folder.
fn in_folder(folder: &Path) -> Result<PathBuf> {
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
