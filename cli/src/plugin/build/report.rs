//! What a build says of its component besides its name: how large it is, and what a score of it takes.

use crate::{host, terminal};
use anyhow::Result;
use rlhost_host::{
    AskedLimits, Grants, Host, LimitSettings, Measured, Plugin, Sample, Scope, Scorer, golden,
};
use serde_json::{Map, Value};
use std::io::Write;
use std::path::Path;

/// Limits under which a build looks at its own component: whoever builds it wrote what it asks for.
pub fn settings(asked: &AskedLimits) -> LimitSettings {
    LimitSettings {
        fuel: asked.fuel,
        memory: asked.memory,
        ..LimitSettings::default()
    }
}

/// Prints the limits that a reward asks for.
pub fn limits(out: &mut dyn Write, asked: &AskedLimits) -> Result<()> {
    let asks = [("memory", asked.memory), ("fuel", asked.fuel)];
    let asks: Vec<_> = asks
        .iter()
        .filter_map(|(key, value)| value.map(|value| format!("{key} {value}")))
        .collect();
    if !asks.is_empty() {
        writeln!(out, "asks for  {}", asks.join(", "))?;
    }
    Ok(())
}

/// Says what the build took, and what a score of the reward takes: of the first golden case, else of a short formula. The figures
/// are no part of the result, which equal builds print alike.
pub fn costs(folder: &Path, component: &Path, asked: &AskedLimits, seconds: f64) -> Result<()> {
    let host = host::builder_on(Some(1))?.build()?;
    let Ok(plugin) = host.load_with(component, &settings(asked)) else {
        // An algorithm.
        return Ok(());
    };
    note_beyond(&host, component);
    if let Some((what, measured)) = measure(folder, &plugin) {
        let Measured {
            outcome,
            fuel,
            memory,
            time,
        } = measured;
        terminal::say(&format!(
            "built in {seconds:.1} s; a score: {outcome} in {:.1} ms, {fuel} fuel, {:.0} MiB of memory ({what})",
            time.as_secs_f64() * 1e3,
            // A number for people to read.
            memory as f64 / f64::from(1 << 20),
        ));
    }
    Ok(())
}

/// Says so where the plugin asks for more than a host gives that nobody told to.
fn note_beyond(host: &Host, component: &Path) {
    if let Err(error) = host.load(component) {
        terminal::say(&format!("note: {error}"));
    }
}

/// Makes a call twice, and takes the second time: the first one reads the component's pages.
fn measure(folder: &Path, plugin: &Plugin) -> Option<(String, Measured)> {
    let cases = golden::read(folder.join("cases")).unwrap_or_default();
    let calls = golden::calls(plugin.info().scope, &cases).unwrap_or_default();
    let scorer = |params: &Map<String, Value>, grants| {
        Scorer::with_grants(plugin, params, plugin.limits(), grants).ok()
    };
    if let Some(call) = calls.first() {
        let scorer = scorer(
            &call.cases[0].params,
            golden::grants(plugin, &calls, &Grants::none()),
        )?;
        scorer.measure_call(call);
        return Some((call.cases[0].to_string(), scorer.measure_call(call)));
    }
    if plugin.info().scope != Scope::Sample {
        return None;
    }
    let scorer = scorer(&Map::new(), Grants::none())?;
    let sample = Sample::single(
        "<think>Three of eight.</think> So the answer is $\\boxed{\\frac{3}{8}}$.",
        "\"$0.375$\"",
    );
    scorer.measure(&sample);
    let what = "of \\boxed{\\frac{3}{8}} for 0.375".to_owned();
    Some((what, scorer.measure(&sample)))
}
