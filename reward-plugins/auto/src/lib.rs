//! The verifier that chooses another one by the kind of answer that a row names.
//!
//! The others are linked in as libraries, so one component judges a whole mix of data.

use bbox::Bbox;
use boolean::Boolean;
use choice::Choice;
use math::plugin::Math;
use number::Number;
use rlhost_plugin::serde_json::{Map, Value};
use rlhost_plugin::{Failure, Params, PluginInfo, Reward, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::{Frame, MAX_RESPONSE};
use rlhost_verifier::thinking;
use text::Text;

/// The plugin's own parameters.
const OWN: [&str; 3] = ["default", "thinking", "verifiers"];
/// The parameters that all verifiers have.
const SHARED: [&str; 3] = ["extract", "format", "format_weight"];

/// A verifier's `score`.
type Score = fn(&Sample) -> Result<Verdict, Failure>;

/// A kind of answer: its name, the verifier of it, and what it sets of the verifier's parameters.
type Kind = (&'static str, Score, Option<(&'static str, &'static str)>);

/// The kinds of answers that there are verifiers for; the names are those of `LLaVA-OneVision-1.5-RL`'s data.
const KINDS: [Kind; 8] = [
    ("multiple-choice", <Choice as SampleReward>::score, None),
    ("math-expressions", <Math as SampleReward>::score, None),
    ("number", <Number as SampleReward>::score, None),
    ("boolean", <Boolean as SampleReward>::score, None),
    (
        "ocrtext",
        <Text as SampleReward>::score,
        Some(("metric", "anls")),
    ),
    ("bbox", <Bbox as SampleReward>::score, None),
    (
        "critic",
        <Text as SampleReward>::score,
        Some(("metric", "critic")),
    ),
    (
        "any",
        <Text as SampleReward>::score,
        Some(("metric", "any")),
    ),
];
/// The kinds of answers that are known and have no verifier.
const MISSING: [&str; 3] = ["html-code", "svg-code", "general-code"];

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Auto;

/// The kind of that name.
fn kind(name: &str) -> Result<&'static Kind, String> {
    if let Some(kind) = KINDS.iter().find(|(known, ..)| *known == name) {
        return Ok(kind);
    }
    if MISSING.contains(&name) {
        return Err(format!(
            "there is no verifier for answers of the type `{name}`; give such rows a reward of their own, and this one a \
             `when` without them"
        ));
    }
    let known: Vec<_> = KINDS.iter().map(|(known, ..)| *known).collect();
    Err(format!(
        "the answer type `{name}` is none of {}",
        known.join(", ")
    ))
}

/// The verifier of a sample, which gets its own parameters.
fn prepare(sample: &mut Sample) -> Result<(Score, Params), Failure> {
    let params = sample.params_json()?;
    Frame::read(&params, &OWN)?;
    params.choice("thinking", &["any", "box"], "any")?;
    if sample.answer_type.is_empty() {
        check(&params)?;
    }
    let named = match sample.answer_type.as_str() {
        "" => match params.get("default") {
            None | Some(Value::Null) => {
                return Err(Failure::InvalidReference(
                    "the row names no `answer_type`, and the parameter `default` is not set".into(),
                ));
            }
            Some(Value::String(default)) => {
                kind(default)
                    .map_err(|why| Failure::Internal(format!("the parameter `default`: {why}")))?;
                default.clone()
            }
            Some(other) => {
                return Err(Failure::Internal(format!(
                    "the parameter `default` must be an answer type, but it is {other}"
                )));
            }
        },
        named => named.to_owned(),
    };
    verifiers(&params)?;
    // A type that nobody knows is the data's fault; one that has no verifier is no fault of the data.
    let (_, score, preset) = kind(&named).map_err(|why| {
        if MISSING.contains(&named.as_str()) {
            Failure::Internal(why)
        } else {
            Failure::InvalidReference(why)
        }
    })?;
    sample.params = inner(&params, &named, *preset)?;
    Ok((*score, params))
}

/// The parameter `verifiers`: the parameters of verifiers by the type of answer.
fn verifiers(params: &Params) -> Result<Option<&Map<String, Value>>, Failure> {
    match params.get("verifiers") {
        None => Ok(None),
        Some(Value::Object(verifiers)) => {
            for name in verifiers.keys() {
                kind(name).map_err(|why| {
                    Failure::Internal(format!("the parameter `verifiers`: {why}"))
                })?;
            }
            Ok(Some(verifiers))
        }
        Some(other) => Err(Failure::Internal(format!(
            "the parameter `verifiers` must be a table of parameters by answer type, but it is {other}"
        ))),
    }
}

/// Lets each verifier that has parameters of its own look at them, whatever the row is: it judges an empty response.
fn check(params: &Params) -> Result<(), Failure> {
    for name in verifiers(params)?.into_iter().flat_map(Map::keys) {
        let (_, score, preset) = kind(name).map_err(Failure::Internal)?;
        let mut blank = Sample::from_text("", "null");
        blank.params = inner(params, name, *preset)?;
        if let Err(Failure::Internal(why)) = score(&blank) {
            return Err(Failure::Internal(format!(
                "the parameter `verifiers`: {name}: {why}"
            )));
        }
    }
    Ok(())
}

/// The parameters of the verifier for a type of answer.
fn inner(
    params: &Params,
    named: &str,
    preset: Option<(&'static str, &'static str)>,
) -> Result<String, Failure> {
    let own = verifiers(params)?.and_then(|verifiers| verifiers.get(named));
    let mut inner = Map::new();
    for name in SHARED {
        if let Some(value) = params.get(name) {
            inner.insert(name.to_owned(), value.clone());
        }
    }
    if let Some((name, value)) = preset {
        inner.insert(name.to_owned(), Value::from(value));
    }
    match own {
        None => {}
        Some(Value::Object(own)) => inner.extend(own.clone()),
        Some(other) => {
            return Err(Failure::Internal(format!(
                "the parameter `verifiers.{named}` must be a table, but it is {other}"
            )));
        }
    }
    Ok(Value::Object(inner).to_string())
}

/// The verdict where the accuracy counts only together with a box in the thinking.
fn without_box(verdict: Verdict, weight: f64) -> Verdict {
    let format = verdict.parts.iter().find(|(name, _)| name == "format");
    let format = format.map_or(0.0, |(_, value)| *value);
    let mut rest = verdict;
    rest.total = format * weight;
    for (name, value) in &mut rest.parts {
        if name == "accuracy" {
            *value = 0.0;
        }
    }
    rest
}

fn score(mut sample: Sample) -> Result<Verdict, Failure> {
    let (score, params) = prepare(&mut sample)?;
    let verdict = score(&sample)?;
    let response = sample.last_text();
    let needs_box = params.text("thinking", "any")? == "box";
    if !needs_box
        || (response.len() <= MAX_RESPONSE
            && thinking::holds_box(response, thinking::image_size(&sample)))
    {
        return Ok(verdict);
    }
    let inner = sample.params_json()?;
    Ok(without_box(verdict, inner.number("format_weight", 0.0)?))
}

impl Reward for Auto {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "auto",
            env!("CARGO_PKG_VERSION"),
            "Judges an answer by the verifier for the row's answer_type: multiple-choice, math-expressions, number, boolean, \
             ocrtext (ANLS), bbox, critic (equal to the letter), any (equal without case).",
        ))
        .part("iou")
        .param(
            "default",
            "The answer type of rows that name none; without it they are invalid.",
            "null",
        )
        .param(
            "thinking",
            "\"any\", or \"box\": the accuracy counts only where a closed <think>…</think> holds the coordinates of a box, \
             [1, 2, 3, 4].",
            "\"any\"",
        )
        .param(
            "verifiers",
            "Parameters of the verifiers by answer type, such as {\"number\": {\"tolerance\": 0.01}}; they win over \
             `extract`, `format` and `format_weight`.",
            "{}",
        )
    }

    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>> {
        samples.into_iter().map(score).collect()
    }
}

rlhost_plugin::export_reward!(Auto);
