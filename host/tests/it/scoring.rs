//! What reaches a guest and what comes back.

use std::collections::BTreeMap;
use std::thread;

use rlhost_host::{
    ContentPart, FinishReason, Host, Image, Limits, Message, Outcome, Sample, Scorer, StepReward,
    Turn,
};
use serde_json::{Map, json};

use crate::guest::{Guest, HOST, IMAGE_IMPORTS, score_one};

/// Answers `abstain` with the text that stands at an offset of the sample.
macro_rules! echo {
    ($offset:literal) => {
        concat!(
            "(i32.store8 (local.get $out) (i32.const 1))",
            "(i32.store8 offset=8 (local.get $out) (i32.const 1))",
            "(i32.store offset=12 (local.get $out) (i32.load offset=", $offset, " (local.get $sample)))",
            "(i32.store offset=16 (local.get $out) (i32.load offset=4 (i32.add (local.get $sample) (i32.const ", $offset, "))))",
        )
    };
}

fn full_sample() -> Sample {
    Sample {
        group: 7,
        prompt: vec![Message {
            role: "user".into(),
            content: vec![
                ContentPart::Image(0),
                ContentPart::Text("What is the sum?".into()),
            ],
        }],
        response: vec![Turn {
            text: "schön".into(),
            finish_reason: FinishReason::Cut,
            tokens: 5,
        }],
        answer: r#"{"value": 1.10}"#.into(),
        data_source: "digits".into(),
        problem_type: "sum".into(),
        answer_type: "integer".into(),
        columns: r#"{"row":3}"#.into(),
        images: vec![Image::from_rgb(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap()],
    }
}

#[test]
fn a_verdict_with_total_parts_and_steps() {
    // One part ("accuracy", 0.5) at 16384; steps (turn 0, end 4, 0.25) and (turn 0, none, 1) at 16512.
    let guest = Guest {
        parts: &["accuracy", "format"],
        extra: r#"
            (data (i32.const 16384) "\90\40\00\00\08\00\00\00\00\00\00\00\00\00\e0\3f")
            (data (i32.const 16528) "accuracy")
            (data (i32.const 16640) "\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\04\00\00\00\00\00\00\00\00\00\00\00\00\00\d0\3f\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\f0\3f")"#,
        judge: "(f64.store offset=8 (local.get $out) (f64.const 1.5))
            (i32.store offset=16 (local.get $out) (i32.const 16384))
            (i32.store offset=20 (local.get $out) (i32.const 1))
            (i32.store offset=24 (local.get $out) (i32.const 16640))
            (i32.store offset=28 (local.get $out) (i32.const 2))",
        ..Guest::default()
    };
    let scored = guest.score_one();
    assert_eq!(scored.message, None);
    assert_eq!(scored.outcome, Outcome::Score);
    assert_eq!(scored.total, Some(1.5));
    assert_eq!(scored.parts, BTreeMap::from([("accuracy".to_owned(), 0.5)]));
    let step = |end_byte, value| StepReward {
        turn: 0,
        end_byte,
        value,
    };
    assert_eq!(scored.steps, [step(Some(4), 0.25), step(None, 1.0)]);
    assert!(scored.fuel > 0);
    assert_eq!(scored.receipt.fuel, scored.fuel);
}

#[test]
fn every_field_reaches_the_guest() {
    let texts = [
        (echo!("20"), r#"{"value": 1.10}"#),
        (echo!("28"), "digits"),
        (echo!("36"), "sum"),
        (echo!("44"), "integer"),
        (echo!("52"), r#"{"row":3}"#),
        (echo!("60"), r#"{"a":[1],"b":"x"}"#),
    ];
    for (judge, expected) in texts {
        let guest = Guest {
            params: &[("a", "null"), ("b", "null")],
            ..Guest::judging(judge)
        };
        let params = json!({"b": "x", "a": [1]});
        let scorer = Scorer::new(
            &guest.load(),
            params.as_object().unwrap(),
            Limits::default(),
        )
        .unwrap();
        let scored = score_one(&scorer, full_sample());
        assert_eq!(scored.outcome, Outcome::Abstain);
        assert_eq!(scored.total, None);
        assert_eq!(scored.message.as_deref(), Some(expected));
    }
    // Turn: text at 0, finish reason at 8, tokens at 12.
    let turn = Guest::judging(
        "(i32.store8 (local.get $out) (i32.const 1))
        (i32.store8 offset=8 (local.get $out) (i32.load8_u offset=8 (i32.load offset=12 (local.get $sample))))
        (i32.store offset=12 (local.get $out) (i32.load (i32.load offset=12 (local.get $sample))))
        (i32.store offset=16 (local.get $out) (i32.load offset=4 (i32.load offset=12 (local.get $sample))))",
    );
    let scored = score_one(&turn.scorer(), full_sample());
    // `cut` is case 2, and so is `internal` among the failures.
    assert_eq!(
        (scored.outcome, scored.message.as_deref()),
        (Outcome::Internal, Some("schön"))
    );
    // Tokens, messages, content parts of the first message, the second part's kind and the group.
    let numbers = Guest::judging(
        "(f64.store offset=8 (local.get $out) (f64.convert_i32_u
            (i32.add (i32.mul (i32.const 10000) (i32.load offset=12 (i32.load offset=12 (local.get $sample))))
            (i32.add (i32.mul (i32.const 1000) (i32.load offset=8 (local.get $sample)))
            (i32.add (i32.mul (i32.const 100) (i32.load offset=12 (i32.load offset=4 (local.get $sample))))
            (i32.add (i32.mul (i32.const 10) (i32.load8_u (i32.load offset=8 (i32.load offset=4 (local.get $sample)))))
            (i32.load (local.get $sample))))))))",
    );
    assert_eq!(
        score_one(&numbers.scorer(), full_sample()).total,
        Some(51210.0)
    );
}

#[test]
fn failures_of_the_plugin_keep_their_kind() {
    for (judge, outcome) in [
        (
            "(i32.store8 (local.get $out) (i32.const 1))",
            Outcome::InvalidReference,
        ),
        (
            "(i32.store8 (local.get $out) (i32.const 1)) (i32.store8 offset=8 (local.get $out) (i32.const 1))",
            Outcome::Abstain,
        ),
        (
            "(i32.store8 (local.get $out) (i32.const 1)) (i32.store8 offset=8 (local.get $out) (i32.const 2))",
            Outcome::Internal,
        ),
    ] {
        let scored = Guest::judging(judge).score_one();
        assert_eq!((scored.outcome, scored.total), (outcome, None));
        assert_eq!(scored.receipt.outcome, outcome);
    }
}

/// A guest whose total is the sum of all bytes of its only image plus 1000 × width plus 10000 × height.
const LOOKING: &str = "(local $image i32) (local $ret i32) (local $i i32) (local $sum i32)
    (local.set $image (i32.load (i32.load offset=68 (local.get $sample))))
    (local.set $ret (call $alloc (i32.const 8) (i32.const 4)))
    (call $rgb (local.get $image) (local.get $ret))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $i) (i32.load offset=4 (local.get $ret))))
        (local.set $sum (i32.add (local.get $sum)
            (i32.load8_u (i32.add (i32.load (local.get $ret)) (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (i32.const 1000) (call $width (local.get $image)))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (i32.const 10000) (call $height (local.get $image)))))
    (f64.store offset=8 (local.get $out) (f64.convert_i32_u (local.get $sum)))";

#[test]
fn image_pixels_can_be_read() {
    let guest = Guest {
        imports: IMAGE_IMPORTS,
        ..Guest::judging(LOOKING)
    };
    let sample = Sample {
        images: vec![Image::from_rgb(3, 2, (1..=18).collect()).unwrap()],
        ..Sample::default()
    };
    // 1 + … + 18 = 171.
    assert_eq!(score_one(&guest.scorer(), sample).total, Some(23171.0));
}

#[test]
fn samples_of_a_batch_have_their_own_images() {
    let guest = Guest {
        imports: IMAGE_IMPORTS,
        scope: 2,
        ..Guest::judging(LOOKING)
    };
    let sample = |value| Sample {
        images: vec![Image::from_rgb(1, 1, vec![value; 3]).unwrap()],
        ..Sample::default()
    };
    let scored = guest.scorer().score(&[sample(1), sample(2), sample(3)]);
    let totals: Vec<_> = scored.iter().map(|s| s.total).collect();
    assert_eq!(totals, [Some(11003.0), Some(11006.0), Some(11009.0)]);
}

#[test]
fn nothing_is_left_of_the_sample_before() {
    let guest = Guest {
        extra: "(global $seen (mut i32) (i32.const 0))",
        ..Guest::judging(
            "(global.set $seen (i32.add (global.get $seen) (i32.const 1)))
            (i32.store (i32.const 20000) (i32.add (i32.load (i32.const 20000)) (i32.const 1)))
            (f64.store offset=8 (local.get $out) (f64.convert_i32_u
                (i32.add (global.get $seen) (i32.mul (i32.const 10) (i32.load (i32.const 20000))))))",
        )
    };
    let scorer = guest.scorer();
    let samples = vec![Sample::single("x", "1"); 50];
    for scored in scorer.score(&samples) {
        assert_eq!(scored.total, Some(11.0));
    }
}

/// Totals are the response's first byte; `l` loops for ever, `t` traps, `r` recurses, `m` eats memory.
const MIXED: &str = "(local $byte i32)
    (local.set $byte (i32.load8_u (i32.load (i32.load offset=12 (local.get $sample)))))
    (if (i32.eq (local.get $byte) (i32.const 108)) (then (loop $l (br $l))))
    (if (i32.eq (local.get $byte) (i32.const 116)) (then (unreachable)))
    (if (i32.eq (local.get $byte) (i32.const 114)) (then (call $deep)))
    (if (i32.eq (local.get $byte) (i32.const 109))
        (then (loop $l (drop (memory.grow (i32.const 1))) (br $l))))
    (f64.store offset=8 (local.get $out) (f64.convert_i32_u (local.get $byte)))";

fn mixed() -> Guest {
    Guest {
        extra: "(func $deep (call $deep) (call $deep))",
        ..Guest::judging(MIXED)
    }
}

fn mixed_samples() -> Vec<Sample> {
    let texts = ["a", "l", "b", "t", "c", "r", "d", "m"];
    texts
        .iter()
        .cycle()
        .take(48)
        .map(|text| Sample::single(*text, "null"))
        .collect()
}

#[test]
fn one_and_eight_threads_give_the_same() {
    let limits = Limits {
        fuel: 2_000_000,
        ..Limits::default()
    };
    let samples = mixed_samples();
    let [one, eight] = [1, 8].map(|threads| {
        let host = Host::builder()
            .threads(threads)
            .cache(None)
            .build()
            .unwrap();
        let scorer = Scorer::new(&mixed().load_into(&host), &Map::new(), limits).unwrap();
        scorer.score(&samples)
    });
    assert_eq!(one, eight);
    let outcomes: Vec<_> = one[1..8]
        .iter()
        .step_by(2)
        .map(|scored| scored.outcome)
        .collect();
    let expected = [
        Outcome::BudgetExhausted,
        Outcome::Trap,
        Outcome::StackExhausted,
        Outcome::MemoryExhausted,
    ];
    assert_eq!(outcomes, expected);
    let totals: Vec<_> = one[..8]
        .iter()
        .step_by(2)
        .map(|scored| scored.total)
        .collect();
    assert_eq!(totals, [Some(97.0), Some(98.0), Some(99.0), Some(100.0)]);
    assert_eq!(one[1].fuel, 2_000_000);
}

#[test]
fn order_does_not_matter() {
    let limits = Limits {
        fuel: 2_000_000,
        ..Limits::default()
    };
    let scorer = mixed().limited(limits);
    let mut samples = mixed_samples();
    let forward = scorer.score(&samples);
    samples.reverse();
    let mut backward = scorer.score(&samples);
    backward.reverse();
    assert_eq!(forward, backward);
}

#[test]
fn scopes_decide_what_a_call_sees() {
    // The total is 100 × the samples of the call plus the group number that the guest sees.
    let guest = |scope| {
        Guest {
        scope,
        extra: "(global $n (mut i32) (i32.const 0))",
        count: "(block (result i32)
            (local.set $i (i32.const 0))
            (loop $more
                (f64.store offset=8 (i32.add (local.get $list) (i32.mul (local.get $i) (i32.const 32)))
                    (f64.convert_i32_u (i32.add (i32.mul (i32.const 100) (local.get $n))
                        (i32.load (i32.add (local.get $p) (i32.mul (local.get $i) (i32.const 76)))))))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $i) (local.get $n))))
            (local.get $n))",
        ..Guest::default()
    }
    };
    let samples: Vec<_> = [5, 5, 9, 5, 5, 5]
        .map(|group| Sample {
            group,
            ..Sample::default()
        })
        .into();
    let totals = |scope| -> Vec<f64> {
        let scored = guest(scope).scorer().score(&samples);
        scored.iter().map(|s| s.total.unwrap()).collect()
    };
    assert_eq!(totals(0), [100.0; 6]);
    assert_eq!(totals(1), [200.0, 200.0, 100.0, 300.0, 300.0, 300.0]);
    assert_eq!(totals(2), [600.0, 600.0, 601.0, 602.0, 602.0, 602.0]);

    let scored = guest(1).scorer().score(&samples);
    assert!(scored[0].fuel > 0 && scored[2].fuel > 0 && scored[3].fuel > 0);
    assert_eq!((scored[1].fuel, scored[4].fuel, scored[5].fuel), (0, 0, 0));
    assert_eq!(scored[0].receipt.call, scored[1].receipt.call);
    assert_ne!(scored[0].receipt.call, scored[2].receipt.call);
    assert!(guest(2).scorer().score(&[]).is_empty());
}

#[test]
fn a_failed_group_call_is_every_samples_outcome() {
    let guest = Guest {
        scope: 1,
        ..Guest::judging(
            "(if (i32.eqz (i32.load offset=24 (local.get $sample))) (then (unreachable)))",
        )
    };
    let sample = |group, answer: &str| Sample {
        group,
        answer: answer.into(),
        ..Sample::default()
    };
    let scored = guest
        .scorer()
        .score(&[sample(0, "1"), sample(0, ""), sample(1, "1")]);
    let outcomes: Vec<_> = scored.iter().map(|s| s.outcome).collect();
    assert_eq!(outcomes, [Outcome::Trap, Outcome::Trap, Outcome::Score]);
}

#[test]
fn callers_may_be_many_and_of_any_kind() {
    let scorer = mixed().limited(Limits {
        fuel: 100_000,
        ..Limits::default()
    });
    let samples = mixed_samples();
    let expected = scorer.score(&samples);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(scorer.score(&samples), expected));
        }
        // A pool of the caller's, and a guest thread itself.
        scope.spawn(|| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(2)
                .build()
                .unwrap();
            pool.install(|| assert_eq!(scorer.score(&samples), expected));
        });
        scope.spawn(|| HOST.install(|| assert_eq!(scorer.score(&samples), expected)));
    });
}
