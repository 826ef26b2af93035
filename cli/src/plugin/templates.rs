//! The files of a new plugin's folder.
//!
//! A plugin in Rust carries a copy of the crate `rlhost-plugin`, so that its folder builds wherever it lies
//! with nothing but the package registry, and goes on to build the same when rlhost changes.

use super::component::CONTRACT;
use rlhost_host::Scope;
use rlhost_host::files::{TEXT, read_text};
use std::collections::BTreeSet;
use std::path::Path;

/// Files by their path in the folder.
pub type Files = Vec<(String, String)>;

const IGNORED: &str = "/target\n";
const LICENCE: &str = include_str!("../../../LICENSE");
/// Exact versions of what the crate is made of.
const LOCK: &str = include_str!("../../../reward-plugins/Cargo.lock");
const CRATE: &str = "rlhost-plugin";

macro_rules! sdk {
    ($($file:literal),*) => {
        [$(($file, include_str!(concat!("../../../reward-plugins/sdk/src/", $file)))),*]
    };
}

const SDK: [(&str, &str); 10] = sdk![
    "algorithm.rs",
    "allocator.rs",
    "describe.rs",
    "lib.rs",
    "log.rs",
    "panic.rs",
    "params.rs",
    "reward.rs",
    "sample.rs",
    "verdict.rs"
];
const SDK_MANIFEST: &str = include_str!("../../templates/rust/sdk.toml");
const MANIFEST: &str = include_str!("../../templates/rust/Cargo.toml");

macro_rules! template {
    ($($file:literal),*) => {
        &[$((
            // The path below the template's folder.
            $file,
            include_str!(concat!("../../templates/", $file)),
        )),*]
    };
}

const RUST_REWARD: &[(&str, &str)] = template![
    "rust-reward/README.md",
    "rust-reward/src/lib.rs",
    "reward/cases/examples.jsonl"
];
const RUST_ALGORITHM: &[(&str, &str)] =
    template!["rust-algorithm/README.md", "rust-algorithm/src/lib.rs"];

const C_REWARD: &[(&str, &str)] = template![
    "c-reward/README.md",
    "c-reward/plugin.toml",
    "c-reward/src/rlhost.c",
    "c-reward/src/rlhost.h",
    "c-reward/src/score.c",
    "c/src/text.c",
    "c/src/text.h",
    "reward/cases/examples.jsonl"
];
const C_ALGORITHM: &[(&str, &str)] = template![
    "c-algorithm/README.md",
    "c-algorithm/plugin.toml",
    "c-algorithm/src/rlhost.c",
    "c-algorithm/src/rlhost.h",
    "c-algorithm/src/loss.c",
    "c/src/text.c",
    "c/src/text.h"
];

const PYTHON: &[(&str, &str)] = template![
    "python/rlhost/__init__.py",
    "python/rlhost/absent.py",
    "python/rlhost/algorithm.py",
    "python/rlhost/build.py",
    "python/rlhost/call.py",
    "python/rlhost/component.py",
    "python/rlhost/loop.py",
    "python/rlhost/objective.py",
    "python/rlhost/parameters.py",
    "python/rlhost/serial.py",
    "python/rlhost/source.py",
    "python/rlhost/standin/Levenshtein.py",
    "python/rlhost/standin/__init__.py",
    "python/rlhost/standin/ctypes.py",
    "python/rlhost/standin/tqdm/__init__.py",
    "python/rlhost/standin/tqdm/auto.py",
    "python/rlhost/wanted.py",
    "python/rlhost/warm.py"
];
const PYTHON_REWARD: &[(&str, &str)] = template![
    "python-reward/README.md",
    "python-reward/plugin.toml",
    "python-reward/src/reward.py",
    "reward/cases/examples.jsonl"
];
const PYTHON_WRAPPED: &[(&str, &str)] = template!["python-wrapped/README.md"];
const PYTHON_ALGORITHM: &[(&str, &str)] = template![
    "python-algorithm/README.md",
    "python-algorithm/plugin.toml",
    "python-algorithm/src/loss.py",
    "python-algorithm/tests/test_loss.py"
];

const GO_REWARD: &[(&str, &str)] = template![
    "go-reward/README.md",
    "go-reward/plugin.toml",
    "go-reward/src/rlhost.go",
    "go-reward/src/rlhost_each.go",
    "go-reward/src/rlhost_together.go",
    "go-reward/src/score.go",
    "reward/cases/examples.jsonl",
    "go/go.mod"
];
const GO_ALGORITHM: &[(&str, &str)] = template![
    "go-algorithm/README.md",
    "go-algorithm/plugin.toml",
    "go-algorithm/src/algorithm.go",
    "go-algorithm/src/rlhost.go",
    "go/go.mod"
];

const JAVASCRIPT_REWARD: &[(&str, &str)] = template![
    "javascript-reward/README.md",
    "javascript-reward/plugin.toml",
    "javascript-reward/src/rlhost.js",
    "javascript-reward/src/score.js",
    "reward/cases/examples.jsonl"
];
const JAVASCRIPT_ALGORITHM: &[(&str, &str)] = template![
    "javascript-algorithm/README.md",
    "javascript-algorithm/plugin.toml",
    "javascript-algorithm/src/algorithm.js",
    "javascript-algorithm/src/rlhost.js"
];

/// What a reward plugin does until it is edited.
const REWARD: &str = "Looks for the reference answer in the response.";
/// What an algorithm does until it is edited.
const ALGORITHM: &str = "Policy gradient without ratios: −A · logp, the mean over tokens.";

/// Whether a plugin still describes itself as its template does, though its source is another by now.
pub fn is_stale(folder: &Path, description: &str) -> bool {
    let templates = [
        RUST_REWARD,
        RUST_ALGORITHM,
        C_REWARD,
        C_ALGORITHM,
        GO_REWARD,
        GO_ALGORITHM,
        JAVASCRIPT_REWARD,
        JAVASCRIPT_ALGORITHM,
        PYTHON_REWARD,
        PYTHON_ALGORITHM,
    ];
    let as_made = |(path, text): &(&str, &str)| {
        let (_, path) = path.split_once('/').unwrap_or_default();
        MAIN.contains(&path)
            && read_text(&folder.join(path), TEXT).is_ok_and(|found| found == *text)
    };
    [REWARD, ALGORITHM].contains(&description) && !templates.iter().any(|it| it.iter().any(as_made))
}

/// The files to edit.
const MAIN: [&str; 9] = [
    "src/lib.rs",
    "src/score.c",
    "src/loss.c",
    "src/score.go",
    "src/algorithm.go",
    "src/score.js",
    "src/algorithm.js",
    "src/reward.py",
    "src/loss.py",
];

/// What a template's blanks are filled in with.
struct Blanks<'a> {
    name: &'a str,
    description: &'a str,
}

impl Blanks<'_> {
    fn fill(&self, text: &str) -> String {
        text.replace("{{name}}", self.name)
            .replace("{{description}}", self.description)
    }
}

/// A reward plugin in Rust.
pub fn rust_reward(name: &str) -> Files {
    let description = REWARD;
    rust(&Blanks { name, description }, RUST_REWARD)
}

/// A reward plugin in C.
pub fn c_reward(name: &str) -> Files {
    with_contract(name, REWARD, C_REWARD)
}

/// An algorithm in C.
pub fn c_algorithm(name: &str) -> Files {
    with_contract(name, ALGORITHM, C_ALGORITHM)
}

/// A reward plugin in Python.
pub fn python_reward(name: &str) -> Files {
    let description = REWARD;
    let files = own(&Blanks { name, description }, PYTHON_REWARD);
    python(files, "reward.py:compute_score")
}

/// The folder around a reward function in Python, which `FILE.py:FUNCTION` names; its file is to be added.
pub fn python_wrapped(name: &str, function: &str, requires: &[String], scope: Scope) -> Files {
    let plain = function.split('(').next().unwrap_or_default();
    let description = format!("The function {plain}.");
    let blanks = Blanks {
        name,
        description: &description,
    };
    let mut files = own(&blanks, PYTHON_WRAPPED);
    for (path, text) in PYTHON_REWARD {
        if path.ends_with("plugin.toml") {
            let mut text = blanks.fill(text) + &required(requires);
            if scope != Scope::Sample {
                let says = format!("\nscope = \"{}\"\n", scope.as_str());
                text = text.replace("\n# scope = \"group\"\n", &says);
            }
            files.push(("plugin.toml".to_owned(), text));
        }
    }
    python(files, function)
}

/// What `plugin.toml` says of packages. Those that are known have sympy, which has more in memory than a plugin may by default.
fn required(requires: &[String]) -> String {
    if requires.is_empty() {
        return String::new();
    }
    let listed: Vec<_> = requires.iter().map(|it| format!("{it:?}")).collect();
    format!(
        "# Packages of pure Python, which the build fetches: with those that they need they stand in requirements.lock.\n\
         requires = [{}]\n\n\
         [limits]\n\
         # What a score may use at the most: bytes of memory, and fuel (about an instruction each).\n\
         memory = 268_435_456\n\
         fuel = 20_000_000_000\n",
        listed.join(", ")
    )
}

/// An algorithm in Python.
pub fn python_algorithm(name: &str) -> Files {
    let description = ALGORITHM;
    let files = own(&Blanks { name, description }, PYTHON_ALGORITHM);
    python(files, "")
}

/// Adds what all plugins in Python have.
fn python(mut files: Files, function: &str) -> Files {
    for (path, text) in &mut files {
        // In a string of TOML, a quote has a backslash before it.
        let function = match path.as_str() {
            "plugin.toml" => function.replace('\\', "\\\\").replace('"', "\\\""),
            _ => function.to_owned(),
        };
        *text = text.replace("{{function}}", &function);
        if path == ".gitignore" {
            text.push_str("__pycache__/\n");
        }
    }
    let library = PYTHON.iter().map(|(path, text)| {
        let (_, path) = path.split_once('/').unwrap_or_default();
        (format!("src/{path}"), (*text).to_owned())
    });
    files.extend(library);
    files.extend(contract());
    files
}

/// A reward plugin in Go.
pub fn go_reward(name: &str) -> Files {
    with_contract(name, REWARD, GO_REWARD)
}

/// An algorithm in Go.
pub fn go_algorithm(name: &str) -> Files {
    with_contract(name, ALGORITHM, GO_ALGORITHM)
}

/// A reward plugin in JavaScript.
pub fn javascript_reward(name: &str) -> Files {
    with_contract(name, REWARD, JAVASCRIPT_REWARD)
}

/// An algorithm in JavaScript.
pub fn javascript_algorithm(name: &str) -> Files {
    with_contract(name, ALGORITHM, JAVASCRIPT_ALGORITHM)
}

/// An algorithm in Rust.
pub fn rust_algorithm(name: &str) -> Files {
    let description = ALGORITHM;
    rust(&Blanks { name, description }, RUST_ALGORITHM)
}

/// Whether a crate of this name is part of every plugin in Rust.
pub fn is_dependency(name: &str) -> bool {
    needed(LOCK).contains(name)
}

fn rust(blanks: &Blanks<'_>, template: &[(&str, &str)]) -> Files {
    let mut files = own(blanks, template);
    let mut add = |path: String, text: &str| files.push((path, text.to_owned()));
    add("Cargo.toml".to_owned(), &blanks.fill(MANIFEST));
    add("Cargo.lock".to_owned(), &lock(blanks.name));
    let sdk = format!("vendor/{CRATE}");
    add(format!("{sdk}/Cargo.toml"), SDK_MANIFEST);
    add(format!("{sdk}/LICENSE"), LICENCE);
    for (name, text) in SDK {
        add(format!("{sdk}/src/{name}"), text);
    }
    // Where the crate looks for it, too.
    files.extend(contract());
    files
}

/// A template's files and the contract.
fn with_contract(name: &str, description: &str, template: &[(&str, &str)]) -> Files {
    let mut files = own(&Blanks { name, description }, template);
    files.extend(contract());
    files
}

fn contract() -> impl Iterator<Item = (String, String)> {
    CONTRACT
        .into_iter()
        .map(|(name, text)| (format!("wit/{name}"), text.to_owned()))
}

/// A template's files, filled in.
fn own(blanks: &Blanks<'_>, template: &[(&str, &str)]) -> Files {
    let mut files = vec![(".gitignore".to_owned(), IGNORED.to_owned())];
    files.extend(template.iter().map(|(path, text)| {
        let (_, path) = path.split_once('/').unwrap_or_default();
        (path.to_owned(), blanks.fill(text))
    }));
    files
}

/// The blocks of a lock file, one a package, with the package's name.
fn packages(lock: &str) -> impl Iterator<Item = (&str, &str)> {
    lock.split("[[package]]\n").skip(1).map(|block| {
        let name = block.split('"').nth(1).unwrap_or_default();
        (name, block.trim_end())
    })
}

/// The packages that [`CRATE`] is made of, itself included.
fn needed(lock: &str) -> BTreeSet<&str> {
    let mut needed = BTreeSet::new();
    let mut open = vec![CRATE];
    while let Some(name) = open.pop() {
        if !needed.insert(name) {
            continue;
        }
        for (_, block) in packages(lock).filter(|(found, _)| *found == name) {
            let dependencies = block.split("dependencies = [").nth(1).unwrap_or_default();
            // ` "name",` or, where there are several versions, ` "name version",`.
            let names = dependencies.split('"').skip(1).step_by(2);
            open.extend(names.filter_map(|name| name.split(' ').next()));
        }
    }
    needed
}

/// The lock file of a plugin: of all versions the very ones that rlhost is tested with.
fn lock(name: &str) -> String {
    let needed = needed(LOCK);
    let own = format!("name = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n \"{CRATE}\",\n]");
    let mut blocks: Vec<_> = packages(LOCK)
        .filter(|(name, _)| needed.contains(name))
        .chain([(name, own.as_str())])
        .collect();
    blocks.sort_by_key(|(name, _)| *name);
    let head = LOCK.split("[[package]]").next().unwrap_or_default();
    let blocks: Vec<_> = blocks
        .iter()
        .map(|(_, block)| format!("[[package]]\n{block}\n"))
        .collect();
    format!("{head}{}", blocks.join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    #[test]
    fn the_copy_of_the_crate_is_whole_and_asks_for_the_same() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reward-plugins");
        let mut sources: Vec<_> = fs::read_dir(folder.join("sdk/src"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        sources.sort();
        assert_eq!(SDK.map(|(name, _)| name).to_vec(), sources);

        let parse = |text: &str| text.parse::<toml::Table>().unwrap();
        let read = |path: &str| parse(&fs::read_to_string(folder.join(path)).unwrap());
        let (ours, workspace) = (parse(SDK_MANIFEST), read("Cargo.toml"));
        let theirs = read("sdk/Cargo.toml");
        let names: Vec<_> = ours["dependencies"].as_table().unwrap().keys().collect();
        let expected = theirs["dependencies"].as_table().unwrap();
        assert_eq!(names, expected.keys().collect::<Vec<_>>());
        for name in names {
            assert_eq!(
                ours["dependencies"][name], workspace["workspace"]["dependencies"][name],
                "{name}"
            );
        }
        for key in ["version", "edition", "rust-version", "license"] {
            assert_eq!(
                ours["package"][key], workspace["workspace"]["package"][key],
                "{key}"
            );
        }
        let profile = |manifest: &toml::Table| manifest["profile"]["release"].clone();
        assert_eq!(profile(&parse(MANIFEST)), profile(&workspace));
    }

    #[test]
    fn a_lock_file_has_what_a_plugin_needs_and_no_more() {
        let text = lock("word-count");
        let names: Vec<_> = packages(&text).map(|(name, _)| name).collect();
        assert!(names.is_sorted());
        for name in ["word-count", "rlhost-plugin", "dlmalloc", "wit-bindgen"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(!names.contains(&"math-verifier"), "{names:?}");
        assert!(text.parse::<toml::Table>().is_ok());
        assert!(is_dependency("dlmalloc") && !is_dependency("word-count"));
    }
}
