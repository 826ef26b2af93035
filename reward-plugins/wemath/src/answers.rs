//! One answer beside its reference: a letter, or mathematics, which may have several parts.

use crate::metrics::Step;
use choice::letters::Letters;
use math::params::{Extract, Options};
use rlhost_plugin::serde_json::{Map, Value, from_str};
use rlhost_plugin::{Failure, Sample};
use rlhost_verifier::answer::Answer;
use rlhost_verifier::fold::fold;
use rlhost_verifier::rational::Rational;
use rlhost_verifier::reference;

/// How many parts an answer or a reference may have.
const MAX_PARTS: usize = 12;
/// How often `math` is asked for one answer. The longest comparison of its golden cases takes 60 million units of fuel, so an
/// answer can't use up the fuel of a sample, for which all samples of the call would pay.
const MAX_COMPARISONS: u32 = 13;

/// What an answer has to be.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// The letter of an option.
    Letter(Letters),
    /// Mathematics, as a text.
    Math(String),
}

/// The reference of a sample, and the problem and step that it belongs to.
///
/// The reference is an object with the key `answer`, and `ID` and `key` where it is a question of the benchmark, or a text of such
/// JSON, or the answer itself; `ID` and `key` may be columns of the row too.
///
/// # Errors
/// [`Failure::InvalidReference`] where it is missing or of another form, or has only one of `ID` and `key`.
pub fn reference(sample: &Sample) -> Result<(Wanted, Option<(String, Step)>), Failure> {
    let mut value = sample.answer_json()?;
    if let Value::String(text) = &value
        && let Ok(object @ Value::Object(_)) = from_str::<Value>(text)
    {
        value = object;
    }
    let mut map = match value {
        Value::Object(map) => map,
        other => Map::from_iter([("answer".to_owned(), other)]),
    };
    let answer = match map.remove("answer") {
        Some(Value::String(text)) => reference::solution(&text).to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => {
            return Err(invalid(
                sample,
                "is no text or number, and no object with the key `answer`",
            ));
        }
    };
    if answer.is_empty() {
        return Err(invalid(sample, "is an empty text"));
    }
    let mut named = |name: &str| -> Result<Option<Value>, Failure> {
        let value = match map.remove(name) {
            Some(value) => Some(value),
            None => sample.column(name)?,
        };
        Ok(value.filter(|value| !value.is_null()))
    };
    let place = match (named("ID")?, named("key")?) {
        (None, None) => None,
        (Some(id), Some(Value::String(key))) => {
            let step = Step::read(&key).ok_or_else(|| {
                invalid(sample, &format!("has the key `{key}`, which names no step"))
            })?;
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            Some((id, step))
        }
        _ => return Err(invalid(sample, "has only one of `ID` and `key`")),
    };
    let single = answer.len() == 1 && answer.as_bytes()[0].is_ascii_uppercase();
    let letter = single.then(|| choice::read(&answer, true, &[])).flatten();
    let wanted = match letter {
        Some(letter) => Wanted::Letter(letter),
        None => Wanted::Math(answer),
    };
    Ok((wanted, place))
}

fn invalid(sample: &Sample, what: &str) -> Failure {
    let short: String = sample.answer.chars().take(200).collect();
    Failure::InvalidReference(format!("the reference answer {short} {what}"))
}

impl Wanted {
    /// How right an answer is, from 0 to 1.
    ///
    /// # Errors
    /// [`Failure::InvalidReference`] where `math` can't read the reference.
    pub fn accuracy(&self, answer: &Answer) -> Result<f64, Failure> {
        match self {
            Self::Letter(letter) => {
                let given = choice::read(answer.text, answer.marked, &[]);
                Ok(f64::from(u8::from(given.as_ref() == Some(letter))))
            }
            Self::Math(wanted) => Comparison::default().of_texts(&fold(answer.text), &fold(wanted)),
        }
    }

    /// Fails where the reference can't be read, whatever the answer.
    ///
    /// # Errors
    /// As [`accuracy`](Self::accuracy).
    pub fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Letter(_) => Ok(()),
            Self::Math(wanted) => asked("", wanted).map(|_| ()),
        }
    }
}

/// The comparison of one answer with its reference.
#[derive(Default)]
struct Comparison {
    asked: u32,
}

impl Comparison {
    /// How much of the reference an answer has: all of it, one of the alternatives that `or` separates, or a share of its
    /// parts, which are numbered, `(1) … (2) …`, or separated by commas.
    fn of_texts(&mut self, given: &str, wanted: &str) -> Result<f64, Failure> {
        // Whatever the answer: a reference that can't be read is a failure.
        asked("", wanted)?;
        if self.equal(given, wanted)? {
            return Ok(1.0);
        }
        if let Some(wanted) = numbered(wanted) {
            let given = numbered(given).filter(|given| given.len() == wanted.len());
            return self.in_order(&given.unwrap_or_default(), &wanted);
        }
        let alternatives: Vec<&str> = wanted.split(" or ").collect();
        if (2..=MAX_PARTS).contains(&alternatives.len()) {
            for alternative in alternatives {
                if self.equal(given, alternative.trim())? {
                    return Ok(1.0);
                }
            }
            return Ok(0.0);
        }
        let (given, wanted) = (listed(given), listed(wanted));
        if (2..=MAX_PARTS).contains(&wanted.len()) && given.len() <= MAX_PARTS {
            self.any_order(&given, &wanted)
        } else {
            Ok(0.0)
        }
    }

    /// Whether two texts are equal: by their letters, as decimal numbers, or else by `math`, as long as it may be asked.
    fn equal(&mut self, given: &str, wanted: &str) -> Result<bool, Failure> {
        if given == wanted {
            return Ok(!wanted.is_empty());
        }
        if let (Some(given), Some(wanted)) = (Rational::parse(given), Rational::parse(wanted)) {
            return Ok(given == wanted);
        }
        if self.asked == MAX_COMPARISONS {
            return Ok(false);
        }
        self.asked += 1;
        asked(given, wanted)
    }

    /// The share of the parts that are right, each in its place.
    fn in_order(&mut self, given: &[&str], wanted: &[&str]) -> Result<f64, Failure> {
        let mut right = 0;
        for (given, wanted) in given.iter().zip(wanted) {
            right += u32::from(self.equal(given, wanted)?);
        }
        Ok(f64::from(right) / wanted.len() as f64)
    }

    /// The share of the parts that are right in any order, over the larger number of parts: a guess too many costs what a
    /// part too few does.
    fn any_order(&mut self, given: &[&str], wanted: &[&str]) -> Result<f64, Failure> {
        let mut taken = vec![false; given.len()];
        let mut right = 0;
        for wanted in wanted {
            for (taken, given) in taken.iter_mut().zip(given) {
                if !*taken && self.equal(given, wanted)? {
                    *taken = true;
                    right += 1;
                    break;
                }
            }
        }
        Ok(f64::from(right) / given.len().max(wanted.len()) as f64)
    }
}

/// Whether `math` finds an answer equal to a reference.
fn asked(given: &str, wanted: &str) -> Result<bool, Failure> {
    let options = Options {
        extract: Extract::Answer,
        ..Options::default()
    };
    let response = format!("<answer>{given}</answer>");
    math::judge(&response, &Value::from(wanted), &options)
        .map(|judgement| judgement.accuracy >= 1.0)
        .map_err(|error| Failure::InvalidReference(error.0))
}

/// The parts of `(1) … (2) …`; nothing where a text does not begin with the first number, or the numbers don't follow each
/// other.
fn numbered(text: &str) -> Option<Vec<&str>> {
    let mut rest = text.trim().strip_prefix("(1)")?;
    let mut found = Vec::new();
    for number in 2..=MAX_PARTS + 1 {
        let Some((part, after)) = rest.split_once(&format!("({number})")) else {
            break;
        };
        found.push(separated(part));
        rest = after;
    }
    found.push(separated(rest));
    (found.len() > 1 && found.len() <= MAX_PARTS).then_some(found)
}

/// A part without what separates it from the next one.
fn separated(part: &str) -> &str {
    part.trim().trim_end_matches([',', ';']).trim_end()
}

/// The items of a list: what commas separate that stand in no bracket and before a space.
fn listed(text: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0i32, 0);
    let mut found = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 && text[at + 1..].starts_with(char::is_whitespace) => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(text[start..].trim());
    found
}
