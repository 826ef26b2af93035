//! Microseconds of one call on a batch of 512 rows of 4,096 tokens: the built-in GSPO loss and GRPO advantages
//! beside those of a component, and what the component's loss takes of its limits.
//!
//! ```text
//! cargo run --example bench_component -- target/guests/gspo.wasm [CALLS]
//! ```

use std::error::Error;
use std::time::Instant;

use rlhost_host::algorithm::{self as component, Algorithm, AlgorithmRunner};
use rlhost_host::{Host, Limits};
use rlhost_trainer::algorithm::{
    AdvantageConfig, AdvantageInput, AdvantageMethod, LossConfig, LossInput, LossMode, Rows, Totals,
};
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline::objective::{AdvantageObjective, PolicyObjective};
use rlhost_trainer::random::{Domain, Stream};

const ROWS: usize = 512;
const TOKENS: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the path of a component")?;
    let calls: usize = arguments.next().map_or(Ok(7), |text| text.parse())?;
    let host = Host::builder().build()?;
    let config = Config::load(
        None,
        &[
            format!("actor.policy_loss.loss_mode={path}"),
            format!("algorithm.adv_estimator={path}"),
        ],
    )?;
    let loss = LossConfig {
        loss_mode: LossMode::Gspo,
        use_kl_loss: false,
        ..LossConfig::default()
    };
    let estimator = || Ok(AdvantageMethod::Estimator(AdvantageConfig::default()));
    let losses = [
        ("native", PolicyObjective::Native(loss)),
        ("component", PolicyObjective::load(&config, loss, &host)?),
    ];
    let estimators = [
        ("native", AdvantageObjective::Native(estimator()?)),
        (
            "component",
            AdvantageObjective::load(&config, estimator, &host)?,
        ),
    ];

    let column = |kind| -> Vec<f64> {
        let stream = Stream::new(1, Domain::Sampling, kind, 0);
        (0..ROWS * TOKENS)
            .map(|t| stream.uniform(t as u32))
            .collect()
    };
    let rows = Rows::new(
        (0..=ROWS).map(|row| row * TOKENS).collect(),
        column(0).iter().map(|u| *u < 0.9).collect(),
    )?;
    let (logp, old, advantages) = (column(1), column(2), column(3));
    let input = LossInput::new(&rows, &logp, &old, &advantages);
    let totals = Totals::of(&rows, TOKENS);
    for (name, objective) in &losses {
        report("policy_loss", name, calls, || {
            objective.loss(&input, &totals).map(|out| out.loss)
        })?;
    }

    let groups: Vec<u64> = (0..ROWS as u64).map(|row| row / 8).collect();
    let input = AdvantageInput {
        rewards: &column(4),
        rows: &rows,
        groups: &groups,
        kept: &[true; ROWS],
        values: None,
        baselines: None,
    };
    for (name, objective) in &estimators {
        report("advantage", name, calls, || {
            objective
                .advantage(&input, None)
                .map(|out| out.advantages[0])
        })?;
    }

    // What of the limits a call of the component takes.
    let algorithm = Algorithm::load(&host, path.as_str())?;
    let limits = Algorithm::default_limits(&host);
    let batch = component::Rows {
        offsets: rows.offsets(),
        mask: rows.mask(),
    };
    let input = component::LossInput::new(batch, &logp, &old, &advantages);
    let totals = component::Totals {
        tokens: totals.tokens as u64,
        rows: totals.rows as u64,
        ..component::Totals::default()
    };
    let fits = |memory: u64| {
        let limits = Limits { memory, ..limits };
        let runner = AlgorithmRunner::new(&algorithm, &serde_json::Map::new(), limits)?;
        runner.policy_loss(&input, &totals)
    };
    println!(
        "policy_loss  fuel {} of {}",
        fits(limits.memory)?.fuel,
        limits.fuel
    );
    let least = (1..=limits.memory >> 20).find(|mib| fits(mib << 20).is_ok());
    println!(
        "policy_loss  memory {} MiB of {}",
        least.unwrap_or(0),
        limits.memory >> 20
    );
    Ok(())
}

/// The median over some calls after a first one.
fn report(
    function: &str,
    name: &str,
    calls: usize,
    call: impl Fn() -> rlhost_trainer::Result<f64>,
) -> Result<(), Box<dyn Error>> {
    let value = call()?;
    let mut times = Vec::new();
    for _ in 0..calls {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed().as_micros());
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).ok_or("no calls asked for")?;
    println!("{function:<12} {name:<10} {median:>8} µs   ({value:.12})");
    Ok(())
}
