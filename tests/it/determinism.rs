//! Equal seeds give equal bytes.

use crate::support::{Files, Project, assert_same, run_files};

/// All files of a run of its own project: data, model and run are made anew.
fn run(job: &str, arguments: &[&str], threads: Option<&str>) -> Files {
    let project = Project::new();
    let config = format!("{job}.toml");
    let mut command = project.command(&[job, &config]);
    command.args(arguments);
    if let Some(threads) = threads {
        command.env("RAYON_NUM_THREADS", threads);
    }
    assert!(command.output().unwrap().status.success());
    let metrics = project.metrics(&format!("runs/{job}"));
    let norm = if job == "train" {
        "actor/grad_norm"
    } else {
        "sft/grad_norm"
    };
    // What does not learn proves nothing.
    let learned = |row: &serde_json::Value| row[norm].as_f64().is_some_and(|norm| norm > 1e-3);
    assert_eq!(metrics.iter().filter(|row| learned(row)).count(), 6);
    run_files(&project.path(&format!("runs/{job}")))
}

#[test]
fn equal_seeds_give_equal_runs() {
    for job in ["train", "sft"] {
        let first = run(job, &[], None);
        assert_same(&first, &run(job, &[], None));
        for name in [
            "config.toml",
            "metrics.jsonl",
            "checkpoints/step-6/model.safetensors",
            "checkpoints/step-6/optimizer.safetensors",
        ] {
            assert!(!first[name].is_empty());
        }
        assert_eq!(
            first.contains_key("rollouts/step-6.jsonl.zst"),
            job == "train"
        );
        let weights = |step: u32| &first[&format!("checkpoints/step-{step}/model.safetensors")];
        assert_ne!(weights(2), weights(6));
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for job in ["train", "sft"] {
        let one = run(job, &[], Some("1"));
        for threads in ["2", "5"] {
            assert_same(&one, &run(job, &[], Some(threads)));
        }
    }
}

#[test]
fn micro_batches_keep_samples_and_order() {
    // Gradients are summed in another order, so weights may differ in their last bits; what is
    // sampled first can't, and the first loss is the same sum.
    let whole = run("train", &[], None);
    let parts = run("train", &["actor.micro_batch_tokens=60"], None);
    let name = "rollouts/step-1.jsonl.zst";
    assert_eq!(whole[name], parts[name]);
}

#[test]
fn another_seed_gives_another_run() {
    let first = run("train", &[], None);
    let sampling = run("train", &["trainer.seed=2"], None);
    let order = run("train", &["data.seed=2"], None);
    for other in [&sampling, &order] {
        for name in [
            "metrics.jsonl",
            "rollouts/step-1.jsonl.zst",
            "checkpoints/step-6/model.safetensors",
        ] {
            assert_ne!(first[name], other[name], "{name}");
        }
    }
}

#[test]
fn another_seed_gives_other_weights() {
    let project = Project::new();
    let init =
        |seed, output| project.ok(&["init", "description", "--seed", seed, "--output", output]);
    init("1", "same");
    init("2", "other");
    let weights = |name: &str| std::fs::read(project.path(name).join("model.safetensors")).unwrap();
    assert_eq!(weights("model"), weights("same"));
    assert_ne!(weights("model"), weights("other"));
}
