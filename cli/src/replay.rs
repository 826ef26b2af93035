//! `rlhost replay`: the scores of a run, made again.

use crate::terminal::{inline, padded, widest};
use crate::{host, output, score};
use anyhow::Result;
use rlhost_host::replay::{Difference, Replayed};
use rlhost_host::{Digest, Outcome};
use rlhost_trainer::pipeline::replay::{
    Disagreement, Finding, Mean, Place, ReplayOptions, ReplayReport, RescoreReport, Rescoring,
    RunProof, Verdict, replay, rescore,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// The run's folder
    run: PathBuf,
    /// One step and the validation after it; everything by default
    #[arg(long)]
    step: Option<u64>,
    /// One reward; all by default
    #[arg(long, value_name = "NAME")]
    reward: Option<String>,
    /// Another plugin (a path or a name): its scores beside the recorded ones
    #[arg(long)]
    plugin: Option<String>,
    /// A parameter of that plugin; the run's, where it knows them, by default
    #[arg(long, value_name = "KEY=VALUE", value_parser = score::parameter, requires = "plugin")]
    param: Vec<(String, Value)>,
    /// How many findings, or worst disagreements, are shown
    #[arg(long, value_name = "K", default_value_t = 10)]
    worst: usize,
    /// The folder from which the run was started; the current one by default
    #[arg(long, value_name = "FOLDER")]
    images: Option<PathBuf>,
    /// Threads, at most 1024; all processors by default
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Fail, too, where something is not proven
    #[arg(long, conflicts_with_all = ["step", "reward", "plugin"])]
    strict: bool,
    /// The digest that the run must have, as its training said it
    #[arg(long, value_name = "sha256:…", conflicts_with_all = ["step", "reward", "plugin"])]
    digest: Option<Digest>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Whether all that was to be compared is as recorded, and, with `--strict`, all is proven.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let options = ReplayOptions {
        step: arguments.step,
        reward: arguments.reward.clone(),
        images: arguments.images.clone().unwrap_or_default(),
        listed: arguments.worst,
        digest: arguments.digest,
    };
    let host = host::builder_on(arguments.threads)?;
    if let Some(plugin) = &arguments.plugin {
        let with = Rescoring {
            plugin: plugin.clone(),
            params: arguments.param.iter().cloned().collect(),
        };
        let report = rescore(&arguments.run, host, &options, &with)?;
        show(arguments.json, &report, |out| print_rescore(out, &report))?;
        return Ok(true);
    }
    let report = replay(&arguments.run, host, &options)?;
    show(arguments.json, &report, |out| print(out, &report))?;
    Ok(if arguments.strict {
        report.is_proven()
    } else {
        report.holds()
    })
}

fn show(
    json: bool,
    report: &impl Serialize,
    print: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if json {
        return output::json(report);
    }
    output::standard(|out| Ok(print(out)?))
}

fn print(out: &mut dyn Write, report: &ReplayReport) -> io::Result<()> {
    writeln!(
        out,
        "{} samples: {} identical, {} changed, {} unreadable, {} with a fault of the host",
        report.samples, report.identical, report.changed, report.unreadable, report.host_faults
    )?;
    if report.other_engine > 0 {
        writeln!(
            out,
            "{} samples by another engine: as recorded in all that it promises",
            report.other_engine
        )?;
    }
    for (name, counts) in &report.rewards {
        let compared = [
            (counts.identical, "identical"),
            (counts.other_engine, "by another engine"),
            (counts.changed, "changed"),
            (counts.unreadable, "unreadable"),
            (counts.host_faults, "host-fault"),
        ];
        let compared = compared.iter().filter(|(count, _)| *count > 0);
        let compared: Vec<_> = compared.map(|(n, what)| format!("{n} {what}")).collect();
        writeln!(out, "  {:<9} {}", inline(name), compared.join(", "))?;
    }
    for (engine, records) in &report.other_engines {
        writeln!(
            out,
            "{records} records were made by {}, not by {}: fuel, and where fuel or stack run \
             out, may differ and don't count as changed",
            inline(engine),
            report.engine
        )?;
    }
    for finding in &report.findings {
        print_finding(out, finding)?;
    }
    let left = report.changed + report.unreadable + report.host_faults + report.contradictions;
    if !report.findings.is_empty() && left > report.findings.len() {
        writeln!(out, "… more with --worst {left}")?;
    }
    print_proof(out, &report.proof)?;
    print_speed(out, report.scores, report.seconds)
}

/// What was computed again besides the scores, what the digests bind, and what nothing stands for.
fn print_proof(out: &mut dyn Write, proof: &RunProof) -> io::Result<()> {
    let RunProof {
        metrics,
        advantages,
        ..
    } = proof;
    writeln!(
        out,
        "computed again: {} of {} metrics, {} of {} advantages; the digests bind the rest of {} steps",
        metrics.recomputed,
        metrics.recomputed + metrics.bound,
        advantages.recomputed,
        advantages.recomputed + advantages.bound,
        proof.steps
    )?;
    for what in &proof.unproven {
        writeln!(out, "not proven  {}", inline(what))?;
    }
    match proof.digest {
        Some(digest) => writeln!(out, "digest      {digest}"),
        None => Ok(()),
    }
}

fn print_speed(out: &mut dyn Write, scores: usize, seconds: f64) -> io::Result<()> {
    let rate = scores as f64 / seconds;
    writeln!(out, "{scores} scores in {seconds:.1} s, {rate:.0} a second")
}

fn print_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let reward = finding.reward.as_deref();
    let reward = reward.map_or_else(String::new, |name| format!(" · {}", inline(name)));
    let place = place(&finding.place);
    match &finding.found {
        Replayed::Identical => Ok(()),
        Replayed::HostFault => writeln!(out, "host-fault  {place}{reward}"),
        Replayed::Unreadable { reason } => {
            writeln!(out, "unreadable  {place}{reward}: {}", inline(reason))
        }
        Replayed::Changed { differences } => {
            writeln!(out, "changed     {place}{reward}: {}", list(differences))
        }
        Replayed::OtherEngine { differences } => {
            writeln!(out, "elsewhere   {place}{reward}: {}", list(differences))
        }
    }
}

fn list(differences: &[Difference]) -> String {
    let shown = differences.iter().map(|difference| {
        let Difference { field, old, new } = difference;
        format!("{} {} → {}", inline(field), inline(old), inline(new))
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn place(place: &Place) -> String {
    let kind = if place.validation {
        "validation"
    } else {
        "step"
    };
    match (place.step, place.draw, place.sample) {
        (None, ..) => "run".to_owned(),
        (Some(step), Some(draw), Some(sample)) => {
            format!("{kind} {step} · draw {draw} · sample {sample}")
        }
        (Some(step), ..) => format!("{kind} {step}"),
    }
}

fn print_rescore(out: &mut dyn Write, report: &RescoreReport) -> io::Result<()> {
    writeln!(
        out,
        "{} samples of the reward {}, scored with {} ({})",
        report.samples,
        inline(&report.reward),
        inline(report.plugin.display()),
        report.digest
    )?;
    writeln!(out, "params    {}", inline(&report.params))?;
    writeln!(
        out,
        "{} differ, {} unreadable",
        report.differ, report.unreadable
    )?;
    let names: Vec<String> = report.parts.keys().map(inline).collect();
    let width = widest(names.iter().map(String::as_str).chain(["total"]));
    writeln!(out)?;
    writeln!(out, "  {:width$}  {:>10}  {:>10}", "mean", "old", "new")?;
    for (name, means) in std::iter::once((&"total".to_owned(), &report.total)).chain(&report.parts)
    {
        let (old, new) = (mean(means.old), mean(means.new));
        let name = padded(&inline(name), width);
        writeln!(out, "  {name}  {old:>10}  {new:>10}")?;
    }
    print_outcomes(out, report)?;
    for disagreement in report.worst.iter().chain(&report.other_outcomes) {
        print_disagreement(out, disagreement)?;
    }
    for finding in &report.findings {
        print_finding(out, finding)?;
    }
    print_speed(out, report.samples, report.seconds)
}

fn mean(mean: Mean) -> String {
    mean.mean
        .map_or("–".to_owned(), |mean| format!("{mean:.4}"))
}

/// Old outcomes in rows, new ones in columns.
fn print_outcomes(out: &mut dyn Write, report: &RescoreReport) -> io::Result<()> {
    let old: BTreeSet<Outcome> = report.outcomes.iter().map(|t| t.old).collect();
    let new: BTreeSet<Outcome> = report.outcomes.iter().map(|t| t.new).collect();
    writeln!(out)?;
    write!(out, "{:<17}", "old \\ new")?;
    for new in &new {
        write!(out, "  {new:>10}", new = new.as_str())?;
    }
    writeln!(out)?;
    for old in old {
        write!(out, "{:<17}", old.as_str())?;
        for new in &new {
            let found = report
                .outcomes
                .iter()
                .find(|t| (t.old, t.new) == (old, *new));
            let samples = found.map_or(0, |transition| transition.samples);
            let width = new.as_str().len().max(10);
            write!(out, "  {samples:>width$}")?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

fn print_disagreement(out: &mut dyn Write, found: &Disagreement) -> io::Result<()> {
    writeln!(out, "── {}", place(&found.place))?;
    writeln!(out, "answer    {}", shortened(&found.answer))?;
    writeln!(out, "response  {}", shortened(&found.response))?;
    writeln!(out, "old       {}", verdict(&found.old))?;
    writeln!(out, "new       {}", verdict(&found.new))?;
    writeln!(out)
}

fn verdict(verdict: &Verdict) -> String {
    let mut said = vec![match verdict.total {
        Some(total) => format!("total {total}"),
        None => verdict.outcome.to_string(),
    }];
    let parts = verdict.parts.iter();
    said.extend(parts.map(|(part, value)| format!("{} {value}", inline(part))));
    said.extend(verdict.message.as_deref().map(shortened));
    said.join(", ")
}

/// A text on one line of at most 160 characters, its beginning and its end.
fn shortened(text: &str) -> String {
    let line: Vec<char> = inline(text.trim()).chars().collect();
    if line.len() <= 160 {
        return line.into_iter().collect();
    }
    let (start, end) = (&line[..60], &line[line.len() - 97..]);
    format!("{} … {}", String::from_iter(start), String::from_iter(end))
}
