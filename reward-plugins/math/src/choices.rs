//! Multiple choice: the letter that an answer names, and the text beside the letter.
//!
//! A reference such as `\textbf{(C)}\ 12` is met by its letter and by its text. An answer that gives both has to be right in both.

use crate::text::plain;

/// The letter of a multiple-choice answer: `B`, `(B)`, `B.`, `\text{(B)}`, `Option B`, `(B) 12`.
///
/// A second choice after the first is a hedge and no answer.
pub fn choice(text: &str) -> Option<char> {
    let text = plain(text);
    let text = text.trim().trim_matches('*').trim();
    let lower = text.to_ascii_lowercase();
    let prefix = ["option ", "choice ", "answer: ", "answer "]
        .iter()
        .find(|p| lower.starts_with(*p));
    let text = prefix.map_or(text, |p| text[p.len()..].trim_start());
    let (letter, rest, bracket) = if let Some(inner) = text.strip_prefix('(') {
        let mut chars = inner.trim_start().chars();
        (
            chars.next()?,
            chars.as_str().trim_start().strip_prefix(')')?,
            true,
        )
    } else {
        let mut chars = text.chars();
        (chars.next()?, chars.as_str(), false)
    };
    if !letter.is_ascii_alphabetic() || !('A'..='J').contains(&letter.to_ascii_uppercase()) {
        return None;
    }
    let letter_found = Some(letter.to_ascii_uppercase());
    let rest = rest.trim_start_matches('*');
    if rest.trim_matches([' ', '.', ')', ':']).is_empty() {
        return letter_found;
    }
    // `Option A is correct.`
    let said = rest.trim().trim_end_matches('.').to_ascii_lowercase();
    if !bracket
        && letter.is_ascii_uppercase()
        && matches!(
            said.as_str(),
            "is correct"
                | "is right"
                | "is the answer"
                | "is the correct answer"
                | "is the right answer"
                | "is the correct option"
                | "is the correct choice"
        )
    {
        return letter_found;
    }
    // Text after the letter needs a mark between: `B. 12`, `(B) 12`.
    let tail = match rest.strip_prefix(['.', ')', ':']) {
        Some(tail) => tail,
        None if bracket => rest,
        None => return None,
    };
    // `C.5` is no choice: a space follows the mark.
    if !bracket && !tail.starts_with(' ') {
        return None;
    }
    let last = tail.split_whitespace().next_back().unwrap_or("");
    let hedges = |word: &str| {
        let bare = word.trim_matches(['(', ')', '.', ':', ',', '*']);
        bare.len() == 1 && bare != "a" && bare.chars().all(|c| ('A'..='J').contains(&c))
            || matches!(bare.to_ascii_lowercase().as_str(), "or" | "and" | "not")
            // `A. 12, b. 9`
            || bare.len() == 1
                && word != last
                && word.ends_with(['.', ':', ')'])
                && bare.chars().all(|c| ('b'..='j').contains(&c))
    };
    if tail.split_whitespace().any(hedges) {
        None
    } else {
        letter_found
    }
}

/// The text of an answer that is a letter with its text, as LaTeX: `12` of `(D) 12`, of `\textbf{(D)}\ 12` and of `\textbf{(D) 12}`.
pub fn option(text: &str) -> Option<String> {
    choice(text)?;
    let mut rest = text.trim();
    // What was opened before the label's end and not closed.
    let mut depth = 0_usize;
    let mut label = String::new();
    loop {
        let c = rest.chars().next()?;
        let mut step = c.len_utf8();
        match c {
            '\\' => {
                let name = rest[1..]
                    .bytes()
                    .take_while(u8::is_ascii_alphabetic)
                    .count();
                let next = rest[1..].chars().next()?;
                step = 1 + if name > 0 { name } else { next.len_utf8() };
            }
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            '$' | '~' | '*' => {}
            c if c.is_whitespace() => {}
            '(' if label.is_empty() => label.push(c),
            c if c.is_ascii_alphabetic() && label.trim_start_matches('(').is_empty() => {
                label.push(c);
            }
            ')' | '.' | ':' if label.ends_with(|c: char| c.is_ascii_alphabetic()) => label.push(c),
            _ => return None,
        }
        rest = &rest[step..];
        if label.ends_with([')', '.', ':']) {
            break;
        }
    }
    let mut out = String::with_capacity(rest.len());
    // The brace that closes the label's font goes with it.
    let mut inner = 0_usize;
    for c in rest.chars() {
        match c {
            '{' => inner += 1,
            '}' if inner > 0 => inner -= 1,
            '}' if depth > 0 => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    // A dollar sign that lost the other one opened the label's formula.
    if out.matches('$').count() == 1 && text.trim_start().starts_with('$') {
        out = out.replace('$', "");
    }
    let out = out.trim_matches(|c: char| c.is_whitespace() || c == '~');
    let out = ["\\ ", "\\quad", "\\qquad", "\\,", "\\;", "\\:"]
        .iter()
        .fold(out, |out, space| {
            out.strip_prefix(space).unwrap_or(out).trim_start()
        });
    (!out.is_empty() && out != "\\").then(|| out.to_owned())
}

/// The letter of a choice and the value that an equation gives it: `A = 9`, `9 = A`.
pub fn named(text: &str) -> Option<(char, &str)> {
    let (left, right) = text.split_once('=')?;
    let letter = |side: &str| {
        let side = plain(side);
        let mut chars = side.trim().chars();
        let letter = chars.next().filter(|c| ('A'..='J').contains(c))?;
        chars.next().is_none().then_some(letter)
    };
    let found = letter(left).map(|found| (found, right.trim()));
    found.or_else(|| letter(right).map(|found| (found, left.trim())))
}

/// The letter that a text begins with where it isn't the article: `A 9`, `C, 9`.
pub fn leading(text: &str) -> Option<char> {
    let text = plain(text);
    let (first, rest) = text.trim().split_once(' ')?;
    let mut chars = first
        .trim_end_matches([',', ';', '.', ':', ')'])
        .trim_start_matches('(')
        .chars();
    let letter = chars.next().filter(|c| ('A'..='J').contains(c))?;
    (chars.next().is_none() && !rest.trim_start().starts_with(char::is_alphabetic))
        .then_some(letter)
}

/// An answer with its letter behind it, `12 \text{ (C)}`: what stands before, and the letter.
pub fn labelled_behind(text: &str) -> Option<(String, char)> {
    let plain = plain(text);
    let inner = plain.trim_end_matches([' ', '.', '*']).strip_suffix(')')?;
    let (before, letter) = inner.rsplit_once('(')?;
    let letter = letter.trim();
    let mut chars = letter.chars();
    let found = chars.next().filter(|c| ('A'..='J').contains(c))?;
    // `(A) (B)` names two.
    let value = !before.trim().is_empty() && chars.next().is_none() && choice(before).is_none();
    value.then(|| {
        let at = text.rfind('(').unwrap_or(0);
        let before = text[..at].trim_end();
        let font = [
            "\\text{",
            "\\textbf{",
            "\\mathrm{",
            "\\mathbf{",
            "\\textrm{",
        ]
        .iter()
        .find_map(|font| before.strip_suffix(font));
        (font.unwrap_or(before).trim().to_owned(), found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_taken_off_in_any_font() {
        for (text, expected) in [
            ("(D) 12", Some("12")),
            ("D. 12", Some("12")),
            ("\\textbf{(D)}\\ 12", Some("12")),
            ("\\textbf{(D) }12", Some("12")),
            ("\\textbf{(D) 12}", Some("12")),
            ("(\\mathrm{D})\\ 12", Some("12")),
            ("\\mathrm{(D) \\ } 12", Some("12")),
            ("$\\textbf{(D)}\\ \\frac{1}{2}$", Some("\\frac{1}{2}")),
            ("\\textbf{(D)}~3\\text{ cm}", Some("3\\text{ cm}")),
            ("(D)", None),
            ("\\textbf{(D)}", None),
            ("12", None),
            ("(x) 12", None),
            ("D.5", None),
        ] {
            assert_eq!(option(text).as_deref(), expected, "{text}");
        }
    }
}
