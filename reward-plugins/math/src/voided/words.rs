//! The closed classes of words that void a mark beside them, and the values beside it.

use crate::attached::is_number;
use crate::clauses::Piece;
use crate::matching::{fold, matches};
use crate::params::Options;

/// Words that negate what they stand beside.
pub(super) fn negates(word: &str) -> bool {
    matches!(word, "not" | "never" | "neither" | "nor" | "cannot") || word.ends_with("n't")
}

/// Words that call something wrong.
pub(super) fn blames(word: &str) -> bool {
    matches!(
        word,
        "wrong"
            | "incorrect"
            | "false"
            | "mistaken"
            | "erroneous"
            | "invalid"
            | "naive"
            | "tempting"
    )
}

/// Forms of `to be` that join a subject to its value.
pub(super) fn is_copula(word: &str) -> bool {
    matches!(
        word,
        "is" | "are" | "was" | "were" | "be" | "equals" | "gives"
    )
}

/// Words that compute a value from the one after them, with `of` or without.
pub(super) fn changes(word: &str) -> bool {
    matches!(
        word,
        "minus" | "negative" | "plus" | "times" | "twice" | "thrice" | "double" | "triple" | "half"
    )
}

/// Words that compute a value from the one after `of`.
pub(super) fn changes_of(word: &str) -> bool {
    changes(word)
        || matches!(
            word,
            "halves" | "third" | "thirds" | "quarter" | "quarters" | "root" | "reciprocal"
        )
        || matches!(
            word,
            "opposite"
                | "inverse"
                | "multiple"
                | "divisor"
                | "square"
                | "cube"
                | "floor"
                | "logarithm"
        )
}

/// A word in small letters with plain apostrophes.
pub(super) fn small(word: &str) -> String {
    word.to_lowercase().replace('’', "'")
}

/// Is a piece a number, and another one than that in the mark?
pub(super) fn differs(piece: &Piece<'_>, content: &str) -> bool {
    let (Piece::Word(text) | Piece::Formula(text) | Piece::Open(text)) = piece else {
        return false;
    };
    let text = text.trim_end_matches(['.', ',', ';', ':']);
    // Of an equation the last side.
    let value = text.rsplit('=').next().unwrap_or(text).trim();
    let value = value.trim_start_matches("\\$").trim_start_matches('$');
    let content = content.trim_start_matches("\\$");
    if !is_number(value) || !is_number(content) {
        return false;
    }
    let near = Options::default().within(1, 100);
    !matches(&fold(value), &fold(content), &near)
}
