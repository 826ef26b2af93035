//! How alike two texts are.
//!
//! All but [`critic`] read full-width and styled characters as plain ones, on both sides; letters of other alphabets
//! that look like Latin ones stay what they are.

use crate::distance::levenshtein;
use rlhost_verifier::fold::spaced;

/// Equal to the letter, but for white space around.
pub fn critic(answer: &str, reference: &str) -> bool {
    answer.trim() == reference.trim()
}

/// Equal without case and with any white space as one space; the stop of a sentence after one of them makes no difference.
pub fn any(answer: &str, reference: &str) -> bool {
    let (answer, reference) = (spaced(answer), spaced(reference));
    answer == reference || unended(&answer) == unended(&reference)
}

/// A text without the one stop at its end. Nothing else may be a stop: `U.S.` has none.
fn unended(text: &str) -> &str {
    text.strip_suffix(['.', '。', '．'])
        .filter(|rest| !rest.trim().is_empty() && !rest.contains(['.', '。']))
        .unwrap_or(text)
}

/// Equal without case, the articles a, an, the, and the ASCII punctuation that distinguishes nothing: what makes another
/// number, term or name of it stays (`-3`, `3.5`, `5%`, `$5`, `5!`, `x<y`, `C++`, `a-b`, `x_1`, `.NET`, `AT&T`).
pub fn exact(answer: &str, reference: &str) -> bool {
    let (answer, reference) = tokens(answer, reference, |chars, at| {
        counts(chars, at) || distinguishes(chars, at)
    });
    answer == reference
}

/// F1 over words, as multisets: 2 P R / (P + R). The words are `SQuAD`'s, without case, ASCII punctuation and articles, but
/// with the punctuation that makes another number or term of them (`-3`, `3.5`, `1/2`, `x<y`, `C++`).
///
/// Rajpurkar et al., `SQuAD: 100,000+ Questions for Machine Comprehension of Text`, 2016.
pub fn f1(answer: &str, reference: &str) -> f64 {
    let (mut answer, mut reference) = tokens(answer, reference, counts);
    answer.sort_unstable();
    reference.sort_unstable();
    let (mut a, mut r, mut common) = (0, 0, 0u32);
    while a < answer.len() && r < reference.len() {
        match answer[a].cmp(&reference[r]) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => r += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                a += 1;
                r += 1;
            }
        }
    }
    if common == 0 {
        return 0.0;
    }
    2.0 * f64::from(common) / (answer.len() + reference.len()) as f64
}

/// Average normalised Levenshtein similarity of one pair: 1 - distance / length of the longer one, over characters of
/// [`any`]'s form. The threshold is the caller's.
///
/// Biten et al., `Scene Text Visual Question Answering`, 2019.
pub fn anls(answer: &str, reference: &str) -> f64 {
    let answer: Vec<char> = spaced(answer).chars().collect();
    let reference: Vec<char> = spaced(reference).chars().collect();
    let longer = answer.len().max(reference.len());
    if longer == 0 {
        return 0.0;
    }
    1.0 - levenshtein(&answer, &reference) as f64 / longer as f64
}

/// Whether the punctuation at a place of a text stays.
type Kept = fn(&[char], usize) -> bool;

/// The words of both texts without punctuation and articles; with them where else nothing would be left of the
/// reference, so that nothing never equals nothing.
fn tokens(answer: &str, reference: &str, kept: Kept) -> (Vec<String>, Vec<String>) {
    let words = |text: &str| -> Vec<String> {
        let text = spaced(text);
        counting(&text, kept)
            .split_whitespace()
            .filter(|word| !matches!(*word, "a" | "an" | "the"))
            .map(str::to_owned)
            .collect()
    };
    let whole =
        |text: &str| -> Vec<String> { spaced(text).split(' ').map(str::to_owned).collect() };
    let wanted = words(reference);
    if wanted.is_empty() {
        (whole(answer), whole(reference))
    } else {
        (words(answer), wanted)
    }
}

/// `text`, in single spaces, with all its characters but the ASCII punctuation that says nothing.
fn counting(text: &str, kept: Kept) -> String {
    let chars: Vec<char> = text.chars().collect();
    // For each place whether the next character that is no punctuation is a digit.
    let mut digit_after = vec![false; chars.len()];
    let mut digit = false;
    for (at, c) in chars.iter().enumerate().rev() {
        digit_after[at] = digit;
        if !c.is_ascii_punctuation() {
            digit = c.is_numeric();
        }
    }
    let mut digit_before = false;
    let mut out = String::new();
    for (at, &c) in chars.iter().enumerate() {
        if !c.is_ascii_punctuation() {
            digit_before = c.is_numeric();
        }
        // Between the digits of a number, of a time, of a list: `3.5`, `10:30`, `1,2`, `(1)(2)`.
        let inside = digit_before && digit_after[at];
        if !c.is_ascii_punctuation() || inside || kept(&chars, at) {
            out.push(c);
        }
    }
    out
}

/// Whether the ASCII punctuation at a place is a sign, a leading point or an operator.
fn counts(chars: &[char], at: usize) -> bool {
    let (before, after) = (&chars[..at], &chars[at + 1..]);
    let is = |c: Option<&char>, kind: fn(char) -> bool| c.is_some_and(|c| kind(*c));
    let digit = |c: char| c.is_numeric();
    let (last, next) = (before.last(), after.first());
    match chars[at] {
        '<' | '>' | '=' | '^' | '+' => true,
        '#' => is(last, char::is_alphanumeric),
        '.' => !is(last, |c| c.is_alphanumeric() || c == '.') && is(next, digit),
        '-' if next == Some(&' ') => {
            // A sign may stand apart where a term begins: `- 40`, `10 - 3`.
            let term = before.iter().rev().find(|c| **c != ' ');
            is(after.get(1), digit)
                && term.is_none_or(|c| {
                    digit(*c) || matches!(c, '<' | '>' | '=' | '+' | '*' | '/' | '(')
                })
        }
        '-' => {
            let number = after
                .iter()
                .find(|c| !matches!(c, '$' | '£' | '€' | '¥' | '.'));
            !is(last, |c| c.is_alphanumeric() || c == '-') && is(number, digit)
        }
        // An operator stands between two terms, with spaces on both sides or on none; emphasis has one on one side.
        '*' | '/' => {
            let (last, next) = match (last, next) {
                (Some(' '), Some(' ')) => (before.iter().rev().nth(1), after.get(1)),
                sides => sides,
            };
            is(last, char::is_alphanumeric) && is(next, char::is_alphanumeric)
        }
        _ => false,
    }
}

/// Whether the ASCII punctuation at a place makes another name or quantity of the word that it stands in or at.
fn distinguishes(chars: &[char], at: usize) -> bool {
    let is = |c: Option<&char>, kind: fn(char) -> bool| c.is_some_and(|c| kind(*c));
    let digit = |c: char| c.is_numeric();
    let (last, next) = (chars[..at].last(), chars.get(at + 1));
    let inside = is(last, char::is_alphanumeric) && is(next, char::is_alphanumeric);
    match chars[at] {
        '-' | '_' | '&' | '(' | '[' | ':' => inside,
        '%' | '$' => {
            // `- 5 %`, `-$5`, `$ 5`
            let before = chars[..at].iter().rev().find(|c| **c != ' ');
            let after = chars[at + 1..].iter().find(|c| **c != ' ');
            is(before, digit) || is(after, |c| c.is_numeric() || matches!(c, '.' | '-'))
        }
        '!' => is(last, |c| c.is_numeric() || c == '!'),
        // `.NET`, `#one`, `@home`, `~5`; an ellipsis before a word is none.
        '@' if inside => true,
        '.' | '#' | '@' => {
            !is(last, |c| c.is_alphanumeric() || c == '.') && is(next, char::is_alphanumeric)
        }
        '|' | '~' => true,
        _ => false,
    }
}
