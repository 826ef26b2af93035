//! Pipes that close, disks that are full, outputs that are no files.

use crate::support::{Project, guest};
use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::process::Stdio;

/// Commands that print a result.
fn printing(math: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["config", "show"],
        vec!["plugin", "inspect", math],
        vec!["plugin", "inspect", "--json", math],
        vec!["score", math, "--input", "samples.jsonl"],
        vec![
            "eval",
            "--model",
            "model",
            "--data",
            "data/val.jsonl",
            "--reward",
            math,
        ],
        vec!["rollouts", "show", "runs/train"],
        vec!["plot", "runs/train"],
        vec!["init", "description", "--output", "again"],
        vec!["train", "train.toml", "trainer.max_steps=1", "--resume"],
    ]
}

fn project() -> Project {
    let project = Project::new();
    project.write(
        "samples.jsonl",
        &"{\"response\": \"12\", \"answer\": 12}\n".repeat(50),
    );
    project.ok(&["train", "train.toml", "trainer.max_steps=1"]);
    project
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (project, math) = (project(), guest("math"));
    for arguments in printing(&math) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = project.command(&arguments).stdout(writer).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

#[test]
fn training_goes_on_without_a_reader_of_its_messages() {
    let project = Project::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = project.command(&["train", "train.toml"]);
    let status = command
        .stdout(Stdio::null())
        .stderr(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(project.path("runs/train/checkpoints/step-6").is_dir());
}

#[test]
fn a_full_disk_is_an_error_that_says_where() {
    let (project, math) = (project(), guest("math"));
    for arguments in printing(&math) {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = project.command(&arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains("standard output"), "{stderr}");
    }
    let score = [
        "score",
        &math,
        "--input",
        "samples.jsonl",
        "--output",
        "/dev/full",
    ];
    project.refused(&score, &["/dev/full"]);
}

#[test]
fn outputs_that_are_no_files_stay_what_they_are() {
    let (project, math) = (project(), guest("math"));
    let score = |output| {
        let arguments = [
            "score",
            &math,
            "--input",
            "samples.jsonl",
            "--output",
            output,
        ];
        project.ok(&arguments).stdout
    };
    score("/dev/null");
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
    assert_eq!(score("/dev/stdout").lines().count(), 50);

    project.write("old.jsonl", "old\n");
    std::os::unix::fs::symlink("old.jsonl", project.path("link.jsonl")).unwrap();
    score("link.jsonl");
    assert!(project.path("link.jsonl").is_symlink());
    assert_eq!(project.read("old.jsonl").lines().count(), 50);
}
