//! Signs in words before what is written in signs: `minus 3`, `negative \frac{1}{2}`, `\text{minus } 3`.

use std::borrow::Cow;

const WORDS: [&str; 2] = ["minus", "negative"];
/// Commands that set words in a formula.
const TEXT: [&str; 5] = ["\\text{", "\\textbf{", "\\textrm{", "\\mathrm{", "\\mbox{"];

/// The text with a minus sign for each such word. Between two values the word is left, for there it subtracts.
pub(crate) fn signed(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    if !WORDS.iter().any(|word| lower.contains(word)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match WORDS.iter().find_map(|word| sign(text, &lower, at, word)) {
            Some((end, sign)) if !follows_value(&out) => {
                for command in TEXT {
                    let kept = out.trim_end().strip_suffix(command).map(str::len);
                    out.truncate(kept.unwrap_or(out.len()));
                }
                out.push_str(sign);
                at = end;
            }
            _ => {
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    Cow::Owned(out)
}

/// Where the value begins before which the word at a place stands, and the sign with what opens the formula.
fn sign(text: &str, lower: &str, at: usize, word: &str) -> Option<(usize, &'static str)> {
    let after = lower[at..].strip_prefix(word)?;
    if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '\\') {
        return None;
    }
    let mut rest = after.trim_start_matches([' ', '~']);
    if rest.len() == after.len() && !rest.starts_with(['}', '$', '\\']) {
        return None;
    }
    if TEXT
        .iter()
        .any(|command| text[..at].trim_end().ends_with(command))
    {
        rest = rest.strip_prefix('}')?.trim_start_matches([' ', '~']);
    }
    let mut mark = "-";
    for (open, sign) in [("$", "$-"), ("\\(", "\\(-")] {
        // A dollar sign alone is a currency.
        if let Some(inner) = rest.strip_prefix(open)
            && (open != "$" || inner.contains('$'))
        {
            (rest, mark) = (inner, sign);
        }
    }
    let value = rest.starts_with(|c: char| {
        c.is_ascii_digit() || matches!(c, '$' | '(' | '.' | '√' | 'π' | '∞' | '½' | '¼' | '¾')
    });
    let command = [
        "\\frac", "\\dfrac", "\\tfrac", "\\sqrt", "\\pi", "\\infty", "\\$",
    ]
    .iter()
    .any(|command| rest.starts_with(command));
    (value || command).then_some((text.len() - rest.len(), mark))
}

/// Does a text end with a value, so that a sign after it subtracts?
fn follows_value(before: &str) -> bool {
    let before = TEXT
        .iter()
        .find_map(|command| before.trim_end().strip_suffix(command))
        .unwrap_or(before)
        .trim_end_matches([' ', '~', '$']);
    let word = before
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or("");
    before.ends_with([')', '}', ']', '!', '%', '°'])
        || word.chars().count() == 1 && !word.eq_ignore_ascii_case("a")
        || word.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_signs_before_values() {
        for (text, expected) in [
            ("minus 3", "-3"),
            ("Negative 1/2", "-1/2"),
            ("\\text{minus } 3", "-3"),
            ("x = minus 5 cm", "x = -5 cm"),
            ("(negative 1, 2)", "(-1, 2)"),
            ("minus $\\frac{1}{2}$", "$-\\frac{1}{2}$"),
            ("minus $5", "-$5"),
            ("5 minus 3", "5 minus 3"),
            ("x minus 3", "x minus 3"),
            ("minus three", "minus three"),
            ("\\sqrt{2} minus 3", "\\sqrt{2} minus 3"),
            ("negative", "negative"),
        ] {
            assert_eq!(signed(text), expected, "{text}");
        }
    }
}
