//! Reads the one number of an answer as people and models write it. What is doubtful is no number.

mod clean;
mod equation;
mod han;
mod lists;
mod phrase;
mod reader;
mod spelled;
mod words;

use crate::rational::Rational;
use clean::cleaned;
use reader::Reader;
use spelled::is_number_word;

/// Answers of more bytes than this are not read as numbers.
pub const MAX_BYTES: usize = 4000;

/// How numbers are written: switches that don't depend on each other.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// `1.234,5` instead of `1,234.5`.
    pub european: bool,
    /// Whether a percent sign divides by 100; else it is a unit.
    pub percent: bool,
    /// Whether English and Chinese number words below a million count, and `none` and `there are no …` as 0.
    pub words: bool,
    /// Whether `K`, `M`, `B`, `T`, `bn` and `mn` after a number are scales: `12.5M`.
    pub scales: bool,
}

/// The names of what a percent sign may mean, for a parameter.
pub const PERCENT: [&str; 4] = ["auto", "value", "strip", "either"];

impl Style {
    /// The styles in which two numbers may be equal where a percent sign means what `percent` says, of [`PERCENT`].
    pub fn with_percent(self, percent: &str) -> Vec<Self> {
        let style = |percent| Self { percent, ..self };
        match percent {
            "value" => vec![style(true)],
            "strip" => vec![style(false)],
            _ => vec![style(true), style(false)],
        }
    }
}

impl Default for Style {
    fn default() -> Self {
        Self {
            european: false,
            percent: true,
            words: false,
            scales: false,
        }
    }
}

/// The number of an answer: the only one in it, or the same one several times.
///
/// After the last `=` or `≈` only what follows counts, and what precedes has to be a name or arithmetic. Nothing where there
/// is no number, several different ones, or anything that may make another number of it: operators, powers, letters beside
/// digits, words before it that are no lead (`the answer is`, `there are`), words after it that deny, doubt or turn it.
///
/// ```
/// use rlhost_verifier::numeral::{Style, only};
/// use rlhost_verifier::rational::Rational;
/// let read = |text| only(text, Style::default());
/// assert_eq!(read("It is $1{,}234.50$ dollars."), Rational::parse("1234.5"));
/// assert_eq!(read("−３"), Rational::parse("-3"));
/// assert_eq!(read("3 + 4 = 7"), Rational::parse("7"));
/// assert_eq!(read("3 or 4"), None);
/// ```
pub fn only(text: &str, style: Style) -> Option<Rational> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut chars = cleaned(text)?;
    chars.drain(..conclusion(&chars));
    let start = chars
        .iter()
        .rposition(|&c| c == '=' || c == '≈')
        .map_or(0, |at| at + 1);
    let mut reader = Reader::new(&chars[start..], style);
    reader.all()?;
    let found = reader.found?;
    if let Some(sign) = start.checked_sub(1) {
        equation::gives(&chars[..sign], chars[sign], &found, style).then_some(())?;
    }
    Some(found)
}

/// Whether a text has anything that may be a number: a digit, or, where number words count, one of these.
pub fn mentions(text: &str, style: Style) -> bool {
    let word = |word: &str| {
        let word = word.to_lowercase();
        is_number_word(&word) || matches!(word.as_str(), "no" | "none")
    };
    text.contains(|c: char| c.is_numeric())
        || (style.words
            && (text.contains("没有") || text.split(|c: char| !c.is_alphabetic()).any(word)))
}

/// The pairs of an answer's and a reference's numbers, one for each of [`Style::with_percent`], that may be compared where a
/// percent sign means what `percent` says. By `"auto"` the sign of an answer may be a unit only where the reference has none:
/// 25% is right for 25, and 25 is wrong for 25%.
pub fn pairs<'a>(
    given: &'a [Rational],
    wanted: &'a [Rational],
    percent: &str,
) -> impl Iterator<Item = (&'a Rational, &'a Rational)> {
    let both = percent == "either";
    given
        .iter()
        .zip(wanted)
        .filter(move |(_, value)| both || **value == wanted[0])
}

/// Whether a word, in small letters, denies, doubts, takes back or changes a number beside it.
pub fn denies(word: &str) -> bool {
    phrase::denied(word)
}

/// Where the last clause begins that concludes, and has a number: `…, so there are 5`. What precedes it are its grounds.
fn conclusion(chars: &[char]) -> usize {
    const CONCLUDING: [&str; 9] = [
        "so",
        "therefore",
        "thus",
        "hence",
        "所以",
        "因此",
        "故",
        "综上",
        "因而",
    ];
    let begins = |at: usize| {
        let before = chars[..at].iter().rev().find(|c| **c != ' ');
        before.is_some_and(|c| matches!(c, ',' | ';' | '.' | '。' | '、' | '\n'))
            && (chars[at - 1] == ' ' || !chars[at - 1].is_ascii_punctuation())
            || before.is_some_and(|c| *c == ',') && han::is(chars[at])
    };
    let concludes = |at: usize| {
        CONCLUDING.iter().any(|word| {
            let length = word.chars().count();
            let rest = &chars[at..];
            let same = rest.len() > length
                && word
                    .chars()
                    .zip(rest)
                    .all(|(a, b)| b.to_lowercase().eq(a.to_lowercase()));
            same && (han::is(rest[0]) || !rest[length].is_alphanumeric())
        })
    };
    let number = |at: usize| chars[at..].iter().any(char::is_ascii_digit);
    (1..chars.len())
        .rev()
        .find(|at| chars[*at].is_alphabetic() && concludes(*at) && begins(*at) && number(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
