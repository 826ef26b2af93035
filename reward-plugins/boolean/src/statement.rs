//! Answers without the word: `It does not.`, `There is no dog in the image.`

use crate::{AFFIRMS, AUXILIARIES, DOUBTS, POLAR, mixed, negates};
use rlhost_verifier::retraction;

/// Words with which a sentence is about what can be told, and not about what is there: `There is no way to tell`.
const TELLING: [&str; 26] = [
    "to",
    "that",
    "whether",
    "answer",
    "way",
    "idea",
    "information",
    "evidence",
    "telling",
    "enough",
    "tell",
    "say",
    "says",
    "state",
    "provide",
    "provided",
    "specify",
    "specified",
    "mention",
    "mentioned",
    "indicate",
    "clear",
    "possible",
    "determine",
    "determined",
    "question",
];
/// The most words before the verb of a denial.
const MAX_SUBJECT: usize = 6;

/// Whether a statement with one negation denies something of what is seen: `The image does not contain a dog`, `the car isn't
/// red`, `no dog is visible`. One that says of the speaker or of what can be told that it is not says nothing.
fn denies(words: &[&str]) -> bool {
    // `It is not false` is about the question itself.
    let judges = |word: &&str| {
        POLAR.contains(word)
            || AFFIRMS.contains(word)
            || matches!(*word, "wrong" | "incorrect" | "so")
    };
    if words
        .iter()
        .any(|word| TELLING.contains(word) || judges(word))
    {
        return false;
    }
    let auxiliary = |word: &&str| AUXILIARIES.contains(word);
    match words {
        [
            "no",
            thing @ ..,
            "visible" | "present" | "shown" | "seen" | "depicted",
        ] => thing.len() > 1 && thing.iter().any(auxiliary),
        [
            "the" | "this" | "that" | "these" | "those" | "it" | "he" | "she" | "they",
            ..,
        ] => {
            let verb = words
                .iter()
                .position(|word| auxiliary(word) || word.ends_with("n't"));
            verb.is_some_and(|verb| {
                let negated = words[verb].ends_with("n't") || words.get(verb + 1) == Some(&"not");
                let after = words.len() - verb - 1 - usize::from(!words[verb].ends_with("n't"));
                (1..=MAX_SUBJECT).contains(&verb) && negated && after > 0
            })
        }
        _ => false,
    }
}

/// What an answer of one clause without the word states: a short answer (`it does not`), or whether something is there
/// (`there is no dog`).
pub(crate) fn read(clause: &str) -> Option<bool> {
    let words: Vec<&str> = clause
        .split_whitespace()
        .map(|word| word.trim_matches('\''))
        .collect();
    if words
        .iter()
        .any(|word| DOUBTS.contains(word) || retraction::takes_back(word) || mixed(word))
    {
        return None;
    }
    let negations = words.iter().filter(|word| negates(word)).count();
    let at = words.iter().position(|word| *word == "there");
    if let Some(at) = at.filter(|at| *at == 0 || words[..*at].iter().all(|word| !negates(word))) {
        let verb = words.get(at + 1)?;
        let there = ["is", "are", "was", "were"];
        let negated = verb
            .strip_suffix("n't")
            .is_some_and(|verb| there.contains(&verb))
            || (there.contains(verb) && matches!(words.get(at + 2), Some(&("no" | "not"))));
        let thing = words.len() - at > 2 + usize::from(negated && !verb.ends_with("n't"));
        let open = words[at..].iter().any(|word| TELLING.contains(word));
        return match (negated, negations) {
            (true, 1) if thing && !open => Some(false),
            (false, 0) if thing && !open && there.contains(verb) => Some(true),
            _ => None,
        };
    }
    if negations == 1 && denies(&words) {
        return Some(false);
    }
    let [subject, verb, rest @ ..] = &words[..] else {
        return None;
    };
    let pronoun = matches!(
        *subject,
        "it" | "they" | "he" | "she" | "this" | "these" | "those"
    );
    let negated = verb
        .strip_suffix("n't")
        .is_some_and(|verb| AUXILIARIES.contains(&verb))
        && rest.is_empty()
        || AUXILIARIES.contains(verb) && *rest == ["not"];
    match (pronoun, negated) {
        (true, true) => Some(false),
        (true, false) if AUXILIARIES.contains(verb) && rest.is_empty() => Some(true),
        _ => None,
    }
}
