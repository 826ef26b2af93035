//! A run, proven from its folder: what follows from its records is computed again, and the rest is bound by
//! digests.
//!
//! [`replay`] scores every recorded sample with the component that its receipt names and says which
//! records are identical, which changed, and which can't be made again. From the records it computes sums,
//! advantages and metrics again. What does not follow from anything, such as what the policy sampled, is compared
//! with the run's chain of digests ([`Chain`](crate::run::Chain)); what nothing stands for is listed.
//! Which is which stands beside the types: [`RolloutRow::FIELDS`](crate::run::RolloutRow::FIELDS) and
//! [`METRICS`](crate::run::METRICS). [`rescore`] scores the same samples with another plugin and sets old and new
//! side by side.
//!
//! ```no_run
//! use rlhost_host::Host;
//! use rlhost_trainer::pipeline::replay::{ReplayOptions, replay};
//!
//! let run = "runs/quickstart".as_ref();
//! let report = replay(run, Host::builder(), &ReplayOptions::default())?;
//! println!("{} of {} samples are identical", report.identical, report.samples);
//! assert!(report.holds(), "{:?}", report.findings);
//! # Ok::<(), rlhost_trainer::Error>(())
//! ```

mod file;
mod recomputed;
mod recorded;
mod rescore;
mod scorers;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rlhost_host::replay::Replayed;
use rlhost_host::{Digest, HostBuilder};
use serde::Serialize;

use crate::config::Config;
use crate::run::RunFolder;
use crate::{Error, Result};

use recomputed::Arithmetic;
use recorded::{Images, Recorded};
use written::Written;

pub use rescore::{
    Disagreement, Mean, RescoreReport, Rescoring, SideBySide, Transition, Verdict, rescore,
};

/// What is replayed, and how.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// One step and the validation after it; everything by default.
    pub step: Option<u64>,
    /// One reward; all by default.
    pub reward: Option<String>,
    /// The folder that relative image paths start from: the one in which the run was started.
    pub images: PathBuf,
    /// How many findings, or worst disagreements, the report lists.
    pub listed: usize,
    /// The digest that the run must have ([`RunSummary::digest`](crate::run::RunSummary::digest)), if it is known.
    pub digest: Option<Digest>,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            step: None,
            reward: None,
            images: PathBuf::new(),
            listed: 10,
            digest: None,
        }
    }
}

/// What a replay found. A sample counts once, by the worst that was found about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReplayReport {
    /// Samples that the run recorded.
    pub samples: usize,
    /// Samples of which everything is as recorded.
    pub identical: usize,
    /// Samples with records of another engine, of which only that differs which another engine may do otherwise.
    pub other_engine: usize,
    /// Samples of which something is not as recorded.
    pub changed: usize,
    /// Samples that can't be made again.
    pub unreadable: usize,
    /// Samples that can't be compared because the host failed, then or now.
    pub host_faults: usize,
    /// Contradictions that concern no single sample: in files, metrics, digests.
    pub contradictions: usize,
    /// What was proven besides the scores.
    pub proof: RunProof,
    /// Records of each reward.
    pub rewards: BTreeMap<String, Counts>,
    /// The engine and architecture of this replay.
    pub engine: String,
    /// Records that were made by another one, by its name.
    pub other_engines: BTreeMap<String, usize>,
    /// Verdicts that were computed.
    pub scores: usize,
    /// Seconds that it took, reading included.
    pub seconds: f64,
    /// The first findings, in the order of the run.
    pub findings: Vec<Finding>,
    /// The ordinals of a file's prompts.
    #[serde(skip)]
    draws: BTreeSet<u64>,
}

/// What a replay of a whole run proves besides its scores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunProof {
    /// The digest that stands for the whole run, where all that it binds agrees with it.
    pub digest: Option<Digest>,
    /// Steps that the run's digests bind.
    pub steps: u64,
    /// Metrics.
    pub metrics: Values,
    /// Advantages of samples.
    pub advantages: Values,
    /// What nothing stands for, and that only a part was looked at.
    pub unproven: Vec<String>,
}

/// Values by what stands for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Values {
    /// Computed again.
    pub recomputed: usize,
    /// Only bound by the run's digests.
    pub bound: usize,
}

/// Records by what a replay says about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// As recorded.
    pub identical: usize,
    /// By another engine, and different only in what that may do otherwise.
    pub other_engine: usize,
    /// Not as recorded.
    pub changed: usize,
    /// Not to be made again.
    pub unreadable: usize,
    /// The host failed.
    pub host_faults: usize,
}

/// Something that is not identical.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The reward; none for what concerns the sums over all rewards, the sample or the file.
    pub reward: Option<String>,
    /// What was found.
    #[serde(flatten)]
    pub found: Replayed,
}

/// A sample's place in its run, or that of a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The step; of a validation, the steps that were done; none for the whole run.
    pub step: Option<u64>,
    /// Whether it is of a validation.
    pub validation: bool,
    /// Ordinal of the prompt; none for a whole file.
    pub draw: Option<u64>,
    /// Place in the group; none for a whole file.
    pub sample: Option<u32>,
}

impl ReplayReport {
    /// Whether nothing changed and everything could be read.
    pub fn holds(&self) -> bool {
        self.changed == 0 && self.unreadable == 0 && self.contradictions == 0
    }

    /// Whether, besides, all is proven: each sample is identical, and the run's digest stands for everything that
    /// is in the folder.
    pub fn is_proven(&self) -> bool {
        self.holds()
            && self.identical == self.samples
            && self.proof.digest.is_some()
            && self.proof.unproven.is_empty()
    }

    /// Adds a contradiction that concerns no single sample.
    fn contradict(&mut self, place: Place, found: Replayed) {
        self.contradictions += 1;
        self.findings.push(Finding {
            place,
            reward: None,
            found,
        });
    }

    /// Adds what was found in the next file.
    fn add(&mut self, file: Self, listed: usize) {
        self.samples += file.samples;
        self.identical += file.identical;
        self.other_engine += file.other_engine;
        self.contradictions += file.contradictions;
        let (own, more) = (&mut self.proof, &file.proof);
        for (own, more) in [
            (&mut own.metrics, more.metrics),
            (&mut own.advantages, more.advantages),
        ] {
            own.recomputed += more.recomputed;
            own.bound += more.bound;
        }
        self.changed += file.changed;
        self.unreadable += file.unreadable;
        self.host_faults += file.host_faults;
        for (name, counts) in file.rewards {
            let sum = self.rewards.entry(name).or_default();
            sum.identical += counts.identical;
            sum.other_engine += counts.other_engine;
            sum.changed += counts.changed;
            sum.unreadable += counts.unreadable;
            sum.host_faults += counts.host_faults;
        }
        if !file.engine.is_empty() {
            self.engine = file.engine;
        }
        for (engine, count) in file.other_engines {
            *self.other_engines.entry(engine).or_default() += count;
        }
        self.scores += file.scores;
        let room = listed.saturating_sub(self.findings.len());
        self.findings.extend(file.findings.into_iter().take(room));
    }
}

/// Proves the run in folder `run`, or says what can't be proven.
///
/// # Errors
/// If there is no run, nothing is recorded of what was asked for, or the sandbox can't start. What is
/// wrong with single records, files or components is no error but a [`Finding`].
pub fn replay(run: &Path, host: HostBuilder, options: &ReplayOptions) -> Result<ReplayReport> {
    let start = Instant::now();
    let (folder, config) = open(run, options)?;
    let mut written = Written::read(&folder);
    let recorded = Recorded::of(&folder, &written, options.step)?;
    let scorers = scorers::Scorers::new(&folder, &config, host)?;
    let arithmetic = Arithmetic::of(&config)?;
    let images = Images::new(&options.images);
    let found = recorded.each(scorers.threads(), |file| {
        file::replay(file, &images, &scorers, &arithmetic, options)
    });
    let mut report = ReplayReport::default();
    let whole = options.step.is_none() && options.reward.is_none();
    if whole {
        let draws = found.iter().map(|report| &report.draws);
        written.check_draws(recorded.files().zip(draws));
        written.check_folder(&folder, &scorers.components(), options.digest)?;
    } else {
        written
            .unproven
            .push("only a part of the run was looked at".to_owned());
    }
    for finding in written.findings {
        report.contradict(finding.place, finding.found);
    }
    report.findings.truncate(options.listed);
    for file in found {
        report.add(file, options.listed);
    }
    report.proof.steps = written.links.iter().filter(|link| link.is_step()).count() as u64;
    report.proof.unproven = written.unproven;
    report.proof.digest = written.digest;
    report.seconds = start.elapsed().as_secs_f64();
    Ok(report)
}

/// The run and its configuration.
fn open(run: &Path, options: &ReplayOptions) -> Result<(RunFolder, Config)> {
    let folder = RunFolder::open(run)?;
    let config = Config::load(Some(&folder.config()), &[])?;
    if let Some(name) = &options.reward
        && !config.reward.contains_key(name)
    {
        let known: Vec<_> = config.reward.keys().map(String::as_str).collect();
        return Err(Error::run(
            folder.config(),
            format!(
                "the run has no reward `{name}`; it has: {}",
                known.join(", ")
            ),
        ));
    }
    Ok((folder, config))
}
