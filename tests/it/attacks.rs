//! Attacks that aim at the command: at its records, its rollouts and the terminal of its user.

use crate::support::{Project, guest, json_lines};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

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

fn score<'a>(plugin: &'a str, input: &'a str) -> [&'a str; 4] {
    ["score", plugin, "--input", input]
}

#[test]
fn an_output_neither_follows_nor_removes_what_lies_beside_it() {
    let project = Project::empty();
    let plugin = guest("hostile");
    project.write("rows.jsonl", "{\"response\": \"x\"}\n");
    project.write("victim", "precious");
    symlink("victim", project.path(".out.jsonl.partial")).unwrap();
    let arguments = score(&plugin, "rows.jsonl");
    project.ok(&[&arguments[..], &["--output", "out.jsonl"]].concat());
    assert_eq!(json_lines(&project.read("out.jsonl")).len(), 1);
    assert_eq!(project.read("victim"), "precious");
    assert!(project.path(".out.jsonl.partial").is_symlink());
    let mode = fs::metadata(project.path("out.jsonl"))
        .unwrap()
        .permissions()
        .mode();
    let other = fs::metadata(project.path("victim"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode, other, "as any file of this user");
}

#[test]
fn a_pipe_is_read_from_the_shell_and_nowhere_else() {
    let project = Project::empty();
    let plugin = guest("hostile");
    let made = Command::new("mkfifo").arg(project.path("pipe")).status();
    assert!(made.unwrap().success());
    for arguments in [
        &score(&plugin, "pipe")[..],
        &["train", "pipe"],
        &score("./pipe", "pipe"),
    ] {
        let outcome = project.run(arguments);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(
            outcome.stderr.contains("pipe: this is a named pipe"),
            "{}",
            outcome.stderr
        );
    }
    let mut echo = Command::new("echo")
        .arg("{\"response\": \"x\"}")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut command = project.command(&score(&plugin, "/dev/stdin"));
    let output = command.stdin(echo.stdout.take().unwrap()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    echo.wait().unwrap();
}

#[test]
fn another_users_plugin_is_not_taken_by_its_name() {
    let project = Project::empty();
    let folder = project.path("target/guests");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(guest("hostile"), folder.join("mine.wasm")).unwrap();
    fs::create_dir(project.path("below")).unwrap();
    project.write("below/rows.jsonl", "{\"response\": \"x\"}\n");
    let run = || {
        let mut command = project.command(&score("mine", "rows.jsonl"));
        command.current_dir(project.path("below")).output().unwrap()
    };
    let output = run();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.contains("target/guests/mine.wasm"),
        "{said}"
    );
    for path in [folder.join("mine.wasm"), folder] {
        let own = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let output = run();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("others may write to it"), "{said}");
        fs::set_permissions(&path, own).unwrap();
    }
}

#[test]
fn a_lock_that_leads_elsewhere_is_refused() {
    let project = Project::new();
    let train = ["train", "train.toml", "trainer.max_steps=1"];
    project.ok(&train);
    let victim = tempfile::NamedTempFile::new().unwrap();
    fs::write(victim.path(), "precious").unwrap();
    project.remove("runs/train/.lock");
    symlink(victim.path(), project.path("runs/train/.lock")).unwrap();
    let outcome = project.run(&[&train[..], &["--resume"]].concat());
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains(".lock: this is a link to"),
        "{}",
        outcome.stderr
    );
    assert_eq!(fs::read_to_string(victim.path()).unwrap(), "precious");
}

#[test]
fn a_build_does_not_empty_folders_elsewhere() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "words", "--lang", "python"]);
    let victim = tempfile::tempdir().unwrap();
    fs::create_dir(victim.path().join("python")).unwrap();
    fs::write(victim.path().join("python/own.py"), "precious").unwrap();
    fs::create_dir_all(project.path("words/target")).unwrap();
    symlink(victim.path(), project.path("words/target/plugin-build")).unwrap();
    let outcome = project.run(&["plugin", "build", "words"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("plugin-build: this is a link to"),
        "{}",
        outcome.stderr
    );
    assert!(victim.path().join("python/own.py").is_file());
}
