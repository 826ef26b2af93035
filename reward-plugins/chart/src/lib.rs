//! The verifier of answers about charts: `ChartQA`'s relaxed accuracy, made exact.
//!
//! A number is right within 5 % of the reference's, any other answer where it is equal without case (Methani et al.,
//! `PlotQA`, 2020; Masry et al., `ChartQA`, 2022, section 5.1). Years are compared exactly.

use rlhost_plugin::{Failure, Params, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::{Answer, Frame};
use rlhost_verifier::fold::{fold, spaced};
use rlhost_verifier::numeral::{self, PERCENT, Style};
use rlhost_verifier::rational::{Budget, Rational};
use rlhost_verifier::reference;
use std::cmp::Ordering;
use text::says;

mod text;

/// The plugin's own parameters.
const OWN: [&str; 4] = ["tolerance", "years", "percent", "separators"];
/// Texts of more bytes than this equal nothing.
const MAX_BYTES: usize = 4000;
/// Words of a reference that is a number all the same.
const SCALES: [&str; 19] = [
    "thousand", "million", "billion", "trillion", "percent", "per", "cent", "pct", "e", "k", "m",
    "b", "t", "bn", "mn", "万", "亿", "百万", "千万",
];

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Chart;

/// How to judge.
struct Options {
    tolerance: Rational,
    exact_years: bool,
    /// Two numbers are equal where they are in one of these.
    styles: Vec<Style>,
    /// The parameter of that name.
    percent: String,
}

/// A reference's answer.
enum Wanted {
    /// In each style.
    Number {
        values: Vec<Rational>,
        exact: bool,
    },
    Text(String),
}

impl Options {
    fn read(params: &Params) -> Result<Self, Failure> {
        let years = params.choice("years", &["exact", "relaxed"], "exact")?;
        let percent = params.choice("percent", &PERCENT, "auto")?;
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
            styles: Style {
                european: separators == "european",
                scales: true,
                ..Style::default()
            }
            .with_percent(percent),
            percent: percent.to_owned(),
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
            .all(|word| SCALES.contains(&word.as_str()));
        match self.numbers(&text).filter(|_| alone) {
            Some(values) => Wanted::Number {
                exact: self.exact_years && is_year(text.trim()),
                values,
            },
            None => Wanted::Text(spaced(&text)),
        }
    }

    /// The one number of a text, in each style.
    fn numbers(&self, text: &str) -> Option<Vec<Rational>> {
        self.styles
            .iter()
            .map(|style| numeral::only(text, *style))
            .collect()
    }

    fn accepts(&self, answer: &str, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Text(text) => answer.len() <= MAX_BYTES && says(answer, text),
            Wanted::Number { values, exact } => self.numbers(answer).is_some_and(|given| {
                numeral::pairs(&given, values, &self.percent).any(|(given, wanted)| {
                    given == wanted || (!exact && self.within(given, wanted))
                })
            }),
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
            "What 50% is, on both sides. \"value\": 1/2, and not 50, as published; \"strip\": 50; \"auto\": 1/2, and also 50 where the \
             reference has no percent sign; \"either\": both, on both sides.",
            "\"auto\"",
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
        let accepted = |text: &str| references.iter().any(|r| options.accepts(text, r));
        let mute = |line: &str| !numeral::mentions(line, options.styles[0]);
        let right = if references.iter().any(|r| matches!(r, Wanted::Text(_))) {
            // Beside a text any line may be one.
            frame.text(response).is_some_and(accepted)
        } else {
            let judge =
                |answer: Answer| options.numbers(answer.text).map(|_| accepted(answer.text));
            frame.find(response, judge, mute).unwrap_or(false)
        };
        Ok(frame.verdict(response, f64::from(u8::from(right))))
    }
}

rlhost_plugin::export_reward!(Chart);
