//! `rlhost plugin test --watch`: what an author sees while editing.

use crate::support::{Project, rlhost};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A watch that runs until it is dropped.
struct Watch {
    child: Child,
    output: PathBuf,
    /// So much of the output has been looked at.
    read: usize,
}

impl Watch {
    fn start(project: &Project, folder: &str) -> Self {
        let output = project.path("output.txt");
        let file = File::create(&output).unwrap();
        let child = rlhost(project.root())
            .args(["plugin", "test", folder, "--watch"])
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self {
            child,
            output,
            read: 0,
        }
    }

    /// What is printed until the watch waits for a change.
    fn round(&mut self) -> String {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(&self.output).unwrap();
            let new = &text[self.read..];
            if let Some((round, _)) = new.split_once("watching for changes; Ctrl-C ends\n") {
                let round = round.to_owned();
                self.read = text.len();
                return round;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "ended: {text}");
            assert!(begun.elapsed() < Duration::from_mins(2), "{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn each_change_is_built_and_tested() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "word-count", "--lang", "c"]);
    let source = project.path("word-count/src/score.c");
    let cases = project.path("word-count/cases/examples.jsonl");
    let mut watch = Watch::start(&project, "word-count");
    let first = watch.round();
    assert!(first.contains("built in "), "{first}");
    assert!(first.contains("6 passed       0 failed"), "{first}");

    // A wrong verdict is told with all that helps.
    replace(&source, "? 1.0 : 0.0", "? 0.5 : 0.0");
    let wrong = watch.round();
    for part in [
        "changed: word-count/src/score.c",
        "built in ",
        "FAILED",
        "expected",
        "sample    {",
        "It is Paris.",
        "answer    0.5",
        "parts     accuracy 0.5",
        "fuel      ",
        "error: 3 of 6 cases failed",
    ] {
        assert!(wrong.contains(part), "{part:?} is not in: {wrong}");
    }

    // What the compiler says, and on with the work.
    replace(&source, "? 0.5 : 0.0", "? 0.5 :: 0.0");
    let broken = watch.round();
    assert!(broken.contains("src/score.c:"), "{broken}");
    assert!(
        broken.contains("error: the plugin does not compile"),
        "{broken}"
    );
    assert!(!broken.contains("passed"), "{broken}");

    replace(&source, "? 0.5 :: 0.0", "? 1.0 : 0.0");
    let mended = watch.round();
    assert!(mended.contains("6 passed       0 failed"), "{mended}");

    // A case needs no compiler.
    replace(&cases, r#"{"score": 1}}"#, r#"{"score": 0.25}}"#);
    let case = watch.round();
    assert!(
        case.contains("changed: word-count/cases/examples.jsonl"),
        "{case}"
    );
    assert!(!case.contains("built in "), "{case}");
    assert!(case.contains("of 6 cases failed"), "{case}");
    fs::write(&cases, "{\n").unwrap();
    let unreadable = watch.round();
    assert!(unreadable.contains("error: "), "{unreadable}");
    assert!(unreadable.contains("examples.jsonl:1"), "{unreadable}");
}

#[test]
fn what_can_not_be_watched_is_refused() {
    let project = Project::empty();
    project.refused(
        &["plugin", "test", "absent", "--watch"],
        &["--watch", "absent is no folder"],
    );
    fs::create_dir(project.path("empty")).unwrap();
    project.refused(
        &["plugin", "test", "empty", "--watch"],
        &["empty", "rlhost plugin new"],
    );
    project.ok(&["plugin", "new", "x", "--lang", "c"]);
    fs::remove_dir_all(project.path("x/cases")).unwrap();
    project.refused(&["plugin", "test", "x", "--watch"], &["x/cases"]);
}

#[test]
fn a_component_that_is_older_than_its_source_is_told() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "word-count", "--lang", "c"]);
    project.ok(&["plugin", "build", "word-count"]);
    let tested = |project: &Project| project.ok(&["plugin", "test", "word-count"]).stderr;
    assert_eq!(tested(&project), "");
    let cases = project.path("word-count/cases/examples.jsonl");
    replace(&cases, "It is Rome.", "It is Oslo.");
    assert_eq!(tested(&project), "", "cases are not compiled");
    replace(
        &project.path("word-count/src/score.c"),
        "? 1.0 : 0.0",
        "? 0.0 : 1.0",
    );
    let note = tested(&project);
    assert!(note.contains("was built from other files"), "{note}");
    project.ok(&["plugin", "build", "word-count"]);
    let outcome = project.run(&["plugin", "test", "word-count"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(!outcome.stderr.contains("note:"), "{outcome:?}");
}
