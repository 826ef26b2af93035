//! Judges a response: extraction, comparison with the reference, format.

use crate::params::{Extract, Format, Options};
use crate::{compare, extract, modular, parser, text};
use serde_json::Value;

/// What a response earned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// 1 where the answer is the reference, else 0.
    pub accuracy: f64,
    /// 1 where the response has the asked shape, else 0.
    pub format: f64,
    /// `accuracy * (1 - w) + format * w`.
    pub total: f64,
}

/// The reference can't be read: the data is at fault, and the message says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidReference(pub String);

/// How deep a reference may be nested in JSON.
const MAX_JSON_DEPTH: u32 = 4;
/// How many acceptable answers a reference may list.
const MAX_ALTERNATIVES: usize = 64;

/// Judges `response` against the reference `answer`.
///
/// The reference is a number, a string, `true` or `false`, a list of acceptable answers, or an object with one of
/// the keys `answer`, `ground_truth`, `value`, `any_of`. A string may hold its answer in `<answer>…</answer>`,
/// in `\boxed{…}` or after `####`.
///
/// ```
/// use math::{judge, params::Options};
/// let judgement = judge(r"<think>…</think><answer>\frac{1}{2}</answer>", &"0.5".into(), &Options::default());
/// assert_eq!(judgement.unwrap().accuracy, 1.0);
/// ```
pub fn judge(
    response: &str,
    answer: &Value,
    options: &Options,
) -> Result<Judgement, InvalidReference> {
    let mut references = Vec::new();
    collect(answer, 0, &mut references)?;
    let found = extract::answer(response, options.extract).unwrap_or("");
    let correct = !found.is_empty()
        && references
            .iter()
            .any(|reference| matches(found, reference, options));
    let shaped = match options.format {
        Format::Answer => extract::is_answer_shaped(response),
        Format::Boxed => extract::is_box_shaped(response),
        Format::None => true,
    };
    let (accuracy, format) = (f64::from(u8::from(correct)), f64::from(u8::from(shaped)));
    let w = options.format_weight;
    Ok(Judgement {
        accuracy,
        format,
        total: accuracy * (1.0 - w) + format * w,
    })
}

/// The acceptable answers of a reference.
fn collect(answer: &Value, depth: u32, out: &mut Vec<String>) -> Result<(), InvalidReference> {
    let invalid = |text: &str| Err(InvalidReference(text.into()));
    if depth > MAX_JSON_DEPTH || out.len() >= MAX_ALTERNATIVES {
        return invalid("the reference answer nests too deeply or lists too many alternatives");
    }
    match answer {
        Value::Null => {
            return invalid("there is no reference answer: the row's `answer` is missing or null");
        }
        Value::Bool(value) => out.push(value.to_string()),
        Value::Number(value) => out.push(value.to_string()),
        Value::String(text) => {
            let text =
                if text.contains("####") || text.contains("<answer>") || text.contains("boxed{") {
                    extract::answer(text, Extract::Auto).unwrap_or("")
                } else {
                    extract::opened(text)
                };
            if trimmed(text).is_empty() {
                return invalid(
                    "the reference answer is an empty string, or its box or tag is empty or not closed",
                );
            }
            out.push(text.to_string());
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
                collect(item, depth + 1, out)?;
            }
        }
        Value::Object(map) => {
            let known = ["answer", "ground_truth", "value", "any_of"];
            let Some(inner) = known.iter().find_map(|key| map.get(*key)) else {
                return invalid(
                    "the reference answer is an object without the key `answer`, `ground_truth`, `value` or `any_of`",
                );
            };
            collect(inner, depth + 1, out)?;
        }
    }
    Ok(())
}

/// An answer without what surrounds it on the page.
fn trimmed(answer: &str) -> &str {
    let mut text = answer.trim();
    loop {
        let before = text;
        for (open, close) in [
            ("$$", "$$"),
            ("$", "$"),
            ("\\(", "\\)"),
            ("\\[", "\\]"),
            ("**", "**"),
            ("`", "`"),
        ] {
            if let Some(inner) = text.strip_prefix(open).and_then(|t| t.strip_suffix(close))
                && !inner.contains(open)
            {
                text = inner.trim();
            }
        }
        if let Some(inner) = text.strip_suffix('.')
            && !inner.ends_with('.')
        {
            text = inner.trim_end();
        }
        if text == before {
            return text;
        }
    }
}

/// A dollar sign that stands alone is a currency, in pairs they are marks of LaTeX.
fn priced(text: &str) -> Option<String> {
    let signs = text
        .match_indices('$')
        .filter(|(i, _)| !text[..*i].ends_with('\\'));
    (signs.count() == 1).then(|| text.replacen("\\$", "$", 1).replacen('$', "\\$", 1))
}

/// Is the answer `found` the reference?
fn matches(found: &str, reference: &str, options: &Options) -> bool {
    let (a, b) = (trimmed(found), trimmed(reference));
    if a.is_empty() {
        return false;
    }
    if a == b {
        return true;
    }
    // A reference that is a capital letter, with or without its text, asks for a choice.
    if let Some(letter) = text::choice(b).filter(|_| b.contains(|c: char| c.is_ascii_uppercase()))
        && let Some(chosen) = text::choice(a)
    {
        return chosen == letter;
    }
    if let (Some(x), Some(y)) = (text::boolean(a), text::boolean(b)) {
        return x == y;
    }
    let (a, b) = (
        priced(a).unwrap_or_else(|| a.into()),
        priced(b).unwrap_or_else(|| b.into()),
    );
    match (parser::parse(&a), parser::parse(&b)) {
        (Ok(x), Ok(y)) => compare::equal(&x, &y, options, modular::seed(&a, &b)),
        (Ok(x), Err(_)) => parser::parse_letters(&b)
            .is_ok_and(|y| compare::equal(&x, &y, options, modular::seed(&a, &b))),
        (Err(_), Ok(y)) => parser::parse_letters(&a)
            .is_ok_and(|x| compare::equal(&x, &y, options, modular::seed(&a, &b))),
        (Err(_), Err(_)) => {
            let text = text::normal(&a);
            !text.is_empty() && text == text::normal(&b)
        }
    }
}
