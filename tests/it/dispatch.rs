//! Rewards for samples of some kind only.

use crate::support::{Project, guest};
use serde_json::{Value, json};
use std::fs;

/// A project whose rows say by turns that they are even and odd.
fn project() -> Project {
    let project = Project::new();
    for file in ["data/train.jsonl", "data/val.jsonl"] {
        let text = fs::read_to_string(project.path(file)).unwrap();
        let rows: Vec<String> = text
            .lines()
            .zip(["even", "odd"].into_iter().cycle())
            .map(|(line, kind)| {
                let mut row: Value = serde_json::from_str(line).unwrap();
                row["kind"] = json!({"parity": kind});
                row.to_string() + "\n"
            })
            .collect();
        fs::write(project.path(file), rows.concat()).unwrap();
    }
    project
}

#[test]
fn each_sample_gets_the_rewards_that_its_columns_ask_for() {
    let project = project();
    let odd = format!("reward.odd.plugin={}", guest("hostile"));
    project.ok(&[
        "train",
        "train.toml",
        "trainer.max_steps=3",
        "reward.hostile.when={\"kind.parity\" = [\"even\", \"neither\"]}",
        &odd,
        "reward.odd.when={\"kind.parity\" = \"odd\"}",
        "reward.odd.params.mode=score",
        "reward.odd.weight=2.0",
    ]);
    let (mut seen, mut scored) = ([0, 0], 0);
    for step in 1..=3 {
        for row in project.rollouts("runs/train", step) {
            let is_odd = row["index"].as_u64().unwrap() % 2 == 1;
            seen[usize::from(is_odd)] += 1;
            let rewards = row["rewards"].as_array().unwrap();
            assert_eq!(rewards.len(), 1, "{row}");
            let name = if is_odd { "odd" } else { "hostile" };
            assert_eq!(rewards[0]["name"], name);
            let weight = if is_odd { 2.0 } else { 1.0 };
            // A step that ends within a letter of a random response is no score.
            let total = rewards[0]["total"].as_f64();
            scored += usize::from(total.is_some());
            assert_eq!(row["score"].as_f64(), total.map(|t| weight * t), "{row}");
        }
    }
    assert!(
        seen.iter().all(|count| *count > 0) && scored > 10,
        "{seen:?} {scored}"
    );
    let replayed = project.ok(&["replay", "runs/train"]).stdout;
    assert!(replayed.contains("identical"), "{replayed}");
}

#[test]
fn a_reward_that_judges_no_row_is_an_error_at_the_start() {
    let project = project();
    let odd = format!("reward.odd.plugin={}", guest("hostile"));
    let typo = "reward.odd.when={\"kind.partiy\" = \"odd\"}";
    let outcome = project.run(&["train", "train.toml", &odd, typo]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("reward.odd.when") && outcome.stderr.contains("kind.partiy"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_row_that_no_reward_applies_to_is_an_error_at_the_start() {
    let project = project();
    for (overrides, file) in [
        (
            vec!["reward.hostile.when={\"kind.parity\" = \"even\"}"],
            "train.jsonl:2",
        ),
        // A reward that only records does not count.
        (
            vec![
                "reward.hostile.when={\"kind.parity\" = \"odd\"}",
                "reward.none.plugin=PLUGIN",
                "reward.none.weight=0.0",
            ],
            "train.jsonl:1",
        ),
    ] {
        let plugin = guest("hostile");
        let overrides: Vec<String> = overrides
            .iter()
            .map(|text| text.replace("PLUGIN", &plugin))
            .collect();
        let mut arguments = vec!["train", "train.toml"];
        arguments.extend(overrides.iter().map(String::as_str));
        let outcome = project.run(&arguments);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(file), "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("no reward applies to this row")
                && outcome.stderr.contains("kind.parity"),
            "{}",
            outcome.stderr
        );
        assert!(
            !project
                .path("runs/train/rollouts/step-1.jsonl.zst")
                .exists()
        );
    }
}
