//! Plugins say why they can't go on: in Rust and C, in the record, the test and the run.

use crate::plugin_new::{command, ok};
use crate::support::{Project, json_lines};

/// A new plugin of this language in `own`, with pieces of its source replaced.
fn plugin(lang: &str, file: &str, pieces: [[&str; 2]; 2]) -> Project {
    let project = Project::empty();
    project.ok(&["plugin", "new", "own", "--lang", lang]);
    let file = format!("own/{file}");
    let mut text = project.read(&file);
    for [from, to] in pieces {
        assert!(text.contains(from), "{from:?} is not in: {text}");
        text = text.replacen(from, to, 1);
    }
    project.write(&file, &text);
    ok(project.root(), &["plugin", "build", "own"]);
    project
}

/// The outcome and the message of a response, under some limits.
fn said(project: &Project, response: &str, limits: &[&str]) -> (String, String) {
    project.write(
        "rows.jsonl",
        &format!("{{\"response\": \"{response}\", \"answer\": \"x\"}}\n"),
    );
    let arguments = [&["score", "own", "--input", "rows.jsonl"][..], limits].concat();
    let twice = [project.ok(&arguments), project.ok(&arguments)].map(|outcome| outcome.stdout);
    assert_eq!(twice[0], twice[1], "a message is part of the record");
    let reward = json_lines(&twice[0])[0]["rewards"][0].clone();
    let text = |key: &str| reward[key].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("message"))
}

#[track_caller]
fn has(text: &str, names: &[&str]) {
    for name in names {
        assert!(text.contains(name), "{name:?} is not in: {text}");
    }
}

const RUST: &str = "let mut answer = sample.answer_text()?;";

#[test]
fn a_panic_in_rust_says_its_message_and_its_place() {
    let project = plugin(
        "rust",
        "src/lib.rs",
        [
            [
                RUST,
                r#"let text = sample.last_text();
        let words: Vec<_> = text.split(' ').collect();
        assert!(text != "odd", "so {text:?} it is");
        if text == "turns" {
            turn(text);
        }
        let _second = words[1];
        let mut answer = sample.answer_text()?;"#,
            ],
            [
                "export_reward!",
                r"#[inline(never)]
fn turn(text: &str) -> usize {
    let mut count = text.len();
    loop {
        count = std::hint::black_box(count + 1);
    }
}

export_reward!",
            ],
        ],
    );
    let (outcome, message) = said(&project, "odd", &[]);
    assert_eq!(outcome, "trap");
    has(&message, &["panicked at src/lib.rs:", ": so \"odd\" it is"]);
    assert!(!message.contains("unreachable"), "{message}");
    let (_, message) = said(&project, "one", &[]);
    has(
        &message,
        &["index out of bounds: the len is 1 but the index is 1"],
    );
    // Fuel names the limit, what raises it and where the plugin was.
    let (outcome, message) = said(&project, "turns", &["--fuel", "1000000"]);
    assert_eq!(outcome, "budget-exhausted");
    has(
        &message,
        &[
            "all 1000000 units of fuel are used up in plugin::turn",
            "`--fuel`",
            "`reward.NAME.limits.fuel`",
            "`[limits]`",
        ],
    );
    // So do the golden cases.
    project.write(
        "cases.jsonl",
        "{\"response\": \"odd\", \"answer\": \"x\", \"expect\": {\"score\": 1}}\n",
    );
    let test = ["plugin", "test", "own", "--cases", "cases.jsonl"];
    let tested = command(project.root(), &test).output().unwrap();
    has(
        &String::from_utf8(tested.stdout).unwrap(),
        &["so \"odd\" it is", "src/lib.rs:"],
    );
}

#[test]
fn a_trap_in_c_says_where_it_was() {
    let project = plugin(
        "c",
        "src/score.c",
        [
            [
                "  rlhost_text answer;\n",
                "  check(rlhost_last_text(sample));\n  rlhost_text answer;\n",
            ],
            [
                "#include \"rlhost.h\"\n",
                r#"#include "rlhost.h"
#include <assert.h>
#include <stdlib.h>

__attribute__((noinline)) static void check(rlhost_text text) {
  assert(!rlhost_is(text, "odd"));
  if (rlhost_is(text, "ends")) {
    abort();
  }
  volatile int i = 0;
  while (rlhost_is(text, "turns")) {
    i++;
  }
}
"#,
            ],
        ],
    );
    let (outcome, message) = said(&project, "odd", &[]);
    assert_eq!(outcome, "trap");
    has(
        &message,
        &[
            "check",
            "Assertion failed: !rlhost_is(text, \"odd\") (src/score.c: check: ",
        ],
    );
    let (_, message) = said(&project, "ends", &[]);
    has(&message, &["unreachable", "abort < check"]);
    let (outcome, message) = said(&project, "turns", &["--fuel", "1000000"]);
    assert_eq!(outcome, "budget-exhausted");
    has(&message, &["used up in", "check"]);
}
