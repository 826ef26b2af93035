//! What follows a mark and takes it back.

use super::words::differs;
use crate::clauses::Piece;
use crate::matching::{fold, matches, trimmed};
use crate::params::Options;
use crate::prose;

/// Phrases with which a response takes back what it has said.
const RETRACTIONS: [&str; 22] = [
    "scratch that",
    "never mind",
    "nevermind",
    "kidding",
    "disregard that",
    "disregard this",
    "take that back",
    "take it back",
    "ignore that",
    "ignore this",
    "forget that",
    "forget this",
    "strike that",
    "correction:",
    "i was wrong",
    "that's wrong",
    "that is wrong",
    "that was wrong",
    "that's incorrect",
    "that is incorrect",
    "that's not right",
    "that is not right",
];

/// Does a text take back what stands before it, whatever that is?
pub(crate) fn retracts(text: &str) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    RETRACTIONS.iter().any(|words| lower.contains(words))
}

/// Does a text have a word of second thoughts? They take nothing back yet.
pub(crate) fn thinks_again(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| {
        matches!(
            word.to_lowercase().as_str(),
            "wait" | "hmm" | "actually" | "no" | "sorry" | "oops"
        )
    })
}

/// Does what follows take the mark back? Second thoughts do only where they end with another answer.
pub(super) fn is_taken_back(after: &str, content: &str) -> bool {
    if retracts(after) {
        return true;
    }
    if !content.is_empty() && after.contains(content) {
        return false;
    }
    let again = thinks_again(after).then(|| prose::stated(after)).flatten();
    again.is_some_and(|stated| {
        let mathematical = |c: char| c.is_ascii_digit() || matches!(c, '\\' | '=' | '^');
        stated.contains(mathematical)
            && !matches(&fold(&stated), &fold(content), &Options::default())
    })
}

/// Does what follows a mark say, without second thoughts, that the answer is another number: `\boxed{5} each. The answer is 10.`
pub(crate) fn is_answered_behind(after: &str, content: &str) -> bool {
    !thinks_again(after)
        && prose::after_answer(after)
            .is_some_and(|answer| differs(&Piece::Formula(trimmed(&answer)), content))
}
