//! A progress bar, and Ctrl-C.

use crate::terminal;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rlhost_trainer::pipeline::{Observer, Report};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Shows a job on the terminal; where there is none, a line every few steps.
pub struct Progress {
    bar: ProgressBar,
    columns: Columns,
    held_out: Option<f64>,
    terminal: bool,
    stop: Arc<AtomicBool>,
}

impl Progress {
    pub fn training() -> Result<Self> {
        Self::new(TRAINING)
    }

    pub fn fine_tuning() -> Result<Self> {
        Self::new(FINE_TUNING)
    }

    fn new(columns: Columns) -> Result<Self> {
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
        let bar = ProgressBar::new(0);
        if !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "{bar:24} {pos}/{len} {msg} [{elapsed_precise} < {eta_precise}]";
        bar.set_style(ProgressStyle::with_template(template)?);
        Ok(Self {
            bar,
            columns,
            held_out: None,
            terminal,
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
        if let Some(value) = self.held_out {
            parts.push(format!("held-out {value:.3}"));
        }
        parts.join("  ")
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
                if !self.terminal && (step == 1 || step.is_multiple_of(20)) {
                    let steps = self.bar.length().unwrap_or(0);
                    terminal::say(&format!("step {step}/{steps}  {line}"));
                }
                self.bar.set_message(line);
                self.bar.set_position(step);
            }
            Report::Validated { step, held_out, .. } => {
                self.held_out = held_out.map(|(_, value)| value);
                if let Some((metric, value)) = held_out {
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
