//! The share of a list of criteria that a judge finds met: one question for each.

use rlhost_plugin::judge::{Fault, Request, ask};
use rlhost_plugin::serde_json::Value;
use rlhost_plugin::{
    ContentPart, Failure, Message, PluginInfo, Sample, SampleReward, Verdict, export_reward,
};

const INSTRUCTION: &str = "Does the response meet the criterion? Say yes or no, and nothing else.";

struct Rubric;

impl SampleReward for Rubric {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_DESCRIPTION"),
        )
        .part("met")
        .part("criteria")
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let criteria = criteria(&sample.answer_json()?)?;
        let response = sample.last_text();
        let mut met = 0.0;
        for criterion in &criteria {
            // Nothing meets a criterion by saying nothing.
            if !response.trim().is_empty() && is_met(criterion, response)? {
                met += 1.0;
            }
        }
        let count = criteria.len() as f64;
        Ok(Verdict::new(met / count)
            .part("met", met)
            .part("criteria", count))
    }
}

/// The reference: a list of texts, one for each criterion.
fn criteria(answer: &Value) -> Result<Vec<String>, Failure> {
    let list = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Option<Vec<_>> = list
        .iter()
        .map(|it| it.as_str().map(str::to_owned))
        .collect();
    match texts {
        Some(texts) if !texts.is_empty() => Ok(texts),
        _ => Err(Failure::InvalidReference(
            "the reference must be a list of criteria, each a text".to_owned(),
        )),
    }
}

/// What the judge says of one criterion. Where it does not say, the sample abstains: a zero would be learned from.
fn is_met(criterion: &str, response: &str) -> Result<bool, Failure> {
    let text = format!("{INSTRUCTION}\n\nCriterion: {criterion}\n\nResponse: {response}");
    let request = Request {
        messages: vec![Message {
            role: "user".to_owned(),
            content: vec![ContentPart::Text(text)],
        }],
        images: Vec::new(),
        max_tokens: Some(4),
    };
    let said = ask(request).map_err(|fault| {
        Failure::Abstain(match fault {
            Fault::Unavailable(why) | Fault::Rejected(why) => {
                format!("no answer of the judge: {why}")
            }
            Fault::TooManyCalls => "more criteria than the judge may be asked".to_owned(),
        })
    })?;
    match said.trim().trim_end_matches('.').to_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(Failure::Abstain(format!(
            "the judge says neither yes nor no: {said}"
        ))),
    }
}

export_reward!(Rubric);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_reference_is_a_list_of_texts() {
        let sample = Sample::from_text("", r#"["short", "polite"]"#);
        let verdict = Rubric::score(&sample).unwrap();
        assert!(verdict.total.abs() < f64::EPSILON);
        for answer in ["null", "[]", "[1]", "\"short\""] {
            assert!(Rubric::score(&Sample::from_text("x", answer)).is_err());
        }
    }
}
