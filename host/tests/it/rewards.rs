//! Sets of rewards: sums, names and policies.

use std::collections::BTreeMap;

use rlhost_host::{
    Error, FailureAction, FailurePolicy, Limits, Outcome, Reward, RewardSet, Sample, StepReward,
};

use crate::guest::Guest;

/// Total 2, part "a" = 3, a step worth 0.5 at the end of the first turn.
fn good() -> Guest {
    Guest {
        extra: r#"
            (data (i32.const 16384) "\90\40\00\00\01\00\00\00\00\00\00\00\00\00\08\40")
            (data (i32.const 16528) "a")
            (data (i32.const 16640) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\e0\3f")"#,
        ..Guest::judging(
            "(f64.store offset=8 (local.get $out) (f64.const 2))
            (i32.store offset=16 (local.get $out) (i32.const 16384))
            (i32.store offset=20 (local.get $out) (i32.const 1))
            (i32.store offset=24 (local.get $out) (i32.const 16640))
            (i32.store offset=28 (local.get $out) (i32.const 1))",
        )
    }
}

fn reward(name: &str, guest: &Guest, weight: f64) -> Reward {
    let limits = Limits {
        fuel: 1_000_000,
        ..Limits::default()
    };
    Reward {
        weight,
        ..Reward::new(name, guest.limited(limits))
    }
}

fn looping() -> Guest {
    Guest::judging("(loop $l (br $l))")
}

fn samples() -> Vec<Sample> {
    vec![Sample::single("x", "1"); 2]
}

#[test]
fn totals_are_weighted_and_summed() {
    let one = Guest::judging("(f64.store offset=8 (local.get $out) (f64.const 1))");
    let set = RewardSet::new([reward("z", &one, -0.25), reward("b", &good(), 0.5)]).unwrap();
    let names: Vec<_> = set.rewards().iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["b", "z"]);
    for judgement in set.score(&samples()).unwrap() {
        assert_eq!(judgement.outcome, Outcome::Score);
        // 0.5 × 2 − 0.25 × 1.
        assert_eq!(judgement.score, Some(0.75));
        assert_eq!(judgement.parts, BTreeMap::from([("b/a".to_owned(), 3.0)]));
        let step = StepReward {
            turn: 0,
            end_byte: None,
            value: 0.25,
        };
        assert_eq!(judgement.steps, [step]);
        assert_eq!(judgement.rewards[0].total, Some(2.0));
        assert_eq!(
            judgement.rewards[0].parts,
            BTreeMap::from([("a".to_owned(), 3.0)])
        );
    }
}

#[test]
fn one_reward_keeps_its_part_names() {
    let set = RewardSet::new([reward("only", &good(), 1.0)]).unwrap();
    let judgement = &set.score(&samples()).unwrap()[0];
    assert_eq!(judgement.parts, BTreeMap::from([("a".to_owned(), 3.0)]));
}

#[test]
fn by_default_a_failure_makes_the_sample_abstain() {
    let set = RewardSet::new([reward("a", &good(), 1.0), reward("b", &looping(), 1.0)]).unwrap();
    let judgement = &set.score(&samples()).unwrap()[1];
    assert_eq!(
        (judgement.outcome, judgement.score),
        (Outcome::BudgetExhausted, None)
    );
    assert!(judgement.steps.is_empty());
    assert_eq!(judgement.rewards[0].outcome, Outcome::Score);
    assert_eq!(judgement.rewards[1].outcome, Outcome::BudgetExhausted);
    assert_eq!(judgement.rewards[1].fuel, 1_000_000);
}

#[test]
fn a_reward_of_weight_zero_is_only_recorded() {
    let set = RewardSet::new([reward("a", &good(), 1.0), reward("b", &looping(), 0.0)]).unwrap();
    let judgement = &set.score(&samples()).unwrap()[0];
    assert_eq!(
        (judgement.outcome, judgement.score),
        (Outcome::Score, Some(2.0))
    );
    assert_eq!(judgement.rewards[1].outcome, Outcome::BudgetExhausted);
}

#[test]
fn a_policy_can_make_it_zero() {
    let failing = Reward {
        on_failure: FailurePolicy::All(FailureAction::Zero),
        ..reward("b", &looping(), 1.0)
    };
    let set = RewardSet::new([reward("a", &good(), 1.0), failing]).unwrap();
    let judgement = &set.score(&samples()).unwrap()[0];
    assert_eq!(
        (judgement.outcome, judgement.score),
        (Outcome::Score, Some(2.0))
    );
}

#[test]
fn a_policy_can_stop() {
    let failing = Reward {
        on_failure: FailurePolicy::All(FailureAction::Stop),
        ..reward("b", &looping(), 1.0)
    };
    let set = RewardSet::new([failing]).unwrap();
    match set.score(&samples()).unwrap_err() {
        Error::Stopped {
            reward,
            sample,
            outcome,
            ..
        } => assert_eq!(
            (&*reward, sample, outcome),
            ("b", 0, Outcome::BudgetExhausted)
        ),
        other => panic!("{other}"),
    }
}

#[test]
fn a_policy_can_tell_outcomes_apart() {
    let policy: FailurePolicy =
        serde_json::from_str(r#"{"trap": "stop", "budget-exhausted": "zero"}"#).unwrap();
    let with = |guest: &Guest| {
        let reward = Reward {
            on_failure: policy.clone(),
            ..reward("b", guest, 1.0)
        };
        RewardSet::new([reward]).unwrap().score(&samples())
    };
    assert_eq!(with(&looping()).unwrap()[0].score, Some(0.0));
    assert!(matches!(
        with(&Guest::judging("(unreachable)")),
        Err(Error::Stopped { .. })
    ));
    let nan = Guest::judging("(f64.store offset=8 (local.get $out) (f64.const nan))");
    assert_eq!(with(&nan).unwrap()[0].outcome, Outcome::ProtocolError);
    // A misspelt policy is told what there is.
    let error = serde_json::from_str::<FailurePolicy>("\"ignore\"").unwrap_err();
    assert!(error.to_string().contains("abstain"), "{error}");
}

#[test]
fn sets_that_make_no_sense_are_refused() {
    let refused = |rewards: Vec<Reward>, name: &str| match RewardSet::new(rewards).unwrap_err() {
        Error::Reward { reward, .. } => assert_eq!(reward, name),
        other => panic!("{other}"),
    };
    refused(vec![], "(none)");
    refused(
        vec![reward("a", &good(), 1.0), reward("a", &good(), 1.0)],
        "a",
    );
    refused(vec![reward("a", &good(), f64::NAN)], "a");
    let score: FailurePolicy = serde_json::from_str(r#"{"score": "zero"}"#).unwrap();
    let odd = Reward {
        on_failure: score,
        ..reward("a", &good(), 1.0)
    };
    refused(vec![odd], "a");
}

#[test]
fn a_sum_that_overflows_is_no_score() {
    let large = Guest::judging("(f64.store offset=8 (local.get $out) (f64.const 1e308))");
    let set = RewardSet::new([reward("a", &large, 1e10)]).unwrap();
    let judgement = &set.score(&samples()).unwrap()[0];
    assert_eq!(
        (judgement.outcome, judgement.score),
        (Outcome::ProtocolError, None)
    );
}
