//! Short phrases that say mathematics: `5 out of 12`, `greater than 3`, `at least 2`.

use crate::text::plain;

/// Phrases and what they say of the number after them: the ends of the interval.
const BOUNDS: [(&str, &str, &str); 14] = [
    ("greater than or equal to ", "[", ",\\infty)"),
    ("more than or equal to ", "[", ",\\infty)"),
    ("less than or equal to ", "(-\\infty,", "]"),
    ("no less than ", "[", ",\\infty)"),
    ("not less than ", "[", ",\\infty)"),
    ("at least ", "[", ",\\infty)"),
    ("no more than ", "(-\\infty,", "]"),
    ("not more than ", "(-\\infty,", "]"),
    ("at most ", "(-\\infty,", "]"),
    ("greater than ", "(", ",\\infty)"),
    ("more than ", "(", ",\\infty)"),
    ("larger than ", "(", ",\\infty)"),
    ("less than ", "(-\\infty,", ")"),
    ("smaller than ", "(-\\infty,", ")"),
];

/// A text that is such a phrase, as mathematics.
pub(crate) fn rewritten(text: &str) -> Option<String> {
    if text.len() > 200
        || !text.contains(" of ") && !text.contains("than ") && !text.contains("at ")
    {
        return None;
    }
    let plain = plain(text);
    let words: Vec<&str> = plain.split_whitespace().collect();
    let line = words.join(" ").to_lowercase();
    if let Some((part, whole)) = line.split_once(" out of ") {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        return (digits(part) && digits(whole)).then(|| format!("{part}/{whole}"));
    }
    // `x is greater than 3`, `all real numbers greater than 3`
    let of = [
        "is ",
        "must be ",
        "has to be ",
        "all real numbers ",
        "all numbers ",
        "all reals ",
    ];
    let mut rest = line.as_str();
    if let Some((name, verb)) = rest.split_once(' ')
        && name.len() == 1
        && name.bytes().all(|b| b.is_ascii_lowercase())
    {
        rest = of.iter().find_map(|word| verb.strip_prefix(word))?;
    } else if let Some(bare) = of.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = bare;
    }
    let (phrase, low, high) = BOUNDS
        .iter()
        .find(|(phrase, ..)| rest.starts_with(phrase))?;
    let value = &rest[phrase.len()..];
    let number = value.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && value
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'/'));
    number.then(|| format!("{low}{value}{high}"))
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn phrases_are_mathematics() {
        for (text, expected) in [
            ("5 out of 12", Some("5/12")),
            ("5 \\text{ out of } 12", Some("5/12")),
            ("five out of 12", None),
            ("\\text{greater than } 3", Some("(3,\\infty)")),
            ("x is at most -2.5", Some("(-\\infty,-2.5]")),
            (
                "all real numbers greater than or equal to 2",
                Some("[2,\\infty)"),
            ),
            ("2 is greater than 3", None),
            ("at least two", None),
            ("at 3", None),
        ] {
            assert_eq!(rewritten(text).as_deref(), expected, "{text}");
        }
    }
}
