//! Checks what goes into an algorithm and what it answers.

use std::collections::BTreeMap;

use crate::bindings::algorithm::exports::rlhost::plugin::objective as wit;
use crate::names::{MAX_NAMES, check_name};

use super::types::{AdvantageInput, Advantages, AlgorithmFault, LossInput, LossOutput, Rows};

/// Row boundaries and mask as the contract has them.
pub(super) fn lower_rows(rows: Rows<'_>) -> Result<(Vec<u32>, Vec<u8>), AlgorithmFault> {
    let tokens = rows.mask.len();
    let ordered = rows.offsets.windows(2).all(|pair| pair[0] <= pair[1]);
    if rows.offsets.first() != Some(&0) || rows.offsets.last() != Some(&tokens) || !ordered {
        return Err(AlgorithmFault::Input(format!(
            "row offsets must rise from 0 to the {tokens} tokens of the mask"
        )));
    }
    let offsets = rows.offsets.iter().map(|offset| u32::try_from(*offset));
    let offsets = offsets.collect::<Result<_, _>>().map_err(|_| {
        AlgorithmFault::Input(format!(
            "{tokens} tokens are more than a component can address"
        ))
    })?;
    Ok((offsets, bytes(rows.mask)))
}

/// Flags as bytes, which cross the boundary in one piece.
pub(super) fn bytes(flags: &[bool]) -> Vec<u8> {
    flags.iter().map(|flag| u8::from(*flag)).collect()
}

fn lengths(arrays: &[(&str, Option<usize>, usize)]) -> Result<(), AlgorithmFault> {
    for (what, found, wanted) in arrays {
        if let Some(found) = found.filter(|found| found != wanted) {
            return Err(AlgorithmFault::Input(format!(
                "`{what}` has {found} entries where {wanted} are needed"
            )));
        }
    }
    Ok(())
}

pub(super) fn advantage_input(input: &AdvantageInput<'_>) -> Result<(), AlgorithmFault> {
    let (tokens, rows) = (input.rows.mask.len(), input.rows.len());
    lengths(&[
        ("rewards", Some(input.rewards.len()), tokens),
        ("groups", Some(input.groups.len()), rows),
        ("kept", Some(input.kept.len()), rows),
        ("values", input.values.map(<[_]>::len), tokens),
        ("baselines", input.baselines.map(<[_]>::len), rows),
    ])
}

pub(super) fn loss_input(input: &LossInput<'_>) -> Result<(), AlgorithmFault> {
    let (tokens, rows) = (input.rows.mask.len(), input.rows.len());
    lengths(&[
        ("logp", Some(input.logp.len()), tokens),
        ("old-logp", Some(input.old_logp.len()), tokens),
        ("advantages", Some(input.advantages.len()), tokens),
        ("ref-logp", input.ref_logp.map(<[_]>::len), tokens),
        ("rollout-logp", input.rollout_logp.map(<[_]>::len), tokens),
        ("entropy", input.entropy.map(<[_]>::len), tokens),
        ("prefix-mask", input.prefix_mask.map(<[_]>::len), tokens),
        ("row-scores", input.row_scores.map(<[_]>::len), rows),
        ("target-logp", input.target_logp.map(<[_]>::len), tokens),
    ])
}

/// An answer's array with one number per token: finite where something is trained, made 0 elsewhere.
fn trained(
    what: &'static str,
    mut values: Vec<f64>,
    mask: &[bool],
) -> Result<Vec<f64>, AlgorithmFault> {
    if values.len() != mask.len() {
        return Err(AlgorithmFault::WrongLength {
            what,
            found: values.len(),
            wanted: mask.len(),
        });
    }
    for (token, (value, trained)) in values.iter_mut().zip(mask).enumerate() {
        if !trained {
            *value = 0.0;
        } else if !value.is_finite() {
            return Err(AlgorithmFault::NotFinite {
                what: format!("`{what}` of token {token}"),
                value: *value,
            });
        }
    }
    Ok(values)
}

pub(super) fn advantages(
    answer: wit::Advantages,
    mask: &[bool],
) -> Result<Advantages, AlgorithmFault> {
    Ok(Advantages {
        advantages: trained("advantages", answer.advantages, mask)?,
        returns: trained("returns", answer.returns, mask)?,
    })
}

pub(super) fn loss_output(
    answer: wit::LossOutput,
    mask: &[bool],
) -> Result<LossOutput, AlgorithmFault> {
    let d_logp = trained("d-logp", answer.d_logp, mask)?;
    let d_entropy = answer
        .d_entropy
        .map(|values| trained("d-entropy", values, mask))
        .transpose()?;
    let finite = |what: &str, value: f64| {
        if value.is_finite() {
            return Ok(value);
        }
        Err(AlgorithmFault::NotFinite {
            what: what.to_owned(),
            value,
        })
    };
    let loss = finite("the loss", answer.loss)?;
    if answer.metrics.len() > MAX_NAMES {
        let count = answer.metrics.len();
        return Err(AlgorithmFault::Metrics(format!(
            "{count} of them, which is beyond {MAX_NAMES}"
        )));
    }
    let mut metrics = BTreeMap::new();
    for (name, value) in answer.metrics {
        check_name(&name)
            .map_err(|fault| AlgorithmFault::Metrics(format!("the name of one {fault}")))?;
        let value = finite(&format!("the metric `{name}`"), value)?;
        if metrics.contains_key(&name) {
            return Err(AlgorithmFault::Metrics(format!("`{name}` stands twice")));
        }
        metrics.insert(name, value);
    }
    Ok(LossOutput {
        loss,
        d_logp,
        d_entropy,
        metrics,
    })
}
