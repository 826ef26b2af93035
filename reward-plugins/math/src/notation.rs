//! Notations that only the other answer explains: `C_{10}^3` beside 120 is a number of combinations, `+ c` beside `+ C` the same
//! constant, `\text{Length: } 6, \text{Width: } 4` beside `6, 4` the two values in order.

use crate::qualifier::without_commands;
use crate::text::plain;
use std::borrow::Cow;

/// The answer, as it is to be read beside the reference.
pub(crate) fn beside<'a>(text: &'a str, reference: &str) -> Cow<'a, str> {
    if text.len() > 400 {
        return Cow::Borrowed(text);
    }
    let mut out = Cow::Borrowed(text);
    for step in [only, rupees, choose, constant] {
        if let Some(changed) = step(&out, reference) {
            out = Cow::Owned(changed);
        }
    }
    out
}

/// `5 \text{ only}`, `only 5`: the word says no more than the value.
fn only(text: &str, _: &str) -> Option<String> {
    const FONTS: [&str; 3] = ["\\text{", "\\textrm{", "\\mbox{"];
    let text = text.trim();
    if !text.to_ascii_lowercase().contains("only") {
        return None;
    }
    for font in FONTS.iter().copied().chain([""]) {
        let inside = text.strip_prefix(font).map(str::trim_start);
        let word =
            inside.and_then(|inner| inner.strip_prefix("only").or(inner.strip_prefix("Only")));
        if let Some(rest) = word {
            let rest = rest.trim_start();
            let rest = if font.is_empty() {
                Some(rest)
            } else {
                rest.strip_prefix('}')
            };
            return rest
                .filter(|rest| is_value(rest))
                .map(|rest| rest.trim().to_owned());
        }
        let inside = if font.is_empty() {
            Some(text)
        } else {
            text.strip_suffix('}')
        };
        let word = inside.and_then(|inner| inner.trim_end().strip_suffix("only"));
        if let Some(rest) = word.map(str::trim_end) {
            let rest = if font.is_empty() {
                Some(rest)
            } else {
                rest.strip_suffix(font.trim_end())
            };
            if let Some(rest) = rest.filter(|rest| is_value(rest)) {
                return Some(rest.trim_end().to_owned());
            }
        }
    }
    None
}

/// Is it a value without words?
fn is_value(text: &str) -> bool {
    let bare = without_commands(text);
    let words = bare.split(|c: char| !c.is_alphabetic());
    !bare.trim().is_empty() && words.into_iter().all(|word| word.chars().count() < 2)
}

/// `Rs 500`, `Rs. 500`: the currency in a font of its own.
fn rupees(text: &str, _: &str) -> Option<String> {
    let rest = text.trim_start().strip_prefix("Rs")?;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let number = rest.trim_start_matches([' ', '~', '\\', '$']);
    number
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| format!("\\text{{Rs }}{number}"))
}

/// `C_{10}^3`, `C^3_{10}`, `A_5^2`, `P(5, 2)` beside an answer that has no such letter: combinations and arrangements.
fn choose(text: &str, reference: &str) -> Option<String> {
    let name = text.find(['C', 'A', 'P'])?;
    if reference.contains(&text[name..=name]) {
        return None;
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find(['C', 'A', 'P']) {
        let before = &rest[..at];
        out.push_str(before);
        let letter = &rest[at..=at];
        let after = &rest[at + 1..];
        let part = before.ends_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '\\' | '{'));
        // Beside points, it is one of them.
        let pair = || arguments(after).filter(|_| !reference.contains(','));
        let found = counted(after).or_else(pair);
        if let Some((n, k, left)) = found.filter(|_| !part) {
            out.push_str(&written(letter, n, k)?);
            rest = left;
            changed = true;
        } else {
            out.push_str(letter);
            rest = after;
        }
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// The number of ways to choose, or to arrange, `k` of `n`.
fn written(letter: &str, n: &str, k: &str) -> Option<String> {
    let numbers = (n.parse::<u32>(), k.parse::<u32>());
    if let (Ok(n), Ok(k)) = numbers
        && (n < k || n > 400)
    {
        return None;
    }
    let arranged = match numbers {
        _ if letter == "C" => return Some(format!("\\binom{{{n}}}{{{k}}}")),
        (Ok(n), Ok(k)) => format!("\\frac{{{n}!}}{{{}!}}", n - k),
        _ => format!("\\frac{{{n}!}}{{({n}-{k})!}}"),
    };
    Some(arranged)
}

/// `_{10}^3` or `^3_{10}`: the two numbers, and what follows.
fn counted(text: &str) -> Option<(&str, &str, &str)> {
    if let Some(rest) = text.strip_prefix('_') {
        let (n, rest) = index(rest)?;
        let (k, rest) = index(rest.strip_prefix('^')?)?;
        return Some((n, k, rest));
    }
    let (k, rest) = index(text.strip_prefix('^')?)?;
    let (n, rest) = index(rest.strip_prefix('_')?)?;
    Some((n, k, rest))
}

/// `(5, 2)` of numbers.
fn arguments(text: &str) -> Option<(&str, &str, &str)> {
    let (inner, rest) = text.strip_prefix('(')?.split_once(')')?;
    let (n, k) = inner.split_once(',')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (n, k) = (n.trim(), k.trim());
    (number(n) && number(k)).then_some((n, k, rest))
}

/// A number or letter in braces or a single one without.
fn index(text: &str) -> Option<(&str, &str)> {
    let (inner, rest) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => text.split_at_checked(1)?,
    };
    let inner = inner.trim();
    let number = !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_digit());
    let letter = inner.len() == 1 && inner.bytes().all(|b| b.is_ascii_lowercase());
    (number || letter).then_some((inner, rest))
}

/// `+ c` where the reference ends with `+ C`, or the other way round: the constant of an integral has no other place in either.
fn constant(text: &str, reference: &str) -> Option<String> {
    let ending = |text: &str| {
        let (value, name) = text.trim_end().rsplit_once('+')?;
        let name = name.trim();
        let free = !without_commands(value).contains(['c', 'C']);
        (matches!(name, "c" | "C") && free).then(|| (value.to_owned(), name.to_owned()))
    };
    let (value, own) = ending(text)?;
    let (_, other) = ending(reference)?;
    (own != other).then(|| format!("{value}+ {other}"))
}

/// The values of `\text{Length: } 6, \text{Width: } 4`, each behind a name of its own, as a list in that order.
pub(crate) fn unnamed(text: &str) -> Option<String> {
    if text.len() > 200 || !text.contains(':') || !text.contains(',') {
        return None;
    }
    let plain = plain(text);
    let mut names: Vec<&str> = Vec::new();
    let mut values: Vec<&str> = Vec::new();
    for item in plain.split(", ") {
        let (name, value) = item.split_once(':')?;
        let name = name.trim();
        let word = name.len() > 1 && name.chars().all(|c| c.is_alphabetic() || c == ' ');
        let number = value
            .trim()
            .starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if !word || !number || value.contains(':') || names.contains(&name) {
            return None;
        }
        names.push(name);
        values.push(value.trim());
    }
    (values.len() > 1).then(|| values.join(", "))
}

/// Cases of a function with one mark between value and condition: a comma, `if` or none.
pub(crate) fn cases(text: &str) -> Option<String> {
    if !text.contains("\\begin{cases}") {
        return None;
    }
    let mut out = text
        .replace("&,", "&")
        .replace(", &", "&")
        .replace(",&", "&");
    for word in [
        "\\text{if }",
        "\\text{ if }",
        "\\text{if}",
        "\\mbox{if }",
        "\\text{for }",
    ] {
        out = out.replace(word, " ");
    }
    for (sign, long, short) in [("≤", "\\leq", "\\le"), ("≥", "\\geq", "\\ge")] {
        out = out.replace(long, sign);
        let mut parts = out.split(short);
        let mut next = parts.next().unwrap_or("").to_owned();
        for part in parts {
            // `\left` begins the same.
            let other = part.starts_with(|c: char| c.is_ascii_alphabetic());
            next.push_str(if other { short } else { sign });
            next.push_str(part);
        }
        out = next;
    }
    let squeezed: String = out.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(squeezed.replace(", \\\\", " \\\\").replace(",\\\\", "\\\\"))
}

#[cfg(test)]
mod tests {
    use super::{beside, unnamed};

    #[test]
    fn the_other_answer_explains() {
        for (text, reference, expected) in [
            ("C_{10}^3", "120", "\\binom{10}{3}"),
            ("2C^3_{10}", "240", "2\\binom{10}{3}"),
            ("A_5^2", "20", "\\frac{5!}{3!}"),
            ("P(5, 2)", "20", "\\frac{5!}{3!}"),
            ("C_1^2", "0", "C_1^2"),
            ("P(5, 2)", "P(5, 2)", "P(5, 2)"),
            ("x^2 + c", "x^2 + C", "x^2 + C"),
            ("cx + c", "Cx + C", "cx + c"),
            ("\\text{only } 5", "5", "5"),
            ("n = 5 \\text{ only}", "5", "n = 5"),
            ("not only 5", "5", "not only 5"),
            ("Rs. 500", "500", "\\text{Rs }500"),
        ] {
            assert_eq!(beside(text, reference), expected, "{text}");
        }
    }

    #[test]
    fn names_before_colons_are_left_out() {
        let values = unnamed("\\text{Length: }6, \\text{Width: }4");
        assert_eq!(values.as_deref(), Some("6, 4"));
        assert_eq!(unnamed("\\text{ratio } 6:4, 5"), None);
        assert_eq!(unnamed("a: 6, a: 4"), None);
    }
}
