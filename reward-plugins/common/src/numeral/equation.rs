//! What stands before the last equals sign of an answer.

use super::Style;
use super::lists::SCALES;
use super::phrase::{denied, names};
use super::reader::Reader;
use crate::rational::Rational;

/// Functions of a number; of a name they make an equation that gives something else than the name.
const FUNCTIONS: &[&str] = &[
    "sqrt", "root", "log", "ln", "lg", "exp", "sin", "cos", "tan", "abs", "max", "min", "gcd",
    "lcm", "mod", "floor", "ceil", "round", "sum",
];

/// Whether an equation, of which `left` stands before its last sign, gives `found`: what is given has a name (`x`,
/// `the area`, `f(x)`), or is arithmetic of numbers only (`2 + 3`). `2x = 5`, `-x = 5` and `ln x = 5` do not give x.
pub(super) fn gives(left: &[char], sign: char, found: &Rational, style: Style) -> bool {
    // `>= 3` and `!= 3` are bounds and no values.
    if left.last().is_some_and(|c| matches!(c, '<' | '>' | '!')) {
        return false;
    }
    // The clause with the sign; a comma in a number ends none.
    let end = |at: usize| {
        matches!(left[at], ';' | '\n')
            || (matches!(left[at], ',' | '.') && left.get(at + 1) == Some(&' '))
    };
    let start = (0..left.len()).rev().find(|at| end(*at));
    let (earlier, clause) = left.split_at(start.map_or(0, |at| at + 1));
    let earlier: String = earlier.iter().collect::<String>().to_lowercase();
    let mut words = earlier
        .split(|c: char| !c.is_alphabetic() && c != '\'')
        .filter(|word| !word.is_empty());
    // Arithmetic in words may precede: `2 times 3 is 6`.
    let spoken = ["times", "plus", "minus", "by", "half", "sqrt", "than"];
    if words.any(|word| denied(word) && !spoken.contains(&word)) {
        return false;
    }
    let mut parts = clause.split(|c| matches!(c, '=' | '≈'));
    let first = parts.next().unwrap_or_default();
    // `7 = 8` gives nothing.
    let last = clause.rsplit(|c| matches!(c, '=' | '≈')).next();
    if let Some(last) = last.filter(|_| sign == '=') {
        let mut reader = Reader::new(last, style);
        if reader.all().is_some() && reader.found.as_ref() != Some(found) {
            return false;
        }
    }
    is_name(first) || is_arithmetic(first)
}

/// `x`, `f(x)`, `BC`, `x_1`, `The area of the garden`.
fn is_name(piece: &[char]) -> bool {
    let text: String = piece.iter().collect();
    let marks = |c: char| {
        matches!(
            c,
            '(' | ')' | ':' | '\'' | '"' | '_' | '°' | '∠' | '△' | ' '
        )
    };
    let index = |at: usize| at > 0 && (piece[at - 1] == '_' || piece[at - 1].is_alphabetic());
    let plain = piece
        .iter()
        .enumerate()
        .all(|(at, c)| c.is_alphabetic() || marks(*c) || (c.is_ascii_digit() && index(at)));
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphabetic() && c != '\'')
        .filter(|word| !word.is_empty())
        .collect();
    // Points and lengths are named by capitals.
    let lower: Vec<String> = words
        .iter()
        .filter(|word| word.chars().count() > 4 || !word.chars().all(char::is_uppercase))
        .map(|word| word.to_lowercase())
        .collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    plain && names(&lower)
}

/// Numbers and operators, with units or functions in words, but no letter for a number.
fn is_arithmetic(piece: &[char]) -> bool {
    let text: String = piece.iter().collect::<String>().to_lowercase();
    let words = text
        .split(|c: char| !c.is_alphabetic() && c != '\'')
        .filter(|word| !word.is_empty());
    text.contains(|c: char| c.is_ascii_digit())
        && words.into_iter().all(|word| {
            let operator = matches!(word, "x" | "times" | "plus" | "minus" | "by");
            let scale = SCALES.iter().any(|(scale, _)| *scale == word);
            operator
                || scale
                || FUNCTIONS.contains(&word)
                || (word.chars().count() > 1 && !denied(word))
        })
        && times(&text)
}

/// Whether each `x` that stands alone stands between two numbers.
fn times(text: &str) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    text.match_indices('x').all(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let inside =
            before.ends_with(char::is_alphabetic) || after.starts_with(char::is_alphabetic);
        inside
            || (digit(before.trim_end().chars().next_back())
                && digit(after.trim_start().chars().next()))
    })
}
