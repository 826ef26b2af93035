//! `cargo xtask guests`: builds the guest components into `target/guests/NAME.wasm`.
//!
//! A guest is a folder under `reward-plugins/`, `algorithms/` or `tests/guests/` whose crate is a `cdylib`; the
//! folder's name is the component's. A component is built anew only when something changed that it
//! is made of: its sources, the guest crate, the contract, the lock file or the toolchain.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use wit_component::ComponentEncoder;

use crate::process;
use crate::project::Project;
use crate::toolchain::{self, Library, TARGET, Toolchain};

/// Stands for how components are made here; another number builds all of them anew.
const RECIPE: u32 = 3;

/// Where guests lie.
const FOLDERS: [&str; 3] = ["reward-plugins", "algorithms", "tests/guests"];

/// What every guest is made of beside its own folder.
const SHARED: [&str; 5] = [
    "reward-plugins/Cargo.toml",
    "reward-plugins/Cargo.lock",
    "reward-plugins/sdk",
    "reward-plugins/common",
    "wit",
];

/// Options of `cargo xtask guests`.
#[derive(clap::Args)]
pub struct Options {
    /// Which guests to build; all where none is named
    names: Vec<String>,
}

/// A guest's crate.
#[derive(Debug)]
struct Guest {
    name: String,
    folder: PathBuf,
    package: String,
    /// File stem of the core module that cargo makes.
    artifact: String,
    /// Folders of other plugins that it uses as libraries, and of those that they use.
    libraries: Vec<PathBuf>,
}

/// Builds the named guests and says what was done.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let mut guests = discover(&project.root)?;
    for name in &options.names {
        if !guests.iter().any(|guest| &guest.name == name) {
            let known: Vec<_> = guests.iter().map(|guest| guest.name.as_str()).collect();
            bail!(
                "there is no guest `{name}`; there are: {}",
                known.join(", ")
            );
        }
    }
    guests.retain(|guest| options.names.is_empty() || options.names.contains(&guest.name));

    let toolchain = toolchain::find(project)?;
    for guest in &guests {
        let built = build(project, &toolchain, guest)
            .with_context(|| format!("cannot build the guest `{}`", guest.name))?;
        let component = component_path(project, guest);
        let shown = component.strip_prefix(&project.root).unwrap_or(&component);
        println!(
            "{} {} ({} KiB)",
            if built { "built    " } else { "unchanged" },
            shown.display(),
            fs::metadata(&component)?.len().div_ceil(1024)
        );
    }
    Ok(())
}

/// Builds every guest that is not up to date.
pub fn build_all(project: &Project) -> Result<()> {
    run(project, &Options { names: Vec::new() })
}

/// Builds the guests of these names that are not up to date.
pub(crate) fn build_named(project: &Project, names: &[&str]) -> Result<()> {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    run(project, &Options { names })
}

/// Builds the core module of the guest in `folder`, which need not be a component's.
pub(crate) fn build_module(project: &Project, folder: &str) -> Result<Vec<u8>> {
    let folder = project.root.join(folder);
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    let guest =
        guest(&folder, &manifest)?.with_context(|| format!("{} is no guest", folder.display()))?;
    compile(project, &toolchain::find(project)?, &guest)
}

/// All guests, in the order of their names.
fn discover(root: &Path) -> Result<Vec<Guest>> {
    let mut guests = Vec::new();
    for folder in FOLDERS {
        let entries = fs::read_dir(root.join(folder))
            .with_context(|| format!("cannot read the folder {folder}"))?;
        for entry in entries {
            let folder = entry?.path();
            let manifest = folder.join("Cargo.toml");
            if manifest.is_file() {
                let text = fs::read_to_string(&manifest)?;
                let guest = guest(&folder, &text)
                    .with_context(|| format!("cannot read {}", manifest.display()))?;
                guests.extend(guest);
            }
        }
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(guests)
}

/// The guest in `folder`, unless its manifest is that of another kind of crate.
fn guest(folder: &Path, manifest: &str) -> Result<Option<Guest>> {
    let manifest: toml::Table = manifest.parse()?;
    let lib = manifest.get("lib");
    let is_guest = lib
        .and_then(|lib| lib.get("crate-type"))
        .and_then(toml::Value::as_array)
        .is_some_and(|types| types.iter().any(|kind| kind.as_str() == Some("cdylib")));
    if !is_guest {
        return Ok(None);
    }
    let text = |value: &toml::Value| value.as_str().map(str::to_owned);
    let package = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(text)
        .context("there is no `package.name`")?;
    Ok(Some(Guest {
        name: folder
            .file_name()
            .and_then(|name| name.to_str())
            .context("the folder's name is not UTF-8")?
            .to_owned(),
        folder: folder.to_owned(),
        artifact: lib
            .and_then(|lib| lib.get("name"))
            .and_then(text)
            .unwrap_or_else(|| package.replace('-', "_")),
        libraries: libraries(folder, &manifest)?,
        package,
    }))
}

/// The folders that a manifest's dependencies name by `path`, and theirs in turn.
fn libraries(folder: &Path, manifest: &toml::Table) -> Result<Vec<PathBuf>> {
    let dependencies = manifest
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flatten();
    let mut found = Vec::new();
    for (_, dependency) in dependencies {
        let Some(path) = dependency.get("path").and_then(toml::Value::as_str) else {
            continue;
        };
        let library = folder
            .join(path)
            .canonicalize()
            .with_context(|| format!("{path}: there is no such folder"))?;
        let manifest: toml::Table = fs::read_to_string(library.join("Cargo.toml"))?.parse()?;
        found.extend(libraries(&library, &manifest)?);
        found.push(library);
    }
    Ok(found)
}

/// Builds one guest; `false` where it is up to date already.
fn build(project: &Project, toolchain: &Toolchain, guest: &Guest) -> Result<bool> {
    let component = component_path(project, guest);
    let stamp = component.with_extension("stamp");
    let mut made_of = digest(project, toolchain, guest)?;
    if let Ok(found) = fs::read(&component)
        && fs::read_to_string(&stamp).is_ok_and(|text| text == stamp_text(&made_of, &found))
    {
        return Ok(false);
    }
    // Once more where cargo has just completed the lock file, or somebody typed meanwhile.
    for _ in 0..3 {
        let module = compile(project, toolchain, guest)?;
        let bytes = ComponentEncoder::default()
            .validate(true)
            .module(&module)?
            .encode()?;
        let before = std::mem::replace(&mut made_of, digest(project, toolchain, guest)?);
        if before == made_of {
            replace(&component, &bytes)?;
            replace(&stamp, stamp_text(&made_of, &bytes).as_bytes())?;
            return Ok(true);
        }
    }
    bail!("its files change while it is built");
}

/// Compiles the core module.
fn compile(project: &Project, toolchain: &Toolchain, guest: &Guest) -> Result<Vec<u8>> {
    // Each way has a folder of its own: to cargo they are different compilers.
    let (folder, linker) = match &toolchain.library {
        Library::Installed => ("guest-build", None),
        Library::FromSource { linker } => ("guest-build-std", Some(linker)),
    };
    let folder = project.target.join(folder);
    let mut cargo = Command::new(&toolchain.cargo);
    cargo
        .current_dir(&project.root)
        // The one crate type in use: beside an `rlib` cargo would not optimise across crates, and
        // guests of different types would not share their dependencies.
        .args(["rustc", "--release", "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET])
        .arg("--manifest-path")
        .arg(project.guest_workspace())
        // One package a call: in a common build one guest's features would change another's code.
        .args(["--package", &guest.package])
        .arg("--target-dir")
        .arg(&folder)
        .env("RUSTC", &toolchain.rustc)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags(project, toolchain).join("\x1f"),
        )
        .env_remove("CARGO_BUILD_TARGET");
    if let Some(linker) = linker {
        cargo
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    process::run(&mut cargo)?;
    let module = folder
        .join(TARGET)
        .join("release")
        .join(&guest.artifact)
        .with_extension("wasm");
    fs::read(&module).with_context(|| format!("cannot read {}", module.display()))
}

/// Compiler flags that keep the machine's folders out of the component.
fn flags(project: &Project, toolchain: &Toolchain) -> Vec<String> {
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(
        || {
            let home = std::env::var_os("HOME").unwrap_or_default();
            Path::new(&home).join(".cargo")
        },
        PathBuf::from,
    );
    [
        (toolchain.sysroot.as_path(), "/rust"),
        (cargo_home.as_path(), "/cargo"),
        (project.root.as_path(), "/rlhost"),
    ]
    .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
    .into()
}

/// SHA-256 over all that the component is made of.
fn digest(project: &Project, toolchain: &Toolchain, guest: &Guest) -> Result<String> {
    let mut files = Vec::new();
    for shared in SHARED {
        collect(&project.root.join(shared), &mut files)?;
    }
    collect(&guest.folder, &mut files)?;
    for library in &guest.libraries {
        collect(&library.join("src"), &mut files)?;
        collect(&library.join("Cargo.toml"), &mut files)?;
    }
    files.sort();
    files.dedup();

    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(&RECIPE.to_le_bytes());
    add(toolchain.identity.as_bytes());
    for file in files {
        let name = file.strip_prefix(&project.root).unwrap_or(&file);
        add(name.as_os_str().as_encoded_bytes());
        add(&fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(hex(&hash.finalize()))
}

/// Adds the files under `path`, build folders and hidden files apart. What isn't there adds nothing.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                collect(&entry.path(), files)?;
            }
        }
    }
    Ok(())
}

fn component_path(project: &Project, guest: &Guest) -> PathBuf {
    project.guests().join(format!("{}.wasm", guest.name))
}

fn stamp_text(made_of: &str, component: &[u8]) -> String {
    format!(
        "made of {made_of}\ncomponent {}\n",
        hex(&Sha256::digest(component))
    )
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes a file so that readers see the old one or the new one, never half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder)?;
    let failed = || format!("cannot write {}", path.display());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut new = builder.tempfile_in(folder).with_context(failed)?;
    new.write_all(bytes).with_context(failed)?;
    new.persist(path).with_context(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn guests_are_told_from_other_crates() {
        let folder = Path::new("reward-plugins/math");
        let manifest =
            "[package]\nname = \"math-verifier\"\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]";
        let found = guest(folder, manifest).unwrap().unwrap();
        assert_eq!(
            (
                found.name.as_str(),
                found.package.as_str(),
                found.artifact.as_str()
            ),
            ("math", "math-verifier", "math_verifier")
        );
        let library = "[package]\nname = \"rlhost-plugin\"";
        assert!(guest(folder, library).unwrap().is_none());
        assert!(guest(folder, "[lib]\ncrate-type = [\"cdylib\"]").is_err());
    }

    /// A checkout with one guest, and a toolchain that is never called.
    fn checkout() -> (tempfile::TempDir, Project, Toolchain, Guest) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        for (path, text) in [
            ("reward-plugins/Cargo.toml", "[workspace]"),
            ("reward-plugins/sdk/src/lib.rs", "// sdk"),
            ("reward-plugins/x/src/lib.rs", "// x"),
            ("reward-plugins/y/src/lib.rs", "// y"),
            ("wit/plugin.wit", "package a:b;"),
        ] {
            replace(&root.join(path), text.as_bytes()).unwrap();
        }
        let guest = Guest {
            name: "x".into(),
            folder: root.join("reward-plugins/x"),
            package: "x".into(),
            artifact: "x".into(),
            libraries: Vec::new(),
        };
        let toolchain = Toolchain {
            cargo: "/no/cargo".into(),
            rustc: "/no/rustc".into(),
            sysroot: "/no".into(),
            library: Library::Installed,
            identity: "rustc 1".into(),
        };
        let target = root.join("target");
        (folder, Project { root, target }, toolchain, guest)
    }

    #[test]
    fn only_what_a_guest_is_made_of_changes_its_digest() {
        let (_folder, project, mut toolchain, guest) = checkout();
        let now = |toolchain: &Toolchain| digest(&project, toolchain, &guest).unwrap();
        let write = |path: &str| replace(&project.root.join(path), b"changed").unwrap();

        let first = now(&toolchain);
        write("reward-plugins/y/src/lib.rs");
        write("reward-plugins/x/target/x.wasm");
        assert_eq!(now(&toolchain), first);

        let mut seen = vec![first];
        for path in [
            "reward-plugins/x/src/lib.rs",
            "reward-plugins/sdk/src/lib.rs",
            "reward-plugins/common/src/lib.rs",
            "reward-plugins/Cargo.lock",
            "wit/plugin.wit",
        ] {
            write(path);
            let digest = now(&toolchain);
            assert!(!seen.contains(&digest), "{path}");
            seen.push(digest);
        }
        toolchain.identity = "rustc 2".into();
        assert!(!seen.contains(&now(&toolchain)));
    }

    #[test]
    fn plugins_that_a_guest_uses_as_libraries_change_its_digest() {
        let (_folder, project, toolchain, _) = checkout();
        let write = |path: &str, text: &str| {
            replace(
                &project.root.join("reward-plugins").join(path),
                text.as_bytes(),
            )
            .unwrap();
        };
        write("y/Cargo.toml", "[dependencies]\nz = { path = \"../z\" }");
        write("z/Cargo.toml", "[package]");
        write("z/src/lib.rs", "// z");
        write("x/Cargo.toml", "");
        let manifest = "[package]\nname = \"x\"\n[lib]\ncrate-type = [\"cdylib\"]\n\
                        [dependencies]\ny = { path = \"../y\" }";
        let folder = project.root.join("reward-plugins/x");
        let guest = guest(&folder, manifest).unwrap().unwrap();
        let mut seen = vec![digest(&project, &toolchain, &guest).unwrap()];
        for path in ["y/src/lib.rs", "z/src/lib.rs", "z/Cargo.toml"] {
            write(path, "[package] # changed");
            let digest = digest(&project, &toolchain, &guest).unwrap();
            assert!(!seen.contains(&digest), "{path}");
            seen.push(digest);
        }
    }

    #[test]
    fn an_up_to_date_component_needs_no_compiler_and_a_damaged_one_does() {
        let (_folder, project, toolchain, guest) = checkout();
        let component = component_path(&project, &guest);
        let made_of = digest(&project, &toolchain, &guest).unwrap();
        replace(&component, b"component").unwrap();
        let stamp = stamp_text(&made_of, b"component");
        replace(&component.with_extension("stamp"), stamp.as_bytes()).unwrap();
        assert!(!build(&project, &toolchain, &guest).unwrap());

        replace(&component, b"damaged").unwrap();
        let error = build(&project, &toolchain, &guest).unwrap_err();
        assert!(format!("{error:#}").contains("/no/cargo"), "{error:#}");
    }
}
