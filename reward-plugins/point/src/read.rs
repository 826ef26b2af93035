//! Finds the points of an answer.
//!
//! A point is two numbers in brackets, `(1, 2)`, `[1, 2]`, in lists and as the value of `"point_2d"` too, or the attributes
//! of a tag as Molmo writes them: `<point x="1" y="2">`, `<points x1="1" y1="2" x2="3" y2="4">`.

use bbox::read::{brackets, denied, groups};

/// Answers of more bytes than this have no points.
const MAX_BYTES: usize = 100_000;
/// Answers of more points than this have none.
const MAX_POINTS: usize = 1000;

/// The different points of an answer, in their order; nothing where it has none, more than 1,000, or numbers in brackets
/// that are no point.
///
/// ```
/// use point::read::points;
/// assert_eq!(points("[{\"point_2d\": [10, 20], \"label\": \"cup\"}]"), Some(vec![[10.0, 20.0]]));
/// assert_eq!(points("<point x=\"10.5\" y=\"20\" alt=\"cup\">cup</point>"), Some(vec![[10.5, 20.0]]));
/// assert_eq!(points("[10, 20, 30, 40]"), None);
/// ```
pub fn points(text: &str) -> Option<Vec<[f64; 2]>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let text = brackets(text);
    let all = if text.contains("<point") {
        tags(&text)?
    } else {
        groups(&text)?
            .into_iter()
            .map(|group| <[f64; 2]>::try_from(group).ok())
            .collect::<Option<Vec<_>>>()?
    };
    let mut found: Vec<[f64; 2]> = Vec::new();
    for point in all {
        // Equal bits: -0 beside 0 is of no matter.
        if !found.contains(&point) {
            found.push(point);
        }
        if found.len() > MAX_POINTS {
            return None;
        }
    }
    (!found.is_empty()).then_some(found)
}

/// The points of all tags `point` and `points`.
fn tags(text: &str) -> Option<Vec<[f64; 2]>> {
    let starts: Vec<usize> = text.match_indices("<point").map(|(at, _)| at).collect();
    let places: Vec<_> = starts
        .iter()
        .enumerate()
        .map(|(index, &at)| {
            let inner = &text[at..starts.get(index + 1).copied().unwrap_or(text.len())];
            // What is between a tag and its end is a label.
            let closed = ["</points>", "</point>"]
                .iter()
                .find_map(|close| Some(inner.find(close)? + close.len()));
            at..at
                + closed
                    .or_else(|| Some(inner.find('>')? + 1))
                    .unwrap_or(inner.len())
        })
        .collect();
    let asked = places.iter().any(|place| {
        let after = text[place.end..].trim_start();
        let before = text[..place.start].ends_with(['-', '!', '~', '¬']);
        before || after.starts_with('?')
    });
    if asked || denied(text, &places) {
        return None;
    }
    let mut found = Vec::new();
    for tag in text.split("<point").skip(1) {
        let inner = tag.strip_prefix('s').unwrap_or(tag);
        let inner = inner.split_once('>')?.0;
        if !inner.starts_with(' ') {
            return None;
        }
        let attributes = attributes(inner)?;
        let value = |name: &str| {
            let mut named = attributes.iter().filter(|(known, _)| *known == name);
            match (named.next(), named.next()) {
                (Some((_, value)), None) => Some(*value),
                _ => None,
            }
        };
        let before = found.len();
        if let (Some(x), Some(y)) = (value("x"), value("y")) {
            found.push([number(x)?, number(y)?]);
        }
        // As many as there are in a row: x1, y1, x2, y2, …
        for index in 1..=MAX_POINTS {
            let (Some(x), Some(y)) = (value(&format!("x{index}")), value(&format!("y{index}")))
            else {
                break;
            };
            found.push([number(x)?, number(y)?]);
        }
        let coordinates = attributes
            .iter()
            .filter(|(name, _)| name.starts_with(['x', 'y']));
        // An attribute that belongs to no point makes the tag doubtful.
        if found.len() == before || coordinates.count() != 2 * (found.len() - before) {
            return None;
        }
    }
    Some(found)
}

/// Names and values of `name="value"`; of a tag with many, only so many as its points need are looked at.
fn attributes(mut text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    loop {
        text = text.trim_start().trim_end_matches('/');
        if text.is_empty() {
            return Some(found);
        }
        let (name, rest) = text.split_once('=')?;
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, rest) = rest[1..].split_once(quote)?;
        found.push((name.trim(), value));
        if found.len() > 200 {
            return None;
        }
        text = rest;
    }
}

/// A finite decimal number.
fn number(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    plain
        .then(|| text.parse::<f64>().ok())?
        .filter(|n| n.is_finite())
}
