//! The verifier of labelled boxes: those of an answer are matched one to one with those of the reference.
//!
//! [`read`] finds the boxes of answer and reference, [`matching`] pairs them, [`measure`] counts.

pub mod matching;
pub mod measure;
pub mod read;

use bbox::coordinates::Coordinates;
use measure::Measures;
use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::{Frame, fraction};

/// The plugin's own parameters.
const OWN: [&str; 8] = [
    "metric",
    "threshold",
    "matching",
    "labels",
    "repair",
    "response_coordinates",
    "reference_coordinates",
    "layout",
];
/// Answers and references of more boxes than this are not read: matching takes the cube of it.
pub const MAX_BOXES: usize = 256;

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Detection;

impl SampleReward for Detection {
    fn describe() -> PluginInfo {
        let info = Frame::describe(PluginInfo::new(
            "detection",
            env!("CARGO_PKG_VERSION"),
            "Matches the labelled boxes of an answer one to one with those of the reference, by label and intersection \
             over union.",
        ));
        let info = ["iou", "f1", "precision", "recall", "confidence"]
            .iter()
            .fold(info, |info, part| info.part(part));
        let info = info.param(
            "metric",
            "The accuracy. \"iou\": the sum of the pairs' intersections over unions, over the larger number of boxes; \
             \"f1\": 2 pairs / (boxes of the answer + boxes of the reference); \"precision\"; \"recall\"; \"confidence\": \
             the mean over the answer's boxes of the confidence of those in a pair and minus the confidence of the \
             others, and 0 where this is negative.",
            "\"iou\"",
        )
        .param("threshold", "The least intersection over union of a pair, from 0 to 1.", "0.5")
        .param(
            "matching",
            "\"optimal\": the pairs with the largest sum of intersections over unions; \"greedy\": the answer's boxes \
             choose in the order of their confidence, each the free box of the reference that it covers best.",
            "\"optimal\"",
        )
        .param(
            "labels",
            "\"equal\": a pair has equal labels (without case and extra white space), unless the reference's box has \
             none; \"ignore\": labels don't matter.",
            "\"equal\"",
        )
        .param(
            "repair",
            "Whether a list that is cut off counts as far as its boxes are complete; else it is no answer.",
            "false",
        );
        Coordinates::describe(info)
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        let frame = Frame::read(&params, &OWN)?;
        let metrics = ["iou", "f1", "precision", "recall", "confidence"];
        let metric = params.choice("metric", &metrics, "iou")?;
        let threshold = fraction(&params, "threshold", 0.5)?;
        let optimal = params.choice("matching", &["optimal", "greedy"], "optimal")? == "optimal";
        let labels = params.choice("labels", &["equal", "ignore"], "equal")? == "equal";
        let repair = params.boolean("repair", false)?;
        let coordinates = Coordinates::read(&params)?;
        let mut wanted = read::reference(sample, coordinates.layout, coordinates.reference)?;
        let response = sample.last_text();
        let found = frame.answer(response).and_then(|found| {
            // Without a tag or box around the answer all that follows the thinking is read.
            let text = if found.marked {
                found.text
            } else {
                frame.prose(response)?.trim()
            };
            read::answer(text, coordinates.layout, coordinates.response, repair)
        });
        let Some(mut found) = found else {
            // Not even an empty list.
            return Ok(Measures::default().report(frame.verdict(response, 0.0)));
        };
        let to_common = coordinates.common(sample)?;
        for (space, boxes) in [
            (coordinates.response, &mut found),
            (coordinates.reference, &mut wanted),
        ] {
            for detected in boxes {
                detected.place = detected.place.map(|place| to_common(space, &place));
            }
        }
        let weights = measure::weights(&found, &wanted, threshold, labels);
        let pairs = if optimal {
            matching::optimal(&weights)
        } else {
            let confidences: Vec<f64> = found.iter().map(|d| d.confidence).collect();
            matching::greedy(&weights, &confidences)
        };
        let measures = Measures::of(&found, wanted.len(), &weights, &pairs);
        Ok(measures.report(frame.verdict(response, measures.named(metric))))
    }
}

#[cfg(feature = "component")]
rlhost_plugin::export_reward!(Detection);
