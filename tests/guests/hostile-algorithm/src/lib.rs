//! An algorithm that misbehaves on request: its parameter `mode` says how.

use rlhost_plugin::algorithm::{
    AdvantageInput, Advantages, Algorithm, AlgorithmInfo, Input, LossInput, LossOutput, LossScope,
    Totals,
};
use rlhost_plugin::{Params, export_algorithm, log};
use std::hint::black_box;

struct Hostile;

impl Algorithm for Hostile {
    fn describe() -> AlgorithmInfo {
        AlgorithmInfo::new(
            "hostile-algorithm",
            env!("CARGO_PKG_VERSION"),
            "Misbehaves on request, for tests.",
        )
        .advantage()
        .policy_loss(LossScope::Row)
        .needs(Input::Entropy)
        .param(
            "mode",
            "What to do: nothing, short, long, nan, infinite-loss, twice, control, refuse, loop, \
             allocate, recurse, trap, log, entropy, counter, huge, taken.",
            "\"nothing\"",
        )
    }

    fn advantage(input: &AdvantageInput, params: &Params) -> Result<Advantages, String> {
        let mode = params.text("mode", "nothing")?;
        let numbers = misbehave(mode, input.rows.tokens())?;
        Ok(Advantages {
            advantages: numbers.clone(),
            returns: vec![0.5; input.rows.tokens()],
        })
    }

    fn policy_loss(
        input: &LossInput,
        _totals: &Totals,
        params: &Params,
    ) -> Result<LossOutput, String> {
        let mode = params.text("mode", "nothing")?;
        let mut out = LossOutput::zero(&input.rows);
        out.d_logp = misbehave(mode, input.rows.tokens())?;
        match mode {
            "infinite-loss" => out.loss = f64::INFINITY,
            "twice" => out = out.metric("a", 1.0).metric("a", 2.0),
            "control" => out = out.metric("a\u{1b}[2J", 1.0),
            "taken" => out = out.metric("grad_norm", 1.0),
            "entropy" => {
                let given = input.entropy.as_ref().ok_or("there are no entropies")?;
                out.loss = given.iter().sum();
                out.d_entropy = Some(vec![2.0; input.rows.tokens()]);
            }
            _ => {}
        }
        if let (Some(_), true) = (&input.ref_logp, mode != "nothing") {
            return Err("there is an array that was not asked for".to_owned());
        }
        Ok(out)
    }
}

export_algorithm!(Hostile);

/// A number per token, or none, or no end.
fn misbehave(mode: &str, tokens: usize) -> Result<Vec<f64>, String> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed);
    let numbers = vec![0.25; tokens];
    Ok(match mode {
        "short" => vec![0.25; tokens.saturating_sub(1)],
        "long" => vec![0.25; tokens + 1],
        "huge" => vec![0.25; tokens + (1 << 20)],
        "nan" => vec![f64::NAN; tokens],
        "refuse" => return Err("I would rather not".to_owned()),
        "loop" => loop {
            black_box(());
        },
        "allocate" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "recurse" => vec![f64::from(deeper(1)); tokens],
        "trap" => panic!("as asked"),
        "log" => {
            log::warn("the ratios look odd");
            numbers
        }
        "counter" => vec![f64::from(calls); tokens],
        _ => numbers,
    })
}

/// Recurses without end. Work is left after the call, so that it can't become a loop, and it needs
/// little of the guest's own stack in memory, so that the engine's stack is what runs out.
#[inline(never)]
#[allow(unconditional_recursion)]
fn deeper(depth: u32) -> u32 {
    deeper(depth.wrapping_mul(3)).rotate_left(depth % 7) ^ depth
}
