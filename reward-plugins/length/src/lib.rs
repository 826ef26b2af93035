//! Penalties for responses that are too long or repeat themselves. A total is 0 or less.

pub mod repetition;

use rlhost_plugin::{
    Failure, FinishReason, Params, PluginInfo, Sample, SampleReward, Turn, Verdict, export_reward,
};

/// The plugin's parameters.
const OWN: [&str; 8] = [
    "max_length",
    "buffer",
    "unit",
    "cut",
    "overlong_weight",
    "ngram",
    "free_repetition",
    "repetition_weight",
];

/// The plugin. All turns of an episode count together.
pub struct Length;

/// The soft penalty for length, from 0 to 1: 0 up to `max - buffer`, then growing evenly to 1 at `max`.
///
/// Yu et al., `DAPO: An Open-Source LLM Reinforcement Learning System at Scale`, 2025, equation 13 (with the sign
/// turned).
///
/// ```
/// use length::overlong;
/// assert_eq!(overlong(75, 100, 50), 0.5);
/// assert_eq!(overlong(101, 100, 0), 1.0);
/// ```
pub fn overlong(length: u64, max: u64, buffer: u64) -> f64 {
    let over = length.saturating_sub(max - buffer.min(max));
    if over == 0 {
        0.0
    } else if length >= max {
        // Also with a buffer of 0, where more than the most is too much at once.
        1.0
    } else {
        over as f64 / buffer as f64
    }
}

/// A weight: a number of 0 or more.
fn weight(params: &Params, name: &str) -> Result<f64, Failure> {
    let value = params.number(name, 1.0)?;
    if (0.0..=1e6).contains(&value) {
        return Ok(value);
    }
    Err(Failure::Internal(format!(
        "the parameter `{name}` must be from 0 to a million, but it is {value}"
    )))
}

/// How long the turns are together.
fn length(turns: &[Turn], unit: &str) -> Result<u64, Failure> {
    let mut length = 0;
    for turn in turns {
        length += match unit {
            "characters" => turn.text.chars().count() as u64,
            "words" => turn.text.split_whitespace().count() as u64,
            _ if turn.tokens == 0 && !turn.text.is_empty() => {
                return Err(Failure::Abstain(
                    "the response has no count of tokens; choose another `unit`".into(),
                ));
            }
            _ => u64::from(turn.tokens),
        };
    }
    Ok(length)
}

impl SampleReward for Length {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            "length",
            env!("CARGO_PKG_VERSION"),
            "Minus the penalties for a response that is too long or repeats itself: 0 for one without fault. Parts: the \
             two shares, each from 0 to 1.",
        )
        .part("overlong")
        .part("repetition")
        .param("max_length", "Length from which on a response has the whole penalty; 0: no limit.", "0")
        .param(
            "buffer",
            "The penalty begins this much below `max_length` and grows evenly.",
            "0",
        )
        .param(
            "unit",
            "What the length counts: \"tokens\", \"characters\" or \"words\" (between white space).",
            "\"tokens\"",
        )
        .param(
            "cut",
            "Whether a response that did not end by itself has the whole penalty for length.",
            "false",
        )
        .param("overlong_weight", "The penalty for length at its most.", "1")
        .param(
            "ngram",
            "Repetition is the share of runs of this many words (in Chinese and Japanese: characters) that stood before; \
             0: it is not measured.",
            "4",
        )
        .param(
            "free_repetition",
            "Share of repeated runs, from 0 up to but not 1, that costs nothing; what is above it is scaled to 0 to 1.",
            "0.2",
        )
        .param("repetition_weight", "The penalty for repetition at its most.", "1")
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        params.reject_unknown(&OWN)?;
        let (max, buffer) = (params.count("max_length", 0)?, params.count("buffer", 0)?);
        if buffer > max {
            return Err(Failure::Internal(format!(
                "the parameter `buffer` is {buffer}, more than `max_length`, {max}"
            )));
        }
        let unit = params.choice("unit", &["tokens", "characters", "words"], "tokens")?;
        let cut = params.boolean("cut", false)?;
        let (overlong_weight, repetition_weight) = (
            weight(&params, "overlong_weight")?,
            weight(&params, "repetition_weight")?,
        );
        let ngram = params.count("ngram", 4)?;
        let free = params.number("free_repetition", 0.2)?;
        if ngram > 64 || !(0.0..1.0).contains(&free) {
            return Err(Failure::Internal(
                "the parameter `ngram` must be from 0 to 64, and `free_repetition` from 0 up to but not 1".into(),
            ));
        }

        let mut long = if max == 0 {
            0.0
        } else {
            overlong(length(&sample.response, unit)?, max, buffer)
        };
        let last = sample.response.last();
        if cut && last.is_some_and(|turn| turn.finish_reason != FinishReason::Stop) {
            long = 1.0;
        }
        let texts = sample.response.iter().map(|turn| turn.text.as_str());
        let share = repetition::share(texts, ngram as usize);
        let repeated = ((share - free) / (1.0 - free)).max(0.0);
        // 0 and not -0 where nothing is wrong.
        let total = 0.0 - overlong_weight * long - repetition_weight * repeated;
        Ok(Verdict::new(total)
            .part("overlong", long)
            .part("repetition", repeated))
    }
}

export_reward!(Length);
