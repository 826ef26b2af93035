//! Algorithms as components: equal to the built-in ones where they say so, bounded and refused where not.

use crate::support::{Project, assert_same, guest, repository, run_files};
use rlhost_host::Host;
use rlhost_host::algorithm::{
    self as component, Algorithm, AlgorithmFault, AlgorithmRunner, Input,
};
use rlhost_host::{Limits, Outcome};
use rlhost_trainer::algorithm::{
    AdvantageConfig, AdvantageInput, LossConfig, LossInput, LossMode, LossOutput, Rows, Scope,
    Totals, advantage, policy_loss,
};
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline::objective::{AdvantageObjective, PolicyObjective};
use rlhost_trainer::random::{Domain, Stream};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static HOST: LazyLock<Host> = LazyLock::new(|| Host::builder().threads(2).build().unwrap());

/// A configuration with these overrides, in which `GUEST` stands for a component's path.
fn config(overrides: &[String]) -> Config {
    Config::load(None, overrides).unwrap()
}

fn loss_objective(name: &str, loss: LossConfig, overrides: &[&str]) -> PolicyObjective {
    let mut all = vec![format!("actor.policy_loss.loss_mode={}", guest(name))];
    all.extend(overrides.iter().map(|text| (*text).to_owned()));
    PolicyObjective::load(&config(&all), loss, &HOST).unwrap()
}

fn advantage_objective(name: &str, overrides: &[&str]) -> AdvantageObjective {
    let mut all = vec![format!("algorithm.adv_estimator={}", guest(name))];
    all.extend(overrides.iter().map(|text| (*text).to_owned()));
    AdvantageObjective::load(&config(&all), || panic!("no component"), &HOST).unwrap()
}

#[track_caller]
fn close(found: f64, wanted: f64, what: &str) {
    let scale = wanted.abs().max(1e-3);
    assert!(
        (found - wanted).abs() <= 1e-12 * scale,
        "{what}: {found:e}, not {wanted:e}"
    );
}

#[track_caller]
fn all_close(found: &[f64], wanted: &[f64], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        close(*found, *wanted, &format!("{what} {i}"));
    }
}

/// Random rows with holes, two empty ones among them.
struct Batch {
    rows: Rows,
    logp: Vec<f64>,
    old: Vec<f64>,
    reference: Vec<f64>,
    entropy: Vec<f64>,
    advantages: Vec<f64>,
    rewards: Vec<f64>,
    groups: Vec<u64>,
}

impl Batch {
    fn new(seed: u64, spread: f64) -> Self {
        let mut offsets = vec![0];
        for length in [5, 0, 9, 1, 12, 0, 3, 7] {
            offsets.push(offsets.last().unwrap() + length);
        }
        let tokens: usize = *offsets.last().unwrap();
        let column = |kind: u64| -> Vec<f64> {
            let stream = Stream::new(seed, Domain::Sampling, kind, 0);
            (0..tokens).map(|t| stream.uniform(t as u32)).collect()
        };
        let mask: Vec<bool> = column(0).iter().map(|u| *u < 0.8).collect();
        let old: Vec<f64> = column(1).iter().map(|u| -0.1 - 2.0 * u).collect();
        let moved = |x: &[f64], by: Vec<f64>| -> Vec<f64> {
            let pairs = x.iter().zip(by);
            pairs.map(|(x, u)| x + spread * (u - 0.5)).collect()
        };
        Self {
            logp: moved(&old, column(2)),
            reference: moved(&old, column(3)),
            entropy: column(4),
            advantages: column(5).iter().map(|u| 2.0 * u - 1.0).collect(),
            rewards: column(6),
            groups: vec![4, 4, 1, 1, 4, 9, 1, 7],
            rows: Rows::new(offsets, mask).unwrap(),
            old,
        }
    }

    /// The rows in `range` as a micro-batch, given to `loss`.
    fn part<T>(
        &self,
        range: std::ops::Range<usize>,
        loss: impl Fn(&LossInput<'_>) -> rlhost_trainer::Result<T>,
    ) -> rlhost_trainer::Result<T> {
        let bounds = &self.rows.offsets()[range.start..=range.end];
        let tokens = bounds[0]..bounds[bounds.len() - 1];
        let rows = Rows::new(
            bounds.iter().map(|offset| offset - bounds[0]).collect(),
            self.rows.mask()[tokens.clone()].to_vec(),
        )?;
        loss(&LossInput {
            ref_logp: Some(&self.reference[tokens.clone()]),
            entropy: Some(&self.entropy[tokens.clone()]),
            ..LossInput::new(
                &rows,
                &self.logp[tokens.clone()],
                &self.old[tokens.clone()],
                &self.advantages[tokens],
            )
        })
    }
}

#[track_caller]
fn same(found: &LossOutput, wanted: &LossOutput, what: &str) {
    close(found.loss, wanted.loss, what);
    all_close(&found.d_logp, &wanted.d_logp, what);
    match (&found.d_entropy, &wanted.d_entropy) {
        (Some(found), Some(wanted)) => all_close(found, wanted, what),
        (found, wanted) => assert_eq!(found, wanted, "{what}"),
    }
    assert!(found.metrics.keys().eq(wanted.metrics.keys()), "{found:?}");
    for (name, value) in &wanted.metrics {
        close(found.metrics[name], *value, &format!("{what} {name}"));
    }
}

#[test]
fn the_guest_is_the_native_gspo() {
    let (mut clipped, mut moved) = (0.0, 0);
    for (seed, spread, regular) in [
        (1, 0.3, false),
        (2, 1.5, true),
        (3, 4.0, false),
        (4, 60.0, true),
    ] {
        let loss = LossConfig {
            loss_mode: LossMode::Gspo,
            clip_ratio_low: 0.05,
            clip_ratio_high: 0.1,
            entropy_coeff: if regular { 0.01 } else { 0.0 },
            use_kl_loss: regular,
            ..LossConfig::default()
        };
        // Where the parameters are not set, the keys of the same name hold.
        let keys = ["actor.clip_ratio_low=0.05", "actor.clip_ratio_high=0.1"];
        let params = ["actor.policy_loss.params={clip_ratio_low = 0.05, clip_ratio_high = 0.1}"];
        let own = if regular { &keys[..] } else { &params[..] };
        let objective = loss_objective("gspo", loss, own);
        assert_eq!(objective.scope(), Scope::Row);

        let batch = Batch::new(seed, spread);
        let totals = Totals::of(&batch.rows, 64);
        for cuts in [vec![8], vec![4, 8], vec![1, 2, 3, 4, 5, 6, 7, 8]] {
            let mut start = 0;
            for end in cuts {
                let found = batch.part(start..end, |input| objective.loss(input, &totals));
                let wanted = batch.part(start..end, |input| policy_loss(input, &totals, &loss));
                let (found, wanted) = (found.unwrap(), wanted.unwrap());
                same(
                    &found,
                    &wanted,
                    &format!("seed {seed}, rows {start}..{end}"),
                );
                clipped += wanted.metrics["actor/pg_clipfrac_higher"];
                moved += wanted.d_logp.iter().filter(|slope| **slope != 0.0).count();
                start = end;
            }
        }
    }
    assert!(clipped > 1.0 && moved > 100, "{clipped} {moved}");
}

#[test]
fn the_guest_gives_the_published_numbers_of_gspo() {
    let path = repository().join("trainer/tests/fixtures/cases/algorithms.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let flat = |value: &Value| -> Vec<f64> {
        let rows = value.as_array().unwrap().iter();
        rows.flat_map(|row| row.as_array().unwrap())
            .map(|x| x.as_f64().unwrap_or_else(|| f64::from(u8::from(x == true))))
            .collect()
    };
    // The files carry about 10 digits.
    let near = |found: f64, wanted: f64, what: &str| {
        let distance = (found - wanted).abs();
        assert!(
            distance <= 1e-6 * wanted.abs().max(1e-3),
            "{what}: {found} {wanted}"
        );
    };
    let mut count = 0;
    for case in file["policy_loss"].as_array().unwrap() {
        if case["loss"] != "gspo" {
            continue;
        }
        let name = case["case"].as_str().unwrap();
        let settings = case["config_overrides"].as_object().unwrap();
        let overrides: Vec<String> = settings
            .iter()
            .map(|(key, value)| format!("actor.{key}={value}"))
            .collect();
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let loss = LossConfig {
            use_kl_loss: false,
            ..LossConfig::default()
        };
        let objective = loss_objective("gspo", loss, &overrides);
        let mask = &case["response_mask"];
        let width = mask[0].as_array().unwrap().len();
        let all = flat(mask);
        let offsets = (0..=all.len() / width).map(|row| row * width).collect();
        let rows = Rows::new(offsets, all.iter().map(|m| *m != 0.0).collect()).unwrap();
        // The published code counts rows without a trained token in means over rows.
        let totals = Totals {
            rows: rows.len(),
            ..Totals::of(&rows, width)
        };
        let (logp, old) = (flat(&case["log_prob"]), flat(&case["old_log_prob"]));
        let advantages = flat(&case["advantages"]);
        let input = LossInput::new(&rows, &logp, &old, &advantages);
        let found = objective.loss(&input, &totals).unwrap();
        let expected = &case["expected"];
        near(found.loss, expected["pg_loss"].as_f64().unwrap(), name);
        for (metric, key) in [("pg_clipfrac_higher", "pg_clipfrac"), ("ppo_kl", "ppo_kl")] {
            let value = found.metrics[&format!("actor/{metric}")];
            near(value, expected[key].as_f64().unwrap(), name);
        }
        let wanted = flat(&case["expected_grad_log_prob"]);
        assert_eq!(found.d_logp.len(), wanted.len());
        for (found, wanted) in found.d_logp.iter().zip(wanted) {
            near(*found, wanted, name);
        }
        count += 1;
    }
    assert!(count >= 4, "{count} cases");
}

/// Samples that left the step: the guest sees neither their rewards nor their peers that are alone now.
#[test]
fn the_guests_advantages_are_the_native_ones_whatever_left_the_step() {
    let batch = Batch::new(5, 1.0);
    let mut rewards = batch.rewards.clone();
    rewards[batch.rows.range(2)].fill(f64::NAN);
    for (by_std, kept) in [
        (true, [true; 8]),
        (false, [true, true, false, true, true, true, true, true]),
        (true, [true, false, false, true, false, true, false, true]),
        (true, [false; 8]),
    ] {
        let clean = kept[2];
        let input = AdvantageInput {
            rewards: if clean { &batch.rewards } else { &rewards },
            rows: &batch.rows,
            groups: &batch.groups,
            kept: &kept,
            values: None,
            baselines: None,
        };
        let key = format!("algorithm.norm_adv_by_std_in_grpo={by_std}");
        let found = advantage_objective("gspo", &[&key])
            .advantage(&input)
            .unwrap();
        let native = AdvantageConfig {
            norm_adv_by_std_in_grpo: by_std,
            ..AdvantageConfig::default()
        };
        let wanted = advantage(&input, &native).unwrap();
        all_close(&found.advantages, &wanted.advantages, "advantages");
        all_close(&found.returns, &wanted.returns, "returns");
        assert_eq!(found.rows, wanted.rows);
        assert_eq!(found.dropped_groups, wanted.dropped_groups);
        assert_eq!(found.dropped_rows, wanted.dropped_rows);
    }
}

/// The hostile guest with a mode, and limits that it meets soon.
fn hostile(mode: &str) -> AlgorithmRunner {
    let algorithm = Algorithm::load(&HOST, &guest("hostile-algorithm")).unwrap();
    let params = Map::from_iter([("mode".to_owned(), json!(mode))]);
    let limits = Limits {
        fuel: 300_000_000,
        memory: 64 << 20,
        ..Algorithm::default_limits(&HOST)
    };
    AlgorithmRunner::new(&algorithm, &params, limits).unwrap()
}

const OFFSETS: [usize; 3] = [0, 2, 3];
const MASK: [bool; 3] = [true, false, true];
const ROWS: component::Rows<'_> = component::Rows {
    offsets: &OFFSETS,
    mask: &MASK,
};
const ZEROS: [f64; 3] = [0.0; 3];

type Called<T> = rlhost_host::Result<component::Answered<T>>;

fn hostile_loss(mode: &str) -> Called<component::LossOutput> {
    let entropy = [0.5, f64::NAN, 0.25];
    let input = component::LossInput {
        entropy: Some(&entropy),
        ref_logp: Some(&ZEROS),
        ..component::LossInput::new(ROWS, &ZEROS, &ZEROS, &ZEROS)
    };
    let totals = component::Totals {
        tokens: 2,
        rows: 2,
        ..component::Totals::default()
    };
    hostile(mode).policy_loss(&input, &totals)
}

fn hostile_advantage(mode: &str) -> Called<component::Advantages> {
    hostile(mode).advantage(&component::AdvantageInput {
        rows: ROWS,
        rewards: &ZEROS,
        groups: &[0, 0],
        kept: &[true, true],
        values: None,
        baselines: None,
    })
}

/// The fault, whose message names the file and the function.
#[track_caller]
fn fault<T: std::fmt::Debug>(called: Called<T>, function: &str) -> AlgorithmFault {
    let error = called.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("hostile-algorithm.wasm"), "{text}");
    assert!(text.contains(&format!("`{function}`")), "{text}");
    match error {
        rlhost_host::Error::Algorithm { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn misbehaviour_has_a_name() {
    for (mode, outcome) in [
        ("loop", Outcome::BudgetExhausted),
        ("allocate", Outcome::MemoryExhausted),
        ("recurse", Outcome::StackExhausted),
        ("trap", Outcome::Trap),
        ("huge", Outcome::OutputTooLarge),
    ] {
        let ended = |fault| match fault {
            AlgorithmFault::Ended { outcome, .. } => outcome,
            other => panic!("{mode}: {other}"),
        };
        assert_eq!(
            ended(fault(hostile_loss(mode), "policy-loss")),
            outcome,
            "{mode}"
        );
        assert_eq!(
            ended(fault(hostile_advantage(mode), "advantage")),
            outcome,
            "{mode}"
        );
    }
    for (mode, found) in [("short", 2), ("long", 4)] {
        let wrong = |what| AlgorithmFault::WrongLength {
            what,
            found,
            wanted: 3,
        };
        assert_eq!(fault(hostile_loss(mode), "policy-loss"), wrong("d-logp"));
        assert_eq!(
            fault(hostile_advantage(mode), "advantage"),
            wrong("advantages")
        );
    }
    for (mode, wanted) in [
        ("nan", "returned NaN as `d-logp` of token 0"),
        ("infinite-loss", "returned inf as the loss"),
        ("twice", "`a` stands twice"),
        ("control", "holds a control character"),
        ("refuse", "refused: I would rather not"),
    ] {
        let text = fault(hostile_loss(mode), "policy-loss").to_string();
        assert!(text.contains(wanted), "{mode}: {text}");
    }
    let text = fault(hostile_advantage("nan"), "advantage").to_string();
    assert!(text.contains("`advantages` of token 0"), "{text}");
}

#[test]
fn what_a_well_behaved_call_leaves_behind() {
    let answer = hostile_loss("nothing").unwrap();
    // Where nothing is trained, a gradient is 0 whatever was returned.
    assert_eq!(answer.value.d_logp, [0.25, 0.0, 0.25]);
    assert_eq!(answer.value.d_entropy, None);
    assert!(answer.fuel > 0 && answer.log.is_empty());
    assert_eq!(hostile_loss("nothing").unwrap().fuel, answer.fuel);

    let logged = hostile_loss("log").unwrap();
    assert_eq!(logged.log.len(), 1);
    assert_eq!(logged.log[0].message, "the ratios look odd");

    // Every call meets a fresh instance.
    for _ in 0..2 {
        assert_eq!(
            hostile_advantage("counter").unwrap().value.advantages,
            [0.0; 3]
        );
    }
    // It gets the entropies that it asks for, and no log-probs of a reference policy.
    assert_eq!(
        fault(hostile_loss("entropy"), "policy-loss").to_string(),
        "returned NaN as the loss"
    );
}

#[test]
fn what_is_no_batch_is_not_passed_on() {
    let runner = hostile("nothing");
    let totals = component::Totals::default();
    let short = component::LossInput::new(ROWS, &ZEROS[..2], &ZEROS, &ZEROS);
    let text = runner.policy_loss(&short, &totals).unwrap_err().to_string();
    assert!(text.contains("`logp` has 2 entries"), "{text}");
    for offsets in [&[0, 3, 2][..], &[1, 3], &[0, 2], &[]] {
        let rows = component::Rows {
            offsets,
            mask: &MASK,
        };
        let input = component::LossInput::new(rows, &ZEROS, &ZEROS, &ZEROS);
        let text = runner.policy_loss(&input, &totals).unwrap_err().to_string();
        assert!(
            text.contains("offsets must rise from 0 to the 3 tokens"),
            "{text}"
        );
    }
}

#[test]
fn a_component_of_another_kind_is_refused_by_its_key() {
    let policy = |name: &str, rest: &[&str]| {
        let mut all = vec![format!("actor.policy_loss.loss_mode={}", guest(name))];
        all.extend(rest.iter().map(|text| (*text).to_owned()));
        PolicyObjective::load(&config(&all), LossConfig::default(), &HOST)
    };
    let estimator = |name: &str| {
        let all = vec![format!("algorithm.adv_estimator={}", guest(name))];
        AdvantageObjective::load(&config(&all), || panic!("no component"), &HOST)
    };
    let text = policy("math", &[]).unwrap_err().to_string();
    for part in [
        "actor.policy_loss.loss_mode",
        "math.wasm",
        "rlhost:plugin/algorithm",
        "rlhost:plugin/objective@0.1.0#policy-loss",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = estimator("likelihood").unwrap_err().to_string();
    for part in [
        "algorithm.adv_estimator",
        "likelihood.wasm",
        "no advantages",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = policy("gspo", &["actor.policy_loss.params.clip=1"])
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("unknown parameter `clip`") && text.contains("clip_ratio_low"),
        "{text}"
    );
    // The reverse: an algorithm is no reward.
    let text = HOST.load(&guest("gspo")).unwrap_err().to_string();
    assert!(text.contains("rlhost:plugin/reward@0.1.0#score"), "{text}");

    // The arrays that it needs must be there, each for its own function.
    let component = policy("hostile-algorithm", &[]).unwrap();
    let component = component.component().unwrap();
    assert!(component.check_needs(&[Input::Entropy]).is_ok());
    let text = component
        .check_needs(&[Input::RefLogp])
        .unwrap_err()
        .to_string();
    assert!(text.contains("needs `entropy`"), "{text}");
    let component = estimator("hostile-algorithm").unwrap();
    assert!(component.component().unwrap().check_needs(&[]).is_ok());
    assert_eq!(policy("likelihood", &[]).unwrap().scope(), Scope::Batch);
}

/// The regularisers are the trainer's: a component's own gradient of entropies is added to their bonus.
#[test]
fn the_trainer_adds_entropy_bonus_and_divergence() {
    let rows = Rows::new(OFFSETS.to_vec(), MASK.to_vec()).unwrap();
    let loss = LossConfig {
        entropy_coeff: 0.5,
        kl_loss_coef: 2.0,
        kl_loss_type: "k1".parse().unwrap(),
        ..LossConfig::default()
    };
    let mode = ["actor.policy_loss.params.mode=entropy"];
    let objective = loss_objective("hostile-algorithm", loss, &mode);
    let (logp, reference, entropy) = ([-1.0, 9.0, -2.0], [-1.5, 9.0, -2.0], [0.5, 0.0, 0.25]);
    let input = LossInput {
        ref_logp: Some(&reference),
        entropy: Some(&entropy),
        ..LossInput::new(&rows, &logp, &logp, &ZEROS)
    };
    let out = objective.loss(&input, &Totals::of(&rows, 4)).unwrap();
    // Its own 0.75, less half the mean entropy 0.375, plus twice the mean divergence 0.25.
    close(out.loss, 0.75 - 0.5 * 0.375 + 2.0 * 0.25, "loss");
    // Its own slope of 0.25, and 2 · ½ for k1; its own of 2, and −½ · ½ for the bonus.
    assert_eq!(out.d_logp, [1.25, 0.0, 1.25]);
    assert_eq!(out.d_entropy, Some(vec![1.75, 0.0, 1.75]));
    close(out.metrics["actor/pg_loss"], 0.75, "pg_loss");

    let taken = ["actor.policy_loss.params.mode=taken"];
    let objective = loss_objective("hostile-algorithm", loss, &taken);
    let text = objective
        .loss(&input, &Totals::of(&rows, 4))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("actor.policy_loss.loss_mode") && text.contains("grad_norm"),
        "{text}"
    );
}

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
    assert_eq!(
        project.read("runs/native/metrics.jsonl"),
        project.read("runs/component/metrics.jsonl")
    );
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
    for (wanted, found) in rows.iter().zip(project.metrics("runs/component-2")) {
        for (name, value) in wanted.as_object().unwrap() {
            let (wanted, found) = (value.as_f64().unwrap(), found[name].as_f64().unwrap());
            let distance = (wanted - found).abs();
            assert!(
                distance <= 1e-6 * wanted.abs().max(1.0),
                "{name}: {found} {wanted}"
            );
        }
    }
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
        &format!("{loss}={}", guest("likelihood")),
        &[loss, "likelihood.wasm", "whole mini-batch"],
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
