//! The verifier of one number: equal to the reference exactly, or within a tolerance.
//!
//! Numbers are fractions of big integers, so nothing is rounded: 0.001 is not 0.004, and 3.0 is 3. How they may be
//! written is told in [`rlhost_verifier::numeral`]; the README has it in words.

use rlhost_plugin::{Failure, Params, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::Frame;
use rlhost_verifier::numeral::{self, PERCENT, Style};
use rlhost_verifier::rational::{Budget, Rational};
use rlhost_verifier::reference;
use std::cmp::Ordering;

/// The plugin's own parameters.
const OWN: [&str; 4] = ["tolerance", "relative_tolerance", "separators", "percent"];

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Number;

/// How to judge.
struct Options {
    absolute: Rational,
    relative: Rational,
    /// Two numbers are equal where they are in one of these.
    styles: Vec<Style>,
    /// The parameter of that name.
    percent: String,
}

impl Options {
    fn read(params: &Params) -> Result<Self, Failure> {
        let european = params.choice("separators", &["english", "european"], "english")?;
        let percent = params.choice("percent", &PERCENT, "auto")?;
        Ok(Self {
            absolute: tolerance(params, "tolerance")?,
            relative: tolerance(params, "relative_tolerance")?,
            styles: Style {
                european: european == "european",
                ..Style::default()
            }
            .with_percent(percent),
            percent: percent.to_owned(),
        })
    }

    /// Whether `given` is `wanted` within the larger one of the two tolerances.
    fn accepts(&self, given: &Rational, wanted: &Rational) -> bool {
        if given == wanted {
            return true;
        }
        let mut budget = Budget::new();
        // Numbers too long to be worked with are not within a tolerance.
        let mut within = || -> Option<bool> {
            let distance = given.sub(wanted, &mut budget).ok()?.abs();
            let relative = self.relative.mul(&wanted.abs(), &mut budget).ok()?;
            let near = |bound: &Rational| distance.compare(bound) != Ordering::Greater;
            Some(near(&self.absolute) || near(&relative))
        };
        within().unwrap_or(false)
    }
}

/// A tolerance, exactly as it is written: `0.01`, `"1/100"`.
fn tolerance(params: &Params, name: &str) -> Result<Rational, Failure> {
    let Some(value) = params.get(name) else {
        return Ok(Rational::zero());
    };
    value
        .as_str()
        .map_or_else(|| Rational::parse(&value.to_string()), Rational::parse)
        .filter(|value| !value.is_negative())
        .ok_or_else(|| {
            Failure::Internal(format!(
                "the parameter `{name}` must be a number of 0 or more, or such as \"1/100\", but it is {value}"
            ))
        })
}

impl SampleReward for Number {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "number",
            env!("CARGO_PKG_VERSION"),
            "Compares the one number of an answer with the reference, exactly or within a tolerance. A doubtful number \
             is none.",
        ))
        .param(
            "tolerance",
            "Allowed distance from the reference, a number or a text such as \"1/100\"; compared exactly.",
            "0",
        )
        .param(
            "relative_tolerance",
            "Allowed distance relative to the reference's size; an answer within either tolerance is right.",
            "0",
        )
        .param(
            "separators",
            "How answers and references are written: \"english\": 1,234.5; \"european\": 1.234,5.",
            "\"english\"",
        )
        .param(
            "percent",
            "What 50% is, on both sides. \"value\": 1/2, and not 50; \"strip\": 50; \"auto\": 1/2, and also 50 where the \
             reference has no percent sign; \"either\": both, on both sides.",
            "\"auto\"",
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        let frame = Frame::read(&params, &OWN)?;
        let options = Options::read(&params)?;
        let read = |text: &str| -> Option<Vec<Rational>> {
            options
                .styles
                .iter()
                .map(|style| numeral::only(text, *style))
                .collect()
        };
        let mut references = Vec::new();
        for text in reference::texts(sample)? {
            references.push(read(&text).ok_or_else(|| {
                Failure::InvalidReference(format!(
                    "the reference answer `{text}` is not one number"
                ))
            })?);
        }
        let response = sample.last_text();
        let mute = |line: &str| !numeral::mentions(line, options.styles[0]);
        let given = frame.find(response, |answer| read(answer.text), mute);
        let right = given.is_some_and(|given| {
            references.iter().any(|reference| {
                numeral::pairs(&given, reference, &options.percent)
                    .any(|(given, wanted)| options.accepts(given, wanted))
            })
        });
        Ok(frame.verdict(response, f64::from(u8::from(right))))
    }
}

#[cfg(feature = "component")]
rlhost_plugin::export_reward!(Number);
