//! Answers that are nothing but labels of statements or choices: `(1)(3)`, `①③`, `(i), (iii)`, `A, C, D`, `ACD`.
//!
//! Bracketed numbers side by side would be a product, `(1)(3)` the number 3; as an answer they name two statements.

use crate::text::plain;

/// The highest number of a statement.
const MAX_LABEL: u32 = 20;
const ROMAN: [&str; 10] = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"];

/// The labels of a text, in order.
struct Labels {
    /// Roman numerals are labels of their own.
    numbers: Vec<(bool, u32)>,
    /// Can it be nothing else: circled numbers, or brackets side by side?
    certain: bool,
}

/// Are two texts the same labels? Nothing where neither can only be labels.
pub(crate) fn same(a: &str, b: &str, ordered: bool) -> Option<bool> {
    let marks =
        |text: &str| text.contains(')') || text.contains(is_circled) || text.contains("circled");
    if !marks(a) && !marks(b) {
        return None;
    }
    let (x, y) = (numbers(a), numbers(b));
    let certain = |labels: &Option<Labels>| labels.as_ref().is_some_and(|it| it.certain);
    if !certain(&x) && !certain(&y) {
        return None;
    }
    let (Some(mut x), Some(mut y)) = (x, y) else {
        return Some(false);
    };
    if !ordered {
        x.numbers.sort_unstable();
        y.numbers.sort_unstable();
    }
    Some(x.numbers == y.numbers)
}

fn numbers(text: &str) -> Option<Labels> {
    if text.len() > 200 {
        return None;
    }
    let text = text
        .replace("\\textcircled", "\\circled")
        .replace("\\circled", " \\circled");
    let mut text = plain(&text).replace("\\circled", "\u{24ea}");
    text = text.trim().trim_end_matches('.').to_owned();
    let mut rest = text.as_str();
    let mut out = Labels {
        numbers: Vec::new(),
        certain: false,
    };
    let mut apart = true;
    while !rest.is_empty() {
        let circled = rest.chars().next().filter(|c| is_circled(*c));
        let label = if let Some(c) = circled.filter(|c| *c != '\u{24ea}') {
            rest = &rest[c.len_utf8()..];
            out.certain = true;
            (false, u32::from(c) - u32::from('①') + 1)
        } else if let Some(c) = circled {
            let inner = rest[c.len_utf8()..].trim_start();
            let end = inner
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(inner.len());
            rest = &inner[end..];
            out.certain = true;
            number(&inner[..end])?
        } else if let Some(inner) = rest.strip_prefix('(') {
            let (inner, after) = inner.split_once(')')?;
            rest = after;
            out.certain |= !apart;
            number(inner.trim())?
        } else {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            let (inner, after) = rest.split_at(end);
            rest = after;
            let next = after.trim_start();
            // Bare numbers stand apart.
            if !apart || next.len() == after.len() && separated(after) == after && !after.is_empty()
            {
                return None;
            }
            number(inner)?
        };
        if !(1..=MAX_LABEL).contains(&label.1) || out.numbers.contains(&label) {
            return None;
        }
        out.numbers.push(label);
        let after = separated(rest);
        // A separator at the end lists nothing.
        if after.is_empty() && !rest.trim().is_empty() {
            return None;
        }
        apart = separated(rest.trim_start()) != rest.trim_start();
        rest = after;
    }
    // `(i)(v)` may be a product of letters.
    let roman = out.numbers.iter().any(|(roman, _)| *roman);
    let long = out.numbers.iter().any(|(_, n)| !matches!(n, 1 | 5 | 10));
    (!out.numbers.is_empty() && (!roman || long)).then_some(out)
}

fn number(text: &str) -> Option<(bool, u32)> {
    if let Some(at) = ROMAN
        .iter()
        .position(|roman| text.eq_ignore_ascii_case(roman))
    {
        return Some((true, u32::try_from(at).ok()? + 1));
    }
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok().map(|n| (false, n)))?
}

fn is_circled(c: char) -> bool {
    matches!(c, '①'..='⑳' | '\u{24ea}')
}

/// A text without the separators that it begins with.
fn separated(text: &str) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..2 {
        rest = rest
            .strip_prefix([',', ';', '、', '，', '&', '和', '与', '及', '且'])
            .unwrap_or(rest)
            .trim_start();
        rest = match rest.strip_prefix("and") {
            Some(after) if !after.starts_with(char::is_alphanumeric) => after.trim_start(),
            _ => rest,
        };
    }
    rest
}

/// Do two texts name the same several choices, `ACD` and `A, C, D`? A reference in one word has them in the order of the alphabet;
/// else it is a name such as `BA`.
pub(crate) fn same_choices(a: &str, b: &str, ordered: bool) -> bool {
    let (Some((mut x, _)), Some((mut y, run))) = (letters(a), letters(b)) else {
        return false;
    };
    if run && !y.is_sorted() {
        return false;
    }
    if !ordered {
        x.sort_unstable();
        y.sort_unstable();
    }
    x == y
}

/// The letters of several choices, and whether they are written as one word.
fn letters(text: &str) -> Option<(Vec<char>, bool)> {
    if text.len() > 80 {
        return None;
    }
    let text = plain(text);
    let text = text.trim().trim_end_matches('.');
    let run = text.bytes().all(|b| b.is_ascii_uppercase());
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (letter, after) = match rest.strip_prefix('(') {
            Some(inner) => {
                let (inner, after) = inner.split_once(')')?;
                let mut chars = inner.trim().chars();
                (chars.next().filter(|_| chars.next().is_none())?, after)
            }
            None => (c, &rest[c.len_utf8()..]),
        };
        if !('A'..='J').contains(&letter) || out.contains(&letter) {
            return None;
        }
        out.push(letter);
        let bracketed = rest.starts_with('(');
        rest = separated(after);
        // Letters in a word, or apart.
        if !run && !bracketed && !after.is_empty() && rest == after
            || !after.is_empty() && rest.is_empty()
        {
            return None;
        }
    }
    (2..=6).contains(&out.len()).then_some((out, run))
}

#[cfg(test)]
mod tests {
    use super::{same, same_choices};

    #[test]
    fn labels_are_the_same_in_any_form() {
        for (a, b, expected) in [
            ("(1)(3)", "①③", Some(true)),
            ("(1), (3)", "①③", Some(true)),
            ("③, ①", "(1)(3)", Some(true)),
            ("1, 3", "(1)(3)", Some(true)),
            ("①和③", "(1)(3)", Some(true)),
            ("\\textcircled{1}\\textcircled{3}", "①③", Some(true)),
            ("\\text{① and ③}", "(1)(3)", Some(true)),
            ("(i) and (iii)", "(i)(iii)", Some(true)),
            ("1", "①", Some(true)),
            ("3", "(1)(3)", Some(false)),
            ("13", "(1)(3)", Some(false)),
            ("(1) or (3)", "(1)(3)", Some(false)),
            ("①②③", "①③", Some(false)),
            ("1, 3", "(1), (3)", None),
            ("4", "(2)(2)", None),
            ("(i)(v)", "iv", None),
            ("2(3)", "6", None),
        ] {
            assert_eq!(same(a, b, false), expected, "{a} for {b}");
        }
    }

    #[test]
    fn several_choices_are_a_set() {
        for (a, b, expected) in [
            ("A, C, D", "ACD", true),
            ("A、C、D", "ACD", true),
            ("\\text{A and C}", "AC", true),
            ("AC", "A, C", true),
            ("CA", "AC", true),
            ("(A)(C)", "AC", true),
            ("A, C", "ACD", false),
            ("A or C", "AC", false),
            ("AB", "BA", false),
            ("A", "A", false),
            ("Ac", "AC", false),
        ] {
            assert_eq!(same_choices(a, b, false), expected, "{a} for {b}");
        }
    }
}
