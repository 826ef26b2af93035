//! What the host lends a reward plugin: the interface `types`, capabilities, and a deterministic WASI.

use wasmtime::Engine;
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType};

use crate::capability::Capability;
use crate::component::is_interface;
use crate::guest::{GuestState, charge};
use crate::message::shorten;
use crate::{Image, wasi};

/// The interface that every plugin may import.
const TYPES: &str = "rlhost:plugin/types@0.1.0";
/// What the host's side of the interface `types` holds, besides plain types.
const TYPES_FUNCTIONS: [&str; 3] = [
    "[method]image.width",
    "[method]image.height",
    "[method]image.rgb",
];
/// The interface by which every guest but an interpreter may say why it can't go on.
const PANIC: &str = "rlhost:plugin/panic@0.1.0";
/// The function of it.
const REPORT: &str = "report";
/// The interface of types that `interpreter` and interpreters use.
const PROGRAMS: &str = "rlhost:plugin/programs@0.1.0";

/// Whether interpreters may import an interface of this name, or such a function in it.
pub(crate) fn known_to_interpreters(import: &str, function: Option<&str>) -> bool {
    wasi::is_interface(import) || is_interface(import, PROGRAMS) && function.is_none()
}

/// Whether algorithms may import an interface of this name, or such a function in it: the contract's types,
/// the log, and the deterministic WASI. The types' functions are those of images: tools that import whole
/// interfaces ask for them, but no algorithm has an image to call them on.
pub(crate) fn known_to_algorithms(import: &str, function: Option<&str>) -> bool {
    let log = Capability::Log;
    wasi::is_interface(import)
        || is_interface(import, PANIC) && function.is_none_or(|function| function == REPORT)
        || is_interface(import, TYPES)
            && function.is_none_or(|function| TYPES_FUNCTIONS.contains(&function))
        || is_interface(import, log.interface())
            && function.is_none_or(|function| log.functions().contains(&function))
}

/// Whether reward plugins may import an interface of this name, or such a function in it.
pub(crate) fn known(import: &str, function: Option<&str>) -> bool {
    if known_to_interpreters(import, function) {
        return true;
    }
    let functions: &[&str] = if is_interface(import, TYPES) {
        &TYPES_FUNCTIONS
    } else if is_interface(import, PANIC) {
        &[REPORT]
    } else {
        match capability(import) {
            Some(capability) => capability.functions(),
            None => return false,
        }
    };
    function.is_none_or(|function| functions.contains(&function))
}

fn capability(import: &str) -> Option<Capability> {
    Capability::ALL
        .into_iter()
        .find(|capability| is_interface(import, capability.interface()))
}

/// The capabilities among a component's imports.
pub(crate) fn capabilities(imports: &[String]) -> Vec<Capability> {
    let mut found: Vec<_> = imports.iter().filter_map(|i| capability(i)).collect();
    found.sort_unstable();
    found
}

/// Lends a component what it imports, under the very versions that it names.
pub(crate) fn linker(
    engine: &Engine,
    component: &Component,
) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    for (import, _) in component.component_type().imports(engine) {
        if is_interface(import, TYPES) {
            types(&mut linker.instance(import)?)?;
        } else if is_interface(import, PANIC) {
            panic(&mut linker.instance(import)?)?;
        } else if let Some(capability) = capability(import) {
            let mut instance = linker.instance(import)?;
            if capability == Capability::Judge {
                // It uses the images of `types`. Without saying so, WASI's part below would take them for
                // something that nobody lends.
                image(&mut instance)?;
            }
            capability.add_to_linker(&mut instance)?;
        }
    }
    wasi::add_to_linker(&mut linker, component)?;
    Ok(linker)
}

fn image(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.resource("image", ResourceType::host::<Image>(), |_, _| Ok(()))
}

fn panic(panic: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    panic.func_wrap(REPORT, |mut store, (message,): (String,)| {
        charge(&mut store, message.len() as u64)?;
        store.data_mut().last_words = Some(shorten(&message));
        Ok(())
    })
}

fn types(types: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    image(types)?;
    types.func_wrap(
        "[method]image.width",
        |mut store, (image,): (Resource<Image>,)| {
            charge(&mut store, 4)?;
            Ok((store.data().image(&image)?.width(),))
        },
    )?;
    types.func_wrap(
        "[method]image.height",
        |mut store, (image,): (Resource<Image>,)| {
            charge(&mut store, 4)?;
            Ok((store.data().image(&image)?.height(),))
        },
    )?;
    types.func_wrap(
        "[method]image.rgb",
        |mut store, (image,): (Resource<Image>,)| {
            let image = store.data().image(&image)?.clone();
            charge(&mut store, image.rgb().len() as u64)?;
            Ok((image.rgb().to_vec(),))
        },
    )
}
