//! What pictures show: the panels of a run's own curve, and metrics of several runs side by side.

use crate::run::{HeldOut, History};
use crate::{Error, Result};

use super::{Figure, Line, Panel, Style};

/// What a line of a run's own picture shows: its label and the metric.
type Shows = (&'static str, &'static str);

/// A panel's title and its lines, and how they are drawn.
type Known = (&'static str, &'static [Shows], Style);

/// Values of validations.
const HELD_OUT: &str = "val/";
/// The mean score of a step's samples.
const SCORE: &str = "reward/score";
/// What rewards are recorded under.
const REWARD: &str = "reward/";

const FIRST: &[Known] = &[("loss", &[("loss", "sft/loss")], Style::Smoothed)];

const LATER: &[Known] = &[
    (
        "response length (tokens)",
        &[
            ("mean", "response_length/mean"),
            ("longest", "response_length/max"),
        ],
        Style::Smoothed,
    ),
    (
        "KL from the starting model",
        &[
            ("in the loss", "actor/kl_loss"),
            ("in the reward", "actor/reward_kl_penalty"),
        ],
        Style::Smoothed,
    ),
    (
        "entropy (nats)",
        &[
            ("entropy", "actor/entropy_loss"),
            ("entropy", "sft/entropy"),
        ],
        Style::Smoothed,
    ),
    (
        "gradient norm",
        &[
            ("policy", "actor/grad_norm"),
            ("critic", "critic/grad_norm"),
            ("policy", "sft/grad_norm"),
        ],
        Style::Smoothed,
    ),
    (
        "clipped share",
        &[
            ("of ratios", "actor/pg_clipfrac_higher"),
            ("at the dual clip", "actor/pg_clipfrac_lower"),
            ("cut responses", "response_length/clip_ratio"),
        ],
        Style::Mean,
    ),
    (
        "seconds a step",
        &[
            ("step", "timing_s/step"),
            ("sampling", "timing_s/gen"),
            ("update", "timing_s/update"),
            ("rewards", "timing_s/reward"),
        ],
        Style::Mean,
    ),
];

/// What a run's own picture has to be told.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The run's name.
    pub title: String,
    /// What is measured on held-out data.
    pub held_out: HeldOut,
}

/// Whether a run's own picture may show the metric `name`: nothing else need be kept for it.
pub fn is_shown(name: &str) -> bool {
    let known = || FIRST.iter().chain(LATER).flat_map(|(_, lines, _)| *lines);
    let held_out = name.starts_with(HELD_OUT) && !name.contains("/outcome/");
    name == SCORE || held_out || is_part(name) || known().any(|(_, metric)| *metric == name)
}

/// Whether a metric is the mean of a reward's part, and none of the trainer's own beside those.
fn is_part(name: &str) -> bool {
    let part = name.strip_prefix(REWARD);
    part.is_some_and(|part| !rlhost_host::is_reserved(part))
}

/// The picture of one run: a panel for each thing that it has values of.
pub fn curves(history: &History, shown: &Shown) -> Figure {
    let mut panels = Vec::new();
    let known = |(title, lines, style): &Known| panel_of(history, title, lines, *style);
    panels.extend(FIRST.iter().filter_map(known));
    panels.extend(panel_of(
        history,
        "reward",
        &[("score", SCORE)],
        Style::Smoothed,
    ));
    if let Some((name, points)) = shown
        .held_out
        .history(|metric| history.get(metric).to_vec())
    {
        let label = format!("held-out {name}");
        let line = Line::new(&label, points, 1, Style::Points);
        panels.push(Panel::new(&label, vec![line]));
    }
    let parts: Vec<Line> = history
        .names()
        .filter(|name| is_part(name))
        .zip(2..)
        .map(|(name, color)| {
            let label = name.strip_prefix(REWARD).unwrap_or(name);
            Line::new(label, history.get(name).to_vec(), color, Style::Mean)
        })
        .collect();
    if !parts.is_empty() {
        panels.push(Panel::new("parts of the reward", parts));
    }
    panels.extend(LATER.iter().filter_map(known));
    Figure::new(shown.title.clone(), panels)
}

fn panel_of(history: &History, title: &str, lines: &[Shows], style: Style) -> Option<Panel> {
    let lines: Vec<Line> = lines
        .iter()
        .filter(|(_, name)| !history.get(name).is_empty())
        .enumerate()
        .map(|(color, (label, name))| Line::new(*label, history.get(name).to_vec(), color, style))
        .collect();
    (!lines.is_empty()).then(|| Panel::new(title, lines))
}

/// The metrics that `chosen` names, a panel each with a line for each run. A name may have `*` for any text and `?`
/// for any character. Without names, what runs are judged by is taken: score or loss, held-out measure, length,
/// divergence, entropy, gradient norm.
///
/// # Errors
/// [`Error::Config`] where no run has a metric of that name.
pub fn compare(title: &str, runs: &[(String, History)], chosen: &[String]) -> Result<Figure> {
    let mut names: Vec<&str> = Vec::new();
    let mut known: Vec<&str> = runs.iter().flat_map(|(_, run)| run.names()).collect();
    known.sort_unstable();
    known.dedup();
    if chosen.is_empty() {
        let first = LATER.iter().flat_map(|(_, lines, _)| *lines);
        let usual = ["sft/loss", SCORE, "val/accuracy", "val/score"]
            .into_iter()
            .chain(first.map(|(_, name)| *name));
        names.extend(usual.filter(|name| known.contains(name)));
        if names.is_empty() {
            return Err(Error::Config(
                "the runs have no metrics yet: wait for their first step".into(),
            ));
        }
    }
    for pattern in chosen {
        let found = known.iter().copied().filter(|name| fits(pattern, name));
        let before = names.len();
        names.extend(
            found
                .clone()
                .filter(|name| !names.contains(name))
                .collect::<Vec<_>>(),
        );
        if names.len() == before && found.count() == 0 {
            return Err(Error::Config(format!(
                "--metric {pattern}: no run has a metric of that name; there are {}",
                known.join(", ")
            )));
        }
    }
    let panels = names.into_iter().map(|name| {
        let with = runs.iter().enumerate().filter_map(|(color, (label, run))| {
            let points = run.get(name);
            let style = if name.starts_with(HELD_OUT) {
                Style::Points
            } else {
                Style::Smoothed
            };
            (!points.is_empty()).then(|| Line::new(label, points.to_vec(), color, style))
        });
        Panel::new(name, with.collect())
    });
    Ok(Figure::new(title, panels.collect()))
}

/// Whether `name` is of the form `pattern`: `*` is any text, `?` any character.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // Where the last `*` stands, and what of the name it has taken.
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((begun, taken)) = star else {
                    return false;
                };
                star = Some((begun, taken + 1));
                (at, read) = (begun + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_stars() {
        for (pattern, name) in [
            ("reward/score", "reward/score"),
            ("reward/*", "reward/score"),
            ("*score", "reward/score"),
            ("*/s?ore", "reward/score"),
            ("*a*a*", "banana"),
            ("*", ""),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("reward", "reward/score"),
            ("reward/?", "reward/score"),
            ("", "a"),
            ("*b", "banana"),
            ("[ab]", "a"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        // What would take forever by trying every way.
        assert!(!fits(&"*a".repeat(40), &"a".repeat(39)));
    }

    #[test]
    fn parts_are_parts() {
        for name in ["reward/accuracy", "reward/math/accuracy"] {
            assert!(is_part(name) && is_shown(name), "{name}");
        }
        for name in [
            "reward/score",
            "reward/samples",
            "reward/outcome/trap",
            "reward/math/outcome/trap",
            "reward/data_source/gsm8k/score",
            "reward/std",
            "val/x",
        ] {
            assert!(!is_part(name), "{name}");
        }
    }
}
