//! `rlhost score`: judge responses from a file.

use crate::plugin::given;
use crate::{allow, host, output};
use anyhow::Result;
use rlhost_host::{
    Chunks, HostBuilder, LimitSettings, Limits, Record, Reward, RewardSet, Sample, SampleReader,
    Scorer, golden,
};
use serde_json::{Map, Value};
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// A plugin's source folder, a component's file, or a plugin's name
    #[arg(value_name = "FOLDER|FILE|NAME", default_value = ".")]
    what: String,
    /// JSONL file with `response`, `answer` and more columns (docs/data.md)
    #[arg(long, short)]
    input: PathBuf,
    /// The input is golden cases: scores those with the parameters that are given
    #[arg(long, hide = true)]
    cases: bool,
    /// Where the records go; standard output by default
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// A parameter of the plugin; the value is JSON, or else a text
    #[arg(long, value_name = "KEY=VALUE", value_parser = parameter)]
    param: Vec<(String, Value)>,
    #[command(flatten)]
    allow: allow::Arguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// Threads, at most 1024; all processors by default
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// A parameter as it is typed.
pub fn parameter(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), value))
}

/// What the command line says of a call's limits.
#[derive(clap::Args)]
pub struct LimitArguments {
    /// Fuel for a sample, in place of what the plugin asks for
    #[arg(long)]
    pub fuel: Option<u64>,
    /// Bytes of memory for a sample, in place of what the plugin asks for
    #[arg(long)]
    pub memory: Option<u64>,
    /// Bytes of WebAssembly stack
    #[arg(long)]
    pub stack: Option<u64>,
}

impl LimitArguments {
    /// What is said of a plugin's limits; the rest is what it asks for, or the default.
    pub fn settings(&self) -> LimitSettings {
        LimitSettings {
            fuel: self.fuel,
            memory: self.memory,
            ..LimitSettings::default()
        }
    }

    /// The host with the stack of these limits: it has one for all of its guests.
    pub fn on(&self, host: HostBuilder) -> HostBuilder {
        let defaults = Limits::default();
        host.limits(Limits {
            stack: self.stack.unwrap_or(defaults.stack),
            ..defaults
        })
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let host = host::builder_on(arguments.threads)?;
    let host = arguments.limits.on(host).build()?;
    let plugin = given::load(&host, &arguments.what, &arguments.limits.settings())?;
    let limits = plugin.limits();
    let params: Map<String, Value> = arguments.param.iter().cloned().collect();
    let scorer = Scorer::with_grants(&plugin, &params, limits, arguments.allow.grants(&host)?)?;
    scorer.check_params()?;
    let rewards = RewardSet::new([Reward::new(plugin.info().name.clone(), scorer)])?;
    let calls: Box<dyn Iterator<Item = _>> = if arguments.cases {
        let cases = golden::read(&arguments.input)?;
        Box::new(std::iter::once(Ok(golden::samples(
            plugin.info().scope,
            &cases,
            &params,
        )?)))
    } else {
        let rows = SampleReader::open(&arguments.input)?;
        Box::new(Chunks::new(rows, plugin.info().scope))
    };
    let write = |out: &mut dyn Write| judge(&rewards, calls, out);
    match &arguments.output {
        None => output::json_lines(write),
        Some(path) => output::json_file(path, write),
    }
}

fn judge(
    rewards: &RewardSet,
    calls: impl Iterator<Item = rlhost_host::Result<Vec<Sample>>>,
    out: &mut dyn Write,
) -> Result<()> {
    let mut index = 0;
    for samples in calls {
        for judgement in rewards.score(&samples?)? {
            serde_json::to_writer(&mut *out, &Record::new(index, index, 0, judgement))
                .map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
            index += 1;
        }
    }
    Ok(())
}
