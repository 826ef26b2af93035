//! The verifier of points: do they lie in the reference's box or mask?
//!
//! [`read`] finds the points of an answer, [`target`] has boxes and masks, [`matching`] counts how many targets can have a
//! point of their own.

pub mod mask;
pub mod matching;
pub mod read;
pub mod target;

use bbox::space::{self, Space};
use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::Frame;
use target::{Target, View};

/// The plugin's own parameters.
const OWN: [&str; 3] = ["metric", "response_coordinates", "reference_coordinates"];
/// The names of coordinates.
const SPACES: [&str; 4] = ["pixel", "unit", "percent", "thousandth"];

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Point;

/// What an answer's points earn.
struct Measured {
    accuracy: f64,
    points: usize,
    inside: usize,
}

/// Measures points against targets.
fn measure(points: &[[f64; 2]], targets: &[Target], view: &View, metric: &str) -> Measured {
    let hits: Vec<Vec<usize>> = points
        .iter()
        .map(|point| {
            let holds = |(_, target): &(usize, &Target)| target.holds(*point, view);
            let hit = targets.iter().enumerate().filter(holds);
            hit.map(|(index, _)| index).collect()
        })
        .collect();
    let inside = hits.iter().filter(|hit| !hit.is_empty()).count();
    let accuracy = match metric {
        _ if points.is_empty() => 0.0,
        "share" => inside as f64 / points.len() as f64,
        "f1" => {
            let matched = matching::largest(&hits, targets.len());
            2.0 * matched as f64 / (points.len() + targets.len()) as f64
        }
        _ => f64::from(u8::from(points.len() == 1 && inside == 1)),
    };
    Measured {
        accuracy,
        points: points.len(),
        inside,
    }
}

impl SampleReward for Point {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "point",
            env!("CARGO_PKG_VERSION"),
            "Whether the point of an answer lies in the reference's box or mask, or how many of several points do.",
        ))
        .part("points")
        .part("inside")
        .param(
            "metric",
            "The accuracy. \"one\": 1 where the answer has exactly one point and it lies in a target; \"share\": the share \
             of its points that lie in a target; \"f1\": 2 m / (points + targets), where m is the largest number of \
             targets that can each have a point of their own.",
            "\"one\"",
        )
        .param(
            "response_coordinates",
            "What the numbers of a response are. \"pixel\": pixels of the image; \"resized\": pixels of the image as the \
             model saw it, whose size the columns `resized_width` and `resized_height` give (Qwen2.5-VL); \"unit\": shares \
             of its sides from 0 to 1; \"percent\": hundredths, from 0 to 100; \"thousandth\": thousandths, from 0 to 1000; \"same\": what \
             `reference_coordinates` says.",
            "\"same\"",
        )
        .param(
            "reference_coordinates",
            "What the numbers of a reference's boxes are, likewise. A mask covers the whole image, whatever its size. \
             Between pixels and others, the row's columns `width` and `height`, the mask or the sample's first image \
             give the size.",
            "\"pixel\"",
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        let frame = Frame::read(&params, &OWN)?;
        let metric = params.choice("metric", &["one", "share", "f1"], "one")?;
        let boxes = Space::named(params.choice("reference_coordinates", &SPACES, "pixel")?);
        let points = match params.choice(
            "response_coordinates",
            &[
                "same", "resized", SPACES[0], SPACES[1], SPACES[2], SPACES[3],
            ],
            "same",
        )? {
            "same" => boxes,
            name => Space::named(name),
        };
        let targets = target::targets(sample, boxes)?;
        // Pixels of the resized image become shares of its sides.
        let (resized, points) = match points {
            Space::Resized => (Some(space::resized_size(sample)?), Space::Unit),
            other => (None, other),
        };
        let view = View {
            points,
            boxes,
            image: image(sample, &targets, points, boxes)?,
        };
        let response = sample.last_text();
        let found = frame.answer(response).and_then(|found| {
            // Without a tag or box around the answer all that follows the thinking is searched.
            let text = if found.marked {
                found.text
            } else {
                frame.prose(response)?
            };
            read::points(text)
        });
        let found = found.map(|points| {
            let (width, height) = resized.unwrap_or((1.0, 1.0));
            let shares = points.into_iter().map(|[x, y]| [x / width, y / height]);
            shares.collect::<Vec<_>>()
        });
        let measured = measure(&found.unwrap_or_default(), &targets, &view, metric);
        Ok(frame
            .verdict(response, measured.accuracy)
            .part("points", measured.points as f64)
            .part("inside", measured.inside as f64))
    }
}

/// The image's width and height where they are needed: between pixels and anything else.
fn image(
    sample: &Sample,
    targets: &[Target],
    points: Space,
    boxes: Space,
) -> Result<Option<(f64, f64)>, Failure> {
    let mask = targets.iter().find_map(Target::mask_size);
    let needed = if mask.is_some() {
        points == Space::Pixel || boxes == Space::Pixel
    } else {
        points != boxes && (points == Space::Pixel || boxes == Space::Pixel)
    };
    if !needed {
        return Ok(None);
    }
    match (space::given_size(sample)?, mask) {
        (Some(size), _) => Ok(Some(size)),
        // A mask is mostly as large as its image.
        (None, Some(size)) if sample.images.is_empty() => Ok(Some(size)),
        (None, _) => space::size(sample).map(Some),
    }
}

rlhost_plugin::export_reward!(Point);
