//! `cargo xtask book`: writes the pages of the book that are made from other things: `docs/contract.md` from `wit/`, and
//! `docs/cheats.md` from the verifiers' cases. `cargo xtask lint` refuses a page that is not what the contract says.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, ensure};
use wit_parser::{
    Docs, Function, Handle, Interface, InterfaceId, Resolve, Type, TypeDefKind, TypeId, World,
    WorldItem, WorldKey,
};

use crate::project::Project;
use crate::{book_pages, cheats, guests, process};

const PAGE: &str = "docs/contract.md";

const HEAD: &str = "# The contract\n\n\
    What crosses the boundary between rlhost and its components, from [`wit/`](https://component-model.bytecodealliance.org/design/wit.html) of the repository. \
    `cargo xtask book` makes this page; the words are those of `wit/*.wit`.\n";

/// What to do with the book.
#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(clap::Subcommand)]
enum Part {
    /// Make pages of the repository's files whole, as a preprocessor of mdBook (`mdbook build docs` calls it)
    Pages {
        /// `supports RENDERER`, as mdBook asks; without it a book is read
        question: Vec<String>,
    },
}

/// Writes the pages.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    if let Some(Part::Pages { question }) = &options.part {
        return book_pages::run(project, question);
    }
    let page = page(project)?;
    let path = project.root.join(PAGE);
    fs::write(&path, page).with_context(|| path.display().to_string())?;
    println!("written   {PAGE}");
    // What the components say: they have to be built.
    guests::build_all(project)?;
    process::run(
        project
            .cargo()
            .args(["build", "--workspace", "--bin", "rlhost"]),
    )?;
    fs::write(project.root.join(cheats::PAGE), cheats::page(project)?).context(cheats::PAGE)?;
    println!("written   {}", cheats::PAGE);
    Ok(())
}

/// Refuses a page that is old.
pub(crate) fn check(project: &Project) -> Result<()> {
    let found = fs::read_to_string(project.root.join(PAGE)).context(PAGE)?;
    ensure!(
        found == page(project)?,
        "{PAGE} is not what wit/ says: `cargo xtask book` writes it anew"
    );
    Ok(())
}

fn page(project: &Project) -> Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(project.root.join("wit"))?;
    let package = &resolve.packages[package];
    let reference = Reference { resolve: &resolve };
    let mut out = HEAD.to_owned();
    writeln!(
        out,
        "\nPackage `{}`. {}",
        package.name,
        prose(&package.docs)
    )?;
    writeln!(
        out,
        "\n## Worlds\n\nWhat a component may import and what it exports."
    )?;
    for id in package.worlds.values() {
        reference.world(&mut out, &resolve.worlds[*id])?;
    }
    for id in package.interfaces.values() {
        reference.interface(&mut out, &resolve.interfaces[*id])?;
    }
    Ok(out)
}

/// A comment as paragraphs of one line.
fn prose(docs: &Docs) -> String {
    let text = docs.contents.as_deref().unwrap_or_default();
    let paragraphs: Vec<_> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n\n")
}

/// A comment in a cell of a table.
fn cell(docs: &Docs) -> String {
    prose(docs).replace("\n\n", " ").replace('|', "\\|")
}

/// A piece of a type.
struct Row<'a> {
    name: &'a str,
    /// Empty where there is none.
    ty: String,
    docs: &'a Docs,
}

struct Reference<'a> {
    resolve: &'a Resolve,
}

impl Reference<'_> {
    fn world(&self, out: &mut String, world: &World) -> Result<()> {
        writeln!(out, "\n### `{}`\n\n{}\n", world.name, prose(&world.docs))?;
        for (verb, items) in [("imports", &world.imports), ("exports", &world.exports)] {
            let names: Vec<_> = items
                .iter()
                .map(|(key, item)| self.item(key, item))
                .collect();
            if !names.is_empty() {
                writeln!(out, "- {verb} {}", names.join(", "))?;
            }
        }
        Ok(())
    }

    fn item(&self, key: &WorldKey, item: &WorldItem) -> String {
        match (key, item) {
            (WorldKey::Interface(id), _) | (_, WorldItem::Interface { id, .. }) => {
                let name = self.interface_name(*id);
                format!("[`{name}`](#interface-{name})")
            }
            (WorldKey::Name(name), _) => format!("`{name}`"),
        }
    }

    fn interface_name(&self, id: InterfaceId) -> &str {
        let name = self.resolve.interfaces[id].name.as_deref();
        name.unwrap_or("inline")
    }

    fn interface(&self, out: &mut String, interface: &Interface) -> Result<()> {
        let name = interface.name.as_deref().unwrap_or("inline");
        writeln!(out, "\n## Interface `{name}`\n\n{}", prose(&interface.docs))?;
        for function in interface.functions.values() {
            if function.kind.resource().is_none() {
                let signature = self.signature(function);
                let docs = prose(&function.docs);
                writeln!(
                    out,
                    "\n### `{}`\n\n    {signature}\n\n{docs}",
                    function.name
                )?;
            }
        }
        for id in interface.types.values() {
            self.definition(out, interface, *id)?;
        }
        Ok(())
    }

    fn definition(&self, out: &mut String, interface: &Interface, id: TypeId) -> Result<()> {
        let ty = &self.resolve.types[id];
        // What is used from another interface is described there.
        if let TypeDefKind::Type(_) = ty.kind {
            return Ok(());
        }
        let name = ty.name.as_deref().unwrap_or_default();
        let (first, rows) = self.rows(interface, id);
        let docs = prose(&ty.docs);
        writeln!(out, "\n### {} `{name}`\n\n{docs}\n", ty.kind.as_str())?;
        let typed = rows.iter().any(|row| !row.ty.is_empty());
        writeln!(out, "| {first} |{} |", if typed { " Type |" } else { "" })?;
        writeln!(out, "|---|---|{}", if typed { "---|" } else { "" })?;
        for row in rows {
            let ty = match row.ty.as_str() {
                "" if typed => " |".to_owned(),
                "" => String::new(),
                ty => format!(" `{ty}` |"),
            };
            writeln!(out, "| `{}` |{ty} {} |", row.name, cell(row.docs))?;
        }
        Ok(())
    }

    /// What a type is made of, and what these pieces are called.
    fn rows<'a>(&'a self, interface: &'a Interface, id: TypeId) -> (&'static str, Vec<Row<'a>>) {
        let row = |name: &'a str, ty: String, docs: &'a Docs| Row { name, ty, docs };
        match &self.resolve.types[id].kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter();
                let rows =
                    fields.map(|field| row(&field.name, self.type_name(&field.ty), &field.docs));
                ("Field", rows.collect())
            }
            TypeDefKind::Variant(variant) => {
                let rows = variant.cases.iter().map(|case| {
                    let payload = case.ty.as_ref().map(|ty| self.type_name(ty));
                    row(&case.name, payload.unwrap_or_default(), &case.docs)
                });
                ("Case", rows.collect())
            }
            TypeDefKind::Enum(names) => {
                let cases = names.cases.iter();
                let rows = cases.map(|case| row(&case.name, String::new(), &case.docs));
                ("Case", rows.collect())
            }
            TypeDefKind::Resource => {
                let functions = interface.functions.values();
                let methods = functions.filter(|function| function.kind.resource() == Some(id));
                let rows = methods
                    .map(|method| row(method.item_name(), self.signature(method), &method.docs));
                ("Method", rows.collect())
            }
            _ => ("", Vec::new()),
        }
    }

    /// `func(a: string) -> u32`; of a method without the resource that it is called on.
    fn signature(&self, function: &Function) -> String {
        let own = usize::from(function.kind.resource().is_some());
        let params: Vec<_> = function.params[own.min(function.params.len())..]
            .iter()
            .map(|param| format!("{}: {}", param.name, self.type_name(&param.ty)))
            .collect();
        let result = function.result.as_ref();
        let result = result.map(|ty| format!(" -> {}", self.type_name(ty)));
        format!("func({}){}", params.join(", "), result.unwrap_or_default())
    }

    fn type_name(&self, ty: &Type) -> String {
        let name = match ty {
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::S8 => "s8",
            Type::S16 => "s16",
            Type::S32 => "s32",
            Type::S64 => "s64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::ErrorContext => "error-context",
            Type::Id(id) => return self.composed(*id),
        };
        name.to_owned()
    }

    /// The name of a type that has one, else what it is made of.
    fn composed(&self, id: TypeId) -> String {
        let ty = &self.resolve.types[id];
        if let Some(name) = &ty.name {
            return name.clone();
        }
        let of = |ty: &Type| self.type_name(ty);
        match &ty.kind {
            TypeDefKind::List(item) => format!("list<{}>", of(item)),
            TypeDefKind::Option(item) => format!("option<{}>", of(item)),
            TypeDefKind::Tuple(tuple) => {
                let items: Vec<_> = tuple.types.iter().map(of).collect();
                format!("tuple<{}>", items.join(", "))
            }
            TypeDefKind::Result(result) => {
                let side = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), of);
                format!("result<{}, {}>", side(&result.ok), side(&result.err))
            }
            TypeDefKind::Handle(Handle::Own(id)) => self.composed(*id),
            TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", self.composed(*id)),
            other => other.as_str().to_owned(),
        }
    }
}
