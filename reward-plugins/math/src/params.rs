//! The parameters of the plugin.

use crate::number::Rational;
use crate::rounding::MAX_DECIMALS;
use crate::work::Work;
use rlhost_verifier::answer;
pub use rlhost_verifier::extract::Extract;
use serde_json::Value;

/// Which shape earns the part `format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Answer,
    Boxed,
    None,
}

/// What a percent sign means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PercentRule {
    /// As the reference has it: with a sign the value; without one both.
    Auto,
    Value,
    Strip,
    Either,
}

/// What a unit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitRule {
    Compare,
    Strict,
    Ignore,
    Convert,
}

/// Whether a number may be left as a sum or product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Accept,
    Reject,
}

/// How to judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub extract: Extract,
    pub format: Format,
    /// Share of the part `format` in the total, from 0 to 1.
    pub format_weight: f64,
    pub percent: PercentRule,
    pub units: UnitRule,
    /// Allowed distance from the reference, relative to it.
    pub tolerance: Rational,
    /// Fewest decimals of one that stands for a fraction without end; 0 for none.
    pub decimals: u32,
    /// Does the order in lists without brackets count?
    pub ordered: bool,
    pub arithmetic: Arithmetic,
    /// Does an answer with some of the parts earn their share?
    pub partial: bool,
    /// What the verdict may cost; [`judge`](crate::judge()) begins with a full one.
    pub work: Work,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            extract: Extract::Auto,
            format: Format::Answer,
            format_weight: 0.0,
            percent: PercentRule::Auto,
            units: UnitRule::Convert,
            tolerance: Rational::zero(),
            decimals: 6,
            ordered: false,
            arithmetic: Arithmetic::Accept,
            partial: false,
            work: Work::default(),
        }
    }
}

impl Options {
    /// These options with a tolerance of `a / b`.
    pub(crate) fn within(&self, a: i64, b: i64) -> Self {
        Self {
            tolerance: Rational::ratio(a, b).unwrap_or_else(Rational::zero),
            ..self.clone()
        }
    }
}

/// Name, meaning and default (as JSON) of each parameter.
pub const PARAMS: [(&str, &str, &str); 10] = [
    (
        "extract",
        "Where the answer is looked for, always after the thinking. \"auto\": the last <answer>…</answer> or balanced \
         \\boxed{…} or \\fbox{…}, whichever ends last, or the text where there is neither; \"answer\", \"boxed\": only \
         these; \"text\": what follows ####, or what the last sentence states; \"last\": the last mark, or the last formula or \
         number of the text whatever is said of it, as Math-Verify reads.",
        "\"auto\"",
    ),
    answer::PARAMS[1],
    answer::PARAMS[2],
    (
        "percent",
        "What 50% is. \"auto\": for a reference with a percent sign 1/2, and not 50; for one without, whose question may have \
         asked for percent, 1/2 or 50; \"value\": 1/2, and not 50; \"strip\": 50, and not 1/2; \"either\": both, on both sides.",
        "\"auto\"",
    ),
    (
        "decimals",
        "How many decimals a decimal needs at least to stand for a fraction whose decimals don't end, rightly rounded: with 6, \
         0.333333 is 1/3. Roots and other numbers that are no fractions need `tolerance`. 0: decimals never stand for one.",
        "6",
    ),
    (
        "units",
        "\"convert\": where both sides have a unit they have to be the same quantity (100 cm is 1 m), and a missing unit \
         is no mistake; \"compare\": the same unit too (100 cm is not 1 m); \"strict\": as \"compare\", and a missing \
         unit is a mistake; \"ignore\": units don't matter.",
        "\"convert\"",
    ),
    (
        "tolerance",
        "Allowed distance from the reference relative to it, as a number or a string such as \"1/100\"; compared \
         exactly. 0 asks for equality.",
        "0",
    ),
    (
        "ordered",
        "Whether the order of a list without brackets counts (2, 3 against 3, 2). In tuples and intervals it always \
         does, in sets never.",
        "false",
    ),
    (
        "arithmetic",
        "What a sum or product of numbers that is left to be worked out is, such as 3+9 for 12. \"accept\": as good as \
         its value, but for plain text, where it may be the question; \"reject\": no answer, unless the reference is one too. Fractions, powers, roots and scientific \
         notation are finished in any case.",
        "\"accept\"",
    ),
    (
        "partial",
        "Whether an answer that is right in part earns its share. Of a reference with labelled parts, (1) 5; (2) 7, the \
         share of the parts that are right; of a list or set, the items on both sides among those on the longer one. Else \
         only the whole counts.",
        "false",
    ),
];

impl Options {
    /// Reads the parameters from a JSON object (or `null` for none).
    pub fn from_json(params: &Value) -> Result<Self, String> {
        let mut options = Self::default();
        let map = match params {
            Value::Null => return Ok(options),
            Value::Object(map) => map,
            _ => return Err("the parameters have to be a JSON object".into()),
        };
        for (name, value) in map {
            match name.as_str() {
                "extract" => {
                    options.extract = one_of(
                        name,
                        value,
                        &[
                            ("auto", Extract::Auto),
                            ("answer", Extract::Answer),
                            ("boxed", Extract::Boxed),
                            ("text", Extract::Text),
                            ("last", Extract::Last),
                        ],
                    )?;
                }
                "format" => {
                    options.format = one_of(
                        name,
                        value,
                        &[
                            ("answer", Format::Answer),
                            ("boxed", Format::Boxed),
                            ("none", Format::None),
                        ],
                    )?;
                }
                "format_weight" => {
                    options.format_weight = value
                        .as_f64()
                        .filter(|w| (0.0..=1.0).contains(w))
                        .ok_or_else(|| {
                            format!(
                                "parameter `format_weight` is {value}; it has to be from 0 to 1"
                            )
                        })?;
                }
                "percent" => {
                    options.percent = one_of(
                        name,
                        value,
                        &[
                            ("auto", PercentRule::Auto),
                            ("value", PercentRule::Value),
                            ("strip", PercentRule::Strip),
                            ("either", PercentRule::Either),
                        ],
                    )?;
                }
                "units" => {
                    options.units = one_of(
                        name,
                        value,
                        &[
                            ("compare", UnitRule::Compare),
                            ("strict", UnitRule::Strict),
                            ("ignore", UnitRule::Ignore),
                            ("convert", UnitRule::Convert),
                        ],
                    )?;
                }
                "tolerance" => {
                    options.tolerance = fraction(name, value)?;
                }
                "decimals" => {
                    options.decimals = count(name, value)?;
                }
                "arithmetic" => {
                    options.arithmetic = one_of(
                        name,
                        value,
                        &[
                            ("accept", Arithmetic::Accept),
                            ("reject", Arithmetic::Reject),
                        ],
                    )?;
                }
                "partial" => options.partial = flag(name, value)?,
                "ordered" => options.ordered = flag(name, value)?,
                _ => {
                    return Err(format!(
                        "unknown parameter `{name}`; did you mean `{}`?",
                        nearest(name)
                    ));
                }
            }
        }
        Ok(options)
    }
}

fn fraction(name: &str, value: &Value) -> Result<Rational, String> {
    let number = match value {
        Value::Number(number) => Rational::parse(&number.to_string()),
        Value::String(text) => Rational::parse(text),
        _ => None,
    };
    number.filter(|t| !t.is_negative()).ok_or_else(|| {
        format!("parameter `{name}` is {value}; it has to be a number of 0 or more, or such as \"1/100\"")
    })
}

fn count(name: &str, value: &Value) -> Result<u32, String> {
    let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
    number.filter(|n| *n <= MAX_DECIMALS).ok_or_else(|| {
        format!(
            "parameter `{name}` is {value}; it has to be a whole number from 0 to {MAX_DECIMALS}"
        )
    })
}

fn flag(name: &str, value: &Value) -> Result<bool, String> {
    let wrong = || format!("parameter `{name}` is {value}; it has to be true or false");
    value.as_bool().ok_or_else(wrong)
}

fn one_of<T: Copy>(name: &str, value: &Value, choices: &[(&str, T)]) -> Result<T, String> {
    let found = value
        .as_str()
        .and_then(|v| choices.iter().find(|(choice, _)| *choice == v));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices
            .iter()
            .map(|(choice, _)| format!("\"{choice}\""))
            .collect();
        format!(
            "parameter `{name}` is {value}; it has to be one of {}",
            names.join(", ")
        )
    })
}

/// The known parameter whose name takes the fewest changes.
fn nearest(name: &str) -> &'static str {
    let short: String = name.chars().take(40).collect();
    PARAMS
        .iter()
        .map(|(known, ..)| *known)
        .min_by_key(|known| edits(&short, known))
        .unwrap_or("extract")
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (corner + usize::from(x != *y))
                .min(above + 1)
                .min(row[j] + 1);
            corner = above;
        }
    }
    row[b.len()]
}
