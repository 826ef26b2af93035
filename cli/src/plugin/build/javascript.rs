//! Plugins in JavaScript: `plugin.toml` and modules in `src`, which componentize-qjs puts beside the
//! interpreter `QuickJS`, as a snapshot taken after they have been loaded.

mod errors;

use super::kind::Kind;
use super::{Compiled, MADE, Product, idle, manifest, source};
use crate::plugin::programs;
use crate::terminal;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wit_parser::{PackageId, Resolve, WorldId, WorldItem};

const TOOL: &str = "componentize-qjs";
const NO_TOOL: &str = "no componentize-qjs that runs is on PATH or in node_modules/.bin of the folder or one above it. \
     This installs one, where there is Node.js 18 or newer (on Debian: apt-get install -y nodejs npm):\n    \
     npm install -g componentize-qjs@0.4.5";

/// Modules that can be the plugin's own.
const ENTRIES: [&str; 2] = ["src/score.js", "src/algorithm.js"];

/// `console`, and the parts of WASI's interfaces that it calls.
const CONSOLE: &str = include_str!("../../../templates/javascript/console.js");
const WASI: [(&str, &str); 2] = [
    (
        "io",
        include_str!("../../../templates/javascript/wit/io.wit"),
    ),
    (
        "cli",
        include_str!("../../../templates/javascript/wit/cli.wit"),
    ),
];
const WITH_CONSOLE: &str = "with-console";

pub fn compile(folder: &Path) -> Result<Compiled> {
    let about = manifest::read(folder)?;
    let entry = entry(folder)?;
    let (resolve, world) = manifest::world(folder, &about.world)?;
    let tool = Tool::find(folder)?;

    // A copy, because modules are read from one folder and below, and links may lead out of it.
    let made = folder.join(MADE);
    if made.exists() {
        fs::remove_dir_all(&made).with_context(|| format!("cannot remove {}", made.display()))?;
    }
    for (name, extension) in [("src", "js"), ("wit", "wit")] {
        let wanted = |path: &Path| path.is_dir() || path.extension() == Some(extension.as_ref());
        source::copy(&folder.join(name), &made.join(name), &wanted)?;
    }
    let write = |name: &str, text: &str| {
        let path = made.join(name);
        let parent = path.parent().unwrap_or(&made);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))
    };
    let mut main = String::new();
    let mut world_name = about.world.as_str();
    if !has_wasi(&resolve) {
        write("console.js", CONSOLE)?;
        main += "import \"./console.js\";\n";
        for (name, text) in WASI {
            write(&format!("wit/deps/wasi-{name}/{name}.wit"), text)?;
        }
        write(
            "wit/with-console.wit",
            &format!(
                "{}\nworld {WITH_CONSOLE} {{\n  include {world_name};\n  import wasi:cli/stdout@0.2.12;\n  \
                 import wasi:cli/stderr@0.2.12;\n}}\n",
                package_line(&resolve, resolve.worlds[world].package)
            ),
        )?;
        world_name = WITH_CONSOLE;
    }
    write("about.js", &about_module(&about))?;
    main += "import \"./about.js\";\n";
    main += &exports(&resolve, world, &about.world, entry)?;
    write("main.js", &main)?;

    let mut command = Command::new(&tool.program);
    command
        // Messages name files as seen from here, which is as they lie in the plugin's folder.
        .current_dir(&made)
        .args(["--wit", "wit", "--js", "main.js", "--world", world_name])
        // The host has no asynchronous calls.
        .args(["--sync", "--output", "component.wasm"])
        .stdout(Stdio::null());
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| programs::cannot_start(&command))?;
    let said = String::from_utf8_lossy(&output.stderr);
    terminal::quote(&errors::cleared(&said, &made));
    let hint = errors::hint(&said, folder, &about.world);
    programs::compiled(&command, output.status, hint)?;
    idle::note(folder, &idle::JAVASCRIPT);
    Ok(Compiled {
        product: Product::read_component(&made.join("component.wasm"))?,
        name: about.name,
        version: about.version,
        licence: about.license,
        language: ("JavaScript", tool.version),
        packages: Vec::new(),
    })
}

/// The plugin's own module.
fn entry(folder: &Path) -> Result<&'static str> {
    let found: Vec<_> = ENTRIES
        .into_iter()
        .filter(|entry| folder.join(entry).is_file())
        .collect();
    match found[..] {
        [entry] => Ok(entry),
        _ => bail!(
            "one of {} must be there, and only one: it is the module whose exports are the component's",
            ENTRIES.join(" and ")
        ),
    }
}

/// Whether the contract has packages of WASI of its own; a second description would contradict them.
fn has_wasi(resolve: &Resolve) -> bool {
    resolve
        .packages
        .iter()
        .any(|(_, package)| package.name.namespace == "wasi")
}

fn package_line(resolve: &Resolve, package: Option<PackageId>) -> String {
    package.map_or_else(String::new, |package| {
        format!("package {};\n", resolve.packages[package].name)
    })
}

/// What the manifest says, for `describe`.
fn about_module(about: &manifest::About) -> String {
    let about = serde_json::json!({
        "name": about.name,
        "version": about.version,
        "doc": about.description,
        "scope": about.scope().as_str(),
    });
    format!("globalThis.PLUGIN = Object.freeze({about});\n")
}

/// A module that exports what the world wants, from the plugin's own module. What is missing there is an error
/// of the build, and not of the first call.
fn exports(resolve: &Resolve, world: WorldId, world_name: &str, entry: &str) -> Result<String> {
    let kind = match Kind::of(resolve, world) {
        Some(Kind::Reward) => ", a world of rewards",
        Some(Kind::Algorithm) => ", a world of algorithms",
        None => "",
    };
    let mut text = format!("import * as plugin from \"./{entry}\";\n");
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else {
            bail!("the world exports more than interfaces, which plugins in JavaScript can't");
        };
        let interface = &resolve.interfaces[*id];
        let name = camel_case(interface.name.as_deref().unwrap_or_default());
        if name.is_empty() {
            bail!(
                "the world exports `{}`, an interface without a name",
                resolve.name_world_key(key)
            );
        }
        for function in interface.functions.keys() {
            let function = camel_case(function);
            let message = format!(
                "{entry} must export `{name}`, an object with a function `{function}`: \
                     plugin.toml names `{world_name}`{kind}"
            );
            writeln!(
                text,
                "if (typeof plugin.{name}?.{function} !== \"function\") {{\n  throw new Error({});\n}}",
                serde_json::Value::from(message)
            )?;
        }
        writeln!(text, "export const {name} = plugin.{name};")?;
    }
    Ok(text)
}

/// A name of the contract as JavaScript writes it: `policyLoss` for `policy-loss`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.extend(letters);
        text
    })
}

/// componentize-qjs.
struct Tool {
    program: PathBuf,
    version: String,
}

impl Tool {
    /// The nearest in `node_modules/.bin` of the plugin's folder or one above it, else the first on `PATH`: that is
    /// where npm puts it.
    fn find(folder: &Path) -> Result<Self> {
        let local = folder
            .ancestors()
            .map(|folder| folder.join("node_modules/.bin").join(TOOL))
            .filter(|program| program.is_file());
        local
            .chain(programs::all(|name| name == TOOL))
            .find(|program| programs::output(Command::new(program).arg("--help")).is_some())
            .map(|program| Self {
                version: format!("({TOOL} {})", release(&program)),
                program,
            })
            .context(NO_TOOL)
    }
}

/// The version in the package that a program of npm is a link into; the program does not tell.
fn release(program: &Path) -> String {
    #[derive(serde::Deserialize)]
    struct Package {
        version: String,
    }
    let package = || {
        let program = program.canonicalize().ok()?;
        let text = fs::read(program.parent()?.parent()?.join("package.json")).ok()?;
        serde_json::from_slice::<Package>(&text).ok()
    };
    package().map_or_else(|| "of an unknown version".to_owned(), |it| it.version)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_become_those_of_javascript() {
        for (name, expected) in [
            ("reward", "reward"),
            ("policy-loss", "policyLoss"),
            ("a-b2-c", "aB2C"),
            ("", ""),
        ] {
            assert_eq!(camel_case(name), expected);
        }
    }
}
