//! Several core modules as one: every index of theirs gets a place in the one's.

use super::Fault;
use super::graph::{Given, Part};
use super::module::{Module, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType,
    ExportSection, FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection,
    NameMap, NameSection, TableSection, TypeSection,
};
use wasmparser::{ExternalKind, FuncType, Import, Operator, TypeRef};

/// What [`Reencode`] returns.
pub(super) type Rewritten<T> = Result<T, Error<Fault>>;

/// An item of the one module that its component uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Export<'a> {
    /// The part that exports it, and by which name.
    pub(super) part: usize,
    pub(super) name: &'a str,
}

/// A function of the one module, before it is known how many it imports.
#[derive(Clone, Copy)]
enum Func {
    Imported(u32),
    Own(u32),
}

/// A global of the one module.
struct Global {
    ty: wasmparser::GlobalType,
    value: Value,
}

/// Where the items of a part are in the one module.
#[derive(Default)]
struct Places {
    types: Vec<u32>,
    funcs: Vec<Func>,
    tables: Vec<u32>,
    memories: Vec<u32>,
    globals: Vec<u32>,
    first_element: u32,
    first_data: u32,
}

/// The one module of several parts, each of which may use those before it.
#[derive(Default)]
pub(super) struct Merger<'a> {
    modules: Vec<Module<'a>>,
    places: Vec<Places>,
    types: Vec<FuncType>,
    type_places: HashMap<FuncType, u32>,
    /// Core functions of the component that are imported, with their types.
    imports: Vec<(u32, u32)>,
    import_places: HashMap<(u32, u32), u32>,
    /// The types of the module's own functions.
    funcs: Vec<u32>,
    globals: Vec<Global>,
    tables: u32,
    memories: u32,
    elements: u32,
    data: u32,
}

impl<'a> Merger<'a> {
    /// Reads the parts, and gives every item of theirs its place.
    pub(super) fn new(parts: &[Part<'a>]) -> Result<Self, Fault> {
        let mut merger = Self::default();
        for part in parts {
            let module = Module::read(part.module)?;
            merger.place(part, &module)?;
            merger.modules.push(module);
        }
        Ok(merger)
    }

    /// The core functions of the component that the module imports: each under the module name `""`, and as
    /// its own name the place in this list.
    pub(super) fn imports(&self) -> impl Iterator<Item = u32> {
        self.imports.iter().map(|(index, _)| *index)
    }

    fn place(&mut self, part: &Part<'_>, module: &Module<'_>) -> Result<(), Fault> {
        let mut places = Places {
            first_element: self.elements,
            first_data: self.data,
            ..Places::default()
        };
        for ty in &module.types {
            let next = count(&self.types)?;
            let place = *self.type_places.entry(ty.clone()).or_insert(next);
            if place == next {
                self.types.push(ty.clone());
            }
            places.types.push(place);
        }
        for import in &module.imports {
            let Import {
                module: from,
                name,
                ty,
            } = import;
            let given = part.imports.get(&(*from, *name));
            let nothing = || Fault(format!("nothing is given for `{name}` of `{from}`"));
            match given.ok_or_else(nothing)? {
                Given::Func(index) => {
                    let TypeRef::Func(ty) = ty else {
                        return Err(Fault(format!("`{name}` is given as a function")));
                    };
                    let wanted = (*index, at(&places.types, *ty)?);
                    let next = count(&self.imports)?;
                    let place = *self.import_places.entry(wanted).or_insert(next);
                    if place == next {
                        self.imports.push(wanted);
                    }
                    places.funcs.push(Func::Imported(place));
                }
                Given::Of { part, name: export } => {
                    let (kind, index) = self.modules[*part].export(export)?;
                    if !is_of(*ty, kind) {
                        return Err(Fault(format!(
                            "`{name}` is given something of another kind"
                        )));
                    }
                    let from = &self.places[*part];
                    match kind {
                        ExternalKind::Func => places.funcs.push(at(&from.funcs, index)?),
                        ExternalKind::Table => places.tables.push(at(&from.tables, index)?),
                        ExternalKind::Memory => places.memories.push(at(&from.memories, index)?),
                        ExternalKind::Global => places.globals.push(at(&from.globals, index)?),
                        ExternalKind::Tag | ExternalKind::FuncExact => {
                            return Err(Fault(format!("`{name}` is of a kind that can't move")));
                        }
                    }
                }
            }
        }
        for ty in &module.funcs {
            places.funcs.push(Func::Own(count(&self.funcs)?));
            self.funcs.push(at(&places.types, *ty)?);
        }
        for _ in &module.tables {
            places.tables.push(self.tables);
            self.tables += 1;
        }
        for _ in &module.memories {
            places.memories.push(self.memories);
            self.memories += 1;
        }
        for global in &module.globals {
            let value = self.value(&global.init_expr, &places)?;
            places.globals.push(count(&self.globals)?);
            self.globals.push(Global {
                ty: global.ty,
                value,
            });
        }
        self.elements += count(&module.elements)?;
        self.data += count(&module.data)?;
        self.places.push(places);
        Ok(())
    }

    /// What a constant expression of a part comes to.
    fn value(
        &self,
        expression: &wasmparser::ConstExpr<'_>,
        places: &Places,
    ) -> Result<Value, Fault> {
        Value::of(expression, |index| {
            let global = &self.globals[at(&places.globals, index)? as usize];
            if global.ty.mutable {
                return Err(Fault::new(
                    "a constant expression names a global that changes",
                ));
            }
            Ok(global.value)
        })
    }

    /// The place of the table that a part exports under a name.
    pub(super) fn table(&self, part: usize, name: &str) -> Result<u32, Fault> {
        match self.modules[part].export(name)? {
            (ExternalKind::Table, index) => at(&self.places[part].tables, index),
            _ => Err(Fault(format!("`{name}` is no table"))),
        }
    }

    /// Whether a part writes into memory when it is linked, and the places of the tables that it writes into.
    pub(super) fn writes(&self, part: usize) -> Result<(bool, Vec<u32>), Fault> {
        let module = &self.modules[part];
        let tables = module.written_tables();
        let places = tables.map(|index| at(&self.places[part].tables, index));
        Ok((module.writes_memory(), places.collect::<Result<_, _>>()?))
    }

    /// The module. Exports are named by their place in `exports`.
    pub(super) fn write(&self, exports: &[Export<'_>]) -> Result<Vec<u8>, Fault> {
        let exported: Vec<_> = exports
            .iter()
            .map(|export| self.modules[export.part].export(export.name))
            .collect::<Result<_, Fault>>()?;
        let Used {
            mut fixed,
            referenced,
        } = self.used()?;
        for (export, (kind, index)) in exports.iter().zip(&exported) {
            if *kind == ExternalKind::Global {
                fixed.remove(&at(&self.places[export.part].globals, *index)?);
            }
        }
        let mut written = Written::default();
        for (place, global) in self.globals.iter().enumerate() {
            let ty = GlobalType {
                val_type: self.renumber(0).val_type(global.ty.content_type)?,
                mutable: global.ty.mutable && !fixed.contains(&u32::try_from(place)?),
                shared: false,
            };
            written.globals.global(ty, &global.value.expression());
        }
        for (place, module) in self.modules.iter().enumerate() {
            self.write_part(place, module, &mut written)?;
        }
        if !referenced.is_empty() {
            let functions: Vec<u32> = referenced.into_iter().collect();
            written
                .elements
                .declared(Elements::Functions(functions.into()));
        }
        for (name, (export, (kind, index))) in exports.iter().zip(&exported).enumerate() {
            let mut renumber = self.renumber(export.part);
            let index = renumber.external_index(*kind, *index)?;
            let kind = renumber.export_kind(*kind)?;
            written.exports.export(&name.to_string(), kind, index);
        }
        self.assemble(&written)
    }

    /// How functions use globals and each other.
    fn used(&self) -> Result<Used, Fault> {
        let mut used = Used {
            fixed: (0..count(&self.globals)?).collect(),
            referenced: BTreeSet::new(),
        };
        for (part, module) in self.modules.iter().enumerate() {
            let mut renumber = self.renumber(part);
            for body in &module.bodies {
                for operator in body.get_operators_reader()? {
                    match operator? {
                        Operator::GlobalSet { global_index } => {
                            used.fixed.remove(&renumber.global_index(global_index)?);
                        }
                        Operator::RefFunc { function_index } => {
                            let function = renumber.function_index(function_index)?;
                            used.referenced.insert(function);
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(used)
    }

    fn write_part(
        &self,
        place: usize,
        module: &Module<'_>,
        written: &mut Written,
    ) -> Result<(), Fault> {
        let mut renumber = self.renumber(place);
        for table in &module.tables {
            renumber.parse_table(&mut written.tables, table.clone())?;
        }
        for memory in &module.memories {
            written.memories.memory(renumber.memory_type(*memory)?);
        }
        for element in &module.elements {
            renumber.parse_element(&mut written.elements, element.clone())?;
        }
        for body in &module.bodies {
            renumber.parse_function_body(&mut written.code, body.clone())?;
        }
        for data in &module.data {
            renumber.parse_data(&mut written.data, data.clone())?;
        }
        for (index, name) in &module.names {
            // Those of imports are names of other parts' functions, and those of no function help nobody.
            if *index >= module.imported_funcs
                && let Ok(index) = renumber.function_index(*index)
            {
                written.names.insert(index, (*name).to_owned());
            }
        }
        Ok(())
    }

    fn assemble(&self, written: &Written) -> Result<Vec<u8>, Fault> {
        let mut types = TypeSection::new();
        for ty in &self.types {
            let ty = self.renumber(0).func_type(ty.clone())?;
            types.ty().func_type(&ty);
        }
        let mut imports = ImportSection::new();
        for (place, (_, ty)) in self.imports.iter().enumerate() {
            imports.import("", &place.to_string(), EntityType::Function(*ty));
        }
        let mut funcs = FunctionSection::new();
        for ty in &self.funcs {
            funcs.function(*ty);
        }
        let mut module = wasm_encoder::Module::new();
        module
            .section(&types)
            .section(&imports)
            .section(&funcs)
            .section(&written.tables)
            .section(&written.memories)
            .section(&written.globals)
            .section(&written.exports)
            .section(&written.elements);
        if self.data > 0 {
            module.section(&DataCountSection { count: self.data });
        }
        module.section(&written.code).section(&written.data);
        if !written.names.is_empty() {
            let mut map = NameMap::new();
            for (index, name) in &written.names {
                map.append(*index, name);
            }
            let mut names = NameSection::new();
            names.functions(&map);
            module.section(&names);
        }
        Ok(module.finish())
    }

    fn renumber(&self, part: usize) -> Renumber<'_, 'a> {
        Renumber { merger: self, part }
    }
}

/// How functions use what the one module has.
struct Used {
    /// Globals that none of them sets: addresses, after the libraries were placed. As constants they cost nothing to
    /// read.
    fixed: HashSet<u32>,
    /// Functions whose address one of them takes, which a module has to declare.
    referenced: BTreeSet<u32>,
}

/// The sections of the one module.
#[derive(Default)]
struct Written {
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    exports: ExportSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
    names: BTreeMap<u32, String>,
}

/// Writes what a part has with the indices of the one module.
struct Renumber<'m, 'a> {
    merger: &'m Merger<'a>,
    part: usize,
}

impl Renumber<'_, '_> {
    fn places(&self) -> &Places {
        &self.merger.places[self.part]
    }
}

/// Whether what is imported as `ty` may be an export of this kind.
fn is_of(ty: TypeRef, kind: ExternalKind) -> bool {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => kind == ExternalKind::Func,
        TypeRef::Table(_) => kind == ExternalKind::Table,
        TypeRef::Memory(_) => kind == ExternalKind::Memory,
        TypeRef::Global(_) => kind == ExternalKind::Global,
        TypeRef::Tag(_) => kind == ExternalKind::Tag,
    }
}

fn count<T>(items: &[T]) -> Result<u32, Fault> {
    Ok(u32::try_from(items.len())?)
}

fn at<T: Copy>(places: &[T], index: u32) -> Result<T, Fault> {
    let place = places.get(index as usize).copied();
    place.ok_or_else(|| Fault::new("an index is out of bounds"))
}

impl Reencode for Renumber<'_, '_> {
    type Error = Fault;

    fn function_index(&mut self, func: u32) -> Rewritten<u32> {
        let place = at(&self.places().funcs, func).and_then(|func| match func {
            Func::Imported(place) => Ok(place),
            Func::Own(place) => Ok(count(&self.merger.imports)?.saturating_add(place)),
        });
        place.map_err(Error::UserError)
    }

    fn type_index(&mut self, ty: u32) -> Rewritten<u32> {
        at(&self.places().types, ty).map_err(Error::UserError)
    }

    fn table_index(&mut self, table: u32) -> Rewritten<u32> {
        at(&self.places().tables, table).map_err(Error::UserError)
    }

    fn memory_index(&mut self, memory: u32) -> Rewritten<u32> {
        at(&self.places().memories, memory).map_err(Error::UserError)
    }

    fn global_index(&mut self, global: u32) -> Rewritten<u32> {
        at(&self.places().globals, global).map_err(Error::UserError)
    }

    fn element_index(&mut self, element: u32) -> Rewritten<u32> {
        Ok(self.places().first_element.saturating_add(element))
    }

    fn data_index(&mut self, data: u32) -> Rewritten<u32> {
        Ok(self.places().first_data.saturating_add(data))
    }

    /// With the value instead of a global: the engine fills a table when it compiles only where it sees
    /// the place.
    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Rewritten<ConstExpr> {
        let mut operators = expression.get_operators_reader().into_iter();
        if !operators.any(|operator| matches!(operator, Ok(Operator::GlobalGet { .. }))) {
            return utils::const_expr(self, expression);
        }
        let value = self.merger.value(&expression, self.places());
        Ok(value.map_err(Error::UserError)?.expression())
    }
}
