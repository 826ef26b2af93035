//! Finds the answer in a sentence: `Therefore, she has 12 apples left.` says 12 apples.
//!
//! What could be meant in two ways is no answer: several values, a word that takes something back, a question.

use crate::around::FUNCTIONS;
use crate::cues::{CHANGERS, CUES, DOUBTS, HEDGES, NO_LABEL, NUMBERED, UNSURE, names_answer};
use crate::sentence::{Word, clause, gives_up, is_task, joined, main_clause, spans, words};
use crate::sign::signed;
use std::borrow::Cow;

use crate::{allow, clauses, display, second_thoughts, units};

/// Longest text whose sentences are looked at, in bytes, counted from its end.
const MAX_TEXT: usize = 4000;

/// Most notes of a calculator in a line.
const MAX_NOTES: usize = 16;
/// Most sentences after the one that states the value.
const MAX_MUTE: usize = 4;

/// The answer that plain text states at its end.
pub fn stated(text: &str) -> Option<String> {
    let start = text.ceil_char_boundary(text.len().saturating_sub(MAX_TEXT));
    let text = display::without_courtesies(text[start..].trim());
    if let Some((before, formula)) = display::at_end(text) {
        let line = before.lines().next_back().unwrap_or_default();
        let introduction = sentences(line).last().copied().unwrap_or_default().trim();
        return (!introduction.ends_with('?') && !doubted(introduction)).then_some(formula);
    }
    if let Some(inner) = text.strip_suffix("```") {
        let (_, block) = inner.rsplit_once("```")?;
        let mut lines = block.lines().skip(1).filter(|line| !line.trim().is_empty());
        return match (lines.next(), lines.next()) {
            (Some(line), None) => Some(line.trim().to_owned()),
            _ => None,
        };
    }
    if let Some((_, tail)) = text.rsplit_once("####") {
        return tail
            .trim()
            .lines()
            .next()
            .map(|line| line.trim().to_owned());
    }
    let line = text.lines().next_back()?;
    if let Some(found) = in_line(line) {
        return Some(found);
    }
    // Further up, only a sentence that says that it has the answer counts, and nothing of weight may follow it.
    let at = ["answer is", "Answer:", "answer:"]
        .iter()
        .filter_map(|mark| text.rfind(mark))
        .max()?;
    let rest = &text[at..];
    let end = rest.find('\n').unwrap_or(rest.len());
    let (sentence, after) = match sentences(&rest[..end]).first() {
        Some(first) => (first.len(), &rest[first.len()..]),
        None => (end, &rest[end..]),
    };
    // The whole sentence: `Twice the answer is 12` states no answer.
    let line = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let begun = sentences(&text[line..at])
        .last()
        .map_or(0, |begun| begun.len());
    let sentence = &text[at - begun..at + sentence];
    let lower = after.to_lowercase();
    let takes_back = [
        "wait",
        "actually",
        "no,",
        "correction",
        "wrong",
        "sorry",
        "but ",
        " not ",
        "scratch",
        "ignore",
        "forget",
        "strike",
        "kidding",
        "joke",
        "mistake",
        "error",
        "never mind",
        "take that back",
        "false",
        "retract",
        "oops",
        "hold on",
        "lie",
        "n't",
        "cancel",
        "disregard",
        "doubt",
    ];
    if after.contains(|c: char| c.is_ascii_digit() || c == '$')
        || takes_back.iter().any(|w| lower.contains(w))
    {
        return None;
    }
    // What stands before it in its sentence may doubt it: `It is false that the answer is 12`.
    let before = &text[line..at];
    let before = sentences(before).last().copied().unwrap_or_default();
    if doubted(before.trim_start()) {
        return None;
    }
    in_sentence(cleaned(sentence).trim())
}

/// Does the beginning of a sentence have a word that doubts what follows?
fn doubted(before: &str) -> bool {
    words(before).is_none_or(|words| {
        clause(&words).iter().any(|word| {
            let bare = word.bare();
            HEDGES.contains(&bare.as_str()) || DOUBTS.contains(&bare.as_str())
        })
    })
}

/// The answer that a line states: the whole of it where it has no verb, or what its last sentence says.
fn in_line(line: &str) -> Option<String> {
    let cleaned = cleaned(line);
    in_sentence(sentences(&cleaned).last()?.trim())
}

/// The last sentence of a text that has a value, without layout. Those after it have none, and nothing in them denies or doubts.
pub(crate) fn last_sentence(text: &str) -> Option<String> {
    let start = text.ceil_char_boundary(text.len().saturating_sub(MAX_TEXT));
    let text = display::without_courtesies(text[start..].trim());
    let is_mute = |sentence: &str| {
        let words = words(sentence).unwrap_or_default();
        let doubts = words.iter().any(|word| {
            let bare = word.bare();
            HEDGES.contains(&bare.as_str()) || UNSURE.contains(&bare.as_str())
        });
        let value = sentence.contains(|c: char| c.is_ascii_digit() || matches!(c, '$' | '\\'));
        (is_note(&words) || !value && !doubts)
            && !second_thoughts::retracts(sentence)
            && !second_thoughts::thinks_again(sentence)
    };
    let mut muted = 0;
    for line in text.lines().rev().filter(|line| !line.trim().is_empty()) {
        let line = cleaned(line);
        for sentence in sentences(&line).into_iter().rev() {
            if !is_mute(sentence.trim()) || muted == MAX_MUTE {
                return (sentence.len() <= MAX_TEXT).then(|| sentence.trim().to_owned());
            }
            muted += 1;
        }
    }
    None
}

/// Does a sentence only add something: `Note that 3 is prime.`
fn is_note(words: &[Word<'_>]) -> bool {
    let first = words.first().map(Word::bare).unwrap_or_default();
    matches!(
        first.as_str(),
        "note" | "notice" | "remark" | "check" | "verification" | "explanation"
    )
}

/// A line without what Markdown puts around its words.
fn cleaned(line: &str) -> String {
    let mut text = line.trim().trim_start_matches('#').trim();
    for bullet in ["- ", "* ", "• "] {
        if let Some(rest) = text.strip_prefix(bullet)
            && rest.starts_with(|c: char| c.is_alphabetic() || c == '*')
        {
            text = rest;
        }
    }
    let mut out = without_notes(text)
        .replace("**", "")
        .replace("__", "")
        .replace('`', "");
    if let Some(rest) = out.strip_prefix('*')
        && rest.contains('*')
    {
        out = rest.replacen('*', "", 1);
    }
    out
}

/// A line without the calculator's notes of GSM8K: `18` of `<<9*2=18>>18`.
fn without_notes(line: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(line);
    for _ in 0..MAX_NOTES {
        let Some((start, length)) = out.find("<<").and_then(|start| {
            let end = out[start..].find(">>")?;
            Some((start, end + 2))
        }) else {
            break;
        };
        out.to_mut().replace_range(start..start + length, "");
    }
    out
}

/// Cuts a line after full stops, exclamation and question marks that a space follows.
fn sentences(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let bytes = line.as_bytes();
    for i in 0..bytes.len().saturating_sub(1) {
        let ends = matches!(bytes[i], b'.' | b'!' | b'?') && bytes[i + 1] == b' ';
        // `p.m. ` and `1. ` end nothing.
        let factorial = bytes[i] == b'!' && (i == 1 || i >= 2 && bytes[i - 2] == b' ');
        let short =
            factorial || i >= 2 && bytes[i - 2] == b'.' || i == 1 && bytes[0].is_ascii_digit();
        if ends && !short {
            out.push(&line[start..=i]);
            start = i + 1;
        }
    }
    if !line[start..].trim().is_empty() {
        out.push(&line[start..]);
    }
    out
}

/// What follows `answer is` in the last line, where nothing doubts it.
pub fn after_answer(text: &str) -> Option<String> {
    Some(around_answer_is(text)?.1)
}

/// What follows `answer is` where that is a function of something: `The answer is ln 5.`
pub fn function(text: &str) -> Option<String> {
    let (before, rest) = around_answer_is(text)?;
    let name = rest.split(|c: char| !c.is_ascii_alphabetic()).next()?;
    let leads = allow::leads(&words(&before)?);
    (leads && FUNCTIONS.contains(&name)).then_some(rest)
}

/// What stands before and after `answer is` in the last sentence, the words themselves with the first.
fn around_answer_is(text: &str) -> Option<(String, String)> {
    let line = cleaned(
        display::without_courtesies(text.trim())
            .lines()
            .next_back()?,
    );
    let sentence = *sentences(&line).last()?;
    let (at, mark) = ["answer is ", "choice is ", "option is ", "nswer: "]
        .iter()
        .filter_map(|mark| Some((sentence.rfind(mark)?, mark)))
        .max()?;
    let (before, rest) = (&sentence[..at], &sentence[at + mark.len()..]);
    let rest = rest.trim().trim_end_matches(['.', '!']);
    let against = rest.ends_with('?') || doubted(before.trim_start()) || doubted(rest);
    let before = &sentence[..at + mark.len()];
    (!against).then(|| (before.to_owned(), rest.to_owned()))
}

/// The one value that a sentence states.
pub fn in_sentence(sentence: &str) -> Option<String> {
    let flat = flattened(without_contrast(sentence));
    let flat = signed(&flat);
    let sentence = flat.trim();
    if sentence.len() > MAX_TEXT || sentence.ends_with('?') || sentence.contains("{\"") {
        return None;
    }
    let all: Vec<Word<'_>> = words(sentence)?;
    let words = main_clause(&all);
    let clause = clause(words);
    let hedged = |at: usize| {
        let word = clause[at].bare();
        let before = at.checked_sub(1).map(|at| clause[at].bare());
        // `the least value` is one; and what the answer would be, it is.
        let bound = matches!(word.as_str(), "least" | "most") && before.as_deref() != Some("at");
        let answer = matches!(word.as_str(), "should" | "would")
            && before.as_deref().is_some_and(names_answer)
            && clause.get(at + 1).is_some_and(|word| word.bare() == "be");
        HEDGES.contains(&word.as_str()) && !bound && !answer
    };
    // Doubt and a condition count wherever they stand, the rest only where the conclusion is.
    if gives_up(&all)
        || sentence.contains("~~")
        || (0..clause.len()).any(hedged)
        || is_task(clause)
        || words
            .iter()
            .any(|word| DOUBTS.contains(&word.bare().as_str()))
        || all
            .iter()
            .any(|word| UNSURE.contains(&word.bare().as_str()))
    {
        return None;
    }
    let spans = spans(clause);
    let found = match spans.as_slice() {
        // `1 hour and 30 minutes` is one quantity.
        [first, second] if one_quantity(&clause[first.0..second.1], second.0 - first.0) => {
            (first.0, second.1)
        }
        [] => return named(clause),
        [only] => *only,
        [.., last] => {
            let cue = clause[..last.0].last()?;
            if !CUES.contains(&cue.bare().as_str()) {
                return None;
            }
            *last
        }
    };
    // `or` outside of the value is a hedge, and so is a value that goes on in words with `or`.
    let outside = clause[..found.0].iter().chain(&clause[found.1..]);
    if outside.clone().any(|word| word.bare() == "or") {
        return None;
    }
    if !allow::leads(&clause[..found.0]) || !allow::tails(&clause[found.1..]) {
        return None;
    }
    // What changes the value stands between the verb and it.
    let from = clause[..found.0]
        .iter()
        .rposition(|word| CUES.contains(&word.bare().as_str()))
        .map_or(0, |cue| cue + 1);
    let counts = clause[found.0]
        .bare()
        .starts_with(|c: char| c.is_ascii_digit());
    if changed(&clause[from..found.0], counts) {
        return None;
    }
    // A sign in words that is left belongs to a difference that is not worked out.
    let before = clause[..found.0].last().map(Word::bare);
    if before.is_some_and(|word| matches!(word.as_str(), "minus" | "negative")) {
        return None;
    }
    let mut text = joined(&clause[found.0..found.1]);
    text.push_str(&label(&clause[found.1..])?);
    let text = text.trim().trim_end_matches(['.', '!', ',', ';']).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Are the words from a number to the end of a second one a quantity in two units: `1 hour and 30`?
fn one_quantity(words: &[Word<'_>], second: usize) -> bool {
    let unit = |word: &Word<'_>| units::conversion(units::known(&word.bare())?);
    let number = |word: &Word<'_>| {
        let bare = word.bare();
        !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit())
    };
    let (before, after) = words.split_at(second);
    matches!(after, [last] if number(last))
        && match before {
            [first, name] => number(first) && unit(name).is_some(),
            [first, name, and] => number(first) && unit(name).is_some() && and.bare() == "and",
            _ => false,
        }
}

/// Do the words before a value change or doubt it: `half of`, `up to`, `all but`, or is the value a name: `step 5`?
fn changed(before: &[Word<'_>], counts: bool) -> bool {
    let words: Vec<String> = before.iter().map(Word::bare).collect();
    let pair = |a: &str, b: &str| words.windows(2).any(|pair| pair[0] == a && pair[1] == b);
    words.iter().any(|word| CHANGERS.contains(&word.as_str()))
        || counts
            && words
                .last()
                .is_some_and(|word| NUMBERED.contains(&word.as_str()))
        || pair("up", "to")
        || pair("all", "but")
        || pair("next", "to")
}

/// A sentence without the value that it contrasts its own with: `The answer is 12, not 13.`
pub(crate) fn without_contrast(sentence: &str) -> &str {
    for mark in [", not ", " rather than ", " instead of "] {
        if let Some((statement, other)) = sentence.rsplit_once(mark)
            && other.split_whitespace().count() < 3
            && other.contains(|c: char| c.is_ascii_digit())
        {
            return statement;
        }
    }
    sentence
}

/// `\text{…}` and its like outside of formulas as plain words.
fn flattened(text: &str) -> String {
    let mut out = text.to_owned();
    for command in [
        "\\text{",
        "\\textbf{",
        "\\mathrm{",
        "\\textrm{",
        "\\mathbf{",
    ] {
        let mut from = 0;
        for _ in 0..16 {
            let Some(at) = out[from..].find(command).map(|at| from + at) else {
                break;
            };
            let Some(end) = out[at..].find('}') else {
                break;
            };
            from = at + command.len();
            if clauses::open_at_end(&out[..at]).is_none() {
                let inner = format!(" {} ", &out[from..at + end]);
                out.replace_range(at..=at + end, &inner);
                from = at;
            }
        }
    }
    out
}

/// The unit, or the name of what is counted, at the start of the words after a value; nothing where something else follows.
pub(crate) fn label(words: &[Word<'_>]) -> Option<String> {
    let bare = |word: &Word<'_>| {
        word.text
            .trim_end_matches(['.', ',', ';', '!', '*'])
            .to_owned()
    };
    let Some(first) = words.first() else {
        return Some(String::new());
    };
    let mut out = bare(first);
    let lower = out.to_lowercase();
    // At the end, `in` is no preposition but the inch.
    if out == "in" && words.len() == 1 {
        return Some(out);
    }
    // `3 real roots`
    let next = words.get(1).map(bare).unwrap_or_default();
    if units::known(&lower).is_none()
        && !allow::is_noun(&out)
        && allow::is_harmless(&out)
        && allow::is_noun(&next)
        && !NO_LABEL.contains(&lower.as_str())
        && out.len() == first.text.len()
    {
        return label(&words[1..]);
    }
    if out.is_empty() || NO_LABEL.contains(&lower.as_str()) {
        return Some(String::new());
    }
    let written =
        |c: char| c.is_alphabetic() || matches!(c, '/' | '^' | '²' | '³' | '·' | '-' | '.');
    if first.formula || !out.starts_with(char::is_alphabetic) || !out.chars().all(written) {
        return None;
    }
    let mut ended = out.len() < first.text.len();
    for (i, word) in words.iter().enumerate().skip(1).take(4) {
        let last = words[i - 1].bare();
        let goes_on = matches!(
            last.as_str(),
            "square"
                | "cubic"
                | "sq"
                | "percentage"
                | "hundred"
                | "thousand"
                | "million"
                | "billion"
                | "dozen"
                | "per"
        ) || matches!(
            (last.as_str(), word.bare().as_str()),
            ("degrees" | "degree", "celsius" | "fahrenheit")
        ) || matches!(word.bare().as_str(), "per" | "squared" | "cubed");
        if ended || !goes_on || word.formula {
            break;
        }
        let next = bare(word);
        ended = next.len() < word.text.len();
        out.push(' ');
        out.push_str(&next);
    }
    Some(out)
}

/// What a sentence without mathematics says that something is: `parabola`, `no solution`, `fifteen`.
fn named(words: &[Word<'_>]) -> Option<String> {
    const VERBS: [&str; 10] = [
        "is",
        "are",
        "was",
        "be",
        "has",
        "have",
        "equals",
        "answer",
        "answer:",
        "solution:",
    ];
    let at = words
        .iter()
        .rposition(|word| VERBS.contains(&word.bare().as_str()))?;
    if !allow::leads(&words[..=at]) {
        return None;
    }
    let mut rest = &words[at + 1..];
    while rest.first().is_some_and(|word| {
        matches!(
            word.bare().as_str(),
            "a" | "an" | "the" | "answer" | "exactly" | "only" | "just"
        ) && rest.len() > 1
            && word.text != "A"
    }) {
        rest = &rest[1..];
    }
    if rest.is_empty() || rest.len() > 6 || rest.iter().any(|word| word.bare() == "or") {
        return None;
    }
    let text = joined(rest);
    Some(text.trim().trim_end_matches(['.', '!', ',']).to_owned())
}
