//! What all training jobs share: the run's folder, the model with its optimiser, checkpoints, the
//! end.

use super::checkpoint::{self, Progress};
use super::critic::Critic;
use super::journal::{Journal, Length, Observer, Report, Resumed, Start, Summary, Watched};
use super::objective::PolicyObjective;
use super::policy::Policy;
use super::rewards::{component, components};
use super::setup;
use crate::algorithm::KlController;
use crate::config::Config;
use crate::model::Model;
use crate::optim::AdamW;
use crate::processor::Processor;
use crate::run::plot::Shown;
use crate::run::{Checkpoint, FileDigest, HeldOut, RolloutRow};
use crate::{Error, Result};
use candle_core::Device;
use rlhost_host::RewardSet;
use rlhost_host::algorithm::Algorithm;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A training job under way.
pub(super) struct Job<'a> {
    pub(super) config: &'a Config,
    pub(super) journal: Journal<'a>,
    pub(super) policy: Policy,
    /// Predicts returns, where the configuration has one.
    pub(super) critic: Option<Critic>,
    /// Steers the divergence in the reward, where there is one.
    pub(super) kl_controller: Option<KlController>,
    /// Steps in all.
    pub(super) steps: u64,
    /// Steps that are done.
    pub(super) done: u64,
    /// Ordinal of the next prompt.
    pub(super) draw: u64,
    /// Whether the observer asked for the end.
    pub(super) stopped: bool,
    /// Prompts in an epoch.
    prompts: usize,
    source: PathBuf,
    /// The latest checkpoint.
    saved: Option<Checkpoint>,
}

/// What a job is opened with, after all inputs have been looked at.
pub(super) struct Plan<'a> {
    pub(super) config: &'a Config,
    /// The model folder to start from.
    pub(super) source: PathBuf,
    pub(super) device: Device,
    pub(super) processor: &'a Processor,
    /// Prompts in an epoch.
    pub(super) prompts: usize,
    pub(super) loss: PolicyObjective,
    /// Whether the job trains the critic that the configuration has.
    pub(super) critic: bool,
    /// The divergence in the reward as the job begins with it.
    pub(super) kl_controller: Option<KlController>,
    /// Divides the logits.
    pub(super) temperature: f64,
    /// What samples are scored with; their components are kept with the run.
    pub(super) rewards: Option<&'a RewardSet>,
    /// Components that stand for algorithms; they are kept with the run too.
    pub(super) algorithms: Vec<Algorithm>,
    /// What the user should know of the inputs.
    pub(super) notices: Vec<String>,
}

impl<'a> Job<'a> {
    /// Loads the model, then creates the folder or goes on from its latest checkpoint.
    pub(super) fn open(
        plan: Plan<'a>,
        start: Start,
        observer: &'a mut dyn Observer,
    ) -> Result<Self> {
        let config = plan.config;
        let steps = setup::step_count(config, plan.prompts)?;
        let schedule = setup::schedule(&config.actor.optim, steps)?;
        let settings = setup::optimizer_settings(&config.actor.optim);
        // A model that can't be loaded must not leave a folder behind.
        let first = setup::load_model(&plan.source, &plan.device, plan.processor)?;
        let mut critic = if plan.critic {
            Critic::open(config, &plan.device, &plan.source, steps)?
        } else {
            None
        };
        let mut components = plan
            .rewards
            .map(components)
            .transpose()?
            .unwrap_or_default();
        for algorithm in &plan.algorithms {
            components.push(component(algorithm.path(), algorithm.digest())?);
        }
        let length = Length {
            steps,
            by_epochs: setup::steps_of_epochs(config, plan.prompts),
        };
        let (mut journal, resumed) = Journal::open(
            &setup::run_folder(config),
            &config.to_toml()?,
            length,
            plan.algorithms.iter().map(Algorithm::digest).collect(),
            start,
            Watched {
                loggers: &config.trainer.logger.0,
                shown: Shown {
                    title: config.trainer.experiment_name.clone(),
                    held_out: HeldOut::new(config.trainer.val_metric.as_deref()),
                },
            },
            observer,
        )?;
        let Resumed {
            checkpoint: resumed,
            longer_than,
        } = resumed;
        for algorithm in plan.algorithms.iter().filter(|_| resumed.is_some()) {
            if !journal.folder.plugin_of(algorithm.digest()).is_file() {
                return Err(Error::run(
                    algorithm.path(),
                    "the run was started with another version of this component (its plugins/ has that \
                     one); put that one back, or give the new run another trainer.experiment_name",
                ));
            }
        }
        for component in &components {
            journal.folder.keep_plugin(component)?;
        }
        checkpoint::prune(&journal.folder, config.trainer.save_limit)?;
        let mut kl_controller = plan.kl_controller;
        let (model, optimizer, done, draw) = if let Some(checkpoint) = &resumed {
            let model = Model::load(checkpoint.path(), &plan.device)?;
            let optimizer = checkpoint::restore(checkpoint.path(), settings, model.weights())?;
            let state = checkpoint.state();
            kl_controller = state.kl_controller.or(kl_controller);
            if let Some(critic) = &mut critic {
                critic.restore(checkpoint.path())?;
            }
            (model, optimizer, state.step, state.draw)
        } else {
            let optimizer = AdamW::new(settings, first.weights())?;
            (first, optimizer, 0, 0)
        };
        journal.started(done, steps);
        journal.notices(plan.notices);
        if let Some(before) = longer_than {
            journal.report(Report::Notice(&format!(
                "the run had {before} steps and now has {steps}; shares of a run, such as the learning rate's \
                 warm-up and decay, are those of {steps} steps from now on"
            )));
        }
        Ok(Self {
            policy: Policy::new(
                config,
                model,
                optimizer,
                schedule,
                plan.loss,
                plan.temperature,
            ),
            critic,
            kl_controller,
            config,
            journal,
            steps,
            done,
            draw,
            stopped: false,
            prompts: plan.prompts,
            source: plan.source,
            saved: resumed,
        })
    }

    /// Whether there is a step to do.
    pub(super) fn goes_on(&self) -> bool {
        self.done < self.steps && !self.stopped
    }

    /// Books a step over `prompts` prompts, whose rollouts `rows` are written where it has some.
    pub(super) fn step_done(
        &mut self,
        prompts: usize,
        rollouts: Option<FileDigest>,
        rows: &[RolloutRow],
        metrics: &mut BTreeMap<String, f64>,
        timings: &BTreeMap<String, f64>,
    ) -> Result<()> {
        self.draw += prompts as u64;
        self.done += 1;
        let epochs = self.draw as f64 / self.prompts.max(1) as f64;
        metrics.insert("progress/epoch".into(), epochs);
        self.journal
            .step(self.done, self.draw, rollouts, rows, metrics, timings)?;
        self.stopped = self.journal.stop_requested() && self.done < self.steps;
        Ok(())
    }

    /// Saves a checkpoint if one is due, or if the job ends here.
    pub(super) fn save(&mut self, ends: bool) -> Result<()> {
        let due = setup::due(self.config.trainer.save_freq, self.done);
        if ends || due || self.stopped || self.done == self.steps {
            self.save_checkpoint()?;
        }
        Ok(())
    }

    /// Saves a checkpoint of the steps that are done, unless there is one.
    pub(super) fn save_progress(&mut self) -> Result<()> {
        let saved = self.journal.folder.checkpoint_of(self.done).is_dir();
        if self.done > 0 && !saved {
            self.save_checkpoint()?;
        }
        Ok(())
    }

    fn save_checkpoint(&mut self) -> Result<()> {
        let saved = checkpoint::save(
            &mut self.journal,
            &self.policy,
            self.critic.as_ref(),
            &self.source,
            &Progress {
                step: self.done,
                draw: self.draw,
                kl_controller: self.kl_controller,
            },
            self.config.trainer.save_limit,
        )?;
        self.saved = Some(saved);
        Ok(())
    }

    /// Ends the job and says how.
    pub(super) fn finish(mut self) -> Result<Summary> {
        self.journal.finish()?;
        let folder = &self.journal.folder;
        let checkpoint = self
            .saved
            .ok_or_else(|| Error::run(folder.path(), "the run has no checkpoint"))?;
        let summary = folder.write_summary(&self.journal.chain, &checkpoint)?;
        Ok(Summary {
            digest: summary.digest,
            folder: folder.path().to_owned(),
            checkpoint: checkpoint.path().to_owned(),
            plot: folder.curve(),
            steps: self.done,
            held_out: summary.held_out,
            stopped: self.stopped,
        })
    }
}
