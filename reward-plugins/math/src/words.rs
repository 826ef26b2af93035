//! Words that say something exact: numbers, fractions, ordinals, "no solution", "all real numbers".

/// Rewrites an answer in words as mathematics: `two thirds` as `2/3`, `five dollars` as `5 dollars`, `all real numbers
/// except 2` as a set. Nothing where there is no such word. The text is in its normal form (`text::normal`), as in all of this module.
pub fn mathematics(lower: &str) -> Option<String> {
    for all in [
        "all real numbers",
        "all reals",
        "every real number",
        "all real values",
    ] {
        if let Some(rest) = lower.strip_prefix(all) {
            let rest = rest.trim();
            if rest.is_empty() || rest == "x" || rest == "of x" {
                return Some("\\mathbb{R}".into());
            }
            let but = ["except for ", "except ", "other than ", "but "]
                .iter()
                .find_map(|word| rest.strip_prefix(*word))?;
            return Some(format!("\\mathbb{{R}} \\setminus \\{{{but}\\}}"));
        }
    }
    spelled(lower)
}

/// What an answer in words says, or one that is the sign of the empty set.
pub fn meaning(text: &str, lower: &str) -> Option<&'static str> {
    if matches!(
        text,
        "\\emptyset" | "\\varnothing" | "∅" | "Ø" | "{}" | "\\{\\}"
    ) {
        return Some("empty");
    }
    let mut words = lower;
    for start in [
        "there is ",
        "there are ",
        "it has ",
        "has ",
        "the ",
        "limit ",
    ] {
        words = words.strip_prefix(start).unwrap_or(words);
    }
    Some(match words {
        "no solution"
        | "no solutions"
        | "no real solution"
        | "no real solutions"
        | "no real root"
        | "no real roots"
        | "no roots"
        | "no solution exists"
        | "no solutions exist"
        | "no real solutions exist"
        | "none"
        | "none exist"
        | "empty set" => "empty",
        "does not exist" | "dne" | "undefined" | "not defined" | "is undefined" => "undefined",
        "infinitely many"
        | "infinitely many solutions"
        | "infinite solutions"
        | "infinite number of solutions"
        | "an infinite number of solutions" => "infinitely many",
        _ => return None,
    })
}

/// The place in a row: `3rd`, `third`, `twenty-first`.
pub fn ordinal(lower: &str) -> Option<u32> {
    let word = lower.strip_prefix("the ").unwrap_or(lower);
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        let end = &word[digits.len()..];
        return matches!(end, "st" | "nd" | "rd" | "th").then(|| digits.parse().ok())?;
    }
    let (tens, last) = word.rsplit_once(['-', ' ']).unwrap_or(("", word));
    let base = if tens.is_empty() {
        0
    } else {
        small(tens).filter(|n| n % 10 == 0 && *n >= 20)?
    };
    let place = match last {
        "first" => 1,
        "second" => 2,
        "third" => 3,
        "fourth" => 4,
        "fifth" => 5,
        "sixth" => 6,
        "seventh" => 7,
        "eighth" => 8,
        "ninth" => 9,
        "tenth" => 10,
        "eleventh" => 11,
        "twelfth" => 12,
        "twentieth" => 20,
        _ => return None,
    };
    (base == 0 || place < 10).then_some((base + u64::from(place as u32)) as u32)
}

/// The number of a word below a hundred.
pub(crate) fn small(word: &str) -> Option<u64> {
    Some(match word {
        "zero" => 0,
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        _ => return None,
    })
}

/// The denominator that a word names.
fn denominator(word: &str) -> Option<u64> {
    Some(match word.strip_suffix('s').unwrap_or(word) {
        "half" | "halve" => 2,
        "third" => 3,
        "quarter" | "fourth" => 4,
        "fifth" => 5,
        "sixth" => 6,
        "seventh" => 7,
        "eighth" => 8,
        "ninth" => 9,
        "tenth" => 10,
        "twelfth" => 12,
        "hundredth" => 100,
        _ => return None,
    })
}

/// A number in words at the start of a text, in digits, with the rest of the text as it is.
fn spelled(text: &str) -> Option<String> {
    let spread = text.replace('-', " ");
    let words: Vec<&str> = spread.split_whitespace().collect();
    let (negative, words) = match words.as_slice() {
        ["minus" | "negative", rest @ ..] => (true, rest),
        all => (false, all),
    };
    let (value, used) = whole(words);
    let rest = &words[used..];
    let sign = if negative { "-" } else { "" };
    let fraction = |numerator: u64, rest: &[&str]| {
        let denominator = denominator(rest.first()?)?;
        let plural = rest[0].ends_with('s') && rest[0] != "s";
        (plural == (numerator != 1)).then_some((numerator, denominator))
    };
    let (value, rest) = match (value, rest) {
        // three and a half, two and three quarters
        (Some(whole), ["and", tail @ ..]) => {
            let (numerator, used) = article(tail);
            let (numerator, denominator) = fraction(numerator?, &tail[used..])?;
            if numerator >= denominator {
                return None;
            }
            (
                format!(
                    "\\frac{{{}}}{{{denominator}}}",
                    whole * denominator + numerator
                ),
                &tail[used + 1..],
            )
        }
        (Some(numerator), rest) if fraction(numerator, rest).is_some() => {
            let (a, b) = fraction(numerator, rest)?;
            (format!("\\frac{{{a}}}{{{b}}}"), &rest[1..])
        }
        // `two third` is neither a fraction nor a place.
        (Some(_), [next, ..]) if denominator(next).is_some() => return None,
        (Some(whole), rest) => (whole.to_string(), rest),
        (None, ["a" | "an", rest @ ..]) => {
            let (a, b) = fraction(1, rest)?;
            (format!("\\frac{{{a}}}{{{b}}}"), &rest[1..])
        }
        (None, ["half", ..]) => ("\\frac{1}{2}".to_owned(), &rest[1..]),
        _ => return None,
    };
    // More numbers after it would make it something else.
    if rest.len() > 4 || rest.iter().any(|word| small(word).is_some()) {
        return None;
    }
    Some(
        format!("{sign}{value} {}", rest.join(" "))
            .trim()
            .to_owned(),
    )
}

/// A numerator: a number in words, or an article for 1; and how many words it takes.
fn article(words: &[&str]) -> (Option<u64>, usize) {
    match words {
        ["a" | "an", ..] => (Some(1), 1),
        _ => whole(words),
    }
}

/// A whole number in words at the start, and how many words it takes.
fn whole(words: &[&str]) -> (Option<u64>, usize) {
    let (mut total, mut group, mut used) = (0u64, None::<u64>, 0);
    // The last unit of the group: after tens only a digit may follow.
    let mut room = 1000;
    while let Some(word) = words.get(used) {
        if let Some(n) = small(word) {
            let fits = if n == 0 { group.is_none() } else { n < room };
            if !fits {
                return (None, 0);
            }
            group = Some(group.unwrap_or(0) + n);
            room = if n >= 20 { 10 } else { 0 };
        } else if *word == "hundred" && group.is_some_and(|g| (1..=9).contains(&g)) {
            group = group.map(|g| g * 100);
            room = 100;
        } else if let Some(power) = thousand(word).filter(|_| group.is_some_and(|g| g > 0)) {
            total += group.unwrap_or(0) * power;
            group = Some(0);
            room = 1000;
        } else if *word == "and"
            && room >= 100
            && group.is_some()
            && words
                .get(used + 1)
                .is_some_and(|next| small(next).is_some())
            && used > 0
            && (words[used - 1] == "hundred" || thousand(words[used - 1]).is_some())
        {
        } else {
            break;
        }
        used += 1;
        if used > 12 {
            return (None, 0);
        }
    }
    (group.map(|g| total + g), used)
}

fn thousand(word: &str) -> Option<u64> {
    match word {
        "thousand" => Some(1_000),
        "million" => Some(1_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normal;

    #[test]
    fn numbers_in_words() {
        for (words, expected) in [
            ("seven", Some("7")),
            ("forty-two", Some("42")),
            ("three hundred", Some("300")),
            ("two thousand and five", Some("2005")),
            ("one hundred twenty three", Some("123")),
            ("two thirds", Some("\\frac{2}{3}")),
            ("a third", Some("\\frac{1}{3}")),
            ("three and a half", Some("\\frac{7}{2}")),
            ("Five dollars", Some("5 dollars")),
            ("minus four", Some("-4")),
            ("five six", None),
            ("twenty thirty", None),
            ("three and two", None),
            ("two third", None),
            ("third", None),
            ("dog", None),
        ] {
            assert_eq!(mathematics(&normal(words)).as_deref(), expected, "{words}");
        }
        assert_eq!(ordinal("third"), Some(3));
        assert_eq!(ordinal("21st"), Some(21));
        assert_eq!(ordinal("twenty-first"), Some(21));
        assert_eq!(ordinal("21"), None);
        assert_eq!(ordinal("seconds"), None);
    }
}
