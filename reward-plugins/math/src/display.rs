//! The end of a text: a displayed formula over several lines, and the courtesies after an answer.

/// Environments whose rows are steps; the last one is the result.
const ROWS: [&str; 10] = [
    "align",
    "align*",
    "aligned",
    "gather",
    "gather*",
    "gathered",
    "equation",
    "equation*",
    "split",
    "eqnarray*",
];

/// Are the rows of an environment steps of a formula?
pub(crate) fn is_rows(environment: &str) -> bool {
    ROWS.contains(&environment)
}

/// How courtesies begin that say nothing of the answer.
const COURTESIES: [&str; 9] = [
    "i hope",
    "hope this",
    "let me know",
    "please let me know",
    "feel free",
    "if you have any",
    "if you need",
    "thank you",
    "happy to help",
];

/// The text without courtesies at its end.
pub(crate) fn without_courtesies(mut text: &str) -> &str {
    for _ in 0..4 {
        let line = text.rfind('\n').map_or(0, |at| at + 1);
        let body = text[line..].trim_end_matches(['.', '!', '?', ' ']);
        let start = [". ", "! ", "? ", ".* ", "$ "]
            .iter()
            .filter_map(|end| body.rfind(end).map(|at| line + at + end.len()))
            .max()
            .unwrap_or(line);
        let last = text[start..]
            .trim_start_matches([' ', '*', '_'])
            .to_lowercase();
        let courteous = COURTESIES.iter().any(|start| last.starts_with(start));
        if !courteous || last.contains(|c: char| c.is_ascii_digit() || c == '$') || start == 0 {
            return text;
        }
        text = text[..start].trim_end();
    }
    text
}

/// A formula that is displayed at the end of a text over several lines: what stands before it, and its last row.
///
/// ```text
/// Adding both,
/// $$
/// x = 5
/// $$
/// ```
pub(crate) fn at_end(text: &str) -> Option<(&str, String)> {
    let text = text.trim_end().trim_end_matches(['.', ',']).trim_end();
    let (before, inner) = if let Some(body) = text.strip_suffix("$$") {
        body.rsplit_once("$$")?
    } else if let Some(body) = text.strip_suffix("\\]") {
        body.rsplit_once("\\[")?
    } else {
        let name = text.rsplit_once("\\end{")?.1.strip_suffix('}')?;
        if !ROWS.contains(&name) {
            return None;
        }
        let begin = format!("\\begin{{{name}}}");
        let at = text.rfind(&begin)?;
        (&text[..at], &text[at..])
    };
    if !inner.trim().contains('\n') && !text[before.len()..].contains('\n') {
        return None;
    }
    Some((before.trim_end(), last_row(inner)))
}

/// The last row of a formula, without what aligns it.
fn last_row(formula: &str) -> String {
    let mut text = formula.trim();
    for name in ROWS {
        let (begin, end) = (format!("\\begin{{{name}}}"), format!("\\end{{{name}}}"));
        if let Some(inner) = text
            .strip_prefix(&begin)
            .and_then(|inner| inner.trim_end_matches(['.', ' ']).strip_suffix(&end))
        {
            // The rows of a matrix in it are no rows of its own.
            if inner.contains("\\begin{") {
                text = inner.trim();
                continue;
            }
            let rows: Vec<&str> = inner
                .split("\\\\")
                .map(|row| spaced(row.trim()))
                .filter(|row| !row.is_empty())
                .collect();
            // Rows at the end that give values of different names are one answer.
            let mut names: Vec<&str> = Vec::new();
            for row in rows.iter().rev() {
                match name_of(row) {
                    Some(name) if !names.contains(&name) => names.push(name),
                    _ => break,
                }
            }
            let last = names.len().max(1).min(rows.len());
            let all: Vec<&str> = rows[rows.len() - last..]
                .iter()
                .map(|row| row.trim_end_matches(['.', ',']).trim_end())
                .collect();
            return all.join(", ").replace(['&', '\n'], " ");
        }
    }
    let matrix = text.contains("\\begin{");
    let row = text.trim_end_matches(['.', ',']).replace('\n', " ");
    if matrix { row } else { row.replace('&', " ") }
}

/// A row without the distance to the row before it: `[4pt] x = 2`.
fn spaced(row: &str) -> &str {
    match row
        .strip_prefix('[')
        .and_then(|distance| distance.split_once(']'))
    {
        Some((distance, row)) if distance.ends_with(|c: char| c.is_ascii_alphabetic()) => {
            row.trim_start()
        }
        _ => row,
    }
}

/// The name that a row gives the value of.
fn name_of(row: &str) -> Option<&str> {
    let (name, _) = row.split_once('=')?;
    let name = name.trim_end_matches([' ', '&']);
    let (letter, index) = name.split_at_checked(1)?;
    let plain = letter.starts_with(|c: char| c.is_ascii_alphabetic());
    (plain && (index.is_empty() || index.starts_with('_') && !index.contains(' '))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{at_end, without_courtesies};

    #[test]
    fn the_last_row_of_a_displayed_formula() {
        for (text, expected) in [
            ("So\n$$\nx = 5\n$$", Some("x = 5")),
            ("So\n\\[\nx = 5.\n\\]\n", Some("x = 5")),
            ("So $$x = 5$$", None),
            (
                "\\begin{align*}\n2x &= 8\\\\\nx + 1 &= 4\n\\end{align*}",
                Some("x + 1  = 4"),
            ),
            (
                "$$\n\\begin{aligned}\nx &= 1 \\\\[4pt]\ny &= 2\n\\end{aligned}\n$$",
                Some("x  = 1, y  = 2"),
            ),
            ("x = 5", None),
        ] {
            let found = at_end(text).map(|(_, formula)| formula);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn courtesies_say_nothing() {
        for (text, expected) in [
            ("It is 5. I hope it is correct.", "It is 5."),
            ("It is 5.\n\nLet me know!", "It is 5."),
            ("It is 5. I hope it is 6.", "It is 5. I hope it is 6."),
            ("It is 5. So are you.", "It is 5. So are you."),
        ] {
            assert_eq!(without_courtesies(text), expected);
        }
    }
}
