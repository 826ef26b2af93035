//! Checks what a guest answers against the contract.

use std::collections::BTreeMap;
use std::fmt;

use crate::bindings::rlhost::plugin::types as wit;
use crate::instance::Failure;
use crate::names::{MAX_NAMES, check_part};
use crate::{Outcome, PluginInfo, Sample, StepReward};

/// A verdict that keeps the contract.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) total: f64,
    pub(crate) parts: BTreeMap<String, f64>,
    pub(crate) steps: Vec<StepReward>,
}

/// The answers of a call over `samples`: one for each, or the same failure for all.
pub(crate) fn check_all(
    answers: Vec<Result<wit::Verdict, wit::Failure>>,
    samples: &[Sample],
    info: &PluginInfo,
) -> Result<Vec<Result<Verdict, Failure>>, Failure> {
    if answers.len() != samples.len() {
        return Err(broken(&format!(
            "{} results for {} samples",
            answers.len(),
            samples.len()
        )));
    }
    let pairs = answers.into_iter().zip(samples);
    Ok(pairs
        .map(|(answer, sample)| check(answer, sample, info))
        .collect())
}

fn check(
    answer: Result<wit::Verdict, wit::Failure>,
    sample: &Sample,
    info: &PluginInfo,
) -> Result<Verdict, Failure> {
    let verdict = answer.map_err(|failure| {
        let (outcome, message) = match failure {
            wit::Failure::InvalidReference(message) => (Outcome::InvalidReference, message),
            wit::Failure::Abstain(message) => (Outcome::Abstain, message),
            wit::Failure::Internal(message) => (Outcome::Internal, message),
        };
        Failure::new(outcome, &message)
    })?;
    check_number(format_args!("the total"), verdict.total)?;
    if verdict.parts.len() > MAX_NAMES {
        return Err(broken(&format!(
            "{} parts, which is beyond {MAX_NAMES}",
            verdict.parts.len()
        )));
    }
    let mut parts = BTreeMap::new();
    for (name, value) in verdict.parts {
        check_part(&name).map_err(|fault| broken(&format!("the name of a part {fault}")))?;
        check_number(format_args!("part `{name}`"), value)?;
        if !info.parts.is_empty() && !info.parts.contains(&name) {
            return Err(broken(&format!(
                "part `{name}` is not among those of `describe`"
            )));
        }
        if parts.contains_key(&name) {
            return Err(broken(&format!("part `{name}` stands twice")));
        }
        parts.insert(name, value);
    }
    let steps = verdict.steps.iter().enumerate();
    let steps = steps.map(|(i, step)| check_step(i, step, sample));
    Ok(Verdict {
        total: verdict.total,
        parts,
        steps: steps.collect::<Result<_, _>>()?,
    })
}

fn check_step(
    index: usize,
    step: &wit::StepReward,
    sample: &Sample,
) -> Result<StepReward, Failure> {
    check_number(format_args!("step {index}"), step.value)?;
    let Some(turn) = sample.response.get(step.turn as usize) else {
        return Err(broken(&format!(
            "step {index} is in turn {}, but the response has {}",
            step.turn,
            sample.response.len()
        )));
    };
    if let Some(end) = step.end_byte {
        let inside = usize::try_from(end).is_ok_and(|end| turn.text.is_char_boundary(end));
        if !inside {
            return Err(broken(&format!(
                "step {index} ends at byte {end} of turn {}, which is no UTF-8 boundary of its {} bytes",
                step.turn,
                turn.text.len()
            )));
        }
    }
    Ok(StepReward {
        turn: step.turn,
        end_byte: step.end_byte,
        value: step.value,
    })
}

/// The largest size of a number in a verdict: sums over a step of such numbers stay finite.
const LARGEST: f64 = 1e30;

fn check_number(what: fmt::Arguments<'_>, value: f64) -> Result<(), Failure> {
    if !value.is_finite() {
        return Err(broken(&format!("{what} is {value}")));
    }
    if value.abs() > LARGEST {
        return Err(broken(&format!(
            "{what} is {value:e}, which is beyond 1e30"
        )));
    }
    Ok(())
}

fn broken(message: &str) -> Failure {
    Failure::new(Outcome::ProtocolError, message)
}
