//! `rlhost rollouts show`.

use crate::support::Project;
use serde_json::Value;

/// The scores of the samples that are shown, in order; `None` where there is another outcome.
fn shown(project: &Project, more: &[&str]) -> Vec<(u64, u64, u64, Option<f64>)> {
    let mut arguments = vec!["rollouts", "show", "runs/train"];
    arguments.extend(more);
    let text = project.ok(&arguments).stdout;
    text.lines()
        .filter_map(|line| line.strip_prefix("── "))
        .map(|line| {
            let field = |name: &str| {
                let fields = line.split(" · ").find_map(|field| field.strip_prefix(name));
                fields.and_then(|value| value.trim().parse::<f64>().ok())
            };
            let whole = |name| field(name).unwrap() as u64;
            (
                whole("step "),
                whole("draw "),
                whole("sample "),
                field("score "),
            )
        })
        .collect()
}

fn recorded(rows: &[Value]) -> Vec<(u64, u64, u64, Option<f64>)> {
    rows.iter()
        .map(|row| {
            let whole = |name: &str| row[name].as_u64().unwrap();
            (
                whole("step"),
                whole("draw"),
                whole("sample"),
                row["score"].as_f64(),
            )
        })
        .collect()
}

#[test]
fn samples_are_chosen_and_ordered() {
    let project = Project::new();
    project.ok(&[
        "train",
        "train.toml",
        "trainer.max_steps=2",
        "reward.hostile.params.mode=[\"score\", \"steps\", \"abstain\"]",
    ]);
    let first = recorded(&project.rollouts("runs/train", 1));
    let last = recorded(&project.rollouts("runs/train", 2));
    assert_eq!(first.len(), 16);

    assert_eq!(shown(&project, &[]), last[..8]);
    assert_eq!(shown(&project, &["-n", "100"]), last);
    assert_eq!(shown(&project, &["--step", "1", "-n", "3"]), first[..3]);
    assert_eq!(shown(&project, &["-n", "0"]), []);

    let score = |row: &(u64, u64, u64, Option<f64>)| row.3.unwrap_or(f64::NEG_INFINITY);
    let mut sorted = first.clone();
    sorted.sort_by(|a, b| score(a).total_cmp(&score(b)));
    let scores: Vec<_> = sorted.iter().map(|row| row.3).collect();
    assert!(scores.contains(&None) && scores.contains(&Some(1.0)) && scores.contains(&Some(0.75)));
    assert_eq!(
        shown(&project, &["--step", "1", "--worst", "-n", "16"]),
        sorted
    );
    sorted.sort_by(|a, b| score(b).total_cmp(&score(a)));
    assert_eq!(
        shown(&project, &["--step", "1", "--best", "-n", "5"]),
        sorted[..5]
    );
}

#[test]
fn a_sample_can_be_read() {
    let project = Project::new();
    project.ok(&["train", "train.toml", "trainer.max_steps=1"]);
    let rows = project.rollouts("runs/train", 1);
    let text = project
        .ok(&["rollouts", "show", "runs/train", "-n", "1"])
        .stdout;
    let reward = &rows[0]["rewards"][0];
    for expected in [
        "<|vision_start|><|image_pad|><|vision_end|>sum?".to_owned(),
        rows[0]["images"][0].as_str().unwrap().to_owned(),
        format!(
            "{} tokens, {}",
            rows[0]["tokens"],
            rows[0]["finish_reason"].as_str().unwrap()
        ),
        "reward    hostile score, ".to_owned(),
        format!("{} fuel", reward["fuel"]),
    ] {
        assert!(text.contains(&expected), "{expected:?} is not in {text}");
    }
}
