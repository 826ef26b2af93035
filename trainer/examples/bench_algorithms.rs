//! The algorithms' arithmetic, for `cargo xtask bench`: `cargo run --example bench_algorithms -- FOLDER`.
//!
//! FOLDER has a batch that `tests/peers/algorithms.py make` wrote. Answers commands from standard
//! input, one JSON line each:
//!
//! - `cases`: names of what can be run;
//! - `time CASE`: microseconds of one call;
//! - `compare CASE SCALARS`: the largest difference, relative to the largest number, from what
//!   `NumPy` found: scalars by name in a JSON object, arrays in the file `results.f64` in FOLDER.
//!
//! The number of threads is that of rayon (`RAYON_NUM_THREADS`).

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;
use std::{env, fs, io};

use rlhost_trainer::algorithm::{
    AdvantageConfig, AdvantageInput, Advantages, Estimator, KlPenalty, LossConfig, LossInput,
    LossMode, NormalizedConfig, Rows, Totals, ValueInput, ValueLossConfig, advantage, kl_in_reward,
    known_estimators, known_loss_modes, normalized_advantage, policy_loss, value_loss,
};
use serde_json::{Value, json};

/// The allocator of the `rlhost` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Completions of one prompt.
const GROUP: usize = 8;
/// The longest possible row.
const WIDTH: usize = 4096;

type Error = Box<dyn std::error::Error>;

/// What a call returns: numbers by name, and arrays with one number per token.
type Results = (BTreeMap<String, f64>, Vec<Vec<f64>>);

fn main() -> Result<(), Error> {
    let folder = env::args().nth(1).ok_or("usage: bench_algorithms FOLDER")?;
    let batch = Batch::read(Path::new(&folder))?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (command, case) = line.split_once(' ').unwrap_or((&line, ""));
        let reply = match command {
            "cases" => json!(cases()),
            "time" => {
                let start = Instant::now();
                let results = batch.run(case)?;
                let us = start.elapsed().as_secs_f64() * 1e6;
                drop(results);
                json!(us)
            }
            "compare" => {
                let (case, scalars) = case.split_once(" {").ok_or("no scalars")?;
                let theirs = serde_json::from_str(&format!("{{{scalars}"))?;
                let arrays = floats(&Path::new(&folder).join("results.f64"))?;
                json!(difference(&batch.run(case)?, &theirs, &arrays)?)
            }
            other => return Err(format!("unknown command `{other}`").into()),
        };
        println!("{reply}");
        io::stdout().flush()?;
    }
    Ok(())
}

/// Everything that the trainer has a name for, and what goes with it.
fn cases() -> Vec<String> {
    let estimators = known_estimators();
    let advantages = estimators.iter().map(|name| format!("advantage {name}"));
    let modes = known_loss_modes();
    let losses = modes.iter().map(|name| format!("loss {name}"));
    let others = [
        "normalized_advantage",
        "kl_in_reward",
        "loss vanilla, TIS",
        "loss vanilla, KL, entropy",
        "value_loss",
    ];
    let others = others.map(str::to_owned);
    advantages.chain(losses).chain(others).collect()
}

/// A step's arrays.
struct Batch {
    rows: Rows,
    totals: Totals,
    mixed: Totals,
    groups: Vec<u64>,
    kept: Vec<bool>,
    prefix: Vec<bool>,
    arrays: BTreeMap<String, Vec<f64>>,
}

impl Batch {
    fn read(folder: &Path) -> Result<Self, Error> {
        let offsets: Vec<usize> = words(&folder.join("offsets.u64"))?
            .into_iter()
            .map(|word| u64::from_le_bytes(word) as usize)
            .collect();
        let tokens = *offsets.last().ok_or("no offsets")?;
        let rows = Rows::new(offsets, vec![true; tokens])?;
        let mut arrays = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "f64") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                arrays.insert(name.into_owned(), floats(&path)?);
            }
        }
        let prefix: Vec<bool> = arrays["prefix"].iter().map(|x| *x != 0.0).collect();
        Ok(Self {
            totals: Totals::of(&rows, WIDTH),
            mixed: Totals::mixed(&rows, &prefix, WIDTH)?,
            groups: (0..rows.len()).map(|row| (row / GROUP) as u64).collect(),
            kept: vec![true; rows.len()],
            prefix,
            rows,
            arrays,
        })
    }

    fn array(&self, name: &str) -> &[f64] {
        &self.arrays[name]
    }

    /// One call. What is not said here has its default.
    fn run(&self, case: &str) -> Result<Results, Error> {
        if let Some(name) = case.strip_prefix("advantage ") {
            return self.advantage(name.parse()?);
        }
        if let Some(name) = case.strip_prefix("loss ") {
            return self.loss(name);
        }
        match case {
            "normalized_advantage" => {
                let input = self.advantage_input(None, None);
                let found = normalized_advantage(&input, &NormalizedConfig::default())?;
                Ok(advantage_results(found))
            }
            "kl_in_reward" => {
                let found = kl_in_reward(
                    self.array("rewards"),
                    self.array("old_logp"),
                    self.array("ref_logp"),
                    &self.rows,
                    KlPenalty::K3,
                    0.001,
                )?;
                let scalars = [("kl".to_owned(), found.kl)].into();
                Ok((scalars, vec![found.rewards]))
            }
            "value_loss" => {
                let input = ValueInput {
                    rows: &self.rows,
                    values: self.array("values"),
                    old_values: self.array("old_values"),
                    returns: self.array("returns"),
                };
                let found = value_loss(&input, &self.totals, &ValueLossConfig::default())?;
                let mut scalars = found.metrics;
                scalars.insert("loss".to_owned(), found.loss);
                Ok((scalars, vec![found.d_values]))
            }
            _ => Err(format!("unknown case `{case}`").into()),
        }
    }

    fn advantage_input<'a>(
        &'a self,
        values: Option<&'a [f64]>,
        baselines: Option<&'a [f64]>,
    ) -> AdvantageInput<'a> {
        AdvantageInput {
            rewards: self.array("rewards"),
            rows: &self.rows,
            groups: &self.groups,
            kept: &self.kept,
            values,
            baselines,
        }
    }

    fn advantage(&self, estimator: Estimator) -> Result<Results, Error> {
        let input = self.advantage_input(
            (estimator == Estimator::Gae).then(|| self.array("values")),
            (estimator == Estimator::Remax).then(|| self.array("baselines")),
        );
        let config = AdvantageConfig {
            estimator,
            gamma: 0.99,
            lam: 0.95,
            ..AdvantageConfig::default()
        };
        Ok(advantage_results(advantage(&input, &config)?))
    }

    fn loss(&self, name: &str) -> Result<Results, Error> {
        let mut input = LossInput::new(
            &self.rows,
            self.array("logp"),
            self.array("old_logp"),
            self.array("advantages"),
        );
        let (mode, with) = name.split_once(", ").unwrap_or((name, ""));
        let mut config = LossConfig {
            loss_mode: mode.parse()?,
            use_kl_loss: false,
            // Fewer tokens than are to be left out are between these: the choice leaves no chance.
            clip_cov_lb: 8.0,
            clip_cov_ub: 60.0,
            ..LossConfig::default()
        };
        match with {
            "TIS" => {
                input.rollout_logp = Some(self.array("rollout_logp"));
                config.tis_imp_ratio_cap = Some(2.0);
            }
            "KL, entropy" => {
                input.ref_logp = Some(self.array("ref_logp"));
                input.entropy = Some(self.array("entropy"));
                config.use_kl_loss = true;
                config.entropy_coeff = 0.01;
            }
            _ => {}
        }
        let mut totals = &self.totals;
        if config.loss_mode.mixes() {
            input.prefix_mask = Some(&self.prefix);
            totals = &self.mixed;
        }
        if config.loss_mode == LossMode::Srft {
            input.row_scores = Some(self.array("row_scores"));
            input.entropy = Some(self.array("entropy"));
        }
        let found = policy_loss(&input, totals, &config)?;
        let mut scalars = found.metrics;
        scalars.insert("loss".to_owned(), found.loss);
        let arrays = [Some(found.d_logp), found.d_entropy];
        Ok((scalars, arrays.into_iter().flatten().collect()))
    }
}

fn advantage_results(found: Advantages) -> Results {
    (BTreeMap::new(), vec![found.advantages, found.returns])
}

/// The largest difference of scalars and of arrays, each relative to the larger of the two
/// numbers or, in an array, to its largest number.
fn difference(
    (scalars, arrays): &Results,
    theirs: &BTreeMap<String, f64>,
    their_arrays: &[f64],
) -> Result<Value, Error> {
    if !scalars.keys().eq(theirs.keys()) {
        return Err(format!("other scalars: {scalars:?} and {theirs:?}").into());
    }
    if arrays.iter().map(Vec::len).sum::<usize>() != their_arrays.len() {
        return Err("arrays of other lengths".into());
    }
    let relative = |a: f64, b: f64, scale: f64| (a - b).abs() / scale.max(f64::MIN_POSITIVE);
    let pairs = scalars.values().zip(theirs.values());
    let of_scalars = pairs.map(|(a, b)| relative(*a, *b, a.abs().max(b.abs())));
    let mut rest = their_arrays;
    let mut of_arrays = Vec::new();
    for array in arrays {
        let (other, after) = rest.split_at(array.len());
        rest = after;
        let scale = array.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        of_arrays.extend(
            array
                .iter()
                .zip(other)
                .map(|(a, b)| relative(*a, *b, scale)),
        );
    }
    let largest = |all: &mut dyn Iterator<Item = f64>| {
        // A NaN counts as the largest.
        all.fold(0.0, |most: f64, x| if x <= most { most } else { x })
    };
    Ok(json!({
        "scalars": largest(&mut of_scalars.into_iter()),
        "arrays": largest(&mut of_arrays.into_iter()),
    }))
}

fn words(path: &Path) -> Result<Vec<[u8; 8]>, Error> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes.as_chunks().0.to_vec())
}

fn floats(path: &Path) -> Result<Vec<f64>, Error> {
    let words = words(path)?;
    Ok(words.into_iter().map(f64::from_le_bytes).collect())
}
