//! What follows a mark and takes it back.

use super::words::differs;
use crate::clauses::Piece;
use crate::matching::{fold, matches, trimmed};
use crate::params::Options;
use crate::prose;
use crate::second_thoughts::{retracts, thinks_again};

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
    let hashed = after
        .rsplit_once("####")
        .and_then(|(_, rest)| rest.trim().lines().next().map(str::to_owned));
    !thinks_again(after)
        && hashed
            .or_else(|| prose::after_answer(after))
            .is_some_and(|answer| differs(&Piece::Formula(trimmed(&answer)), content))
}
