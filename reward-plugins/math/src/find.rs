//! Finds the answer of a response: what follows the thinking, and in it the last mark or the last line.

use rlhost_verifier::answer::{MAX_RESPONSE, without_ends};
use rlhost_verifier::extract::{self, Extract};
use rlhost_verifier::turn;

use crate::matching::{fold, matches};
use crate::params::Options;
use crate::{attached, last, parts, touch, voided};

/// Boxes that are joined, at most: longer lists are not compared.
const MAX_JOINED: usize = 128;

/// Boxes of labelled parts, at most.
const MAX_PARTS: usize = 40;

/// Longest text after the thinking that is looked into, in bytes, counted from its end.
pub(crate) const MAX_TEXT: usize = 32_768;

/// Where an answer stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// In a tag or a box.
    Marked(&'a str),
    /// In a box, with the unit or percent sign that follows the box.
    Measured(String),
    /// In boxes that are one answer together: `\boxed{2} and \boxed{3}`.
    Boxes(Vec<&'a str>),
    /// In such boxes with a name before each: `x = \boxed{2}, y = \boxed{3}`.
    Named(Vec<(&'a str, &'a str)>),
    /// In plain text: what is left to search, from the thinking's end on.
    Text(&'a str),
}

/// The answer of a response, nothing where there is none.
///
/// ```
/// use math::find::{Found, answer};
/// use rlhost_verifier::extract::Extract;
/// assert_eq!(answer(r"\boxed{3} no, \boxed{4}", Extract::Auto), Some(Found::Marked("4")));
/// assert_eq!(answer(r"\boxed{3} or \boxed{4}", Extract::Auto), Some(Found::Boxes(vec!["3", "4"])));
/// assert_eq!(answer(r"<think>\boxed{3}", Extract::Auto), None);
/// ```
pub fn answer(response: &str, mode: Extract) -> Option<Found<'_>> {
    if response.len() > MAX_RESPONSE {
        return None;
    }
    let whole = before_next_question(after_thinking(turn::first(response))?);
    let text = end_of(whole);
    let found = match mode {
        Extract::Answer => Found::Marked(extract::answer(text, mode)?),
        Extract::Boxed => boxed(text, extract::answer(text, mode)?),
        Extract::Auto if is_marked(text) && answers_behind(text) => Found::Text(text),
        Extract::Auto if is_marked(text) => boxed(text, extract::marked(text)?),
        Extract::Last => match extract::marked(text) {
            Some(marked) => boxed(text, marked),
            None => Found::Marked(last::value(text)?),
        },
        Extract::Auto | Extract::Text => Found::Text(without_ends(text)),
    };
    let measured = match &found {
        Found::Marked(inner) => measured(text, inner),
        _ => None,
    };
    let behind = measured.is_none();
    let touched = match &found {
        Found::Marked(inner) => touched(text, inner, inner, behind),
        Found::Boxes(all) => match all.as_slice() {
            [first, .., last] => touched(text, first, last, true),
            _ => false,
        },
        Found::Named(all) => all
            .iter()
            .any(|(_, inner)| touched(text, inner, inner, true)),
        Found::Text(_) | Found::Measured(_) => false,
    };
    let empty = touched
        || text.len() < whole.len() && begins_before(text)
        || match &found {
            Found::Marked(text) | Found::Text(text) => text.trim().is_empty(),
            _ => false,
        };
    (!empty).then(|| measured.map_or(found, Found::Measured))
}

/// What follows the thinking; nothing where the thinking never ends. Read from the end, up to the last mark of thinking.
fn after_thinking(response: &str) -> Option<&str> {
    let mut end = response.len();
    let bytes = response.as_bytes();
    while let Some(at) = bytes[..end].iter().rposition(|byte| *byte == b'<') {
        let rest = &response[at..];
        if let Some(text) = rest.strip_prefix("</think>") {
            return Some(text);
        }
        if rest.starts_with("<think>") {
            return None;
        }
        end = at;
    }
    Some(response)
}

/// The text up to a next question that the model asks itself, where it has answered before: `\boxed{5}`, and `Question: …` on a line
/// of its own.
fn before_next_question(text: &str) -> &str {
    ["\nQuestion:", "\nQ:", "\nProblem:", "\n问题："]
        .iter()
        .filter_map(|start| text.find(start))
        .filter(|at| {
            let before = &text[..*at];
            before.contains("</answer>")
                || !boxes(before).is_empty()
                || before.contains("answer is")
        })
        .min()
        .map_or(text, |at| &text[..at])
}

/// The end of a text that is too long to be looked into as a whole.
fn end_of(text: &str) -> &str {
    let start = text.ceil_char_boundary(text.len().saturating_sub(MAX_TEXT));
    &text[start..]
}

/// May the answer in the end of a text be a part of one that begins before it: is its first box there joined to what was left
/// out, or has it a tag that is closed and not opened?
fn begins_before(text: &str) -> bool {
    let first = boxes(text).first().map_or(text.len(), |b| b.0);
    let before = &text[..first];
    let words = before
        .split_whitespace()
        .filter(|word| word.len() > 2)
        .count();
    let (opened, closed) = (text.find("<answer>"), text.find("</answer>"));
    words < 16 || closed.is_some_and(|closed| opened.is_none_or(|opened| closed < opened))
}

/// The boxes of a response by the labels before them: `(a) … \boxed{5} … (b) … \boxed{7}`. Of several boxes of a part the last
/// one counts. Nothing where the first box has no label, or there is only one part.
pub fn by_part(response: &str) -> Option<Vec<(String, String)>> {
    if response.len() > MAX_RESPONSE {
        return None;
    }
    let text = end_of(after_thinking(turn::first(response))?);
    if text.contains("<answer>") || text.contains("</answer>") {
        return None;
    }
    let mut out: Vec<(String, String)> = Vec::new();
    let mut from = 0;
    let all = boxes(text);
    if all.len() > MAX_PARTS {
        return None;
    }
    for (start, end, inner) in all {
        let label = text[from..start].lines().rev().find_map(parts::heading);
        let touched = touched(text, inner, inner, true);
        let inner = measured(text, inner).unwrap_or_else(|| inner.trim().to_owned());
        let label = match label {
            Some(label) => label,
            None => out.last()?.0.clone(),
        };
        if touched || out.len() > MAX_PARTS {
            return None;
        }
        match out.last_mut() {
            // `(a) \boxed{2} or \boxed{9}`
            Some(last) if last.0 == label && joins(&text[from..start]) => return None,
            Some(last) if last.0 == label => last.1 = inner,
            _ => out.push((label, inner)),
        }
        from = end;
    }
    (out.len() > 1).then_some(out)
}

/// The number of the box that an answer stood in, with the unit or percent sign behind that box.
fn measured(text: &str, inner: &str) -> Option<String> {
    let at = (inner.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let all = boxes(text);
    let (_, end, content) = all.iter().find(|b| b.0 < at && at < b.1)?;
    // A box in a box is not looked into.
    if content.trim() != inner.trim() {
        return None;
    }
    attached::joined(inner.trim(), &text[*end..])
}

/// Does something touch the boxes in which an answer stands, from the box of `first` to that of `last`?
fn touched(text: &str, first: &str, last: &str, behind: bool) -> bool {
    let at = |part: &str| (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    let (Some(first), Some(last)) = (at(first), at(last)) else {
        return false;
    };
    // A tag ends what can touch a box in it.
    let start = text[..first]
        .rfind("<answer>")
        .map_or(0, |i| i + "<answer>".len());
    let start = text[..first]
        .rfind("</answer>")
        .map_or(0, |i| i + "</answer>".len())
        .max(start);
    let end = text[last..]
        .find("</answer>")
        .map_or(text.len(), |i| last + i);
    let Some(mut text) = text.get(start..end) else {
        return false;
    };
    let (mut first, mut last) = (first - start, last - start);
    // From the outermost box inwards.
    for _ in 0..5 {
        let boxes = boxes(text);
        let around = |at: usize| boxes.iter().find(|b| b.0 < at && at < b.1);
        let (Some(a), Some(b)) = (around(first), around(last)) else {
            return false;
        };
        if touch::touched(text, a.0, b.1, behind) {
            return true;
        }
        if a.0 != b.0 {
            return false;
        }
        let inner = a.2.as_ptr() as usize - text.as_ptr() as usize;
        (first, last, text) = (first - inner, last - inner, a.2);
    }
    false
}

/// Does the text behind the last mark say that the answer is another number? Then that one counts.
fn answers_behind(text: &str) -> bool {
    let tag = text
        .rfind("</answer>")
        .map_or(0, |at| at + "</answer>".len());
    let end = boxes(text).last().map_or(0, |found| found.1).max(tag);
    extract::marked(text)
        .is_some_and(|content| voided::is_answered_behind(&text[end..], content.trim()))
}

/// Whether a text has a mark of an answer, be it a broken one.
fn is_marked(text: &str) -> bool {
    ["<answer>", "</answer>", "\\boxed", "\\fbox"]
        .iter()
        .any(|mark| text.contains(mark))
}

/// The last mark's content, or all boxes where they are one answer.
fn boxed<'a>(text: &'a str, last: &'a str) -> Found<'a> {
    // Only boxes outside of tags are joined: a tag has its own end.
    if text.contains("</answer>") {
        return Found::Marked(last);
    }
    let boxes = boxes(text);
    let Some(&(_, _, inner)) = boxes.last() else {
        return Found::Marked(last);
    };
    // Boxes in boxes are opened by `extract`.
    if inner.trim() != last {
        return Found::Marked(last);
    }
    let mut first = boxes.len() - 1;
    let mut names = vec![name_before(text, boxes[first].0)];
    while first > 0 && boxes.len() - first < MAX_JOINED {
        let start = names.last().copied().flatten();
        let start = start.map_or(boxes[first].0, |name| name.0);
        let between = text.get(boxes[first - 1].1..start);
        if !between.is_some_and(joins) {
            break;
        }
        first -= 1;
        names.push(name_before(text, boxes[first].0));
    }
    let joined: Vec<&str> = boxes[first..].iter().map(|b| b.2.trim()).collect();
    let equations: Vec<(&str, &str)> = names
        .iter()
        .rev()
        .zip(&joined)
        .filter_map(|(name, value)| Some((name.as_ref()?.1, *value)))
        .collect();
    // `x = \boxed{2} or \boxed{3}` are values of one name.
    let first_only = equations.len() == 1 && names.last().is_some_and(Option::is_some);
    // `\boxed{x+1} or \boxed{1+x}` is one answer, written twice.
    let options = Options::default();
    let same = |value: &&str| matches(&fold(value), &fold(last), &options);
    if joined.len() < 2 || joined.iter().all(same) {
        Found::Marked(last)
    } else if equations.len() == joined.len() {
        Found::Named(equations)
    } else if equations.is_empty() || first_only {
        Found::Boxes(joined)
    } else {
        Found::Marked(last)
    }
}

/// The name with an equals sign that stands directly before a place: where it begins, and the name.
fn name_before(text: &str, at: usize) -> Option<(usize, &str)> {
    let before = text[..at].trim_end_matches([' ', '$']);
    let before = before.strip_suffix('=')?.trim_end_matches([' ', '&']);
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '{' | '}' | '\'');
    let rest = before.trim_end_matches(name);
    let name = &before[rest.len()..];
    let letters = name.chars().take_while(char::is_ascii_alphabetic).count();
    let plain = letters == 1 && !rest.ends_with('\\');
    let alone = rest.is_empty()
        || rest.ends_with(|c: char| c.is_whitespace() || matches!(c, '$' | ',' | ';' | '(' | '*'));
    // An operator before it makes it a part of something else.
    let operator = rest
        .trim_end()
        .ends_with(['+', '-', '*', '/', '^', '=', '·', '×', '−']);
    (plain && alone && !operator).then_some((rest.len(), name))
}

/// Does what stands between two boxes make one answer of them: `and`, `or`, a comma, the label of the next part, or what the
/// first one is for: `\boxed{3} for part (a) and \boxed{5}`? Items of a list with their names are one answer, too.
fn joins(between: &str) -> bool {
    if is_item(between) {
        return true;
    }
    let mut rest: String = between
        .chars()
        .filter(|c| !matches!(c, '$' | '*' | ',' | ';' | '~'))
        .collect();
    for noise in [
        "\\text{", "\\quad", "\\qquad", "\\(", "\\)", "\\[", "\\]", "\\,", "\\;", "\\ ", "}",
    ] {
        rest = rest.replace(noise, " ");
    }
    let words: Vec<String> = rest.split_whitespace().map(str::to_lowercase).collect();
    let joins = |word: &str| matches!(word, "and" | "or" | "&" | "well");
    let (mut joined, mut labels) = (between.contains([',', ';']), 0);
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |at| words[at].as_str());
        let passes = joins(word)
            || matches!(word.as_str(), "for" | "part" | "case" | "the" | "as")
            || before == "the" && matches!(word.as_str(), "first" | "second" | "third");
        if parts::is_label(word) {
            labels += 1;
        } else if !passes {
            return false;
        }
        joined |= joins(word);
    }
    joined || labels == 1 && words.len() <= 2
}

/// Is what stands between two boxes the beginning of the next item of a list, with its name: `- Height: `?
fn is_item(between: &str) -> bool {
    let Some(line) = between
        .trim_start_matches(['$', '.', ' ', '*'])
        .strip_prefix('\n')
    else {
        return false;
    };
    let line = line.trim_end_matches([' ', '$', '*']);
    let name = ["- ", "* ", "• "]
        .iter()
        .find_map(|bullet| line.strip_prefix(bullet))
        .and_then(|name| name.trim_matches('*').strip_suffix(':'));
    name.is_some_and(|name| {
        name.split_whitespace().count() < 6 && name.chars().all(|c| c.is_alphabetic() || c == ' ')
    })
}

/// Closed boxes that are in no other one: where each begins and ends, and what is in it.
fn boxes(text: &str) -> Vec<(usize, usize, &str)> {
    let bytes = text.as_bytes();
    let mut out: Vec<(usize, usize, &str)> = Vec::new();
    // Boxes without braces count where there are no others.
    let mut bare = Vec::new();
    // For each open brace, where the box and its content begin, if it is one's.
    let mut open: Vec<Option<(usize, usize)>> = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => {
                let rest = &text[i..];
                let name = ["\\boxed", "\\fbox"].iter().find(|n| rest.starts_with(**n));
                if let Some(name) = name {
                    let mut brace = i + name.len();
                    while bytes.get(brace) == Some(&b' ') {
                        brace += 1;
                    }
                    let digits = bytes[brace..].iter().take_while(|b| b.is_ascii_digit());
                    let digits = brace + digits.count();
                    if bytes.get(brace) == Some(&b'{') {
                        open.push(Some((i, brace + 1)));
                        i = brace;
                    } else if digits > brace {
                        // `\boxed 12`: people mean the number, TeX its first digit.
                        bare.push((i, digits, &text[brace..digits]));
                        i = digits - 1;
                    }
                } else {
                    // The character after a backslash; it may be longer than a byte.
                    i += rest[1..].chars().next().map_or(0, char::len_utf8);
                }
            }
            b'{' => open.push(None),
            b'}' => {
                if let Some(Some((start, inner))) = open.pop() {
                    while out.last().is_some_and(|last| last.0 > start) {
                        out.pop();
                    }
                    out.push((start, i + 1, &text[inner..i]));
                }
            }
            _ => {}
        }
        i += 1;
    }
    if out.is_empty() { bare } else { out }
}
