//! Someone who can write to a run's folder and has the program's source: whatever they edit, they make the digests
//! of the run anew, so that only what follows from other values can give them away.

use crate::support::{Project, json_lines};
use rlhost_host::Digest;
use rlhost_trainer::run::{Chain, ChainEntry, FileDigest, RunFolder, read_chain};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Edits the rows of a file of rollouts.
pub fn edit_rows(project: &Project, name: &str, edit: impl FnOnce(&mut Vec<Value>)) {
    let mut rows = json_lines(&project.records(name));
    edit(&mut rows);
    let lines: Vec<_> = rows.iter().map(|row| format!("{row}\n")).collect();
    project.write_records(name, &lines.concat());
}

/// Edits the lines of a run's metrics.
pub fn edit_metrics(project: &Project, run: &str, edit: impl FnOnce(&mut Vec<Value>)) {
    let mut lines = project.metrics(run);
    edit(&mut lines);
    let text: Vec<_> = lines.iter().map(metrics_line).collect();
    project.write(&format!("{run}/metrics.jsonl"), &text.concat());
}

/// A line as a run writes it: `step` first.
fn metrics_line(line: &Value) -> String {
    let Value::Object(line) = line else {
        panic!("{line}")
    };
    let values = line.iter().filter(|(name, _)| *name != "step");
    let values: Vec<_> = values.map(|(name, v)| format!(",\"{name}\":{v}")).collect();
    format!("{{\"step\":{}{}}}\n", line["step"], values.concat())
}

/// Makes chain, checkpoints and summary agree with the files as they are now.
pub fn make_digests_anew(run: &Path) {
    make_digests_of(run, |_| {});
}

/// The same after `edit` of each entry.
pub fn make_digests_of(run: &Path, edit: impl Fn(&mut ChainEntry)) {
    let folder = RunFolder::open(run).unwrap();
    let metrics = fs::read_to_string(folder.metrics()).unwrap_or_default();
    let mut lines = metrics.split_inclusive('\n');
    let before = read_chain(&folder.digests()).unwrap();
    fs::remove_file(folder.digests()).unwrap();
    let mut chain = Chain::open(&folder.digests()).unwrap();
    let of = |path: &Path| {
        let bytes = fs::read(path).unwrap_or_default();
        FileDigest {
            bytes: bytes.len() as u64,
            digest: Digest::of(&bytes),
        }
    };
    let mut metrics_len = 0;
    // What a checkpoint knows: before, and now.
    let mut states = Vec::new();
    for link in &before {
        let mut entry = link.entry.clone();
        edit(&mut entry);
        let line = match &entry {
            ChainEntry::Config { .. } => "",
            _ => lines.next().unwrap_or_default(),
        };
        metrics_len += line.len();
        let digest = Digest::of(line.as_bytes());
        match &mut entry {
            ChainEntry::Config { digest, .. } => *digest = folder.config_digest().unwrap(),
            ChainEntry::Step {
                step,
                rollouts,
                metrics,
                ..
            } => {
                *rollouts = rollouts.map(|_| of(&folder.rollouts_of(*step)));
                *metrics = digest;
            }
            ChainEntry::Validation {
                step,
                rollouts,
                metrics,
            } => {
                *rollouts = of(&folder.validation_of(*step));
                *metrics = digest;
            }
        }
        chain.push(&entry).unwrap();
        states.push((
            link.chain,
            link.end,
            chain.digest(),
            chain.len(),
            metrics_len,
        ));
    }
    for (_, checkpoint) in folder.checkpoint_steps().unwrap() {
        let path = checkpoint.join("state.json");
        let mut text = fs::read_to_string(&path).unwrap();
        let state: Value = serde_json::from_str(&text).unwrap();
        for (old, old_len, new, new_len, metrics_len) in &states {
            if state["chain"] == old.to_string() {
                let keys = [
                    format!("\"chain\": \"{old}\""),
                    format!("\"chain_len\": {old_len}"),
                    format!("\"metrics_len\": {}", state["metrics_len"]),
                ];
                let values = [
                    format!("\"chain\": \"{new}\""),
                    format!("\"chain_len\": {new_len}"),
                    format!("\"metrics_len\": {metrics_len}"),
                ];
                for (key, value) in keys.iter().zip(&values) {
                    text = text.replace(key, value);
                }
            }
        }
        fs::write(&path, sealed(&text)).unwrap();
    }
    let _ = fs::remove_file(folder.summary());
    let last = folder.latest_checkpoint().unwrap().unwrap();
    folder.write_summary(&chain, &last).unwrap();
}

/// A `state.json` with the digest that its content has now.
pub fn sealed(text: &str) -> String {
    let (content, digest) = text.rsplit_once("\"digest\": ").unwrap();
    let compact: String = content.chars().filter(|c| !c.is_whitespace()).collect();
    let compact = format!("{}}}", compact.trim_end_matches(','));
    let new = format!("\"{}\"\n}}\n", Digest::of(compact.as_bytes()));
    assert_eq!(digest.len(), new.len(), "{text}");
    format!("{content}\"digest\": {new}")
}
