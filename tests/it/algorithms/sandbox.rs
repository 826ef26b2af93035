//! Components that misbehave, and what the host says about them.

use super::HOST;
use crate::support::guest;
use rlhost_host::algorithm::{self as component, Algorithm, AlgorithmFault, AlgorithmRunner};
use rlhost_host::{Limits, Outcome};
use serde_json::{Map, json};

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
        ("control", "may be made of letters and digits"),
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
