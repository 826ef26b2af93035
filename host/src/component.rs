//! From a file to a compiled component of a known world.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::{AskedLimits, CompileFault, Digest, Error, Host, Result, files};

/// A component, compiled.
pub(crate) struct Loaded {
    pub(crate) component: Component,
    /// SHA-256 of the file.
    pub(crate) digest: Digest,
    /// Size of the file in bytes.
    pub(crate) size: u64,
    /// The limits that it asks for.
    pub(crate) asked: AskedLimits,
    /// Whether the code came from the cache.
    pub(crate) cached: bool,
}

/// A world as the host checks it: one interface that must be exported whole.
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) interface: &'static str,
    pub(crate) functions: &'static [&'static str],
}

/// Reads and compiles the component at `path`, or takes its code from the cache.
pub(crate) fn load(host: &Host, path: &Path) -> Result<Loaded> {
    let bytes = Arc::new(read(path, host.0.compiler.largest_component())?);
    check_header(path, &bytes)?;
    let asked = AskedLimits::read(path, &bytes)?;
    let digest = Digest::of(&bytes);
    let engine = &host.0.engine;
    let (component, cached) = if let Some(component) = host.0.cache.get(engine, digest) {
        (component, true)
    } else {
        let (component, code) = host.0.compiler.compile(engine, path, &bytes)?;
        if let Some(code) = code {
            host.0.cache.put(engine, digest, &code);
        }
        (component, false)
    };
    Ok(Loaded {
        component,
        digest,
        size: bytes.len() as u64,
        asked,
        cached,
    })
}

/// Reads a file of at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let io = |e| Error::io(path, e);
    let too_large = |size| {
        Err(Error::Compile {
            path: path.to_owned(),
            fault: CompileFault::ComponentTooLarge { size, limit },
        })
    };
    let file = files::open_given(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size > limit {
        return too_large(size);
    }
    // Of a pipe no size is known: it has at least what was read.
    let mut bytes = Vec::new();
    let mut bounded = file.take(limit.saturating_add(1));
    bounded.read_to_end(&mut bytes).map_err(io)?;
    match bytes.len() as u64 {
        read if read > limit => too_large(read),
        _ => Ok(bytes),
    }
}

/// Tells components from core modules and from everything else by the first 8 bytes.
fn check_header(path: &Path, bytes: &[u8]) -> Result<()> {
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    let fail = |message: &str| {
        Err(Error::NotWasm {
            path: path.to_owned(),
            message: message.to_owned(),
        })
    };
    match bytes.get(..8) {
        Some(COMPONENT) => Ok(()),
        Some(MODULE) => Err(Error::CoreModule {
            path: path.to_owned(),
        }),
        _ if bytes.is_empty() => fail("the file is empty"),
        _ if bytes.starts_with(b"\x7fELF") => fail(
            "it holds native code (compiled .cwasm files are never loaded; give the .wasm file)",
        ),
        _ if bytes.starts_with(b"\0asm") => {
            fail("a WebAssembly version that this host does not know")
        }
        _ => fail("it does not start as WebAssembly does"),
    }
}

/// Names of what a component imports and exports.
pub(crate) struct Names {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Names every export of the world that is missing and every import that the host does not know.
///
/// `known` says whether there is an interface of that name, or (with a function's name) such a function
/// in it.
pub(crate) fn check_world(
    host: &Host,
    path: &Path,
    component: &Component,
    world: &World,
    known: impl Fn(&str, Option<&str>) -> bool,
) -> Result<Names> {
    let engine = &host.0.engine;
    let ty = component.component_type();
    let mut unknown_imports = Vec::new();
    let mut imports = Vec::new();
    for (name, item) in ty.imports(engine) {
        imports.push(name.to_owned());
        check_version(path, name)?;
        if !known(name, None) {
            unknown_imports.push(name.to_owned());
        } else if let ComponentItem::ComponentInstance(instance) = item.ty {
            let functions = instance.exports(engine).filter(|(function, item)| {
                matches!(item.ty, ComponentItem::ComponentFunc(_)) && !known(name, Some(function))
            });
            unknown_imports.extend(functions.map(|(function, _)| format!("{name}#{function}")));
        }
    }
    let mut missing: BTreeSet<_> = world.functions.iter().copied().collect();
    let mut exports = Vec::new();
    for (name, item) in ty.exports(engine) {
        exports.push(name.to_owned());
        check_version(path, name)?;
        if let (true, ComponentItem::ComponentInstance(instance)) =
            (is_interface(name, world.interface), item.ty)
        {
            for (function, _) in instance.exports(engine) {
                missing.remove(function);
            }
        }
    }
    if missing.is_empty() && unknown_imports.is_empty() {
        return Ok(Names { imports, exports });
    }
    Err(Error::WrongWorld {
        path: path.to_owned(),
        world: world.name,
        missing_exports: missing
            .into_iter()
            .map(|f| format!("{}#{f}", world.interface))
            .collect(),
        unknown_imports,
        detail: None,
    })
}

/// The right names, but other types.
pub(crate) fn wrong_types(path: &Path, world: &World, detail: String) -> Error {
    Error::WrongWorld {
        path: path.to_owned(),
        world: world.name,
        missing_exports: Vec::new(),
        unknown_imports: Vec::new(),
        detail: Some(detail),
    }
}

/// The package and version of the contract.
const CONTRACT: (&str, &str) = ("rlhost:plugin", "0.1.0");

/// Whether `name` is the interface `wanted` at a version that is compatible with the host's: while the
/// contract is at 0.x, one with the same x.
pub(crate) fn is_interface(name: &str, wanted: &str) -> bool {
    match (name.split_once('@'), wanted.split_once('@')) {
        (Some((name, version)), Some((wanted, ours))) => {
            name == wanted && minor(version) == minor(ours)
        }
        _ => false,
    }
}

fn minor(version: &str) -> Option<&str> {
    version.rsplit_once('.').map(|(minor, _)| minor)
}

/// Fails if `name` is an interface of the contract at a version that this host does not speak.
fn check_version(path: &Path, name: &str) -> Result<()> {
    let (package, ours) = CONTRACT;
    let Some((interface, version)) = name.split_once('@') else {
        return Ok(());
    };
    let of_contract = interface.split('/').next() == Some(package);
    if of_contract && minor(version) != minor(ours) {
        return Err(Error::VersionMismatch {
            path: path.to_owned(),
            found: name.to_owned(),
            expected: format!("{interface}@{ours}"),
        });
    }
    Ok(())
}
