//! Instances that live on.

use rlhost_host::{Error, Host, Image, Limits, Outcome, Sample, Scorer};
use serde_json::Map;

use crate::guest::{Guest, IMAGE_IMPORTS};

/// Its total is how many samples the instance has seen; `l` loops for ever, `t` traps, `m` takes 1 MiB,
/// `a` abstains.
fn counter() -> Guest {
    Guest {
        extra: "(global $seen (mut i32) (i32.const 0))",
        ..Guest::judging(
            "(local $byte i32)
            (local.set $byte (i32.load8_u (i32.load (i32.load offset=12 (local.get $sample)))))
            (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
            (if (i32.eq (local.get $byte) (i32.const 108)) (then (loop $l (br $l))))
            (if (i32.eq (local.get $byte) (i32.const 116)) (then (unreachable)))
            (if (i32.eq (local.get $byte) (i32.const 109))
                (then (drop (memory.grow (i32.const 16)))))
            (if (i32.eq (local.get $byte) (i32.const 97)) (then
                (i32.store8 (local.get $out) (i32.const 1))
                (i32.store8 offset=8 (local.get $out) (i32.const 1))))
            (if (i32.ne (local.get $byte) (i32.const 97)) (then
                (f64.store offset=8 (local.get $out) (f64.convert_i32_u (global.get $seen)))))",
        )
    }
}

fn sample(text: &str) -> Sample {
    Sample::single(text, "1")
}

#[test]
fn an_instance_lives_on_and_says_so() {
    let scorer = counter().scorer();
    let mut session = scorer.session().unwrap();
    let fresh = scorer.score(&[sample("x")]).remove(0);
    for seen in 1..=100 {
        let scored = session.score(&sample("x")).unwrap();
        assert_eq!(scored.total, Some(f64::from(seen)));
        // Every call has its own fuel; a fresh instance's includes its start, which costs nothing here.
        assert_eq!(scored.fuel, fresh.fuel);
        assert_eq!(scored.receipt.input, fresh.receipt.input);
        assert_eq!(
            *scored.receipt.engine,
            format!("{},instance=reused", fresh.receipt.engine)
        );
    }
    assert_eq!(scorer.score(&[sample("x")])[0].total, Some(1.0));
    assert_eq!(
        scorer.session().unwrap().score(&sample("x")).unwrap().total,
        Some(1.0)
    );
}

#[test]
fn fuel_is_for_a_call_and_not_for_the_session() {
    let limits = Limits {
        fuel: 2_000,
        ..Limits::default()
    };
    let mut session = counter().limited(limits).session().unwrap();
    let mut total = 0;
    for _ in 0..1_000 {
        let scored = session.score(&sample("x")).unwrap();
        assert_eq!(scored.outcome, Outcome::Score);
        total += scored.fuel;
    }
    assert!(total > 10 * limits.fuel, "{total}");
}

#[test]
fn what_the_engine_stops_ends_the_session() {
    let limits = Limits {
        fuel: 1_000_000,
        memory: 4 << 20,
        ..Limits::default()
    };
    let scorer = counter().limited(limits);
    for (text, outcome) in [
        ("t", Outcome::Trap),
        ("l", Outcome::BudgetExhausted),
        ("m", Outcome::MemoryExhausted),
    ] {
        let mut session = scorer.session().unwrap();
        let last = (0..8)
            .map(|_| session.score(&sample(text)).unwrap())
            .find(|scored| scored.outcome != Outcome::Score)
            .unwrap();
        assert_eq!(last.outcome, outcome, "{text}");
        assert!(session.has_ended());
        let error = session.score(&sample("x")).unwrap_err();
        assert!(matches!(error, Error::Session { .. }), "{error:?}");
        let expected = format!("it ended with {outcome}");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn a_failure_that_the_plugin_reports_does_not_end_it() {
    let mut session = counter().scorer().session().unwrap();
    let abstained = session.score(&sample("a")).unwrap();
    assert_eq!(abstained.outcome, Outcome::Abstain);
    assert!(!session.has_ended());
    assert_eq!(session.score(&sample("x")).unwrap().total, Some(2.0));
}

#[test]
fn every_sample_has_its_own_images() {
    let guest = Guest {
        imports: IMAGE_IMPORTS,
        ..Guest::judging(
            "(f64.store offset=8 (local.get $out) (f64.convert_i32_u
                (call $width (i32.load (i32.load offset=68 (local.get $sample))))))",
        )
    };
    let mut session = guest.scorer().session().unwrap();
    for width in 1..20 {
        let pixels = vec![0; 3 * width as usize];
        let sample = Sample {
            images: vec![Image::from_rgb(width, 1, pixels).unwrap()],
            ..sample("x")
        };
        let total = session.score(&sample).unwrap().total;
        assert_eq!(total, Some(f64::from(width)));
    }
}

#[test]
fn other_scopes_have_no_sessions() {
    let guest = Guest {
        scope: 1,
        ..counter()
    };
    let error = guest.scorer().session().unwrap_err();
    assert!(error.to_string().contains("scope"), "{error}");
}

#[test]
fn a_host_has_room_for_as_many_as_asked_for() {
    let host = Host::builder()
        .threads(1)
        .waiting(1)
        .sessions(200)
        .cache(None)
        .build()
        .unwrap();
    let plugin = counter().load_into(&host);
    let scorer = Scorer::new(&plugin, &Map::new(), Limits::default()).unwrap();
    let mut live: Vec<_> = (0..200).map(|_| scorer.session().unwrap()).collect();
    for session in &mut live {
        assert_eq!(session.score(&sample("x")).unwrap().total, Some(1.0));
    }
    // Fresh instances still have room beside them.
    assert_eq!(scorer.score(&[sample("x")])[0].total, Some(1.0));
    // What the pool has beyond that is small, and then the error says what is missing.
    let mut more = Vec::new();
    let error = loop {
        match scorer.session() {
            Ok(session) => more.push(session),
            Err(error) => break error,
        }
        assert!(more.len() < 1_000);
    };
    assert!(error.to_string().contains("host-fault"), "{error}");
    drop(live);
    assert!(scorer.session().is_ok());
}
