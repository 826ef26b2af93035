//! What voids a marked answer although nothing touches it in its formula: a short list. Other words around a mark say nothing
//! against it, whatever they are.
//!
//! | Voided | By |
//! |---|---|
//! | `negative \boxed{3}`, `half of \boxed{3}`, `\boxed{3} squared`, `\boxed{3} and a half`, `\boxed{3} in base 7` | an operator in words that touches it |
//! | `not \boxed{3}`, `is not equal to \boxed{3}`, `\boxed{3} is wrong`, `a common mistake is \boxed{3}`, `\boxed{3}?` | a denial, a doubt or a question in its own clause |
//! | `twice the answer is \boxed{3}`, `suppose the answer is \boxed{3}` | a clause that speaks of something else than the answer |
//! | `either 4 or \boxed{3}`, `\boxed{3} or 4`, `\boxed{3}; 4; 5` | another value beside it |
//! | `负\boxed{3}`, `不是\boxed{3}`, `\boxed{3}的平方` | the same in Chinese, see `han` |
//! | `\boxed{3}. Scratch that.`, `\boxed{3}. Wait, it is 4.` | what takes it back, or gives another answer |

mod after;
mod before;
pub(crate) mod han;
mod retraction;
mod words;

use crate::clauses::{self, Kind, Piece};
use after::After;
use before::Before;
pub(crate) use retraction::is_answered_behind;

/// How much before and after a mark is looked at, in bytes.
const MAX_BEFORE: usize = 400;
const MAX_AFTER: usize = 2000;

/// Does what surrounds a mark void it? `content` is what stands in it, `inside` the formula that it stands in.
///
/// What directly follows counts only with `behind`: it may be a unit that has been read already.
pub(crate) fn is_voided(
    before: &str,
    content: &str,
    after: &str,
    inside: Option<Kind>,
    behind: bool,
) -> bool {
    let after = &after[..after.floor_char_boundary(MAX_AFTER)];
    let lead = ending(before);
    let following = clauses::pieces(after, inside);
    words_void(&clauses::pieces(lead, None), content, &following, behind)
        || retraction::is_taken_back(after, content)
        || han::is_voided(lead, content, after, behind)
}

/// Do the words around a value in a sentence void it? `before` is what stands before it in its clause, `after` the rest of the clause.
pub(crate) fn is_said_against(before: &[Piece<'_>], value: &str, after: &str) -> bool {
    words_void(before, value, &clauses::pieces(after, None), true)
}

/// Do the words before and after a value void it? What directly follows counts only with `behind`.
fn words_void(before: &[Piece<'_>], value: &str, following: &[Piece<'_>], behind: bool) -> bool {
    let (before, following) = (Before::new(before), After(following));
    before.is_operator()
        || before.is_denied()
        || before.is_of_another_thing()
        || before.is_alternative(value)
        || behind && following.is_operator()
        || following.is_denied()
        || behind && following.is_alternative(value)
}

/// The end of a text, from the last empty line on.
fn ending(text: &str) -> &str {
    let text = &text[text.rfind("\n\n").map_or(0, |at| at + 2)..];
    let start = text.ceil_char_boundary(text.len().saturating_sub(MAX_BEFORE));
    // A formula that is cut would turn text and formulas round.
    if start == 0 || clauses::open_at_end(&text[..start]).is_none() {
        &text[start..]
    } else {
        text
    }
}
