//! The verifier of one bounding box: intersection over union with the reference.
//!
//! [`read`] finds the box of an answer, [`coordinates`] brings both boxes to the same coordinates, [`geometry`] has the
//! measure. A box has finite numbers and a positive area, so no division can go wrong.

pub mod coordinates;
pub mod geometry;
pub mod read;
pub mod space;

use coordinates::Coordinates;
use geometry::Box2;
use read::Layout;
use rlhost_plugin::serde_json::Value;
use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::{Frame, fraction};
use rlhost_verifier::reference;

/// The plugin's own parameters.
const OWN: [&str; 5] = [
    "metric",
    "threshold",
    "response_coordinates",
    "reference_coordinates",
    "layout",
];
/// How many acceptable boxes a reference may list.
const MAX_ALTERNATIVES: usize = 64;

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Bbox;

/// The boxes of a reference: a list of four numbers, a list of such lists, an object with the key `bbox` or
/// `bbox_2d`, or a text as a response has it. Nothing where it is none.
fn boxes(value: &Value, layout: Layout) -> Option<Vec<Box2>> {
    match value {
        Value::Array(items) if items.len() == 4 && items.iter().all(Value::is_number) => {
            let mut numbers = [0.0; 4];
            for (number, item) in numbers.iter_mut().zip(items) {
                *number = item.as_f64()?;
            }
            Some(vec![layout.make(numbers)?])
        }
        Value::Array(items) if (1..=MAX_ALTERNATIVES).contains(&items.len()) => items
            .iter()
            .map(|item| match boxes(item, layout)?[..] {
                [only] => Some(only),
                _ => None,
            })
            .collect(),
        Value::Object(map) => ["bbox", "bbox_2d", "answer", "ground_truth"]
            .iter()
            .find_map(|key| boxes(map.get(*key)?, layout)),
        Value::String(text) => Some(vec![read::only(reference::solution(text), layout)?]),
        _ => None,
    }
}

impl SampleReward for Bbox {
    fn describe() -> PluginInfo {
        let info = Frame::describe(PluginInfo::new(
            "bbox",
            env!("CARGO_PKG_VERSION"),
            "Intersection over union of the one box of an answer with the reference. What has no area, or several \
             different boxes, scores 0.",
        ))
        .part("iou")
        .param(
            "metric",
            "The accuracy. \"iou\": the intersection over union; \"iou_squared\": its square; \"threshold\": 1 where it \
             is at least `threshold`, else 0.",
            "\"iou\"",
        )
        .param("threshold", "From 0 to 1; \"iou\" and \"iou_squared\" below it are 0 too, where it is given.", "null");
        Coordinates::describe(info)
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        let frame = Frame::read(&params, &OWN)?;
        let metric = params.choice("metric", &["iou", "iou_squared", "threshold"], "iou")?;
        let threshold = match params.get("threshold") {
            Some(value) if !value.is_null() => Some(fraction(&params, "threshold", 0.5)?),
            _ => None,
        };
        let coordinates = Coordinates::read(&params)?;
        let references = boxes(&sample.answer_json()?, coordinates.layout)
            .filter(|boxes| boxes.iter().all(|found| coordinates.reference.holds(found)))
            .ok_or_else(|| {
                Failure::InvalidReference(format!(
                    "the reference answer {} is no box with an area in these coordinates",
                    sample.answer
                ))
            })?;
        let to_common = coordinates.common(sample)?;
        let response = sample.last_text();
        let found = frame
            .answer(response)
            .and_then(|found| {
                // Without a tag or box around the answer all that follows the thinking is searched.
                let text = if found.marked {
                    found.text
                } else {
                    frame.prose(response)?
                };
                read::only(text, coordinates.layout)
            })
            .filter(|found| coordinates.response.holds(found));
        let iou = found.map_or(0.0, |found| {
            let found = to_common(coordinates.response, &found);
            references
                .iter()
                .map(|reference| found.iou(&to_common(coordinates.reference, reference)))
                .fold(0.0, f64::max)
        });
        let least = threshold.unwrap_or(if metric == "threshold" { 0.5 } else { 0.0 });
        let accuracy = match metric {
            _ if iou <= 0.0 || iou < least => 0.0,
            "iou_squared" => iou * iou,
            "threshold" => 1.0,
            _ => iou,
        };
        Ok(frame.verdict(response, accuracy).part("iou", iou))
    }
}

#[cfg(feature = "component")]
rlhost_plugin::export_reward!(Bbox);
