//! Reinforcement learning: sample, judge, compare, update.

mod collect;
mod filter;
mod learner;
mod metrics;
mod mixing;
mod watch;

use super::arithmetic::{advantage_method, kl_controller, loss_config};
use super::evaluate::Validation;
use super::job::{Job, Plan};
use super::journal::{Clock, Observer, Start, Summary};
use super::objective::{AdvantageObjective, Component, PolicyObjective};
use super::prompts::{Prompts, held_out, processor};
use super::references;
use super::rewards::{check_dispatch, check_scopes, check_use, load_rewards};
use super::setup;
use super::unscored;
use crate::config::Config;
use crate::model::Model;
use crate::rollout::SamplingParams;
use crate::{Error, Result};
use collect::Collector;
use filter::GroupFilter;
use learner::{Learner, Outcome};
use metrics::with_rates;
use mixing::Mixing;
use rlhost_host::algorithm::Algorithm;
use rlhost_host::{Host, HostBuilder};
use watch::Watch;

/// Trains `actor.model` on `data.train_files` with the rewards of `config`, which run in the host that
/// `host` describes.
pub fn train(
    config: &Config,
    start: Start,
    host: HostBuilder,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    config.validate_for_train()?;
    let source = setup::configured_model(config)?;
    let device = setup::device(config.trainer.device)?;
    let processor = processor(config, &source)?;
    let rewards = load_rewards(config, host)?;
    let Arithmetic {
        advantage,
        loss,
        algorithms,
        critic,
        mut notices,
    } = Arithmetic::load(config, rewards.host())?;
    check_scopes(config, &rewards, advantage.needs_baselines())?;
    let prompts = Prompts::load(config, &processor)?;
    notices.extend(prompts.notices());
    if critic {
        check_warm_up(config, prompts.len())?;
    }
    check_dispatch(&rewards, prompts.rows())?;
    check_use(&rewards, &prompts.rows())?;
    notices.extend(references::check(
        config,
        &rewards,
        prompts.dataset(),
        &processor,
        prompts.rows(),
    )?);
    let mixing = Mixing::of(config, &processor, prompts.rows())?;
    let filter = GroupFilter::of(config);
    notices.extend(Watch::at_start(config, advantage.native()));
    notices.extend(filter.iter().map(|filter| filter.notice(&rewards)));
    let held_out = held_out(config)?;
    let validation = held_out
        .as_ref()
        .map(|dataset| Validation::new(config, dataset, &processor, None, &rewards))
        .transpose()?;
    notices.extend(validation.iter().flat_map(|v| v.notices.iter().cloned()));
    let algorithm = &config.algorithm;
    let reference = if loss.needs_reference() || algorithm.use_kl_in_reward {
        Some(Model::load(&source, &device)?)
    } else {
        None
    };
    let temperature = config.rollout.temperature;
    let learner = Learner {
        config,
        collector: Collector {
            config,
            processor: &processor,
            rewards: &rewards,
            prompts: &prompts,
            mixing,
            filter,
            baselines: advantage.needs_baselines(),
            sampling: SamplingParams {
                temperature,
                top_p: config.rollout.top_p,
                top_k: usize::try_from(config.rollout.top_k).ok(),
                max_tokens: config.data.max_response_length,
                stop: processor.tokenizer().eos_ids().to_vec(),
                seed: config.trainer.seed,
            },
        },
        reference,
        advantage,
        kl_penalty: algorithm.kl_penalty.as_str().parse()?,
    };
    let plan = Plan {
        config,
        source,
        device,
        processor: &processor,
        prompts: prompts.len(),
        loss,
        critic,
        kl_controller: kl_controller(config)?,
        temperature,
        rewards: Some(&rewards),
        algorithms,
        notices,
    };
    let mut job = Job::open(plan, start, observer)?;
    let mut watch = Watch::new(config);
    let validate = |job: &mut Job<'_>, watch: &mut Watch<'_>| -> Result<()> {
        let Some(validation) = &validation else {
            return Ok(());
        };
        let model = &job.policy.model;
        let found = validation.run(model, &processor, &rewards, job.done)?;
        job.journal.validated(job.done, &found)?;
        job.journal.notices(watch.validation(&found.metrics));
        Ok(())
    };
    if job.done == 0 && config.trainer.val_before_train {
        validate(&mut job, &mut watch)?;
    }
    // A run that was resumed goes on counting.
    let scored = job.journal.history("reward/score")?;
    let mut empty = job.done - scored.last().map_or(0, |(step, _)| *step);
    while job.goes_on() {
        let mut clock = Clock::start();
        let mut step = match learner.step(&mut job, &mut clock)? {
            Outcome::Done(step) => step,
            Outcome::Starved(rows, error) => {
                // What has been learnt, and what was sampled in vain, are there to look at.
                job.journal.folder.write_rollouts(job.done + 1, &rows)?;
                job.save_progress()?;
                return Err(error);
            }
        };
        let folder = &job.journal.folder;
        let rollouts = folder.write_rollouts(job.done + 1, &step.rows)?;
        clock.book("write");
        let components = [learner.advantage.component(), job.policy.loss.component()];
        let components = components.into_iter().flatten();
        job.journal
            .notices(components.flat_map(Component::take_log));
        let timings = with_rates(clock, &step);
        let (rollouts, rows) = (Some(rollouts), &step.rows);
        job.step_done(step.prompts, rollouts, rows, &mut step.metrics, &timings)?;
        job.journal.notices(watch.step(&step.metrics, &step.rows));
        empty = if step.metrics.contains_key("reward/score") {
            0
        } else {
            empty + 1
        };
        if let Some(what) = unscored_steps(config, empty, job.done, job.steps) {
            job.save_progress()?;
            return Err(unscored::error(&what, &step.rows));
        }
        if job.done == job.steps || setup::due(config.trainer.val_freq, job.done) {
            validate(&mut job, &mut watch)?;
        }
        job.save(false)?;
    }
    job.finish()
}

/// Why a run whose last `empty` steps had no sample with a score does not go on after `done` of its `steps`.
fn unscored_steps(config: &Config, empty: u64, done: u64, steps: u64) -> Option<String> {
    let limit = u64::try_from(config.trainer.max_empty_steps).ok()?;
    if empty > 0 && empty >= limit {
        return Some(format!(
            "step {done}: no sample of {empty} steps in a row has a score (trainer.max_empty_steps = \
             {limit}), so nothing is learnt; in the last one"
        ));
    }
    (empty == done && done == steps).then(|| {
        format!("no sample of the run's {steps} steps has a score, so nothing was learnt; in the last one")
    })
}

/// What advantages and losses are computed by.
struct Arithmetic {
    advantage: AdvantageObjective,
    loss: PolicyObjective,
    /// Those of them that are components.
    algorithms: Vec<Algorithm>,
    /// Whether the critic that the configuration has is trained.
    critic: bool,
    /// What the user should know of it.
    notices: Vec<String>,
}

impl Arithmetic {
    fn load(config: &Config, host: &Host) -> Result<Self> {
        let advantage = AdvantageObjective::load(config, || advantage_method(config), host)?;
        let loss = PolicyObjective::load(config, loss_config(config)?, host)?;
        let components = || {
            let both = [advantage.component(), loss.component()];
            both.into_iter().flatten()
        };
        let mut notices: Vec<String> = components().map(Component::notice).collect();
        let algorithms = components().map(|c| c.algorithm().clone()).collect();
        notices.extend(config.unused_keys()?);
        let critic = config.critic.is_some() && advantage.needs_values();
        if config.critic.is_some() && !critic {
            notices.push(format!(
                "[critic] is set, but not trained: algorithm.adv_estimator = \"{}\" does not read its \
                 values",
                config.algorithm.adv_estimator
            ));
        }
        Ok(Self {
            advantage,
            loss,
            algorithms,
            critic,
            notices,
        })
    }
}

/// A warm-up of the critic must leave steps for the policy.
fn check_warm_up(config: &Config, prompts: usize) -> Result<()> {
    let (warm_up, steps) = (
        config.trainer.critic_warmup,
        setup::step_count(config, prompts)?,
    );
    if warm_up < steps {
        return Ok(());
    }
    Err(Error::Config(format!(
        "trainer.critic_warmup ({warm_up}) leaves the policy none of the run's {steps} steps"
    )))
}
