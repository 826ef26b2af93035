//! Whole runs with components.

use crate::support::{Project, assert_same, guest, run_files};
use serde_json::Value;
use std::collections::BTreeMap;

/// Files of a run that don't name the component.
fn learned(project: &Project, run: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = run_files(&project.path(run));
    files.retain(|name, _| name.starts_with("checkpoints/") && name.ends_with(".safetensors"));
    assert!(files.len() >= 4, "{:?}", files.keys());
    files
}

fn train(project: &Project, run: &str, settings: &[&str]) {
    let name = format!("trainer.experiment_name={run}");
    let mut arguments = vec!["train", "train.toml", &name];
    arguments.extend(settings);
    project.ok(&arguments);
}

#[test]
fn a_run_with_the_component_is_the_run_with_the_built_in_loss() {
    let project = Project::new();
    let gspo = guest("gspo");
    let mode = format!("actor.policy_loss.loss_mode={gspo}");
    let estimator = format!("algorithm.adv_estimator={gspo}");
    let clip = "actor.clip_ratio_high=0.3";
    train(
        &project,
        "native",
        &["actor.policy_loss.loss_mode=gspo", clip],
    );
    train(&project, "component", &[&mode, &estimator, clip]);
    assert_same(
        &learned(&project, "runs/native"),
        &learned(&project, "runs/component"),
    );
    // The guest adds up in another order, which shows in the last digit of a sum.
    same_metrics(&project, ["native", "component"], 1e-12);
    for step in 1..=6 {
        let rollouts = |run| project.records(&format!("runs/{run}/rollouts/step-{step}.jsonl.zst"));
        assert_eq!(rollouts("native"), rollouts("component"));
    }

    // Two updates a step: ratios that are not 1, and an `exp` of the guest's own.
    let updates = "actor.ppo_mini_batch_size=2";
    train(
        &project,
        "native-2",
        &["actor.policy_loss.loss_mode=gspo", updates, clip],
    );
    train(&project, "component-2", &[&mode, &estimator, updates, clip]);
    let rows = project.metrics("runs/native-2");
    assert!(rows.iter().any(|row| {
        row["actor/ppo_kl"]
            .as_f64()
            .is_some_and(|kl| kl.abs() > 1e-6)
    }));
    same_metrics(&project, ["native-2", "component-2"], 1e-6);
}

/// Fails where two runs' metrics differ by more than `most`, as a part of the number or of 1.
fn same_metrics(project: &Project, runs: [&str; 2], most: f64) {
    let [wanted, found] = runs.map(|run| project.metrics(&format!("runs/{run}")));
    assert_eq!(wanted.len(), found.len());
    for (wanted, found) in wanted.iter().zip(found) {
        for (name, value) in wanted.as_object().unwrap() {
            let (wanted, found) = (value.as_f64().unwrap(), found[name].as_f64().unwrap());
            let distance = (wanted - found).abs();
            assert!(
                distance <= most * wanted.abs().max(1.0),
                "{name}: {found} {wanted}"
            );
        }
    }
}

/// The guest fails unless it sees all tokens that the totals count.
#[test]
fn a_loss_that_ranks_tokens_sees_the_whole_mini_batch() {
    let project = Project::new();
    let mode = format!("actor.policy_loss.loss_mode={}", guest("likelihood"));
    let two = ["actor.ppo_mini_batch_size=2", "actor.ppo_epochs=2", &mode];
    let small = "actor.micro_batch_tokens=32";
    train(&project, "whole", &two);
    train(&project, "cut", &[&two[..], &[small]].concat());
    let pairs = project.metrics("runs/whole").into_iter();
    let mut losses = 0;
    for (whole, cut) in pairs.zip(project.metrics("runs/cut")) {
        for name in ["actor/pg_loss", "actor/grad_norm"] {
            let (Some(a), Some(b)) = (whole[name].as_f64(), cut[name].as_f64()) else {
                continue;
            };
            assert!(a > 0.0 && (a - b).abs() <= 1e-3 * a, "{name} {a} {b}");
            losses += 1;
        }
    }
    assert_eq!(losses, 12);
}

#[test]
fn a_run_keeps_its_algorithm_and_is_replayed_and_resumed_with_it() {
    let project = Project::new();
    std::fs::copy(guest("gspo"), project.path("mine.wasm")).unwrap();
    let settings = [
        "actor.policy_loss.loss_mode=mine.wasm",
        "trainer.max_steps=4",
    ];
    let arguments = [&["train", "train.toml"][..], &settings].concat();
    let said = project.ok(&arguments).stderr;
    let digest = rlhost_host::Digest::of(&std::fs::read(project.path("mine.wasm")).unwrap());
    let notice = format!("actor.policy_loss.loss_mode is the component gspo 0.1.0 ({digest})");
    assert!(said.contains(&notice), "{said}");
    let kept = project.path(&format!("runs/train/plugins/{}.wasm", digest.hex()));
    assert!(kept.is_file());
    let report = project.ok(&["replay", "runs/train", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["changed"], 0, "{report}");
    assert_eq!(report["unreadable"], 0, "{report}");

    // Another component of the same name would be another run.
    std::fs::copy(guest("hostile-algorithm"), project.path("mine.wasm")).unwrap();
    let again = [&arguments[..], &["--resume"]].concat();
    let refused = project.run(&again);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("mine.wasm"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("another version"),
        "{}",
        refused.stderr
    );
    std::fs::copy(guest("gspo"), project.path("mine.wasm")).unwrap();
    project.ok(&again);
}

#[test]
fn a_run_is_refused_before_its_first_rollout() {
    let project = Project::new();
    let train = |setting: &str, names: &[&str]| {
        project.refused(&["train", "train.toml", setting], names);
    };
    let loss = "actor.policy_loss.loss_mode";
    train(&format!("{loss}=./nowhere.wasm"), &[loss, "nowhere.wasm"]);
    train(
        "algorithm.adv_estimator=nowhere.wasm",
        &["algorithm.adv_estimator", "no plugin `nowhere`"],
    );
    train(
        &format!("{loss}={}", guest("math")),
        &[loss, "math.wasm", "another world"],
    );
    train(
        "actor.policy_loss.params.x=1",
        &["actor.policy_loss.params", "vanilla"],
    );
    // What JSON has no number for would reach the component as something else.
    let settings = [
        "train",
        "train.toml",
        &format!("{loss}={}", guest("gspo")),
        "actor.policy_loss.params.clip_ratio_low=nan",
    ];
    project.refused(
        &settings,
        &["actor.policy_loss.params.clip_ratio_low", "finite"],
    );
    train("algorithm.params.x=1", &["algorithm.params", "grpo"]);
}

#[test]
fn a_run_ends_with_the_algorithms_error_and_tells_its_log() {
    let project = Project::new();
    let loss = format!("actor.policy_loss.loss_mode={}", guest("hostile-algorithm"));
    let mode = |mode: &str| format!("actor.policy_loss.params.mode=\"{mode}\"");
    let failed = project.run(&[
        "train",
        "train.toml",
        &loss,
        &mode("nan"),
        "trainer.max_steps=1",
    ]);
    assert_eq!(failed.code, Some(2));
    for part in [
        "actor.policy_loss.loss_mode",
        "hostile-algorithm.wasm",
        "NaN",
    ] {
        assert!(failed.stderr.contains(part), "{}", failed.stderr);
    }
    let name = "trainer.experiment_name=logged";
    let logged = project.ok(&[
        "train",
        "train.toml",
        name,
        &loss,
        &mode("log"),
        "trainer.max_steps=1",
    ]);
    let line = "hostile-algorithm, warn: the ratios look odd";
    assert_eq!(logged.stderr.matches(line).count(), 1, "{}", logged.stderr);
}
