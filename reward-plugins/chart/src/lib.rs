//! The verifier of answers about charts: `ChartQA`'s relaxed accuracy, made exact.
//!
//! A number is right within 5 % of the reference's, any other answer where it is equal without case (Methani et al.,
//! `PlotQA`, 2020; Masry et al., `ChartQA`, 2022, section 5.1). Years are compared exactly.

use rlhost_plugin::{Failure, Params, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::Frame;
use rlhost_verifier::fold::{fold, spaced};
use rlhost_verifier::layout::plain;
use rlhost_verifier::numeral::{self, Style};
use rlhost_verifier::rational::{Budget, Rational};
use rlhost_verifier::reference;
use std::cmp::Ordering;

/// The plugin's own parameters.
const OWN: [&str; 4] = ["tolerance", "years", "percent", "separators"];
/// Texts of more bytes than this equal nothing.
const MAX_BYTES: usize = 4000;
/// Words of a reference that is a number all the same.
const SCALES: [&str; 8] = [
    "thousand", "million", "billion", "trillion", "percent", "per", "cent", "pct",
];

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Chart;

/// How to judge.
struct Options {
    tolerance: Rational,
    exact_years: bool,
    style: Style,
}

/// A reference's answer.
enum Wanted {
    Number { value: Rational, exact: bool },
    Text(String),
}

impl Options {
    fn read(params: &Params) -> Result<Self, Failure> {
        let years = params.choice("years", &["exact", "relaxed"], "exact")?;
        let percent = params.choice("percent", &["value", "strip"], "value")?;
        let separators = params.choice("separators", &["english", "european"], "english")?;
        let tolerance = match params.get("tolerance") {
            None => Rational::ratio(1, 20),
            Some(value) => value
                .as_str()
                .map_or_else(|| Rational::parse(&value.to_string()), Rational::parse)
                .filter(|value| !value.is_negative()),
        };
        Ok(Self {
            tolerance: tolerance.ok_or_else(|| {
                Failure::Internal(
                    "the parameter `tolerance` must be a number of 0 or more, or such as \"1/20\""
                        .into(),
                )
            })?,
            exact_years: years == "exact",
            style: Style {
                european: separators == "european",
                percent: percent == "value",
                words: false,
            },
        })
    }

    fn wanted(&self, text: &str) -> Wanted {
        let text = fold(text);
        let words = text
            .split(|c: char| !c.is_alphabetic())
            .filter(|w| !w.is_empty());
        // A number and nothing else: `Q1 2020` and `5 dogs` are texts.
        let alone = words
            .map(str::to_lowercase)
            .all(|word| SCALES.contains(&word.as_str()) || word == "e");
        match numeral::only(&text, self.style).filter(|_| alone) {
            Some(value) => Wanted::Number {
                exact: self.exact_years && is_year(text.trim()),
                value,
            },
            None => Wanted::Text(spaced(&text)),
        }
    }

    fn accepts(&self, answer: &str, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Text(text) => {
                answer.len() <= MAX_BYTES
                    && (spaced(answer) == *text || spaced(plain(answer)) == *text)
            }
            Wanted::Number { value, exact } => numeral::only(answer, self.style)
                .is_some_and(|given| given == *value || (!exact && self.within(&given, value))),
        }
    }

    /// Whether `given` is no further from `wanted` than the tolerance's share of it. Nothing but 0 is near to 0.
    fn within(&self, given: &Rational, wanted: &Rational) -> bool {
        let mut budget = Budget::new();
        // Numbers too long to be worked with are not within a tolerance.
        let mut near = || -> Option<bool> {
            let distance = given.sub(wanted, &mut budget).ok()?.abs();
            let most = self.tolerance.mul(&wanted.abs(), &mut budget).ok()?;
            Some(distance.compare(&most) != Ordering::Greater)
        };
        near().unwrap_or(false)
    }
}

/// Four digits from 1500 to 2199 and nothing else.
fn is_year(text: &str) -> bool {
    text.len() == 4
        && text
            .parse::<u16>()
            .is_ok_and(|year| (1500..2200).contains(&year))
}

impl SampleReward for Chart {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "chart",
            env!("CARGO_PKG_VERSION"),
            "ChartQA's relaxed accuracy: a number within 5 % of the reference's, years exactly, and any other answer \
             equal without case.",
        ))
        .param(
            "tolerance",
            "Allowed distance relative to the reference's size, a number or a text such as \"1/20\"; compared exactly.",
            "0.05",
        )
        .param(
            "years",
            "Whether a reference of four digits from 1500 to 2199 has to be met exactly: \"exact\", or \"relaxed\", as \
             published.",
            "\"exact\"",
        )
        .param(
            "percent",
            "What 50% is, on both sides. \"value\": 1/2, and not 50, as published; \"strip\": 50.",
            "\"value\"",
        )
        .param(
            "separators",
            "How answers and references are written: \"english\": 1,234.5; \"european\": 1.234,5.",
            "\"english\"",
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        let frame = Frame::read(&params, &OWN)?;
        let options = Options::read(&params)?;
        let references: Vec<_> = reference::texts(sample)?
            .iter()
            .map(|text| options.wanted(text))
            .collect();
        let response = sample.last_text();
        let right = frame
            .answer(response)
            .is_some_and(|answer| references.iter().any(|r| options.accepts(answer.text, r)));
        Ok(frame.verdict(response, f64::from(u8::from(right))))
    }
}

rlhost_plugin::export_reward!(Chart);
