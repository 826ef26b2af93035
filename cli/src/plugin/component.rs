//! From a core module to a component on the disk that this host runs.

use crate::host;
use crate::terminal::inline;
use anyhow::{Context, Result, anyhow, bail};
use rlhost_host::{Inspected, LimitSettings, files};
use std::borrow::Cow;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap};

/// The contract, as the plugins' templates carry it too.
pub const CONTRACT: [(&str, &str); 2] = [
    ("plugin.wit", include_str!("../../../wit/plugin.wit")),
    ("algorithm.wit", include_str!("../../../wit/algorithm.wit")),
];

/// Worlds that a module without a type can be of: the interface that it exports, and the widest world
/// that has it. What the module does not import, the component does not import either.
const WORLDS: [(&str, &str); 2] = [
    ("rlhost:plugin/reward@0.1.0", "capable-reward-plugin"),
    ("rlhost:plugin/objective@0.1.0", "algorithm"),
];

/// The contract, resolved.
pub fn contract() -> Result<(Resolve, PackageId)> {
    let mut sources = SourceMap::new();
    for (name, text) in CONTRACT {
        sources.push_str(name, text);
    }
    let mut resolve = Resolve::default();
    let group = sources
        .parse()
        .map_err(|(_, error)| anyhow!("the contract can't be read: {error}"))?;
    let package = resolve.push_group(group)?;
    Ok((resolve, package))
}

/// Makes a component of a core module. One that says nothing of its world gets the one whose functions it
/// exports; one that uses WASI preview 1 gets the adapter to WASI 0.2.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let mut module = Cow::Borrowed(module);
    let found = Module::read(&module)?;
    if !found.typed {
        let Some((_, world)) = WORLDS.iter().find(|(interface, _)| {
            let prefix = format!("{interface}#");
            found.exports.iter().any(|name| name.starts_with(&prefix))
        }) else {
            bail!(
                "the module exports no function of the contract, such as `{}#score`; it exports {}",
                WORLDS[0].0,
                listed(&found.exports)
            );
        };
        let (resolve, package) = contract()?;
        let world = resolve.select_world(&[package], Some(world))?;
        embed_component_metadata(module.to_mut(), &resolve, world, StringEncoding::UTF8)?;
    }
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| {
            encoder.adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| {
            let hint = unresolved(&error).unwrap_or_default();
            anyhow!("no component can be made of the module: {error:#}{hint}")
        })
}

/// What to do about an import that nothing has, where that is the error.
fn unresolved(error: &anyhow::Error) -> Option<String> {
    let text = format!("{error:#}");
    let (_, rest) = text.split_once("failed to resolve import `")?;
    let (module, rest) = rest.split_once("::")?;
    let (function, _) = rest.split_once('`')?;
    let way_out = match module {
        "env" => format!(
            "the compiler left `{function}` to be found at run time: link the library that has it, or do without it"
        ),
        _ => "a module imports functions of its world (wit/plugin.wit) and of WASI preview 1, and no others".to_owned(),
    };
    Some(format!("\n  {way_out}"))
}

/// What a core module says of itself.
struct Module {
    /// Whether it carries the type of its world.
    typed: bool,
    exports: Vec<String>,
}

impl Module {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut module = Self {
            typed: false,
            exports: Vec::new(),
        };
        if is_text(bytes) {
            bail!(
                "WebAssembly as text: `wasm-tools parse FILE.wat -o FILE.wasm` makes a module of it"
            );
        }
        if !bytes.starts_with(b"\0asm") {
            bail!("not a WebAssembly module: it does not start as one does");
        }
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.context("not a WebAssembly module")? {
                Payload::Version {
                    encoding: Encoding::Component,
                    ..
                } => bail!("a component already: `rlhost plugin inspect` looks at it"),
                Payload::CustomSection(section) => {
                    module.typed |= section.name().starts_with("component-type");
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        module.exports.push(export?.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(module)
    }
}

/// Whether a file begins as the text format of WebAssembly does, after comments.
fn is_text(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b";;"));
    first.is_some_and(|line| line.starts_with(b"(module") || line.starts_with(b"(component"))
}

/// Checks that the host runs the component, and puts it where it is wanted: whole or not at all.
/// `check` may refuse it for what it says of itself.
pub fn put(
    component: &[u8],
    path: &Path,
    limits: &LimitSettings,
    check: impl FnOnce(&Inspected) -> Result<()>,
) -> Result<Inspected> {
    if path.is_dir() {
        bail!("{} is a folder: name a file", path.display());
    }
    if !may_be_replaced(path) {
        bail!(
            "{} is there already, and no WebAssembly: name another file",
            path.display()
        );
    }
    let failed = || format!("cannot write {}", path.display());
    let mut staged = files::stage(path).with_context(failed)?;
    staged.write_all(component).with_context(failed)?;
    let host = host::builder()?.build()?;
    let found = host.inspect_with(staged.path(), limits).map_err(|error| {
        let text = error.to_string();
        anyhow!(text.replace(&*staged.path().to_string_lossy(), &path.to_string_lossy()))
    })?;
    check(&found)?;
    staged
        .persist(path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    Ok(found)
}

/// Whether nothing is lost with what has this name: a component of an earlier build, or nothing.
fn may_be_replaced(path: &Path) -> bool {
    let mut magic = [0; 4];
    match files::open(path).and_then(|mut file| file.read_exact(&mut magic)) {
        Ok(()) => &magic == b"\0asm",
        Err(_) => fs::metadata(path).map_or(true, |it| it.is_file() && it.len() == 0),
    }
}

/// What was made: its file, size, digest, world and imports.
pub fn print(out: &mut dyn Write, path: &Path, found: &Inspected) -> Result<()> {
    let (size, digest, world, imports) = match found {
        Inspected::Reward(found) => (found.size, found.digest, &found.world, &found.imports),
        Inspected::Algorithm(found) => (found.size, found.digest, &found.world, &found.imports),
    };
    writeln!(out, "file      {}", inline(path.display()))?;
    writeln!(out, "size      {size} bytes")?;
    writeln!(out, "digest    sha256:{}", digest.hex())?;
    writeln!(out, "world     {world}")?;
    if imports.is_empty() {
        writeln!(out, "imports   nothing")?;
    }
    for (i, name) in shown_imports(imports).iter().enumerate() {
        let label = if i == 0 { "imports" } else { "" };
        writeln!(out, "{label:<9} {}", inline(name))?;
    }
    Ok(())
}

/// Imports as they are shown: the interfaces of the deterministic WASI, of which there are many and which give nothing,
/// are one.
pub fn shown_imports(imports: &[String]) -> Vec<String> {
    let (wasi, own): (Vec<_>, Vec<_>) = imports.iter().partition(|it| it.starts_with("wasi:"));
    let mut shown: Vec<String> = own.into_iter().cloned().collect();
    let mut packages: Vec<_> = wasi
        .iter()
        .filter_map(|name| name.strip_prefix("wasi:")?.split('/').next())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    if !packages.is_empty() {
        shown.push(format!(
            "wasi:{{{}}}, {} interfaces: a deterministic WASI, without files, network, clock and chance",
            packages.join(","),
            wasi.len()
        ));
    }
    shown
}

/// Names for an error message.
fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names if names.len() > 8 => {
            format!("`{}` and {} more", names[..8].join("`, `"), names.len() - 8)
        }
        names => format!("`{}`", names.join("`, `")),
    }
}
