//! Checks the shape of a response, and nothing of what it says.
//!
//! A shape is a [`Grammar`] over tags, such as `think answer`, or a box after the thinking. The thinking of a
//! shape without a box may hold anything but the grammar's own tags.

pub mod grammar;

use grammar::Grammar;
use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict, export_reward};
use rlhost_verifier::answer::{MAX_RESPONSE, fraction, without_ends};
use rlhost_verifier::extract;

/// The plugin's own parameters.
const OWN: [&str; 4] = ["shape", "tags", "outside", "max_answer_share"];

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
             least one balanced box that is not empty; \"tags\": the grammar of `tags`.",
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
            "What may stand outside of the tags. \"nothing\": white space only; \"text\": anything but tags of the \
             grammar.",
            "\"nothing\"",
        )
        .param(
            "max_answer_share",
            "The answer (the last tag or box) may be at most this share of the response's bytes, from 0 to 1.",
            "1",
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        params.reject_unknown(&OWN)?;
        let names = ["think_answer", "answer", "think_boxed", "boxed", "tags"];
        let shape = params.choice("shape", &names, "think_answer")?;
        let strict = params.choice("outside", &["nothing", "text"], "nothing")? == "nothing";
        let most = fraction(&params, "max_answer_share", 1.0)?;
        let tags = params.text("tags", "")?;
        if tags.is_empty() == (shape == "tags") {
            return Err(Failure::Internal(
                "the parameter `tags` belongs to the shape \"tags\", and this shape needs it"
                    .into(),
            ));
        }
        let response = without_ends(sample.last_text());
        let holds = match shape {
            _ if response.len() > MAX_RESPONSE => false,
            "think_boxed" => is_think_boxed(response),
            "boxed" => extract::is_box_shaped(response),
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
