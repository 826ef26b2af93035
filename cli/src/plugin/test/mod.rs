//! `rlhost plugin test`: a plugin on its golden cases.

mod show;
mod watch;

use super::given;
use crate::terminal::inline;
use crate::{allow, host, output, score};
use anyhow::{Result, bail};
use rlhost_host::golden;
use rlhost_host::{Host, Plugin, PluginRef};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    /// A plugin's source folder, a component's file, or a plugin's name
    #[arg(value_name = "FOLDER|FILE|NAME", default_value = ".")]
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
    let what = arguments.what.as_str();
    let component = match &arguments.plugin {
        Some(_) if !Path::new(what).is_dir() => {
            bail!("--plugin names the component of a source folder, but {what} is no folder")
        }
        Some(component) => PluginRef::from(component),
        None => {
            // A folder without cases is none to be tested, whatever its component is.
            if arguments.cases.is_none() && Path::new(what).is_dir() {
                given::in_folder(Path::new(what))?;
            }
            given::component(what)?
        }
    };
    let plugin = given::load_as(host, what, component, &arguments.limits.settings())?;
    let cases = given::cases(what, &plugin, arguments.cases.as_deref())?;
    Ok((plugin, cases))
}
