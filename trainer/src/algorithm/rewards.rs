//! From scores of samples to rewards of tokens.

use crate::{Error, Result};

use super::names::check_len;
use super::rows::Rows;

/// Puts each row's score on its tokens.
///
/// `totals` holds the whole score of each row; `steps` the part of it that belongs to earlier
/// places, as (token, value) with the token counted from the start of the row: the token that
/// holds the step's end. Each step's value goes to its token and `total − Σ steps` to the last
/// trained token, so the tokens of a row sum to its total. Estimators over whole sequences sum
/// the tokens, token-wise ones use them in place. A row without a trained token gets nothing; a row
/// that the step will leave out may have any total, also one that is not a number.
///
/// # Errors
/// If lengths disagree, or a step lies on a token that is outside its row or is not trained.
pub fn place_rewards(totals: &[f64], steps: &[Vec<(usize, f64)>], rows: &Rows) -> Result<Vec<f64>> {
    check_len("totals", totals.len(), rows.len(), "rows")?;
    check_len("steps", steps.len(), rows.len(), "rows")?;
    let mut rewards = vec![0.0; rows.tokens()];
    for (row, (&total, steps)) in totals.iter().zip(steps).enumerate() {
        let Some(last) = rows.trained(row).next_back() else {
            continue;
        };
        let range = rows.range(row);
        let mut rest = total;
        for &(token, value) in steps {
            let at = range.start + token;
            if at >= range.end || !rows.mask()[at] {
                return Err(Error::Config(format!(
                    "row {row}: a step reward lies on token {token}, which is not a trained token \
                     of its {} tokens",
                    range.len()
                )));
            }
            rewards[at] += value;
            rest -= value;
        }
        rewards[last] += rest;
    }
    Ok(rewards)
}
