//! What one watches of a run: lines on the console, the picture that grows, files for other programs, `rlhost plot`.

use crate::support::{Outcome, Project, assert_same, json_lines, run_files, wait_until};
use rlhost_trainer::run::RunFolder;
use rlhost_trainer::run::recorder::{Event, Value, read_events};
use std::fs;
use std::path::Path;

const RUN: &str = "runs/train";

fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "train.toml"], more].concat()
}

/// All events of a run, in the order of files.
fn events(project: &Project) -> Vec<Event> {
    let folder = RunFolder::open(project.path(RUN)).unwrap();
    let files = folder.events().unwrap();
    assert!(!files.is_empty());
    let read = |path: &std::path::PathBuf| read_events(path).unwrap();
    files.iter().flat_map(read).collect()
}

/// The steps and values of a tag.
fn scalars(events: &[Event], tag: &str) -> Vec<(u64, f32)> {
    let mut found = Vec::new();
    for event in events {
        for (name, value) in &event.values {
            if let (true, Value::Scalar(value)) = (name == tag, value) {
                found.push((event.step, *value));
            }
        }
    }
    found
}

/// The numbers of the lines of steps on a console.
fn lines_of_steps(outcome: &Outcome) -> Vec<u64> {
    let lines = outcome.stderr.lines();
    let steps = lines.filter_map(|line| line.strip_prefix("step ")?.split_once('/'));
    steps.map(|(step, _)| step.parse().unwrap()).collect()
}

fn is_svg(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|svg| svg.ends_with("</svg>\n"))
}

#[test]
fn every_number_of_a_run_is_among_its_events() {
    let project = Project::new();
    project.ok(&train(&["trainer.logger=[\"tensorboard\", \"csv\"]"]));
    let events = events(&project);
    let timings = json_lines(&project.read(&format!("{RUN}/timings.jsonl")));
    for row in project.metrics(RUN).iter().chain(&timings) {
        let step = row["step"].as_u64().unwrap();
        for (name, value) in row
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| *name != "step")
        {
            let value = (step, value.as_f64().unwrap() as f32);
            let count = scalars(&events, name)
                .iter()
                .filter(|v| **v == value)
                .count();
            assert_eq!(count, 1, "{name} {value:?}");
        }
    }
    // Samples of the first step and of validations, each with the picture of its digits.
    let of = |step: u64, place: &str| {
        let values = events
            .iter()
            .filter(|e| e.step == step)
            .flat_map(|e| &e.values);
        let of_place = values.filter(|(name, _)| name.starts_with(place));
        let kinds = of_place.map(|(_, value)| match value {
            Value::Text(text) => {
                assert!(text.contains("**Response**"), "{text}");
                'T'
            }
            Value::Picture(picture) => {
                assert!(image::load_from_memory(&picture.png).is_ok());
                'P'
            }
            other => panic!("{other:?}"),
        });
        kinds.collect::<String>()
    };
    assert_eq!(of(1, "samples/"), "TPTPTP");
    assert_eq!(of(2, "samples/"), "");
    assert_eq!(of(3, "val_samples/"), "TPTPTP");
    // The table: a header, the validation before the first step, and six steps.
    let table = project.read(&format!("{RUN}/metrics.csv"));
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].starts_with("step,actor/") && rows[0].contains(",val/accuracy"));
    let steps: Vec<&str> = rows[1..]
        .iter()
        .map(|row| row.split_once(',').unwrap().0)
        .collect();
    assert_eq!(steps, ["0", "1", "2", "3", "4", "5", "6"]);
    // No digest binds them, and they are the run's all the same.
    project.ok(&["replay", RUN, "--strict"]);
}

#[test]
fn the_console_shows_what_is_asked_for() {
    let project = Project::new();
    let outcome = project.ok(&train(&["trainer.logger=console"]));
    // Nobody looks on: the first and the last.
    assert_eq!(lines_of_steps(&outcome), [1, 6]);
    let folder = RunFolder::open(project.path(RUN)).unwrap();
    assert!(folder.events().unwrap().is_empty());
    assert!(!folder.table().exists());

    let name = "trainer.experiment_name=often";
    let outcome = project.ok(&train(&[name, "trainer.log_freq=2"]));
    assert_eq!(lines_of_steps(&outcome), [1, 2, 4, 6]);
    let line = outcome
        .stderr
        .lines()
        .find(|line| line.starts_with("step 4/6"))
        .unwrap();
    for word in [
        "reward 0.",
        "length ",
        "held-out ",
        "s/step ",
        "ETA 00:00:0",
    ] {
        assert!(line.contains(word), "{word}: {line}");
    }
    assert!(outcome.stderr.contains("step 3: held-out accuracy "));

    let name = "trainer.experiment_name=quiet";
    let outcome = project.ok(&train(&[name, "trainer.logger=[]", "trainer.log_freq=1"]));
    assert!(!outcome.stderr.contains("step "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("saved runs/quiet/checkpoints"));

    let error = project.refused(
        &train(&[
            "trainer.experiment_name=none",
            "trainer.logger=[\"console\", \"wandb\"]",
        ]),
        &[
            "trainer.logger",
            "\"wandb\"",
            "\"console\"",
            "\"tensorboard\"",
            "\"csv\"",
            "later",
        ],
    );
    assert!(error.contains("Weights & Biases"), "{error}");
}

/// `script` runs a command on a terminal of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_has_a_line_for_each_step() {
    let project = Project::new();
    let command = project.command(&[]);
    let line = format!("'{}' train train.toml", env!("CARGO_BIN_EXE_rlhost"));
    let environment = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let output = std::process::Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(project.root())
        .envs(environment)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for step in 1..=6 {
        let begins = format!("step {step}/6  reward ");
        assert!(text.contains(&begins), "{begins}: {text}");
    }
    assert!(text.contains("  ETA 00:00:0"), "{text}");
}

#[test]
fn curves_grow_while_a_run_goes() {
    let project = Project::new();
    let long = train(&["trainer.max_steps=4000", "trainer.val_freq=-1"]);
    let mut child = project.start(&long);
    let curve = project.path(&format!("{RUN}/curve.svg"));
    let drawn = |text: &str| {
        let svg = fs::read_to_string(&curve).unwrap_or_default();
        assert!(
            svg.is_empty() || svg.ends_with("</svg>\n"),
            "half a picture"
        );
        svg.contains(text)
    };
    assert!(wait_until(&mut child, || drawn("seconds a step")));
    // It is drawn again: more steps, another picture.
    let first = fs::read(&curve).unwrap();
    assert!(wait_until(&mut child, || fs::read(&curve).unwrap() != first));
    // Whoever plots now sees what there is.
    for (name, head) in [("now.png", &b"\x89PNG"[..]), ("now.svg", b"<svg")] {
        let plot = ["plot", RUN, "--metric", "reward/*", "--output", name];
        assert!(project.ok(&plot).stdout.starts_with(name));
        assert!(fs::read(project.path(name)).unwrap().starts_with(head));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_resumed_run_goes_on_in_sight() {
    let straight = Project::new();
    let arguments = [
        "trainer.max_steps=30",
        "trainer.save_freq=4",
        "trainer.logger=[\"console\", \"tensorboard\", \"csv\"]",
    ];
    straight.ok(&train(&arguments));

    let project = Project::new();
    let metrics = project.path(&format!("{RUN}/metrics.jsonl"));
    let done = |step: u64| {
        let line = format!("{{\"step\":{step},");
        fs::read_to_string(&metrics).is_ok_and(|text| text.contains(&line))
    };
    let mut child = project.start(&train(&arguments));
    assert!(wait_until(&mut child, || done(10)));
    child.kill().unwrap();
    child.wait().unwrap();
    let outcome = project.ok(&train(&[&arguments[..], &["--resume"]].concat()));
    let told = outcome.stderr.split_once("going on after step ").unwrap().1;
    let from: u64 = told.split_once(" of 30\n").unwrap().0.parse().unwrap();
    assert!(from >= 8 && from.is_multiple_of(4));
    // A line at once, then as usual.
    let lines = lines_of_steps(&outcome);
    assert_eq!(lines.first(), Some(&(from + 1)));
    assert_eq!(lines.last(), Some(&30));

    let (found, wanted) = (events(&project), events(&straight));
    for tag in ["reward/score", "actor/grad_norm", "val/accuracy"] {
        assert_eq!(scalars(&found, tag), scalars(&wanted, tag), "{tag}");
    }
    let steps: Vec<u64> = scalars(&found, "timing_s/step")
        .iter()
        .map(|v| v.0)
        .collect();
    assert_eq!(steps, (1..=30).collect::<Vec<_>>());
    let starts: Vec<u64> = found.iter().filter(|e| e.start).map(|e| e.step).collect();
    assert_eq!(starts, [0, from + 1]);
    // The table is among what equal runs share.
    let of = |project: &Project| run_files(&project.path(RUN));
    assert!(of(&project).contains_key("metrics.csv"));
    assert_same(&of(&straight), &of(&project));
    assert!(is_svg(&project.path(&format!("{RUN}/curve.svg"))));
}

#[test]
fn runs_are_plotted_side_by_side() {
    fn plot<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["plot", RUN, "runs/other"], more].concat()
    }
    let project = Project::new();
    project.ok(&train(&["trainer.max_steps=2"]));
    project.ok(&train(&[
        "trainer.max_steps=3",
        "trainer.experiment_name=other",
    ]));
    project.ok(&plot(&[]));
    let svg = project.read("curves.svg");
    for text in [
        "2 runs",
        "reward/score",
        "train 0.",
        "other 0.",
        "val/accuracy",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    let outcome = project.ok(&plot(&[
        "--metric",
        "val/*",
        "--metric",
        "timing_s/step",
        "-o",
        "some.png",
    ]));
    assert!(outcome.stdout.starts_with("some.png ("), "{outcome:?}");
    image::open(project.path("some.png")).unwrap();

    project.refused(
        &plot(&["--metric", "nothing"]),
        &["nothing", "reward/score", "val/accuracy"],
    );
    project.refused(
        &plot(&["--output", "curves.pdf"]),
        &["curves.pdf", ".svg or .png"],
    );
    project.refused(&["plot", "runs/none"], &["runs/none", "no such run"]);
    let outcome = project.run(&["plot"]);
    assert_eq!(outcome.code, Some(2));
}
