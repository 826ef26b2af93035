//! A core module's sections, read.

use super::Fault;
use std::collections::HashMap;
use wasm_encoder::ConstExpr;
use wasmparser::{
    Data, DataKind, Element, ElementKind, ExternalKind, FuncType, FunctionBody, Global, Import,
    KnownCustom, MemoryType, Name, Operator, Parser, Payload, Table, TypeRef, ValType,
};

/// What a constant expression comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    I32(i32),
    I64(i64),
    /// The bits.
    F32(u32),
    F64(u64),
}

impl Value {
    /// Computes an expression, with the values of globals that `global` gives.
    pub(super) fn of(
        expression: &wasmparser::ConstExpr<'_>,
        global: impl Fn(u32) -> Result<Self, Fault>,
    ) -> Result<Self, Fault> {
        let mut stack = Vec::new();
        for operator in expression.get_operators_reader() {
            let value = match operator? {
                Operator::I32Const { value } => Self::I32(value),
                Operator::I64Const { value } => Self::I64(value),
                Operator::F32Const { value } => Self::F32(value.bits()),
                Operator::F64Const { value } => Self::F64(value.bits()),
                Operator::GlobalGet { global_index } => global(global_index)?,
                // An address in a library is where the library begins, and something.
                Operator::I32Add => match (stack.pop(), stack.pop()) {
                    (Some(Self::I32(a)), Some(Self::I32(b))) => Self::I32(a.wrapping_add(b)),
                    _ => return Err(Fault::new("a constant expression adds what is no number")),
                },
                Operator::End => continue,
                other => return Err(Fault(format!("a constant expression has {other:?}"))),
            };
            stack.push(value);
        }
        match stack[..] {
            [value] => Ok(value),
            _ => Err(Fault::new("a constant expression has not one value")),
        }
    }

    /// The value as an expression.
    pub(super) fn expression(self) -> ConstExpr {
        match self {
            Self::I32(value) => ConstExpr::i32_const(value),
            Self::I64(value) => ConstExpr::i64_const(value),
            Self::F32(bits) => ConstExpr::f32_const(wasm_encoder::Ieee32::new(bits)),
            Self::F64(bits) => ConstExpr::f64_const(wasm_encoder::Ieee64::new(bits)),
        }
    }
}

/// A core module, read. Indices in it are its own.
#[derive(Default)]
pub(super) struct Module<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) imports: Vec<Import<'a>>,
    /// How many of the imports are functions.
    pub(super) imported_funcs: u32,
    /// The type of each function that the module defines.
    pub(super) funcs: Vec<u32>,
    pub(super) tables: Vec<Table<'a>>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<Global<'a>>,
    exports: HashMap<&'a str, (ExternalKind, u32)>,
    pub(super) elements: Vec<Element<'a>>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    pub(super) data: Vec<Data<'a>>,
    /// Names of functions, for messages.
    pub(super) names: Vec<(u32, &'a str)>,
}

impl<'a> Module<'a> {
    /// Reads a module. Fails on what modules that are linked while they start do not have.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            module.take(payload?)?;
        }
        Ok(module)
    }

    fn take(&mut self, payload: Payload<'a>) -> Result<(), Fault> {
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = ty?;
                    let mut values = ty.params().iter().chain(ty.results());
                    // Its index is the module's own, so that equal types may mean different things.
                    if values
                        .any(|value| matches!(value, ValType::Ref(it) if it.type_index().is_some()))
                    {
                        return Err(Fault::new("a function's type refers to another type"));
                    }
                    self.types.push(ty);
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    self.imported_funcs += u32::from(matches!(import.ty, TypeRef::Func(_)));
                    self.imports.push(import);
                }
            }
            Payload::FunctionSection(funcs) => fill(&mut self.funcs, funcs)?,
            Payload::TableSection(tables) => fill(&mut self.tables, tables)?,
            Payload::MemorySection(memories) => fill(&mut self.memories, memories)?,
            Payload::GlobalSection(globals) => fill(&mut self.globals, globals)?,
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    let kind = match export.kind {
                        ExternalKind::FuncExact => ExternalKind::Func,
                        kind => kind,
                    };
                    self.exports.insert(export.name, (kind, export.index));
                }
            }
            Payload::ElementSection(elements) => fill(&mut self.elements, elements)?,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::DataSection(data) => fill(&mut self.data, data)?,
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    // Names help people only: a section of them that can't be read is left out.
                    for name in names.into_iter().filter_map(Result::ok) {
                        if let Name::Function(names) = name {
                            let names = names.into_iter().filter_map(Result::ok);
                            self.names
                                .extend(names.map(|naming| (naming.index, naming.name)));
                        }
                    }
                }
            }
            Payload::StartSection { .. } => {
                return Err(Fault::new("a module runs code when it is linked"));
            }
            Payload::TagSection(_) => return Err(Fault::new("a module has tags")),
            Payload::Version { .. }
            | Payload::DataCountSection { .. }
            | Payload::CodeSectionStart { .. }
            | Payload::End(_) => {}
            _ => return Err(Fault::new("a module has a section of an unknown kind")),
        }
        Ok(())
    }

    /// Whether linking the module writes into a memory.
    pub(super) fn writes_memory(&self) -> bool {
        let mut kinds = self.data.iter().map(|data| &data.kind);
        kinds.any(|kind| matches!(kind, DataKind::Active { .. }))
    }

    /// The tables that linking the module writes into.
    pub(super) fn written_tables(&self) -> impl Iterator<Item = u32> {
        self.elements
            .iter()
            .filter_map(|element| match element.kind {
                ElementKind::Active { table_index, .. } => Some(table_index.unwrap_or(0)),
                _ => None,
            })
    }

    /// What the module exports under a name.
    pub(super) fn export(&self, name: &str) -> Result<(ExternalKind, u32), Fault> {
        let found = self.exports.get(name).copied();
        found.ok_or_else(|| Fault(format!("a module has no export `{name}`")))
    }
}

fn fill<'a, T: wasmparser::FromReader<'a>>(
    items: &mut Vec<T>,
    section: wasmparser::SectionLimited<'a, T>,
) -> Result<(), Fault> {
    for item in section {
        items.push(item?);
    }
    Ok(())
}
