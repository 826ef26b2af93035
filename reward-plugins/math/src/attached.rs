//! What stands after a box and belongs to its number: a percent sign, a unit.

use crate::{han, units};
use std::borrow::Cow;

/// Words that are units only where nothing follows: elsewhere they may be a preposition, an article, a place in a row.
const ALSO_WORDS: [&str; 4] = ["in", "second", "A", "are"];

/// The number of a box with the percent sign or the known unit that follows it; nothing where there is none, or where the
/// box has more than a number without a unit.
///
/// `rest` is what follows the box.
pub(crate) fn joined(inner: &str, rest: &str) -> Option<String> {
    if !is_number(inner) {
        return None;
    }
    let rest = without_layout(rest);
    // A unit belongs to the whole sum.
    let sum = inner
        .trim_start_matches(['-', '+', '−'])
        .contains(['+', '-', '−']);
    let inner = &*if sum {
        Cow::Owned(format!("({inner})"))
    } else {
        Cow::Borrowed(inner)
    };
    if rest.starts_with(['%']) || rest.starts_with("\\%") || rest.starts_with("\\\\%") {
        return Some(format!("{inner}\\%"));
    }
    let label = ["\\text{", "\\mathrm{", "\\textrm{", "\\textbf{", "\\mbox{"]
        .iter()
        .find_map(|command| rest.strip_prefix(command))
        .and_then(|tail| tail.split_once('}'));
    if let Some((label, tail)) = label {
        let label = label.trim();
        if is_percent(label) {
            return Some(format!("{inner}\\%"));
        }
        let power = ["^2", "^3", "^{2}", "^{3}"]
            .iter()
            .find(|power| tail.starts_with(**power))
            .unwrap_or(&"");
        return is_unit(label).then(|| format!("{inner}\\text{{ {label}}}{power}"));
    }
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, ' ' | '/' | '^' | '²' | '³' | '°')))
        .unwrap_or(rest.len());
    let ended = !rest[end..].starts_with(['-', '=', '+', '\'', '’', '(', '\\', '_']);
    // `\\boxed{3}万元` is thirty thousand.
    if let Some((_, unit)) = han::multiple(&rest[..end])
        && (unit.is_empty() || han::label(unit).is_some())
    {
        return Some(format!("{inner}{}", &rest[..end]));
    }
    let words: Vec<&str> = rest[..end].split_whitespace().collect();
    // `\\boxed{5} a day` counts something else than days.
    if matches!(words.first(), Some(&("a" | "an" | "the"))) {
        return None;
    }
    for count in (1..=words.len().min(4)).rev() {
        let label = words[..count].join(" ");
        let last = count == words.len() && ended;
        if is_percent(&label) && (last || count == 1) {
            return Some(format!("{inner}\\%"));
        }
        let clear = last || !ALSO_WORDS.contains(&words[0]);
        if clear && is_unit(&label) {
            // `\boxed{3} feet 6 inches` is more than the box.
            if words
                .get(count)
                .is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()))
            {
                return None;
            }
            return Some(format!("{inner}\\text{{ {label}}}"));
        }
    }
    None
}

/// A number and nothing else: no letters but those of commands for numbers.
pub(crate) fn is_number(inner: &str) -> bool {
    let mut rest = inner;
    let mut digits = false;
    while let Some(c) = rest.chars().next() {
        let mut step = c.len_utf8();
        match c {
            '\\' => {
                let length = rest[1..]
                    .bytes()
                    .take_while(u8::is_ascii_alphabetic)
                    .count();
                let name = &rest[1..=length];
                let number = matches!(
                    name,
                    "frac"
                        | "dfrac"
                        | "tfrac"
                        | "sqrt"
                        | "pi"
                        | "cdot"
                        | "times"
                        | "left"
                        | "right"
                        | "mathbf"
                        | ""
                );
                if !number || name.is_empty() && !rest[1..].starts_with([',', '!', ' ', ';', ':']) {
                    return false;
                }
                digits |= name == "pi";
                step += length + usize::from(name.is_empty());
            }
            '0'..='9' | 'π' | '√' | '½' | '¼' | '¾' => digits = true,
            '.' | ',' | '{' | '}' | ' ' | '+' | '-' | '−' | '/' | '^' | '(' | ')' => {}
            _ => return false,
        }
        rest = &rest[step..];
    }
    digits
}

/// The text without spaces and the end of the formula that the box stands in.
fn without_layout(mut text: &str) -> &str {
    loop {
        let shorter = text.trim_start_matches([' ', '~', '\t', '$', '*']);
        let layout = ["\\,", "\\;", "\\!", "\\:", "\\ ", "\\)"];
        let shorter = layout
            .iter()
            .find_map(|command| shorter.strip_prefix(command))
            .unwrap_or(shorter);
        if shorter == text {
            return text;
        }
        text = shorter;
    }
}

fn is_percent(label: &str) -> bool {
    matches!(
        label.to_ascii_lowercase().as_str(),
        "percent" | "per cent" | "pct" | "%" | "\\%"
    )
}

/// Is every word of a label a unit that is known?
pub(crate) fn is_unit(label: &str) -> bool {
    units::label(label).is_some_and(|all| {
        all.iter()
            .all(|(name, _)| name == "°" || units::known(name).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn units_and_percent_signs_belong_to_the_number() {
        for (inner, rest, expected) in [
            ("28", "\\%", Some("28\\%")),
            ("28", "$ percent.", Some("28\\%")),
            ("28", " per cent", Some("28\\%")),
            ("5", " m", Some("5\\text{ m}")),
            ("5", "$ meters wide", Some("5\\text{ meters}")),
            ("5", "\\text{ cm}^2$", Some("5\\text{ cm}^2")),
            ("60", " miles per hour.", Some("60\\text{ miles per hour}")),
            ("5", " m long.", Some("5\\text{ m}")),
            ("5", " A of current", None),
            ("5", " in", Some("5\\text{ in}")),
            ("5", " in total", None),
            ("5", " a day", None),
            ("5", "万元。", Some("5万元")),
            ("5", "万不对", None),
            ("5", " apples", None),
            ("3", " feet 6 inches", None),
            ("5", "", None),
            ("5\\text{ cm}", " m", None),
            ("x", " m", None),
            ("5", "\nm", None),
        ] {
            assert_eq!(joined(inner, rest).as_deref(), expected, "{inner} {rest}");
        }
    }
}
