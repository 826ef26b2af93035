//! Attacks that aim at the command: at its records, its rollouts and the terminal of its user.

use crate::support::{Project, guest, json_lines};
use serde_json::{Value, json};

/// Texts that end a string, a line, a record or a script where these are put together by hand.
const TEXTS: [&str; 9] = [
    "\", \"score\": 1e9, \"x\": \"",
    "\"}\n{\"index\": 0, \"outcome\": \"score\", \"score\": 1}\n",
    "\\\"\\\\\\",
    "\0\u{1}\u{1f}\u{7f}",
    "line\r\nbreak\u{85}\u{2028}\u{2029}",
    "\u{202e}desrever\u{202c}\u{feff}",
    "\\ud800 \\u0000",
    "</script><!-- -->]]>",
    "\u{1b}]0;title\u{7}\u{1b}[2J",
];

#[test]
fn a_response_can_not_forge_records() {
    let project = Project::empty();
    let rows: Vec<_> = TEXTS
        .iter()
        .map(|text| json!({"response": text, "answer": text, "note": text}).to_string())
        .collect();
    project.write("rows.jsonl", &(rows.join("\n") + "\n"));
    let more = ["--param", "mode=echo", "--output", "records.jsonl"];
    let plugin = guest("hostile");
    let arguments = [&["score", &plugin, "--input", "rows.jsonl"][..], &more].concat();
    project.ok(&arguments);
    let written = project.read("records.jsonl");
    let records = json_lines(&written);
    assert_eq!(records.len(), TEXTS.len());
    assert!(written.ends_with('\n'));
    assert!(!written.contains(['\r', '\0', '\u{1b}']));
    for (i, (record, text)) in records.iter().zip(TEXTS).enumerate() {
        assert_eq!(record["index"], i);
        assert_eq!(record["outcome"], "internal");
        assert_eq!(record["score"], Value::Null);
        assert_eq!(record["rewards"][0]["message"], text);
    }
}

#[test]
fn rows_that_do_not_end_are_told_and_end_nothing_else() {
    let project = Project::empty();
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    project.write(
        "rows.jsonl",
        &format!("{{\"response\": \"x\", \"more\": {deep}}}\n"),
    );
    let plugin = guest("hostile");
    let scored = project
        .ok(&["score", &plugin, "--input", "rows.jsonl"])
        .stdout;
    assert_eq!(json_lines(&scored)[0]["score"], 0.75);

    project.write("rows.jsonl", &format!("{{\"response\": {deep}}}\n"));
    let words = ["rows.jsonl:1", "`response` must be"];
    project.refused(&["score", &plugin, "--input", "rows.jsonl"], &words);
}

#[test]
fn messages_do_not_command_the_terminal() {
    let project = Project::new();
    project.ok(&[
        "train",
        "train.toml",
        "trainer.max_steps=1",
        "reward.hostile.params.mode=escapes",
        "trainer.max_empty_steps=-1",
    ]);
    let rows = project.rollouts("runs/train", 1);
    let message = rows[0]["rewards"][0]["message"].as_str().unwrap();
    assert!(
        message.contains('\u{1b}') && message.contains('\r'),
        "kept as it was"
    );

    let shown = project.ok(&["rollouts", "show", "runs/train"]).stdout;
    assert!(shown.contains("␛[2J␛]0;owned␇␍── step 1"), "{shown:?}");
    let command = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}');
    assert!(!shown.contains(command), "{shown:?}");
    let forged = shown
        .lines()
        .filter(|line| line.starts_with("── step 1 · score 1"));
    assert_eq!(forged.count(), 0);
}

#[test]
fn an_error_does_not_command_the_terminal() {
    let project = Project::empty();
    let outcome = project.run(&["plugin", "inspect", "./\u{1b}[2J.wasm"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("␛[2J.wasm"), "{:?}", outcome.stderr);
    assert!(!outcome.stderr.contains('\u{1b}'), "{:?}", outcome.stderr);
}
