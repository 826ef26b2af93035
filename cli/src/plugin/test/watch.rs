//! `rlhost plugin test --watch`: builds and tests a plugin's folder whenever a file in it changes.

use super::{Arguments, check};
use crate::output;
use crate::plugin::build::{self, source};
use crate::plugin::given::in_folder;
use crate::terminal::{inline, say};
use anyhow::{Result, bail};
use rlhost_host::{Host, Plugin};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// So often the folder is looked at. Looking works on network drives and in containers, too, where changes
/// are not told.
const EVERY: Duration = Duration::from_millis(300);
/// So many changed files are named.
const NAMED: usize = 3;

/// Time of the last change and length of each file.
type Snapshot = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

pub fn run(host: &Host, arguments: &Arguments) -> Result<()> {
    let folder = Path::new(&arguments.what);
    if !folder.is_dir() {
        bail!(
            "--watch builds a plugin's source folder, but {} is no folder",
            arguments.what
        );
    }
    // A folder that is none of a plugin, or has no cases, is told at once.
    build::known(folder)?;
    let cases = match &arguments.cases {
        Some(cases) => cases.clone(),
        None => in_folder(folder)?,
    };
    let mut plugin = None;
    let mut seen = snapshot(folder, &cases);
    loop {
        if let Err(error) = round(host, folder, &cases, arguments, &mut plugin) {
            // The reader of the output is gone: so is the watch.
            if crate::is_broken_pipe(&error) {
                return Err(error);
            }
            say(&format!("error: {}", crate::describe(&error)));
        }
        say("");
        say("watching for changes; Ctrl-C ends");
        let (now, changed) = wait(folder, &cases, &seen);
        seen = now;
        if changed.iter().any(|name| !is_case(name, folder, &cases)) {
            plugin = None;
        }
        say("");
        say(&format!("changed: {}", listed(&changed)));
    }
}

/// One build, where a source has changed, and one test.
fn round(
    host: &Host,
    folder: &Path,
    cases: &Path,
    arguments: &Arguments,
    plugin: &mut Option<Plugin>,
) -> Result<()> {
    if plugin.is_none() {
        let begun = Instant::now();
        let built = build::build(folder, None)?;
        *plugin = Some(host.load_with(built.path.as_path(), &arguments.limits.settings())?);
        let seconds = begun.elapsed().as_secs_f64();
        output::standard(|out| Ok(writeln!(out, "built in {seconds:.1} s")?))?;
    }
    match plugin {
        Some(plugin) => check(plugin, cases, arguments),
        None => Ok(()),
    }
}

/// Waits until something differs from `seen`, and until nothing more changes.
fn wait(folder: &Path, cases: &Path, seen: &Snapshot) -> (Snapshot, Vec<PathBuf>) {
    let mut last = snapshot(folder, cases);
    loop {
        thread::sleep(EVERY);
        let now = snapshot(folder, cases);
        // Editors write a file in several steps, and several files at once.
        if now == last && now != *seen {
            let names = seen.keys().chain(now.keys());
            let mut changed: Vec<_> = names
                .filter(|name| seen.get(*name) != now.get(*name))
                .cloned()
                .collect();
            changed.sort();
            changed.dedup();
            return (now, changed);
        }
        last = now;
    }
}

/// The folder's files that a build reads, and the cases. What can't be read just now counts as absent.
fn snapshot(folder: &Path, cases: &Path) -> Snapshot {
    let mut files: Vec<_> = source::files(folder)
        .unwrap_or_default()
        .into_iter()
        .map(|name| folder.join(name))
        .collect();
    if cases.is_dir() {
        let names = source::files(cases).unwrap_or_default();
        files.extend(names.into_iter().map(|name| cases.join(name)));
    } else {
        files.push(cases.to_owned());
    }
    let state = |path: &Path| {
        let found = path.metadata().ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files
        .into_iter()
        .map(|path| (path.clone(), state(&path)))
        .collect()
}

/// Whether a file is one of the cases, for which nothing need be built.
fn is_case(file: &Path, folder: &Path, cases: &Path) -> bool {
    file.starts_with(cases) || file.starts_with(folder.join("cases"))
}

fn listed(changed: &[PathBuf]) -> String {
    let names: Vec<_> = changed
        .iter()
        .take(NAMED)
        .map(|path| inline(path.display()))
        .collect();
    let names = names.join(", ");
    match changed.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}
