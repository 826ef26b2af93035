//! Plugins in C: `plugin.toml` and the files `src/*.c`, compiled by clang with a C library for WASI.

use super::{Compiled, Product, manifest};
use crate::plugin::programs;
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_bindgen_core::Files;

const NO_COMPILER: &str = "no C compiler that makes WebAssembly is on PATH (clang, wasm-ld and a C library for WASI). \
     This installs one on Debian; elsewhere set WASI_SDK_PATH to a wasi-sdk:\n    \
     apt-get install -y --no-install-recommends clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32";
/// What a C compiler for WebAssembly must be able to make a module of.
const PROBE: &str =
    "#include <stdlib.h>\nvoid *probe(void);\nvoid *probe(void) { return malloc(1); }\n";

pub fn compile(folder: &Path) -> Result<Compiled> {
    let about = manifest::read(folder)?;
    let sources = manifest::sources(folder, "c")?;
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
        product: Product::read_module(&module)?,
        name: about.name,
        version: about.version,
        licence: about.license,
        language: ("C", clang.version),
    })
}

/// Writes the bindings to a world of the folder's `wit` into `made`; what of them is to be compiled, as seen
/// from the plugin's folder.
fn bindings(folder: &Path, world: &str, made: &Path) -> Result<Vec<PathBuf>> {
    let (mut resolve, world) = manifest::world(folder, world)?;
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
