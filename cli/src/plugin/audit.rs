//! `rlhost plugin audit`: does a plugin always give the same answers?

use super::given;
use crate::terminal::{block, inline};
use crate::{allow, host, output, score};
use anyhow::{Context, Result, bail};
use rlhost_host::audit::{self, Difference, Order, Pass, Process, Report};
use rlhost_host::receipt::input_digest;
use rlhost_host::{
    Capability, Digest, Exchange, Limits, Plugin, Record, Sample, SampleReader, Scored, Scorer,
    files, golden,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Arguments {
    /// A plugin's source folder, a component's file, or a plugin's name
    #[arg(value_name = "FOLDER|FILE|NAME", default_value = ".")]
    what: String,
    /// JSONL file with rows (docs/data.md); by default the golden cases
    #[arg(long, short)]
    input: Option<PathBuf>,
    /// How many times the file is scored
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(3..=10000))]
    times: u16,
    /// Threads of half of the passes; the others have one
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// A parameter for the rows of --input; the value is JSON, or else a text
    #[arg(long, value_name = "KEY=VALUE", value_parser = score::parameter)]
    param: Vec<(String, Value)>,
    #[command(flatten)]
    allow: allow::Arguments,
    #[command(flatten)]
    limits: score::LimitArguments,
}

/// What is scored again and again, and where it comes from.
struct Rows {
    /// A file of rows, or the golden cases.
    input: PathBuf,
    cases: bool,
    params: Map<String, Value>,
    samples: Vec<Sample>,
    /// The place of each sample: `FILE:LINE`.
    places: Vec<String>,
    /// What tells whether a file has changed.
    digest: Digest,
}

impl Rows {
    /// Which of the golden cases these are.
    fn with(&self) -> String {
        if self.cases && !self.params.is_empty() {
            format!(" with {}", inline(Value::Object(self.params.clone())))
        } else {
            String::new()
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let settings = arguments.limits.settings();
    let host = arguments.limits.on(host::builder()?.threads(1)).build()?;
    let plugin = given::load(&host, &arguments.what, &settings)?;
    let all = match &arguments.input {
        Some(input) => vec![rows(input, arguments.param.iter().cloned().collect())?],
        None => cases(arguments, &plugin)?,
    };
    for (i, rows) in all.iter().enumerate() {
        audit(arguments, &plugin, rows, i == 0)?;
    }
    Ok(())
}

/// Audits a plugin on some rows; `first` says that the plugin is yet to be named.
fn audit(arguments: &Arguments, plugin: &Plugin, rows: &Rows, first: bool) -> Result<()> {
    let limits = plugin.limits();
    let grants = arguments.allow.grants(plugin.host())?;
    let one = Scorer::with_grants(plugin, &rows.params, limits, grants)?;
    let several = several(arguments, plugin, &rows.params, limits)?;
    let samples = &rows.samples;
    let scope = plugin.info().scope;
    let mut passes = audit::plan(scope, arguments.times.into(), arguments.threads.into());
    let start = Instant::now();
    // Others need not answer twice alike, and that is not the plugin's fault: they are asked once, and each
    // pass gets the same answers.
    let answers = asks(plugin).then(|| answers(&one, samples));
    if answers.is_some() {
        passes.retain(|pass| pass.process == Process::This);
    }
    let score = |scorer: &Scorer, samples: &[Sample]| match &answers {
        None => scorer.score(samples),
        Some(answers) => {
            let inputs = samples.iter().map(|s| input_digest(s, 0, scorer.params()));
            let recorded = inputs.map(|input| answers.get(&input).cloned().unwrap_or_default());
            scorer.replay(samples, &recorded.collect::<Vec<_>>())
        }
    };
    let report = audit::audit(scope, samples, &passes, |pass, samples| {
        match pass.process {
            Process::This if pass.threads == 1 => Ok(score(&one, samples)),
            Process::This => Ok(score(&several, samples)),
            Process::Fresh | Process::Recompiled => {
                let scored = elsewhere(arguments, rows, plugin, pass)?;
                if scored.len() != samples.len() || digest(&rows.input)? != rows.digest {
                    bail!(
                        "{} has changed meanwhile; audit again",
                        rows.input.display()
                    );
                }
                Ok(scored)
            }
        }
    })?;
    let seconds = start.elapsed().as_secs_f64();
    output::standard(|out| {
        if first {
            let info = plugin.info();
            let path = inline(plugin.path().display());
            writeln!(out, "plugin {} {}, {path}", info.name, info.version)?;
        }
        let passes = &passes[..report.passes];
        Ok(print(out, rows, passes, &report, seconds)?)
    })?;
    match &report.difference {
        Some(found) => bail!(
            "{} is not deterministic: {} differs in {}",
            plugin.info().name,
            rows.places[found.sample],
            found.fields.join(", ")
        ),
        None if !report.is_deterministic() => bail!(
            "not proven: the host failed too often to compare two answers to each sample; is this \
             machine out of memory, or far too busy?"
        ),
        None => Ok(()),
    }
}

/// Whether a plugin asks others.
fn asks(plugin: &Plugin) -> bool {
    let capabilities = plugin.capabilities();
    capabilities.contains(&Capability::Judge) || capabilities.contains(&Capability::Retriever)
}

/// What others answer about each sample, by the digest of the sample in group 0.
fn answers(scorer: &Scorer, samples: &[Sample]) -> BTreeMap<Digest, Vec<Exchange>> {
    let scored = scorer.score(samples);
    let digests = samples.iter().map(|s| input_digest(s, 0, scorer.params()));
    digests
        .zip(scored.into_iter().map(|scored| scored.exchanges))
        .collect()
}

/// The same component on several threads.
fn several(
    arguments: &Arguments,
    plugin: &Plugin,
    params: &Map<String, Value>,
    limits: Limits,
) -> Result<Scorer> {
    let host = host::builder()?.threads(arguments.threads.into());
    let host = arguments.limits.on(host).build()?;
    let again = host.load_with(plugin.path(), &arguments.limits.settings())?;
    if again.digest() != plugin.digest() {
        bail!(
            "{} has just changed; audit it again",
            plugin.path().display()
        );
    }
    let grants = arguments.allow.grants(again.host())?;
    Ok(Scorer::with_grants(&again, params, limits, grants)?)
}

/// The samples of a file.
fn rows(input: &Path, params: Map<String, Value>) -> Result<Rows> {
    let mut reader = SampleReader::open(input)?;
    if !input.is_file() {
        bail!(
            "{}: no plain file, which another process could read too",
            input.display()
        );
    }
    let (mut samples, mut places) = (Vec::new(), Vec::new());
    while let Some(sample) = reader.next() {
        samples.push(sample?);
        places.push(format!("{}:{}", input.display(), reader.line()));
    }
    if samples.is_empty() {
        bail!("{}: there is no sample in it", input.display());
    }
    Ok(Rows {
        input: input.to_owned(),
        cases: false,
        params,
        samples,
        places,
        digest: digest(input)?,
    })
}

/// The golden cases, those of equal parameters together.
fn cases(arguments: &Arguments, plugin: &Plugin) -> Result<Vec<Rows>> {
    if !arguments.param.is_empty() {
        bail!("--param is for rows of --input: golden cases have their own parameters");
    }
    let input = given::cases(&arguments.what, plugin, None)?;
    let cases = golden::read(&input)?;
    let scope = plugin.info().scope;
    let mut all: Vec<Rows> = Vec::new();
    for call in golden::calls(scope, &cases)? {
        let params = &call.cases[0].params;
        if all.iter().any(|rows| rows.params == *params) {
            continue;
        }
        let alike = cases.iter().filter(|case| case.params == *params);
        all.push(Rows {
            samples: golden::samples(scope, &cases, params)?,
            places: alike.map(ToString::to_string).collect(),
            input: input.clone(),
            cases: true,
            params: params.clone(),
            digest: digest(&input)?,
        });
    }
    Ok(all)
}

/// What tells whether a file, or the cases of a folder, have changed.
fn digest(input: &Path) -> Result<Digest> {
    let failed = || format!("cannot read {}", input.display());
    let mut names = vec![input.to_owned()];
    if input.is_dir() {
        let entries: io::Result<Vec<_>> = input.read_dir().with_context(failed)?.collect();
        let entries = entries.with_context(failed)?;
        names = entries.into_iter().map(|entry| entry.path()).collect();
        names.retain(|name| name.extension().is_some_and(|it| it == "jsonl"));
        names.sort();
    }
    let mut all = Vec::new();
    for name in names {
        all.extend(files::read(&name, files::WEIGHTS).with_context(failed)?);
    }
    Ok(Digest::of(&all))
}

/// A pass in another process: `rlhost score` with the same file.
fn elsewhere(
    arguments: &Arguments,
    rows: &Rows,
    plugin: &Plugin,
    pass: &Pass,
) -> Result<Vec<Scored>> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    // An empty cache for the time being: nothing compiled is there.
    let cache = tempfile::tempdir().context("cannot make a folder for compiled code")?;
    let mut command = Command::new(program);
    if pass.process == Process::Recompiled {
        command.env("RLHOST_CACHE_DIR", cache.path());
    }
    command.arg("score").arg("--input").arg(&rows.input);
    command.args(rows.cases.then_some("--cases"));
    command.arg("--threads").arg(pass.threads.to_string());
    for (key, value) in &rows.params {
        command.arg("--param").arg(format!("{key}={value}"));
    }
    for grant in arguments.allow.as_typed() {
        command.arg("--allow").arg(grant);
    }
    let limits = &arguments.limits;
    for (flag, value) in [
        ("--fuel", limits.fuel),
        ("--memory", limits.memory),
        ("--stack", limits.stack),
    ] {
        command.args(value.map(|value| format!("{flag}={value}")));
    }
    command.arg("--").arg(std::path::absolute(plugin.path())?);
    let output = command
        .stdin(Stdio::null())
        .output()
        .context("cannot start another process")?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!(
            "a pass in another process failed ({}): {}",
            output.status,
            error.trim()
        );
    }
    let text = String::from_utf8(output.stdout).context("another process wrote no UTF-8")?;
    text.lines().map(scored).collect()
}

/// The answer that a record tells of: that of its only reward.
fn scored(line: &str) -> Result<Scored> {
    let record: Record = serde_json::from_str(line).context("another process wrote no record")?;
    let mut rewards = record.judgement.rewards.into_iter();
    let reward = rewards
        .next()
        .context("another process wrote a record without a reward")?;
    Ok(Scored {
        outcome: reward.outcome,
        total: reward.total,
        parts: reward.parts,
        steps: record.judgement.steps,
        fuel: reward.fuel,
        message: reward.message,
        log: reward.log,
        exchanges: reward.exchanges,
        receipt: reward.receipt,
    })
}

fn print(
    out: &mut dyn Write,
    rows: &Rows,
    passes: &[Pass],
    report: &Report,
    seconds: f64,
) -> io::Result<()> {
    let count = |wanted: fn(&Pass) -> bool| passes.iter().filter(|pass| wanted(pass)).count();
    writeln!(
        out,
        "{}{}: {} passes x {} samples in {seconds:.1} s",
        inline(rows.input.display()),
        rows.with(),
        passes.len(),
        rows.samples.len(),
    )?;
    let threads = passes.iter().map(|pass| pass.threads).max().unwrap_or(1);
    if threads > 1 {
        let single = count(|pass| pass.threads == 1);
        writeln!(
            out,
            "  {single} on 1 thread, {} on {threads}",
            passes.len() - single
        )?;
    }
    writeln!(
        out,
        "  {} in order, {} reversed, {} shuffled",
        count(|pass| pass.order == Order::Given),
        count(|pass| pass.order == Order::Reversed),
        count(|pass| matches!(pass.order, Order::Shuffled(_))),
    )?;
    let chunks = passes.iter().filter_map(|pass| pass.chunk);
    let mut chunks: Vec<_> = chunks.filter(|chunk| *chunk < rows.samples.len()).collect();
    chunks.sort_unstable();
    chunks.dedup();
    let chunks: Vec<_> = chunks
        .iter()
        .map(usize::to_string)
        .chain(["all".to_owned()])
        .collect();
    writeln!(out, "  {} at a time", chunks.join(", "))?;
    writeln!(
        out,
        "  {} in a process of its own, {} of these with code compiled anew",
        count(|pass| pass.process != Process::This),
        count(|pass| pass.process == Process::Recompiled),
    )?;
    if report.host_faults > 0 {
        writeln!(
            out,
            "{} answers were faults of the host: they say nothing about the plugin and are left out",
            report.host_faults
        )?;
    }
    match &report.difference {
        Some(difference) => print_difference(out, rows, difference),
        None if report.is_deterministic() => writeln!(
            out,
            "deterministic: outcome, score, parts, steps, fuel, message and receipt are the same every time"
        ),
        None => writeln!(
            out,
            "not proven: samples without two answers to compare: {}, the first {}",
            report.unproven.len(),
            inline(&rows.places[report.unproven[0]]),
        ),
    }
}

fn print_difference(out: &mut dyn Write, rows: &Rows, found: &Difference) -> io::Result<()> {
    writeln!(
        out,
        "NOT DETERMINISTIC: {} differs in {}",
        inline(&rows.places[found.sample]),
        found.fields.join(", ")
    )?;
    for (pass, scored) in [&found.first, &found.other] {
        writeln!(out, "  {pass}")?;
        writeln!(out, "    outcome {}, fuel {}", scored.outcome, scored.fuel)?;
        if let Some(total) = scored.total {
            writeln!(out, "    score {total}")?;
        }
        for (name, value) in &scored.parts {
            writeln!(out, "    part {} {value}", inline(name))?;
        }
        for step in &scored.steps {
            let end = step
                .end_byte
                .map_or("end".to_owned(), |end| format!("byte {end}"));
            writeln!(
                out,
                "    step of turn {} to {end}: {}",
                step.turn, step.value
            )?;
        }
        if let Some(message) = &scored.message {
            writeln!(out, "    message {}", block(message, "    message ".len()))?;
        }
        if found.fields.contains(&"receipt") {
            writeln!(out, "    receipt {}", json(&scored.receipt))?;
        }
    }
    if found.samples > 1 {
        writeln!(out, "  {} samples differ in that pass", found.samples)?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> String {
    // Texts and numbers: they can be written.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rlhost_host::{Outcome, Receipt, Scope, StepReward};

    fn answer(total: f64) -> Scored {
        Scored {
            outcome: Outcome::Score,
            total: Some(total),
            parts: [("accuracy".to_owned(), total)].into(),
            steps: vec![StepReward {
                turn: 0,
                end_byte: Some(4),
                value: 0.25,
            }],
            fuel: 1200,
            message: None,
            log: Vec::new(),
            exchanges: Vec::new(),
            receipt: Receipt {
                component: Digest::of(b""),
                input: Digest::of(b""),
                call: None,
                params: Digest::of(b""),
                interpreters: Vec::new(),
                exchanges: None,
                engine: "engine".into(),
                fuel: 1200,
                outcome: Outcome::Score,
            },
        }
    }

    fn printed(report: &Report, passes: &[Pass]) -> String {
        let mut out = Vec::new();
        let rows = Rows {
            input: "samples.jsonl".into(),
            cases: false,
            params: Map::new(),
            samples: vec![Sample::single("", "null"); 3],
            places: [1, 3, 4].map(|line| format!("samples.jsonl:{line}")).into(),
            digest: Digest::of(b""),
        };
        print(&mut out, &rows, passes, report, 1.26).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn report() -> Report {
        Report {
            passes: 6,
            compared: 15,
            host_faults: 0,
            unproven: Vec::new(),
            difference: None,
        }
    }

    const DONE: &str = "\
samples.jsonl: 6 passes x 3 samples in 1.3 s
  3 on 1 thread, 3 on 8
  4 in order, 1 reversed, 1 shuffled
  1, all at a time
  2 in a process of its own, 1 of these with code compiled anew
";

    #[test]
    fn a_difference_is_told_with_both_answers() {
        let passes = audit::plan(Scope::Sample, 6, 8);
        let failed = Scored {
            outcome: Outcome::Trap,
            total: None,
            parts: [].into(),
            steps: Vec::new(),
            message: Some("unreachable".to_owned()),
            ..answer(1.0)
        };
        let difference = Difference {
            sample: 1,
            samples: 2,
            fields: vec!["outcome", "score", "parts", "steps", "message"],
            first: (passes[0], answer(1.0)),
            other: (passes[5], failed),
        };
        let report = Report {
            difference: Some(difference),
            ..report()
        };
        let expected = "\
NOT DETERMINISTIC: samples.jsonl:3 differs in outcome, score, parts, steps, message
  1 thread, in order
    outcome score, fuel 1200
    score 1
    part accuracy 1
    step of turn 0 to byte 4: 0.25
  8 threads, shuffled (seed 5), 1 at a time
    outcome trap, fuel 1200
    message unreachable
  2 samples differ in that pass
";
        assert_eq!(printed(&report, &passes), format!("{DONE}{expected}"));
    }

    #[test]
    fn faults_of_the_host_are_told_apart() {
        let passes = audit::plan(Scope::Sample, 6, 8);
        let faults = "2 answers were faults of the host: they say nothing about the plugin and are left out\n";
        let some = Report {
            host_faults: 2,
            ..report()
        };
        assert_eq!(
            printed(&some, &passes),
            format!(
                "{DONE}{faults}deterministic: outcome, score, parts, steps, fuel, message and receipt are the \
                 same every time\n"
            )
        );
        let unproven = Report {
            unproven: vec![2],
            ..some
        };
        assert_eq!(
            printed(&unproven, &passes),
            format!(
                "{DONE}{faults}not proven: samples without two answers to compare: 1, the first samples.jsonl:4\n"
            )
        );
    }
}
