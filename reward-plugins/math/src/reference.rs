//! What a row's `answer` asks for: acceptable answers, or the answers of several parts.

use crate::find::{self, Found};
use crate::matching::trimmed;
use crate::params::Extract;
use crate::{extract, parts};
use serde_json::Value;
use std::borrow::Cow;

/// The reference can't be read: the data is at fault, and the message says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidReference(pub String);

/// How deep a reference may be nested in JSON.
const MAX_JSON_DEPTH: u32 = 4;
/// How many bytes of a list of acceptable answers are looked into.
const MAX_LISTED: usize = 8_000;
/// How many acceptable answers a reference may list.
const MAX_ALTERNATIVES: usize = 64;

/// A reference: one answer, or the answers of several parts with their labels.
pub enum Reference {
    One(String),
    Parts(Vec<(String, String)>),
}

/// The acceptable answers of a row's `answer`.
pub fn read(answer: &Value) -> Result<Vec<Reference>, InvalidReference> {
    let mut references = Vec::new();
    collect(answer, 0, &mut 0, &mut references)?;
    Ok(references)
}

fn collect(
    answer: &Value,
    depth: u32,
    read: &mut usize,
    out: &mut Vec<Reference>,
) -> Result<(), InvalidReference> {
    let invalid = |text: &str| Err(InvalidReference(text.into()));
    if depth > MAX_JSON_DEPTH || out.len() >= MAX_ALTERNATIVES {
        return invalid("the reference answer nests too deeply or lists too many alternatives");
    }
    match answer {
        Value::Null => {
            return invalid("there is no reference answer: the row's `answer` is missing or null");
        }
        Value::Bool(value) => out.push(Reference::One(value.to_string())),
        Value::Number(value) => out.push(Reference::One(value.to_string())),
        Value::String(text) => {
            // A text that is too long to be looked into is itself; so is the rest of a long list.
            *read += text.len();
            if text.len() > find::MAX_TEXT || *read > MAX_LISTED && !out.is_empty() {
                out.push(Reference::One(text.clone()));
                return Ok(());
            }
            let text = &*unescaped(text);
            let joined = match find::answer(text, Extract::Auto) {
                Some(Found::Boxes(boxes)) => Some(boxes.join(", ")),
                Some(Found::Named(boxes)) => Some(assigned(&boxes)),
                _ => None,
            };
            let text = if let Some(joined) = &joined {
                joined
            } else if text.contains("####") || text.contains("<answer>") || text.contains("boxed{")
            {
                extract::answer(text, Extract::Auto).unwrap_or("")
            } else {
                extract::opened(text)
            };
            if trimmed(text).is_empty() {
                return invalid(
                    "the reference answer is an empty string, or its box or tag is empty or not closed",
                );
            }
            out.push(match parts::split(text) {
                Some(parts) => Reference::Parts(parts),
                None => Reference::One(text.to_string()),
            });
        }
        Value::Array(items) if items.is_empty() => {
            return invalid("the reference answer is an empty list");
        }
        Value::Array(items) => {
            for item in items {
                if item.is_array() {
                    return invalid(
                        "the reference answer is a list of lists; write a tuple or matrix as a string, such as \"(1, 2)\"",
                    );
                }
                collect(item, depth + 1, read, out)?;
            }
        }
        Value::Object(map) if map.contains_key("parts") => {
            let wanted = map["parts"].as_array().map_or(&[][..], Vec::as_slice);
            let mut parts = Vec::with_capacity(wanted.len());
            for (i, part) in wanted.iter().enumerate() {
                match part {
                    Value::String(text) if !trimmed(text).is_empty() => {
                        parts.push(((i + 1).to_string(), text.clone()));
                    }
                    Value::Number(number) => parts.push(((i + 1).to_string(), number.to_string())),
                    _ => return invalid("a part of the reference answer is no number and no text"),
                }
            }
            if !(2..=26).contains(&parts.len()) {
                return invalid(
                    "`parts` of the reference answer has to be a list of 2 to 26 answers",
                );
            }
            out.push(Reference::Parts(parts));
        }
        Value::Object(map) => {
            let known = ["answer", "ground_truth", "value", "any_of"];
            let Some(inner) = known.iter().find_map(|key| map.get(*key)) else {
                return invalid(
                    "the reference answer is an object without the key `answer`, `ground_truth`, `value` or `any_of`",
                );
            };
            collect(inner, depth + 1, read, out)?;
        }
    }
    Ok(())
}

/// LaTeX whose backslashes were escaped once too often, as it is meant: `\\\\frac{1}{2}` is `\\frac{1}{2}`.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    const COMMANDS: [&str; 17] = [
        "frac", "dfrac", "sqrt", "left", "right", "text", "boxed", "pi", "cdot", "times", "begin",
        "infty", "pm", "le", "ge", "in", "cup",
    ];
    let runs = || {
        let starts = text
            .match_indices('\\')
            .filter(|(at, _)| !text[..*at].ends_with('\\'));
        starts.map(|(at, _)| {
            let rest = text[at..].trim_start_matches('\\');
            (text.len() - at - rest.len(), rest)
        })
    };
    let doubled = runs().all(|(length, _)| length % 2 == 0);
    let command = runs().any(|(length, rest)| {
        let name = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        length == 2 && COMMANDS.contains(&&rest[..name])
    });
    if doubled && command {
        Cow::Owned(text.replace("\\\\", "\\"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Boxes with names as equations.
pub fn assigned(boxes: &[(&str, &str)]) -> String {
    let all: Vec<String> = boxes
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    all.join(", ")
}
