//! A reward plugin that misbehaves on request: what the sandbox must survive.
//!
//! The parameter `mode` chooses what it does (the list is [`MODES`]). It may be a list too: then the
//! bytes of the response, summed, choose one of it, so that a training run meets several outcomes.
//! With the parameter `when` it only misbehaves where the response contains that text; elsewhere it
//! gives 1 where the response contains the reference answer, else 0.

mod misbehave;

use rlhost_plugin::serde_json::Value;
use rlhost_plugin::{Failure, PluginInfo, Reward, Sample, Verdict, export_reward};

/// What `mode` can be.
pub const MODES: [&str; 17] = [
    "score",
    "steps",
    "pixels",
    "counter",
    "abstain",
    "invalid-reference",
    "internal",
    "echo",
    "escapes",
    "nan",
    "duplicate-part",
    "wrong-count",
    "huge-output",
    "loop",
    "allocate",
    "recurse",
    "trap",
];

/// The plugin.
pub struct Hostile;

impl Reward for Hostile {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            "hostile",
            env!("CARGO_PKG_VERSION"),
            "Misbehaves on request, for tests.",
        )
        .param(
            "mode",
            &format!(
                "What to do, or a list to choose from: {}.",
                MODES.join(", ")
            ),
            "\"score\"",
        )
        .param(
            "when",
            "Misbehave only where the response contains this text.",
            "\"\"",
        )
    }

    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>> {
        let mut results = Vec::new();
        for sample in &samples {
            match mode(sample) {
                Ok(Some(mode)) if mode == "wrong-count" => {}
                Ok(Some(mode)) => results.push(misbehave::act(&mode, sample)),
                Ok(None) => results.push(contains_answer(sample)),
                Err(failure) => results.push(Err(failure)),
            }
        }
        results
    }
}

export_reward!(Hostile);

/// What to do with this sample; `None`: judge it as a well-behaved plugin would.
fn mode(sample: &Sample) -> Result<Option<String>, Failure> {
    let params = sample.params_json()?;
    params.reject_unknown(&["mode", "when"])?;
    if !sample.last_text().contains(params.text("when", "")?) {
        return Ok(None);
    }
    let mode = match params.get("mode") {
        Some(Value::Array(modes)) if !modes.is_empty() => {
            let sum: usize = sample.last_text().bytes().map(usize::from).sum();
            modes[sum % modes.len()].as_str()
        }
        Some(mode) => mode.as_str(),
        None => Some("score"),
    };
    match mode {
        Some(mode) if MODES.contains(&mode) => Ok(Some(mode.to_owned())),
        _ => Err(Failure::Internal(format!(
            "the parameter `mode` must be one of {} or a list of them",
            MODES.join(", ")
        ))),
    }
}

fn contains_answer(sample: &Sample) -> Result<Verdict, Failure> {
    let answer = sample.answer_text()?;
    let accuracy = f64::from(u8::from(sample.last_text().contains(&answer)));
    Ok(Verdict::new(accuracy).part("accuracy", accuracy))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn score(response: &str, params: &str) -> Result<Verdict, Failure> {
        let mut sample = Sample::from_text(response, "12");
        sample.params = params.to_owned();
        Hostile::score(vec![sample]).pop().unwrap()
    }

    #[test]
    fn when_keeps_the_rest_well_behaved() {
        let params = r#"{"mode": "abstain", "when": "7"}"#;
        assert!(matches!(score("7", params), Err(Failure::Abstain(_))));
        assert!((score("it is 12", params).unwrap().total - 1.0).abs() < f64::EPSILON);
        assert!(score("it is 13", params).unwrap().total.abs() < f64::EPSILON);
    }

    #[test]
    fn a_list_is_chosen_from_by_the_response() {
        let params = r#"{"mode": ["abstain", "nan"]}"#;
        assert!(matches!(score("b", params), Err(Failure::Abstain(_))));
        assert!(score("a", params).unwrap().total.is_nan());
    }

    #[test]
    fn unknown_modes_and_parameters_are_refused() {
        for params in [
            r#"{"mode": "sing"}"#,
            r#"{"mode": 3}"#,
            r#"{"moode": "nan"}"#,
        ] {
            assert!(matches!(score("", params), Err(Failure::Internal(_))));
        }
    }

    #[test]
    fn the_wrong_count_is_one_short() {
        let mut sample = Sample::from_text("", "12");
        sample.params = r#"{"mode": "wrong-count"}"#.to_owned();
        assert!(Hostile::score(vec![sample]).is_empty());
    }
}
