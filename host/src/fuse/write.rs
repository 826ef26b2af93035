//! A component with one module for several: what used their instances uses the one's.

use super::Fault;
use super::graph::{Graph, Kind, Origin, Part, Section, place_of};
use super::merge::{Export, Merger, Rewritten};
use super::order;
use std::collections::HashMap;
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, Component, ComponentAliasSection, ExportKind, InstanceSection,
    ModuleArg, RawSection,
};
use wasmparser::{CanonicalFunction, ComponentAlias, Instance};

/// Writes the component with `parts` as one module.
pub(super) fn component(graph: &Graph<'_>, parts: &[Part<'_>]) -> Result<Vec<u8>, Fault> {
    let merger = Merger::new(parts)?;
    order::check(graph, parts, &merger)?;
    let mut writer = Writer {
        graph,
        parts,
        merger,
        body: Component::new(),
        modules: Vec::new(),
        instances: HashMap::new(),
        next_instance: 0,
        items: HashMap::new(),
        next_item: HashMap::new(),
        read_funcs: 0,
        exports: Vec::new(),
        export_places: HashMap::new(),
        fused: None,
    };
    for section in &graph.sections {
        writer.section(section)?;
    }
    writer.finish()
}

struct Writer<'a, 'g> {
    graph: &'g Graph<'a>,
    parts: &'g [Part<'a>],
    merger: Merger<'a>,
    /// All but the modules, which come first: they need nothing.
    body: Component,
    /// The modules that stay apart, after the one.
    modules: Vec<u32>,
    /// The new index of each core instance that has one.
    instances: HashMap<u32, u32>,
    next_instance: u32,
    /// The new index of each core item that has one.
    items: HashMap<(Kind, u32), u32>,
    next_item: HashMap<Kind, u32>,
    /// The old index of the core function that is read next.
    read_funcs: u32,
    /// What the one module exports.
    exports: Vec<Export<'a>>,
    export_places: HashMap<Export<'a>, usize>,
    /// The one module's instance.
    fused: Option<u32>,
}

impl<'a> Writer<'a, '_> {
    fn section(&mut self, section: &Section<'a>) -> Result<(), Fault> {
        match section {
            Section::Raw { id, bytes } => {
                self.body.section(&RawSection {
                    id: *id,
                    data: bytes,
                });
            }
            Section::Instances(range) => {
                for index in range.clone() {
                    let instance = &self.graph.instances[index as usize];
                    let is_part = place_of(self.parts, index).is_some();
                    // What is only given to others is written where it is given.
                    if !is_part && matches!(instance, Instance::Instantiate { .. }) {
                        self.instance(index)?;
                    }
                }
            }
            Section::Aliases(aliases) => {
                for alias in aliases {
                    self.alias(alias)?;
                }
            }
            Section::Canonical(functions) => {
                for function in functions {
                    self.canonical(function)?;
                }
            }
        }
        Ok(())
    }

    /// Core items get their alias where they are used first.
    fn alias(&mut self, alias: &ComponentAlias<'a>) -> Result<(), Fault> {
        if let ComponentAlias::CoreInstanceExport { kind, .. } = alias {
            self.read_funcs += u32::from(Kind::of(*kind)? == Kind::Func);
            return Ok(());
        }
        let alias = self.component_alias(alias.clone())?;
        self.body.section(ComponentAliasSection::new().alias(alias));
        Ok(())
    }

    fn canonical(&mut self, function: &CanonicalFunction) -> Result<(), Fault> {
        let mut section = CanonicalFunctionSection::new();
        self.parse_component_canonical(&mut section, function.clone())?;
        self.body.section(&section);
        if !matches!(function, CanonicalFunction::Lift { .. }) {
            let new = self.new_item(Kind::Func);
            self.items.insert((Kind::Func, self.read_funcs), new);
            self.read_funcs += 1;
        }
        Ok(())
    }

    /// The new index of a core instance, which is written if it is not there yet.
    fn instance(&mut self, old: u32) -> Result<u32, Fault> {
        if let Some(new) = self.instances.get(&old) {
            return Ok(*new);
        }
        let mut section = InstanceSection::new();
        match &self.graph.instances[old as usize] {
            Instance::Instantiate { module_index, args } => {
                let args = args
                    .iter()
                    .map(|arg| Ok((arg.name, ModuleArg::Instance(self.instance(arg.index)?))))
                    .collect::<Result<Vec<_>, Fault>>()?;
                self.modules.push(*module_index);
                section.instantiate(u32::try_from(self.modules.len())?, args);
            }
            Instance::FromExports(exports) => {
                let exports = exports
                    .iter()
                    .map(|export| {
                        let kind = Kind::of(export.kind)?;
                        Ok((export.name, kind.encoded(), self.item(kind, export.index)?))
                    })
                    .collect::<Result<Vec<_>, Fault>>()?;
                section.export_items(exports);
            }
        }
        let new = self.new_instance(&section);
        self.instances.insert(old, new);
        Ok(new)
    }

    /// The new index of a core item; an alias is written if there is none yet.
    fn item(&mut self, kind: Kind, old: u32) -> Result<u32, Fault> {
        if let Some(new) = self.items.get(&(kind, old)) {
            return Ok(*new);
        }
        let origin = self.graph.origin(kind, old);
        let Some(Origin::Export { instance, name }) = origin else {
            return Err(Fault::new(
                "a core function is used before the component defines it",
            ));
        };
        let part = place_of(self.parts, instance);
        let mut section = ComponentAliasSection::new();
        let place;
        let (instance, name) = match part {
            Some(part) => {
                let instance = self.fused()?;
                let wanted = Export { part, name };
                let next = self.exports.len();
                let at = *self.export_places.entry(wanted).or_insert(next);
                if at == next {
                    self.exports.push(wanted);
                }
                place = at.to_string();
                (instance, place.as_str())
            }
            None => (self.instance(instance)?, name),
        };
        section.alias(Alias::CoreInstanceExport {
            instance,
            kind: kind.encoded(),
            name,
        });
        self.body.section(&section);
        let new = self.new_item(kind);
        self.items.insert((kind, old), new);
        Ok(new)
    }

    /// The one module's instance, which is written where it is needed first.
    fn fused(&mut self) -> Result<u32, Fault> {
        if let Some(fused) = self.fused {
            return Ok(fused);
        }
        let imports: Vec<u32> = self.merger.imports().collect();
        let given = imports
            .into_iter()
            .enumerate()
            .map(|(place, func)| {
                let func = self.item(Kind::Func, func)?;
                Ok((place.to_string(), ExportKind::Func, func))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let mut section = InstanceSection::new();
        section.export_items(given);
        let given = self.new_instance(&section);
        let mut section = InstanceSection::new();
        section.instantiate(0, [("", ModuleArg::Instance(given))]);
        let fused = self.new_instance(&section);
        self.fused = Some(fused);
        Ok(fused)
    }

    fn new_instance(&mut self, section: &InstanceSection) -> u32 {
        self.body.section(section);
        self.next_instance += 1;
        self.next_instance - 1
    }

    fn new_item(&mut self, kind: Kind) -> u32 {
        let next = self.next_item.entry(kind).or_default();
        *next += 1;
        *next - 1
    }

    /// The modules, the one first, and then all else.
    fn finish(mut self) -> Result<Vec<u8>, Fault> {
        self.fused()?;
        let mut component = Component::new();
        let id = wasm_encoder::ComponentSectionId::CoreModule.into();
        let merged = self.merger.write(&self.exports)?;
        component.section(&RawSection { id, data: &merged });
        for module in &self.modules {
            let modules = &self.graph.modules;
            let data = modules.get(*module as usize);
            let data = data.ok_or_else(|| Fault::new("an instance has no module"))?;
            component.section(&RawSection { id, data });
        }
        let mut bytes = component.finish();
        let body = self.body.finish();
        bytes.extend_from_slice(&body[Component::HEADER.len()..]);
        Ok(bytes)
    }
}

/// Component items keep their indices.
impl Reencode for Writer<'_, '_> {
    type Error = Fault;

    fn function_index(&mut self, func: u32) -> Rewritten<u32> {
        self.item(Kind::Func, func).map_err(Error::UserError)
    }

    fn memory_index(&mut self, memory: u32) -> Rewritten<u32> {
        self.item(Kind::Memory, memory).map_err(Error::UserError)
    }

    fn table_index(&mut self, table: u32) -> Rewritten<u32> {
        self.item(Kind::Table, table).map_err(Error::UserError)
    }
}

impl ReencodeComponent for Writer<'_, '_> {}
