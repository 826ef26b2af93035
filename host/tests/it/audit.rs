//! Audits: what is asked, and which answers are told apart. Plugins can't be made to answer differently,
//! so what differs here are functions in their place.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use rlhost_host::audit::{self, Order, Pass, Process, Report};
use rlhost_host::{Digest, Error, Outcome, Receipt, Sample, Scope, Scored, StepReward};

use crate::guest::{Guest, HOST};

fn samples(count: u32) -> Vec<Sample> {
    let samples = (0..count).map(|i| Sample {
        group: i / 3,
        ..Sample::single(i.to_string(), "1")
    });
    samples.collect()
}

/// An answer that depends on nothing but the sample.
fn honest(sample: &Sample) -> Scored {
    let text = &sample.response[0].text;
    Scored {
        outcome: Outcome::Score,
        total: Some(0.0),
        parts: BTreeMap::from([("length".to_owned(), text.len() as f64)]),
        steps: vec![StepReward {
            turn: 0,
            end_byte: Some(1),
            value: 0.5,
        }],
        fuel: 100,
        message: None,
        log: Vec::new(),
        exchanges: Vec::new(),
        receipt: Receipt {
            component: Digest::of(b"component"),
            input: Digest::of(text.as_bytes()),
            call: None,
            params: Digest::of(b"{}"),
            interpreters: Vec::new(),
            exchanges: None,
            engine: "engine".into(),
            fuel: 100,
            outcome: Outcome::Score,
        },
    }
}

/// An audit of 20 passes over 10 samples, whose answers `change` gets its hands on.
fn audited(mut change: impl FnMut(&Pass, &Sample, &mut Scored)) -> Report {
    let passes = audit::plan(Scope::Sample, 20, 8);
    let report = audit::audit(Scope::Sample, &samples(10), &passes, |pass, samples| {
        let scored = samples.iter().map(|sample| {
            let mut scored = honest(sample);
            change(pass, sample, &mut scored);
            scored
        });
        Ok::<_, Error>(scored.collect())
    });
    report.unwrap()
}

#[test]
fn equal_answers_are_deterministic() {
    let report = audited(|_, _, _| {});
    assert!(report.is_deterministic());
    assert_eq!(
        (report.passes, report.compared, report.host_faults),
        (20, 190, 0)
    );
    assert_eq!(report.difference, None);
}

#[test]
fn a_difference_in_any_field_is_found_and_named() {
    type Change = fn(&mut Scored);
    let changes: [(&str, Change); 9] = [
        ("outcome", |s| s.outcome = Outcome::Abstain),
        ("score", |s| s.total = None),
        // Equal as numbers, other bits.
        ("score", |s| s.total = Some(-0.0)),
        ("parts", |s| {
            *s.parts.get_mut("length").unwrap() += f64::EPSILON;
        }),
        ("parts", |s| s.parts.clear()),
        ("steps", |s| s.steps[0].end_byte = None),
        ("fuel", |s| s.fuel += 1),
        ("message", |s| s.message = Some("odd".into())),
        ("receipt", |s| s.receipt.engine = "other".into()),
    ];
    for (field, change) in changes {
        let mut asked = 0;
        let report = audited(|_, sample, scored| {
            if sample.response[0].text == "7" {
                asked += 1;
                if asked == 13 {
                    change(scored);
                }
            }
        });
        assert!(!report.is_deterministic());
        let found = report.difference.unwrap();
        assert_eq!(found.fields, [field]);
        assert_eq!((found.sample, found.samples, report.passes), (7, 1, 13));
        let passes = audit::plan(Scope::Sample, 20, 8);
        assert_eq!((found.first.0, found.other.0), (passes[0], passes[12]));
        assert_eq!(found.first.1, honest(&samples(10)[7]));
        // As texts: as numbers 0 and -0 are equal.
        assert_ne!(
            format!("{:?}", found.other.1),
            format!("{:?}", found.first.1)
        );
    }
}

#[test]
fn what_depends_on_threads_order_size_or_process_is_found() {
    let on_threads = audited(|pass, _, scored| scored.fuel += pass.threads as u64);
    assert_eq!(on_threads.difference.unwrap().other.0.threads, 8);

    let in_process =
        audited(|pass, _, scored| scored.fuel += u64::from(pass.process == Process::Recompiled));
    assert_eq!(
        in_process.difference.unwrap().other.0.process,
        Process::Recompiled
    );

    // State that goes from sample to sample, but not from pass to pass.
    let last = Cell::new((None, 0));
    let carried = audited(|pass, sample, scored| {
        let now = sample.response[0].text.parse::<u64>().unwrap();
        let (of, before) = last.replace((Some(*pass), now));
        scored.fuel += if of == Some(*pass) { before } else { 0 };
    });
    let found = carried.difference.unwrap();
    assert_ne!(found.other.0.order, Order::Given, "{found:?}");

    // State that grows with every sample.
    let count = Cell::new(0);
    let counted = audited(|_, _, scored| {
        count.set(count.get() + 1);
        scored.total = Some(f64::from(count.get()));
    });
    let found = counted.difference.unwrap();
    assert_eq!((found.sample, found.samples, counted.passes), (0, 10, 2));

    // What sees how much there is at once.
    let passes = audit::plan(Scope::Sample, 20, 8);
    let report = audit::audit(Scope::Sample, &samples(10), &passes, |_, samples| {
        let mut scored: Vec<_> = samples.iter().map(honest).collect();
        scored[0].fuel += samples.len() as u64 / 10;
        Ok::<_, Error>(scored)
    });
    assert!(report.unwrap().difference.is_some());
}

#[test]
fn faults_of_the_host_are_told_apart() {
    let fault = |scored: &mut Scored| scored.outcome = Outcome::HostFault;
    // In the first pass and in some other: there are answers enough left.
    let mut asked = 0;
    let some = audited(|_, sample, scored| {
        if sample.response[0].text == "2" {
            asked += 1;
            if [1, 5].contains(&asked) {
                fault(scored);
            }
        }
    });
    assert!(some.is_deterministic(), "{some:?}");
    assert_eq!((some.host_faults, some.compared), (2, 188));
    // In all passes but one: nothing to compare it with.
    let mut asked = 0;
    let most = audited(|_, sample, scored| {
        if sample.response[0].text == "2" {
            asked += 1;
            if asked != 4 {
                fault(scored);
            }
        }
    });
    assert!(!most.is_deterministic());
    assert_eq!(
        (most.difference, most.unproven, most.host_faults),
        (None, vec![2], 19)
    );
}

#[test]
fn what_can_not_be_audited() {
    let run = |samples: &[Sample], passes: &[Pass]| {
        let error = audit::audit(Scope::Sample, samples, passes, |_, samples| {
            Ok::<_, Error>(samples.iter().skip(1).map(honest).collect())
        });
        error.unwrap_err().to_string()
    };
    let passes = audit::plan(Scope::Sample, 2, 8);
    assert!(run(&[], &passes).contains("no sample"));
    assert!(run(&samples(3), &passes[..1]).contains("two passes"));
    assert!(run(&samples(3), &passes).contains("2 results for 3 samples"));
}

#[test]
fn a_plan_varies_all_that_may_not_matter() {
    let passes = audit::plan(Scope::Sample, 20, 8);
    assert_eq!(passes.len(), 20);
    let count = |wanted: &dyn Fn(&Pass) -> bool| passes.iter().filter(|pass| wanted(pass)).count();
    assert_eq!(count(&|pass| pass.threads == 1), 10);
    assert_eq!(count(&|pass| pass.threads == 8), 10);
    assert_eq!(count(&|pass| pass.process == Process::Recompiled), 1);
    assert_eq!(count(&|pass| pass.process == Process::Fresh), 1);
    assert_eq!(count(&|pass| pass.order == Order::Reversed), 1);
    assert_eq!(count(&|pass| matches!(pass.order, Order::Shuffled(_))), 15);
    let chunks: BTreeSet<_> = passes.iter().map(|pass| pass.chunk).collect();
    assert!(chunks.len() >= 4, "{chunks:?}");
    // Another process takes the file as it is.
    let elsewhere = |pass: &Pass| pass.process != Process::This;
    assert_eq!(
        count(&|pass| elsewhere(pass) && pass.order == Order::Given && pass.chunk.is_none()),
        2
    );
    // The least that the command takes has a process of its own.
    assert!(audit::plan(Scope::Sample, 3, 8).iter().any(elsewhere));
    // Batches have one order and one size.
    let batch = audit::plan(Scope::Batch, 20, 8);
    assert!(
        batch
            .iter()
            .all(|pass| pass.order == Order::Given && pass.chunk.is_none())
    );
}

/// The texts of all hand-overs of each pass.
fn handed(scope: Scope, samples: &[Sample]) -> Vec<(Pass, Vec<Vec<Sample>>)> {
    let passes = audit::plan(scope, 20, 8);
    let mut seen: Vec<(Pass, Vec<Vec<Sample>>)> = Vec::new();
    let report = audit::audit(scope, samples, &passes, |pass, samples| {
        match seen.last_mut() {
            Some((last, hands)) if last == pass => hands.push(samples.to_vec()),
            _ => seen.push((*pass, vec![samples.to_vec()])),
        }
        Ok::<_, Error>(samples.iter().map(honest).collect())
    });
    assert!(report.unwrap().is_deterministic());
    seen
}

fn texts<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Vec<&'a str> {
    samples
        .into_iter()
        .map(|sample| &*sample.response[0].text)
        .collect()
}

#[test]
fn every_sample_is_asked_once_a_pass_in_the_order_of_the_pass() {
    let samples = samples(20);
    let seen = handed(Scope::Sample, &samples);
    assert_eq!(seen.len(), 20);
    let mut orders = BTreeSet::new();
    for (pass, hands) in &seen {
        let all = texts(hands.iter().flatten());
        let mut sorted = all.clone();
        sorted.sort_by_key(|text| text.parse::<u32>().unwrap());
        assert_eq!(sorted, texts(&samples));
        let reversed: Vec<_> = sorted.iter().rev().copied().collect();
        match pass.order {
            Order::Given => assert_eq!(all, sorted),
            Order::Reversed => assert_eq!(all, reversed),
            Order::Shuffled(_) => assert!(orders.insert(all)),
        }
        let most = pass.chunk.unwrap_or(20);
        assert!(hands.iter().all(|hand| hand.len() <= most));
        assert_eq!(hands.len(), 20_usize.div_ceil(most));
    }
}

#[test]
fn a_group_stays_together_and_a_batch_as_it_is() {
    // The first and the last group have equal numbers, but are not one.
    let mut nine = samples(9);
    nine[6..].iter_mut().for_each(|sample| sample.group = 0);
    let mut orders = BTreeSet::new();
    for (pass, hands) in handed(Scope::Group, &nine) {
        for hand in &hands {
            for group in hand.chunk_by(|a, b| a.group == b.group) {
                let texts = texts(group);
                let start = texts[0].parse::<u32>().unwrap();
                assert_eq!(start % 3, 0, "{pass}");
                assert_eq!(
                    texts,
                    [start, start + 1, start + 2].map(|i| i.to_string()),
                    "{pass}"
                );
            }
        }
        orders.insert(texts(hands.iter().flatten()).join(" "));
    }
    assert!(orders.len() > 3, "{orders:?}");
    for (pass, hands) in handed(Scope::Batch, &nine) {
        assert_eq!(hands, [nine.clone()], "{pass}");
    }
}

#[test]
fn real_guests_pass() {
    for scope in 0..3 {
        let guest = Guest {
            scope,
            ..Guest::default()
        };
        let (one, two) = (
            guest.load_into(
                &rlhost_host::Host::builder()
                    .threads(1)
                    .cache(None)
                    .build()
                    .unwrap(),
            ),
            guest.load_into(&HOST),
        );
        let [one, two] = [one, two].map(|plugin| {
            rlhost_host::Scorer::new(&plugin, &serde_json::Map::new(), plugin.host().limits())
                .unwrap()
        });
        let scope = one.plugin().info().scope;
        let mut nine = samples(9);
        nine[6..].iter_mut().for_each(|sample| sample.group = 0);
        let mut passes = audit::plan(scope, 20, 2);
        passes.retain(|pass| pass.process == Process::This);
        let report = audit::audit(scope, &nine, &passes, |pass, samples| {
            let scorer = if pass.threads == 1 { &one } else { &two };
            Ok::<_, Error>(scorer.score(samples))
        })
        .unwrap();
        assert!(report.is_deterministic(), "{report:?}");
        assert_eq!(report.compared, 9 * 17);
    }
}

#[test]
fn a_pass_says_what_it_is() {
    let passes = audit::plan(Scope::Sample, 20, 8);
    assert_eq!(passes[0].to_string(), "1 thread, in order");
    assert_eq!(passes[3].to_string(), "8 threads, reversed");
    assert_eq!(
        passes[7].to_string(),
        "8 threads, shuffled (seed 7), 7 at a time"
    );
    assert!(
        passes[2]
            .to_string()
            .ends_with("in a process of its own, compiled anew")
    );
}
