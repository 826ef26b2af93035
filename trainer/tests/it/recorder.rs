//! What is written for `TensorBoard` and for spreadsheets.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rlhost_trainer::run::HeldOut;
use rlhost_trainer::run::plot::Shown;
use rlhost_trainer::run::recorder::{self, Entry, Event, Recorder, Value, read_events};
use rlhost_trainer::run::{JsonLines, RolloutRow, RunFolder};
use serde_json::json;
use tempfile::{TempDir, tempdir};

/// A red pixel as PNG.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

fn new_run() -> (TempDir, RunFolder) {
    let temp = tempdir().unwrap();
    let run = RunFolder::create(temp.path().join("digits"), "seed = 1\n").unwrap();
    (temp, run)
}

/// The recorders of a run that has done so many steps.
fn open(run: &RunFolder, done: u64) -> Vec<Box<dyn Recorder>> {
    let shown = Shown {
        title: "digits".into(),
        held_out: HeldOut::new(None),
    };
    let loggers = ["tensorboard", "csv"].map(str::to_owned);
    recorder::open(run, &loggers, shown, done).unwrap()
}

fn values(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
}

fn row(step: u64, score: f64) -> RolloutRow {
    let mut row = RolloutRow::new(step, 5, 0, 0);
    row.prompt = "<image>which\n# digit".into();
    row.response = format!("it is {score}\u{202e}");
    row.images = vec![PIXEL.into(), "nowhere/picture.png".into()];
    row.with_record(&json!({"score": score})).unwrap()
}

/// Writes the line of metrics and tells the recorders.
fn record(
    run: &RunFolder,
    recorders: &mut [Box<dyn Recorder>],
    step: u64,
    metrics: &[(&str, f64)],
    timings: Option<f64>,
    rows: &[RolloutRow],
) {
    let metrics = values(metrics);
    let mut lines = JsonLines::open(&run.metrics()).unwrap();
    lines.write(step, &metrics).unwrap();
    let timings = timings.map(|seconds| values(&[("timing_s/step", seconds)]));
    for recorder in recorders {
        let entry = Entry {
            step,
            metrics: &metrics,
            timings: timings.as_ref(),
            rows,
        };
        recorder.record(&entry).unwrap();
    }
}

/// Steps `from` to `to`, with a validation after each second one.
fn train(run: &RunFolder, recorders: &mut [Box<dyn Recorder>], from: u64, to: u64) {
    for step in from..=to {
        let score = step as f64 / 8.0;
        let rows: Vec<RolloutRow> = (0..5).map(|n| row(step, f64::from(n))).collect();
        let metrics = [("reward/score", score)];
        record(run, recorders, step, &metrics, Some(0.5), &rows);
        if step.is_multiple_of(2) {
            let metrics = [("val/accuracy", score)];
            record(run, recorders, step, &metrics, None, &rows[..1]);
        }
    }
}

fn events(run: &RunFolder) -> Vec<(PathBuf, Vec<Event>)> {
    let files = run.events().unwrap().into_iter();
    files
        .map(|path| (path.clone(), read_events(&path).unwrap()))
        .collect()
}

/// (step, value) of a tag over all files, in their order.
fn scalars(run: &RunFolder, tag: &str) -> Vec<(u64, f32)> {
    let mut found = Vec::new();
    for event in events(run).iter().flat_map(|(_, events)| events) {
        for (name, value) in &event.values {
            if let (true, Value::Scalar(value)) = (name == tag, value) {
                found.push((event.step, *value));
            }
        }
    }
    found
}

#[test]
fn events_of_a_peer_are_read() {
    let name = "tests/fixtures/tensorboard/events.out.tfevents.tensorboardX";
    let events = read_events(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    assert_eq!(events[0].version.as_deref(), Some("brain.Event:2"));
    let steps: Vec<u64> = events.iter().map(|event| event.step).collect();
    assert_eq!(steps, [0, 1, 2, 3, 2, 3]);
    for (event, score) in events[1..4].iter().zip([0.25, 0.5, 0.75]) {
        assert_eq!(
            event.values,
            [("reward/score".to_owned(), Value::Scalar(score))]
        );
        assert_eq!(event.time, 1_700_000_000.0 + event.step as f64);
    }
    let text = Value::Text("**7** of 9".to_owned());
    assert_eq!(
        events[4].values,
        [("samples/best/text_summary".to_owned(), text)]
    );
    let (name, Value::Picture(picture)) = &events[5].values[0] else {
        panic!("{:?}", events[5]);
    };
    assert_eq!(
        (name.as_str(), picture.width, picture.height),
        ("samples/picture", 4, 3)
    );
    let pixels = image::load_from_memory(&picture.png).unwrap().to_rgb8();
    assert_eq!(pixels.get_pixel(0, 0).0, [255, 0, 0]);
    assert_eq!(pixels.get_pixel(1, 0).0, [0, 0, 0]);
}

#[test]
fn a_run_has_all_numbers_and_a_few_samples() {
    let (_temp, run) = new_run();
    let mut recorders = open(&run, 0);
    record(
        &run,
        &mut recorders,
        0,
        &[("val/accuracy", 0.0)],
        None,
        &[row(0, 0.5)],
    );
    train(&run, &mut recorders, 1, 21);

    let found = events(&run);
    let [(path, found)] = &found[..] else {
        panic!("one file: {found:?}");
    };
    let name = path.file_name().unwrap().to_str().unwrap();
    // TensorBoard looks for the middle of the name, and reads files in the order of names.
    assert!(name.starts_with("events.out.tfevents.1") || name.starts_with("events.out.tfevents.2"));
    assert_eq!(found[0].version.as_deref(), Some("brain.Event:2"));
    assert!(found[1].start && found[1].step == 0);
    assert!(found.iter().all(|event| event.time > 1.7e9));
    let score: Vec<(u64, f32)> = (1..=21).map(|step| (step, step as f32 / 8.0)).collect();
    assert_eq!(scalars(&run, "reward/score"), score);
    assert_eq!(scalars(&run, "timing_s/step").len(), 21);
    let validations: Vec<u64> = scalars(&run, "val/accuracy").iter().map(|v| v.0).collect();
    assert_eq!(validations, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);

    let shown: Vec<(u64, &str, &Value)> = found
        .iter()
        .flat_map(|event| {
            let all = event.values.iter();
            all.map(|(name, value)| (event.step, name.as_str(), value))
        })
        .filter(|(_, name, _)| name.starts_with("samples/"))
        .collect();
    let names: Vec<(u64, &str)> = shown.iter().map(|(step, name, _)| (*step, *name)).collect();
    let of_step = |step| {
        ["lowest", "middle", "highest"]
            .into_iter()
            .flat_map(move |which| {
                let name = |kind| format!("samples/{which}/{kind}");
                [(step, name("text")), (step, name("image_1"))]
            })
    };
    let wanted: Vec<(u64, String)> = of_step(1).chain(of_step(20)).collect();
    assert_eq!(
        names,
        wanted
            .iter()
            .map(|(step, name)| (*step, name.as_str()))
            .collect::<Vec<_>>()
    );
    let Value::Text(text) = shown[4].2 else {
        panic!("{:?}", shown[4]);
    };
    // What models say is code: it means nothing, and can't turn the direction of writing.
    assert!(text.contains("\n    it is 4\u{fffd}\n"), "{text}");
    assert!(text.contains("\n    # digit\n"), "{text}");
    let Value::Picture(picture) = shown[1].2 else {
        panic!("{:?}", shown[1]);
    };
    let pixels = image::load_from_memory(&picture.png).unwrap().to_rgb8();
    assert_eq!(pixels.dimensions(), (picture.width, picture.height));
    assert_eq!(pixels.get_pixel(0, 0).0[1..], [0, 0]);
}

#[test]
fn a_resumed_run_has_each_step_once() {
    let (_temp, run) = new_run();
    train(&run, &mut open(&run, 0), 1, 5);
    let first = run.events().unwrap().remove(0);
    let mut file = fs::OpenOptions::new().append(true).open(&first).unwrap();
    file.write_all(&[7; 20]).unwrap();
    // Taken back to step 3, then to step 4 of the steps that were done again, then to the start.
    for (done, files) in [(3, 2), (4, 3), (0, 1)] {
        let before = run.events().unwrap();
        let lines = fs::read_to_string(run.metrics()).unwrap();
        let kept = lines.lines().filter(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["step"].as_u64().unwrap() <= done
        });
        let kept = kept.fold(String::new(), |all, line| all + line + "\n");
        fs::write(run.metrics(), kept).unwrap();
        train(&run, &mut open(&run, done), done + 1, 6);
        let wanted: Vec<(u64, f32)> = (1..=6).map(|step| (step, step as f32 / 8.0)).collect();
        assert_eq!(scalars(&run, "reward/score"), wanted, "{done}");
        let steps: Vec<u64> = scalars(&run, "val/accuracy").iter().map(|v| v.0).collect();
        assert_eq!(steps, [2, 4, 6], "{done}");
        let found = events(&run);
        assert_eq!(found.len(), files, "{done}");
        // Who watches has read further in the old file: a new one says from where on it counts.
        let (last, events) = found.last().unwrap();
        assert!(before.iter().all(|path| path < last));
        let start = if done == 0 { 0 } else { done + 1 };
        assert!(events[1].start && events[1].step == start, "{events:?}");
    }
    // Nothing to add is no file.
    let before = run.events().unwrap();
    open(&run, 6);
    assert_eq!(run.events().unwrap(), before);
}

#[test]
fn the_table_has_a_row_for_each_step() {
    let (_temp, run) = new_run();
    let mut recorders = open(&run, 0);
    let pairs = [("a,\"b\"", 1e-7)];
    record(&run, &mut recorders, 0, &[("val/accuracy", 0.5)], None, &[]);
    for step in 1..=3 {
        let more = [("reward/score", 0.25), pairs[0]];
        record(
            &run,
            &mut recorders,
            step,
            &more[..step.min(2) as usize],
            Some(1.0),
            &[],
        );
        if step == 2 {
            record(&run, &mut recorders, 2, &[("val/accuracy", 1.0)], None, &[]);
        }
    }
    let wanted = "step,\"a,\"\"b\"\"\",reward/score,val/accuracy\n\
                  0,,,0.5\n1,,0.25,\n2,1e-7,0.25,1.0\n3,1e-7,0.25,\n";
    assert_eq!(fs::read_to_string(run.table()).unwrap(), wanted);
    // It follows from the metrics alone.
    fs::write(run.table(), "x").unwrap();
    open(&run, 3);
    assert_eq!(fs::read_to_string(run.table()).unwrap(), wanted);
}

#[test]
fn unknown_loggers_are_named() {
    let error = recorder::check_names(&["console".into(), "wandb".into()]).unwrap_err();
    let error = error.to_string();
    for word in [
        "trainer.logger",
        "\"wandb\"",
        "\"tensorboard\"",
        "\"csv\"",
        "later",
    ] {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn events_behind_a_link_are_not_touched() {
    let (temp, run) = new_run();
    train(&run, &mut open(&run, 0), 1, 5);
    let path = run.events().unwrap().remove(0);
    let victim = temp.path().join("victim");
    fs::rename(&path, &victim).unwrap();
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    let before = fs::read(&victim).unwrap();
    let error = RunFolder::open_for_resume(run.path()).unwrap_err();
    assert!(error.to_string().contains("this is a link to"), "{error}");
    assert_eq!(fs::read(&victim).unwrap(), before);
}
