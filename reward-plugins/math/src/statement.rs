//! The value that a sentence of plain text states, by the structure of the sentence: what an equation in it comes to, or the only
//! number that it has. Any verb and any words may stand around the value, but for those that void it.
//!
//! ```text
//! Together they weigh 15 + 30 = 45 pounds.        45 pounds
//! It takes Carla 160 minutes to download it.      160 minutes
//! ```
//!
//! For whole sentences: [`prose`](crate::prose) reads what is shorter, as in most marks.

use crate::clauses;
use crate::cues::{CHANGERS, DOUBTS, HEDGES, NUMBERED, UNSURE, names_answer};
use crate::sentence::{Word, gives_up, is_task, joined, words};
use crate::sums::{self, Found, number};
use crate::voided;
use crate::{attached, prose, units};

/// Words at the start of a clause that the main clause of the sentence follows.
const SUBORDINATE: [&str; 9] = [
    "if", "since", "because", "as", "when", "after", "before", "for", "given",
];

/// Words that put what follows them beside the rest of the sentence.
const PREPOSITIONS: [&str; 16] = [
    "for", "of", "in", "on", "at", "from", "by", "to", "with", "after", "before", "during", "per",
    "within", "until", "since",
];

/// Is a text a whole sentence: a capital letter, several words, a full stop?
pub(crate) fn is_sentence(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(|c: char| c.is_uppercase())
        && text.ends_with('.')
        && text.split_whitespace().take(4).count() > 3
}

/// The value that the last sentence of a text states.
pub(crate) fn stated(text: &str) -> Option<String> {
    let sentence = prose::last_sentence(text)?;
    let all = words(prose::without_contrast(sentence.trim()))?;
    if sentence.trim_end().ends_with('?') || sentence.contains("~~") || sentence.contains("{\"") {
        return None;
    }
    let unsure = |word: &Word<'_>| UNSURE.contains(&word.bare().as_str());
    if all.iter().any(unsure) {
        return None;
    }
    let clause = main_clause(&all);
    let found = match clause.iter().rposition(sums::is_equation) {
        Some(at) => sums::computed(clause, at)?,
        None => only_number(clause)?,
    };
    let (before, tail) = (&clause[..found.start], &clause[found.end..]);
    if is_hedged(&all, before, tail, found.computed) || is_changed(before) {
        return None;
    }
    if !found.computed && (is_task(clause) || is_open_ended(tail) || is_reported(before)) {
        return None;
    }
    // `12 is less than the answer`: what is said of the value itself has to say that it is the answer.
    if !found.computed
        && let [verb, rest @ ..] = tail
        && matches!(verb.bare().as_str(), "is" | "are" | "was" | "were")
        && !rest.iter().take(4).any(|word| names_answer(&word.bare()))
    {
        return None;
    }
    // A second clause with a value of its own: `Tom has 12 - 4 = 8, and Ann has 4`.
    let comma = tail.iter().position(|word| word.text.ends_with(','));
    if comma.is_some_and(|at| tail[at..].iter().any(Word::is_mathematical)) {
        return None;
    }
    let before = joined(before);
    let pieces = clauses::pieces(&before, None);
    if voided::is_said_against(&pieces, &found.value, &joined(tail)) {
        return None;
    }
    // What is counted says nothing, a unit does.
    let label = prose::label(tail).unwrap_or_default();
    let first = label.split(' ').next().unwrap_or_default();
    let keeps = units::known(first).is_some() || attached::is_unit(&label);
    let scaled = units::multiple(&label).is_some() || matches!(label.as_str(), "K" | "k" | "grand");
    if !found.computed && matches!(label.as_str(), "pairs" | "couples") {
        return None;
    }
    Some(if keeps || scaled {
        format!("{} {label}", found.value)
    } else {
        found.value
    })
}

/// Is a sentence no statement? Beside a sum that is worked out, only a doubt makes it none: `she would have 3 + 4 = 7`.
fn is_hedged(all: &[Word<'_>], before: &[Word<'_>], after: &[Word<'_>], computed: bool) -> bool {
    let has = |words: &[Word<'_>], list: &[&str], but: &[&str]| {
        words.iter().enumerate().any(|(at, word)| {
            let bare = word.bare();
            // `the difference between them` is none of `between 3 and 4`.
            let between =
                bare == "between" && !words.get(at + 1).is_some_and(Word::is_mathematical);
            !between && list.contains(&bare.as_str()) && !but.contains(&bare.as_str())
        })
    };
    // A comparison after the value says of what it is a difference: `12 more than Tom`.
    let compares = ["than", "less", "most", "least"];
    let beside_a_sum = [
        "would", "should", "could", "may", "between", "if", "not", "never", "don't", "doesn't",
        "isn't", "aren't", "wasn't", "cannot", "can't", "than", "less", "least", "most", "either",
        "except", "none", "instead", "rather",
    ];
    // What is needed at least is what is asked for: `he must score at least 98`.
    let needs = before.windows(2).any(|pair| match pair[0].bare().as_str() {
        "must" | "need" | "needs" | "needed" | "requires" | "require" => true,
        "has" | "have" | "had" => pair[1].bare() == "to",
        _ => false,
    });
    let mut near = before.iter().rev().map(Word::bare);
    let least = near.next().is_some_and(|word| word == "least")
        && near.next().is_some_and(|word| word == "at");
    let least: &[&str] = if needs && least { &["least"] } else { &[] };
    if computed {
        has(all, &DOUBTS, &["if", "sure"])
            || has(before, &HEDGES, &beside_a_sum)
            || has(after, &HEDGES, &beside_a_sum)
    } else {
        gives_up(all)
            || has(all, &DOUBTS, &[])
            || has(before, &HEDGES, least)
            || has(after, &HEDGES, &compares)
    }
}

/// Does what follows a value leave it open or compute with it: `7 or above`, `7 below zero`, `7 times as large`?
fn is_open_ended(tail: &[Word<'_>]) -> bool {
    let first = tail.first().map(Word::bare).unwrap_or_default();
    let ends = tail.len() == 1;
    matches!(
        first.as_str(),
        "or" | "below"
            | "above"
            | "plus"
            | "minus"
            | "raised"
            | "over"
            | "divided"
            | "multiplied"
            | "mod"
            | "modulo"
    ) || first == "times" && !ends
        || matches!(first.as_str(), "at" | "and")
            && tail.get(1).is_some_and(|word| {
                matches!(
                    word.bare().as_str(),
                    "least" | "most" | "up" | "above" | "more"
                )
            })
}

/// Does a sentence say what somebody else says, or what is left out?
fn is_reported(before: &[Word<'_>]) -> bool {
    before.iter().any(|word| {
        matches!(
            word.bare().as_str(),
            "claims"
                | "claimed"
                | "says"
                | "said"
                | "thinks"
                | "thought"
                | "believes"
                | "guesses"
                | "guessed"
                | "exclude"
                | "excludes"
                | "excluded"
                | "excluding"
                | "nobody"
                | "nothing"
                | "set"
                | "let"
                | "page"
                | "divisible"
                | "differs"
                | "example"
        )
    })
}

/// Do the words directly before a value change it, or is it a name: `half of 12`, `up to 12`, `step 12`?
fn is_changed(before: &[Word<'_>]) -> bool {
    let near: Vec<String> = before.iter().rev().take(3).map(Word::bare).collect();
    near.iter().any(|word| CHANGERS.contains(&word.as_str()))
        || near
            .first()
            .is_some_and(|word| NUMBERED.contains(&word.as_str()))
        || near.iter().take(2).map(String::as_str).eq(["to", "up"])
}

/// The sentence without the clause that a conjunction begins it with, up to a comma: `If each gets the same, there are 9.`
fn main_clause<'a, 's>(words: &'a [Word<'s>]) -> &'a [Word<'s>] {
    let first = words.first().map(Word::bare).unwrap_or_default();
    let from = if SUBORDINATE.contains(&first.as_str()) {
        words
            .iter()
            .position(|word| word.text.ends_with(','))
            .map_or(0, |at| at + 1)
    } else {
        0
    };
    let words = &words[from..];
    // What is concluded at the end counts: `…, so she has 12 left`.
    let concludes = words.iter().enumerate().rposition(|(at, word)| {
        let concludes = matches!(
            word.bare().as_str(),
            "so" | "then" | "therefore" | "thus" | "hence"
        );
        at > 0 && (concludes || word.bare() == "which" && words[at - 1].text.ends_with(','))
    });
    let words = match concludes {
        Some(at) if at + 1 < words.len() => &words[at + 1..],
        _ => words,
    };
    // A reason behind it is no part of it.
    let reason = |word: &Word<'_>| matches!(word.bare().as_str(), "because" | "since");
    let end = words.iter().skip(1).position(reason).map(|at| at + 1);
    &words[..end.unwrap_or(words.len())]
}

/// The number of a clause that has just one, but for those that a preposition puts beside it: `she pays $64 for the 16 glasses`.
fn only_number(words: &[Word<'_>]) -> Option<Found> {
    let numbers: Vec<usize> = (0..words.len())
        .filter(|at| words[*at].is_mathematical())
        .collect();
    let bare = |at: usize| words[at].bare();
    let beside = |at: usize| {
        let before = (0..at).rev().map(bare).find(|word| {
            !matches!(
                word.as_str(),
                "the" | "a" | "all" | "these" | "those" | "his" | "her" | "its" | "their"
            )
        });
        before.is_some_and(|word| PREPOSITIONS.contains(&word.as_str()))
    };
    let only = match numbers.as_slice() {
        [only] => *only,
        all => {
            let mut free = all.iter().filter(|at| !beside(**at));
            let only = *free.next()?;
            if free.next().is_some() {
                return None;
            }
            only
        }
    };
    // `12 out of 20`
    let share = words[only..]
        .windows(2)
        .any(|pair| pair[0].bare() == "out" && pair[1].bare() == "of");
    if only == 0 || share {
        return None;
    }
    Some(Found {
        start: only,
        end: only + 1,
        value: number(words[only].text)?,
        computed: false,
    })
}
