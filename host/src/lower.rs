//! Samples in the form that the engine copies into a guest.

use wasmtime::component::Resource;

use crate::bindings::rlhost::plugin::types as wit;
use crate::{ContentPart, FinishReason, Image, Sample};

/// Calls `body` with the samples as arguments of a call. Images become handles: their numbers count
/// through the images of all samples in order.
pub(crate) fn with_arguments<T>(
    samples: &[Sample],
    groups: &[u32],
    params: &str,
    body: impl FnOnce(&[wit::Sample<'_>]) -> T,
) -> T {
    let parts: Vec<Vec<Vec<_>>> = samples
        .iter()
        .map(|s| {
            s.prompt
                .iter()
                .map(|m| m.content.iter().map(part).collect())
                .collect()
        })
        .collect();
    let messages: Vec<Vec<_>> = samples
        .iter()
        .zip(&parts)
        .map(|(sample, parts)| {
            let pairs = sample.prompt.iter().zip(parts);
            let messages = pairs.map(|(message, content)| wit::MessageParam {
                role: &message.role,
                content,
            });
            messages.collect()
        })
        .collect();
    let turns: Vec<Vec<_>> = samples
        .iter()
        .map(|sample| sample.response.iter().map(turn).collect())
        .collect();
    let mut handles = 0u32..;
    let images: Vec<Vec<Resource<Image>>> = samples
        .iter()
        .map(|sample| {
            let handles = handles.by_ref().take(sample.images.len());
            handles.map(Resource::new_own).collect()
        })
        .collect();
    let arguments: Vec<_> = samples
        .iter()
        .enumerate()
        .map(|(i, sample)| wit::Sample {
            group: groups[i],
            prompt: &messages[i],
            response: &turns[i],
            answer: &sample.answer,
            data_source: &sample.data_source,
            problem_type: &sample.problem_type,
            answer_type: &sample.answer_type,
            columns: &sample.columns,
            params,
            images: &images[i],
        })
        .collect();
    body(&arguments)
}

fn part(part: &ContentPart) -> wit::ContentPartParam<'_> {
    match part {
        ContentPart::Text(text) => wit::ContentPartParam::Text(text),
        ContentPart::Image(index) => wit::ContentPartParam::Image(*index),
    }
}

fn turn(turn: &crate::Turn) -> wit::Turn<'_> {
    wit::Turn {
        text: &turn.text,
        finish_reason: match turn.finish_reason {
            FinishReason::Stop => wit::FinishReason::Stop,
            FinishReason::Length => wit::FinishReason::Length,
            FinishReason::Cut => wit::FinishReason::Cut,
        },
        tokens: turn.tokens,
    }
}
