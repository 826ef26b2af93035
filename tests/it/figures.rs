//! What a run says of itself: dynamic sampling, held-out metrics, warnings, and figures that follow from its rows.

use crate::support::{Outcome, Project, groups, guest, json_lines, number};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The accuracy of a reward that looks for the answer in the response, which a random policy sometimes finds.
const LOOKS: &str = "reward.hostile.params.when=no such text";
/// A second reward that gives 1 whatever is said, and has no part of that name.
const ALWAYS: [&str; 2] = [
    "reward.always.params.mode=counter",
    "reward.always.weight=0.2",
];

/// A project whose answers a random policy often finds.
fn project() -> Project {
    answering("s")
}

fn answering(answer: &str) -> Project {
    let project = Project::new();
    project.answer_with(answer);
    project
}

/// Trains with both rewards, and more overrides.
fn train(project: &Project, more: &[&str]) -> Outcome {
    let always = format!("reward.always.plugin={}", guest("hostile"));
    let base = [
        "train",
        "train.toml",
        LOOKS,
        &always,
        "algorithm.use_kl_loss=false",
    ];
    project.run(&[&base[..], &ALWAYS, more].concat())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// The metrics of step `step`, not of the validation after it.
fn of_step(project: &Project, run: &str, step: u64) -> Value {
    let lines = project.metrics(run).into_iter();
    let mut lines =
        lines.filter(|line| line["step"] == step && line.get("reward/samples").is_some());
    lines.next().unwrap()
}

#[test]
fn groups_with_equal_scores_are_never_kept() {
    // Many groups never find it.
    let project = answering("sum");
    let dynamic = [
        "algorithm.online_filtering=true",
        "trainer.max_try_make_batch=0",
        "trainer.max_steps=5",
    ];
    let outcome = train(&project, &dynamic);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    // What is filtered, and by what.
    assert!(
        outcome.stderr.contains("equal scores"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("`accuracy`"), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("between 0.01 and 0.99"),
        "{}",
        outcome.stderr
    );
    let (mut kept, mut equal_but_inside) = (0, 0);
    for step in 1..=5 {
        for group in groups(&project.rollouts("runs/train", step)) {
            let scores: BTreeSet<String> =
                group.iter().map(|row| row["score"].to_string()).collect();
            let mean =
                group.iter().map(|row| number(&row["score"])).sum::<f64>() / group.len() as f64;
            equal_but_inside += usize::from(scores.len() == 1 && 0.01 < mean && mean < 0.99);
            if group.iter().any(|row| row["advantage"].is_number()) {
                kept += 1;
                let accuracies = group
                    .iter()
                    .map(|row| number(&row["parts"]["hostile/accuracy"]));
                let accuracy = accuracies.sum::<f64>() / group.len() as f64;
                assert!(
                    scores.len() > 1 && 0.01 < accuracy && accuracy < 0.99,
                    "{group:?}"
                );
            }
        }
    }
    assert_eq!(kept, 20);
    assert!(
        equal_but_inside > 0,
        "a mean of weighted sums would have done"
    );

    // One completion is always equal to itself.
    let names = ["algorithm.online_filtering", "rollout.n"];
    project.refused(
        &[
            "train",
            "train.toml",
            "algorithm.online_filtering=true",
            "rollout.n=1",
        ],
        &names,
    );
}

#[test]
fn bounds_of_the_score_are_shares_of_what_the_rewards_can_sum_to() {
    let project = project();
    // The score is 0.2 to 1.2; shares of it are 0.17 to 1.
    let dynamic = [
        "algorithm.online_filtering=true",
        "algorithm.filter_key=overall",
        "algorithm.filter_low=0.6",
        "algorithm.filter_high=0.9",
        "trainer.max_try_make_batch=0",
        "data.train_batch_size=2",
        "trainer.max_steps=2",
    ];
    let outcome = train(&project, &dynamic);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stderr.contains("(0 to 1.2 for all of them)"),
        "{}",
        outcome.stderr
    );
    for step in 1..=2 {
        for group in groups(&project.rollouts("runs/train", step)) {
            let mean = group.iter().map(|row| number(&row["score"])).sum::<f64>() / 4.0 / 1.2;
            let trained = group.iter().any(|row| row["advantage"].is_number());
            assert!(!trained || 0.6 < mean && mean < 0.9, "{mean}");
        }
    }
}

#[test]
fn a_score_is_not_called_an_accuracy() {
    let project = project();
    let summary =
        || -> Value { serde_json::from_str(&project.read("runs/train/summary.json")).unwrap() };
    let again = || std::fs::remove_dir_all(project.path("runs")).unwrap();
    let last = || project.metrics("runs/train").pop().unwrap();

    // A reward of weight 0 does not count, though it comes first by its name.
    let zero = ["reward.always.params.mode=score", "reward.always.weight=0"];
    let outcome = train(&project, &zero);
    let found = last();
    assert_eq!(found["val/accuracy"], found["val/hostile/accuracy"]);
    assert_ne!(found["val/accuracy"], found["val/always/accuracy"]);
    assert_eq!(summary()["val_metric"], "accuracy");
    assert_eq!(summary()["val_after"], found["val/accuracy"]);
    let said = format!("held-out accuracy {:.3}", number(&found["val/accuracy"]));
    assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("Held out    accuracy "),
        "{}",
        outcome.stdout
    );
    again();

    // Two rewards that count: the first that reports an accuracy does.
    train(&project, &[]);
    let found = last();
    assert_eq!(found["val/accuracy"], found["val/hostile/accuracy"]);
    assert_ne!(found["val/accuracy"], found["val/score"]);
    again();

    // None reports one: the mean is a score.
    let outcome = train(
        &project,
        &[
            "reward.hostile.params.mode=steps",
            "reward.hostile.params.when=",
        ],
    );
    let found = last();
    assert_eq!(found.get("val/accuracy"), None, "{found}");
    assert_eq!(summary()["val_metric"], "score");
    assert_eq!(summary()["val_after"], found["val/score"]);
    assert!(
        outcome.stderr.contains("held-out score 1.200"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stdout.contains("Held out    score 1.200 at first"),
        "{}",
        outcome.stdout
    );
    again();

    // Another metric may stand for the run; one that is none is refused with those that are there.
    let outcome = train(&project, &["trainer.val_metric=response_length"]);
    assert!(
        outcome.stderr.contains("held-out response_length "),
        "{}",
        outcome.stderr
    );
    assert_eq!(summary()["val_after"], last()["val/response_length"]);
    again();
    let outcome = train(&project, &["trainer.val_metric=acuracy"]);
    assert_eq!(outcome.code, Some(2));
    for name in ["trainer.val_metric", "val/acuracy", "hostile/accuracy"] {
        assert!(outcome.stderr.contains(name), "{}", outcome.stderr);
    }
}

#[test]
fn fine_tuning_says_only_what_it_measured() {
    let project = Project::new();
    let sft = |more: &[&str]| {
        let outcome = project.ok(&[&["sft", "sft.toml", LOOKS][..], more].concat());
        let steps: Vec<Value> = project
            .metrics("runs/sft")
            .into_iter()
            .filter(|line| line.get("val/samples").is_some())
            .map(|line| line["step"].clone())
            .collect();
        let summary: Value = serde_json::from_str(&project.read("runs/sft/summary.json")).unwrap();
        std::fs::remove_dir_all(project.path("runs")).unwrap();
        (outcome.stdout, steps, summary)
    };
    let (said, steps, summary) = sft(&[]);
    assert!(said.contains(" at first, "), "{said}");
    assert_eq!(steps, [0, 3, 6]);
    assert!(summary["val_before"].is_number(), "{summary}");
    let (said, steps, summary) = sft(&["trainer.val_before_train=false"]);
    assert!(
        said.contains(" at the end") && !said.contains("at first"),
        "{said}"
    );
    assert_eq!(steps, [3, 6]);
    assert_eq!(summary["val_before"], Value::Null);
}

#[test]
fn runs_that_learn_nothing_are_warned_of_once_and_by_name() {
    let project = project();
    // A reward of weight 0 that fails on all samples.
    let failing = [
        "reward.always.params.mode=internal",
        "reward.always.weight=0",
    ];
    let outcome = train(&project, &failing);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let told = |text: &str, name: &str| text.matches(name).count();
    assert_eq!(
        told(&outcome.stderr, "failing reward: reward.always"),
        1,
        "{}",
        outcome.stderr
    );
    assert_eq!(
        told(&outcome.stderr, "failing reward: reward.hostile"),
        0,
        "{}",
        outcome.stderr
    );
    let metrics = of_step(&project, "runs/train", 2);
    assert_eq!(metrics["reward/always/outcome/internal"], 16.0);
    assert_eq!(metrics["reward/hostile/outcome/score"], 16.0);
    assert_eq!(metrics["val/always/outcome/internal"], Value::Null);
    std::fs::remove_dir_all(project.path("runs")).unwrap();

    // Nothing to compare.
    let equal = [
        "reward.hostile.params.mode=steps",
        "reward.hostile.params.when=",
    ];
    let outcome = train(&project, &equal);
    assert_eq!(
        told(&outcome.stderr, "equal groups: "),
        1,
        "{}",
        outcome.stderr
    );
    std::fs::remove_dir_all(project.path("runs")).unwrap();

    // Nothing to compare with.
    let outcome = train(&project, &["rollout.n=1"]);
    assert_eq!(
        told(&outcome.stderr, "single completions: "),
        1,
        "{}",
        outcome.stderr
    );
    std::fs::remove_dir_all(project.path("runs")).unwrap();

    // A policy that always says the same.
    let outcome = train(&project, &["rollout.temperature=0.01"]);
    assert_eq!(
        told(&outcome.stderr, "low entropy: "),
        1,
        "{}",
        outcome.stderr
    );
    std::fs::remove_dir_all(project.path("runs")).unwrap();

    // And a run that is as it should be is warned of nothing.
    let outcome = train(&project, &[]);
    for name in [
        "failing reward",
        "equal groups",
        "single completions",
        "low entropy",
        "one answer",
    ] {
        assert_eq!(told(&outcome.stderr, name), 0, "{name}: {}", outcome.stderr);
    }
}

/// Gives rows a source and a kind.
fn with_columns(project: &Project) {
    for file in ["data/train.jsonl", "data/val.jsonl"] {
        let text = project.read(file);
        let rows = json_lines(&text)
            .into_iter()
            .enumerate()
            .map(|(at, mut row)| {
                row["data_source"] = json!(["lab/a", "lab/b", ""][at % 3]);
                row["problem_type"] = json!("sum\u{202e}\n of   two");
                row.to_string()
            });
        let rows: Vec<String> = rows.collect();
        project.write(file, &(rows.join("\n") + "\n"));
    }
}

#[test]
fn metrics_follow_from_the_rows() {
    let project = project();
    with_columns(&project);
    let outcome = train(&project, &["trainer.max_steps=2", "trainer.val_freq=1"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let metrics = of_step(&project, "runs/train", 2);
    let rows = project.rollouts("runs/train", 2);
    let all = |of: &dyn Fn(&Value) -> f64| rows.iter().map(of).collect::<Vec<f64>>();
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let std = |x: &[f64]| {
        let squares: f64 = x.iter().map(|v| (v - mean(x)).powi(2)).sum();
        (squares / (x.len() as f64 - 1.0)).sqrt()
    };
    let min = |x: &[f64]| x.iter().copied().fold(f64::INFINITY, f64::min);
    let max = |x: &[f64]| x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let is = |name: &str, expected: f64| {
        let found = number(&metrics[name]);
        assert!(close(found, expected), "{name} is {found}, not {expected}");
    };
    let scores = all(&|row| number(&row["score"]));
    is("reward/score", mean(&scores));
    is("reward/std", std(&scores));
    is("reward/min", min(&scores));
    is("reward/max", max(&scores));
    let totals = all(&|row| number(&row["rewards"][1]["total"]));
    assert_eq!(rows[0]["rewards"][1]["name"], "hostile");
    is("rewards/hostile/mean", mean(&totals));
    is("rewards/hostile/std", std(&totals));
    is("rewards/hostile/weighted", mean(&totals));
    is("rewards/always/weighted", 0.2);
    let equal = groups(&rows)
        .into_iter()
        .filter(|group| group.iter().all(|row| row["score"] == group[0]["score"]));
    is("sampling/equal_groups", equal.count() as f64 / 4.0);
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for row in &rows {
        // A random policy of eight tokens closes no tag.
        let text = row["response"].as_str().unwrap();
        assert!(!text.contains("</answer>"), "{text}");
        let line = text
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("");
        let words: Vec<&str> = line.split_whitespace().collect();
        *answers.entry(words.join(" ")).or_default() += 1;
    }
    is(
        "response/commonest_answer",
        *answers.values().max().unwrap() as f64 / 16.0,
    );
    // Every token of a sample has the advantage of its row.
    let by_token: Vec<f64> = rows
        .iter()
        .flat_map(|row| {
            let tokens = row["tokens"].as_u64().unwrap();
            (0..tokens).map(|_| number(&row["advantage"]))
        })
        .collect();
    assert!((number(&metrics["advantage/mean"]) - mean(&by_token)).abs() < 1e-6);
    assert!((number(&metrics["advantage/std"]) - std(&by_token)).abs() < 1e-6);
    // Two steps of four of 24 prompts.
    is("progress/epoch", 8.0 / 24.0);
    for source in ["lab/a", "lab/b"] {
        let of_source = rows.iter().filter(|row| row["data_source"] == source);
        let scores: Vec<f64> = of_source.clone().map(|row| number(&row["score"])).collect();
        let name = |what: &str| format!("reward/data_source/{source}/{what}");
        if scores.is_empty() {
            assert_eq!(metrics.get(name("score")), None);
            continue;
        }
        is(&name("score"), mean(&scores));
        let accuracies = of_source.map(|row| number(&row["parts"]["hostile/accuracy"]));
        is(&name("accuracy"), mean(&accuracies.collect::<Vec<_>>()));
    }
    is("reward/problem_type/sum_ of two/score", mean(&scores));
    let last = project.metrics("runs/train").pop().unwrap();
    assert!(last["val/data_source/lab/a/accuracy"].is_number(), "{last}");
    // Names begin with `critic/` where there is a critic.
    assert!(
        metrics
            .as_object()
            .unwrap()
            .keys()
            .all(|name| !name.starts_with("critic/"))
    );
    let timings = json_lines(&project.read("runs/train/timings.jsonl"));
    assert!(number(&timings[0]["perf/tokens_per_s"]) > 0.0);
    // A replay computes all of it again.
    let replayed = project.ok(&["replay", "runs/train", "--strict"]);
    assert!(
        replayed.stdout.contains(" 0 changed"),
        "{}",
        replayed.stdout
    );
}
