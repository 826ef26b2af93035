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
            let rows = if inner.contains("\\begin{") {
                inner
            } else {
                let inner = inner.trim_end().trim_end_matches("\\\\");
                inner.rsplit("\\\\").next().unwrap_or(inner)
            };
            // `\\\\[4pt]` is the distance to the row before.
            let row = rows.trim_start();
            text = match row.strip_prefix('[').and_then(|row| row.split_once("pt]")) {
                Some((_, row)) => row,
                None => row,
            }
            .trim();
        }
    }
    let matrix = text.contains("\\begin{");
    let row = text.trim_end_matches(['.', ',']).replace('\n', " ");
    if matrix { row } else { row.replace('&', " ") }
}
