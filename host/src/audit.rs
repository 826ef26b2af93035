//! Audits: is a plugin's answer the same whenever, wherever and beside whatever it is asked?
//!
//! [`plan`] makes up passes over the same samples: on one thread and on several, in order, reversed and
//! shuffled, in calls of different sizes, in this process and in fresh ones. [`audit`] runs them and
//! compares every answer with the first that the sample got: outcome, score, parts, steps, fuel, message
//! and receipt have to be the same, bit for bit.
//!
//! What runs a pass is up to the caller, because only a program can start itself again. A library that
//! audits in its own process leaves the others out:
//!
//! ```no_run
//! use rlhost_host::{Host, Limits, SampleReader, Scorer, audit};
//! use serde_json::Map;
//!
//! # fn main() -> Result<(), rlhost_host::Error> {
//! let samples: Vec<_> = SampleReader::open("samples.jsonl")?.collect::<Result<_, _>>()?;
//! let scorer = |threads| {
//!     let plugin = Host::builder().threads(threads).build()?.load("math")?;
//!     Scorer::new(&plugin, &Map::new(), Limits::default())
//! };
//! let (one, many) = (scorer(1)?, scorer(8)?);
//! let mut passes = audit::plan(one.plugin().info().scope, 20, 8);
//! passes.retain(|pass| pass.process == audit::Process::This);
//! let report = audit::audit(one.plugin().info().scope, &samples, &passes, |pass, samples| {
//!     let scorer = if pass.threads == 1 { &one } else { &many };
//!     Ok::<_, rlhost_host::Error>(scorer.score(samples))
//! })?;
//! assert!(report.is_deterministic());
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::ops::Range;

use crate::{Error, Outcome, Sample, Scope, Scored};

/// One scoring of all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Threads that guests run on.
    pub threads: usize,
    /// In which order the samples are scored.
    pub order: Order,
    /// How many samples (for scope `group`: groups) are handed over at a time; `None`: all.
    pub chunk: Option<usize>,
    /// Where it runs.
    pub process: Process,
}

/// In which order a pass takes the samples; for scope `group` the groups, whose insides stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they stand.
    Given,
    /// From the last to the first.
    Reversed,
    /// Shuffled with this seed.
    Shuffled(u64),
}

/// Where a pass runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// The process that audits.
    This,
    /// One of its own.
    Fresh,
    /// One of its own, which compiles the component anew.
    Recompiled,
}

/// Such as `8 threads, shuffled (seed 3), 64 at a time`.
impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.threads {
            1 => f.write_str("1 thread")?,
            threads => write!(f, "{threads} threads")?,
        }
        match self.order {
            Order::Given => f.write_str(", in order")?,
            Order::Reversed => f.write_str(", reversed")?,
            Order::Shuffled(seed) => write!(f, ", shuffled (seed {seed})")?,
        }
        if let Some(chunk) = self.chunk {
            write!(f, ", {chunk} at a time")?;
        }
        match self.process {
            Process::This => Ok(()),
            Process::Fresh => f.write_str(", in a process of its own"),
            Process::Recompiled => f.write_str(", in a process of its own, compiled anew"),
        }
    }
}

/// Sizes of what is handed over at a time, in turn.
const CHUNKS: [Option<usize>; 5] = [Some(1), None, Some(7), Some(64), Some(1000)];

/// `times` passes, half of them on one thread and half on `threads`. The first two are in order, on one
/// thread and on all; then come a process that compiles anew, the reversed order, and another process;
/// all further ones are shuffled.
///
/// A plugin of scope `batch` sees all samples in order in every pass, and one of scope `group` a group in
/// order: anything else would be another question.
pub fn plan(scope: Scope, times: usize, threads: usize) -> Vec<Pass> {
    let pass = |number: usize| {
        let threads = if number.is_multiple_of(2) { 1 } else { threads };
        let (order, process) = match number {
            2 => (Order::Given, Process::Recompiled),
            3 => (Order::Reversed, Process::This),
            4 => (Order::Given, Process::Fresh),
            0 | 1 => (Order::Given, Process::This),
            _ => (Order::Shuffled(number as u64), Process::This),
        };
        let chunk = match order {
            Order::Shuffled(_) => CHUNKS[number % CHUNKS.len()],
            _ => None,
        };
        if scope == Scope::Batch {
            return Pass {
                threads,
                order: Order::Given,
                chunk: None,
                process,
            };
        }
        Pass {
            threads,
            order,
            chunk,
            process,
        }
    };
    (0..times).map(pass).collect()
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How many passes were made; fewer than planned where one differs.
    pub passes: usize,
    /// How many answers were compared with another.
    pub compared: usize,
    /// Answers that were faults of the host: they say nothing about the plugin.
    pub host_faults: usize,
    /// Samples, by their place, that never got two answers to compare, because of such faults.
    pub unproven: Vec<usize>,
    /// The first difference.
    pub difference: Option<Difference>,
}

impl Report {
    /// Whether every sample was answered the same in all passes.
    pub fn is_deterministic(&self) -> bool {
        self.difference.is_none() && self.unproven.is_empty()
    }
}

/// Two answers to the same sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The sample's place, from 0: the first that differs in this pass.
    pub sample: usize,
    /// How many samples differ in this pass.
    pub samples: usize,
    /// In what they differ, such as `score` or `fuel`.
    pub fields: Vec<&'static str>,
    /// The first answer and its pass.
    pub first: (Pass, Scored),
    /// The answer that differs and its pass.
    pub other: (Pass, Scored),
}

/// Runs `passes` over the samples with `score` and compares; ends with the first pass that differs.
///
/// `score` gets the samples of one hand-over and returns as many results in their order. For a pass in
/// another [`Process`] it gets all samples in order.
///
/// # Errors
/// Those of `score`, and [`Error::Audit`] where it returns another number of results or there is nothing
/// to compare: no sample, or fewer than two passes.
pub fn audit<E: From<Error>>(
    scope: Scope,
    samples: &[Sample],
    passes: &[Pass],
    mut score: impl FnMut(&Pass, &[Sample]) -> Result<Vec<Scored>, E>,
) -> Result<Report, E> {
    if samples.is_empty() {
        return Err(Error::Audit("there is no sample".to_owned()).into());
    }
    if passes.len() < 2 {
        return Err(Error::Audit("it takes two passes to compare".to_owned()).into());
    }
    let units = scope.calls(samples);
    let mut firsts: Vec<First> = vec![First::default(); samples.len()];
    let mut report = Report {
        passes: 0,
        compared: 0,
        host_faults: 0,
        unproven: Vec::new(),
        difference: None,
    };
    for pass in passes {
        let results = run(pass, scope, samples, &units, &mut score)?;
        report.passes += 1;
        for (sample, (result, first)) in results.into_iter().zip(&mut firsts).enumerate() {
            if result.outcome == Outcome::HostFault {
                report.host_faults += 1;
                continue;
            }
            let Some((first_pass, expected)) = &first.answer else {
                first.answer = Some((*pass, result));
                continue;
            };
            first.compared = true;
            report.compared += 1;
            let fields = differing(expected, &result);
            match &mut report.difference {
                _ if fields.is_empty() => {}
                Some(difference) => difference.samples += 1,
                None => {
                    report.difference = Some(Difference {
                        sample,
                        samples: 1,
                        fields,
                        first: (*first_pass, expected.clone()),
                        other: (*pass, result),
                    });
                }
            }
        }
        if report.difference.is_some() {
            return Ok(report);
        }
    }
    let unproven = firsts
        .iter()
        .enumerate()
        .filter(|(_, first)| !first.compared);
    report.unproven = unproven.map(|(sample, _)| sample).collect();
    Ok(report)
}

/// The first answer to a sample, and whether there was another to compare it with.
#[derive(Clone, Default)]
struct First {
    answer: Option<(Pass, Scored)>,
    compared: bool,
}

/// One pass; results stand in the order of the samples.
fn run<E: From<Error>>(
    pass: &Pass,
    scope: Scope,
    samples: &[Sample],
    units: &[Range<usize>],
    score: &mut impl FnMut(&Pass, &[Sample]) -> Result<Vec<Scored>, E>,
) -> Result<Vec<Scored>, E> {
    let order = arranged(units.len(), pass.order);
    let mut results: Vec<Option<Scored>> = vec![None; samples.len()];
    for chunk in order.chunks(pass.chunk.unwrap_or(units.len()).max(1)) {
        let places: Vec<usize> = chunk.iter().flat_map(|&unit| units[unit].clone()).collect();
        let owned;
        let handed = if places.len() == samples.len() && pass.order == Order::Given {
            samples
        } else {
            let copies = chunk.iter().flat_map(|&unit| {
                samples[units[unit].clone()]
                    .iter()
                    .cloned()
                    .map(move |mut sample| {
                        // Groups that have come to stand side by side must not run into one.
                        if scope == Scope::Group {
                            sample.group = unit as u32;
                        }
                        sample
                    })
            });
            owned = copies.collect::<Vec<_>>();
            &owned
        };
        let scored = score(pass, handed)?;
        if scored.len() != places.len() {
            return Err(Error::Audit(format!(
                "{} results for {} samples ({pass})",
                scored.len(),
                places.len()
            ))
            .into());
        }
        for (place, scored) in places.into_iter().zip(scored) {
            results[place] = Some(scored);
        }
    }
    // Every unit is in the order once, so no result is missing.
    Ok(results.into_iter().flatten().collect())
}

/// The numbers from 0 to `count` in this order.
fn arranged(count: usize, order: Order) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    match order {
        Order::Given => {}
        Order::Reversed => numbers.reverse(),
        Order::Shuffled(seed) => shuffle(&mut numbers, seed),
    }
    numbers
}

/// Fisher and Yates' shuffle with `SplitMix64` (Steele, Lea and Flood 2014).
fn shuffle(numbers: &mut [usize], seed: u64) {
    let mut state = seed;
    for last in (1..numbers.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        numbers.swap(last, (z % (last as u64 + 1)) as usize);
    }
}

/// The names of the fields in which two answers differ. Numbers are compared by their bits: 0 is not -0.
fn differing(a: &Scored, b: &Scored) -> Vec<&'static str> {
    let parts = |scored: &Scored| -> Vec<(String, u64)> {
        let parts = scored.parts.iter();
        parts
            .map(|(name, value)| (name.clone(), value.to_bits()))
            .collect()
    };
    let steps = |scored: &Scored| -> Vec<(u32, Option<u64>, u64)> {
        let steps = scored.steps.iter();
        steps
            .map(|step| (step.turn, step.end_byte, step.value.to_bits()))
            .collect()
    };
    let fields = [
        ("outcome", a.outcome != b.outcome),
        (
            "score",
            a.total.map(f64::to_bits) != b.total.map(f64::to_bits),
        ),
        ("parts", parts(a) != parts(b)),
        ("steps", steps(a) != steps(b)),
        ("fuel", a.fuel != b.fuel),
        ("message", a.message != b.message),
        ("log", a.log != b.log),
        ("exchanges", a.exchanges != b.exchanges),
        ("receipt", a.receipt != b.receipt),
    ];
    let fields = fields.into_iter().filter(|(_, differs)| *differs);
    fields.map(|(name, _)| name).collect()
}
