//! Rewards each box that a response points at, where it points at it.
//!
//! A model that reasons about a picture writes boxes between its words: `The cup {"bbox_2d": [10, 20, 60, 80], "label":
//! "cup"} stands on …`. With n such mentions and m boxes in the reference, matched one to one, the total is
//! 2 · Σ `IoU` / (n + m): F1 with each pair counted by its `IoU`. Each pair's share is a step reward at the end of its
//! mention, so that credit goes to the words that earned it.

mod mention;

use bbox::geometry::Box2;
use detection::matching::optimal;
use mention::{Mention, mentions};
use rlhost_plugin::serde_json::Value;
use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};

/// A response with more mentions scores 0, a reference with more boxes can't be used: matching takes cubic time.
const MAX_BOXES: usize = 128;

/// The plugin.
pub struct Grounding;

impl SampleReward for Grounding {
    fn describe() -> PluginInfo {
        let doc = "Rewards each box that a response points at, where it points at it: 2 · Σ IoU / (boxes of the response \
            + boxes of the reference), over pairs of equal labels matched one to one.";
        PluginInfo::new("grounding", env!("CARGO_PKG_VERSION"), doc)
            .part("precision")
            .part("recall")
            .part("iou")
            .param("threshold", "The least IoU of a pair, from 0 to 1.", "0.5")
            .param(
                "wrong_cost",
                "What a mention without a pair costs, from 0 to 1, in the share that a perfect pair would earn.",
                "0",
            )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        params.reject_unknown(&["threshold", "wrong_cost"])?;
        let share = |name, default| match params.number(name, default)? {
            value if (0.0..=1.0).contains(&value) => Ok(value),
            _ => Err(Failure::Internal(format!(
                "the parameter `{name}` must be a number from 0 to 1"
            ))),
        };
        let threshold = share("threshold", 0.5)?;
        let wrong_cost = share("wrong_cost", 0.0)?;
        let wanted = reference(&sample.answer_json()?)?;
        let Some(said) = mentions(&sample.response, MAX_BOXES) else {
            return Ok(verdict(0.0, &[], 0, wanted.len()));
        };
        if said.is_empty() && wanted.is_empty() {
            // Nothing to point at, and nothing pointed at.
            return Ok(verdict(1.0, &[], 0, 0));
        }
        let weights: Vec<Vec<f64>> = said
            .iter()
            .map(|mention| {
                let pair = |target: &Target| match mention.iou(target) {
                    iou if iou >= threshold => iou,
                    _ => 0.0,
                };
                wanted.iter().map(pair).collect()
            })
            .collect();
        let pairs = optimal(&weights);
        let unit = 2.0 / (said.len() + wanted.len()) as f64;
        let mut ious = Vec::new();
        let mut steps = Verdict::new(0.0);
        for (i, mention) in said.iter().enumerate() {
            let earned = match pairs.get(i).copied().flatten() {
                Some(j) => {
                    ious.push(weights[i][j]);
                    unit * weights[i][j]
                }
                None => -unit * wrong_cost,
            };
            steps = steps.step(mention.turn, Some(mention.end), earned);
        }
        let total = steps.steps.iter().map(|step| step.value).sum();
        let mut verdict = verdict(total, &ious, said.len(), wanted.len());
        verdict.steps = steps.steps;
        Ok(verdict)
    }
}

/// A box that is to be found, and its label where it has one.
struct Target {
    place: Box2,
    label: Option<String>,
}

impl Mention {
    /// 0 where labels differ, or the mention is no box.
    fn iou(&self, target: &Target) -> f64 {
        let same = target.label.is_none() || self.label == target.label;
        match self.place {
            Some(place) if same => place.iou(&target.place),
            _ => 0.0,
        }
    }
}

/// The boxes of the reference.
fn reference(answer: &Value) -> Result<Vec<Target>, Failure> {
    let wrong = |what: &str| Failure::InvalidReference(what.to_owned());
    let Some(items) = answer.as_array() else {
        return Err(wrong(
            "the reference must be a list of objects with `bbox_2d` and `label`",
        ));
    };
    if items.len() > MAX_BOXES {
        return Err(wrong("the reference has more than 128 boxes"));
    }
    let target = |item: &Value| {
        let place = mention::place(item);
        let place = place.ok_or_else(|| wrong(&format!("no box of positive area: {item}")))?;
        let label = mention::label(item);
        Ok(Target { place, label })
    };
    items.iter().map(target).collect()
}

/// Parts are 1 where there is nothing to divide by: nothing was wrong, nothing was missed.
fn verdict(total: f64, ious: &[f64], said: usize, wanted: usize) -> Verdict {
    let ratio = |count: usize| match count {
        0 => 1.0,
        count => ious.len() as f64 / count as f64,
    };
    let mean = ious.iter().sum::<f64>() / ious.len().max(1) as f64;
    Verdict::new(total)
        .part("precision", ratio(said))
        .part("recall", ratio(wanted))
        .part("iou", mean)
}

rlhost_plugin::export_reward!(Grounding);
