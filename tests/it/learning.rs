//! The demo in a shortened form: a model learns from a sandboxed reward.

use crate::support::{Project, guest, json_lines, repository};
use serde_json::{Value, json};
use xtask::quickstart::Sizes;

/// As many training pairs as the steps draw, and enough held-out ones that chance moves accuracy by
/// 0.017 at the most (a standard deviation).
const SIZES: Sizes = Sizes {
    train: 3000,
    sft: 3000,
    val: 900,
};

fn accuracies(metrics: &[Value]) -> Vec<f64> {
    metrics
        .iter()
        .filter_map(|row| row["val/accuracy"].as_f64())
        .collect()
}

/// Whether a response's answer is the sum, worked out here. Plain digits only: a response with
/// anything else in its answer is for the plugin to judge.
fn is_right(response: &str, sum: u64) -> bool {
    let answer = response.rsplit_once("<answer>").map(|(_, rest)| rest);
    let answer = answer.and_then(|rest| rest.split_once("</answer>"));
    answer.is_some_and(|(answer, _)| answer == sum.to_string())
}

#[test]
fn held_out_accuracy_rises() {
    let project = Project::empty();
    project.add_digits("data/quickstart", SIZES);
    let configs = repository().join("configs");
    let config = |name: &str| configs.join(name).to_str().unwrap().to_owned();
    let math = guest("math");
    project.ok(&[
        "init",
        &config("quickstart-model"),
        "--output",
        "runs/quickstart-base",
    ]);
    let plugin = format!("reward.math.plugin={math}");
    project.ok(&["sft", &config("quickstart-sft.toml"), &plugin]);
    let cold = accuracies(&project.metrics("runs/quickstart-sft"));
    project.ok(&[
        "train",
        &config("quickstart.toml"),
        &plugin,
        "trainer.max_steps=140",
        "trainer.val_freq=-1",
    ]);
    let metrics = project.metrics("runs/quickstart");
    let [before, after] = accuracies(&metrics)[..] else {
        panic!("validated before and after: {:?}", accuracies(&metrics));
    };
    eprintln!("after the cold start {cold:?}; before {before}, after {after}");
    assert!(
        before <= 0.6,
        "the cold start left nothing to learn: {before}"
    );
    assert!(after >= before + 0.1, "from {before} to {after}");
}
