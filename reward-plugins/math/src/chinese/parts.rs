//! Cuts a Chinese line into sentences, clauses and runs of signs; formulas are atoms.
//!
//! ```text
//! 所以$f(x)$的最小值为3，此时x=1。     所以$f(x)$的最小值为3 | 此时x=1          runs of the first: $f(x)$ | 3
//! ```

use crate::han::is_han;

/// Lines that one formula may go over.
const MAX_LINES: usize = 24;

/// The last line, with the lines before it where a formula began there, or where they lead to a formula that stands alone.
pub(super) fn last_line(text: &str) -> &str {
    let text = text.trim();
    let mut from = text.rfind('\n').map_or(0, |at| at + 1);
    for _ in 0..MAX_LINES {
        let (before, line) = (text[..from].trim_end(), &text[from..]);
        let leads = before.ends_with([':', '：', '是', '为']) && !line.contains(is_han);
        if before.is_empty() || line.matches('$').count().is_multiple_of(2) && !leads {
            break;
        }
        from = before.rfind('\n').map_or(0, |at| at + 1);
    }
    &text[from..]
}

/// Where the parts of a clause without Han characters are; formulas are atoms.
pub(super) fn runs(text: &str) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    each(text, |at, c, inside| {
        if is_han(c) && !inside {
            return;
        }
        let end = at + c.len_utf8();
        match out.last_mut() {
            Some(last) if last.1 == at => last.1 = end,
            _ => out.push((at, end)),
        }
    });
    for run in &mut out {
        let part = &text[run.0..run.1];
        let lead = |c: char| is_layout(c) || matches!(c, ':' | '：');
        run.0 += part.len() - part.trim_start_matches(lead).len();
    }
    out.retain(|run| has_alphanumeric(&text[run.0..run.1]));
    out
}

/// Calls for each character, and whether it stands in a formula or in a bracket of one.
fn each(text: &str, mut call: impl FnMut(usize, char, bool)) {
    let dollars = text.matches('$').count().is_multiple_of(2);
    let (mut formula, mut command) = (false, false);
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        if rest.starts_with("\\(") || rest.starts_with("\\[") {
            command = true;
        }
        let opens = c == '$' && dollars && !text[..at].ends_with('\\');
        if opens {
            formula = !formula;
        }
        call(at, c, formula || command || opens);
        if text[..at].ends_with('\\') && matches!(c, ')' | ']') {
            command = false;
        }
    }
}

/// A text cut where `ends` says so, outside of formulas and brackets. Parts hold no such marks and are not empty.
pub(super) fn cut(text: &str, ends: fn(&str, char, &str) -> bool) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut from, mut depth) = (0, 0_i32);
    each(text, |at, c, inside| {
        if inside {
            return;
        }
        match c {
            '(' | '[' | '{' | '（' | '【' => depth += 1,
            ')' | ']' | '}' | '）' | '】' => depth = (depth - 1).max(0),
            _ => {}
        }
        let next = at + c.len_utf8();
        if depth == 0 && ends(&text[..at], c, &text[next..]) {
            out.push(&text[from..at]);
            from = next;
        }
    });
    out.push(&text[from..]);
    out.retain(|part| part.contains(|c: char| c.is_alphanumeric()));
    if out.is_empty() {
        out.push(&text[..0]);
    }
    out
}

/// Does a mark end a sentence?
pub(super) fn ends_sentence(before: &str, c: char, after: &str) -> bool {
    let digit = before.ends_with(has_digit);
    let factor = |c: char| c.is_ascii_alphanumeric() || matches!(c, ')' | '}' | '$' | '\\');
    match c {
        '。' | '！' | '？' | '?' => true,
        // `8;-2` is a list.
        '；' | ';' => {
            let after = after.trim_start();
            after.is_empty() || after.starts_with(is_han)
        }
        // `B. 12` is a choice with its text.
        '.' => {
            let choice = before.ends_with(|c: char| c.is_ascii_uppercase())
                && !after.trim_start().starts_with(is_han);
            !(choice || digit && after.starts_with(has_digit))
        }
        // A factorial, or a thin space.
        '!' => !before.trim_end().ends_with(factor) || after.starts_with(is_han),
        _ => false,
    }
}

/// Does a mark end a clause? A comma between values does not.
pub(super) fn ends_clause(before: &str, c: char, after: &str) -> bool {
    match c {
        '，' => true,
        ',' => after.trim_start().starts_with(is_han) || before.trim_end().ends_with(is_han),
        _ => false,
    }
}

/// A line whose labels in brackets are leads: `【答案】12` is `答案:12`.
pub(super) fn labelled(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['[', '【']) {
        let open = rest[at..].chars().next().map_or(0, char::len_utf8);
        let inner = &rest[at + open..];
        let end = inner.find(|c| !is_han(c)).unwrap_or(inner.len());
        let label = inner[end..].starts_with([']', '】']).then(|| &inner[..end]);
        out.push_str(&rest[..at]);
        rest = match label {
            Some(label) if !label.is_empty() => {
                out.push_str(label);
                out.push(':');
                inner[label.len()..].trim_start_matches([']', '】', ':', '：'])
            }
            _ => {
                out.push_str(&rest[at..at + open]);
                inner
            }
        };
    }
    out.push_str(rest);
    out.replace("解:", "").replace("解：", "")
}

pub(super) fn has_alphanumeric(text: &str) -> bool {
    text.contains(|c: char| c.is_alphanumeric() && !is_han(c) || matches!(c, '∞' | '∅'))
}

pub(super) fn has_digit(c: char) -> bool {
    c.is_ascii_digit() || ('０'..='９').contains(&c)
}

/// Layout around words and values, and signs that lead to a value.
pub(super) fn is_layout(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '"' | '“' | '”')
}
