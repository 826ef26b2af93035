//! The verifier of texts: equality in three degrees, token F1, and ANLS for what was read from a picture.
//!
//! Each measure is a function of its own in [`measures`]; the best of all acceptable answers counts.

pub mod distance;
pub mod measures;

use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::{Frame, fraction};
use rlhost_verifier::layout;
use rlhost_verifier::reference;

/// The plugin's own parameters.
const OWN: [&str; 2] = ["metric", "threshold"];
/// References of more characters than this are refused; answers of more than twice as many score 0.
pub const MAX_CHARS: usize = 4096;

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Text;

impl SampleReward for Text {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "text",
            env!("CARGO_PKG_VERSION"),
            "Compares a text with the reference: equal to the letter, equal without case or without articles and \
             punctuation, by token F1, or by edit distance (ANLS).",
        ))
        .param(
            "metric",
            "\"critic\": equal to the letter; \"any\": equal without case, extra white space and the stop at the end; \"exact\": also without \
             a, an, the and punctuation that distinguishes nothing; \"f1\": F1 over SQuAD's words; \"anls\": 1 - edit \
             distance / longer length, without case and extra white space. All but \"f1\" look through layout and a lead \
             such as `The answer is`, \"f1\" through layout.",
            "\"any\"",
        )
        .param(
            "threshold",
            "A score of \"f1\" below this is 0, and one of \"anls\" below it or equal to it, as published; without it 0 for \
             \"f1\" and 0.5 for \"anls\".",
            "null",
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        let frame = Frame::read(&params, &OWN)?;
        let metric = params.choice("metric", &["critic", "any", "exact", "f1", "anls"], "any")?;
        let default = if metric == "anls" { 0.5 } else { 0.0 };
        let threshold = match params.get("threshold") {
            None => default,
            Some(value) if value.is_null() => default,
            Some(_) => fraction(&params, "threshold", default)?,
        };
        let references = reference::texts(sample)?;
        if references
            .iter()
            .any(|text| text.chars().count() > MAX_CHARS)
        {
            return Err(Failure::InvalidReference(format!(
                "the reference answer has more than {MAX_CHARS} characters"
            )));
        }
        let response = sample.last_text();
        let answer = frame.text(response);
        let short = |text: &&str| text.chars().nth(2 * MAX_CHARS).is_none();
        let accuracy = answer.filter(short).map_or(0.0, |answer| {
            let score = |answer: &str| {
                let one = |reference: &String| match metric {
                    "critic" => equal(measures::critic(answer, reference)),
                    "exact" => equal(measures::exact(answer, reference)),
                    "f1" => measures::f1(answer, reference),
                    "anls" => measures::anls(answer, reference),
                    _ => equal(measures::any(answer, reference)),
                };
                references.iter().map(one).fold(0.0, f64::max)
            };
            // F1 counts all words, those of a lead too.
            let plain = if metric == "f1" {
                layout::bare(answer)
            } else {
                layout::plain(answer)
            };
            // A reference may have marks of its own.
            let whole = score(answer);
            if plain == answer.trim() || whole >= 1.0 {
                whole
            } else {
                whole.max(score(plain))
            }
        });
        // As published, a distance of the threshold itself is too far.
        let low =
            accuracy < threshold || (metric == "anls" && accuracy <= threshold && accuracy < 1.0);
        let accuracy = if low { 0.0 } else { accuracy };
        Ok(frame.verdict(response, accuracy))
    }
}

fn equal(equal: bool) -> f64 {
    f64::from(u8::from(equal))
}

#[cfg(feature = "component")]
rlhost_plugin::export_reward!(Text);
