//! Plugins in C: `plugin.toml` and the files `src/*.c`, compiled by clang with a C library for WASI.

use super::Compiled;
use crate::plugin::programs;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_bindgen_core::Files;
use wit_parser::Resolve;

/// The manifest's name.
pub const MANIFEST: &str = "plugin.toml";
const NO_COMPILER: &str = "no C compiler that makes WebAssembly is on PATH (clang, wasm-ld and a C library for WASI). \
     This installs one on Debian; elsewhere set WASI_SDK_PATH to a wasi-sdk:\n    \
     apt-get install -y --no-install-recommends clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32";
/// What a C compiler for WebAssembly must be able to make a module of.
const PROBE: &str =
    "#include <stdlib.h>\nvoid *probe(void);\nvoid *probe(void) { return malloc(1); }\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    plugin: About,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    name: String,
    description: String,
    version: String,
    license: Option<String>,
    /// The world of `wit/` to generate bindings for.
    world: String,
}

pub fn compile(folder: &Path) -> Result<Compiled> {
    let about = manifest(&folder.join(MANIFEST))?;
    let sources = sources(&folder.join("src"))?;
    let made = folder.join("target/plugin-build");
    let clang = Clang::find()?;
    fs::create_dir_all(&made).with_context(|| format!("cannot make {}", made.display()))?;
    let bindings = bindings(folder, &about.world, &made)?;
    let module = made.join("module.wasm");
    let mut command = clang.command();
    command
        // Compilers name files as they are given, so that messages are short and modules the same anywhere.
        .current_dir(folder)
        .args(["-Wall", "-I", "target/plugin-build", "-I", "src"])
        .arg(format!("-ffile-prefix-map={}=/plugin", folder.display()));
    for (name, text) in [
        ("NAME", &about.name),
        ("VERSION", &about.version),
        ("DESCRIPTION", &about.description),
    ] {
        command.arg(format!("-DPLUGIN_{name}={}", literal(text)));
    }
    command
        .args(sources.iter().chain(&bindings))
        .arg("-lm")
        .args(["-o", "target/plugin-build/module.wasm"]);
    programs::compile(&mut command)?;
    Ok(Compiled {
        module: fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?,
        name: about.name,
        version: about.version,
        licence: about.license,
        language: ("C", clang.version),
    })
}

fn manifest(path: &Path) -> Result<About> {
    let name = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(name)?;
    let manifest: Manifest = toml::from_str(&text).with_context(name)?;
    let about = manifest.plugin;
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
    Ok(about)
}

/// The files of C in `src`, in the order of their names, as seen from the plugin's folder.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = || format!("cannot read {}", folder.display());
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).with_context(failed)? {
        let name = entry.with_context(failed)?.file_name();
        if Path::new(&name).extension().is_some_and(|e| e == "c") {
            sources.push(Path::new("src").join(name));
        }
    }
    if sources.is_empty() {
        bail!("{}: there is no file of C (*.c) in it", folder.display());
    }
    sources.sort();
    Ok(sources)
}

/// Writes the bindings to a world of the folder's `wit` into `made`; what of them is to be compiled, as seen
/// from the plugin's folder.
fn bindings(folder: &Path, world: &str, made: &Path) -> Result<Vec<PathBuf>> {
    let wit = folder.join("wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(&wit)
        .with_context(|| format!("cannot read the contract in {}", wit.display()))?;
    let world = resolve
        .select_world(&[package], Some(world))
        .with_context(|| {
            format!(
                "{MANIFEST}: plugin.world names no world of {}",
                wit.display()
            )
        })?;
    let options = wit_bindgen_c::Opts {
        rename_world: Some("plugin".to_owned()),
        ..wit_bindgen_c::Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let mut compiled = Vec::new();
    for (name, content) in files.iter() {
        let path = made.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        if Path::new(name).extension().is_none_or(|e| e != "h") {
            compiled.push(Path::new("target/plugin-build").join(name));
        }
    }
    Ok(compiled)
}

/// A string literal of C.
fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// A clang that makes WebAssembly.
struct Clang {
    program: PathBuf,
    version: String,
}

impl Clang {
    /// The wasi-sdk's, else the newest on `PATH` that has a linker and a C library for WASI.
    fn find() -> Result<Self> {
        let mut programs = programs::all(|name| {
            name.strip_prefix("clang")
                .is_some_and(|rest| rest.is_empty() || is_version(rest))
        });
        programs.sort_by_key(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            std::cmp::Reverse(programs::number_after(&name, "clang-"))
        });
        if let Some(sdk) = env::var_os("WASI_SDK_PATH").filter(|path| !path.is_empty()) {
            programs.insert(0, Path::new(&sdk).join("bin/clang"));
        }
        let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
        fs::write(scratch.path().join("probe.c"), PROBE)?;
        for program in programs {
            let Some(version) = programs::output(Command::new(&program).arg("--version")) else {
                continue;
            };
            let clang = Self {
                program,
                version: release(&version),
            };
            let mut probe = clang.command();
            probe
                .current_dir(scratch.path())
                .args(["probe.c", "-o", "probe.wasm"]);
            if programs::output(&mut probe).is_some() {
                return Ok(clang);
            }
        }
        bail!(NO_COMPILER)
    }

    /// What all calls share.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args([
            "--target=wasm32-wasi",
            "-mexec-model=reactor",
            "-Os",
            "-flto",
            "-Wl,--strip-all",
        ]);
        command
    }
}

/// `-19` of `clang-19`.
fn is_version(rest: &str) -> bool {
    rest.strip_prefix('-')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The version in what `clang --version` prints.
fn release(text: &str) -> String {
    let rest = text.split("clang version ").nth(1).unwrap_or_default();
    let version = rest.split_whitespace().next();
    version.unwrap_or("of an unknown version").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_names_of_compilers() {
        let said = "Debian clang version 19.1.7 (3~deb12u1)\nTarget: x86_64-pc-linux-gnu";
        assert_eq!(release(said), "19.1.7");
        assert!(is_version("-19"));
        for other in ["-format", "-", "++", "-tidy-19"] {
            assert!(!is_version(other), "{other}");
        }
    }

    #[test]
    fn texts_become_literals_of_c() {
        assert_eq!(literal(r#"a "b\c""#), r#""a \"b\\c\"""#);
    }
}
