//! `rlhost plugin inspect`.

use super::metadata::Metadata;
use super::{component, given};
use crate::terminal::{block, inline};
use crate::{host, output, score};
use anyhow::{Context, Result};
use rlhost_host::algorithm::{AlgorithmInfo, LossScope};
use rlhost_host::{Inspected, Inspection, ParamInfo, Scope, files};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

#[derive(clap::Args)]
pub struct Arguments {
    /// A plugin's source folder, a component's file, or a plugin's name
    #[arg(value_name = "FOLDER|FILE|NAME", default_value = ".")]
    what: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: score::LimitArguments,
}

/// So wide are the labels before what is told of a component.
const LABEL: usize = 10;

pub fn run(arguments: &Arguments) -> Result<()> {
    let limits = &arguments.limits;
    let host = limits.on(host::builder()?).build()?;
    let found = host.inspect_with(given::component(&arguments.what)?, &limits.settings())?;
    let path = match &found {
        Inspected::Reward(found) => &found.path,
        Inspected::Algorithm(found) => &found.path,
    };
    let embedded = files::read(path, files::COMPONENT)
        .map_err(Into::into)
        .and_then(|bytes| Metadata::read(&bytes))
        .with_context(|| path.display().to_string())?;
    if arguments.json {
        return output::json(&About {
            found: &found,
            metadata: &embedded,
        });
    }
    output::standard(|out| {
        match &found {
            Inspected::Reward(found) => reward(out, found, &embedded)?,
            Inspected::Algorithm(found) => algorithm(out, found, &embedded)?,
        }
        Ok(())
    })
}

/// What is printed as JSON.
#[derive(Serialize)]
struct About<'a> {
    #[serde(flatten)]
    found: &'a Inspected,
    metadata: &'a Metadata,
}

/// What is embedded: claims of whoever made the file.
fn metadata(out: &mut dyn Write, embedded: &Metadata) -> io::Result<()> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let package = format!("{} {}", text(&embedded.name), text(&embedded.version));
    for (label, text) in [
        ("package", package.trim()),
        ("licence", &text(&embedded.licence)),
        ("source", &text(&embedded.source)),
        ("language", &listed(&embedded.languages)),
        ("made by", &listed(&embedded.tools)),
        ("packages", &listed(&embedded.packages)),
    ] {
        if !text.is_empty() {
            writeln!(out, "{label:<9} {}", inline(text))?;
        }
    }
    Ok(())
}

/// Names with their versions.
fn listed(names: &BTreeMap<String, String>) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|(name, version)| format!("{name} {version}").trim().to_owned())
        .collect();
    names.join(", ")
}

fn reward(out: &mut dyn Write, found: &Inspection, embedded: &Metadata) -> io::Result<()> {
    let about = &found.description;
    let needs: Vec<_> = found.capabilities.iter().map(|c| c.as_str()).collect();
    let grant = " (grant with --allow)";
    let about_it = [&about.name, &about.version, &about.doc];
    about_component(out, found, about_it, &needs, grant)?;
    metadata(out, embedded)?;
    let scope = match about.scope {
        Scope::Sample => "sample: each in an instance of its own",
        Scope::Group => "group: all completions of a prompt together",
        Scope::Batch => "batch: all completions of a step together",
    };
    writeln!(out, "scope     {scope}")?;
    if !about.parts.is_empty() {
        writeln!(out, "parts     {}", about.parts.join(", "))?;
    }
    params(out, &about.params)
}

fn algorithm(
    out: &mut dyn Write,
    found: &Inspection<AlgorithmInfo>,
    embedded: &Metadata,
) -> io::Result<()> {
    let about = &found.description;
    let needs: Vec<_> = about.needs.iter().map(|input| input.as_str()).collect();
    let about_it = [&about.name, &about.version, &about.doc];
    about_component(out, found, about_it, &needs, "")?;
    metadata(out, embedded)?;
    let advantage = if about.advantage { "yes" } else { "no" };
    writeln!(out, "advantage {advantage}")?;
    let loss = match about.policy_loss {
        None => "no",
        Some(LossScope::Row) => "yes, of scope row: the losses of micro-batches add up",
        Some(LossScope::Batch) => "yes, of scope batch: it sees the whole mini-batch at once",
    };
    writeln!(out, "loss      {loss}")?;
    params(out, &about.params)
}

/// What all components have; `about` is name, version and purpose.
fn about_component<D>(
    out: &mut dyn Write,
    found: &Inspection<D>,
    about: [&String; 3],
    needs: &[&str],
    hint: &str,
) -> io::Result<()> {
    let [name, version, doc] = about;
    writeln!(out, "name      {name} {version}")?;
    writeln!(out, "about     {}", block(doc, LABEL))?;
    writeln!(out)?;
    writeln!(out, "file      {}", inline(found.path.display()))?;
    writeln!(out, "digest    sha256:{}", found.digest.hex())?;
    writeln!(out, "size      {} bytes", found.size)?;
    writeln!(out, "world     {}", found.world)?;
    match needs {
        [] => writeln!(out, "needs     nothing")?,
        some => writeln!(out, "needs     {}{hint}", some.join(", "))?,
    }
    let asks = [("memory", found.asks.memory), ("fuel", found.asks.fuel)];
    let asks = asks.map(|(key, value)| value.map(|value| format!("{key} {value}")));
    let asks: Vec<_> = asks.into_iter().flatten().collect();
    if !asks.is_empty() {
        writeln!(out, "asks for  {}", asks.join(", "))?;
    }
    let imports = component::shown_imports(&found.imports);
    for (label, names) in [("imports", &imports), ("exports", &found.exports)] {
        for (i, name) in names.iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            writeln!(out, "{label:<9} {}", inline(name))?;
        }
    }
    Ok(())
}

fn params(out: &mut dyn Write, params: &[ParamInfo]) -> io::Result<()> {
    for (i, param) in params.iter().enumerate() {
        let label = if i == 0 { "params" } else { "" };
        let default = match param.default.as_str() {
            "" => "(must be given)".to_owned(),
            default => format!("= {}", inline(default)),
        };
        writeln!(out, "{label:<9} {} {default}", param.name)?;
        writeln!(out, "{:<9}     {}", "", block(&param.doc, LABEL + 4))?;
    }
    Ok(())
}
