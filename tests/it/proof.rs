//! What `rlhost replay` proves of a run: each value that a run records is recomputed, or bound by its digests.

use crate::forger::{edit_metrics, edit_rows, make_digests_anew, make_digests_of};
use crate::support::{Project, guest, json_lines};
use rlhost_host::{Digest, Host};
use rlhost_trainer::pipeline::replay::{ReplayOptions, ReplayReport, replay};
use rlhost_trainer::run::{ChainEntry, Proof, RolloutRow, RunFolder, RunSummary, metric_proof};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const RUN: &str = "runs/train";
const STEP: &str = "runs/train/rollouts/step-1.jsonl.zst";
const VALIDATION: &str = "runs/train/rollouts/validation-2.jsonl.zst";

/// A run of two steps whose responses end in scores alone, so that advantages follow from them.
fn trained(more: &[&str]) -> Project {
    let project = Project::new();
    let math = format!("reward.math.plugin={}", guest("math"));
    let mut arguments = vec![
        "train",
        "train.toml",
        "trainer.max_steps=2",
        "trainer.val_freq=2",
        "reward.hostile.params.mode=[\"score\", \"trap\", \"trap\", \"score\", \"abstain\"]",
        "reward.hostile.on_failure={ trap = \"zero\" }",
        &math,
    ];
    arguments.extend(more);
    project.ok(&arguments);
    project
}

/// The run's replay, without a process of its own: there are many.
fn replayed(project: &Project, digest: Option<Digest>) -> ReplayReport {
    let options = ReplayOptions {
        images: project.root().to_owned(),
        digest,
        ..ReplayOptions::default()
    };
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rlhost");
    let host = Host::builder().threads(1).cache(Some(cache));
    replay(&project.path(RUN), host, &options).unwrap()
}

/// What a run writes, to be put back after each edit.
struct Saved(BTreeMap<PathBuf, Vec<u8>>);

impl Saved {
    fn of(project: &Project) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![project.path(RUN)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let heavy = path
                    .extension()
                    .is_some_and(|e| e == "safetensors" || e == "wasm");
                if path.is_dir() {
                    folders.push(path);
                } else if !heavy {
                    files.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        Self(files)
    }

    fn restore(&self) {
        for (path, bytes) in &self.0 {
            fs::write(path, bytes).unwrap();
        }
    }
}

fn digest(project: &Project) -> Digest {
    let folder = RunFolder::open(project.path(RUN)).unwrap();
    RunSummary::read(&folder.summary()).unwrap().digest
}

/// The paths of all values in a row, up to those that the list of fields names.
fn paths(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    let listed = RolloutRow::FIELDS.iter().any(|(field, _)| *field == path);
    match value {
        Value::Object(map) if !listed => {
            for (key, value) in map {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                paths(value, &path, into);
            }
        }
        Value::Array(list) if !listed => {
            for value in list {
                paths(value, &format!("{path}[]"), into);
            }
        }
        _ => {
            into.insert(path.to_owned());
        }
    }
}

/// Another value for a field.
fn other(field: &str, old: &Value) -> Value {
    let digest = json!(Digest::of(b"other"));
    match field {
        "finish_reason" if old == "stop" => json!("length"),
        "finish_reason" => json!("stop"),
        "origin" => json!("greedy"),
        "outcome" | "rewards[].outcome" | "rewards[].receipt.outcome" => json!("stack-exhausted"),
        "rewards[].log" => json!([{"level": "info", "message": "m"}]),
        "rewards[].exchanges" => {
            json!([{"capability": "judge", "request": {}, "answer": {"ok": "7"}}])
        }
        "rewards[].receipt.interpreters" => json!([digest]),
        "steps" => json!([{"turn": 0, "end_byte": null, "value": 0.5}]),
        "messages" => json!([{"role": "user", "content": [{"type": "text", "text": "?"}]}]),
        "images" => json!([]),
        "columns" => json!({"a": 1}),
        field if field.ends_with("parts") => json!({"accuracy": 0.25, "hostile/accuracy": 0.25}),
        field if field.contains("receipt") && old.is_null() => digest,
        _ => match old {
            Value::Null => json!(0.125),
            Value::Number(number) if number.is_u64() => json!(number.as_u64().unwrap() + 1),
            Value::Number(number) => json!(number.as_f64().unwrap() + 0.5),
            Value::String(text) if text.starts_with("sha256:") => digest,
            Value::String(text) => json!(format!("{text}X")),
            _ => panic!("{field}: {old}"),
        },
    }
}

/// The place of a field in a row; of a list, its first element.
fn at<'a>(row: &'a mut Value, field: &str) -> &'a mut Value {
    field
        .split('.')
        .fold(row, |value, name| match name.strip_suffix("[]") {
            Some(list) => &mut value[list][0],
            None => &mut value[name],
        })
}

#[test]
fn every_field_of_a_row_is_recomputed_or_bound() {
    let project = trained(&[]);
    let honest = digest(&project);
    let found = replayed(&project, Some(honest));
    assert!(found.is_proven(), "{found:#?}");
    assert_eq!(found.proof.advantages.bound, 0);
    let saved = Saved::of(&project);

    let mut written = BTreeSet::new();
    for file in [STEP, VALIDATION] {
        for row in json_lines(&project.records(file)) {
            paths(&row, "", &mut written);
        }
    }
    let listed: BTreeSet<String> = RolloutRow::FIELDS.iter().map(|f| f.0.to_owned()).collect();
    let unlisted: Vec<_> = written.difference(&listed).collect();
    assert!(
        unlisted.is_empty(),
        "nothing says what stands for {unlisted:?}: see RolloutRow::FIELDS"
    );

    // A row with a score, so that its numbers say something.
    let rows = json_lines(&project.records(STEP));
    let scored = rows.iter().position(|row| !row["score"].is_null()).unwrap();
    for (field, proof) in RolloutRow::FIELDS {
        edit_rows(&project, STEP, |rows| {
            let value = at(&mut rows[scored], field);
            *value = other(field, value);
        });
        let found = replayed(&project, None);
        assert!(!found.holds(), "{field} is not bound");
        make_digests_anew(&project.path(RUN));
        if *proof != Proof::Bound {
            let found = replayed(&project, None);
            assert!(!found.holds(), "{field} is not recomputed");
            assert!(!found.findings.is_empty(), "{field}");
        }
        assert!(!replayed(&project, Some(honest)).holds(), "{field}");
        saved.restore();
    }
    assert!(replayed(&project, Some(honest)).is_proven());
}

#[test]
fn every_metric_is_recomputed_or_bound() {
    let project = trained(&[]);
    let honest = digest(&project);
    let saved = Saved::of(&project);
    let lines = project.metrics(RUN);
    let mut seen = BTreeSet::new();
    for (number, line) in lines.iter().enumerate() {
        for (name, value) in line.as_object().unwrap() {
            if name == "step" || !seen.insert(name.clone()) {
                continue;
            }
            let proof = metric_proof(name);
            assert!(
                proof.is_some(),
                "nothing says what stands for {name}: see METRICS"
            );
            edit_metrics(&project, RUN, |lines| {
                lines[number][name] = json!(value.as_f64().unwrap() + 0.5);
            });
            assert!(!replayed(&project, None).holds(), "{name} is not bound");
            make_digests_anew(&project.path(RUN));
            let found = replayed(&project, None);
            if proof == Some(Proof::Recomputed) {
                assert!(!found.holds(), "{name} is not recomputed");
            } else {
                assert!(found.holds(), "{name}: {found:#?}");
                assert!(!replayed(&project, Some(honest)).holds(), "{name}");
            }
            saved.restore();
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
    // A metric that no run writes, and one that is gone.
    let edits: [Edit; 3] = [
        |lines| lines[1]["reward/luck"] = json!(1.0),
        |lines| lines[1]["luck"] = json!(1.0),
        |lines| {
            lines[1].as_object_mut().unwrap().remove("reward/score");
        },
    ];
    for edit in edits {
        edit_metrics(&project, RUN, edit);
        make_digests_anew(&project.path(RUN));
        assert!(!replayed(&project, None).holds());
        saved.restore();
    }
}

/// What is done to the lines of the metrics.
type Edit = fn(&mut Vec<Value>);

/// What is done to a run's folder.
type Damage = fn(&Path);

/// What a forger does to a run, whose digests are made anew afterwards.
type Forgery = (&'static str, fn(&Project));

#[test]
fn rows_that_do_not_follow_are_found() {
    let project = trained(&[]);
    let saved = Saved::of(&project);
    let forgeries: [Forgery; 13] = [
        ("a key that no row has", |p| {
            edit_rows(p, STEP, |rows| rows[0]["evil"] = Value::Null);
        }),
        ("a key that no receipt has", |p| {
            edit_rows(p, STEP, |rows| {
                rows[0]["rewards"][0]["receipt"]["evil"] = json!(1);
            });
        }),
        ("two rows change places", |p| {
            edit_rows(p, STEP, |rows| rows.swap(0, 1));
        }),
        ("two groups change numbers", |p| {
            edit_rows(p, STEP, |rows| {
                let draws = [rows[0]["draw"].clone(), rows[4]["draw"].clone()];
                for row in &mut rows[..4] {
                    row["draw"] = draws[1].clone();
                }
                rows[4]["draw"] = draws[0].clone();
            });
        }),
        ("a row is copied over another", |p| {
            edit_rows(p, STEP, |rows| rows[1] = rows[0].clone());
        }),
        ("all rows are of another step", |p| {
            edit_rows(p, STEP, |rows| {
                for row in rows {
                    row["step"] = json!(2);
                }
            });
        }),
        ("all prompts are others", |p| {
            edit_rows(p, STEP, |rows| {
                for row in rows {
                    row["draw"] = json!(row["draw"].as_u64().unwrap() + 100);
                }
            });
        }),
        ("all advantages are inverted", |p| {
            edit_rows(p, STEP, |rows| {
                for row in rows {
                    row["advantage"] = json!(row["advantage"].as_f64().map(|a| -a));
                }
            });
        }),
        ("a forged record before the honest one", |p| {
            edit_rows(p, STEP, |rows| {
                let rewards = rows[0]["rewards"].as_array_mut().unwrap();
                let mut forged = rewards[0].clone();
                forged["total"] = json!(42.0);
                rewards.insert(0, forged);
            });
        }),
        ("a step's file is another's", |p| {
            fs::copy(p.path("runs/train/rollouts/step-2.jsonl.zst"), p.path(STEP)).unwrap();
        }),
        ("a validation's file is a step's", |p| {
            fs::copy(p.path(STEP), p.path(VALIDATION)).unwrap();
        }),
        ("limits are dropped from a receipt", |p| {
            edit_rows(p, STEP, |rows| {
                let engine = &mut rows[0]["rewards"][0]["receipt"]["engine"];
                let text = engine.as_str().unwrap();
                *engine = json!(text.replace(",fuel=5000000", ""));
            });
        }),
        ("prompts of low score leave a validation", |p| {
            edit_rows(p, VALIDATION, |rows| rows.truncate(8));
            edit_metrics(p, RUN, |lines| lines[3]["val/samples"] = json!(8.0));
        }),
    ];
    for (what, forge) in forgeries {
        forge(&project);
        assert!(!replayed(&project, None).holds(), "{what}");
        make_digests_anew(&project.path(RUN));
        let found = replayed(&project, None);
        assert!(!found.holds(), "{what}, and the digests are made anew");
        saved.restore();
    }
}

/// Claims for all samples of a validation that they ran out of fuel on another engine, with scores all the same.
fn forge_scores(project: &Project, total: &Value, score: &Value) {
    edit_rows(project, VALIDATION, |rows| {
        for row in rows {
            for reward in row["rewards"].as_array_mut().unwrap() {
                let engine = reward["receipt"]["engine"].as_str().unwrap();
                let limits = engine.rsplit_once('/').unwrap().1;
                reward["receipt"]["engine"] = json!(format!("x/{limits}"));
                reward["outcome"] = json!("budget-exhausted");
                reward["receipt"]["outcome"] = json!("budget-exhausted");
                reward["total"] = total.clone();
                reward["parts"] = json!({});
            }
            row["score"] = score.clone();
            row["outcome"] = json!(if score.is_null() {
                "budget-exhausted"
            } else {
                "score"
            });
            row["parts"] = json!({});
            row["steps"] = json!([]);
        }
    });
}

#[test]
fn another_engine_excuses_no_score() {
    let project = trained(&[]);
    let saved = Saved::of(&project);
    forge_scores(&project, &json!(1.0), &json!(2.0));
    edit_metrics(&project, RUN, |lines| {
        lines[3] = json!({
            "step": 2, "val/samples": 16.0, "val/response_length": lines[3]["val/response_length"],
            "val/score": 2.0, "val/std": 0.0, "val/min": 2.0, "val/max": 2.0,
            "val/hostile/outcome/budget-exhausted": 16.0, "val/math/outcome/budget-exhausted": 16.0,
        });
    });
    make_digests_anew(&project.path(RUN));
    let found = replayed(&project, None);
    assert!(!found.holds(), "{found:#?}");
    assert_eq!(found.changed, 16);
    saved.restore();

    // A record that claims nothing is excused: that is no proof, and no sample is identical by it.
    forge_scores(&project, &Value::Null, &Value::Null);
    edit_metrics(&project, RUN, |lines| {
        lines[3] = json!({
            "step": 2, "val/samples": 16.0, "val/response_length": lines[3]["val/response_length"],
            "val/outcome/budget-exhausted": 16.0, "val/hostile/outcome/budget-exhausted": 16.0,
            "val/math/outcome/budget-exhausted": 16.0,
        });
    });
    make_digests_anew(&project.path(RUN));
    let found = replayed(&project, None);
    assert!(found.holds() && !found.is_proven(), "{found:#?}");
    assert_eq!(
        (found.other_engine, found.samples - found.identical),
        (16, 16)
    );
    let strict = project.run(&["replay", RUN, "--strict"]);
    assert_eq!(strict.code, Some(3), "{strict:?}");
    assert!(
        strict.stdout.contains("16 samples by another engine"),
        "{strict:?}"
    );
}

#[test]
fn files_that_do_not_belong_are_found() {
    let project = trained(&[]);
    let honest = digest(&project).to_string();
    let strict = project.ok(&["replay", RUN, "--strict", "--digest", &honest]);
    assert!(
        strict.stdout.contains(&format!("digest      {honest}\n")),
        "{strict:?}"
    );
    assert!(!strict.stdout.contains("not proven"), "{strict:?}");
    let saved = Saved::of(&project);
    let model = project.path("runs/train/checkpoints/step-2/model.safetensors");
    let weights = fs::read(&model).unwrap();
    let cases: [(&str, Damage); 16] = [
        ("metrics.jsonl", |r| {
            fs::remove_file(r.join("metrics.jsonl")).unwrap();
        }),
        ("metrics.jsonl", |r| {
            let text = fs::read_to_string(r.join("metrics.jsonl")).unwrap();
            let end = text.find('\n').unwrap() + 1;
            fs::write(r.join("metrics.jsonl"), &text[..end]).unwrap();
        }),
        ("metrics.jsonl", |r| {
            append(&r.join("metrics.jsonl"), b"{\"step\":3}\n");
        }),
        ("metrics.jsonl", |r| {
            append(&r.join("metrics.jsonl"), b"{\"st");
        }),
        ("digests.jsonl", |r| {
            fs::remove_file(r.join("digests.jsonl")).unwrap();
        }),
        ("digests.jsonl", |r| {
            fs::write(r.join("digests.jsonl"), "").unwrap();
        }),
        ("summary.json", |r| {
            let path = r.join("summary.json");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("\"steps\": 2", "\"steps\": 3")).unwrap();
        }),
        ("step-2", |r| {
            fs::remove_file(r.join("rollouts/step-2.jsonl.zst")).unwrap();
        }),
        ("step-3", |r| {
            let rollouts = r.join("rollouts");
            fs::copy(
                rollouts.join("step-2.jsonl.zst"),
                rollouts.join("step-3.jsonl.zst"),
            )
            .unwrap();
        }),
        ("step-02", |r| {
            let rollouts = r.join("rollouts");
            fs::copy(
                rollouts.join("step-2.jsonl.zst"),
                rollouts.join("step-02.jsonl.zst"),
            )
            .unwrap();
        }),
        ("step-1", |r| {
            append(&r.join("rollouts/step-1.jsonl.zst"), b"garbage");
        }),
        ("config.toml", |r| {
            append(&r.join("config.toml"), b"# harmless\n");
        }),
        ("step-2/state.json", |r| {
            let path = r.join("checkpoints/step-2/state.json");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("\"draw\": 8", "\"draw\": 0")).unwrap();
        }),
        ("step-2/state.json", |r| {
            let path = r.join("checkpoints/step-2/state.json");
            let text = fs::read_to_string(&path).unwrap();
            let text = text.replace("\"draw\": 8", "\"draw\": 0");
            fs::write(&path, crate::forger::sealed(&text)).unwrap();
        }),
        ("model.safetensors", |r| {
            let path = r.join("checkpoints/step-2/model.safetensors");
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("config.json", |r| {
            let path = r.join("checkpoints/step-2/config.json");
            append(&path, b"\n");
        }),
    ];
    for (word, edit) in cases {
        edit(&project.path(RUN));
        let found = replayed(&project, None);
        assert!(!found.holds(), "{word}: {found:#?}");
        let text = serde_json::to_string(&found.findings).unwrap();
        assert!(text.contains(word), "{word} is not in {text}");
        assert!(
            !replayed(&project, Some(honest.parse().unwrap())).holds(),
            "{word}"
        );
        for more in ["step-3.jsonl.zst", "step-02.jsonl.zst"] {
            let _ = fs::remove_file(project.path("runs/train/rollouts").join(more));
        }
        fs::write(&model, &weights).unwrap();
        saved.restore();
    }
    // What is not the run's, and a run that has not ended, are not proven.
    project.write("runs/train/notes.txt", "mine\n");
    let found = replayed(&project, None);
    assert!(found.holds() && !found.is_proven());
    assert!(found.proof.unproven[0].contains("notes.txt"), "{found:#?}");
    project.remove("runs/train/notes.txt");
    project.remove("runs/train/summary.json");
    let outcome = project.run(&["replay", RUN, "--strict"]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(
        outcome.stdout.contains("not proven  summary.json"),
        "{outcome:?}"
    );
    assert_eq!(
        project.run(&["replay", RUN, "--digest", &honest]).code,
        Some(3)
    );
    project.ok(&["replay", RUN]);
}

fn append(path: &Path, bytes: &[u8]) {
    let mut all = fs::read(path).unwrap();
    all.extend(bytes);
    fs::write(path, all).unwrap();
}

/// What training computed, a replay computes again, whatever a step compares and leaves out.
#[test]
fn advantages_and_metrics_follow_for_every_way_to_train() {
    let ways: [&[&str]; 11] = [
        &[
            "algorithm.adv_estimator=rloo",
            "actor.overlong_reward_penalty=true",
        ],
        &[
            "algorithm.adv_estimator=opo",
            "algorithm.overlong_filtering=true",
        ],
        &["algorithm.adv_estimator=gpg"],
        &["algorithm.adv_estimator=grpo_passk"],
        &[
            "algorithm.adv_estimator=reinforce_plus_plus",
            "algorithm.gamma=0.9",
        ],
        &["algorithm.adv_estimator=reinforce_plus_plus_baseline"],
        &["algorithm.adv_estimator=remax"],
        &[
            "algorithm.adv_estimator=normalized",
            "actor.reward_norm.mean_level=group",
        ],
        &[
            "algorithm.online_filtering=true",
            "algorithm.filter_low=0.1",
            "algorithm.filter_high=0.7",
        ],
        &[
            "algorithm.unify_strategy=switch",
            "actor.policy_loss.loss_mode=hpt",
            "data.train_files=data/sft.jsonl",
            "data.max_response_length=16",
        ],
        &[
            "algorithm.prefix_strategy=random",
            "actor.policy_loss.loss_mode=luffy",
            "data.train_files=data/sft.jsonl",
            "data.max_response_length=16",
        ],
    ];
    for way in ways {
        let project = trained(way);
        let outcome = project.run(&["replay", RUN, "--strict"]);
        assert_eq!(outcome.code, Some(0), "{way:?}: {outcome:?}");
        let found = replayed(&project, None);
        assert_eq!(found.proof.advantages.bound, 0, "{way:?}");
        assert!(found.proof.advantages.recomputed >= 32, "{way:?}");
    }
}

/// A step that claims to have no rollouts, as those of fine-tuning, would have metrics that nobody computes again.
#[test]
fn a_step_without_rollouts_is_found() {
    let project = trained(&[]);
    project.remove(&format!("{RUN}/rollouts/step-2.jsonl.zst"));
    edit_metrics(&project, RUN, |lines| {
        lines[2] = json!({"step": 2, "actor/entropy_loss": 0.5, "reward/score": 0.97, "val/accuracy": 0.99});
    });
    make_digests_of(&project.path(RUN), |entry| {
        if let ChainEntry::Step {
            step: 2, rollouts, ..
        } = entry
        {
            *rollouts = None;
        }
    });
    let found = replayed(&project, None);
    assert!(!found.holds(), "{found:#?}");
    let strict = project.run(&["replay", RUN, "--strict"]);
    assert_eq!(strict.code, Some(3), "{strict:?}");
    for name in ["metrics.jsonl: val/accuracy", "digests.jsonl: rollouts"] {
        assert!(strict.stdout.contains(name), "{strict:?}");
    }
}
