//! What the pairs of an answer's and a reference's boxes are worth.

use crate::read::Detected;
use rlhost_plugin::Verdict;

/// The measures of an answer, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measures {
    /// The sum of the pairs' intersections over unions, over the larger number of boxes.
    pub iou: f64,
    /// 2 pairs / (boxes of the answer + boxes of the reference).
    pub f1: f64,
    /// Pairs / boxes of the answer.
    pub precision: f64,
    /// Pairs / boxes of the reference.
    pub recall: f64,
    /// Mean over the answer's boxes of the confidence of those in a pair, and of minus the confidence of the others; 0
    /// where this is negative.
    pub confidence: f64,
}

/// The intersection over union of each of the answer's boxes with each of the reference's; 0 where they can't be a pair.
pub fn weights(
    found: &[Detected],
    wanted: &[Detected],
    threshold: f64,
    labels: bool,
) -> Vec<Vec<f64>> {
    let weight = |f: &Detected, w: &Detected| {
        let named = !labels || w.label.is_none() || f.label == w.label;
        let (Some(a), Some(b), true) = (f.place, w.place, named) else {
            return 0.0;
        };
        let iou = a.iou(&b);
        if iou >= threshold { iou } else { 0.0 }
    };
    found
        .iter()
        .map(|f| wanted.iter().map(|w| weight(f, w)).collect())
        .collect()
}

impl Measures {
    /// The measures of `found` beside `wanted` boxes of a reference, with the reference's box of each of them.
    ///
    /// Where there is nothing to find, an empty list is right and any box wrong. A box in no pair never adds to the
    /// confidence: to be sure that a box is wrong is no detection.
    pub fn of(
        found: &[Detected],
        wanted: usize,
        weights: &[Vec<f64>],
        pairs: &[Option<usize>],
    ) -> Self {
        if found.is_empty() || wanted == 0 {
            let right = f64::from(u8::from(found.is_empty() && wanted == 0));
            return Self {
                iou: right,
                f1: right,
                precision: right,
                recall: right,
                confidence: right,
            };
        }
        let (mut sum, mut count, mut confidence) = (0.0, 0, 0.0);
        for ((detected, weights), pair) in found.iter().zip(weights).zip(pairs) {
            match pair {
                Some(pair) => {
                    sum += weights[*pair];
                    count += 1;
                    confidence += detected.confidence;
                }
                None => confidence -= detected.confidence,
            }
        }
        let (pairs, boxes, wanted) = (f64::from(count), found.len() as f64, wanted as f64);
        Self {
            iou: sum / boxes.max(wanted),
            f1: 2.0 * pairs / (boxes + wanted),
            precision: pairs / boxes,
            recall: pairs / wanted,
            confidence: (confidence / boxes).max(0.0),
        }
    }

    /// The measure of that name; `iou` for any other.
    pub fn named(&self, name: &str) -> f64 {
        match name {
            "f1" => self.f1,
            "precision" => self.precision,
            "recall" => self.recall,
            "confidence" => self.confidence,
            _ => self.iou,
        }
    }

    /// `verdict` with all measures as parts.
    pub fn report(&self, verdict: Verdict) -> Verdict {
        ["iou", "f1", "precision", "recall", "confidence"]
            .iter()
            .fold(verdict, |verdict, name| {
                verdict.part(name, self.named(name))
            })
    }
}
