//! The corpus (`cases/corpus/`): pairs of answer and response whose verdict was decided by hand.

use std::collections::BTreeMap;

use crate::cases::{Case, holds, read};

/// Pairs that are judged wrong, and why that is borne.
const KNOWN: [(&str, &str); 3] = [
    (
        "fifth-round.jsonl:95",
        "a fraction in words between numbers, in a sentence",
    ),
    (
        "fifth-round.jsonl:261",
        "an inequality in words, in a sentence",
    ),
    ("fifth-round.jsonl:343", "a choice by exclusion"),
];

#[test]
fn the_corpus_is_judged_right() {
    let cases = read("cases/corpus");
    assert!(cases.len() >= 2_000, "the corpus shrank to {}", cases.len());
    let negative = |case: &&Case| case.row["expect"]["score"] == 0;
    assert!(cases.iter().filter(negative).count() * 2 >= cases.len());
    let shown = |case: &Case| {
        let row = &case.row;
        format!(
            "{} {} | {} | {}",
            case.place, row["kind"], row["answer"], row["response"]
        )
    };
    let wrong: Vec<_> = cases.iter().filter(|case| !holds(&case.row)).collect();
    let accepted: Vec<_> = wrong
        .iter()
        .filter(|c| negative(c))
        .map(|c| shown(c))
        .collect();
    assert!(
        accepted.is_empty(),
        "wrongly accepted, {}:\n{}",
        accepted.len(),
        accepted.join("\n")
    );
    let known = |case: &Case| KNOWN.iter().any(|(place, _)| *place == case.place);
    let refused: Vec<_> = wrong
        .iter()
        .filter(|c| !known(c))
        .map(|c| shown(c))
        .collect();
    assert!(
        refused.is_empty(),
        "wrongly refused, {}:\n{}",
        refused.len(),
        refused.join("\n")
    );
    for (place, why) in KNOWN {
        let still = wrong.iter().any(|case| case.place == place);
        assert!(
            still,
            "{place} is judged right now, so it is not known for: {why}"
        );
    }
}

/// No pair is there twice, not even in two files.
#[test]
fn the_corpus_repeats_nothing() {
    let mut seen = BTreeMap::new();
    for Case { place, row } in read("cases/corpus") {
        let pair = (row["answer"].to_string(), row["response"].to_string());
        if let Some(first) = seen.insert(pair, place.clone()) {
            panic!("{place} repeats {first}");
        }
    }
}
