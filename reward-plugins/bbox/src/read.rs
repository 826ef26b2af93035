//! Finds the box of an answer.
//!
//! A box is four numbers in brackets: `[1, 2, 3, 4]`, `(1, 2, 3, 4)`, `(1, 2), (3, 4)`, `[[1, 2], [3, 4]]`, as the value
//! of `"bbox_2d"`, or between `<|box_start|>` and `<|box_end|>`. Numbers are separated by commas, spaces or both.

use crate::geometry::Box2;
use rlhost_verifier::fold::fold;

/// Answers of more bytes than this have no box.
const MAX_BYTES: usize = 100_000;

/// What four numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Left, top, right, bottom.
    Xyxy,
    /// Left, top, width, height.
    Xywh,
}

impl Layout {
    /// The box of four numbers; nothing where they are none.
    pub fn make(self, [a, b, c, d]: [f64; 4]) -> Option<Box2> {
        match self {
            Self::Xyxy => Box2::new(a, b, c, d),
            Self::Xywh => Box2::new(a, b, a + c, b + d),
        }
    }
}

/// The only box of an answer, or the same one several times; nothing where there is none, several different ones, or
/// four numbers that are no box.
pub fn only(text: &str, layout: Layout) -> Option<Box2> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut found: Option<Box2> = None;
    for numbers in quadruples(&fold(text))? {
        let next = layout.make(numbers)?;
        if found.is_some_and(|found| found != next) {
            return None;
        }
        found = Some(next);
    }
    found
}

/// All groups of four numbers in brackets. Nothing where a bracket that begins with a number holds anything else than
/// two or four numbers, or pairs don't come by twos: what such brackets mean would be a guess.
fn quadruples(text: &str) -> Option<Vec<[f64; 4]>> {
    let mut found = Vec::new();
    let mut pair: Option<[f64; 2]> = None;
    for group in groups(text)? {
        match group[..] {
            [left, top, right, bottom] if pair.is_none() => found.push([left, top, right, bottom]),
            [x, y] => match pair.take() {
                Some([left, top]) => found.push([left, top, x, y]),
                None => pair = Some([x, y]),
            },
            _ => return None,
        }
    }
    pair.is_none().then_some(found)
}

/// The numbers of each bracket that begins with a number, round or square, one to four of them. Nothing where such a
/// bracket is not closed by its like, or holds anything else.
pub fn groups(text: &str) -> Option<Vec<Vec<f64>>> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let open = bytes[at];
        at += 1;
        if !matches!(open, b'[' | b'(') {
            continue;
        }
        let close = if open == b'[' { b']' } else { b')' };
        let end = bytes[at..]
            .iter()
            .position(|b| matches!(b, b'[' | b'(' | b']' | b')'));
        let inner = end.map_or("", |end| &text[at..at + end]);
        if !inner.contains(|c: char| c.is_ascii_digit()) || !starts_number(inner) {
            continue;
        }
        let end = at + end?;
        if bytes[end] != close || doubted(&text[..at - 1], &text[end + 1..]) {
            return None;
        }
        found.push(numbers(inner)?);
        at = end + 1;
    }
    Some(found)
}

/// Does the word before a bracket deny it, or a question mark follow it: `not [1, 2, 3, 4]`, `maybe [1, 2, 3, 4]?`?
fn doubted(before: &str, after: &str) -> bool {
    let last = before
        .trim_end()
        .rsplit(|c: char| !(c.is_alphabetic() || c == '\''))
        .next()
        .unwrap_or_default();
    let denied = ["not", "isn't", "never", "neither", "nor", "except"]
        .iter()
        .any(|word| last.eq_ignore_ascii_case(word));
    denied || after.trim_start().starts_with('?')
}

fn starts_number(text: &str) -> bool {
    text.trim_start()
        .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
}

/// The numbers of a list; nothing where something else is in it.
fn numbers(text: &str) -> Option<Vec<f64>> {
    let mut found = Vec::new();
    for item in text.split(',') {
        let mut empty = true;
        for word in item.split_whitespace() {
            // `inf`, `nan` and the like are numbers to Rust.
            if !word
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'))
            {
                return None;
            }
            found.push(word.parse::<f64>().ok().filter(|n| n.is_finite())?);
            empty = false;
        }
        if empty || found.len() > 4 {
            return None;
        }
    }
    Some(found)
}
