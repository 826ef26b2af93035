//! Judged completions as rows of a run's rollouts.

use super::prompts::Drawn;
use super::rewards::messages;
use super::trajectory::Trajectory;
use crate::Result;
use crate::run::RolloutRow;
use rlhost_host::Record;

/// The completions of a prompt, numbered from 0; `advantage` is asked by that number.
pub(super) fn rollout_rows(
    step: u64,
    drawn: &Drawn<'_>,
    trajectories: Vec<Trajectory>,
    mut advantage: impl FnMut(u32) -> Option<f64>,
) -> Result<Vec<RolloutRow>> {
    let mut prompt = RolloutRow::new(step, drawn.index as u64, drawn.draw, 0);
    prompt.prompt.clone_from(&drawn.prompt.text);
    prompt.messages = messages(drawn.row);
    prompt.images = drawn
        .row
        .pictures()
        .iter()
        .map(ToString::to_string)
        .collect();
    drawn.row.answer().clone_into(&mut prompt.answer);
    for (field, column) in [
        (&mut prompt.data_source, drawn.row.data_source()),
        (&mut prompt.problem_type, drawn.row.problem_type()),
        (&mut prompt.answer_type, drawn.row.answer_type()),
    ] {
        column.unwrap_or_default().clone_into(field);
    }
    prompt.columns.clone_from(&drawn.columns);
    (0..)
        .zip(trajectories)
        .map(|(sample, trajectory)| {
            let mut row = prompt.clone();
            row.sample = sample;
            row.response = trajectory.text;
            row.tokens = trajectory.completion.token_ids.len() as u64;
            trajectory
                .completion
                .finish
                .as_str()
                .clone_into(&mut row.finish_reason);
            row.origin = trajectory.origin;
            row.prefix_tokens = trajectory.prefix as u64;
            row.advantage = advantage(sample);
            let record = Record::new(row.index, row.draw, sample, trajectory.judgement);
            row.with_record(&record)
        })
        .collect()
}
