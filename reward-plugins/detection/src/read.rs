//! Finds the labelled boxes of answers and references.
//!
//! They are a list of JSON objects, such as `{"bbox_2d": [1, 2, 3, 4], "label": "cat"}` (Qwen2.5-VL) or `{'Position': [1, 2,
//! 3, 4], 'Confidence': 0.9}` (Visual-RFT), of plain boxes, or Qwen-VL's marks: `<|object_ref_start|>cat<|object_ref_end|>
//! <|box_start|>(1,2),(3,4)<|box_end|>` and `<ref>cat</ref><box>(1,2),(3,4)</box>`.

use crate::MAX_BOXES;
use bbox::geometry::Box2;
use bbox::read::{self, Layout, brackets};
use bbox::space::Space;
use rlhost_plugin::serde_json::{Map, Value};
use rlhost_plugin::{Failure, Sample};
use rlhost_verifier::fold::{fold, spaced};
use rlhost_verifier::json::{self, Dialect};
use rlhost_verifier::reference::solution;

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

/// The items of the list that a text is, in a fence or not; an object alone is a list of one, and an object that holds a list
/// is that list. A text that says that there is nothing is an empty list.
fn list(text: &str, repair: bool) -> Option<Vec<Value>> {
    let text = json::unfenced(text)?.trim_end_matches(['。', '.', ' ']);
    if says_nothing(text) {
        return Some(Vec::new());
    }
    let plain = brackets(text);
    let value = json::parse(text, Dialect::Python).or_else(|| json::parse(&plain, Dialect::Python));
    match value {
        Some(Value::Array(items)) if is_box(&items) => Some(vec![Value::Array(items)]),
        Some(Value::Array(items)) => match &items[..] {
            [Value::String(text)] if says_nothing(text) => Some(Vec::new()),
            _ => Some(items),
        },
        Some(Value::Object(map)) => Some(held(map)),
        None if repair => {
            let items = json::items(text, Dialect::Python)?;
            // A list that is cut off before its first box is none.
            (!items.is_empty()).then_some(items)
        }
        Some(_) | None => None,
    }
}

/// The items of an object: of the only list of objects or boxes that it holds under any key, of lists or boxes under the names
/// of things (`{"cat": [[1, 2, 3, 4]], "dog": [5, 6, 7, 8]}`), or itself.
fn held(map: Map<String, Value>) -> Vec<Value> {
    let list = |value: &Value| match value {
        Value::Array(items) => {
            items.iter().all(|item| item.is_object() || is_place(item)) && !is_place(value)
        }
        _ => false,
    };
    if first(&map, &PLACES).is_some_and(is_place) {
        return vec![Value::Object(map)];
    }
    let mut values: Vec<&Value> = map.values().collect();
    // `{"bboxes": [[1, 2, 3, 4]], "labels": ["cat"]}`
    if values.len() == 2 {
        values.sort_by_key(|value| !list(value));
        if let [Value::Array(places), Value::Array(labels)] = values[..]
            && list(values[0])
            && places.len() == labels.len()
            && places.iter().all(is_place)
            && labels.iter().all(Value::is_string)
        {
            let pairs = places.iter().zip(labels);
            return pairs
                .map(|(place, label)| named(place.clone(), label.as_str().unwrap_or_default()))
                .collect();
        }
    }
    // `{"1": {…}, "2": {…}}`
    if !map.is_empty()
        && map.values().all(|value| {
            value
                .as_object()
                .is_some_and(|inner| first(inner, &PLACES).is_some())
        })
    {
        return map.into_iter().map(|(_, value)| value).collect();
    }
    let lists = map.values().filter(|value| list(value)).count();
    let all = map.values().all(|value| list(value) || is_place(value)) && !map.is_empty();
    let objects = |value: &Value| {
        value
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_object))
    };
    // An empty list under a key of its own holds nothing.
    if lists == 1 && (!all || (map.len() == 1 && map.values().all(objects))) {
        return map
            .into_iter()
            .find_map(|(_, value)| match value {
                Value::Array(items) if list(&Value::Array(items.clone())) => Some(items),
                _ => None,
            })
            .unwrap_or_default();
    }
    let boxes = |(name, value): (String, Value)| -> Vec<Value> {
        let places = match value {
            Value::Array(items) if !is_place(&Value::Array(items.clone())) => items,
            place => vec![place],
        };
        let labelled = |place: Value| match place {
            Value::Object(_) => place,
            place => named(place, &name),
        };
        places.into_iter().map(labelled).collect()
    };
    if all && !map.keys().any(|key| names_box(key)) {
        return map.into_iter().flat_map(boxes).collect();
    }
    vec![Value::Object(map)]
}

/// An object with a box and its label.
fn named(place: Value, label: &str) -> Value {
    Value::Object(Map::from_iter([
        ("bbox_2d".to_owned(), place),
        ("label".to_owned(), Value::from(label)),
    ]))
}

/// Whether a key is a name for a box, and not for what is in it: `bounding_box`, `coordinates`.
fn names_box(key: &str) -> bool {
    let key = key.to_lowercase();
    [
        "box", "coord", "position", "location", "region", "rect", "xyxy", "xywh",
    ]
    .iter()
    .any(|name| key.contains(name))
}

/// Whether a value is a box: four numbers, or two pairs.
fn is_place(value: &Value) -> bool {
    match value {
        Value::Array(items) if items.len() == 2 => items.iter().all(|pair| {
            pair.as_array()
                .is_some_and(|pair| pair.len() == 2 && pair.iter().all(Value::is_number))
        }),
        Value::Array(items) => is_box(items),
        _ => false,
    }
}

/// Whether an answer says that there is nothing: `No Objects`, `None`, `There are no cats in the image.`, `没有目标`.
fn says_nothing(text: &str) -> bool {
    let text = spaced(text);
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    if text.len() > 200 || text.contains(['[', '{', '?']) || text.contains(|c: char| c.is_numeric())
    {
        return false;
    }
    let chinese = ["没有", "无", "未检测到", "未发现"]
        .iter()
        .any(|word| text.starts_with(word));
    if chinese || matches!(text, "none" | "null" | "nothing" | "empty") {
        return !text.contains(['或', '法', '知']);
    }
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| !word.is_empty())
        .collect();
    let no = match words[..] {
        ["no", ..] => 0,
        ["there", "is" | "are" | "was" | "were", "no", ..]
        | [
            "there",
            "aren't" | "isn't" | "weren't" | "wasn't",
            "any",
            ..,
        ] => 2,
        _ => return false,
    };
    // What there is none of, perhaps with a word or two before it; then where, or that it was not found.
    let rest = &words[no + 1..];
    let thing = rest
        .iter()
        .take(3)
        .any(|word| word.ends_with('s') || matches!(*word, "object" | "target" | "match"));
    thing
        && !rest.iter().any(|word| {
            matches!(
                *word,
                "there" | "but" | "or" | "except" | "other" | "only" | "ideas" | "doubts"
            )
        })
}

/// Whether a list is a box's four numbers, and no list of boxes.
fn is_box(items: &[Value]) -> bool {
    items.len() == 4 && items.iter().all(Value::is_number)
}

/// One item of a list; nothing where its confidence is no number from 0 to 1.
fn detected(item: &Value, layout: Layout) -> Option<Detected> {
    // `{"cat": [1, 2, 3, 4]}`
    let own = item
        .as_object()
        .filter(|map| map.len() == 1)
        .map(|map| held(map.clone()));
    let item = match own.as_deref() {
        Some([only]) => only,
        _ => item,
    };
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
    // Under any other name there may be one box and one text.
    let only = |fits: fn(&Value) -> bool| {
        let mut values = map.values().filter(|value| fits(value));
        values.next().filter(|_| values.next().is_none())
    };
    let place = match first(map, &PLACES).or_else(|| only(is_place)) {
        Some(value) => place(value, layout),
        None => corners(map),
    };
    let label = first(map, &LABELS).or_else(|| only(Value::is_string));
    Some(Detected {
        place,
        label: label.and_then(Value::as_str).map(spaced),
        confidence,
    })
}

/// The box of an object that names its sides: `{"x1": 1, "y1": 2, "x2": 3, "y2": 4}`.
fn corners(map: &Map<String, Value>) -> Option<Box2> {
    let sides = |names: [&str; 4]| -> Option<[f64; 4]> {
        let mut found = [0.0; 4];
        for (side, name) in found.iter_mut().zip(names) {
            *side = map.get(name)?.as_f64()?;
        }
        Some(found)
    };
    let ends = [
        ["x1", "y1", "x2", "y2"],
        ["xmin", "ymin", "xmax", "ymax"],
        ["x_min", "y_min", "x_max", "y_max"],
        ["left", "top", "right", "bottom"],
    ];
    if let Some(found) = ends.into_iter().find_map(sides) {
        return Layout::Xyxy.make(found);
    }
    let extents = [
        ["x", "y", "width", "height"],
        ["x", "y", "w", "h"],
        ["left", "top", "width", "height"],
    ];
    Layout::Xywh.make(extents.into_iter().find_map(sides)?)
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
        Value::Object(map) => return corners(map),
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
        Value::String(text) => answer(solution(&text), layout, space, false),
        Value::Array(items) if is_box(&items) => {
            detected(&Value::Array(items), layout).map(|d| vec![d])
        }
        Value::Array(items) if items.len() <= MAX_BOXES => {
            items.iter().map(|item| detected(item, layout)).collect()
        }
        Value::Object(map) => held(map)
            .iter()
            .map(|item| detected(item, layout))
            .collect(),
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
