//! `rlhost plugin audit`: the same answers, whatever the threads, the order and the process.

use crate::support::{Project, guest};
use std::process::Stdio;

fn project(rows: usize) -> Project {
    let project = Project::empty();
    let rows: Vec<_> = (0..rows)
        .map(|i| {
            format!(
                r#"{{"response": "<answer>{}</answer>", "answer": {i}}}"#,
                i - i % 3
            )
        })
        .collect();
    project.write("samples.jsonl", &rows.join("\n"));
    project
}

#[test]
fn what_was_done_is_said() {
    let project = project(70);
    let math = guest("math");
    let text = project
        .ok(&["plugin", "audit", &math, "--input", "samples.jsonl"])
        .stdout;
    let (before, after) = text.split_once(" in ").unwrap();
    let (_seconds, after) = after.split_once(" s\n").unwrap();
    insta::assert_snapshot!(
        "plugin_audit",
        format!("{before} in SECONDS s\n{after}").replace(&math, "FILE")
    );
}

#[test]
fn misbehaviour_is_deterministic_too() {
    let project = project(40);
    // All but those that take their time; a value that is no text and one that has quotes.
    let mode = r#"mode=["score", "steps", "counter", "abstain", "nan", "loop", "allocate", "recurse", "trap"]"#;
    let text = project
        .ok(&[
            "plugin",
            "audit",
            &guest("hostile"),
            "--input",
            "samples.jsonl",
            "--times",
            "7",
            "--threads",
            "3",
            "--param",
            mode,
            "--param",
            "when=",
            "--fuel",
            "2000000",
            "--memory",
            "3145728",
            "--stack",
            "262144",
        ])
        .stdout;
    assert!(text.contains("7 passes x 40 samples"), "{text}");
    assert!(text.contains("4 on 1 thread, 3 on 3"), "{text}");
    assert!(text.contains("\ndeterministic: "), "{text}");
    let one = project.ok(&[
        "plugin",
        "audit",
        &guest("math"),
        "-i",
        "samples.jsonl",
        "--times",
        "3",
        "--threads",
        "1",
    ]);
    assert!(one.stdout.contains("3 passes x 40 samples"), "{one:?}");
}

#[test]
fn what_can_not_be_audited_is_refused() {
    let project = project(3);
    let math = guest("math");
    let refused = |arguments: &[&str], names: &[&str]| {
        project.refused(&[&["plugin", "audit"], arguments].concat(), names);
    };
    refused(
        &[&math, "--param", "units=true"],
        &["--param is for rows of --input"],
    );
    refused(&[&math, "--input", "absent.jsonl"], &["absent.jsonl"]);
    refused(
        &["./absent.wasm", "--input", "samples.jsonl"],
        &["absent.wasm"],
    );
    for times in ["0", "2", "10001", "many"] {
        refused(
            &[&math, "--input", "samples.jsonl", "--times", times],
            &["--times", times],
        );
    }
    refused(
        &[&math, "--input", "samples.jsonl", "--threads", "0"],
        &["--threads"],
    );
    refused(
        &[&math, "--input", "samples.jsonl", "--param", "unit=1"],
        &["`unit`", "units"],
    );
    refused(
        &[&math, "--input", "samples.jsonl", "--fuel", "0"],
        &["fuel = 0"],
    );
    project.write("none.jsonl", "\n");
    refused(
        &[&math, "--input", "none.jsonl"],
        &["none.jsonl", "no sample"],
    );
    project.write("bad.jsonl", "{\"response\": \"x\"}\n{}\n");
    refused(
        &[&math, "--input", "bad.jsonl"],
        &["bad.jsonl:2", "`response` is missing"],
    );
    // Another process could not read it again.
    let mut command = project.command(&["plugin", "audit", &math, "--input", "/dev/stdin"]);
    let output = command.stdin(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("/dev/stdin: no plain file"), "{error}");
}
