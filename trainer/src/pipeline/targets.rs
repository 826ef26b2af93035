//! Texts of the data that a model is to learn.

use crate::config::Config;
use crate::data::Row;
use crate::processor::Processor;
use crate::{Error, Result};

/// The target text's tokens and the end-of-turn token.
pub(super) fn target_tokens(config: &Config, processor: &Processor, row: &Row) -> Result<Vec<u32>> {
    let stops = processor.tokenizer().eos_ids();
    let stop = stops
        .first()
        .ok_or_else(|| Error::Config("the tokenizer has no end-of-turn token to learn".into()))?;
    let mut tokens = processor.tokenizer().encode(row.target()?)?;
    if tokens.is_empty() {
        return Err(row.error("the target is empty: there is nothing to learn"));
    }
    if let Some(at) = tokens.iter().position(|token| stops.contains(token)) {
        return Err(row.error(format!(
            "the target goes on after an end-of-turn token (token {} of {}), which no completion does; \
             the token at its end is added by itself",
            at + 1,
            tokens.len()
        )));
    }
    tokens.push(*stop);
    let longest = config.data.max_response_length;
    if tokens.len() > longest {
        return Err(row.error(format!(
            "the target has {} tokens, more than data.max_response_length = {longest}",
            tokens.len()
        )));
    }
    Ok(tokens)
}
