//! Sums that a sentence works out: `9 * 60 = 540 meters` comes to 540.
//!
//! Before the equals sign stands arithmetic with numbers, or with so many things of a kind: an equation with letters is none. Where it has
//! no words in it, it has to be true.

use crate::matching::{fold, matches};
use crate::params::Options;
use crate::sentence::{Word, joined};
use crate::units;

/// A value in a clause: the words that it stands in, with those of the equation that it ends.
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) value: String,
    pub(crate) computed: bool,
}

/// Where a word has an equals sign: what stands before and after it.
fn equals<'a>(word: &Word<'a>) -> Option<(&'a str, &'a str)> {
    let text = if word.formula {
        word.text.trim_matches(['$', '.', ','])
    } else {
        word.text
    };
    let (left, right) = text.rsplit_once('=')?;
    let other = ['<', '>', '!', '\\', '≠', '=', ':'];
    (!left.ends_with(other) && !right.starts_with(['<', '>', '='])).then_some((left, right))
}

/// Has a word an equals sign?
pub(crate) fn is_equation(word: &Word<'_>) -> bool {
    equals(word).is_some()
}

/// Is a text arithmetic with numbers and nothing else?
fn is_arithmetic(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_digit() || "+-−*×/÷.,()$%x^ ".contains(c))
        && !text.starts_with('x')
        && !text.ends_with('x')
        && !text.contains("xx")
        || text == "x"
}

/// What the last equation of a clause comes to.
pub(crate) fn computed(words: &[Word<'_>], at: usize) -> Option<Found> {
    let (left, right) = equals(&words[at])?;
    let (right, end) = if right.trim_matches(['\\', ')', ' ']).is_empty() {
        (words.get(at + 1)?.text, at + 2)
    } else {
        (right, at + 1)
    };
    let value = number(right)?;
    // Of a chain the side before the last.
    let side = left.rsplit('=').next().unwrap_or(left);
    let (start, holds) = if words[at].formula {
        (at, is_true(side, &value))
    } else {
        let arithmetic = |word: &&Word<'_>| is_arithmetic(word.text) || word.text == "=";
        let count = words[..at].iter().rev().take_while(arithmetic).count();
        // A comma ends what stands before it.
        let comma = words[at - count..at]
            .iter()
            .rposition(|word| word.text.ends_with(','));
        let start = at - comma.map_or(count, |comma| count - comma - 1);
        let sum = format!("{} {side}", joined(&words[start..at]));
        let sum = sum.rsplit('=').next().unwrap_or_default().trim();
        (start, holds(sum, &words[..at], &value))
    };
    holds.then_some(Found {
        start,
        end,
        value,
        computed: true,
    })
}

/// Does what stands before an equals sign come to the value, as far as it can be checked? `sum` is the arithmetic without words,
/// `words` are all that stand before.
fn holds(sum: &str, words: &[Word<'_>], value: &str) -> bool {
    if sum.is_empty() {
        // `12 cars - 4 cars = 8 cars`, `20 gallons * $3/gallon = $60`
        let counts = |word: &Word<'_>| is_counted(word.text) || number(word.text).is_some();
        return words.last().is_some_and(counts);
    }
    if is_arithmetic(sum) {
        // What is left of a sum with words in it, `* 2`, can't be checked.
        let whole =
            sum.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '(' | '$' | '.' | '-'));
        return !whole || is_true(sum, value);
    }
    // `1600g + 1000g`
    let last = sum.rsplit([' ', '+', '-', '*', '/']).next();
    last.is_some_and(|last| number(last).is_some())
}

/// Does arithmetic come to a value, within what people round?
fn is_true(sum: &str, value: &str) -> bool {
    let sum = sum.replace(['$', '%'], "").replace(" x ", " * ");
    let value = value.trim_start_matches(['$', '\\']).trim_end_matches('%');
    let near = Options::default().within(1, 20);
    // Letters are commands of LaTeX, or make an equation of it.
    (sum.contains('\\') || !sum.contains(|c: char| c.is_ascii_alphabetic()))
        && matches(&fold(sum.trim()), &fold(value), &near)
}

/// Is a word what is counted, and no variable: `cars`, `legs/animal`?
fn is_counted(word: &str) -> bool {
    word.len() > 1
        && word
            .chars()
            .all(|c| c.is_alphabetic() || matches!(c, '/' | '-' | ')'))
        && word.starts_with(char::is_alphabetic)
}

/// A number with its sign, its currency and the unit written behind it, without punctuation around it: `$1,150/week` is `$1,150`.
pub(crate) fn number(text: &str) -> Option<String> {
    let text = text
        .trim_matches(['"', '*', ' '])
        .trim_end_matches(['.', ',', ';', ':', '!']);
    let inner = text
        .strip_prefix('$')
        .and_then(|inner| inner.strip_suffix('$'));
    let text = inner.unwrap_or(text);
    // What it is for each of: `$1,150/week`.
    let text = text
        .find('/')
        .filter(|at| text[at + 1..].starts_with(char::is_alphabetic))
        .map_or(text, |at| &text[..at]);
    let unit = text.len()
        - text
            .trim_end_matches(|c: char| c.is_ascii_alphabetic())
            .len();
    let (bare, unit) = text.split_at(text.len() - unit);
    if !unit.is_empty() && units::known(unit).is_none() {
        return None;
    }
    let digits = bare.trim_start_matches(['-', '−', '+']);
    let digits = digits
        .trim_start_matches('\\')
        .trim_start_matches(['$', '€', '£', '¥', '₹']);
    let digits = digits.trim_end_matches('%').trim_end_matches('\\');
    let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '/'));
    plain.then(|| text.to_owned())
}
