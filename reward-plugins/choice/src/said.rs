//! The choice of a text of several sentences: what each one says of letters, and what they say together.
//!
//! A sentence that leads to letters (`The answer is B`, `ANSWER: A, C`, `答案：B`) declares them; the last one that does is the
//! choice. Letters alone (`**B**`) and labels (`B) a dog`) are weaker: they choose where nothing else does, and several
//! different ones choose nothing. What follows may explain, dismiss other letters and describe them. It may not take the
//! choice back, doubt it or name another letter as if that were it.

use crate::chinese;
use crate::letters::{self, Letters};
use crate::prose;
use crate::sentence::{
    before_reason, corrected, joined, letter, lower, sentences, strip_word, without_denied,
};

/// Texts of more sentences than this choose nothing.
const MAX_SENTENCES: usize = 200;
/// Words that lead to letters after them.
const LEADS: [&str; 12] = [
    "solution", "result", "response", "ans", "answer", "answers", "option", "options", "choice",
    "choices", "letter", "letters",
];
/// Verbs that choose what stands after them.
const CHOOSING: [&str; 5] = ["choose", "select", "pick", "chose", "selected"];
/// Words with which the rest of the options is meant.
const REST: [&str; 6] = [
    "other",
    "others",
    "rest",
    "remaining",
    "distractor",
    "distractors",
];
/// Words with which a sentence says that a letter is the choice.
const ENDORSING: [&str; 9] = [
    "right", "correct", "best", "better", "true", "answer", "choice", "one", "likelier",
];

/// How surely a sentence chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Label,
    Alone,
    Led,
}

/// What a sentence says.
#[derive(Debug)]
pub(crate) enum Said {
    /// Nothing of the choice.
    Nothing,
    /// That the choice, if there is one, is none.
    Back,
    /// That these letters are not the choice.
    Denied(Letters),
    /// Letters.
    Chosen(Letters, Rank),
}

/// The letters that a text, which is [plain](letters::plain), chooses.
pub fn choice(text: &str, options: &[String]) -> Option<Letters> {
    let mut chosen: Option<(Letters, Rank)> = None;
    let mut void = false;
    let mut count = 0;
    let mut first = true;
    let mut take = |said: Said, line: bool, others: &dyn Fn(Option<Letters>) -> bool| {
        match said {
            Said::Chosen(letters, rank) => match chosen {
                Some((known, _)) if known == letters => {
                    if rank == Rank::Led {
                        void = false;
                    }
                    chosen = chosen.map(|(known, old)| (known, old.max(rank)));
                }
                // Lines of options after the answer explain it.
                Some((_, Rank::Led)) if rank == Rank::Label && line => {}
                Some((_, old)) if rank < old || (rank == old && rank < Rank::Led) => void = true,
                _ => {
                    chosen = Some((letters, rank));
                    void = false;
                }
            },
            Said::Back => void |= chosen.is_some(),
            Said::Denied(letters) => void |= chosen.is_some_and(|(known, _)| known.holds(letters)),
            Said::Nothing => {}
        }
        if !others(chosen.map(|(letters, _)| letters)) {
            void |= chosen.is_some();
        }
        chosen.is_none()
    };
    for line in joined(text) {
        if let Some((letters, rank)) = whole(&line, options) {
            first = take(Said::Chosen(letters, rank), true, &|_| true);
            continue;
        }
        for (place, sentence) in sentences(&line).into_iter().enumerate() {
            count += 1;
            if count > MAX_SENTENCES {
                return None;
            }
            let mut said = said(sentence, options);
            // A letter alone counts at the start of a line: `I would say so. B` may mean anything.
            if place > 0 && first && matches!(said, Said::Chosen(_, Rank::Label | Rank::Alone)) {
                said = Said::Nothing;
            }
            let led = matches!(said, Said::Chosen(_, Rank::Led));
            first = take(said, false, &|known| {
                led || known.is_none_or(|known| harmless(sentence, known))
            });
        }
    }
    chosen.filter(|_| !void).map(|(letters, _)| letters)
}

/// A line that is nothing but letters, a label with its text, or an option's text.
fn whole(line: &str, options: &[String]) -> Option<(Letters, Rank)> {
    if let Some(letters) = letters::list(line, false) {
        return Some((letters, Rank::Alone));
    }
    letters::labelled(line, options)
        .or_else(|| letters::written_out(line, options))
        .map(|letters| (letters, Rank::Label))
}

/// What a sentence says.
fn said(sentence: &str, options: &[String]) -> Said {
    if sentence.contains('?') {
        // `B?` asks what was said.
        return if lower(sentence).len() <= 2 {
            Said::Back
        } else {
            Said::Nothing
        };
    }
    if sentence.contains(letters::is_chinese) {
        return chinese::said(sentence);
    }
    let (text, denied) = without_denied(sentence);
    let (text, corrects) = corrected(&text);
    let text = before_reason(text);
    if let Some(letters) = led(text, options) {
        return Said::Chosen(letters, Rank::Led);
    }
    if !prose::doubts(text) {
        let chosen = prose::choice(text)
            .or_else(|| confirmed(text))
            .or_else(|| stated(text))
            .or_else(|| several(text));
        if let Some(letters) = chosen {
            return Said::Chosen(letters, Rank::Led);
        }
        let rest = text.trim_end_matches(['.', ',', '!', ';', ':']);
        if let Some(letters) = letters::list(rest, denied) {
            return Said::Chosen(letters, if denied { Rank::Led } else { Rank::Alone });
        }
        // `C. e`
        if rest.chars().count() == 1 && rest.chars().all(char::is_alphabetic) {
            return Said::Back;
        }
        if let Some((letters, rank)) = whole(rest, options) {
            return Said::Chosen(letters, rank);
        }
    }
    if corrects || takes_back(sentence) {
        Said::Back
    } else {
        Said::Nothing
    }
}

/// The letters that a sentence leads to: `answer: b`, `The correct options are A and C`, `option C: Baroque`.
fn led(sentence: &str, options: &[String]) -> Option<Letters> {
    // Where the last lead ends, and whether what stands before it is no doubt.
    let mut end = 0;
    let mut lead = None;
    for word in sentence.split_inclusive(' ') {
        end += word.len();
        let core = word
            .trim()
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        if LEADS.contains(&core.as_str()) || CHOOSING.contains(&core.as_str()) {
            lead = Some(end);
        }
    }
    let lead = lead?;
    // What precedes the clause may dismiss others, but set no condition: `Since A is wrong, the answer is B`.
    let before = &sentence[..lead];
    let (earlier, clause) = before.rsplit_once(',').unwrap_or(("", before));
    if prose::doubts(clause) || prose::supposes(earlier) {
        return None;
    }
    let mut rest = sentence[lead..].trim_start_matches([':', '=', '-', ' ']);
    let mut stated = sentence[..lead].trim_end().ends_with(':');
    for verb in [
        "is",
        "are",
        "was",
        "should be",
        "must be",
        "would be",
        "will be",
        "both",
        "is:",
        "are:",
    ] {
        if let Some(after) = strip_word(rest, verb) {
            rest = after.trim_start_matches([':', '=', ' ']);
            stated = true;
        }
    }
    let rest = rest.trim();
    if rest.is_empty() {
        return None;
    }
    let letters = letters::list(rest, true).or_else(|| letters::labelled(rest, options))?;
    // `choice b` is a letter, `an answer a` none.
    let whole = sentence.split_whitespace().count() <= 2;
    (stated || whole || rest.chars().next().is_some_and(|c| !c.is_lowercase())).then_some(letters)
}

/// `B is correct`, `Hence, option B matches the figure`: a letter that a sentence says to be right, or concludes.
fn confirmed(sentence: &str) -> Option<Letters> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let lower = lower(sentence);
    let named: Vec<(usize, Letters)> = words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| Some((at, letter(word)?)))
        .collect();
    let [(at, letters)] = named[..] else {
        return None;
    };
    let concludes = lower.first().is_some_and(|word| {
        matches!(
            word.as_str(),
            "so" | "hence" | "thus" | "therefore" | "consequently"
        )
    });
    let option = at > 0 && LEADS.contains(&words[at - 1].to_lowercase().as_str());
    let comma = (at + 1)
        .checked_sub(2 + usize::from(option))
        .is_some_and(|at| words[at].ends_with(','));
    let starts = comma || at <= 1 + usize::from(option) + usize::from(concludes);
    let next = lower.get(at + 1).map(String::as_str);
    let right = matches!(next, Some("is" | "was" | "fits" | "seems"))
        && lower[at + 2..].iter().any(|word| {
            matches!(
                word.as_str(),
                "correct" | "right" | "best" | "true" | "answer" | "choice"
            )
        });
    (starts && (right || (concludes && option && words.len() > at + 1))).then_some(letters)
}

/// `The best description is B`: what a sentence says of its subject is a letter and nothing else.
fn stated(sentence: &str) -> Option<Letters> {
    let (before, last) = sentence.trim_end_matches(['.', '!']).rsplit_once(' ')?;
    let letters = letter(last)?;
    let words = lower(before);
    let (verb, subject) = words.split_last()?;
    let verb = if verb.ends_with("ly") {
        subject.last()?
    } else {
        verb
    };
    let only = before.split_whitespace().all(|word| letter(word).is_none());
    (matches!(verb.as_str(), "is" | "are") && only).then_some(letters)
}

/// `Both A and B`, `A and B are correct`: several letters, and that they are right.
fn several(sentence: &str) -> Option<Letters> {
    let text = sentence.trim_end_matches(['.', '!']);
    let text = ["both", "options", "options"]
        .iter()
        .find_map(|word| strip_word(text, word))
        .unwrap_or(text);
    let (named, said) = text.split_once(" are ").unwrap_or((text, "correct"));
    let right = lower(said).iter().all(|word| {
        matches!(
            word.as_str(),
            "both" | "all" | "the" | "correct" | "right" | "true" | "answers" | "options"
        )
    });
    let named = named.trim();
    // One letter is no list.
    letters::list(named, false).filter(|_| right && named.len() > 1)
}

/// Whether a sentence after the choice takes it back or doubts it: it is short and denies, or speaks of `that` or `it`, or
/// chooses without a letter (`Pick the last one.`).
fn takes_back(sentence: &str) -> bool {
    let words = lower(sentence);
    let rest = words.iter().any(|word| REST.contains(&word.as_str()))
        && !words.first().is_some_and(|word| {
            matches!(
                word.as_str(),
                "no" | "not" | "or" | "but" | "pick" | "choose"
            )
        });
    let doubts = prose::doubts(sentence);
    let named = sentence
        .split_whitespace()
        .any(|word| letter(word).is_some());
    let speaks = words.first().is_some_and(|word| {
        matches!(
            word.as_str(),
            "that"
                | "this"
                | "it"
                | "it's"
                | "that's"
                | "i"
                | "but"
                | "or"
                | "rather"
                | "not"
                | "no"
                | "maybe"
        )
    });
    let first = words.first().map_or("", String::as_str);
    // `It isn't Gothic` says something of the picture, `it isn't right` of the answer.
    let judging = |word: &String| {
        matches!(
            word.as_str(),
            "wrong"
                | "incorrect"
                | "right"
                | "correct"
                | "true"
                | "false"
                | "untrue"
                | "answer"
                | "sure"
                | "certain"
                | "mistake"
                | "error"
                | "invalid"
                | "impossible"
                | "not"
                | "so"
                | "option"
                | "guess"
                | "doubt"
        )
    };
    let pronoun = matches!(first, "it" | "this" | "that");
    let apart = pronoun
        && !words
            .last()
            .is_some_and(|word| judging(word) || word.ends_with("n't") || word == "it")
        && !words.iter().any(|word| {
            matches!(
                word.as_str(),
                "answer" | "option" | "wrong" | "incorrect" | "could" | "might" | "may"
            )
        });
    let again = prose::chooses(sentence) && !rest;
    (doubts && !apart && !rest && !named && (words.len() <= 4 || speaks))
        || (doubts && matches!(first, "or" | "but" | "maybe" | "perhaps" | "rather"))
        || prose::takes_back(sentence)
        || again
}

/// Whether a sentence leaves a choice as it is by what it says of other letters: it dismisses them, or says something else of
/// them than that one of them is the choice.
fn harmless(sentence: &str, chosen: Letters) -> bool {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let lower: Vec<String> = words
        .iter()
        .map(|word| {
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        })
        .collect();
    let dismisses =
        prose::turns(sentence) || lower.iter().any(|word| REST.contains(&word.as_str()));
    let endorses = lower.iter().any(|word| ENDORSING.contains(&word.as_str()));
    let standing = prose::standing(sentence);
    standing.iter().all(|(at, found)| {
        if chosen.holds(*found) {
            // What is dismissed may not be the choice.
            let beside = words
                .get(at + 1)
                .is_none_or(|word| word.ends_with([',', '.']));
            return !(dismisses
                && standing.iter().all(|(_, other)| chosen.holds(*other))
                && !beside
                && says_wrong(&lower, *at));
        }
        let preposition = at.checked_sub(1).is_some_and(|at| {
            matches!(
                lower[at].as_str(),
                "through" | "at" | "from" | "to" | "of" | "between" | "point" | "vertex"
            )
        });
        // Words after it, but more than a verb alone: `B is not. A is.`
        let after = lower.len() - at - 1;
        let said = after > 0 && !(after == 1 && prose::is_verb(&lower[at + 1]));
        dismisses || preposition || (said && !endorses)
    })
}

/// Whether the words after a letter say that it is wrong.
fn says_wrong(lower: &[String], at: usize) -> bool {
    lower[at + 1..].iter().take(3).any(|word| {
        matches!(
            word.as_str(),
            "not" | "wrong" | "incorrect" | "false" | "fails"
        ) || word.ends_with("n't")
    })
}
