//! The verifier of yes and no.
//!
//! [`read`] decides by clauses: a clause counts where it is `yes`, `no`, `true` or `false` as a whole, perhaps after
//! `the answer is`, or `是`, `否` and the like in Chinese. All clauses that count have to agree, and no other clause may turn or doubt them. So `I do not know`
//! is not no, `eyes` is not yes, and `Yes. Actually no.` is neither.

mod chinese;
mod statement;

use rlhost_plugin::{Failure, PluginInfo, Sample, SampleReward, Verdict};
use rlhost_verifier::answer::Frame;
use rlhost_verifier::fold::fold;
use rlhost_verifier::{reference, retraction};

/// Answers of more bytes than this say nothing.
const MAX_BYTES: usize = 4000;

/// What may stand before the word in its clause.
const LEADS: [&str; 19] = [
    "the answer is",
    "the final answer is",
    "my answer is",
    "my final answer is",
    "answer is",
    "answer",
    "final answer",
    "the correct answer is",
    "so the answer is",
    "thus the answer is",
    "therefore the answer is",
    "the statement is",
    "this statement is",
    "it is",
    "that is",
    "this is",
    "so",
    "thus",
    "therefore",
];

/// Words that say yes or no; a clause with one that is not the word as a whole is unclear. `no` may be a part of an
/// agreeing clause (`there are no dogs`), and is a negation there.
const POLAR: [&str; 4] = ["yes", "true", "false", "untrue"];

/// Words that say not.
const NEGATIONS: [&str; 34] = [
    "no", "not", "never", "none", "nor", "neither", "nothing", "nobody", "nowhere", "without",
    "nope", "nah", "nay", "non", "hardly", "cannot", "negative", "nix", "fail", "fails", "failed",
    "failing", "lack", "lacks", "lacked", "lacking", "absent", "missing", "barely", "scarcely",
    "rarely", "seldom", "denies", "refuses",
];

/// Words that turn what was said, doubt it or take it back.
const DOUBTS: [&str; 62] = [
    "but",
    "or",
    "if",
    "unless",
    "maybe",
    "perhaps",
    "possibly",
    "probably",
    "might",
    "may",
    "could",
    "wait",
    "actually",
    "however",
    "though",
    "although",
    "except",
    "opposite",
    "contrary",
    "reverse",
    "inverse",
    "converse",
    "wrong",
    "incorrect",
    "incorrectly",
    "mistake",
    "error",
    "lie",
    "lying",
    "rather",
    "instead",
    "otherwise",
    "sure",
    "unsure",
    "certain",
    "uncertain",
    "know",
    "unknown",
    "unclear",
    "depends",
    "depending",
    "partly",
    "partially",
    "sometimes",
    "correction",
    "strike",
    "ignore",
    "rejected",
    "doubt",
    "doubtful",
    "guess",
    "impossible",
    "invalid",
    "either",
    "mean",
    "far",
    "take",
    "taking",
    "back",
    "lies",
    "mistakes",
    "scrapped",
];

/// Words that say yes; beside no they contradict it unless they are negated.
const AFFIRMS: [&str; 10] = [
    "true",
    "correct",
    "right",
    "indeed",
    "yep",
    "yeah",
    "yup",
    "aye",
    "affirmative",
    "positive",
];

/// Verbs that make a clause an answer with a pronoun before them.
const AUXILIARIES: [&str; 19] = [
    "is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "can", "could", "will",
    "would", "should", "must", "am", "might", "ought",
];

/// Subjects that stand for what was asked.
const PRONOUNS: [&str; 13] = [
    "it", "they", "he", "she", "there", "this", "that", "these", "those", "i", "we", "you", "one",
];

/// Adverbs without -ly that leave a statement what it is.
const ADVERBS: [&str; 11] = [
    "so", "indeed", "very", "much", "too", "also", "still", "always", "just", "all", "quite",
];

/// The plugin. Of an episode of several turns, the last one holds the answer.
pub struct Boolean;

/// What an answer says; nothing where it says neither, both, or something else.
///
/// ```
/// use boolean::read;
/// assert_eq!(read("**Yes**, it is red."), Some(true));
/// assert_eq!(read("The answer is: False."), Some(false));
/// assert_eq!(read("There is no dog in the image."), Some(false));
/// assert_eq!(read("是的，图中有一只狗。"), Some(true));
/// assert_eq!(read("I do not know"), None);
/// assert_eq!(read("Yes. No."), None);
/// ```
pub fn read(text: &str) -> Option<bool> {
    // Markup in an answer may hide a part of it.
    if text.len() > MAX_BYTES || text.contains(['<', '>']) {
        return None;
    }
    // A long dash ends a clause; folded, it would be a hyphen.
    let mut text = fold(&text.replace(['–', '—'], ",")).to_lowercase();
    for command in ["\\textbf", "\\text", "\\mathrm", "\\mathbf"] {
        text = text.replace(command, "");
    }
    text.retain(|c| !matches!(c, '*' | '_' | '`' | '$' | '{' | '}' | '"'));
    // A compound is one word: `a no-parking sign`.
    let text = compounds(&text);
    // What is asked is not said.
    if text.contains(['?', '؟']) {
        return None;
    }
    // A colon belongs to the lead before it (`the answer is: yes`).
    let text = text
        .replace(['(', ')', '[', ']', '【', '】', '「', '」'], ",")
        .replace(':', " ");
    let clauses: Vec<&str> = text
        .split(['.', ',', ';', '!', '\n', '。', '、'])
        .flat_map(|clause| clause.split(" - "))
        .collect();
    let mut found = None;
    for value in clauses.iter().filter_map(|clause| polarity(clause)) {
        if found.is_some_and(|found| found != value) {
            return None;
        }
        found = Some(value);
    }
    let Some(found) = found else {
        // Without the word the whole answer is one statement.
        let said: Vec<&str> = clauses
            .into_iter()
            .filter(|clause| !clause.trim().is_empty())
            .collect();
        return match said[..] {
            [only] => statement::read(only),
            _ => None,
        };
    };
    clauses
        .iter()
        .all(|clause| polarity(clause).is_some() || agrees(clause, found))
        .then_some(found)
}

/// A text whose compounds with a hyphen are words without one.
fn compounds(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let mut parts = word.split('-');
        let joined = parts
            .all(|part| part.chars().count() > 1 && part.chars().all(char::is_alphabetic))
            && word.contains('-')
            && word
                .split('-')
                .filter(|part| POLAR.contains(part) || *part == "no")
                .count()
                < 2;
        if joined {
            word.replace('-', "")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What a clause says if it is a polarity word as a whole.
fn polarity(clause: &str) -> Option<bool> {
    if let Some(value) = chinese::polarity(clause) {
        return Some(value);
    }
    let rest = chinese::after_lead(clause);
    let clause = if chinese::is(rest) { clause } else { rest };
    let words: Vec<&str> = clause.split_whitespace().collect();
    let (last, lead) = words.split_last()?;
    if !lead.is_empty() && !LEADS.contains(&lead.join(" ").as_str()) {
        return None;
    }
    match last.trim_matches('\'') {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// Whether a clause beside the word leaves it as it stands: no word of it turns, doubts or takes back. Beside no, one
/// negation agrees (`it is not true`); beside yes, none does.
fn agrees(clause: &str, found: bool) -> bool {
    if chinese::is(clause) {
        return chinese::agrees(clause, found);
    }
    let words: Vec<&str> = clause
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .collect();
    // `a cat instead of a dog`
    let contrasts = |at: usize| {
        matches!(
            (words[at], words.get(at + 1)),
            ("instead", Some(&"of")) | ("rather", Some(&"than"))
        )
    };
    if words.iter().enumerate().any(|(at, word)| {
        (DOUBTS.contains(word) && !contrasts(at))
            || retraction::takes_back(word)
            || POLAR.contains(word) && *word != "true"
            || mixed(word)
    }) {
        return false;
    }
    let negations = words.iter().filter(|word| negates(word)).count();
    let affirms = |at: usize| {
        let before = at.checked_sub(1).map(|at| words[at]);
        let negated = before.is_some_and(|word| word == "not" || word.ends_with("n't"));
        // `the right` is a side.
        !(negated || words[at] == "right" && before == Some("the"))
    };
    let affirmed = (0..words.len()).any(|at| AFFIRMS.contains(&words[at]) && affirms(at));
    if found {
        negations == 0 && !words.contains(&"true")
    } else {
        // `No. 5` is a number sign.
        let counted = words
            .first()
            .is_some_and(|word| word.starts_with(|c: char| c.is_numeric()));
        negations <= 1 && !affirmed && !counted && (negations == 1 || !asserts(&words))
    }
}

/// Whether a clause without a negation says yes by its form: a pronoun and a verb and nothing else but adverbs (`it does`,
/// `they exist`, `it certainly is`), or a thing that is there.
fn asserts(words: &[&str]) -> bool {
    let pronoun = |word: &str| {
        let word = word.split('\'').next().unwrap_or_default();
        PRONOUNS.contains(&word)
    };
    let said: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !(word.ends_with("ly") || ADVERBS.contains(word)))
        .collect();
    let Some((first, rest)) = said.split_first() else {
        // `quite so`
        return words.contains(&"so");
    };
    let last = rest.last().copied().unwrap_or_default();
    let present = matches!(
        last,
        "there" | "here" | "present" | "visible" | "exists" | "exist"
    );
    // `there is one`
    let some = ["one", "some", "many", "several", "plenty"].contains(&last)
        && *first == "there"
        && rest.len() == 2;
    let verb = pronoun(first) && rest.len() == 1 && !first.contains('\'');
    verb || present || some || AUXILIARIES.contains(&last)
}

/// Whether a word says not: `no` and `not`, their like, and auxiliaries with `n't`, with the apostrophe or without.
fn negates(word: &str) -> bool {
    NEGATIONS.contains(&word)
        || word.ends_with("n't")
        || word == "cant"
        || word == "wont"
        || word
            .strip_suffix("nt")
            .is_some_and(|rest| AUXILIARIES.contains(&rest))
}

/// Whether a word has letters of several alphabets, so that it may look like another one.
fn mixed(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_alphabetic())
        && word.contains(|c: char| matches!(c, '\u{370}'..='\u{58F}'))
}

/// Whether a line has a word that says yes or no, so that it may be the answer.
fn speaks(line: &str) -> bool {
    let folded = fold(line).to_lowercase();
    let mut words = folded.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    chinese::is(line)
        || line.contains('?')
        || words.any(|word| POLAR.contains(&word) || negates(word) || AFFIRMS.contains(&word))
}

impl SampleReward for Boolean {
    fn describe() -> PluginInfo {
        Frame::describe(PluginInfo::new(
            "boolean",
            env!("CARGO_PKG_VERSION"),
            "Compares yes or no, true or false, with the reference. An answer that says neither, or both, is wrong.",
        ))
    }

    fn score(sample: &Sample) -> Result<Verdict, Failure> {
        let frame = Frame::read(&sample.params_json()?, &[])?;
        let mut references = Vec::new();
        for text in reference::texts(sample)? {
            references.push(read(&text).ok_or_else(|| {
                Failure::InvalidReference(format!(
                    "the reference answer `{text}` is none of yes, no, true and false"
                ))
            })?);
        }
        let response = sample.last_text();
        let right = frame
            .find(response, |answer| read(answer.text), |line| !speaks(line))
            // Without a mark the word may stand before an explanation.
            .or_else(|| frame.prose(response).and_then(read))
            .is_some_and(|given| references.contains(&given));
        Ok(frame.verdict(response, f64::from(u8::from(right))))
    }
}

#[cfg(feature = "component")]
rlhost_plugin::export_reward!(Boolean);
