//! Plugins in C: `plugin.toml` and the files `src/*.c`, compiled by clang with a C library for WASI.

use super::kind::{self, Kind, Marks};
use super::{Compiled, MADE, Product, manifest, wasi};
use crate::plugin::programs;
use crate::terminal;
use anyhow::{Context, Result, bail};
use rlhost_host::files::{TEXT, read_text};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_bindgen_core::Files;
use wit_parser::{Resolve, WorldId};

const NO_COMPILER: &str = "no C compiler that makes WebAssembly is on PATH (clang, wasm-ld and a C library for WASI). \
     This installs one on Debian; elsewhere set WASI_SDK_PATH to a wasi-sdk:\n    \
     apt-get install -y --no-install-recommends clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32";
/// What a C compiler for WebAssembly must be able to make a module of.
const PROBE: &str =
    "#include <stdlib.h>\nvoid *probe(void);\nvoid *probe(void) { return malloc(1); }\n";

/// Names of the bindings.
const MARKS: Marks = Marks {
    extension: "c",
    reward: "exports_rlhost_plugin_reward_",
    algorithm: "exports_rlhost_plugin_objective_",
    reward_world: "capable-reward-plugin",
};

pub fn compile(folder: &Path) -> Result<Compiled> {
    let about = manifest::read(folder)?;
    let sources = manifest::sources(folder, "c")?;
    let made = folder.join(MADE);
    let (resolve, world) = manifest::world(folder, &about.world)?;
    kind::check(folder, &about, Kind::of(&resolve, world), &MARKS)?;
    let clang = Clang::find()?;
    if made.exists() {
        fs::remove_dir_all(&made).with_context(|| format!("cannot remove {}", made.display()))?;
    }
    fs::create_dir_all(&made).with_context(|| format!("cannot make {}", made.display()))?;
    let bindings = bindings(resolve, world, &made)?;
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
    let scope = about.scope().as_str().to_uppercase();
    command
        .arg(format!("-DPLUGIN_SCOPE=RLHOST_PLUGIN_TYPES_SCOPE_{scope}"))
        .args(sources.iter().chain(&bindings))
        .arg("-lm")
        .args(["-o", "target/plugin-build/module.wasm"]);
    if terminal::is_terminal() {
        // What it writes into a pipe has no colours otherwise.
        command.args([
            "-fdiagnostics-color=always",
            "-Wl,--color-diagnostics=always",
        ]);
    }
    programs::compile_with(&mut command, |said| {
        foreign_header(said).or_else(|| missing(said, folder))
    })?;
    let product = Product::read_module(&module)?;
    if let Product::Module(module) = &product {
        wasi::note(module)?;
    }
    Ok(Compiled {
        product,
        name: about.name,
        version: about.version,
        licence: about.license,
        language: ("C", clang.version),
        packages: Vec::new(),
    })
}

/// A clang of a distribution looks for headers in the machine's own folder too, where the C library for WASI has none of
/// a name; what it finds there does not fit.
fn foreign_header(said: &str) -> Option<String> {
    let header = said.lines().find_map(|line| {
        let name = line.strip_prefix("/usr/include/")?.split(':').next()?;
        (!name.starts_with("wasm32-")).then_some(name)
    })?;
    Some(format!(
        "<{header}> is a header of this machine: the C library for WASI, which has no processes, threads, signals or network, has \
         none of that name"
    ))
}

/// What to do about functions that the linker has not found: they are declared in a header of the plugin's, as those
/// are that every plugin must define, or they are of a library that there is not.
fn missing(said: &str, folder: &Path) -> Option<String> {
    let mut names: Vec<_> = said
        .lines()
        .filter_map(|line| {
            line.split_once("undefined symbol: ")?
                .1
                .split_whitespace()
                .next()
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let headers = manifest::sources(folder, "h").unwrap_or_default();
    let declared = |name: &str| {
        headers.iter().find_map(|header| {
            let text = read_text(&folder.join(header), TEXT).ok()?;
            let line = text.lines().find(|line| declares(line, name))?.trim();
            let whole = line.strip_suffix(';').unwrap_or(line);
            Some(format!(
                "a file src/*.c must define `{name}`, as {} declares it: {whole}",
                header.display()
            ))
        })
    };
    let hints: Vec<_> = names
        .iter()
        .map(|name| {
            declared(name).unwrap_or_else(|| {
                format!(
                    "`{name}` is defined in no file src/*.c, and is not in the C library for WASI, which has no processes, \
                     threads or signals"
                )
            })
        })
        .collect();
    (!hints.is_empty()).then(|| hints.join("\n  "))
}

/// Whether a line of a header begins to declare a function.
fn declares(line: &str, name: &str) -> bool {
    line.split_once(&format!("{name}("))
        .is_some_and(|(before, _)| {
            before.ends_with([' ', '*']) && !before.contains(['(', '/', '"'])
        })
}

/// Writes the bindings to a world of the folder's `wit` into `made`; what of them is to be compiled, as seen
/// from the plugin's folder.
fn bindings(mut resolve: Resolve, world: WorldId, made: &Path) -> Result<Vec<PathBuf>> {
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
            // Names of functions stay: messages of traps say where the plugin was.
            "-Wl,--strip-debug",
            // Room for tables in local variables, and what goes beyond it traps: by default 64 KiB, with global
            // variables below it, which would be overwritten.
            "-Wl,-z,stack-size=1048576",
            "-Wl,--stack-first",
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
    fn headers_of_the_machine_are_told_from_those_of_wasi() {
        let said = "In file included from src/score.c:1:\n/usr/include/sys/epoll.h:25:10: fatal error: 'x.h' file not found\n";
        let told = foreign_header(said).unwrap_or_default();
        assert!(
            told.starts_with("<sys/epoll.h> is a header of this machine"),
            "{told}"
        );
        let said = "/usr/include/wasm32-wasi/signal.h:2:2: error: \"wasm lacks signal support\"\nsrc/score.c:1:1: error\n";
        assert_eq!(foreign_header(said), None);
    }

    #[test]
    fn headers_declare_functions() {
        for line in [
            "rlhost_result score(const rlhost_sample *sample);",
            "const char *score(int a,",
            "void score(void);",
        ] {
            assert!(declares(line, "score"), "{line}");
        }
        for line in [
            "rlhost_result rescore(int a);",
            "/* Calls score(sample). */",
            "int other(int (*score)(int));",
            "int score;",
        ] {
            assert!(!declares(line, "score"), "{line}");
        }
    }

    #[test]
    fn texts_become_literals_of_c() {
        assert_eq!(literal(r#"a "b\c""#), r#""a \"b\\c\"""#);
    }
}
