//! Algorithms as components: equal to the built-in ones where they say so, bounded and refused where not.

mod runs;
mod sandbox;

use crate::support::{guest, repository};
use rlhost_host::Host;
use rlhost_host::algorithm::Input;
use rlhost_trainer::algorithm::{
    AdvantageConfig, AdvantageInput, LossConfig, LossInput, LossMode, LossOutput, Rows, Scope,
    Totals, advantage, policy_loss,
};
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline::objective::{AdvantageObjective, PolicyObjective};
use rlhost_trainer::random::{Domain, Stream};
use serde_json::Value;
use std::sync::LazyLock;

static HOST: LazyLock<Host> = LazyLock::new(|| Host::builder().threads(2).build().unwrap());

/// A configuration with these overrides.
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
            .advantage(&input, None)
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
    let rows = Rows::new(vec![0, 2, 3], vec![true, false, true]).unwrap();
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
        ..LossInput::new(&rows, &logp, &logp, &[0.0; 3])
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
