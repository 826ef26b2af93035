//! Takes off what is only layout, and writes what has two spellings in one: `x &gt; 3`, `5\hspace{2pt}`, `[1 2; 3 4]`.

use std::borrow::Cow;

/// Spellings and what stands for them.
const SPELLINGS: [(&str, &str); 10] = [
    ("&gt;", ">"),
    ("&lt;", "<"),
    ("&amp;", "&"),
    ("&nbsp;", " "),
    ("˚", "°"),
    ("sq. ", "sq "),
    ("\\therefore", ""),
    ("\\kern", "\\hspace"),
    ("\\vspace", "\\hspace"),
    ("\\hspace*", "\\hspace"),
];

/// The text without layout.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    for (spelling, sign) in SPELLINGS {
        if out.contains(spelling) {
            out = Cow::Owned(out.replace(spelling, sign));
        }
    }
    while let Some(cut) = unbraced(&out) {
        out = Cow::Owned(cut);
    }
    // One alone is no norm.
    if out.matches("\\|").count() == 1 && !out.contains("\\left\\|") {
        out = Cow::Owned(out.replace("\\|", "\\parallel "));
    }
    for (open, close, keep) in [("\\hspace{", '}', ""), ("\\\\[", ']', "\\\\")] {
        while let Some(cut) = without(&out, open, close, keep) {
            out = Cow::Owned(cut);
        }
    }
    match rows(out.trim()) {
        Some(matrix) => Cow::Owned(matrix),
        None => out,
    }
}

/// The text without the first length in braces or brackets after a command.
fn without(text: &str, open: &str, close: char, keep: &str) -> Option<String> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find(open)?;
        let inner = at + open.len();
        let end = inner + text[inner..].find(close)?;
        if is_length(text[inner..end].trim()) {
            return Some(format!("{}{keep}{}", &text[..at], &text[end + 1..]));
        }
        from = inner;
    }
}

/// The text without the first skip and its length, `\hskip 2pt`.
fn unbraced(text: &str) -> Option<String> {
    let (at, command) = ["\\hskip", "\\mskip", "\\hspace"]
        .iter()
        .find_map(|command| Some((text.find(command)?, command)))?;
    let rest = text[at + command.len()..].trim_start();
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let unit = digits.trim_start();
    let unit = ["pt", "em", "ex", "mm", "cm", "in", "mu", "px"]
        .iter()
        .find_map(|name| unit.strip_prefix(name))?;
    (digits.len() < rest.len()).then(|| format!("{} {unit}", &text[..at]))
}

/// A length of TeX: `2pt`, `-0.5em`.
fn is_length(text: &str) -> bool {
    let unit =
        text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | ' '));
    unit.len() < text.len() && matches!(unit, "pt" | "em" | "ex" | "mm" | "cm" | "in" | "mu" | "px")
}

/// A matrix by rows with semicolons and numbers with spaces between, `[1 2; 3 4]`.
fn rows(text: &str) -> Option<String> {
    let inner = text
        .trim_matches('$')
        .trim()
        .strip_prefix('[')?
        .strip_suffix(']')?;
    let number = |cell: &str| {
        cell.contains(|c: char| c.is_ascii_digit())
            && cell
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '-' | '.' | '/'))
    };
    let rows: Vec<Vec<&str>> = inner
        .split(';')
        .map(|row| row.split_whitespace().collect())
        .collect();
    let width = rows[0].len();
    let regular = rows.len() > 1 && width > 1;
    if !regular
        || rows
            .iter()
            .any(|row| row.len() != width || !row.iter().all(|cell| number(cell)))
    {
        return None;
    }
    let rows: Vec<String> = rows.iter().map(|row| row.join(" & ")).collect();
    Some(format!(
        "\\begin{{bmatrix}}{}\\end{{bmatrix}}",
        rows.join(" \\\\ ")
    ))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn layout_is_taken_off() {
        for (text, expected) in [
            ("x &gt; 3", "x > 3"),
            ("5\\hspace{2pt}", "5"),
            ("a\\\\[2pt]b", "a\\\\b"),
            ("a\\\\[2, 3]", "a\\\\[2, 3]"),
            (
                "[1 2; 3 -4]",
                "\\begin{bmatrix}1 & 2 \\\\ 3 & -4\\end{bmatrix}",
            ),
            ("[1; 2]", "[1; 2]"),
            ("[1 2; 3]", "[1 2; 3]"),
            ("[1, 2]", "[1, 2]"),
            ("\\hspace{x}", "\\hspace{x}"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
