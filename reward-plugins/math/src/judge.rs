//! Judges a response: extraction, comparison with the reference, format.

use crate::find::{self, Found};
use crate::matching::{direct, fold, matches, trimmed};
use crate::params::{Arithmetic, Extract, Format, Options};
use crate::reference::{self, InvalidReference, Reference};
use crate::work::Work;
use crate::{
    chinese, choices, extract, labels, lexer, parts, prose, qualifier, statement, valueless,
};
use rlhost_verifier::answer::MAX_RESPONSE;
use serde_json::Value;

/// What a response earned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// 1 where the answer is the reference, else 0; with `partial`, the share of it that is right.
    pub accuracy: f64,
    /// 1 where the response has the asked shape, else 0.
    pub format: f64,
    /// `accuracy * (1 - w) + format * w`.
    pub total: f64,
}

/// Judges `response` against the reference `answer`.
///
/// The reference is a number, a string, `true` or `false`, a list of acceptable answers, or an object with one of
/// the keys `answer`, `ground_truth`, `value`, `any_of`, or with `parts`: a list of the answers of several parts. A
/// string may hold its answer in `<answer>…</answer>`, in `\boxed{…}` or after `####`, and parts with labels: `(1) 5; (2) 7`.
///
/// ```
/// use math::{judge, params::Options};
/// let judgement = judge(r"<think>…</think><answer>\frac{1}{2}</answer>", &"0.5".into(), &Options::default());
/// assert_eq!(judgement.unwrap().accuracy, 1.0);
/// ```
pub fn judge(
    response: &str,
    answer: &Value,
    options: &Options,
) -> Result<Judgement, InvalidReference> {
    let options = &Options {
        work: Work::default(),
        ..options.clone()
    };
    let references = reference::read(answer)?;
    let accuracy = find::answer(response, options.extract).map_or(0.0, |found| {
        let parts = references
            .iter()
            .any(|it| matches!(it, Reference::Parts(_)));
        let labelled = match (&found, options.extract) {
            _ if !parts => None,
            (Found::Text(_), _) | (_, Extract::Answer | Extract::Text) => None,
            _ => find::by_part(response),
        };
        let best = references
            .iter()
            .map(|reference| match (reference, &labelled) {
                (Reference::Parts(wanted), Some(given)) => {
                    by_label(given, wanted, options) as f64 / wanted.len() as f64
                }
                _ => earned(&found, reference, options),
            });
        // The first that is right ends the search.
        let mut most = 0.0_f64;
        for share in best {
            most = most.max(share);
            if most >= 1.0 {
                break;
            }
        }
        most
    });
    let shaped = match options.format {
        Format::None => true,
        _ if response.len() > MAX_RESPONSE => false,
        // The ends first: what stands between is read only where they are right.
        Format::Answer => {
            let text = response.trim();
            text.starts_with("<think>")
                && text.ends_with("</answer>")
                && extract::is_answer_shaped(response)
        }
        Format::Boxed => extract::is_box_shaped(response),
    };
    let accuracy = if options.partial {
        accuracy
    } else {
        accuracy.floor()
    };
    let format = f64::from(u8::from(shaped));
    let w = options.format_weight;
    Ok(Judgement {
        accuracy,
        format,
        total: accuracy * (1.0 - w) + format * w,
    })
}

/// The share of a reference that an answer earns.
fn earned(found: &Found<'_>, reference: &Reference, options: &Options) -> f64 {
    // Where all work is done, only what is written as the reference is right.
    if let (Found::Marked(text) | Found::Text(text), Reference::One(reference)) = (found, reference)
        && options.work.is_out()
    {
        let same = text.trim() == reference.trim() && !valueless::text(text.trim());
        return f64::from(u8::from(same));
    }
    match (found, reference) {
        (_, Reference::Parts(wanted)) => {
            let right = parts_right(found, wanted, options);
            right as f64 / wanted.len() as f64
        }
        (Found::Marked(text), Reference::One(reference)) => {
            share(&fold(text), &fold(reference), options)
        }
        (Found::Measured(text), Reference::One(reference)) => {
            share(&fold(text), &fold(reference), options)
        }
        (Found::Boxes(boxes), Reference::One(reference)) => {
            share(&fold(&boxes.join(", ")), &fold(reference), options)
        }
        (Found::Named(boxes), Reference::One(reference)) => share(
            &fold(&reference::assigned(boxes)),
            &fold(reference),
            options,
        ),
        (Found::Text(text), Reference::One(reference)) => {
            let (text, reference) = (fold(text), fold(reference));
            let line = text.trim();
            // In plain text, a sum that is left to be worked out may be the question.
            let finished = Options {
                arithmetic: Arithmetic::Reject,
                ..options.clone()
            };
            let options = &finished;
            // A text of one line may be nothing but the answer.
            let whole = !line.contains('\n') && matches(line, &reference, options);
            if whole {
                return 1.0;
            }
            if !options.work.reads(line.len().min(lexer::MAX_BYTES)) {
                return 0.0;
            }
            if let Some(right) = chosen(line, &reference, options) {
                return f64::from(u8::from(right));
            }
            if rounded(line, &reference, options) || restated(line, &reference, options) {
                return 1.0;
            }
            // The first reading that finds a value counts: no text states two.
            let stated = if chinese::is_chinese(line) {
                chinese::stated(line)
            } else {
                statement::stated(line).or_else(|| prose::stated(line))
            };
            let earned = stated.map_or(0.0, |stated| direct(&stated, &reference, options));
            let function =
                || prose::function(line).is_some_and(|it| matches(&it, &reference, options));
            if earned < 1.0 && function() {
                1.0
            } else {
                earned
            }
        }
    }
}

/// Whether the choice that a text says is its answer is the one that the reference asks for: `The answer is C) 42.` Nothing
/// where the reference asks for no choice, or the text names none.
fn chosen(text: &str, reference: &str, options: &Options) -> Option<bool> {
    let reference = trimmed(reference);
    let rest = prose::after_answer(text);
    if let Some(rest) = &rest
        && (labels::same_choices(rest, reference, options.ordered)
            || labels::same(rest, reference, options.ordered) == Some(true))
    {
        return Some(true);
    }
    let asked = reference.contains(|c: char| c.is_ascii_uppercase());
    let letter = choices::choice(reference).filter(|_| asked)?;
    let Some(rest) = rest else {
        // `The answer is A. 9` names its choice a sentence before.
        let (_, rest) = text.rsplit_once("answer is ")?;
        return (choices::choice(rest)? != letter).then_some(false);
    };
    if choices::choice(&rest).is_some() {
        return Some(matches(&rest, reference, options));
    }
    // `Answer: A, 9` names A, too.
    (choices::leading(&rest)? != letter).then_some(false)
}

/// Does a text give the reference exactly and then rounded: `5/12, or about 41.7%`?
fn rounded(text: &str, reference: &str, options: &Options) -> bool {
    let mark = [" or about ", " or approximately ", " or roughly "]
        .iter()
        .find_map(|mark| text.split_once(mark));
    let Some((exact, decimal)) = mark else {
        return false;
    };
    let near = options.within(1, 100);
    let exact = exact.trim_end().trim_end_matches(',');
    prose::stated(exact).is_some_and(|stated| matches(&stated, reference, options))
        && matches(trimmed(decimal), reference, &near)
}

/// Does a text give the reference and, in brackets, the same in another form: `The answer is 3/4 (or 0.75).`
fn restated(line: &str, reference: &str, options: &Options) -> bool {
    let line = line.trim_end_matches(['.', ' ']);
    let Some((answer, aside)) = line
        .strip_suffix(')')
        .and_then(|line| line.rsplit_once(" ("))
    else {
        return false;
    };
    let aside = aside.strip_prefix("or ").unwrap_or(aside);
    prose::stated(answer).is_some_and(|stated| matches(&stated, reference, options))
        && matches(aside, reference, options)
}

/// How many of the wanted parts an answer has.
fn parts_right(found: &Found<'_>, wanted: &[(String, String)], options: &Options) -> usize {
    let right = |given: &str, wanted: &str| share(&fold(given), &fold(wanted), options) >= 1.0;
    let in_order = |given: &[&str]| {
        if given.len() == wanted.len() {
            given
                .iter()
                .zip(wanted)
                .filter(|(given, (_, wanted))| right(given, wanted))
                .count()
        } else {
            0
        }
    };
    let text = match found {
        Found::Boxes(boxes) => return in_order(boxes),
        Found::Named(boxes) => {
            let values: Vec<&str> = boxes.iter().map(|(_, value)| *value).collect();
            return in_order(&values);
        }
        Found::Measured(text) => text.as_str(),
        Found::Marked(text) | Found::Text(text) => *text,
    };
    if let Some(given) = parts::answered(text) {
        return by_label(&given, wanted, options);
    }
    // Without labels, in the order of the parts.
    for separator in [';', '\n'] {
        let given: Vec<&str> = text
            .split(separator)
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        if given.len() == wanted.len() {
            return in_order(&given);
        }
    }
    let given: Vec<&str> = text.split(", ").map(str::trim).collect();
    in_order(&given)
}

/// How many of the wanted parts are given under their labels.
fn by_label(given: &[(String, String)], wanted: &[(String, String)], options: &Options) -> usize {
    // One that nobody asked for is as doubtful as one too many in a list.
    let asked = |label: &str| wanted.iter().any(|(wanted, _)| wanted == label);
    if given.iter().any(|(label, _)| !asked(label)) {
        return 0;
    }
    let right = |given: &str, wanted: &str| share(&fold(given), &fold(wanted), options) >= 1.0;
    wanted
        .iter()
        .filter(|(label, wanted)| {
            parts::labelled(given, label).is_some_and(|given| right(given, wanted))
        })
        .count()
}

/// The share of the reference that the answer `found` in a mark earns.
fn share(found: &str, reference: &str, options: &Options) -> f64 {
    let whole = direct(found, reference, options);
    if whole > 0.0 {
        return whole;
    }
    if options.work.is_out() {
        return 0.0;
    }
    // An answer and, in brackets, the same in other words: `0.5 (one half)`.
    if let Some((answer, aside)) = found
        .strip_suffix(')')
        .and_then(|text| text.split_once(" ("))
        && matches(answer, reference, options)
        && matches(
            aside.strip_prefix("or ").unwrap_or(aside),
            reference,
            options,
        )
    {
        return 1.0;
    }
    // What an answer says of its letters is no sentence around a value, where the reference says something of them too.
    if qualifier::split(found).is_some() && qualifier::split(reference).is_some() {
        return 0.0;
    }
    // A sentence in a mark: `The answer is 12`. Formulas alone have no words.
    let word = |word: &str| word.len() > 1;
    if found.len() > lexer::MAX_BYTES
        || !options.work.reads(found.len())
        || !found.split(|c: char| !c.is_ascii_alphabetic()).any(word)
    {
        return 0.0;
    }
    if let Some(right) = chosen(found, reference, options) {
        return f64::from(u8::from(right));
    }
    // `AC = 13` is not `AB = 13`, though both say 13.
    if let (Some(given), Some(asked)) = (length_name(found), length_name(reference))
        && given != asked
    {
        return 0.0;
    }
    let stated = prose::stated(found).or_else(|| {
        statement::is_sentence(found)
            .then(|| statement::stated(found))
            .flatten()
    });
    stated
        .filter(|stated| stated != found)
        .map_or(0.0, |stated| direct(&stated, reference, options))
}

/// The name of a length that a text begins with: `AB` of `AB = 13`.
fn length_name(text: &str) -> Option<&str> {
    let (name, _) = trimmed(text).split_once('=')?;
    let name = name.trim();
    (name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase())).then_some(name)
}
