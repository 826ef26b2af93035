//! The packages that a plugin in Python requires: `[python] requires` in `plugin.toml`, and `requirements.lock` beside it.
//!
//!     [python]
//!     requires = ["math-verify==0.9.0"]
//!
//! pip finds the packages, and those that they depend on, and only wheels of pure Python. The first build writes their versions and digests
//! into the lock file, in the form that pip reads; every later one takes these and no others.

use super::manifest;
use crate::plugin::programs;
use crate::terminal::{quote, say};
use anyhow::{Context, Result, bail};
use rlhost_host::files;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The lock file's name.
const LOCK: &str = "requirements.lock";
/// What stands before the requirements that a lock file is of.
const REQUIRES: &str = "# requires: ";
/// The folder of wheels that are the plugin's own.
const WHEELS: &str = "wheels";
/// A file among the installed packages with the lock that they are of; `src/rlhost/build.py` knows the folder by it.
const MARK: &str = "rlhost-packages";
/// The version of the interpreter.
const PYTHON: &str = "3.14";
/// The first version of pip that reports what it would install.
const PIP: u32 = 23;

/// A package of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: String,
    sha256: String,
}

/// Writes the lock file of a folder, where its plugin requires packages and has none of them, or one of others.
pub fn lock(folder: &Path) -> Result<()> {
    let requires = manifest::requires(folder)?;
    let path = folder.join(LOCK);
    if requires.is_empty() {
        return Ok(());
    }
    check(&requires)?;
    if read(&path)?.is_some_and(|lock| lock.requires == requires) {
        return Ok(());
    }
    let packages = find(folder, &requires)?;
    let mut text = "# Written by `rlhost plugin build`, which takes these versions and digests and no others. Remove the file to have them chosen anew.\n".to_owned();
    for requirement in &requires {
        writeln!(text, "{REQUIRES}{requirement}")?;
    }
    for Package {
        name,
        version,
        sha256,
    } in &packages
    {
        writeln!(text, "{name}=={version} --hash=sha256:{sha256}")?;
    }
    files::replace(&path, |file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let listed: Vec<_> = packages
        .iter()
        .map(|it| format!("{} {}", it.name, it.version))
        .collect();
    say(&format!(
        "note: {} now names {}",
        path.display(),
        listed.join(", ")
    ));
    Ok(())
}

/// The packages of a plugin's lock file in a folder of their own, in `made`; `None` where it requires none.
pub fn install(folder: &Path, made: &Path) -> Result<Option<(PathBuf, Vec<Package>)>> {
    let requires = manifest::requires(folder)?;
    if requires.is_empty() {
        return Ok(None);
    }
    let path = folder.join(LOCK);
    let lock = read(&path)?
        .filter(|lock| lock.requires == requires)
        .with_context(|| format!("{}: it has changed meanwhile; build again", path.display()))?;
    let target = made.join("packages");
    let text = files::read_text(&path, files::TEXT).with_context(|| path.display().to_string())?;
    if files::read_text(&target.join(MARK), files::TEXT).is_ok_and(|found| found == text) {
        return Ok(Some((target, lock.packages)));
    }
    let staged = made.join("packages.new");
    for folder in [&target, &staged] {
        if folder.exists() {
            fs::remove_dir_all(folder)
                .with_context(|| format!("cannot empty {}", folder.display()))?;
        }
    }
    let mut pip = pip(folder)?;
    pip.args(["install", "--no-deps", "--require-hashes", "--no-compile"])
        .args(["-r".as_ref(), path.as_os_str()])
        .args(["--target".as_ref(), staged.as_os_str()]);
    let output = run(&mut pip)?;
    if !output.status.success() {
        let said = said(&output);
        bail!(failed(&said, &path, |name| format!(
            "pip does not find `{name}` of {LOCK}, with that version and digest; remove the file to have versions chosen anew"
        )));
    }
    if let Some(file) = compiled(&staged)? {
        bail!(
            "{}: python.requires: {} holds {}, which is compiled: a component has packages of pure Python alone",
            folder.join(manifest::NAME).display(),
            owner(&file),
            file.display()
        );
    }
    fs::write(staged.join(MARK), text)
        .and_then(|()| fs::rename(&staged, &target))
        .with_context(|| format!("cannot make {}", target.display()))?;
    Ok(Some((target, lock.packages)))
}

/// What a lock file says.
struct Lock {
    requires: Vec<String>,
    packages: Vec<Package>,
}

fn read(path: &Path) -> Result<Option<Lock>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = files::read_text(path, files::TEXT).with_context(|| path.display().to_string())?;
    let mut lock = Lock {
        requires: Vec::new(),
        packages: Vec::new(),
    };
    for (number, line) in text.lines().enumerate() {
        if let Some(requirement) = line.strip_prefix(REQUIRES) {
            lock.requires.push(requirement.to_owned());
        } else if !line.starts_with('#') && !line.trim().is_empty() {
            let package = parsed(line).with_context(|| {
                format!(
                    "{}, line {}: it must be NAME==VERSION --hash=sha256:DIGEST; remove the file to have it written anew",
                    path.display(),
                    number + 1
                )
            })?;
            lock.packages.push(package);
        }
    }
    Ok(Some(lock))
}

/// A line of a lock file.
fn parsed(line: &str) -> Option<Package> {
    let (package, sha256) = line.split_once(" --hash=sha256:")?;
    let (name, version) = package.split_once("==")?;
    let is_plain = |text: &str, more: &[char]| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
    };
    let hex = sha256.len() == 64 && is_plain(sha256, &[]);
    (is_plain(name, &['.', '-', '_']) && is_plain(version, &['.', '-', '_', '+', '!']) && hex).then(
        || Package {
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: sha256.to_owned(),
        },
    )
}

/// Refuses what is no name with versions: an option of pip, a path, an address.
fn check(requires: &[String]) -> Result<()> {
    for requirement in requires {
        let name = requirement
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c))
            .count();
        let rest = &requirement[name..];
        let plain = rest
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " .-_,<>=!~*+[]();'\"".contains(c));
        if !requirement.starts_with(|c: char| c.is_ascii_alphanumeric()) || !plain {
            bail!(
                "{}: python.requires: {requirement:?} must be the name of a package, with its versions, such as \"math-verify==0.9.0\"; \
                 wheels that are no index's lie in the folder `{WHEELS}` beside the file",
                manifest::NAME
            );
        }
    }
    Ok(())
}

/// What pip reports.
#[derive(Deserialize)]
struct Report {
    install: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    metadata: Metadata,
    download_info: Download,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct Download {
    archive_info: Option<Archive>,
}

#[derive(Deserialize)]
struct Archive {
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// The packages that meet the requirements, and those that they depend on.
fn find(folder: &Path, requires: &[String]) -> Result<Vec<Package>> {
    let staged = tempfile::tempdir().context("cannot make a folder for pip")?;
    let report = staged.path().join("report.json");
    let mut pip = pip(folder)?;
    pip.args(["install", "--dry-run", "--ignore-installed", "--report"])
        .arg(&report)
        .args(["--target".as_ref(), staged.path().join("none").as_os_str()])
        .arg("--")
        .args(requires);
    let output = run(&mut pip)?;
    let path = folder.join(manifest::NAME);
    if !output.status.success() {
        let said = said(&output);
        bail!(failed(&said, &path, no_wheel));
    }
    let text = fs::read_to_string(&report).context("pip wrote no report")?;
    let report: Report = serde_json::from_str(&text).context("pip's report can't be read")?;
    let mut packages = Vec::new();
    for found in report.install {
        let hashes = found.download_info.archive_info.map(|it| it.hashes);
        let Some(sha256) = hashes.and_then(|mut it| it.remove("sha256")) else {
            bail!(
                "{}: python.requires: pip says no digest of {}",
                path.display(),
                found.metadata.name
            );
        };
        packages.push(Package {
            name: found.metadata.name,
            version: found.metadata.version,
            sha256,
        });
    }
    packages.sort_by_key(|it| it.name.to_lowercase());
    Ok(packages)
}

/// What is said of a package without a wheel of pure Python.
fn no_wheel(name: &str) -> String {
    let plain = name
        .split(|c: char| !(c.is_ascii_alphanumeric() || ".-_".contains(c)))
        .next()
        .unwrap_or_default()
        .to_lowercase()
        .replace('_', "-");
    if matches!(plain.as_str(), "levenshtein" | "python-levenshtein") {
        return format!(
            "`{name}` is compiled. A plugin has a module `Levenshtein` without it, in pure Python (distance, ratio, hamming, jaro, \
             jaro_winkler): take it out of `requires`"
        );
    }
    format!(
        "pip finds no wheel of pure Python for `{name}` that runs with Python {PYTHON}. A package with compiled parts (numpy, torch, rapidfuzz) can't \
         be in a component: do without it, or take one of pure Python. Of one that is published as source alone, \
         `pip wheel --no-deps -w {WHEELS} '{name}'` in the plugin's folder makes a wheel, and the build looks into `{WHEELS}`. Else its name or its \
         version is wrong"
    )
}

/// What a program said, of errors last.
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// What is said where pip fails: its own words come first.
fn failed(said: &str, path: &Path, no_match: impl Fn(&str) -> String) -> String {
    quote(said.trim_end());
    let missing = said
        .lines()
        .find_map(|line| line.split_once("No matching distribution found for "))
        .map(|(_, name)| name.split(" (from").next().unwrap_or(name).trim());
    // Versions that need what can't be had; that of the first one is the newest.
    let conflict = said
        .contains("ResolutionImpossible")
        .then(|| {
            said.lines()
                .find_map(|line| line.split_once(" depends on "))
        })
        .flatten();
    let unreachable = [
        "NewConnectionError",
        "ConnectionError",
        "Max retries",
        "Retrying (",
    ]
    .iter()
    .any(|word| said.contains(word));
    let reason = match missing {
        _ if unreachable => {
            "pip can't reach its package index (above): a first build with `requires` needs it, and later ones don't. An index of your own \
             is one that pip's settings name"
                .to_owned()
        }
        Some(name) => no_match(name),
        None if let Some((package, needed)) = conflict => {
            format!("`{}` needs `{needed}`. {}", package.trim(), no_match(needed))
        }
        None if said.contains("DO NOT MATCH THE HASHES") => {
            "a package differs from the digest that the lock file has of it (above). If you trust the new one, remove the lock file".to_owned()
        }
        None => "pip can't install the packages, and says why above".to_owned(),
    };
    format!("{}: python.requires: {reason}", path.display())
}

/// pip, with what holds for every call.
fn pip(folder: &Path) -> Result<Command> {
    let tools = programs::all(|name| name == "componentize-py");
    let beside = tools.iter().map(|tool| tool.with_file_name("python3"));
    let pythons: Vec<_> = beside
        .chain(programs::all(|name| name == "python3"))
        .filter(|python| python.is_file())
        .collect();
    let mut other = None;
    for python in &pythons {
        let said = programs::output(Command::new(python).args(["-m", "pip", "--version"]));
        match said
            .as_deref()
            .and_then(|it| programs::number_after(it, "pip "))
        {
            Some(version) if version >= PIP => {
                let mut command = Command::new(python);
                command
                    .args(["-m", "pip", "--disable-pip-version-check", "--no-input"])
                    .env("PIP_NO_WARN_SCRIPT_LOCATION", "1");
                return Ok(with_target(command, folder));
            }
            Some(version) => _ = other.get_or_insert((python, version)),
            None => {}
        }
    }
    let install = format!("`python3 -m pip install --upgrade 'pip>={PIP}'` installs it");
    match other {
        Some((python, version)) => bail!(
            "plugin.toml: python.requires needs pip {PIP} or newer, and that of {} is {version}: {install}",
            python.display()
        ),
        None => bail!(
            "plugin.toml: python.requires needs pip {PIP} or newer for a python3 on PATH, and there is none: {install} \
             (on Debian, `apt-get install python3-pip`, or a virtual environment)"
        ),
    }
}

/// Adds a wheel folder of the plugin's own. (The options of the target belong to pip's subcommands, and come later.)
fn with_target(mut command: Command, folder: &Path) -> Command {
    let wheels = folder.join(WHEELS);
    if wheels.is_dir() {
        command.env("PIP_FIND_LINKS", &wheels);
    }
    for (key, value) in [
        ("PIP_ONLY_BINARY", ":all:"),
        ("PIP_PLATFORM", "any"),
        ("PIP_PYTHON_VERSION", PYTHON),
        ("PIP_IMPLEMENTATION", "py"),
    ] {
        command.env(key, value);
    }
    command
}

fn run(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| programs::cannot_start(command))
}

/// The first file below a folder that is compiled code, as seen from it.
fn compiled(folder: &Path) -> Result<Option<PathBuf>> {
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let failed = || format!("cannot read {}", folder.join(&below).display());
        for entry in fs::read_dir(folder.join(&below)).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            let name = below.join(entry.file_name());
            if entry.path().is_dir() {
                pending.push(name);
            } else if name
                .extension()
                .is_some_and(|it| ["so", "pyd", "dylib", "dll"].iter().any(|e| it == *e))
            {
                return Ok(Some(name));
            }
        }
    }
    Ok(None)
}

/// The folder of packages that a file is in.
fn owner(file: &Path) -> String {
    let first = file.components().next();
    first.map_or_else(String::new, |it| {
        it.as_os_str().to_string_lossy().into_owned()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requirements_are_names_with_versions() {
        let good = [
            "sympy",
            "math-verify==0.9.0",
            "a_b.c[x,y]>=1,<2",
            "a ~= 1.4; python_version < '3.15'",
        ];
        check(&good.map(str::to_owned)).unwrap();
        for bad in [
            "",
            "-r x",
            "--index-url=x",
            "./a.whl",
            "a @ https://example.org/a.whl",
            "a\nb",
            "git+https://x",
        ] {
            let told = check(&[bad.to_owned()]).unwrap_err().to_string();
            assert!(told.contains("python.requires"), "{told}");
        }
    }

    #[test]
    fn a_lock_file_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        assert!(read(&path).unwrap().is_none());
        let digest = "a1".repeat(32);
        fs::write(
            &path,
            format!("# x\n# requires: a==1\n\nB.c==1.0+x --hash=sha256:{digest}\n"),
        )
        .unwrap();
        let lock = read(&path).unwrap().unwrap();
        assert_eq!(lock.requires, ["a==1"]);
        let package = &lock.packages[0];
        assert_eq!((&*package.name, &*package.version), ("B.c", "1.0+x"));
        for line in ["a==1", "a==1 --hash=sha256:1", "--index-url x", "a"] {
            fs::write(&path, line).unwrap();
            let told = format!("{:#}", read(&path).err().unwrap());
            assert!(told.contains("line 1"), "{told}");
        }
    }

    #[test]
    fn what_pip_says_is_told_with_a_way_out() {
        let path = Path::new("plugin.toml");
        let told = |said: &str| failed(said, path, no_wheel);
        let missing = "ERROR: No matching distribution found for numpy==2.0 (from x)";
        assert!(told(missing).contains("`numpy==2.0`"));
        assert!(told(missing).contains("pip wheel --no-deps -w wheels 'numpy==2.0'"));
        let levenshtein = "ERROR: No matching distribution found for python-Levenshtein";
        assert!(told(levenshtein).contains("take it out of `requires`"));
        let network =
            format!("WARNING: Retrying (Retry(total=4)) after NewConnectionError\n{missing}");
        assert!(told(&network).contains("can't reach its package index"));
        assert!(told("THESE PACKAGES DO NOT MATCH THE HASHES").contains("digest"));
    }

    #[test]
    fn compiled_files_are_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/x.py"), "").unwrap();
        assert_eq!(compiled(folder.path()).unwrap(), None);
        let file = Path::new("a/b/x.cpython-314.so");
        fs::write(folder.path().join(file), "").unwrap();
        assert_eq!(compiled(folder.path()).unwrap().as_deref(), Some(file));
        assert_eq!(owner(file), "a");
    }
}
