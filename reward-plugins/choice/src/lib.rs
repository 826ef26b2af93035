//! The verifier of multiple-choice answers: which letter, or which letters, an answer chooses.
//!
//! [`read`] finds the letters of an answer. A letter counts where it stands alone, where it labels a text (`B) a dog`)
//! or where prose marks it as the choice (`the answer is B`, `(B)`); letters in words and articles never do.

mod chinese;
pub mod letters;
mod prose;
mod said;
mod sentence;
mod words;

use letters::Letters;
use rlhost_plugin::serde_json::Value;
use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::{Answer, Frame};
use rlhost_verifier::fold::fold;
use rlhost_verifier::layout;
use rlhost_verifier::{lines, reference};

/// Answers of more bytes than this choose nothing.
const MAX_BYTES: usize = 4000;

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Choice;

/// The letters that an answer chooses; nothing where that is not clear.
///
/// `options` are the texts of A, B, C, … where they are known: one of them, written out, is its letter, and a label
/// beside another option's text is no answer.
///
/// ```
/// use choice::{letters::Letters, read};
/// let text = |text| read(text, true, &[]).map(|letters| letters.to_string());
/// assert_eq!(text("**B**").as_deref(), Some("B"));
/// assert_eq!(text("I choose (D), the last one.").as_deref(), Some("D"));
/// assert_eq!(text("dog"), None);
/// ```
pub fn read(text: &str, marked: bool, options: &[String]) -> Option<Letters> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let led = letters::plain(layout::plain(text));
    let text = letters::plain(text);
    let chosen = letters::list(&text, marked)
        .or_else(|| letters::labelled(&text, options))
        .or_else(|| letters::written_out(&text, options))
        .or_else(|| letters::written_out(&led, options))
        .or_else(|| said::choice(&text, options))?;
    (options.is_empty() || chosen.last_index() < options.len()).then_some(chosen)
}

/// The end of a text, from a line's start on, that is short enough to be read.
fn tail(text: &str) -> &str {
    let text = text.trim();
    let Some(start) = text.len().checked_sub(MAX_BYTES) else {
        return text;
    };
    let bytes = text.as_bytes();
    let line = bytes[start..].iter().position(|b| *b == b'\n');
    line.map_or("", |at| &text[start + at + 1..])
}

/// The texts of the options, from the column of that name: a list of texts, with or without their labels.
fn options(sample: &Sample, column: &str) -> Result<Vec<String>, Failure> {
    let wrong = || {
        Failure::InvalidReference(format!(
            "the column `{column}` must be a list of 1 to 26 texts, the options"
        ))
    };
    match sample.column(column)? {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) if (1..=26).contains(&items.len()) => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let text = item.as_str().ok_or_else(wrong)?;
                Ok(letters::option_text(&fold(text), index))
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}

impl SampleReward for Choice {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "choice",
            env!("CARGO_PKG_VERSION"),
            "Compares the letter, or the letters, that an answer chooses with the reference. A letter in a word and an \
             answer that chooses several different ones are no choice.",
        ))
        .param(
            "options_column",
            "The row's column with the options' texts, a list. Where a row has it, an option written out counts as its \
             letter, and a letter beside another option's text counts as none.",
            "\"choices\"",
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        let frame = Frame::read(&params, &["options_column"])?;
        let options = options(sample, params.text("options_column", "choices")?)?;
        let mut references = Vec::new();
        let mut texts = Vec::new();
        for text in reference::texts(sample)? {
            references.push(read(&text, true, &options).ok_or_else(|| {
                Failure::InvalidReference(format!(
                    "the reference answer `{text}` is no letter of an option"
                ))
            })?);
            let text = letters::plain(&text);
            texts.extend(letters::labelled_text(&text).map(str::to_owned));
        }
        let response = sample.last_text();
        // Of `(C) 12` the value counts as the letter does.
        let same = |text: &str| {
            let led = letters::plain(layout::plain(text));
            text.len() <= MAX_BYTES && texts.iter().any(|wanted| letters::same_text(&led, wanted))
        };
        let judge = |Answer { text, marked }| match read(text, marked, &options) {
            Some(given) => Some(references.contains(&given)),
            None => Some(true).filter(|_| same(text)),
        };
        let last = |text: &str| text.lines().next_back().is_some_and(same);
        let right = match frame.prose(response) {
            // Without a mark the letter may stand before an explanation, so all is read.
            Some(text) => lines::hashed(text)
                .and_then(|text| {
                    judge(Answer {
                        text,
                        marked: false,
                    })
                })
                .or_else(|| {
                    judge(Answer {
                        text: tail(text),
                        marked: false,
                    })
                })
                .or_else(|| Some(last(text.trim_end()))),
            None => frame.answer(response).and_then(judge),
        };
        let right = right.unwrap_or(false);
        Ok(frame.verdict(response, f64::from(u8::from(right))))
    }
}

#[cfg(feature = "component")]
rlhost_plugin::export_reward!(Choice);
