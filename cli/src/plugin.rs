//! `rlhost plugin inspect`.

use anyhow::Result;
use rlhost_host::{Host, Inspection};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print a component's digest, size, world, imports and description
    Inspect {
        /// The path of a component, or the name of a plugin
        plugin: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn run(command: &Command) -> Result<()> {
    let Command::Inspect { plugin, json } = command;
    let found = Host::builder().build()?.load(plugin.as_str())?.inspect();
    if *json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print(&found);
    }
    Ok(())
}

fn print(found: &Inspection) {
    let about = &found.description;
    println!("{} {}", about.name, about.version);
    println!("{}", about.doc);
    println!();
    println!("file      {}", found.path.display());
    println!("digest    sha256:{}", found.digest.hex());
    println!("size      {} bytes", found.size);
    println!("world     {}", found.world);
    for (label, names) in [("imports", &found.imports), ("exports", &found.exports)] {
        for (i, name) in names.iter().enumerate() {
            println!("{:<9} {name}", if i == 0 { label } else { "" });
        }
    }
    println!("scope     {}", about.scope);
    if !about.parts.is_empty() {
        println!("parts     {}", about.parts.join(", "));
    }
    for (i, param) in about.params.iter().enumerate() {
        let label = if i == 0 { "params" } else { "" };
        println!("{label:<9} {} = {}", param.name, param.default);
        println!("{:<9}     {}", "", param.doc);
    }
}
