//! `rlhost plugin inspect`.

use crate::host;
use crate::output::{self, printable};
use anyhow::Result;
use rlhost_host::{Inspection, Scope};
use std::io::{self, Write};

#[derive(clap::Args)]
pub struct Arguments {
    /// The path of a component, or the name of a plugin
    plugin: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let plugin = host::builder()?.build()?.load(arguments.plugin.as_str())?;
    let found = plugin.inspect();
    output::standard(|out| {
        if arguments.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
        } else {
            print(out, &found)?;
        }
        Ok(())
    })
}

fn print(out: &mut dyn Write, found: &Inspection) -> io::Result<()> {
    let about = &found.description;
    writeln!(out, "{} {}", about.name, about.version)?;
    writeln!(out, "{}", printable(&about.doc))?;
    writeln!(out)?;
    writeln!(out, "file      {}", found.path.display())?;
    writeln!(out, "digest    sha256:{}", found.digest.hex())?;
    writeln!(out, "size      {} bytes", found.size)?;
    writeln!(out, "world     {}", found.world)?;
    let capabilities: Vec<_> = found.capabilities.iter().map(|c| c.as_str()).collect();
    let needs = match capabilities.as_slice() {
        [] => "nothing".to_owned(),
        some => format!("{} (grant with --allow)", some.join(", ")),
    };
    writeln!(out, "needs     {needs}")?;
    for (label, names) in [("imports", &found.imports), ("exports", &found.exports)] {
        for (i, name) in names.iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            writeln!(out, "{label:<9} {}", printable(name))?;
        }
    }
    let scope = match about.scope {
        Scope::Sample => "sample: each in an instance of its own",
        Scope::Group => "group: all completions of a prompt together",
        Scope::Batch => "batch: all completions of a step together",
    };
    writeln!(out, "scope     {scope}")?;
    if !about.parts.is_empty() {
        writeln!(out, "parts     {}", about.parts.join(", "))?;
    }
    for (i, param) in about.params.iter().enumerate() {
        let label = if i == 0 { "params" } else { "" };
        writeln!(
            out,
            "{label:<9} {} = {}",
            param.name,
            printable(&param.default)
        )?;
        writeln!(out, "{:<9}     {}", "", printable(&param.doc))?;
    }
    Ok(())
}
