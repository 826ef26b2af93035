//! The verifier of yes and no.
//!
//! [`read`] decides by clauses: a clause counts where it is `yes`, `no`, `true` or `false` as a whole, perhaps after
//! `the answer is`. All clauses that count have to agree. So `I do not know` is not no, and `eyes` is not yes.

use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::Frame;
use rlhost_verifier::fold::fold;
use rlhost_verifier::reference;

/// Answers of more bytes than this say nothing.
const MAX_BYTES: usize = 4000;

/// What may stand before the word in its clause.
const LEADS: [&str; 19] = [
    "the answer is",
    "the final answer is",
    "my answer is",
    "my final answer is",
    "answer is",
    "answer",
    "final answer",
    "the correct answer is",
    "so the answer is",
    "thus the answer is",
    "therefore the answer is",
    "the statement is",
    "this statement is",
    "it is",
    "that is",
    "this is",
    "so",
    "thus",
    "therefore",
];

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Boolean;

/// What an answer says; nothing where it says neither, both, or something else.
///
/// ```
/// use boolean::read;
/// assert_eq!(read("**Yes**, it is red."), Some(true));
/// assert_eq!(read("The answer is: False."), Some(false));
/// assert_eq!(read("I do not know"), None);
/// assert_eq!(read("Yes. No."), None);
/// ```
pub fn read(text: &str) -> Option<bool> {
    // Markup in an answer may hide a part of it.
    if text.len() > MAX_BYTES || text.contains(['<', '>']) {
        return None;
    }
    // A long dash ends a clause; folded, it would be a hyphen.
    let mut text = fold(&text.replace(['–', '—'], ",")).to_lowercase();
    for command in ["\\textbf", "\\text", "\\mathrm", "\\mathbf"] {
        text = text.replace(command, "");
    }
    text.retain(|c| !matches!(c, '*' | '_' | '`' | '$' | '{' | '}' | '"'));
    // A colon belongs to the lead before it (`the answer is: yes`).
    let text = text.replace(['(', ')', '[', ']'], ",").replace(':', " ");
    let clauses = text.split(['.', ',', ';', '!', '?', '\n', '。', '、']);
    let mut found = None;
    for clause in clauses.flat_map(|clause| clause.split(" - ")) {
        if let Some(value) = polarity(clause) {
            if found.is_some_and(|found| found != value) {
                return None;
            }
            found = Some(value);
        }
    }
    found
}

/// What a clause says if it is a polarity word as a whole.
fn polarity(clause: &str) -> Option<bool> {
    let words: Vec<&str> = clause.split_whitespace().collect();
    let (last, lead) = words.split_last()?;
    if !lead.is_empty() && !LEADS.contains(&lead.join(" ").as_str()) {
        return None;
    }
    match last.trim_matches('\'') {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

impl SampleReward for Boolean {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "boolean",
            env!("CARGO_PKG_VERSION"),
            "Compares yes or no, true or false, with the reference. An answer that says neither, or both, is wrong.",
        ))
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let frame = Frame::read(&sample.params_json()?, &[])?;
        let mut references = Vec::new();
        for text in reference::texts(sample)? {
            references.push(read(&text).ok_or_else(|| {
                Failure::InvalidReference(format!(
                    "the reference answer `{text}` is none of yes, no, true and false"
                ))
            })?);
        }
        let response = sample.last_text();
        let right = frame
            .answer(response)
            .and_then(|answer| read(answer.text))
            .is_some_and(|given| references.contains(&given));
        Ok(frame.verdict(response, f64::from(u8::from(right))))
    }
}

#[cfg(feature = "component")]
rlhost_plugin::export_reward!(Boolean);
