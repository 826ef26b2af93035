//! Training on nothing is refused: references that no reward can use, and steps without a score.

use crate::support::{Outcome, Project, assert_same, guest, run_files};
use serde_json::{Value, json};
use std::fs;

/// A project with `math.toml`: two steps with the reward `math` on 24 rows.
fn project() -> Project {
    let project = Project::new();
    let config = format!(
        "[data]\ntrain_files = \"data/train.jsonl\"\nval_files = \"data/val.jsonl\"\n\
         max_prompt_length = 24\nmax_response_length = 8\ntrain_batch_size = 4\n\
         [trainer]\nmax_steps = 2\n[rollout]\nn = 2\n[actor.model]\nmodel_path = \"model\"\n\
         [actor.optim]\nlr = 1e-3\n[reward.math]\nplugin = \"{}\"\n",
        guest("math")
    );
    project.write("math.toml", &config);
    project
}

/// Changes the rows of a file that `which` (from 1) asks for.
fn edit(project: &Project, file: &str, which: impl Fn(usize) -> bool, change: fn(&mut Value)) {
    let text = project.read(file);
    let rows: Vec<String> = (1..)
        .zip(text.lines())
        .map(|(number, line)| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            if which(number) {
                change(&mut row);
            }
            row.to_string() + "\n"
        })
        .collect();
    project.write(file, &rows.concat());
}

fn without_answer(row: &mut Value) {
    row.as_object_mut().unwrap().remove("answer");
}

#[track_caller]
fn noted(outcome: &Outcome, names: &[&str]) {
    let note = outcome.stderr.lines().find(|line| {
        let line = line.strip_prefix("note: ");
        line.is_some_and(|line| names.iter().all(|name| line.contains(name)))
    });
    assert!(note.is_some(), "{names:?}: {}", outcome.stderr);
}

#[test]
fn an_answer_that_no_row_has() {
    let project = project();
    edit(
        &project,
        "data/train.jsonl",
        |_| true,
        |row| {
            without_answer(row);
            row["reward_model"] = json!({"style": "rule", "ground_truth": 7});
        },
    );
    let names = [
        "data/train.jsonl:1:",
        "24 rows",
        "reward.math",
        "data.answer_key",
        "images",
        "reward_model.ground_truth",
    ];
    project.refused(&["train", "math.toml"], &names);
    let eval = |more: &[&str]| {
        let math = guest("math");
        let mut arguments = vec!["eval", "--model", "model", "--data", "data/train.jsonl"];
        arguments.extend(["--reward", &math, "data.max_response_length=4"]);
        arguments.extend(more);
        project.run(&arguments)
    };
    let outcome = eval(&[]);
    assert_eq!(outcome.code, Some(2));
    assert!(
        names.iter().all(|name| outcome.stderr.contains(name)),
        "{outcome:?}"
    );
    // A key that is set and that no row has, with the nearest way out; and the right one, into the object.
    let typo = [
        "train",
        "math.toml",
        "data.answer_key=reward_model.groundtruth",
    ];
    project.refused(
        &typo,
        &[
            "reward_model.groundtruth",
            "data/train.jsonl",
            "reward_model.ground_truth",
        ],
    );
    let right = "data.answer_key=reward_model.ground_truth";
    assert_eq!(eval(&[right]).code, Some(0));
    project.ok(&["train", "math.toml", right, "data.val_files=[]"]);
    let row = &project.rollouts("runs/math", 1)[0];
    assert_eq!(row["answer"], 7);
    assert_eq!(row["columns"]["reward_model"]["style"], "rule");
    // The held-out rows lack it.
    project.refused(
        &["train", "math.toml", right, "trainer.experiment_name=other"],
        &["data/val.jsonl", "reward_model.ground_truth"],
    );
}

#[test]
fn a_column_is_found_before_an_entry_of_an_object() {
    let project = project();
    edit(
        &project,
        "data/train.jsonl",
        |_| true,
        |row| {
            row["a.b"] = row["answer"].clone();
            row["a"] = json!({"b": "no number"});
        },
    );
    let run = [
        "train",
        "math.toml",
        "data.answer_key=a.b",
        "data.val_files=[]",
    ];
    project.ok(&run);
    let row = &project.rollouts("runs/math", 1)[0];
    assert!(row["answer"].is_number(), "{row}");
    assert!(row["columns"].get("a.b").is_none() && row["columns"]["a"]["b"] == "no number");
}

#[test]
fn more_than_a_tenth_without_an_answer() {
    let project = project();
    // 3 of 24 are more than a tenth, 2 of 24 are not.
    edit(
        &project,
        "data/train.jsonl",
        |n| n == 5 || n == 9,
        without_answer,
    );
    let outcome = project.ok(&["train", "math.toml"]);
    noted(&outcome, &["data/train.jsonl:5", "2 of 24", "reward.math"]);
    edit(
        &project,
        "data/train.jsonl",
        |n| n == 20,
        |row| row["answer"] = Value::Null,
    );
    let other = "trainer.experiment_name=other";
    let names = ["data/train.jsonl:5:", "3 of 24", "a tenth", "reward.math"];
    project.refused(&["train", "math.toml", other], &names);
    // Whoever says what becomes of them knows of them; a run that would stop there stops now.
    let zero = "reward.math.on_failure={ invalid-reference = \"zero\" }";
    noted(
        &project.ok(&["train", "math.toml", other, zero]),
        &["3 of 24"],
    );
    edit(
        &project,
        "data/train.jsonl",
        |n| n != 20,
        |row| row["answer"] = json!(3),
    );
    let stop = ["train", "math.toml", "reward.math.on_failure=stop"];
    project.refused(&stop, &["data/train.jsonl:20:", "1 of 24", "on_failure"]);
    // All of them are never all right.
    edit(&project, "data/train.jsonl", |_| true, without_answer);
    project.refused(
        &["train", "math.toml", zero],
        &["none of the file's 24 rows"],
    );
}

#[test]
fn each_file_needs_answers() {
    let project = project();
    edit(&project, "data/val.jsonl", |_| true, without_answer);
    project.refused(
        &["train", "math.toml"],
        &["data/val.jsonl:1:", "data.answer_key"],
    );
    // A small second file without any is not lost in a large one.
    let rows = project.read("data/val.jsonl");
    let two: Vec<&str> = rows.lines().take(2).collect();
    project.write("data/few.jsonl", &two.join("\n"));
    let files = "data.train_files=[\"data/train.jsonl\", \"data/few.jsonl\"]";
    let run = ["train", "math.toml", files, "data.val_files=[]"];
    project.refused(&run, &["data/few.jsonl:1:", "2 rows"]);
}

#[test]
fn rewards_are_asked_for_their_own_rows_and_needs() {
    let project = project();
    edit(
        &project,
        "data/train.jsonl",
        |_| true,
        |row| row["kind"] = json!("sum"),
    );
    edit(
        &project,
        "data/train.jsonl",
        |n| n % 4 == 0,
        |row| {
            without_answer(row);
            row["kind"] = json!("free");
        },
    );
    project.write(
        "more.toml",
        &format!(
            "[reward.format]\nplugin = \"{}\"\nwhen = {{ kind = \"free\" }}\n\
             [reward.length]\nplugin = \"{}\"\nparams = {{ unit = \"words\" }}\n",
            guest("format"),
            guest("length")
        ),
    );
    let run = [
        "train",
        "math.toml",
        "--reward",
        "more.toml",
        "data.val_files=[]",
    ];
    // `format` and `length` need no answer; `math` has none in a quarter of its rows.
    project.refused(&run, &["6 of 24", "reward.math"]);
    let when = "reward.math.when={ kind = \"sum\" }";
    project.ok(&[&run[..], &[when]].concat());
    // A reward that only records is no reason to stop.
    let weight = ["reward.math.weight=0.0", "trainer.experiment_name=other"];
    let outcome = project.ok(&[&run[..], &weight].concat());
    noted(&outcome, &["6 of 24", "reward.math"]);
}

/// Without its picture a box in pixels can't be compared with one in thousandths: the plugin would call the
/// reference invalid, and the data is right.
#[test]
fn references_that_need_the_picture() {
    let project = project();
    for file in ["data/train.jsonl", "data/val.jsonl"] {
        edit(
            &project,
            file,
            |_| true,
            |row| row["answer"] = json!([0, 0, 10, 10]),
        );
    }
    let bbox = format!("reward.math.plugin={}", guest("bbox"));
    let params = "reward.math.params={ response_coordinates = \"thousandth\" }";
    let outcome = project.ok(&["train", "math.toml", &bbox, params]);
    assert!(
        !outcome.stderr.contains("no reference"),
        "{}",
        outcome.stderr
    );
}

/// A reward that needs no answer runs without; that there is none is told, since others may score 0 for it.
#[test]
fn rows_without_any_answer_are_told() {
    let project = project();
    for file in ["data/train.jsonl", "data/val.jsonl"] {
        edit(&project, file, |_| true, without_answer);
    }
    let format = format!("reward.math.plugin={}", guest("format"));
    let outcome = project.ok(&["train", "math.toml", &format]);
    for file in ["data/train.jsonl", "data/val.jsonl"] {
        noted(
            &outcome,
            &[file, "no row has a reference answer", "data.answer_key"],
        );
    }
}

#[test]
fn steps_without_a_score_stop_the_run() {
    let project = Project::new();
    let abstain = "reward.hostile.params.mode=\"abstain\"";
    let run = ["train", "train.toml", abstain];
    let outcome = project.run(&run);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for name in ["step 3", "trainer.max_empty_steps = 3", "16 abstain"] {
        assert!(outcome.stderr.contains(name), "{}", outcome.stderr);
    }
    // What was sampled in vain is there to look at, and so is the last state.
    assert_eq!(project.rollouts("runs/train", 3).len(), 16);
    let before = run_files(&project.path("runs/train"));
    assert!(before.contains_key("checkpoints/step-3/state.json"));
    assert!(!before.contains_key("rollouts/step-4.jsonl.zst"));
    // A validation in which nothing has a score measures nothing.
    assert!(
        project
            .metrics("runs/train")
            .iter()
            .all(|row| row.get("val/accuracy").is_none())
    );
    // Steps before a kill count too.
    fs::remove_dir_all(project.path("runs/train/checkpoints/step-3")).unwrap();
    let resumed = project.run(&[&run[..], &["--resume"]].concat());
    assert_eq!(resumed.code, Some(2), "{resumed:?}");
    assert_same(&before, &run_files(&project.path("runs/train")));

    let other = "trainer.experiment_name=other";
    let never = ["trainer.max_empty_steps=-1", other];
    project.ok(&[&run[..], &never].concat());
    let short = ["trainer.max_steps=2", "trainer.experiment_name=short"];
    let outcome = project.run(&[&run[..], &short].concat());
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("the run's 2 steps"),
        "{}",
        outcome.stderr
    );
    project.refused(
        &["train", "train.toml", "trainer.max_empty_steps=0"],
        &["trainer.max_empty_steps"],
    );
}

#[test]
fn dynamic_sampling_does_not_draw_for_ever_without_a_score() {
    let project = Project::new();
    let outcome = project.run(&[
        "train",
        "train.toml",
        "reward.hostile.params.mode=\"abstain\"",
        "algorithm.online_filtering=true",
        "trainer.max_try_make_batch=0",
    ]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for name in ["step 1", "after 3 draws", "48 abstain"] {
        assert!(outcome.stderr.contains(name), "{}", outcome.stderr);
    }
}

#[test]
fn an_evaluation_without_a_score_is_an_error() {
    let project = Project::new();
    let hostile = guest("hostile");
    let eval = [
        "eval",
        "--model",
        "model",
        "--data",
        "data/val.jsonl",
        "--reward",
        &hostile,
    ];
    let abstain = [
        "reward.hostile.params.mode=\"abstain\"",
        "data.max_response_length=4",
    ];
    let names = ["none of the 16 samples has a score", "16 abstain"];
    project.refused(&[&eval[..], &abstain].concat(), &names);
}

/// ms-swift's rows end with the answer as the assistant's message.
#[test]
fn answers_at_the_end_of_messages() {
    let project = project();
    for file in ["data/train.jsonl", "data/val.jsonl"] {
        edit(
            &project,
            file,
            |_| true,
            |row| {
                let text = row["prompt"].clone();
                let answer = row["answer"].to_string();
                without_answer(row);
                row["prompt"] = json!([
                    {"role": "user", "content": text},
                    {"role": "assistant", "content": answer},
                ]);
            },
        );
    }
    let outcome = project.ok(&["train", "math.toml"]);
    noted(
        &outcome,
        &[
            "data/train.jsonl",
            "24 of 24",
            "assistant",
            "reference answer of 24",
            "target of 24",
        ],
    );
    noted(&outcome, &["data/val.jsonl", "16 of 16"]);
    for row in project.rollouts("runs/math", 1) {
        let messages = row["messages"].as_array().unwrap();
        assert!(
            messages.len() == 1 && messages[0]["role"] == "user",
            "{row}"
        );
        assert!(
            row["answer"].as_str().unwrap().parse::<u32>().is_ok(),
            "{row}"
        );
        assert_eq!(
            row["prompt"].as_str().unwrap().matches("assistant").count(),
            1
        );
    }
    // It is what is learnt, too.
    let sft = ["sft", "math.toml", "trainer.experiment_name=sft"];
    project.ok(&sft);
    // A column that is named is what is meant, also where it is missing.
    project.refused(
        &["train", "math.toml", "data.answer_key=label"],
        &["label", "data/train.jsonl"],
    );
    let keyed = [
        "sft",
        "math.toml",
        "data.target_key=label",
        "trainer.experiment_name=other",
    ];
    project.refused(&keyed, &["data/train.jsonl:1:", "data.target_key"]);
}

#[test]
fn pictures_in_another_column_are_told() {
    let project = project();
    for file in ["data/train.jsonl", "data/val.jsonl"] {
        edit(
            &project,
            file,
            |_| true,
            |row| {
                row["picture"] = row["images"].clone();
                row.as_object_mut().unwrap().remove("images");
                row["prompt"] = json!("sum?");
            },
        );
    }
    let outcome = project.ok(&["train", "math.toml"]);
    noted(
        &outcome,
        &[
            "data/train.jsonl",
            "\"images\"",
            "set data.image_key=picture",
        ],
    );
    let wrong = ["data.image_key=pictures", "trainer.experiment_name=other"];
    let outcome = project.ok(&[&["train", "math.toml"][..], &wrong].concat());
    noted(
        &outcome,
        &[
            "data/val.jsonl",
            "\"pictures\"",
            "set data.image_key=picture",
        ],
    );
    let right = ["data.image_key=picture", "trainer.experiment_name=right"];
    let outcome = project.ok(&[&["train", "math.toml"][..], &right].concat());
    assert!(!outcome.stderr.contains("note:"), "{}", outcome.stderr);
}
