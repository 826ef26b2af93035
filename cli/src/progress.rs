//! A progress bar, lines of steps, and Ctrl-C.

use crate::terminal;
use anyhow::{Context, Result};
use indicatif::{FormattedDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rlhost_trainer::config::Config;
use rlhost_trainer::pipeline::{Observer, Report};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What the bar shows: a label and the metric or timing behind it.
type Columns = &'static [(&'static str, &'static str, usize)];

const TRAINING: Columns = &[
    ("reward", "reward/score", 3),
    ("length", "response_length/mean", 1),
    ("KL", "actor/kl_loss", 4),
    ("entropy", "actor/entropy_loss", 3),
    ("s/step", "timing_s/step", 2),
];

const FINE_TUNING: Columns = &[
    ("loss", "sft/loss", 4),
    ("lr", "sft/lr", 6),
    ("s/step", "timing_s/step", 2),
];

/// Steps from one line to the next where nobody looks on.
const SELDOM: u64 = 20;

/// Shows a job: a line every few steps and, on a terminal, a bar.
pub struct Progress {
    bar: ProgressBar,
    columns: Columns,
    /// Steps from one line to the next; `None` without the logger `console`.
    every: Option<u64>,
    /// What was measured last on held-out data.
    measured: Option<f64>,
    terminal: bool,
    /// Since when steps are done, and how many were done before.
    since: (Instant, u64),
    steps: u64,
    stop: Arc<AtomicBool>,
}

impl Progress {
    pub fn training(config: &Config) -> Result<Self> {
        Self::new(config, TRAINING)
    }

    pub fn fine_tuning(config: &Config) -> Result<Self> {
        Self::new(config, FINE_TUNING)
    }

    fn new(config: &Config, columns: Columns) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                // The second time is meant: checkpoints are whole at any moment.
                std::process::exit(130);
            }
            terminal::say("");
            terminal::say("stopping after this step; once more to stop at once");
        })
        .context("Ctrl-C can't be handled")?;
        let terminal = terminal::is_terminal();
        let trainer = &config.trainer;
        let usual = if terminal { 1 } else { SELDOM };
        let every = trainer.log_freq.unwrap_or(usual);
        let every = trainer.logger.has("console").then_some(every);
        let bar = ProgressBar::new(0);
        if !terminal || every.is_none() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "{bar:24} {pos}/{len} {msg} [{elapsed_precise} < {eta_precise}]";
        bar.set_style(ProgressStyle::with_template(template)?);
        Ok(Self {
            bar,
            columns,
            every,
            measured: None,
            terminal,
            since: (Instant::now(), 0),
            steps: 0,
            stop,
        })
    }

    fn line(&self, metrics: &BTreeMap<String, f64>, timings: &BTreeMap<String, f64>) -> String {
        let mut parts: Vec<String> = self
            .columns
            .iter()
            .filter_map(|(label, name, digits)| {
                let value = metrics.get(*name).or_else(|| timings.get(*name))?;
                Some(format!("{label} {value:.digits$}"))
            })
            .collect();
        if let Some(value) = self.measured {
            parts.push(format!("held-out {value:.3}"));
        }
        parts.join("  ")
    }

    /// The time until the end, as the steps of this process tell.
    fn left(&self, step: u64) -> FormattedDuration {
        let (since, before) = self.since;
        let done = step.saturating_sub(before).max(1);
        let left = self.steps.saturating_sub(step);
        FormattedDuration(since.elapsed().mul_f64(left as f64 / done as f64))
    }

    /// Whether a step has a line: the first of this process, so that one sees that it goes, the last, and every few.
    fn has_line(&self, step: u64) -> bool {
        let first = step == self.since.1 + 1;
        self.every
            .is_some_and(|every| first || step == self.steps || step.is_multiple_of(every))
    }

    fn say(&self, text: &str) {
        if self.terminal {
            self.bar.println(terminal::message(text));
        } else {
            terminal::say(text);
        }
    }
}

impl Observer for Progress {
    fn report(&mut self, report: Report<'_>) {
        match report {
            Report::Started {
                folder,
                done,
                steps,
            } => {
                self.say(&format!("run {}", folder.display()));
                if done > 0 {
                    self.say(&format!("going on after step {done} of {steps}"));
                }
                self.since = (Instant::now(), done);
                self.steps = steps;
                self.bar.set_length(steps);
                self.bar.set_position(done);
                self.bar.reset_eta();
            }
            Report::Notice(text) => self.say(&format!("note: {text}")),
            Report::Step {
                step,
                metrics,
                timings,
            } => {
                let line = self.line(metrics, timings);
                if self.has_line(step) {
                    let (steps, left) = (self.steps, self.left(step));
                    self.say(&format!("step {step}/{steps}  {line}  ETA {left}"));
                }
                if self.every != Some(1) {
                    self.bar.set_message(line);
                }
                self.bar.set_position(step);
            }
            Report::Validated { step, held_out, .. } => {
                self.measured = held_out.map(|(_, value)| value);
                if let Some((metric, value)) = held_out
                    && self.every.is_some()
                {
                    self.say(&format!("step {step}: held-out {metric} {value:.3}"));
                }
            }
            Report::Saved { folder } => self.say(&format!("saved {}", folder.display())),
        }
    }

    fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
