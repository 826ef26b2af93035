//! Judged completions as rows of a run's rollouts.

use super::prompts::Drawn;
use super::rewards::messages;
use crate::Result;
use crate::rollout::Completion;
use crate::run::RolloutRow;
use rlhost_host::{Judgement, Record};

/// One row for each completion, group by group. `advantage` is asked by the number of the row.
pub(super) fn rollout_rows(
    step: u64,
    drawn: &[Drawn<'_>],
    responses: &[Vec<(String, &Completion)>],
    judgements: Vec<Vec<Judgement>>,
    advantage: impl Fn(usize) -> Option<f64>,
) -> Result<Vec<RolloutRow>> {
    let mut rows = Vec::new();
    for ((drawn, responses), judgements) in drawn.iter().zip(responses).zip(judgements) {
        let mut prompt = RolloutRow::new(step, drawn.index as u64, drawn.draw, 0);
        prompt.prompt.clone_from(&drawn.prompt.text);
        prompt.messages = messages(drawn.row);
        let images = drawn.row.image_paths().iter();
        prompt.images = images.map(|path| path.display().to_string()).collect();
        drawn.row.answer().clone_into(&mut prompt.answer);
        for (field, column) in [
            (&mut prompt.data_source, drawn.row.data_source()),
            (&mut prompt.problem_type, drawn.row.problem_type()),
            (&mut prompt.answer_type, drawn.row.answer_type()),
        ] {
            column.unwrap_or_default().clone_into(field);
        }
        drawn.row.extra().clone_into(&mut prompt.columns);
        for (sample, ((text, completion), judgement)) in (0..).zip(responses.iter().zip(judgements))
        {
            let mut row = prompt.clone();
            row.sample = sample;
            row.response.clone_from(text);
            row.tokens = completion.token_ids.len() as u64;
            completion
                .finish
                .as_str()
                .clone_into(&mut row.finish_reason);
            row.advantage = advantage(rows.len());
            let record = Record::new(row.index, row.draw, sample, judgement);
            rows.push(row.with_record(&record)?);
        }
    }
    Ok(rows)
}
