//! Which words may stand around a value so that it is the answer: a list of what is allowed, for what denies or changes a value
//! has no end. `The answer is 12`, `she has 12 apples left`; but no `ln 12`, `a multiple of 12`, `12 rejected`.

use crate::around::{
    ASKED, BLAMES, CHANGED, CHANGERS, CUES, DENIALS, FRACTIONS, FUNCTIONS, IRREGULAR, LEADS,
    MODIFIERS, NAMES, NO_NOUNS, OPERATORS, PREDICATES, REWRITES, TAILS,
};
use crate::sentence::Word;
use crate::units;

/// Where a clause speaks of the answer, does it say that it is the answer, and not something made of it?
fn is_of_answer(words: &[String]) -> bool {
    let names = |word: &str| word.starts_with("answer") || matches!(word, "result" | "solution");
    let Some(at) = words.iter().rposition(|word| names(word)) else {
        return true;
    };
    let fits = |word: &String| {
        LEADS.contains(&word.as_str())
            || ASKED.contains(&word.as_str())
            || !word.chars().any(char::is_alphanumeric)
    };
    matches!(
        words[at].as_str(),
        "answer" | "answers" | "result" | "solution"
    ) && words[at.saturating_sub(3)..at].iter().all(fits)
        && words[at..].iter().all(fits)
}

fn is_word(word: &str) -> bool {
    let inner = word.replace(['-', '\'', '’'], "");
    !inner.is_empty() && inner.chars().all(char::is_alphabetic)
}

/// Is it a function or an operator?
fn computes(word: &str) -> bool {
    FUNCTIONS.contains(&word) || OPERATORS.contains(&word)
}

fn denies(word: &str) -> bool {
    DENIALS.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

/// Is it a number in words, or a place in a row?
fn counts(word: &str) -> bool {
    crate::words::small(word).is_some_and(|n| n != 1) || crate::words::ordinal(word).is_some()
}

/// Can a word name what a number counts: a plural that is no verb known to deny?
pub(crate) fn is_noun(word: &str) -> bool {
    let word = word.to_lowercase();
    let plural = word.len() > 2 && word.ends_with('s') && !word.ends_with("ss");
    is_word(&word)
        && (plural || IRREGULAR.contains(&word.as_str()))
        && !NO_NOUNS.contains(&word.as_str())
        && !denies(&word)
        && !FRACTIONS.contains(&word.as_str())
        && !computes(&word)
}

/// Can a word stand before what is counted: `red` in `12 red apples`?
pub(crate) fn is_harmless(word: &str) -> bool {
    let word = word.to_lowercase();
    is_word(&word)
        && !denies(&word)
        && !counts(&word)
        && !computes(&word)
        && !NO_NOUNS.contains(&word.as_str())
        // `12 thousand boxes` are no 12 boxes.
        && units::multiple(&word).is_none()
}

/// May these words stand before the value that a sentence states?
pub(crate) fn leads(words: &[Word<'_>]) -> bool {
    if words.iter().any(|word| word.text.contains(['≠', '¬', '∉'])) {
        return false;
    }
    let bare: Vec<String> = words
        .iter()
        .map(Word::bare)
        .filter(|word| word.chars().any(char::is_alphanumeric) || word == "=" || word == "≈")
        .collect();
    let has = |list: &[&str], word: &str| list.contains(&word);
    if bare.iter().all(|word| has(LEADS, word)) {
        // An article before a number belongs to something else: `a 5`.
        return words
            .last()
            .is_none_or(|word| word.bare() != "a" || word.text.ends_with(':'));
    }
    // `x in [1, 2]`
    if let [before @ .., name, verb] = bare.as_slice()
        && name.len() == 1
        && matches!(verb.as_str(), "in" | "is" | "equals")
        && before.iter().all(|word| has(LEADS, word))
    {
        return true;
    }
    // `slope m = 3`
    let plain = bare.strip_prefix(&["the".to_owned()]).unwrap_or(&bare);
    if let [only] = plain
        && NAMES.contains(&only.as_str())
    {
        return true;
    }
    if let [.., verb, by] = bare.as_slice()
        && by == "by"
        && CHANGED.contains(&verb.as_str())
    {
        return !bare.iter().any(|word| denies(word));
    }
    // A label with a colon, `Area: 12`.
    let names = bare
        .iter()
        .any(|word| has(NAMES, word) || has(LEADS, word) && word.len() > 3);
    let labelled = names && words.last().is_some_and(|word| word.text.ends_with(':'));
    let Some(cue) = bare
        .iter()
        .rposition(|word| has(CUES, word))
        .or(labelled.then(|| bare.len() - 1))
    else {
        return false;
    };
    if bare[cue + 1..].last().is_some_and(|word| word == "a") {
        return false;
    }
    if !bare[cue + 1..].iter().all(|word| has(MODIFIERS, word)) {
        return false;
    }
    // `fails to be 12`: of the other verbs, only those of finding.
    if bare[cue] == "be" && cue > 1 && bare[cue - 1] == "to" {
        let finds = [
            "out",
            "found",
            "comes",
            "known",
            "calculated",
            "determined",
            "computed",
            "works",
            "has",
            "shown",
            "need",
            "needs",
        ];
        if !has(&finds, &bare[cue - 2]) {
            return false;
        }
    }
    let subject = &bare[..=cue];
    if subject.iter().any(|word| denies(word)) {
        return false;
    }
    // A clause or label before it speaks for itself.
    let from = words[..words.len().saturating_sub(1)]
        .iter()
        .rposition(|word| word.text.ends_with([',', ':']))
        .map_or(0, |at| at + 1);
    let clause: Vec<String> = words[from..].iter().map(Word::bare).collect();
    if !is_of_answer(&clause) || subject.iter().any(|word| has(BLAMES, word)) {
        return false;
    }
    // Of the answer itself nothing else may be said.
    let answer = |word: &String| {
        matches!(
            word.as_str(),
            "answer" | "result" | "solution" | "it" | "this"
        ) || word.len() == 1
            && word.starts_with(char::is_alphabetic)
            && !matches!(word.as_str(), "a" | "i" | "=")
    };
    let function = |word: &String| FUNCTIONS.contains(&word.as_str());
    if subject.iter().any(function) {
        return false;
    }
    let changes =
        |word: &String| has(CHANGERS, word) || word.contains(|c: char| c.is_ascii_digit());
    !(subject.iter().any(answer) && subject.iter().any(changes))
}

/// May these words stand after it?
pub(crate) fn tails(words: &[Word<'_>]) -> bool {
    let bare: Vec<String> = words.iter().map(Word::bare).collect();
    let Some(first) = bare.first() else {
        return true;
    };
    if bare.iter().all(String::is_empty) {
        return true;
    }
    if bare == ["it", "is"] {
        return true;
    }
    if matches!(first.as_str(), "is" | "are" | "was") {
        return bare[1..]
            .iter()
            .all(|word| PREDICATES.contains(&word.as_str()));
    }
    let begins = TAILS.contains(&first.as_str())
        || units::label(words[0].text.trim_end_matches([',', '.', ';', '!'])).is_some()
        || is_noun(first)
        || bare
            .get(1)
            .is_some_and(|second| is_harmless(first) && is_noun(second));
    if bare.iter().any(|word| REWRITES.contains(&word.as_str())) {
        return false;
    }
    let more = first == "and" && bare.iter().any(|word| FRACTIONS.contains(&word.as_str()));
    begins
        && !more
        && bare
            .iter()
            .skip(1)
            .all(|word| word.is_empty() || is_word(word) && !denies(word) && !counts(word))
}

#[cfg(test)]
mod tests {
    use super::{leads, tails};
    use crate::sentence::words;

    #[test]
    fn what_may_stand_before_a_value() {
        for text in [
            "",
            "the answer is",
            "So she has exactly",
            "x in",
            "Total cost:",
            "the sum of all of them is",
            "the slope",
        ] {
            assert!(leads(&words(text).unwrap_or_default()), "{text}");
        }
        for text in [
            "ln",
            "xy",
            "a multiple of",
            "without",
            "twice the answer is",
            "it fails to be",
            "the answer exceeds",
            "a",
            "Example:",
        ] {
            assert!(!leads(&words(text).unwrap_or_default()), "{text}");
        }
    }

    #[test]
    fn what_may_stand_after_a_value() {
        for text in [
            "",
            "apples",
            "red marbles left",
            "is the answer",
            "in total",
            "cm",
            "when x is even",
        ] {
            assert!(tails(&words(text).unwrap_or_default()), "{text}");
        }
        for text in [
            "and a half",
            "factorial",
            "rejected",
            "fails",
            "is a trap",
            "point three",
            "in base",
            "grand",
            "choose two",
        ] {
            assert!(!tails(&words(text).unwrap_or_default()), "{text}");
        }
    }
}
