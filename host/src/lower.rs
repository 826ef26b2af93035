//! Samples in the form that the engine copies into a guest.

use wasmtime::component::Resource;

use crate::bindings::rlhost::plugin::types as wit;
use crate::{ContentPart, FinishReason, Image, Sample};

/// Calls `body` with the samples as arguments of a call. `groups` holds their group numbers, or nothing
/// where all are 0. Images become handles: their numbers count through the images of all samples in order.
pub(crate) fn with_arguments<T>(
    samples: &[Sample],
    groups: &[u32],
    params: &str,
    body: impl FnOnce(&[wit::Sample<'_>]) -> T,
) -> T {
    // Each kind lies in one list, of which the samples get slices: a call over one short sample, made many
    // thousand times a second, takes two allocations so.
    let messages = || samples.iter().flat_map(|sample| &sample.prompt);
    let parts: Vec<_> = messages()
        .flat_map(|message| message.content.iter().map(part))
        .collect();
    let mut parts = parts.as_slice();
    let messages: Vec<_> = messages()
        .map(|message| wit::MessageParam {
            role: &message.role,
            content: next(&mut parts, message.content.len()),
        })
        .collect();
    let mut messages = messages.as_slice();
    let turns = samples.iter().flat_map(|sample| &sample.response);
    let turns: Vec<_> = turns.map(turn).collect();
    let mut turns = turns.as_slice();
    let images = samples.iter().flat_map(|sample| &sample.images);
    let images: Vec<Resource<Image>> = images
        .zip(0..)
        .map(|(_, number)| Resource::new_own(number))
        .collect();
    let mut images = images.as_slice();
    let arguments: Vec<_> = samples
        .iter()
        .enumerate()
        .map(|(i, sample)| wit::Sample {
            group: groups.get(i).copied().unwrap_or(0),
            prompt: next(&mut messages, sample.prompt.len()),
            response: next(&mut turns, sample.response.len()),
            answer: &sample.answer,
            data_source: &sample.data_source,
            problem_type: &sample.problem_type,
            answer_type: &sample.answer_type,
            columns: &sample.columns,
            params,
            images: next(&mut images, sample.images.len()),
        })
        .collect();
    body(&arguments)
}

/// Takes the next `count` elements off a list that has them.
fn next<'a, T>(list: &mut &'a [T], count: usize) -> &'a [T] {
    list.split_off(..count).unwrap_or_default()
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
