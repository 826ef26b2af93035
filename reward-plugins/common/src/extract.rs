//! Finds the answer in a response, and checks the shape of the response.

use crate::fold::folded;

/// Where the answer is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extract {
    /// The last tag or box, whichever ends last; the text where there is neither.
    Auto,
    /// `<answer>…</answer>` only.
    Answer,
    /// `\boxed{…}` or `\fbox{…}` only.
    Boxed,
    /// The text only.
    Text,
    /// The last mark, or the last value of the text: for verifiers that know what a value is.
    Last,
}

/// Answers nested in each other (`<answer>\boxed{5}</answer>`) are opened this often.
const MAX_WRAPPERS: usize = 4;

/// The answer of a response, or nothing where there is none.
///
/// ```
/// use rlhost_verifier::extract::{Extract, answer};
/// assert_eq!(answer(r"so \boxed{3} <answer>4</answer>", Extract::Auto), Some("4"));
/// assert_eq!(answer(r"<answer>4</answer> no, \boxed{\frac{1}{2}}", Extract::Auto), Some(r"\frac{1}{2}"));
/// ```
pub fn answer(response: &str, mode: Extract) -> Option<&str> {
    let found = match mode {
        Extract::Answer => last_tag(response).map(|(_, text)| text),
        Extract::Boxed => last_box(response).map(|(_, text)| text),
        Extract::Text | Extract::Last => return Some(opened(tail(response))),
        Extract::Auto => match (last_tag(response), last_box(response)) {
            (Some((tag_end, tag)), Some((box_end, boxed))) => {
                Some(if box_end > tag_end { boxed } else { tag })
            }
            (Some((_, text)), None) | (None, Some((_, text))) => Some(text),
            // A response that was cut inside of its answer has none; without any marks, the text is the answer.
            (None, None) if response.contains("<answer>") || response.contains("\\boxed{") => None,
            (None, None) => Some(tail(response)),
        },
    };
    found.map(opened)
}

/// The last `<answer>…</answer>` or balanced box, whichever ends last, opened.
pub fn marked(text: &str) -> Option<&str> {
    match (last_tag(text), last_box(text)) {
        (Some((tag_end, tag)), Some((box_end, boxed))) => {
            Some(if box_end > tag_end { boxed } else { tag })
        }
        (Some((_, inner)), None) | (None, Some((_, inner))) => Some(inner),
        (None, None) => None,
    }
    .map(opened)
}

/// Opens an answer that holds marks of its own.
pub fn opened(mut text: &str) -> &str {
    for _ in 0..MAX_WRAPPERS {
        let inner = match (last_tag(text), last_box(text)) {
            (Some((a, tag)), Some((b, boxed))) => {
                if b > a {
                    boxed
                } else {
                    tag
                }
            }
            (Some((_, inner)), None) | (None, Some((_, inner))) => inner,
            (None, None) => break,
        };
        text = inner;
    }
    text.trim()
}

/// The answer of the last mark of a kind, opened; nothing where there is no such mark, or what stands beside it
/// [voids](crate::marks) it.
///
/// ```
/// use rlhost_verifier::extract::{Extract, sound};
/// assert_eq!(sound(r"so there are $\boxed{3}$ of them", Extract::Auto), Some("3"));
/// assert_eq!(sound(r"$2\boxed{3}$", Extract::Auto), None);
/// ```
pub fn sound(text: &str, mode: Extract) -> Option<&str> {
    let mut mode = mode;
    let mut text = text;
    let mut opened = false;
    for _ in 0..=MAX_WRAPPERS {
        let tag = last_tag(text).filter(|_| mode != Extract::Boxed);
        let boxed = last_box(text).filter(|_| mode != Extract::Answer);
        let inside = match (tag, boxed) {
            (Some((a, _)), Some((b, inner))) if b > a => (b, inner, true),
            (Some((end, inner)), _) => (end, inner, false),
            (None, Some((end, inner))) => (end, inner, true),
            (None, None) => break,
        };
        let (end, inner, boxed) = inside;
        // The mark's own start: what opens it stands right before what it holds.
        let start = inner.as_ptr() as usize - text.as_ptr() as usize;
        let open = if boxed { "\\" } else { "<answer>" };
        let start = text[..start].rfind(open)?;
        if crate::marks::voided(&text[..start], &text[end..], boxed) {
            return None;
        }
        opened = true;
        text = inner;
        mode = Extract::Auto;
    }
    opened.then(|| text.trim())
}

/// What follows the thinking, and in it what follows `####` or `answer is`.
fn tail(response: &str) -> &str {
    let text = response
        .rsplit_once("</think>")
        .map_or(response, |(_, tail)| tail)
        .trim();
    if let Some((_, tail)) = text.rsplit_once("####") {
        return tail.trim();
    }
    for mark in [
        "answer is:",
        "answer is",
        "Answer:",
        "answer:",
        "Answer**:",
        "Answer:**",
    ] {
        if let Some((_, tail)) = text.rsplit_once(mark) {
            return tail.trim();
        }
    }
    text
}

/// The last `<answer>…</answer>`: where it ends, and what is in it.
fn last_tag(text: &str) -> Option<(usize, &str)> {
    let end = text.rfind("</answer>")?;
    let start = text[..end].rfind("<answer>")? + "<answer>".len();
    Some((end + "</answer>".len(), &text[start..end]))
}

/// The last balanced `\boxed{…}` or `\fbox{…}`: where it ends, and what is in it.
fn last_box(text: &str) -> Option<(usize, &str)> {
    let mut last: Option<(usize, usize)> = None;
    let mut bare: Option<(usize, usize)> = None;
    let bytes = text.as_bytes();
    // One pass over all braces with a stack; escaped braces don't count. The box that ends last wins,
    // and of boxes in each other the outer one ends last.
    let mut stack: Vec<Option<usize>> = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => {
                let rest = &bytes[i..];
                let name = if rest.starts_with(b"\\boxed") {
                    6
                } else if rest.starts_with(b"\\fbox") {
                    5
                } else {
                    i += 2;
                    continue;
                };
                let mut open = i + name;
                while bytes.get(open) == Some(&b' ') {
                    open += 1;
                }
                if bytes.get(open) == Some(&b'{') {
                    stack.push(Some(open + 1));
                    i = open + 1;
                } else {
                    // `\boxed 5`: people mean the number, TeX its first digit.
                    let length = bytes[open..]
                        .iter()
                        .take_while(|b| b.is_ascii_digit())
                        .count();
                    if length > 0 {
                        bare = Some((open, open + length));
                    }
                    i = open + length;
                }
                continue;
            }
            b'{' => stack.push(None),
            b'}' => {
                if let Some(Some(start)) = stack.pop() {
                    last = Some((start, i));
                }
            }
            _ => {}
        }
        i += 1;
    }
    let braced = last.map(|(start, end)| (end + 1, &text[start..end]));
    braced.or_else(|| bare.map(|(start, end)| (end, &text[start..end])))
}

/// Whether a text shows nothing: white space, characters of no width, control characters and letters that are blank.
///
/// ```
/// use rlhost_verifier::extract::is_blank;
/// assert!(is_blank(" \u{200B}\u{2800}\u{3164}"));
/// assert!(!is_blank("{}"));
/// ```
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || folded(c).is_none()
            || matches!(c,
                '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
                | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2061}'..='\u{206F}' | '\u{2800}'
                | '\u{3164}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
    })
}

/// Whether a box shows nothing: also where it holds only spaces and groups of LaTeX.
///
/// ```
/// use rlhost_verifier::extract::is_blank_box;
/// assert!(is_blank_box(r"~\,{\quad}\text{ }"));
/// assert!(!is_blank_box(r"\{\}"));
/// ```
pub fn is_blank_box(inner: &str) -> bool {
    const COMMANDS: [&str; 16] = [
        "boxed",
        "fbox",
        "mbox",
        "hbox",
        "text",
        "textbf",
        "textit",
        "mathrm",
        "mathbf",
        "quad",
        "qquad",
        "enspace",
        "thinspace",
        "space",
        "displaystyle",
        "null",
    ];
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        if !is_blank(&rest[..at].replace(['~', '{', '}', '$'], "")) {
            return false;
        }
        rest = &rest[at + 1..];
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        if length > 0 {
            if !COMMANDS.contains(&&rest[..length]) {
                return false;
            }
            rest = &rest[length..];
        } else if let Some(c) = rest.chars().next() {
            if !(c.is_whitespace()
                || matches!(
                    c,
                    ',' | ';' | ':' | '!' | '>' | '/' | '(' | ')' | '[' | ']' | '\\'
                ))
            {
                return false;
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    is_blank(&rest.replace(['~', '{', '}', '$'], ""))
}

/// Is the response exactly one `<think>…</think>` and one `<answer>…</answer>` after it, and nothing else?
pub fn is_answer_shaped(response: &str) -> bool {
    let text = response.trim();
    let once = |tag| text.matches(tag).count() == 1;
    if !(once("<think>") && once("</think>") && once("<answer>") && once("</answer>")) {
        return false;
    }
    let Some(text) = text.strip_prefix("<think>") else {
        return false;
    };
    let Some((_, text)) = text.split_once("</think>") else {
        return false;
    };
    let Some(text) = text.trim_start().strip_prefix("<answer>") else {
        return false;
    };
    text.strip_suffix("</answer>")
        .is_some_and(|answer| !is_blank(answer))
}

/// Does the response hold a box with something in it, after its thinking if it thinks in tags?
pub fn is_box_shaped(response: &str) -> bool {
    let count = |tag| response.matches(tag).count();
    let thinks = (count("<think>"), count("</think>"));
    let text = match thinks {
        (0, 0) => response,
        (1, 1) => match response
            .trim()
            .strip_prefix("<think>")
            .and_then(|r| r.split_once("</think>"))
        {
            Some((_, text)) => text,
            None => return false,
        },
        _ => return false,
    };
    last_box(text).is_some_and(|(_, inner)| !is_blank_box(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_empty() {
        for blank in [
            "",
            " \n",
            "\u{200B}",
            "\u{2800}",
            "\u{3164}",
            "\u{FEFF}\u{2062}",
        ] {
            let shaped =
                |answer| is_answer_shaped(&format!("<think>x</think><answer>{answer}</answer>"));
            assert!(!shaped(blank) && shaped("{}"), "{blank:?}");
            assert!(!is_box_shaped(&format!("\\boxed{{{blank}}}")), "{blank:?}");
        }
        for blank in [
            "~",
            "\\ ",
            "{}",
            "{{}}",
            "\\,~\\quad{ }",
            "\\text{ }",
            "$$",
            "\\boxed{}",
            "\\",
        ] {
            assert!(!is_box_shaped(&format!("\\boxed{{{blank} }}")), "{blank}");
        }
        for full in [
            "5",
            "\\frac{1}{2}",
            "\\{\\}",
            "~5",
            "\\%",
            "\\text{a}",
            "\\pi",
            "-",
        ] {
            assert!(is_box_shaped(&format!("\\boxed{{{full}}}")), "{full}");
        }
    }
}
