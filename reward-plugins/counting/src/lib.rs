//! The verifier of counts: a whole number of 0 or more, in digits or in English or Chinese words.

use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict, export_reward};
use rlhost_verifier::answer::Frame;
use rlhost_verifier::fold::spaced;
use rlhost_verifier::numeral::{self, Style};
use rlhost_verifier::rational::Rational;
use rlhost_verifier::reference;

/// The plugin's own parameters.
const OWN: [&str; 2] = ["metric", "within"];

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Counting;

/// How counts are written.
const STYLE: Style = Style {
    words: true,
    scales: false,
    percent: false,
    european: false,
};

/// The count of an answer; nothing where there is none, or several different ones.
///
/// ```
/// use counting::read;
/// assert_eq!(read("There are twenty-one dogs."), Some(21));
/// assert_eq!(read("一共有十二个"), Some(12));
/// assert_eq!(read("There are no cars."), Some(0));
/// assert_eq!(read("3.0"), Some(3));
/// assert_eq!(read("2.5"), None);
/// assert_eq!(read("2 or 3"), None);
/// ```
pub fn read(text: &str) -> Option<u64> {
    // A share is no count.
    let lower = spaced(text);
    if ["%", "percent", "per cent", "pct", "百分"]
        .iter()
        .any(|share| lower.contains(share))
    {
        return None;
    }
    let number = numeral::only(text, STYLE).filter(Rational::is_integer)?;
    number.to_i64().and_then(|count| u64::try_from(count).ok())
}

impl SampleReward for Counting {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "counting",
            env!("CARGO_PKG_VERSION"),
            "Compares a count, in digits or in English or Chinese words below a million, with the reference.",
        ))
        .param(
            "metric",
            "What a wrong count earns. \"exact\": nothing; \"relative\": 1 - distance / reference, at least 0 (and \
             nothing where the reference is 0).",
            "\"exact\"",
        )
        .param(
            "within",
            "A count this far off, a whole number, is right all the same.",
            "0",
        )
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let params = sample.params_json()?;
        let frame = Frame::read(&params, &OWN)?;
        let relative = params.choice("metric", &["exact", "relative"], "exact")? == "relative";
        let within = params.count("within", 0)?;
        let mut references = Vec::new();
        for text in reference::texts(sample)? {
            references.push(read(&text).ok_or_else(|| {
                Failure::InvalidReference(format!("the reference answer `{text}` is no count"))
            })?);
        }
        let response = sample.last_text();
        let mute = |line: &str| !numeral::mentions(line, STYLE);
        let given = frame.find(response, |answer| read(answer.text), mute);
        let accuracy = given.map_or(0.0, |given| {
            let score = |wanted: &u64| {
                let distance = given.abs_diff(*wanted);
                if distance <= within {
                    1.0
                } else if relative && *wanted > 0 {
                    (1.0 - distance as f64 / *wanted as f64).max(0.0)
                } else {
                    0.0
                }
            };
            references.iter().map(score).fold(0.0, f64::max)
        });
        Ok(frame.verdict(response, accuracy))
    }
}

export_reward!(Counting);
