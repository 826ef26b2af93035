//! `rlhost score`: the same records whatever the threads and the order.

use crate::support::{Project, guest, json_lines};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use xtask::quickstart::Sizes;

const ROWS: usize = 300;

/// Responses of which each third is right, and the reward's judgement of them.
fn samples(project: &Project) -> Vec<String> {
    let rows: Vec<String> = (0..ROWS)
        .map(|i| {
            let response = match i % 3 {
                0 => format!("<think>{i}</think><answer>{i}</answer>"),
                1 => format!("\\boxed{{{}}}", i + 1),
                _ => format!("I do not know {i}"),
            };
            json!({"response": response, "answer": i, "level": i % 7}).to_string()
        })
        .collect();
    project.write("samples.jsonl", &(rows.join("\n") + "\n"));
    rows
}

fn score(project: &Project, plugin: &str, input: &str, more: &[&str]) -> String {
    let mut arguments = vec!["score", plugin, "--input", input];
    arguments.extend(more);
    project.ok(&arguments).stdout
}

const HOSTILE: [&str; 6] = [
    "--param",
    r#"mode=["score", "loop", "steps", "trap", "allocate", "recurse", "abstain"]"#,
    "--fuel",
    "5000000",
    "--memory",
    "3145728",
];

#[test]
fn threads_change_nothing() {
    let project = Project::empty();
    samples(&project);
    for (plugin, more) in [("math", &[][..]), ("hostile", &HOSTILE)] {
        let plugin = guest(plugin);
        let with = |threads| {
            let more = [more, &["--threads", threads]].concat();
            score(&project, &plugin, "samples.jsonl", &more)
        };
        let one = with("1");
        assert_eq!(one, with("8"));
        assert_eq!(one, score(&project, &plugin, "samples.jsonl", more));
        assert_eq!(one.lines().count(), ROWS);
        let written = [more, &["--output", "out.jsonl"]].concat();
        assert_eq!(score(&project, &plugin, "samples.jsonl", &written), "");
        assert_eq!(project.read("out.jsonl"), one);
    }
}

#[test]
fn the_stack_has_the_size_that_is_asked_for() {
    let project = Project::empty();
    samples(&project);
    let recurse = ["--param", "mode=recurse", "--stack", "131072"];
    let records = json_lines(&score(
        &project,
        &guest("hostile"),
        "samples.jsonl",
        &recurse,
    ));
    assert_eq!(records.len(), ROWS);
    for record in &records {
        let reward = &record["rewards"][0];
        assert_eq!(reward["outcome"], "stack-exhausted");
        let engine = reward["receipt"]["engine"].as_str().unwrap();
        assert!(engine.ends_with(",stack=131072"), "{engine}");
    }
    let guest = guest("hostile");
    let little = [
        "score",
        &guest,
        "--input",
        "samples.jsonl",
        "--stack",
        "1000",
    ];
    project.refused(&little, &["stack = 1000", "64 KiB"]);
}

#[test]
fn order_changes_nothing() {
    let project = Project::empty();
    let mut rows = samples(&project);
    rows.reverse();
    project.write("reversed.jsonl", &rows.join("\n"));
    for (plugin, more) in [("math", &[][..]), ("hostile", &HOSTILE)] {
        let records = |input| {
            let mut records = json_lines(&score(&project, &guest(plugin), input, more));
            for (i, record) in records.iter_mut().enumerate() {
                let record = record.as_object_mut().unwrap();
                // The row's place is all that may differ.
                assert_eq!(record.remove("index"), Some(json!(i)));
                assert_eq!(record.remove("draw"), Some(json!(i)));
            }
            records
        };
        let mut reversed = records("reversed.jsonl");
        reversed.reverse();
        assert_eq!(records("samples.jsonl"), reversed);
    }
}

#[test]
fn records_say_what_happened() {
    let project = Project::empty();
    samples(&project);
    let records = json_lines(&score(&project, &guest("math"), "samples.jsonl", &[]));
    for (i, record) in records.iter().enumerate() {
        assert_eq!(record["index"], i);
        assert_eq!(record["outcome"], "score");
        let right = if i % 3 == 0 { 1.0 } else { 0.0 };
        assert_eq!(
            record["parts"]["accuracy"].as_f64(),
            Some(right),
            "{record}"
        );
        assert_eq!(record["rewards"][0]["name"], "math");
        assert!(record["rewards"][0]["receipt"].is_object());
    }

    let records = json_lines(&score(
        &project,
        &guest("hostile"),
        "samples.jsonl",
        &HOSTILE,
    ));
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for record in &records {
        let outcome = record["outcome"].as_str().unwrap();
        *outcomes.entry(outcome).or_default() += 1;
        assert_eq!(record["score"].is_null(), outcome != "score");
        if outcome == "budget-exhausted" {
            assert_eq!(record["rewards"][0]["fuel"], 5_000_000);
        }
    }
    let expected = [
        "abstain",
        "budget-exhausted",
        "memory-exhausted",
        "score",
        "stack-exhausted",
        "trap",
    ];
    assert_eq!(outcomes.keys().copied().collect::<Vec<_>>(), expected);
}

#[test]
fn images_and_parameters_reach_the_plugin() {
    let project = Project::empty();
    project.add_digits(
        "data",
        Sizes {
            train: 1,
            sft: 1,
            val: 3,
        },
    );
    for line in 1..=3 {
        project.edit_line("data/val.jsonl", line, |row| {
            row.replacen('{', "{\"response\":\"12\",", 1)
        });
    }
    let more = ["--param", "mode=pixels"];
    let records = json_lines(&score(&project, &guest("hostile"), "data/val.jsonl", &more));
    for (i, record) in records.iter().enumerate() {
        let path = project.path(&format!("data/images/val-{i:05}.png"));
        let pixels = image::open(path).unwrap().to_rgb8().into_raw();
        let sum: u64 = pixels.iter().copied().map(u64::from).sum();
        let mean = sum as f64 / pixels.len() as f64;
        assert_eq!(record["score"].as_f64(), Some(mean));
        assert_eq!(record["parts"]["images"], Value::from(1.0));
    }
    assert_eq!(records.len(), 3);
}
