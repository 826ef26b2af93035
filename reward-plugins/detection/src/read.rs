//! Finds the labelled boxes of answers and references.
//!
//! They are a list of JSON objects, such as `{"bbox_2d": [1, 2, 3, 4], "label": "cat"}` (Qwen2.5-VL) or `{'Position': [1, 2,
//! 3, 4], 'Confidence': 0.9}` (Visual-RFT), of plain boxes, or Qwen-VL's marks: `<|object_ref_start|>cat<|object_ref_end|>
//! <|box_start|>(1,2),(3,4)<|box_end|>` and `<ref>cat</ref><box>(1,2),(3,4)</box>`.

use crate::MAX_BOXES;
use bbox::geometry::Box2;
use bbox::read::{self, Layout};
use bbox::space::Space;
use rlhost_plugin::serde_json::{Map, Value};
use rlhost_plugin::{Failure, Sample};
use rlhost_verifier::extract;
use rlhost_verifier::fold::{fold, spaced};
use rlhost_verifier::json::{self, Dialect};

/// Answers of more bytes than this are not read.
const MAX_BYTES: usize = 200_000;
/// The keys of an object that holds a box.
const PLACES: [&str; 6] = ["bbox_2d", "bbox", "Bbox", "box", "Position", "position"];
/// The keys of its label.
const LABELS: [&str; 5] = ["label", "Label", "category", "class", "name"];
/// The keys of its confidence.
const CONFIDENCES: [&str; 6] = [
    "confidence",
    "Confidence",
    "score",
    "Score",
    "prob",
    "probability",
];

/// A box that was detected, or is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// Where it is; nothing where what stands there is no box. It is counted all the same.
    pub place: Option<Box2>,
    /// What it holds, in small letters with single spaces.
    pub label: Option<String>,
    /// From 0 to 1; 1 where it says nothing.
    pub confidence: f64,
}

/// The boxes of an answer, perhaps none; nothing where the answer is no list of boxes, or of more than 256.
///
/// Of equal boxes with equal labels only the first one counts.
pub fn answer(text: &str, layout: Layout, space: Space, repair: bool) -> Option<Vec<Detected>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut found: Vec<Detected> = if text.contains("<|box_start|>") || text.contains("<box>") {
        marked(text, layout)?
    } else {
        let items = list(text, repair)?;
        if items.len() > MAX_BOXES {
            return None;
        }
        items
            .iter()
            .map(|item| detected(item, layout))
            .collect::<Option<_>>()?
    };
    if found.len() > MAX_BOXES {
        return None;
    }
    for detected in &mut found {
        detected.place = detected.place.filter(|place| space.holds(place));
    }
    let mut kept: Vec<Detected> = Vec::new();
    for detected in found {
        let same = |other: &Detected| {
            other.place.is_some() && other.place == detected.place && other.label == detected.label
        };
        if !kept.iter().any(same) {
            kept.push(detected);
        }
    }
    Some(kept)
}

/// The items of the list that a text is, in a fence or not; an object alone is a list of one.
fn list(text: &str, repair: bool) -> Option<Vec<Value>> {
    let text = json::unfenced(text)?;
    match json::parse(text, Dialect::Python) {
        Some(Value::Array(items)) if is_box(&items) => Some(vec![Value::Array(items)]),
        Some(Value::Array(items)) => Some(items),
        Some(object @ Value::Object(_)) => Some(vec![object]),
        None if repair => {
            let items = json::items(text, Dialect::Python)?;
            // A list that is cut off before its first box is none.
            (!items.is_empty()).then_some(items)
        }
        Some(_) | None => None,
    }
}

/// Whether a list is a box's four numbers, and no list of boxes.
fn is_box(items: &[Value]) -> bool {
    items.len() == 4 && items.iter().all(Value::is_number)
}

/// One item of a list; nothing where its confidence is no number from 0 to 1.
fn detected(item: &Value, layout: Layout) -> Option<Detected> {
    let Value::Object(map) = item else {
        return Some(Detected {
            place: place(item, layout),
            label: None,
            confidence: 1.0,
        });
    };
    let confidence = match first(map, &CONFIDENCES) {
        None | Some(Value::Null) => 1.0,
        Some(value) => value.as_f64().filter(|c| (0.0..=1.0).contains(c))?,
    };
    Some(Detected {
        place: first(map, &PLACES).and_then(|value| place(value, layout)),
        label: first(map, &LABELS).and_then(Value::as_str).map(spaced),
        confidence,
    })
}

fn first<'a>(map: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| map.get(*key))
}

/// A box of four numbers, of two pairs, or of a text that holds it.
fn place(value: &Value, layout: Layout) -> Option<Box2> {
    let flat: Vec<&Value> = match value {
        Value::Array(items) => items
            .iter()
            .flat_map(|item| match item {
                Value::Array(pair) if items.len() == 2 => pair.iter().collect(),
                other => vec![other],
            })
            .collect(),
        Value::String(text) => return read::only(text, layout),
        _ => return None,
    };
    let [a, b, c, d] = flat[..] else {
        return None;
    };
    layout.make([a.as_f64()?, b.as_f64()?, c.as_f64()?, d.as_f64()?])
}

/// The boxes between marks, each with the label before it; a label may have several boxes.
fn marked(text: &str, layout: Layout) -> Option<Vec<Detected>> {
    let text = fold(text)
        .replace("<|object_ref_start|>", "<ref>")
        .replace("<|object_ref_end|>", "</ref>")
        .replace("<|box_start|>", "<box>")
        .replace("<|box_end|>", "</box>");
    let mut found = Vec::new();
    let mut label = None;
    let mut rest = &text[..];
    while let Some(at) = rest.find("<box>") {
        if let Some((_, after)) = rest[..at].rsplit_once("<ref>") {
            label = Some(spaced(after.split_once("</ref>")?.0));
        }
        let (inner, after) = rest[at + "<box>".len()..].split_once("</box>")?;
        found.push(Detected {
            place: read::only(inner, layout),
            label: label.clone(),
            confidence: 1.0,
        });
        if found.len() > MAX_BOXES {
            return None;
        }
        rest = after;
    }
    Some(found)
}

/// The boxes of a sample's reference, perhaps none: a list as in an answer, a text with one, or an object with the key
/// `objects`, `boxes`, `answer` or `ground_truth`.
///
/// # Errors
/// [`Failure::InvalidReference`] where it is of another form, or one of its boxes is none in these coordinates.
pub fn reference(sample: &Sample, layout: Layout, space: Space) -> Result<Vec<Detected>, Failure> {
    let invalid = |what: &str| {
        let short: String = sample.answer.chars().take(200).collect();
        Failure::InvalidReference(format!("the reference answer {short} {what}"))
    };
    let mut value = sample.answer_json()?;
    if let Value::Object(map) = &mut value
        && let Some(inner) = ["objects", "boxes", "answer", "ground_truth"]
            .iter()
            .find_map(|key| map.remove(*key))
    {
        value = inner;
    }
    let found = match value {
        Value::String(text) => answer(extract::opened(&text), layout, space, false),
        Value::Array(items) if is_box(&items) => {
            detected(&Value::Array(items), layout).map(|d| vec![d])
        }
        Value::Array(items) if items.len() <= MAX_BOXES => {
            items.iter().map(|item| detected(item, layout)).collect()
        }
        object @ Value::Object(_) => detected(&object, layout).map(|d| vec![d]),
        _ => None,
    };
    let found = found.ok_or_else(|| invalid("is no list of at most 256 boxes"))?;
    let holds = |d: &Detected| d.place.is_some_and(|place| space.holds(&place));
    if found.iter().all(holds) {
        return Ok(found);
    }
    Err(invalid(
        "has a box that is none with an area in these coordinates",
    ))
}
