//! The core modules of a component, and how they are linked.

use super::Fault;
use std::collections::HashMap;
use wasm_encoder::ExportKind;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentType, ComponentTypeRef, Encoding, ExternalKind, Instance,
    Parser, Payload,
};

/// The most instances that wasmtime takes; they are walked by recursion.
const MAX_INSTANCES: usize = 1000;

/// The kinds of core items, each of which has indices of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Func,
    Table,
    Memory,
    Global,
}

impl Kind {
    pub(super) fn of(kind: ExternalKind) -> Result<Self, Fault> {
        Ok(match kind {
            ExternalKind::Func | ExternalKind::FuncExact => Self::Func,
            ExternalKind::Table => Self::Table,
            ExternalKind::Memory => Self::Memory,
            ExternalKind::Global => Self::Global,
            ExternalKind::Tag => return Err(Fault::new("a module exports a tag")),
        })
    }

    pub(super) fn encoded(self) -> ExportKind {
        match self {
            Self::Func => ExportKind::Func,
            Self::Table => ExportKind::Table,
            Self::Memory => ExportKind::Memory,
            Self::Global => ExportKind::Global,
        }
    }
}

/// Where a core item comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// A core instance exports it.
    Export { instance: u32, name: &'a str },
    /// A function that the component itself defines. Some of them use what core instances export.
    Defined { needs_core: bool },
}

/// A section of the component, as it is to be written again.
pub(super) enum Section<'a> {
    /// As it stands.
    Raw {
        id: u8,
        bytes: &'a [u8],
    },
    Instances(std::ops::Range<u32>),
    Aliases(Vec<ComponentAlias<'a>>),
    Canonical(Vec<CanonicalFunction>),
}

/// A component, read.
#[derive(Default)]
pub(super) struct Graph<'a> {
    pub(super) sections: Vec<Section<'a>>,
    pub(super) modules: Vec<&'a [u8]>,
    pub(super) instances: Vec<Instance<'a>>,
    /// For each component that is instantiated in it, how many core instances there are before.
    pub(super) nested: Vec<u32>,
    /// The core items of each kind.
    items: HashMap<Kind, Vec<Origin<'a>>>,
}

/// A core instance that becomes a part of the one module.
pub(super) struct Part<'a> {
    /// Its core index.
    pub(super) instance: u32,
    pub(super) module: &'a [u8],
    /// What it is given, by the name of the module and of the item.
    pub(super) imports: HashMap<(&'a str, &'a str), Given<'a>>,
}

/// The place in the list of the part that was this core instance.
pub(super) fn place_of(parts: &[Part<'_>], instance: u32) -> Option<usize> {
    parts.iter().position(|part| part.instance == instance)
}

/// What a part is given for an import.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    /// An export of the part with this place in the list.
    Of { part: usize, name: &'a str },
    /// A function of the component, by its core index.
    Func(u32),
}

impl<'a> Graph<'a> {
    /// Reads a component.
    pub(super) fn read(component: &'a [u8]) -> Result<Self, Fault> {
        let mut graph = Self::default();
        let mut parser = Parser::new(0);
        let mut rest = component;
        let mut place = 0;
        loop {
            let chunk = parser.parse(rest, true)?;
            let wasmparser::Chunk::Parsed { consumed, payload } = chunk else {
                return Err(early());
            };
            rest = &rest[consumed..];
            place += consumed;
            let inner = match &payload {
                Payload::ModuleSection {
                    unchecked_range, ..
                }
                | Payload::ComponentSection {
                    unchecked_range, ..
                } => {
                    let length = unchecked_range.end.saturating_sub(place);
                    let (inner, after) = rest.split_at_checked(length).ok_or_else(early)?;
                    rest = after;
                    place += length;
                    inner
                }
                _ => &[],
            };
            match payload {
                Payload::End(_) => return Ok(graph),
                Payload::ModuleSection { .. } => graph.modules.push(inner),
                Payload::ComponentSection { .. } => {
                    no_outer_modules(inner)?;
                    graph.sections.push(Section::Raw {
                        id: wasm_encoder::ComponentSectionId::Component.into(),
                        bytes: inner,
                    });
                }
                payload => graph.take(component, payload)?,
            }
        }
    }

    fn take(&mut self, component: &'a [u8], payload: Payload<'a>) -> Result<(), Fault> {
        match payload {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {}
            Payload::Version { .. } => return Err(Fault::new("a core module, not a component")),
            Payload::InstanceSection(instances) => {
                let first = count(&self.instances);
                for instance in instances {
                    let instance = instance?;
                    self.check(&instance)?;
                    self.instances.push(instance);
                }
                if self.instances.len() > MAX_INSTANCES {
                    return Err(Fault::new("there are more instances than engines take"));
                }
                let range = first..count(&self.instances);
                self.sections.push(Section::Instances(range));
            }
            Payload::ComponentAliasSection(aliases) => {
                let aliases = aliases.into_iter().collect::<Result<Vec<_>, _>>()?;
                for alias in &aliases {
                    match alias {
                        ComponentAlias::CoreInstanceExport {
                            kind,
                            instance_index,
                            name,
                        } => {
                            let instance = *instance_index;
                            self.check_instance(instance)?;
                            self.add(Kind::of(*kind)?, Origin::Export { instance, name });
                        }
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Module,
                            ..
                        }
                        | ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::CoreModule,
                            ..
                        } => return Err(foreign()),
                        _ => {}
                    }
                }
                self.sections.push(Section::Aliases(aliases));
            }
            Payload::ComponentCanonicalSection(functions) => {
                let functions = functions.into_iter().collect::<Result<Vec<_>, _>>()?;
                for function in &functions {
                    if let Some(needs_core) = defines_core(function) {
                        self.add(Kind::Func, Origin::Defined { needs_core });
                    }
                }
                self.sections.push(Section::Canonical(functions));
            }
            // It names core items by their old indices.
            Payload::CustomSection(section) if section.name() == "component-name" => {}
            payload => {
                no_other_indices(&payload)?;
                if matches!(payload, Payload::ComponentInstanceSection(_)) {
                    self.nested.push(count(&self.instances));
                }
                let (id, range) = payload
                    .as_section()
                    .ok_or_else(|| Fault::new("a part of the component is unknown"))?;
                let bytes = component.get(range).ok_or_else(early)?;
                self.sections.push(Section::Raw { id, bytes });
            }
        }
        Ok(())
    }

    /// Instances may use what stands before them. All else relies on that.
    fn check(&self, instance: &Instance<'_>) -> Result<(), Fault> {
        match instance {
            Instance::Instantiate { module_index, args } => {
                if *module_index >= count(&self.modules) {
                    return Err(unfounded());
                }
                args.iter()
                    .try_for_each(|arg| self.check_instance(arg.index))
            }
            Instance::FromExports(exports) => exports.iter().try_for_each(|export| {
                let origin = self.origin(Kind::of(export.kind)?, export.index);
                origin.map(|_| ()).ok_or_else(unfounded)
            }),
        }
    }

    fn check_instance(&self, index: u32) -> Result<(), Fault> {
        if index < count(&self.instances) {
            Ok(())
        } else {
            Err(unfounded())
        }
    }

    fn add(&mut self, kind: Kind, origin: Origin<'a>) {
        self.items.entry(kind).or_default().push(origin);
    }

    /// Where a core item comes from.
    pub(super) fn origin(&self, kind: Kind, index: u32) -> Option<Origin<'a>> {
        self.items.get(&kind)?.get(index as usize).copied()
    }

    /// The instances that can be one: those that are given nothing but each other's exports and functions which
    /// need no core instance.
    pub(super) fn parts(&self) -> Vec<Part<'a>> {
        let mut parts: Vec<Part<'a>> = Vec::new();
        for (index, instance) in self.instances.iter().enumerate() {
            let Instance::Instantiate { module_index, args } = instance else {
                continue;
            };
            let imports: Option<HashMap<_, _>> = args
                .iter()
                .flat_map(|arg| self.given(&parts, arg.name, arg.index))
                .collect();
            let module = self.modules.get(*module_index as usize);
            if let (Some(imports), Some(module), Ok(instance)) =
                (imports, module, u32::try_from(index))
            {
                parts.push(Part {
                    instance,
                    module,
                    imports,
                });
            }
        }
        parts
    }

    /// The imports from `module` of an instance that is given `instance` for it.
    fn given(
        &self,
        parts: &[Part<'a>],
        module: &'a str,
        instance: u32,
    ) -> Vec<Option<((&'a str, &'a str), Given<'a>)>> {
        let Some(Instance::FromExports(exports)) = self.instances.get(instance as usize) else {
            // An instance as a whole: which of its exports are used, its user's imports tell.
            let part = place_of(parts, instance);
            return match part {
                Some(part) => exports_of(parts[part].module)
                    .into_iter()
                    .map(|name| Some(((module, name), Given::Of { part, name })))
                    .collect(),
                None => vec![None],
            };
        };
        exports
            .iter()
            .map(|export| {
                let given = match self.origin(Kind::of(export.kind).ok()?, export.index)? {
                    Origin::Export { instance, name } => {
                        let part = place_of(parts, instance)?;
                        Given::Of { part, name }
                    }
                    Origin::Defined { needs_core: false } => Given::Func(export.index),
                    Origin::Defined { needs_core: true } => return None,
                };
                Some(((module, export.name), given))
            })
            .collect()
    }
}

/// The names of a module's exports; none of one that can't be read, which the engine says better.
fn exports_of(module: &[u8]) -> Vec<&str> {
    let payloads = Parser::new(0).parse_all(module);
    let sections = payloads.filter_map(|payload| match payload {
        Ok(Payload::ExportSection(exports)) => Some(exports),
        _ => None,
    });
    let exports = sections.flat_map(IntoIterator::into_iter);
    exports
        .filter_map(|export| Some(export.ok()?.name))
        .collect()
}

/// Whether a canonical function is a core function, and then whether it uses what core instances export.
fn defines_core(function: &CanonicalFunction) -> Option<bool> {
    match function {
        CanonicalFunction::Lift { .. } => None,
        CanonicalFunction::Lower { options, .. } => Some(options.iter().any(|option| {
            !matches!(
                option,
                CanonicalOption::UTF8 | CanonicalOption::UTF16 | CanonicalOption::CompactUTF16
            )
        })),
        CanonicalFunction::ResourceNew { .. }
        | CanonicalFunction::ResourceDrop { .. }
        | CanonicalFunction::ResourceRep { .. } => Some(false),
        // Those of concurrency.
        _ => Some(true),
    }
}

/// Fails where a section that is to stand as it is has indices of modules or core functions: they change.
fn no_other_indices(payload: &Payload<'_>) -> Result<(), Fault> {
    let is_module = |kind: ComponentExternalKind| kind == ComponentExternalKind::Module;
    match payload {
        Payload::ComponentImportSection(imports) => {
            for import in imports.clone() {
                if matches!(import?.ty, ComponentTypeRef::Module(_)) {
                    return Err(foreign());
                }
            }
        }
        Payload::ComponentExportSection(exports) => {
            for export in exports.clone() {
                if is_module(export?.kind) {
                    return Err(foreign());
                }
            }
        }
        Payload::ComponentInstanceSection(instances) => {
            for instance in instances.clone() {
                let given = match instance? {
                    ComponentInstance::Instantiate { args, .. } => {
                        args.iter().any(|arg| is_module(arg.kind))
                    }
                    ComponentInstance::FromExports(exports) => {
                        exports.iter().any(|export| is_module(export.kind))
                    }
                };
                if given {
                    return Err(foreign());
                }
            }
        }
        Payload::ComponentTypeSection(types) => {
            for ty in types.clone() {
                if let ComponentType::Resource { dtor: Some(_), .. } = ty? {
                    return Err(Fault::new("a resource has a destructor"));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Fails where a component in a component uses a module of the outer one.
fn no_outer_modules(component: &[u8]) -> Result<(), Fault> {
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::ComponentAliasSection(aliases) = payload? {
            for alias in aliases {
                if let ComponentAlias::Outer {
                    kind: ComponentOuterAliasKind::CoreModule,
                    ..
                } = alias?
                {
                    return Err(foreign());
                }
            }
        }
    }
    Ok(())
}

/// Modules have indices, which those from elsewhere shift.
fn foreign() -> Fault {
    Fault::new("the component has modules that are not only linked in it")
}

fn unfounded() -> Fault {
    Fault::new("something is used before it is there")
}

fn early() -> Fault {
    Fault::new("the component ends early")
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
