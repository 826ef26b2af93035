//! Killed at any moment and resumed: the same bytes as never killed.

use crate::support::{Files, Outcome, Project, assert_same, run_files, wait_until};
use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

/// Long enough to be hit in the middle: a second or two.
const STEPS: u64 = 24;
const LONG: [&str; 4] = [
    "trainer.max_steps=24",
    "trainer.val_freq=7",
    "trainer.save_freq=5",
    "trainer.save_limit=2",
];

fn arguments<'a>(job: &'a str, config: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec![job, config];
    all.extend(LONG);
    all.extend(more);
    all
}

/// A job of a project, and what it leaves where nothing comes between.
struct Job {
    name: &'static str,
    config: String,
    expected: Files,
}

impl Job {
    fn new(name: &'static str) -> Self {
        let config = format!("{name}.toml");
        let project = Project::new();
        project.ok(&arguments(name, &config, &[]));
        let expected = run_files(&project.path(&format!("runs/{name}")));
        assert!(expected.contains_key("checkpoints/step-24/optimizer.safetensors"));
        assert!(expected.contains_key("checkpoints/step-20/state.json"));
        assert!(!expected.contains_key("checkpoints/step-15/state.json"));
        Self {
            name,
            config,
            expected,
        }
    }

    fn run(&self) -> String {
        format!("runs/{}", self.name)
    }

    fn start(&self, project: &Project, more: &[&str]) -> Child {
        project.start(&arguments(self.name, &self.config, more))
    }

    fn resume(&self, project: &Project) -> Outcome {
        project.ok(&arguments(self.name, &self.config, &["--resume"]))
    }

    fn is_as_expected(&self, project: &Project) {
        assert_same(&self.expected, &run_files(&project.path(&self.run())));
    }

    /// Whether the run has the line of `step` in its metrics.
    fn has_done(&self, project: &Project, step: u64) -> bool {
        let metrics = project.path(&format!("{}/metrics.jsonl", self.run()));
        let line = format!("{{\"step\":{step},");
        fs::read_to_string(metrics).is_ok_and(|text| text.contains(&line))
    }

    /// A project whose job was struck as soon as the moment came, and before its end. A machine
    /// that is busy elsewhere can miss the moment, so there are several tries.
    fn struck(&self, moment: impl Fn(&Project) -> bool, mut strike: impl FnMut(Child)) -> Project {
        for _ in 0..5 {
            let project = Project::new();
            let mut child = self.start(&project, &[]);
            if wait_until(&mut child, || moment(&project)) {
                strike(child);
                if !self.has_done(&project, STEPS) {
                    return project;
                }
            }
        }
        panic!("the job always ended before the moment");
    }

    /// [`Self::struck`] by SIGKILL.
    fn killed_when(&self, moment: impl Fn(&Project) -> bool) -> Project {
        self.struck(moment, |mut child| {
            child.kill().unwrap();
            child.wait().unwrap();
        })
    }

    /// Killed after the line of `step` was written.
    fn killed_at(&self, step: u64) -> Project {
        self.killed_when(|project| self.has_done(project, step))
    }
}

fn interrupt(child: &Child) {
    let kill = format!("kill -INT {}", child.id());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn killed_between_checkpoints() {
    for name in ["train", "sft"] {
        let job = Job::new(name);
        // Before the first checkpoint, at one, and between two.
        for step in [1, 5, 13] {
            let project = job.killed_at(step);
            job.resume(&project);
            job.is_as_expected(&project);
        }
    }
}

#[test]
fn killed_during_and_after_a_checkpoint() {
    for name in ["train", "sft"] {
        let job = Job::new(name);
        for file in [
            ".step-10.tmp",
            ".step-10.tmp/model.safetensors",
            ".step-10.tmp/optimizer.safetensors",
            "step-10",
        ] {
            let file = format!("{}/checkpoints/{file}", job.run());
            // Some of the moments are short.
            let project = job
                .killed_when(|project| project.path(&file).exists() || job.has_done(project, 11));
            job.resume(&project);
            job.is_as_expected(&project);
        }
    }
}

#[test]
fn killed_again_and_again() {
    let job = Job::new("train");
    let project = Project::new();
    let mut kills = 0;
    for milliseconds in (20_u64..).step_by(90) {
        let started = project.path(&job.run()).exists();
        let mut child = job.start(&project, if started { &["--resume"] } else { &[] });
        sleep(Duration::from_millis(milliseconds));
        if child
            .try_wait()
            .unwrap()
            .is_some_and(|status| status.success())
        {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 2);
    job.is_as_expected(&project);
}

#[test]
fn leftovers_of_a_kill_are_cleaned_up() {
    let job = Job::new("train");
    let project = job.killed_at(12);
    let run = project.path(&job.run());
    fs::create_dir_all(run.join("checkpoints/.step-15.tmp")).unwrap();
    fs::write(
        run.join("checkpoints/.step-15.tmp/model.safetensors"),
        "half",
    )
    .unwrap();
    fs::create_dir_all(run.join("checkpoints/.step-5.old.tmp")).unwrap();
    fs::write(run.join("rollouts/.step-13.jsonl.zst.tmp"), "half").unwrap();
    fs::write(run.join("rollouts/step-13.jsonl.zst"), "another").unwrap();
    let metrics = format!("{}/metrics.jsonl", job.run());
    project.write(&metrics, &(project.read(&metrics) + "{\"step\":13,\"rew"));
    let timings = format!("{}/timings.jsonl", job.run());
    project.write(&timings, &(project.read(&timings) + "{\"st"));
    job.resume(&project);
    job.is_as_expected(&project);
    let steps: Vec<u64> = crate::support::json_lines(&project.read(&timings))
        .iter()
        .map(|row| row["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, (1..=STEPS).collect::<Vec<_>>());
}

#[test]
fn a_checkpoint_too_many_goes() {
    // Killed after a checkpoint was saved and before the oldest one was removed.
    let job = Job::new("train");
    let project = Project::new();
    project.ok(&arguments(job.name, &job.config, &[]));
    let checkpoints = project.path(&job.run()).join("checkpoints");
    fs::create_dir(checkpoints.join("step-15")).unwrap();
    for file in fs::read_dir(checkpoints.join("step-20")).unwrap() {
        let file = file.unwrap();
        fs::copy(
            file.path(),
            checkpoints.join("step-15").join(file.file_name()),
        )
        .unwrap();
    }
    job.resume(&project);
    job.is_as_expected(&project);
}

#[test]
fn interrupted_once_it_saves_and_ends() {
    for name in ["train", "sft"] {
        let job = Job::new(name);
        let mut outcome = None;
        let project = job.struck(
            |project| job.has_done(project, 7),
            |child| {
                interrupt(&child);
                outcome = Some(Outcome::from(child.wait_with_output().unwrap()));
            },
        );
        let outcome = outcome.unwrap();
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.starts_with("stopped after "), "{outcome:?}");
        assert!(outcome.stdout.contains("--resume"), "{outcome:?}");
        let metrics = project.metrics(&job.run());
        let last = metrics.last().unwrap()["step"].as_u64().unwrap();
        assert!((7..STEPS).contains(&last));
        let saved = project.path(&format!("{}/checkpoints/step-{last}/state.json", job.run()));
        assert!(saved.is_file());
        job.resume(&project);
        job.is_as_expected(&project);
    }
}

#[test]
fn another_configuration_is_refused() {
    let job = Job::new("train");
    let project = job.killed_at(6);
    for (setting, values) in [
        ("rollout.n=2", ["4", "2"]),
        ("reward.hostile.weight=0.5", ["1.0", "0.5"]),
        ("trainer.max_steps=20", ["24", "20"]),
        ("reward.more.plugin=math", ["absent", "math"]),
    ] {
        let (key, _) = setting.split_once('=').unwrap();
        let key = if key.starts_with("reward.more") {
            "reward.more"
        } else {
            key
        };
        let more = ["--resume", setting];
        let names = ["runs/train", key, values[0], values[1]];
        project.refused(&arguments(job.name, &job.config, &more), &names);
    }
    // Another configuration in the run itself.
    let config = project.read("runs/train/config.toml");
    project.write("runs/train/config.toml", &(config.clone() + "\n"));
    project.refused(
        &arguments(job.name, &job.config, &["--resume"]),
        &["runs/train", "config.toml"],
    );
    project.write("runs/train/config.toml", &config);
    job.resume(&project);
    job.is_as_expected(&project);
}

#[test]
fn a_run_becomes_longer() {
    for name in ["train", "sft"] {
        let config = format!("{name}.toml");
        let run = |project: &Project, more: &[&str]| {
            let mut arguments = vec![name, config.as_str(), "trainer.val_freq=2"];
            arguments.extend(more);
            project.ok(&arguments)
        };
        let straight = Project::new();
        run(&straight, &["trainer.max_steps=8"]);
        let expected = run_files(&straight.path(&format!("runs/{name}")));

        let project = Project::new();
        let folder = project.path(&format!("runs/{name}"));
        run(&project, &["trainer.max_steps=4"]);
        let short = run_files(&folder);
        assert_ne!(short, expected);
        let outcome = run(&project, &["trainer.max_steps=8", "--resume"]);
        let told = "had 4 steps and now has 8";
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
        assert_same(&expected, &run_files(&folder));
        // As often as one likes, and without a word where nothing changes.
        let again = run(&project, &["trainer.max_steps=8", "--resume"]);
        assert!(!again.stderr.contains("steps and now"), "{}", again.stderr);
        assert_same(&expected, &run_files(&folder));

        // Not shorter, and nothing else on the way.
        let shorter = [
            name,
            &config,
            "trainer.val_freq=2",
            "trainer.max_steps=6",
            "--resume",
        ];
        project.refused(&shorter, &["trainer.max_steps", "8", "6", "not shorter"]);
        let other = [
            name,
            &config,
            "trainer.val_freq=3",
            "trainer.max_steps=9",
            "--resume",
        ];
        project.refused(&other, &["trainer.val_freq"]);
    }
}

#[test]
fn a_run_that_becomes_longer_may_be_killed() {
    let job = Job::new("train");
    // Killed before, and after it became longer and before its next checkpoint.
    let project = Project::new();
    let shorter = [
        "train",
        "train.toml",
        "trainer.max_steps=10",
        "trainer.val_freq=7",
        "trainer.save_freq=5",
        "trainer.save_limit=2",
        "data.val_files=[]",
        "trainer.val_freq=-1",
    ];
    project.ok(&shorter);
    let longer: Vec<&str> = shorter
        .iter()
        .map(|key| match *key {
            "trainer.max_steps=10" => "trainer.max_steps=24",
            key => key,
        })
        .collect();
    let resume = [&longer[..], &["--resume"]].concat();
    let mut child = project.start(&resume);
    assert!(wait_until(&mut child, || job.has_done(&project, 12)));
    child.kill().unwrap();
    child.wait().unwrap();
    project.ok(&resume);
    let straight = Project::new();
    straight.ok(&longer);
    assert_same(
        &run_files(&straight.path("runs/train")),
        &run_files(&project.path("runs/train")),
    );
}

/// A schedule over the whole run is that of the new length from then on.
#[test]
fn the_learning_rate_of_a_longer_run() {
    let cosine = "actor.optim.lr_scheduler_type=cosine";
    let rates = |project: &Project| -> Vec<f64> {
        let rows = project.metrics("runs/train");
        rows.iter()
            .filter_map(|row| row["actor/lr"].as_f64())
            .collect()
    };
    let straight = Project::new();
    straight.ok(&["train", "train.toml", cosine, "trainer.max_steps=8"]);
    let project = Project::new();
    project.ok(&["train", "train.toml", cosine, "trainer.max_steps=4"]);
    let short = rates(&project);
    project.ok(&[
        "train",
        "train.toml",
        cosine,
        "trainer.max_steps=8",
        "--resume",
    ]);
    let longer = rates(&project);
    assert_eq!(longer[..4], short[..]);
    assert_eq!(longer[4..], rates(&straight)[4..]);
    assert!(longer[4] > longer[3], "{longer:?}");
}

/// Without `trainer.max_steps` a run has the steps of its epochs: 24 prompts, 4 at a time.
#[test]
fn a_run_of_epochs_becomes_longer() {
    let project = Project::new();
    let config = project.read("train.toml").replace("max_steps = 6", "");
    project.write("train.toml", &config);
    project.ok(&["train", "train.toml"]);
    let resume = ["train", "train.toml", "--resume"];
    project.refused(
        &[&resume[..], &["trainer.max_steps=5"]].concat(),
        &["trainer.max_steps", "absent", "6 steps"],
    );
    project.ok(&[&resume[..], &["trainer.max_steps=7"]].concat());
    let rows = project.metrics("runs/train");
    assert_eq!(rows.last().unwrap()["step"], 7);
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let job = Job::new("train");
    let project = job.killed_at(12);
    let weights = project.path("runs/train/checkpoints/step-10/model.safetensors");
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    let resume = arguments(job.name, &job.config, &["--resume"]);
    project.refused(&resume, &["step-10/model.safetensors", "bytes"]);
    fs::remove_file(&weights).unwrap();
    project.refused(&resume, &["step-10/model.safetensors"]);
    // The message's way out works.
    fs::remove_dir_all(weights.parent().unwrap()).unwrap();
    job.resume(&project);
    job.is_as_expected(&project);
}

#[test]
fn a_target_that_was_reached_stays_reached() {
    let project = Project::new();
    // The reward's part `accuracy` is always 1 in this mode.
    let mut arguments = vec![
        "sft",
        "sft.toml",
        "trainer.max_steps=50",
        "sft.target_accuracy=0.9",
        "sft.check_freq=3",
    ];
    project.ok(&arguments);
    let run = project.path("runs/sft");
    let before = run_files(&run);
    assert!(before.contains_key("checkpoints/step-3/state.json"));
    fs::remove_file(run.join("curve.svg")).unwrap();
    arguments.push("--resume");
    project.ok(&arguments);
    assert_same(&before, &run_files(&run));
}

#[test]
fn one_process_at_a_time_writes_a_run() {
    let project = Project::new();
    let mut child = project.start(&arguments(
        "train",
        "train.toml",
        &["trainer.max_steps=4000"],
    ));
    let metrics = project.path("runs/train/metrics.jsonl");
    let begun = || fs::read_to_string(&metrics).is_ok_and(|text| text.contains("{\"step\":1,"));
    assert!(wait_until(&mut child, begun));
    let second = project.run(&["train", "train.toml", "--resume"]);
    assert_eq!(second.code, Some(2));
    assert!(
        second
            .stderr
            .contains("another process is writing this run"),
        "{}",
        second.stderr
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
