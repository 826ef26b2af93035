//! Answers of several labelled parts: `(1) 5; (2) 7`, `a) x > 2, b) 9`.

/// Most parts of one answer.
const MAX_PARTS: usize = 26;

/// The parts of a text: their labels and what follows each; nothing unless it begins with a label and has two at least.
///
/// ```
/// use math::parts::split;
/// assert_eq!(split("(a) 12, (b) 1/3").unwrap(), [("a".into(), "12".into()), ("b".into(), "1/3".into())]);
/// assert_eq!(split("(a) + (b)"), None);
/// assert_eq!(split("2 (a)"), None);
/// ```
pub fn split(text: &str) -> Option<Vec<(String, String)>> {
    let parts = answered(text)?;
    if parts.len() < 2 {
        return None;
    }
    // All labels are numbers, letters or Roman numerals, each once, from the first on.
    let mut labels: Vec<&str> = parts.iter().map(|(label, _)| label.as_str()).collect();
    labels.sort_by_key(|label| place(label));
    let complete = |kind: usize| {
        labels
            .iter()
            .enumerate()
            .all(|(i, label)| places(label)[kind] == Some(i + 1))
    };
    (0..3).any(complete).then_some(parts)
}

/// The parts of an answer, whichever and in whatever order; nothing where the text does not begin with a label.
pub fn answered(text: &str) -> Option<Vec<(String, String)>> {
    if text.len() > crate::lexer::MAX_BYTES {
        return None;
    }
    let plain = unwrapped(text);
    let mut marks: Vec<(usize, usize, String)> = Vec::new();
    let mut at = 0;
    while at < plain.len() {
        if let Some((length, label)) = label_at(&plain[at..], at == 0 || boundary(&plain[..at])) {
            marks.push((at, at + length, label));
            at += length;
        } else {
            at += plain[at..].chars().next().map_or(1, char::len_utf8);
        }
        if marks.len() > MAX_PARTS {
            return None;
        }
    }
    // What stands before the first label has to be nothing.
    if !plain[..marks.first()?.0].trim().is_empty() {
        return None;
    }
    let mut parts = Vec::with_capacity(marks.len());
    for (i, (_, end, label)) in marks.iter().enumerate() {
        let stop = marks.get(i + 1).map_or(plain.len(), |next| next.0);
        let body = trimmed(&plain[*end..stop]);
        if body.is_empty() || body.starts_with(['+', '=', '*', '/', '^', ',', ')']) {
            return None;
        }
        parts.push((label.clone(), body.to_owned()));
    }
    Some(parts)
}

/// The label of a part that a line begins with, also as a heading or in bold print: `**(a)** …`, `### Part 2: …`, `(b) …`.
pub(crate) fn heading(line: &str) -> Option<String> {
    let line = line.replace(['*', '#', '$'], " ");
    label_at(&format!("{} ", line.trim()), true).map(|(_, label)| label)
}

/// Whether a word is the label of a part with its brackets: `(a)`, `2)`, `b.`.
pub fn is_label(word: &str) -> bool {
    label_at(&format!("{word} x"), true).is_some_and(|(length, _)| length >= word.len())
}

/// The part that answers a label: none where there is none, or more than one.
pub fn labelled<'a>(parts: &'a [(String, String)], label: &str) -> Option<&'a str> {
    let mut found = parts.iter().filter(|(other, _)| other == label);
    match (found.next(), found.next()) {
        (Some((_, body)), None) => Some(body),
        _ => None,
    }
}

/// Takes spacing commands and line breaks of LaTeX out, and dollar signs: a part's label stands outside of them.
fn unwrapped(text: &str) -> String {
    let mut out = text.replace('$', " ");
    for noise in ["\\quad", "\\qquad", "\\ ", "\\\\", "\\;", "**"] {
        if out.contains(noise) {
            out = out.replace(noise, " ");
        }
    }
    out
}

fn boundary(before: &str) -> bool {
    before.ends_with(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '.' | '}'))
}

/// A label at the start of a text: its length and what it says. A bare `1)` or `a.` needs a boundary before it.
fn label_at(text: &str, boundary: bool) -> Option<(usize, String)> {
    if !boundary {
        return None;
    }
    let (open, rest) = match text.strip_prefix('(') {
        Some(rest) => (1, rest),
        None => (0, text),
    };
    let mut open = open;
    let mut rest = rest;
    if open == 0 {
        for word in ["Part ", "part ", "\\text{("] {
            if let Some(tail) = rest.strip_prefix(word) {
                open += word.len();
                rest = tail;
            }
        }
        if let Some(tail) = rest.strip_prefix('(') {
            open += 1;
            rest = tail;
        }
    }
    let name: String = rest
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || places(&lower).iter().all(Option::is_none) {
        return None;
    }
    let after = &rest[name.len()..];
    let close = if text.starts_with("\\text{(") {
        after.strip_prefix(")}").map(|_| 2)
    } else if after.starts_with("):") {
        Some(2)
    } else if after.starts_with(')') || open > 1 && after.starts_with(':') {
        Some(1)
    } else {
        None
    }?;
    // A space or a sign of LaTeX follows, or the end: `(a)b` is a product.
    let tail = &after[close..];
    let clear = tail.starts_with(|c: char| c.is_whitespace() || c == '\\');
    clear.then_some((open + name.len() + close, lower))
}

/// The place of a label among numbers, letters and Roman numerals.
fn places(label: &str) -> [Option<usize>; 3] {
    let number = label
        .parse::<usize>()
        .ok()
        .filter(|n| (1..=MAX_PARTS).contains(n));
    let letter = match label.as_bytes() {
        [c @ b'a'..=b'z'] => Some(usize::from(c - b'a') + 1),
        _ => None,
    };
    let roman = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii"];
    [
        number,
        letter,
        roman.iter().position(|r| *r == label).map(|i| i + 1),
    ]
}

fn place(label: &str) -> (usize, usize) {
    let [number, letter, roman] = places(label);
    match (number, roman, letter) {
        (Some(n), ..) => (0, n),
        (_, Some(n), _) => (1, n),
        (.., Some(n)) => (2, n),
        _ => (3, 0),
    }
}

fn trimmed(body: &str) -> &str {
    let mut text = body.trim();
    loop {
        let before = text;
        text = text.trim_end_matches([';', ',', '.', ' ', '\n']);
        for end in [" and", "\\text{ and }"] {
            text = text.strip_suffix(end).unwrap_or(text);
        }
        text = text.trim();
        if text == before {
            return text;
        }
    }
}
