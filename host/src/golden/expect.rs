//! What a case expects, and how an answer differs from it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Outcome, Scored, StepReward};

/// What a plugin has to say about a sample. Whatever is absent is not compared.
///
/// ```
/// use rlhost_host::golden::Expectation;
///
/// let expect: Expectation = serde_json::from_str(r#"{"score": 0.5, "parts": {"format": 1}}"#)?;
/// assert_eq!(expect.tolerance, 1e-9);
/// assert!(serde_json::from_str::<Expectation>(r#"{"scor": 0.5}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// What comes of it; [`Outcome::Score`] where the case does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The least score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Parts of the verdict; it may have others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, f64>,
    /// All step rewards, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step>>,
    /// A piece of the message that says why there is no score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The most fuel that the call may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_max: Option<u64>,
    /// How far `score`, `parts` and the values of `steps` may be off, absolutely. Default: 1e-9, which
    /// forgives the last digits of a value worked out by hand and nothing else.
    pub tolerance: f64,
}

impl Default for Expectation {
    fn default() -> Self {
        Self {
            outcome: None,
            score: None,
            min: None,
            max: None,
            parts: BTreeMap::new(),
            steps: None,
            message: None,
            fuel_max: None,
            tolerance: 1e-9,
        }
    }
}

/// A step reward of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Index of the turn.
    pub turn: u32,
    /// UTF-8 offset of the end of the step; the end of the turn where absent.
    #[serde(default)]
    pub end_byte: Option<u64>,
    /// What this step earned.
    pub value: f64,
}

/// One thing in which an answer differs from what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// `outcome`, `score`, `parts.NAME`, `steps`, `message` or `fuel`.
    pub field: String,
    /// What the case asks for.
    pub expected: String,
    /// What the plugin said.
    pub got: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            expected,
            got,
        } = self;
        write!(f, "{field}: expected {expected}, got {got}")
    }
}

impl Expectation {
    /// The outcome that is expected.
    pub fn outcome(&self) -> Outcome {
        self.outcome.unwrap_or(Outcome::Score)
    }

    /// Refuses an expectation that says nothing or that no answer can meet.
    pub(super) fn validate(&self) -> Result<(), String> {
        let fail = |message: &str| Err(message.to_owned());
        let scores = [self.score, self.min, self.max].iter().any(Option::is_some)
            || !self.parts.is_empty()
            || self.steps.is_some();
        let says =
            scores || self.outcome.is_some() || self.message.is_some() || self.fuel_max.is_some();
        if !says {
            return fail(
                "it says nothing; it may have outcome, score, min, max, parts, steps, message, fuel_max",
            );
        }
        let outcome = self.outcome();
        if outcome == Outcome::HostFault {
            return fail("host-fault says nothing about a plugin, so no case can expect it");
        }
        if scores && outcome != Outcome::Score {
            return Err(format!(
                "there is no score, part or step where the outcome is {outcome}"
            ));
        }
        if self.message.is_some() && outcome == Outcome::Score {
            return fail("a verdict has no message; one comes with another `outcome` than score");
        }
        if self.tolerance < 0.0 {
            return fail("`tolerance` must be 0 or more");
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            return Err(format!("`min` = {min} is more than `max` = {max}"));
        }
        Ok(())
    }

    /// How `scored` differs from what is expected; empty where it does not. `fuel` is that of the whole
    /// call, which [`Scored::fuel`] notes on the first sample only.
    pub fn compare(&self, scored: &Scored, fuel: u64) -> Vec<Mismatch> {
        let mut found = Mismatches(Vec::new());
        if scored.outcome == self.outcome() {
            self.compare_verdict(scored, &mut found);
            if let Some(piece) = &self.message {
                let message = scored.message.as_deref().unwrap_or_default();
                if !message.contains(piece) {
                    found.add("message", format!("…{piece}…"), message.to_owned());
                }
            }
        } else {
            // Nothing else can be as expected, and the one difference explains the others.
            let got = match &scored.message {
                Some(message) => format!("{}: {message}", scored.outcome),
                None => scored.outcome.to_string(),
            };
            found.add("outcome", self.outcome().to_string(), got);
        }
        if let Some(max) = self.fuel_max
            && fuel > max
        {
            found.add("fuel", format!("at most {max}"), fuel.to_string());
        }
        found.0
    }

    fn compare_verdict(&self, scored: &Scored, found: &mut Mismatches) {
        let near = |a: f64, b: f64| (a - b).abs() <= self.tolerance;
        if let Some(total) = scored.total {
            if let Some(score) = self.score
                && !near(score, total)
            {
                found.add("score", self.number(score), total.to_string());
            }
            if let Some(min) = self.min
                && total < min
            {
                found.add("score", format!("at least {min}"), total.to_string());
            }
            if let Some(max) = self.max
                && total > max
            {
                found.add("score", format!("at most {max}"), total.to_string());
            }
        }
        for (name, &value) in &self.parts {
            let part = scored.parts.get(name);
            if !part.is_some_and(|&part| near(value, part)) {
                let got = part.map_or("no such part".to_owned(), f64::to_string);
                found.add(&format!("parts.{name}"), self.number(value), got);
            }
        }
        if let Some(steps) = &self.steps {
            let same = |(a, b): (&Step, &StepReward)| {
                (a.turn, a.end_byte) == (b.turn, b.end_byte) && near(a.value, b.value)
            };
            if steps.len() != scored.steps.len() || !steps.iter().zip(&scored.steps).all(same) {
                let got: Vec<Step> = scored.steps.iter().map(Step::from).collect();
                found.add("steps", json(steps), json(&got));
            }
        }
    }

    /// A value with the tolerance, where the case has one of its own.
    fn number(&self, value: f64) -> String {
        if self.tolerance > Self::default().tolerance {
            format!("{value} ± {}", self.tolerance)
        } else {
            value.to_string()
        }
    }
}

/// What is expected, in a few words.
impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if let Some(score) = self.score {
            words.push(self.number(score));
        }
        match (self.min, self.max) {
            (Some(min), Some(max)) => words.push(format!("{min} to {max}")),
            (Some(min), None) => words.push(format!("at least {min}")),
            (None, Some(max)) => words.push(format!("at most {max}")),
            (None, None) => {}
        }
        if words.is_empty() && self.parts.is_empty() && self.steps.is_none() {
            words.push(self.outcome().to_string());
        }
        for (name, &value) in &self.parts {
            words.push(format!("{name} {}", self.number(value)));
        }
        if let Some(steps) = &self.steps {
            words.push(match steps.len() {
                1 => "1 step".to_owned(),
                count => format!("{count} steps"),
            });
        }
        if let Some(max) = self.fuel_max {
            words.push(format!("fuel at most {max}"));
        }
        f.write_str(&words.join(", "))
    }
}

impl From<&StepReward> for Step {
    fn from(step: &StepReward) -> Self {
        let &StepReward {
            turn,
            end_byte,
            value,
        } = step;
        Self {
            turn,
            end_byte,
            value,
        }
    }
}

struct Mismatches(Vec<Mismatch>);

impl Mismatches {
    fn add(&mut self, field: &str, expected: String, got: String) {
        self.0.push(Mismatch {
            field: field.to_owned(),
            expected,
            got,
        });
    }
}

fn json(steps: &[Step]) -> String {
    // Numbers and nothing else: they can be written.
    serde_json::to_string(steps).unwrap_or_default()
}
