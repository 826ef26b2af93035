//! Finds boxes between the words of a response.

use bbox::geometry::Box2;
use rlhost_plugin::Turn;
use rlhost_plugin::serde_json::Value;
use rlhost_verifier::fold::{fold, spaced};
use rlhost_verifier::json::{Dialect, parse};

/// Turns of more bytes are not read.
const MAX_BYTES: usize = 1 << 20;

/// An object with a box, as a response has it.
#[derive(Debug, PartialEq)]
pub struct Mention {
    /// Where; nothing where the numbers are no box. It counts as a wrong one.
    pub place: Option<Box2>,
    /// What it holds, in small letters with single spaces.
    pub label: Option<String>,
    pub turn: u32,
    /// Behind the object: bytes of the turn's text.
    pub end: u64,
}

/// The mentions of all turns in order; nothing where they are more than `most`, or a turn is too long.
pub fn mentions(turns: &[Turn], most: usize) -> Option<Vec<Mention>> {
    let mut found = Vec::new();
    for (turn, index) in turns.iter().zip(0..) {
        if turn.text.len() > MAX_BYTES {
            return None;
        }
        for (start, end) in objects(&turn.text) {
            let Some(item) = parse(&turn.text[start..end], Dialect::Strict) else {
                continue;
            };
            if item.get("bbox_2d").is_none() {
                continue;
            }
            found.push(Mention {
                place: place(&item),
                label: label(&item),
                turn: index,
                end: end as u64,
            });
            if found.len() > most {
                return None;
            }
        }
    }
    Some(found)
}

/// What stands between a brace and the next one, where they are an opening and a closing one.
fn objects(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut open = None;
    text.bytes().enumerate().filter_map(move |(i, byte)| {
        match byte {
            b'{' => open = Some(i),
            b'}' => return open.take().map(|start| (start, i + 1)),
            _ => {}
        }
        None
    })
}

/// The box `bbox_2d`: left, top, right, bottom.
pub fn place(item: &Value) -> Option<Box2> {
    let numbers: Option<Vec<f64>> = item
        .get("bbox_2d")?
        .as_array()?
        .iter()
        .map(Value::as_f64)
        .collect();
    match numbers?[..] {
        [left, top, right, bottom] => Box2::new(left, top, right, bottom),
        _ => None,
    }
}

/// The text `label`, without case and extra white space.
pub fn label(item: &Value) -> Option<String> {
    let text = item.get("label")?.as_str()?;
    Some(spaced(&fold(text)).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::objects;

    #[test]
    fn objects_are_between_braces_that_belong_together() {
        let text = "é {a} }{ {b{c}} {";
        let found: Vec<_> = objects(text).map(|(from, to)| &text[from..to]).collect();
        assert_eq!(found, ["{a}", "{c}"]);
    }
}
