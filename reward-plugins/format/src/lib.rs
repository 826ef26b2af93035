//! Checks the shape of a response, and nothing of what it says.
//!
//! A shape is a [`Grammar`] over tags, such as `think answer`, a box after the thinking, a box of coordinates in it, or JSON
//! as a [`Schema`] says. The thinking of a grammar may hold anything but its own tags.

pub mod grammar;
pub mod schema;

use grammar::Grammar;
use rlhost_plugin::serde_json::{Value, from_str};
use rlhost_plugin::{Failure, Params, PluginInfo, Sample, SampleReward, Verdict, export_reward};
use rlhost_verifier::answer::{MAX_RESPONSE, after_thinking, fraction, without_ends};
use rlhost_verifier::json::{self, Dialect};
use rlhost_verifier::{extract, thinking};
use schema::Schema;

/// The plugin's own parameters.
const OWN: [&str; 6] = [
    "shape",
    "tags",
    "outside",
    "max_answer_share",
    "schema",
    "schema_column",
];
/// The shapes.
const SHAPES: [&str; 7] = [
    "think_answer",
    "answer",
    "think_boxed",
    "boxed",
    "thinking_box",
    "json_schema",
    "tags",
];

/// The plugin. Of an episode of several turns, the last one is looked at.
pub struct Format;

/// Whether a response is one closed `<think>…</think>` and then text with exactly one box, not empty.
fn is_think_boxed(response: &str) -> bool {
    let count = |tag| response.matches(tag).count();
    let boxes = count("\\boxed{") + count("\\fbox{");
    count("<think>") == 1
        && count("</think>") == 1
        && boxes == 1
        && extract::is_box_shaped(response)
}

/// The schema of a sample: the parameter `schema`, or what stands in the column that `schema_column` names, each as JSON or
/// as a text of it.
fn schema_of(sample: &Sample, params: &Params) -> Result<Value, Failure> {
    let column = params.text("schema_column", "")?;
    let given = params.get("schema").filter(|value| !value.is_null());
    let value = match (given, column) {
        (Some(value), "") => value.clone(),
        (None, "") | (Some(_), _) => {
            return Err(Failure::Internal(
                "the shape \"json_schema\" needs one of the parameters `schema` and `schema_column`".into(),
            ));
        }
        (None, column) => sample.column(column)?.unwrap_or(Value::Null),
    };
    match value {
        Value::String(text) => from_str(&text)
            .map_err(|error| wrong_schema(column, &format!("it is no JSON: {error}"))),
        value => Ok(value),
    }
}

/// A schema that can't be read is the fault of the parameters, or of the data where it stands in a column.
fn wrong_schema(column: &str, why: &str) -> Failure {
    match column {
        "" => Failure::Internal(format!("the parameter `schema`: {why}")),
        _ => Failure::InvalidReference(format!("the column `{column}`: {why}")),
    }
}

/// The JSON of a response: what follows the thinking, in the only `<answer>…</answer>` where there is one, in the only fence
/// where there is one. Where it is `strict`, only white space stands around both.
fn document(response: &str, strict: bool) -> Option<Value> {
    let mut text = after_thinking(response)?.trim();
    if text.contains("<answer>") || text.contains("</answer>") {
        let (before, rest) = text.split_once("<answer>")?;
        let (inner, after) = rest.split_once("</answer>")?;
        let alone = before.trim().is_empty() && after.trim().is_empty();
        let once = ![before, inner, after]
            .iter()
            .any(|part| part.contains("<answer>") || part.contains("</answer>"));
        if !once || (strict && !alone) {
            return None;
        }
        text = inner.trim();
    }
    let fenced = text.starts_with("```") && text.ends_with("```");
    if strict && text.contains("```") && !fenced {
        // Perhaps the backticks stand in a text.
        return json::parse(text, Dialect::Strict);
    }
    json::parse(text, Dialect::Strict)
        .or_else(|| json::parse(json::unfenced(text)?, Dialect::Strict))
}

impl SampleReward for Format {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            "format",
            env!("CARGO_PKG_VERSION"),
            "1 where the response has the asked shape, else 0. It says nothing about the answer.",
        )
        .part("format")
        .param(
            "shape",
            "\"think_answer\": one <think>…</think>, then one <answer>…</answer>, neither empty; \"answer\": one \
             <answer>…</answer>; \"think_boxed\": one <think>…</think>, then text with one \\boxed{…}; \"boxed\": at \
             least one balanced box that is not empty; \"thinking_box\": a closed <think>…</think> that holds the coordinates of \
             a box, [1, 2, 3, 4]; \"json_schema\": JSON that `schema` accepts; \"tags\": the grammar of `tags`.",
            "\"think_answer\"",
        )
        .param(
            "tags",
            "For \"tags\": names of tags in their order, each with ?, * or + after it where it is optional or repeated, \
             and groups in round brackets, such as \"think (search result)* answer\".",
            "\"\"",
        )
        .param(
            "outside",
            "What may stand outside of the tags, or around the JSON's tag or fence. \"nothing\": white space only; \
             \"text\": anything but tags of the grammar.",
            "\"nothing\"",
        )
        .param(
            "max_answer_share",
            "The answer (the last tag or box) may be at most this share of the response's bytes, from 0 to 1.",
            "1",
        )
        .param(
            "schema",
            "For \"json_schema\": a JSON Schema of draft 2020-12, as an object or a text of JSON. A keyword that is not \
             known is an error.",
            "null",
        )
        .param(
            "schema_column",
            "For \"json_schema\": the row's column that holds the schema instead.",
            "\"\"",
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        params.reject_unknown(&OWN)?;
        let shape = params.choice("shape", &SHAPES, "think_answer")?;
        let strict = params.choice("outside", &["nothing", "text"], "nothing")? == "nothing";
        let most = fraction(&params, "max_answer_share", 1.0)?;
        let tags = params.text("tags", "")?;
        if tags.is_empty() == (shape == "tags") {
            return Err(Failure::Internal(
                "the parameter `tags` belongs to the shape \"tags\", and this shape needs it"
                    .into(),
            ));
        }
        let column = params.text("schema_column", "")?;
        let has_schema =
            params.get("schema").is_some_and(|value| !value.is_null()) || !column.is_empty();
        if has_schema && shape != "json_schema" {
            return Err(Failure::Internal(
                "the parameters `schema` and `schema_column` belong to the shape \"json_schema\""
                    .into(),
            ));
        }
        let schema = match shape {
            "json_schema" => Some(schema_of(sample, &params)?),
            _ => None,
        };
        let schema = match &schema {
            Some(value) => Some(Schema::new(value).map_err(|why| wrong_schema(column, &why))?),
            None => None,
        };
        let response = without_ends(sample.last_text());
        let holds = match shape {
            _ if response.len() > MAX_RESPONSE => false,
            "think_boxed" => is_think_boxed(response),
            "boxed" => extract::is_box_shaped(response),
            "thinking_box" => thinking::holds_box(response, thinking::image_size(sample)),
            "json_schema" => match (&schema, document(response, strict)) {
                // What takes too many steps to judge is not what was asked for.
                (Some(schema), Some(value)) => schema.accepts(&value) == Ok(true),
                _ => false,
            },
            _ => {
                let grammar = match shape {
                    "think_answer" => "think answer",
                    "answer" => "answer",
                    _ => tags,
                };
                let grammar = Grammar::parse(grammar).map_err(Failure::Internal)?;
                grammar.accepts(response, strict)
            }
        };
        let fits = || {
            let answer = extract::marked(response).unwrap_or("").len() as f64;
            answer <= most * response.len() as f64
        };
        let format = f64::from(u8::from(holds && (most >= 1.0 || fits())));
        Ok(Verdict::new(format).part("format", format))
    }
}

export_reward!(Format);
