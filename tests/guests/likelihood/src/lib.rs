//! A policy loss and no advantages, which wants to see whole mini-batches: maximum likelihood of their
//! trained tokens, each as far as it is below the mean.

use rlhost_plugin::algorithm::{
    Algorithm, AlgorithmInfo, LossInput, LossOutput, LossScope, Totals,
};
use rlhost_plugin::{Params, export_algorithm};

struct Likelihood;

impl Algorithm for Likelihood {
    fn describe() -> AlgorithmInfo {
        AlgorithmInfo::new(
            "likelihood",
            env!("CARGO_PKG_VERSION"),
            "Likelihood of the tokens that are below the mean, for tests.",
        )
        .policy_loss(LossScope::Batch)
    }

    fn policy_loss(
        input: &LossInput,
        totals: &Totals,
        _params: &Params,
    ) -> Result<LossOutput, String> {
        let rows = &input.rows;
        let trained: Vec<usize> = (0..rows.len()).flat_map(|row| rows.trained(row)).collect();
        if trained.len() as u64 != totals.tokens {
            return Err("this is not the whole mini-batch".to_owned());
        }
        let count = trained.len().max(1) as f64;
        let mean = trained.iter().map(|&t| input.logp[t]).sum::<f64>() / count;
        let mut out = LossOutput::zero(rows);
        for token in trained {
            if input.logp[token] < mean {
                out.loss -= input.logp[token] / count;
                out.d_logp[token] = -1.0 / count;
            }
        }
        Ok(out)
    }
}

export_algorithm!(Likelihood);
