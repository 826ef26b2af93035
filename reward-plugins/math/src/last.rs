//! The last formula or number of a text: what [Math-Verify](https://github.com/huggingface/Math-Verify) takes for the answer where there is no box.
//!
//! ```text
//! The first has 3 and the second $x = 5$.     x = 5
//! It isn't 12, I believe.                     12
//! ```
//!
//! Nothing that is said of it counts: a denied value, a step of the work or the question repeated is taken as well. So it is only
//! read where the parameter `extract` asks for it.

use crate::clauses::{Piece, pieces};

/// The last formula or number.
pub(crate) fn value(text: &str) -> Option<&str> {
    pieces(text, None)
        .into_iter()
        .rev()
        .find_map(|piece| match piece {
            Piece::Formula(formula) if formula.chars().any(char::is_alphanumeric) => {
                Some(formula.trim_end_matches(['.', ',', ';', ' ']))
            }
            // A price at the end: `he made $70,000`.
            Piece::Word(word) | Piece::Open(word) => number(word),
            _ => None,
        })
}

/// The number of a word, with its sign, currency, percent sign or fraction: `5` of `x=5`.
fn number(word: &str) -> Option<&str> {
    let digit = |c: char| c.is_ascii_digit();
    let end = word.rfind(digit)? + 1;
    let end = end + usize::from(word[end..].starts_with('%'));
    let inside = |c: char| digit(c) || matches!(c, '.' | ',' | '/' | '%' | '$' | '-' | '−');
    let start = word[..end].rfind(|c| !inside(c)).map_or(0, |at| {
        at + word[at..].chars().next().map_or(0, char::len_utf8)
    });
    Some(word[start..end].trim_start_matches([',', '/', '.']))
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn the_last_formula_or_number() {
        for (text, expected) in [
            ("He has 3 and then 5 apples.", Some("5")),
            ("The first has 3 and the second $x = 5$.", Some("x = 5")),
            ("So it is\n\\[\n\\frac{1}{2}.\n\\]", Some("\\frac{1}{2}")),
            ("Josh made $70,000.", Some("70,000")),
            ("about 25% of it", Some("25%")),
            ("thus x=-3.", Some("-3")),
            ("no answer", None),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }
}
