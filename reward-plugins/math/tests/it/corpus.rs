//! The corpus (`cases/corpus/`): pairs of answer and response whose verdict was decided by hand.

use std::collections::BTreeMap;

use crate::cases::{Case, holds, read};

#[test]
fn the_corpus_is_judged_right() {
    let cases = read("cases/corpus");
    assert!(cases.len() >= 650, "the corpus shrank to {}", cases.len());
    let negative = |case: &&Case| case.row["expect"]["score"] == 0;
    assert!(cases.iter().filter(negative).count() * 2 >= cases.len());
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for case in cases.iter().filter(|case| !holds(&case.row)) {
        let list = if negative(&case) {
            &mut accepted
        } else {
            &mut refused
        };
        list.push(format!(
            "{} {} | {} | {}",
            case.place, case.row["kind"], case.row["answer"], case.row["response"]
        ));
    }
    assert!(
        accepted.is_empty() && refused.is_empty(),
        "wrongly accepted, {}:\n{}\nwrongly refused, {}:\n{}",
        accepted.len(),
        accepted.join("\n"),
        refused.len(),
        refused.join("\n")
    );
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
