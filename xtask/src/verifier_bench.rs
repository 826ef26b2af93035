//! What the verifiers cost in the sandbox, beside what is used for the same jobs in Python, all in one run.
//!
//! A job is a verifier with parameters on samples: golden cases, or the pairs that its tests hold beside an outside
//! implementation. The example `bench_score` of the host scores them in fresh sandboxes; `tests/peers/verifier_bench.py` has
//! the Python. They take turns, round by round.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::peers;
use crate::project::Project;

/// Where a job's samples come from.
enum Samples {
    /// The golden cases with the job's parameters that expect a score.
    Cases,
    /// The rows of `tests/fixtures/peer.jsonl`, as samples.
    Peer(fn(&Value) -> Vec<Value>),
}

/// A verifier on samples.
struct Job {
    name: &'static str,
    plugin: &'static str,
    params: &'static str,
    samples: Samples,
    /// The Python that does the job, and whether it has to find the same scores.
    peer: Option<(&'static str, bool)>,
}

/// A job on golden cases, beside Python that is simpler than the verifier.
const fn cases(name: &'static str, peer: Option<&'static str>) -> Job {
    Job {
        name,
        plugin: name,
        params: "{}",
        samples: Samples::Cases,
        peer: match peer {
            Some(peer) => Some((peer, false)),
            None => None,
        },
    }
}

/// A job on the pairs beside an outside implementation, which finds the same scores.
const fn pairs(
    name: &'static str,
    plugin: &'static str,
    params: &'static str,
    rows: fn(&Value) -> Vec<Value>,
    peer: &'static str,
) -> Job {
    Job {
        name,
        plugin,
        params,
        samples: Samples::Peer(rows),
        peer: Some((peer, true)),
    }
}

/// All jobs.
fn jobs() -> Vec<Job> {
    vec![
        cases("auto", Some("re, math-verify")),
        pairs("bbox", "bbox", "{}", boxes, "re, shapely"),
        cases("boolean", Some("str")),
        pairs("chart", "chart", r#"{"years": "relaxed"}"#, charts, "float"),
        cases("choice", Some("str")),
        cases("counting", Some("re")),
        pairs(
            "detection",
            "detection",
            "{}",
            detections,
            "json, shapely, scipy",
        ),
        cases("format", Some("re")),
        pairs(
            "format, JSON Schema",
            "format",
            r#"{"shape": "json_schema", "schema_column": "schema"}"#,
            schemas,
            "json, jsonschema",
        ),
        pairs(
            "length",
            "length",
            r#"{"unit": "words", "max_length": 100, "buffer": 50, "free_repetition": 0}"#,
            lengths,
            "str, set",
        ),
        cases("math", Some("math-verify")),
        cases("number", Some("re")),
        cases("point", Some("re")),
        pairs(
            "text, ANLS",
            "text",
            r#"{"metric": "anls"}"#,
            texts,
            "rapidfuzz",
        ),
        pairs(
            "text, F1",
            "text",
            r#"{"metric": "f1"}"#,
            words,
            "str, Counter",
        ),
        cases("wemath", Some("re, math-verify")),
    ]
}

fn answered(answer: &Value) -> String {
    let text = answer
        .as_str()
        .map_or_else(|| answer.to_string(), str::to_owned);
    format!("<think>x</think><answer>{text}</answer>")
}

fn boxes(row: &Value) -> Vec<Value> {
    vec![json!({"response": answered(&row["boxes"][0]), "answer": row["boxes"][1]})]
}

fn charts(row: &Value) -> Vec<Value> {
    vec![json!({"response": answered(&row["answer"]), "answer": row["reference"]})]
}

fn detections(row: &Value) -> Vec<Value> {
    // The others have another threshold.
    let usual = row["threshold"].as_f64() == Some(0.5);
    let sample = json!({"response": answered(&row["found"]), "answer": row["wanted"]});
    usual.then_some(sample).into_iter().collect()
}

fn lengths(row: &Value) -> Vec<Value> {
    vec![json!({"response": row["response"], "answer": null})]
}

fn schemas(row: &Value) -> Vec<Value> {
    let sample = |instance: &Value| {
        // A text is JSON here, too.
        let response = format!("<answer>{instance}</answer>");
        json!({"response": response, "answer": null, "schema": row["schema"]})
    };
    let kinds = [&row["valid"], &row["invalid"]];
    let instances = kinds.into_iter().filter_map(Value::as_array).flatten();
    instances.map(sample).collect()
}

fn texts(row: &Value) -> Vec<Value> {
    let sample = json!({"response": answered(&row["answer"]), "answer": row["reference"]});
    // Where nothing is left of a reference, ours keeps articles on purpose.
    let plain = !row["f1"].is_null();
    plain.then_some(sample).into_iter().collect()
}

/// Pairs without punctuation before a digit, which F1 keeps here and the `SQuAD` evaluation drops.
fn words(row: &Value) -> Vec<Value> {
    let keeps = |text: &Value| {
        let text = text.as_str().unwrap_or_default().as_bytes();
        text.windows(2)
            .any(|pair| b".,-'".contains(&pair[0]) && pair[1].is_ascii_digit())
    };
    if keeps(&row["answer"]) || keeps(&row["reference"]) {
        return Vec::new();
    }
    texts(row)
}

/// Measures every job; the raw results with a summary.
pub(crate) fn run(project: &Project, rounds: u32) -> Result<Value> {
    let folder = project.target.join("bench/verifiers");
    fs::create_dir_all(&folder)?;
    let python = peers::environment(&project.target.join("bench"))?;
    let mut files = Vec::new();
    for job in jobs() {
        let file = folder.join(format!("{}.jsonl", job.name.replace([',', ' '], "-")));
        let rows = samples(project, &job)?;
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        fs::write(&file, lines.join("\n"))?;
        files.push((job, file, rows.len()));
    }
    let mut runs: Map<String, Value> = Map::new();
    for round in 1..=rounds {
        println!("round {round} of {rounds}");
        for (job, file, _) in &files {
            let ours = ours(project, &folder, job, file)?;
            let theirs = match job.peer {
                Some(_) => theirs(project, &python, job, file)?,
                None => Value::Null,
            };
            check(job, &ours, &theirs)?;
            let entry = runs.entry(job.name).or_insert_with(|| json!([]));
            let list = entry.as_array_mut().context("runs are lists")?;
            list.push(json!({"ours": ours, "theirs": theirs}));
        }
    }
    let summary: Vec<Value> = files
        .iter()
        .map(|(job, _, count)| summary(job, *count, &runs[job.name]))
        .collect();
    print_table(&summary);
    Ok(json!({
        "versions": peers::versions(&python),
        "summary": summary,
        "runs": runs,
    }))
}

/// A job's samples as rows of `rlhost score`.
fn samples(project: &Project, job: &Job) -> Result<Vec<Value>> {
    let source = project.root.join("reward-plugins").join(job.plugin);
    let params = serde_json::from_str(job.params)?;
    let mut found = Vec::new();
    match job.samples {
        Samples::Peer(rows) => {
            for row in read(&source.join("tests/fixtures/peer.jsonl"))? {
                found.extend(rows(&row));
            }
        }
        Samples::Cases => {
            let mut files: Vec<PathBuf> = fs::read_dir(source.join("cases"))?
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<_>>()?;
            files.retain(|file| file.extension().is_some_and(|e| e == "jsonl"));
            files.sort();
            for file in files {
                let rows = read(&file)?.into_iter();
                found.extend(rows.filter_map(|row| plain_case(row, &params)));
            }
        }
    }
    ensure!(!found.is_empty(), "`{}` has no samples", job.name);
    Ok(found)
}

/// A golden case as a sample, where it has these parameters, expects a score, and is of one turn.
fn plain_case(mut row: Value, params: &Value) -> Option<Value> {
    let map = row.as_object_mut()?;
    let expect = map.remove("expect")?;
    let scored = expect
        .get("outcome")
        .is_none_or(|outcome| outcome == "score");
    let own = map.remove("params").unwrap_or_else(|| json!({}));
    map.remove("call");
    (scored && own == *params && map["response"].is_string()).then_some(row)
}

fn read(file: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let rows = text.lines().map(|line| Ok(serde_json::from_str(line)?));
    rows.collect::<Result<_>>()
        .with_context(|| file.display().to_string())
}

fn ours(project: &Project, folder: &Path, job: &Job, file: &Path) -> Result<Value> {
    let example = project.target.join("debug/examples/bench_score");
    let guest = project.guests().join(job.plugin).with_extension("wasm");
    let mut command = Command::new(example);
    command
        .arg("latency")
        .arg(guest)
        .arg(file)
        .arg(job.params)
        .env("RLHOST_CACHE_DIR", folder.join("cache"));
    peers::result(&mut command)
}

fn theirs(project: &Project, python: &Path, job: &Job, file: &Path) -> Result<Value> {
    let mut command = Command::new(python);
    command
        .arg(project.root.join("tests/peers/verifier_bench.py"))
        .arg(job.name)
        .arg(file);
    peers::result(&mut command)
}

/// Fails where both should find the same scores and don't.
fn check(job: &Job, ours: &Value, theirs: &Value) -> Result<()> {
    let Some((peer, true)) = job.peer else {
        return Ok(());
    };
    let mean = |found: &Value| found["mean_score"].as_f64().unwrap_or(f64::NAN);
    let (ours, theirs) = (mean(ours), mean(theirs));
    if (ours - theirs).abs() < 1e-9 {
        return Ok(());
    }
    bail!(
        "`{}`: the mean score is {ours}, and {theirs} by {peer}: they do other jobs",
        job.name
    );
}

/// The median round, figure by figure.
fn summary(job: &Job, count: usize, runs: &Value) -> Value {
    let median = |path: &str| {
        let runs = runs.as_array().into_iter().flatten();
        let mut found: Vec<f64> = runs.filter_map(|run| run.pointer(path)?.as_f64()).collect();
        found.sort_by(f64::total_cmp);
        found.get(found.len() / 2).copied()
    };
    json!({
        "job": job.name,
        "samples": count,
        "size": runs[0]["ours"]["size"],
        "fuel_p50": median("/ours/fuel/p50"),
        "fuel_max": median("/ours/fuel/max"),
        "p50_us": median("/ours/latency_us/p50"),
        "p99_us": median("/ours/latency_us/p99"),
        "peer": job.peer.map(|(peer, _)| peer),
        "peer_p50_us": median("/theirs/latency_us/p50"),
        "peer_p99_us": median("/theirs/latency_us/p99"),
    })
}

/// The summary as a table for `docs/benchmarks/verifiers.md`.
fn print_table(summary: &[Value]) {
    println!(
        "\n| Job | samples | size, KiB | fuel p50 | most fuel | p50, µs | p99, µs | Python | p50, µs | p99, µs |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for row in summary {
        let figure = |key: &str, digits: usize| {
            row[key]
                .as_f64()
                .map_or("–".to_owned(), |value| format!("{value:.digits$}"))
        };
        let kib = row["size"].as_u64().unwrap_or(0).div_ceil(1024);
        println!(
            "| `{}` | {} | {kib} | {} | {} | {} | {} | {} | {} | {} |",
            row["job"].as_str().unwrap_or(""),
            row["samples"],
            figure("fuel_p50", 0),
            figure("fuel_max", 0),
            figure("p50_us", 1),
            figure("p99_us", 1),
            row["peer"].as_str().unwrap_or("–"),
            figure("peer_p50_us", 1),
            figure("peer_p99_us", 1),
        );
    }
    println!();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn golden_cases_become_samples() {
        let row = json!({"response": "a", "answer": 1, "x": 2, "call": 1, "expect": {"score": 1}});
        assert_eq!(
            plain_case(row, &json!({})),
            Some(json!({"response": "a", "answer": 1, "x": 2}))
        );
        for other in [
            json!({"response": "a", "params": {"metric": "f1"}, "expect": {"score": 1}}),
            json!({"response": "a", "expect": {"outcome": "internal"}}),
            json!({"response": [{"text": "a"}], "expect": {"score": 1}}),
        ] {
            assert_eq!(plain_case(other, &json!({})), None);
        }
    }

    #[test]
    fn jobs_that_should_agree_are_held_to_it() {
        let job = pairs("x", "x", "{}", boxes, "y");
        let found = |score: f64| json!({"mean_score": score});
        assert!(check(&job, &found(0.5), &found(0.5)).is_ok());
        assert!(check(&job, &found(0.5), &found(0.4)).is_err());
        assert!(check(&job, &found(0.5), &Value::Null).is_err());
        assert!(check(&cases("x", Some("y")), &found(0.5), &found(0.4)).is_ok());
    }
}
