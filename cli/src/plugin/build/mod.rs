//! `rlhost plugin build`: from a plugin's folder to its component.

mod c;
mod go;
mod hints;
mod idle;
mod javascript;
mod kind;
mod licence;
mod manifest;
mod packages;
pub mod python;
mod report;
mod rust;
pub mod source;
mod wasi;

use super::component;
use super::given;
use super::metadata::{self, About};
use super::templates;
use crate::output;
use crate::terminal::{self, inline};
use anyhow::{Context, Result, bail};
use rlhost_host::{Inspected, files};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Arguments {
    /// The plugin's folder, a file in it, or its name in a checkout
    #[arg(value_name = "FOLDER|FILE|NAME", default_value = ".")]
    what: String,
    /// The component to write; by default target/guests/FOLDER.wasm in the folder
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Where compilers write, in the plugin's folder.
const MADE: &str = "target/plugin-build";

/// So often a plugin is compiled anew whose files change meanwhile.
const TRIES: usize = 3;

/// What a compiler made of a plugin, and what the plugin's manifest says.
struct Compiled {
    product: Product,
    name: String,
    version: String,
    licence: Option<String>,
    /// The language, and the compiler's version.
    language: (&'static str, String),
    /// Packages that are in it, with their versions.
    packages: Vec<(String, String)>,
}

/// What comes out of a compiler.
enum Product {
    /// A core module, which is yet to become a component.
    Module(Vec<u8>),
    /// A component, made by the language's own tool.
    Component(Vec<u8>),
}

impl Product {
    fn read_module(path: &Path) -> Result<Self> {
        read(path).map(Self::Module)
    }

    fn read_component(path: &Path) -> Result<Self> {
        read(path).map(Self::Component)
    }

    fn into_component(self) -> Result<Vec<u8>> {
        match self {
            Self::Module(module) => component::encode(&module),
            Self::Component(component) => Ok(component),
        }
    }
}

/// The bytes of a file.
fn read(path: &Path) -> Result<Vec<u8>> {
    files::read(path, files::COMPONENT).with_context(|| format!("cannot read {}", path.display()))
}

/// Compiles a plugin's folder.
type Compile = fn(&Path) -> Result<Compiled>;

/// The languages whose plugins have a `plugin.toml`, by what the files in `src` end in.
const LANGUAGES: &[(&str, Compile)] = &[
    ("c", c::compile),
    ("go", go::compile),
    ("js", javascript::compile),
    ("py", python::compile),
];

/// A component that was built.
pub struct Built {
    pub path: PathBuf,
    pub found: Inspected,
    about: About,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let folder = given::folder(&arguments.what)?;
    let Built { path, found, about } = build(&folder, arguments.output.as_deref())?;
    let seconds = started.elapsed().as_secs_f64();
    if templates::is_stale(&folder, described(&found)) {
        terminal::say(
            "note: the description is still that of the template: say what the plugin judges or computes, in plugin.toml \
             (Rust: Cargo.toml)",
        );
    }
    if arguments.output.is_none() {
        note_other_name(&path, &about.name);
    }
    output::standard(|out| {
        writeln!(
            out,
            "name      {} {}",
            inline(&about.name),
            inline(&about.version)
        )?;
        component::print(out, &path, &found)?;
        writeln!(out, "source    {}", about.source)?;
        let (language, version) = &about.language;
        writeln!(out, "compiler  {language} {}", inline(version))?;
        let licence = about.licence.as_deref().unwrap_or("none is named");
        writeln!(out, "licence   {}", inline(licence))?;
        for (i, (name, version)) in about.packages.iter().enumerate() {
            let label = if i == 0 { "packages" } else { "" };
            writeln!(out, "{label:<9} {} {}", inline(name), inline(version))?;
        }
        report::limits(out, &about.limits)
    })?;
    report::costs(&folder, &path, &about.limits, seconds)
}

/// What a component says that it does.
fn described(found: &Inspected) -> &str {
    match found {
        Inspected::Reward(found) => &found.description.doc,
        Inspected::Algorithm(found) => &found.description.doc,
    }
}

/// Builds the component of a plugin's folder.
pub fn build(folder: &Path, output: Option<&Path>) -> Result<Built> {
    let shown = || folder.display().to_string();
    let root = folder.canonicalize().with_context(shown)?;
    let compile = compiler(&root).with_context(shown)?;
    let path = match output {
        Some(path) => path.to_owned(),
        None => default_output(folder, &root)?,
    };
    let limits = manifest::limits(&root).with_context(shown)?;
    // What compilers write and remove below it must be in the plugin's own folder.
    let made = root.join(MADE);
    files::check_own(&made).with_context(|| made.display().to_string())?;
    packages::lock(&root).with_context(shown)?;
    let (compiled, source) = whole(&root, &path, compile)?;
    let component = compiled.product.into_component().with_context(shown)?;
    let about = About {
        name: compiled.name,
        version: compiled.version,
        licence: compiled.licence,
        source,
        language: compiled.language,
        packages: compiled.packages,
        limits,
    };
    let component = metadata::embed(&component, &about)?;
    if output.is_none()
        && let Some(parent) = path.parent()
    {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
    }
    let check = |found: &Inspected| match found {
        Inspected::Reward(found) => manifest::check_scope(&root, &found.description),
        Inspected::Algorithm(_) => manifest::check_no_scope(&root),
    };
    let found = component::put(&component, &path, &report::settings(&about.limits), check)
        .map_err(|error| hints::about_imports(error, about.language.0))?;
    Ok(Built { path, found, about })
}

/// Whether the folder is that of a plugin in a language that is known here; otherwise an error says why not.
pub fn known(folder: &Path) -> Result<()> {
    compiler(folder).with_context(|| folder.display().to_string())?;
    Ok(())
}

/// What compiles the folder, by what lies in it.
fn compiler(folder: &Path) -> Result<Compile> {
    if folder.join("Cargo.toml").is_file() {
        return Ok(rust::compile);
    }
    if !folder.join(manifest::NAME).is_file() {
        bail!(
            "no plugin's folder: there is neither a Cargo.toml (Rust) nor a {} (other languages) in it; \
             `rlhost plugin new` makes a folder",
            manifest::NAME
        );
    }
    let mut found = Vec::new();
    for &(extension, compile) in LANGUAGES {
        if !manifest::sources(folder, extension)?.is_empty() {
            found.push((extension, compile));
        }
    }
    let named = |languages: &[(&str, Compile)]| {
        let names: Vec<_> = languages
            .iter()
            .map(|(extension, _)| format!("*.{extension}"))
            .collect();
        names.join(", ")
    };
    match found[..] {
        [(_, compile)] => Ok(compile),
        [] => bail!(
            "there is no source file of a language that is known here in {}: {}",
            folder.join("src").display(),
            named(LANGUAGES)
        ),
        _ => bail!(
            "a plugin is of one language, but {} has files {}",
            folder.join("src").display(),
            named(&found)
        ),
    }
}

/// The folder's name is the component's, as for `rlhost plugin test`.
fn default_output(folder: &Path, root: &Path) -> Result<PathBuf> {
    let name = root
        .file_name()
        .context("the root of the file system is no plugin's folder")?;
    let mut file = name.to_owned();
    file.push(".wasm");
    let guests = Path::new("target/guests").join(file);
    Ok(match folder.to_str() {
        Some(".") => guests,
        _ => folder.join(guests),
    })
}

/// Says so where the component's file, which has the folder's name, leads to a plugin of another name: as of a copy
/// of a plugin's folder.
fn note_other_name(path: &Path, name: &str) {
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    if file != name {
        terminal::say(&format!(
            "note: the folder is {file}, and the plugin in it calls itself {name}: that is the name in descriptions, and \
             the manifest has it"
        ));
    }
}

/// Compiles the folder, and once more where somebody typed meanwhile, so that the digest is that of what
/// was compiled.
fn whole(root: &Path, output: &Path, compile: Compile) -> Result<(Compiled, String)> {
    let mut before = source::digest(root, output)?;
    for _ in 0..TRIES {
        let compiled = compile(root)?;
        let after = source::digest(root, output)?;
        if after == before {
            return Ok((compiled, after));
        }
        before = after;
    }
    bail!("{}: its files change while it is compiled", root.display())
}
