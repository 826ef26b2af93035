//! What follows a mark and takes it back.

use crate::matching::{fold, matches};
use crate::params::Options;
use crate::prose;

/// Does what follows take the mark back? Second thoughts do only where they end with another answer.
pub(super) fn is_taken_back(after: &str, content: &str) -> bool {
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
    let lower = after.to_lowercase().replace('’', "'");
    if RETRACTIONS.iter().any(|words| lower.contains(words)) {
        return true;
    }
    let thinks_again = ["wait", "hmm", "actually", "no,", "sorry", "oops"]
        .iter()
        .any(|word| lower.contains(word));
    if !content.is_empty() && after.contains(content) {
        return false;
    }
    let again = thinks_again.then(|| prose::stated(after)).flatten();
    again
        .or_else(|| prose::after_answer(after))
        .is_some_and(|stated| {
            let mathematical = |c: char| c.is_ascii_digit() || matches!(c, '\\' | '=' | '^');
            stated.contains(mathematical)
                && !matches(&fold(&stated), &fold(content), &Options::default())
        })
}
