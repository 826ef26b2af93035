//! What a point may lie in: a box, its edges included, or a mask.

use crate::mask::Mask;
use bbox::geometry::Box2;
use bbox::read::{self, Layout};
use bbox::space::Space;
use rlhost_plugin::serde_json::Value;
use rlhost_plugin::{Failure, Sample};
use rlhost_verifier::reference;

/// How many targets a reference may list.
const MAX_TARGETS: usize = 64;
/// The keys of an object that holds the targets.
const KEYS: [&str; 7] = [
    "bbox",
    "bbox_2d",
    "mask",
    "targets",
    "answer",
    "ground_truth",
    "any_of",
];

/// A box or a mask.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A box.
    Box(Box2),
    /// A mask over the whole image.
    Mask(Mask),
}

/// What the numbers of points and boxes are.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The coordinates of points.
    pub points: Space,
    /// The coordinates of boxes.
    pub boxes: Space,
    /// The image's width and height, where pixels meet anything else.
    pub image: Option<(f64, f64)>,
}

impl View {
    /// A coordinate of a point on a side that is `length` long.
    fn along(&self, value: f64, image: Option<f64>, length: f64) -> f64 {
        let side = self.points.side().or(image).unwrap_or(length);
        // Where both lengths are equal, no bit of the value changes.
        value * length / side
    }
}

impl Target {
    /// Whether a point lies in the target.
    pub fn holds(&self, [x, y]: [f64; 2], view: &View) -> bool {
        let (width, height) = view.image.unzip();
        match self {
            Self::Box(target) => {
                let [left, top, right, bottom] = target.corners();
                let (mut x, mut y) = (x, y);
                if view.points != view.boxes {
                    let length = |image: Option<f64>| view.boxes.side().or(image).unwrap_or(1.0);
                    x = view.along(x, width, length(width));
                    y = view.along(y, height, length(height));
                }
                (left..=right).contains(&x) && (top..=bottom).contains(&y)
            }
            Self::Mask(mask) => {
                let (columns, rows) = mask.size();
                let cell = |value: f64, count: u64| {
                    let inside = (0.0..=count as f64).contains(&value);
                    // The image's right and lower edge belong to the last cells.
                    inside.then(|| (value as u64).min(count - 1))
                };
                let x = cell(view.along(x, width, columns as f64), columns);
                let y = cell(view.along(y, height, rows as f64), rows);
                x.zip(y).is_some_and(|(x, y)| mask.holds(x, y))
            }
        }
    }

    /// Width and height of a mask.
    pub fn mask_size(&self) -> Option<(f64, f64)> {
        match self {
            Self::Box(_) => None,
            Self::Mask(mask) => {
                let (width, height) = mask.size();
                Some((width as f64, height as f64))
            }
        }
    }
}

/// The targets of a sample's reference, at least one.
///
/// # Errors
/// [`Failure::InvalidReference`] where it is of another form, or a box is none in these coordinates.
pub fn targets(sample: &Sample, boxes: Space) -> Result<Vec<Target>, Failure> {
    let found = read(&sample.answer_json()?, 0).filter(|targets| {
        targets.iter().all(|target| match target {
            Target::Box(target) => boxes.holds(target),
            Target::Mask(_) => true,
        })
    });
    found.ok_or_else(|| {
        let short: String = sample.answer.chars().take(200).collect();
        Failure::InvalidReference(format!(
            "the reference answer {short} is neither a box with an area in these coordinates nor a mask with a cell, nor \
             a list of 1 to {MAX_TARGETS} of them"
        ))
    })
}

/// The targets of a value: a list of four numbers, an object with one of [`KEYS`] or COCO's `size` and `counts`, a list of
/// these, or a text with a box.
fn read(value: &Value, depth: u32) -> Option<Vec<Target>> {
    match value {
        Value::Array(items) if items.len() == 4 && items.iter().all(Value::is_number) => {
            let mut numbers = [0.0; 4];
            for (number, item) in numbers.iter_mut().zip(items) {
                *number = item.as_f64()?;
            }
            Some(vec![Target::Box(Layout::Xyxy.make(numbers)?)])
        }
        Value::Array(items) if depth < 3 && (1..=MAX_TARGETS).contains(&items.len()) => {
            let mut found = Vec::new();
            for item in items {
                found.extend(read(item, depth + 1)?);
            }
            (found.len() <= MAX_TARGETS).then_some(found)
        }
        Value::Object(map) if map.contains_key("counts") => {
            Some(vec![Target::Mask(Mask::read(value)?)])
        }
        Value::Object(map) => {
            let (key, inner) = KEYS.iter().find_map(|key| Some((*key, map.get(*key)?)))?;
            if key == "mask" {
                return Some(vec![Target::Mask(Mask::read(inner)?)]);
            }
            (depth < 3).then(|| read(inner, depth + 1))?
        }
        Value::String(text) => Some(vec![Target::Box(read::only(
            reference::solution(text),
            Layout::Xyxy,
        )?)]),
        _ => None,
    }
}
