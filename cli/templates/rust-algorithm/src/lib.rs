//! An algorithm: a policy loss with its gradient.

use rlhost_plugin::algorithm::{
    Algorithm, AlgorithmInfo, LossInput, LossOutput, LossScope, Totals,
};
use rlhost_plugin::{Params, export_algorithm};

struct Plugin;

impl Algorithm for Plugin {
    fn describe() -> AlgorithmInfo {
        AlgorithmInfo::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_DESCRIPTION"),
        )
        .policy_loss(LossScope::Row)
        .param("scale", "Factor of the loss.", "1.0")
    }

    /// The function to edit: −A · logp, the mean over tokens. Advantages of your own come from
    /// `advantage`, and `.advantage()` in `describe`.
    fn policy_loss(
        input: &LossInput,
        totals: &Totals,
        params: &Params,
    ) -> Result<LossOutput, String> {
        // Dividing by the totals, and not by the tokens at hand, makes micro-batches add up.
        let weight = params.number("scale", 1.0)? / totals.tokens.max(1) as f64;
        let mut out = LossOutput::zero(&input.rows);
        for row in 0..input.rows.len() {
            for token in input.rows.trained(row) {
                out.loss -= weight * input.advantages[token] * input.logp[token];
                out.d_logp[token] = -weight * input.advantages[token];
            }
        }
        Ok(out)
    }
}

export_algorithm!(Plugin);

#[cfg(test)]
mod tests {
    use super::*;
    use rlhost_plugin::algorithm::Rows;

    #[test]
    fn a_loss_worked_out_by_hand() {
        let rows = Rows {
            offsets: vec![0, 2],
            mask: vec![1, 1],
        };
        let input = LossInput::new(rows, vec![-0.5, -1.0], vec![-0.5, -1.0], vec![1.0, 1.0]);
        let params = Params::parse("{}").expect("an empty object");
        let out = Plugin::policy_loss(&input, &Totals::of(&input.rows), &params);
        // (0.5 + 1.0) / 2, and -1/2 for each token.
        assert!(out.is_ok_and(|out| out.loss == 0.75 && out.d_logp == [-0.5, -0.5]));
    }
}
