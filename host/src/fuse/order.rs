//! Whether it matters that parts are linked earlier than they were.
//!
//! As one module, all parts are linked where the first of them is needed. A module that stays apart and stood between two of
//! them is linked after both then. That is the same only if neither reads or overwrites what the other writes.

use super::Fault;
use super::graph::{Graph, Kind, Origin, Part, place_of};
use super::merge::Merger;
use super::module::Module;
use wasmparser::{Instance, TypeRef};

/// Fails where a module that stays apart might see the difference.
pub(super) fn check(
    graph: &Graph<'_>,
    parts: &[Part<'_>],
    merger: &Merger<'_>,
) -> Result<(), Fault> {
    if let (Some(first), Some(last)) = (parts.first(), parts.last())
        && graph
            .nested
            .iter()
            .any(|before| (first.instance + 1..=last.instance).contains(before))
    {
        return Err(Fault::new(
            "a component in it is linked between two modules",
        ));
    }
    for (index, instance) in graph.instances.iter().enumerate() {
        let Instance::Instantiate { module_index, args } = instance else {
            continue;
        };
        let index = u32::try_from(index)?;
        if place_of(parts, index).is_some() {
            continue;
        }
        if args.iter().any(|arg| place_of(parts, arg.index).is_some()) {
            return Err(Fault::new(
                "a module that stays apart is given all that another exports",
            ));
        }
        let (mut memory, mut tables) = (false, Vec::new());
        for (place, part) in parts.iter().enumerate() {
            if part.instance > index {
                let (writes_memory, written) = merger.writes(place)?;
                memory |= writes_memory;
                tables.extend(written);
            }
        }
        if !memory && tables.is_empty() {
            continue;
        }
        // Of a module with a start this fails: it may read anything.
        let module = Module::read(graph.modules[*module_index as usize])?;
        let own = imported_tables(graph, parts, merger, &module, args)?;
        let overlaps = module
            .written_tables()
            .filter_map(|table| own.get(table as usize))
            // Of one that came by a detour it is not known which it is.
            .any(|table| table.is_none_or(|table| tables.contains(&table)));
        if memory && module.writes_memory() || overlaps {
            return Err(Fault::new(
                "a module that stays apart stands between two that write into the same memory or table",
            ));
        }
    }
    Ok(())
}

/// For each table that a module imports its place in the one module, where a part exports it.
fn imported_tables(
    graph: &Graph<'_>,
    parts: &[Part<'_>],
    merger: &Merger<'_>,
    module: &Module<'_>,
    args: &[wasmparser::InstantiationArg<'_>],
) -> Result<Vec<Option<u32>>, Fault> {
    let tables = module
        .imports
        .iter()
        .filter(|import| matches!(import.ty, TypeRef::Table(_)));
    tables
        .map(|import| {
            let arg = args.iter().find(|arg| arg.name == import.module);
            let given = arg.and_then(|arg| graph.instances.get(arg.index as usize));
            let Some(Instance::FromExports(exports)) = given else {
                return Ok(None);
            };
            let export = exports.iter().find(|export| export.name == import.name);
            let origin = export.and_then(|export| graph.origin(Kind::Table, export.index));
            let Some(Origin::Export { instance, name }) = origin else {
                return Ok(None);
            };
            match place_of(parts, instance) {
                Some(part) => merger.table(part, name).map(Some),
                None => Ok(None),
            }
        })
        .collect()
}
