//! Where the answer of a response stands, and how accuracy and format become a verdict.

use rlhost_plugin::{Failure, Params, PluginInfo, Verdict};

use crate::extract::{self, Extract};
use crate::{lines, turn};

/// Names, meanings and defaults of the parameters that all verifiers with a frame have.
pub const PARAMS: [(&str, &str, &str); 3] = [
    (
        "extract",
        "Where the answer is looked for, always after the thinking. \"auto\": the last <answer>…</answer> or balanced \
         \\boxed{…}, whichever ends last, or the last line where there is neither; \"answer\", \"boxed\": only these; \
         \"text\": the last line.",
        "\"auto\"",
    ),
    (
        "format",
        "What earns the part `format`. \"answer\": exactly one <think>…</think>, then exactly one non-empty \
         <answer>…</answer>, and nothing else; \"boxed\": a non-empty box, after the thinking if there are think tags; \
         \"none\": anything.",
        "\"answer\"",
    ),
    (
        "format_weight",
        "Share w of the format, from 0 to 1: total = accuracy * (1 - w) + format * w.",
        "0",
    ),
];

/// Responses of more bytes than this have neither an answer nor a format: each byte costs fuel, and a response that used it
/// up would not be scored 0 but not at all.
pub const MAX_RESPONSE: usize = 1 << 20;

/// Marks of the end of a turn, which some tokenizers leave in the text.
const ENDS: [&str; 5] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "</s>",
];

/// How a response is framed: where its answer stands, and which shape it should have.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    extract: Extract,
    shape: Shape,
    weight: f64,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Answer,
    Boxed,
    None,
}

/// An answer in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The answer without white space around it, never empty.
    pub text: &'a str,
    /// Whether it stood in a tag or a box, and not in plain prose.
    pub marked: bool,
}

impl Frame {
    /// Adds the frame's parts (`accuracy`, `format`) and parameters to a description.
    pub fn describe(info: PluginInfo) -> PluginInfo {
        PARAMS.iter().fold(
            info.part("accuracy").part("format"),
            |info, (name, doc, default)| info.param(name, doc, default),
        )
    }

    /// Reads the frame's parameters, and refuses parameters that are neither its nor one of `own`.
    pub fn read(params: &Params, own: &[&str]) -> Result<Self, Failure> {
        let known: Vec<_> = PARAMS
            .iter()
            .map(|(name, ..)| *name)
            .chain(own.iter().copied())
            .collect();
        params.reject_unknown(&known)?;
        let extract =
            match params.choice("extract", &["auto", "answer", "boxed", "text"], "auto")? {
                "answer" => Extract::Answer,
                "boxed" => Extract::Boxed,
                "text" => Extract::Text,
                _ => Extract::Auto,
            };
        let shape = match params.choice("format", &["answer", "boxed", "none"], "answer")? {
            "boxed" => Shape::Boxed,
            "none" => Shape::None,
            _ => Shape::Answer,
        };
        let weight = fraction(params, "format_weight", 0.0)?;
        Ok(Self {
            extract,
            shape,
            weight,
        })
    }

    /// The answer of a response; nothing where there is none, or what stands beside its mark [voids](crate::marks) it.
    ///
    /// A response of more than [`MAX_RESPONSE`] bytes has none, and what follows a [mark of the next turn](turn) is none.
    /// Only what follows the last `</think>` counts, and a thinking that was never closed has no answer after it.
    pub fn answer<'a>(&self, response: &'a str) -> Option<Answer<'a>> {
        self.find(response, Some, |_| false)
    }

    /// What `read` makes of the answer of a response; nothing where there is none.
    ///
    /// Without a mark the answer is the last line. Lines after it that `mute` says hold no answer at all, and that take
    /// nothing back, such as a courtesy, are no answer. A line that [declares](lines::declared) the answer and has notes after it
    /// takes precedence, where something can be made of it.
    pub fn find<'a, T>(
        &self,
        response: &'a str,
        read: impl Fn(Answer<'a>) -> Option<T>,
        mute: impl Fn(&str) -> bool,
    ) -> Option<T> {
        if response.len() > MAX_RESPONSE {
            return None;
        }
        let text = after_thinking(turn::first(response))?;
        let (found, marked) = match self.extract {
            Extract::Answer | Extract::Boxed => (extract::sound(text, self.extract)?, true),
            Extract::Auto if is_marked(text) => (extract::sound(text, Extract::Auto)?, true),
            Extract::Auto | Extract::Text | Extract::Last => match lines::hashed(text) {
                Some(found) => (found, false),
                None => (lines::last(text, mute)?, false),
            },
        };
        let read = |text| {
            let text = without_ends(text);
            (!text.is_empty()).then_some(())?;
            read(Answer { text, marked })
        };
        // Notes after a line that declares the answer may have numbers of their own.
        let hashed = !marked && lines::hashed(text).is_some();
        let declared = lines::declared(text).filter(|_| !marked && !hashed);
        declared.and_then(&read).or_else(|| read(found))
    }

    /// The answer of a response as a text that is not read further: as [`answer`](Self::answer), but where notes follow a line
    /// that [declares](lines::declared) the answer, it is that line.
    pub fn text<'a>(&self, response: &'a str) -> Option<&'a str> {
        let declared = self
            .prose(response)
            .and_then(|text| match lines::hashed(text) {
                Some(_) => None,
                None => lines::declared(text),
            });
        declared.or_else(|| self.answer(response).map(|answer| answer.text))
    }

    /// Where the answer is looked for without a mark: all that follows the thinking. Nothing where there is a mark.
    pub fn prose<'a>(&self, response: &'a str) -> Option<&'a str> {
        if response.len() > MAX_RESPONSE {
            return None;
        }
        let text = after_thinking(turn::first(response))?;
        let unmarked = match self.extract {
            Extract::Answer | Extract::Boxed => false,
            Extract::Auto => !is_marked(text),
            Extract::Text | Extract::Last => true,
        };
        unmarked.then_some(text)
    }

    /// The verdict on a response whose answer has this accuracy, from 0 to 1.
    pub fn verdict(&self, response: &str, accuracy: f64) -> Verdict {
        let shaped = match self.shape {
            _ if response.len() > MAX_RESPONSE => false,
            Shape::Answer => extract::is_answer_shaped(response),
            Shape::Boxed => extract::is_box_shaped(response),
            Shape::None => true,
        };
        let format = f64::from(u8::from(shaped));
        let w = self.weight;
        Verdict::new(accuracy * (1.0 - w) + format * w)
            .part("accuracy", accuracy)
            .part("format", format)
    }
}

/// A parameter from 0 to 1.
pub fn fraction(params: &Params, name: &str, default: f64) -> Result<f64, Failure> {
    let value = params.number(name, default)?;
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(Failure::Internal(format!(
        "the parameter `{name}` must be from 0 to 1, but it is {value}"
    )))
}

/// What follows the thinking; nothing where the thinking never ends.
pub fn after_thinking(response: &str) -> Option<&str> {
    let text = response
        .rsplit_once("</think>")
        .map_or(response, |(_, tail)| tail);
    (!text.contains("<think>")).then_some(text)
}

/// Whether a text has a mark of an answer, be it a broken one.
fn is_marked(text: &str) -> bool {
    ["<answer>", "</answer>", "\\boxed", "\\fbox"]
        .iter()
        .any(|mark| text.contains(mark))
}

/// `text` without marks of the end of a turn, and without white space around it.
pub fn without_ends(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(rest) = ENDS.iter().find_map(|end| text.strip_suffix(end)) {
        text = rest.trim_end();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn frame(params: &str) -> Frame {
        Frame::read(&Params::parse(params).unwrap(), &[]).unwrap()
    }

    #[test]
    fn the_answer_stands_after_the_thinking() {
        let cases = [
            ("<answer>5</answer>", Some(("5", true))),
            ("<answer>4</answer><answer> 5 </answer>", Some(("5", true))),
            ("\\boxed{4} so <answer>5</answer>", Some(("5", true))),
            ("<answer>\\boxed{5}</answer>", Some(("5", true))),
            ("<think><answer>4</answer></think>5", Some(("5", false))),
            ("<think><answer>5</answer>", None),
            ("<think>5", None),
            ("<answer>5", None),
            ("5</answer>", None),
            ("\\boxed{5", None),
            ("<answer> </answer>", None),
            ("It is\n\n5\n\n", Some(("5", false))),
            ("so\n#### 5<|im_end|>", Some(("5", false))),
            ("<answer>5</answer></think>", None),
            ("", None),
        ];
        for (response, expected) in cases {
            let answer = frame("{}").answer(response);
            assert_eq!(answer.map(|a| (a.text, a.marked)), expected, "{response}");
        }
    }

    #[test]
    fn the_parameters_say_where_and_how() {
        let both = "<answer>1</answer> \\boxed{2}\n3";
        let text = |params| frame(params).answer(both).map(|a| a.text);
        assert_eq!(text(r#"{"extract": "answer"}"#), Some("1"));
        assert_eq!(text(r#"{"extract": "boxed"}"#), Some("2"));
        assert_eq!(text(r#"{"extract": "text"}"#), Some("3"));
        let verdict = frame(r#"{"format": "boxed", "format_weight": 0.25}"#).verdict(both, 0.0);
        assert!((verdict.total - 0.25).abs() < 1e-12);
        for wrong in [
            r#"{"format_weight": 2}"#,
            r#"{"extract": "x"}"#,
            r#"{"a": 1}"#,
        ] {
            assert!(Frame::read(&Params::parse(wrong).unwrap(), &[]).is_err());
        }
    }
}
