//! Which words may stand beside a number. What is not on a list here makes the number doubtful.

use super::han;
use super::lists::{AFTER, DENYING, OPERATORS, TURNING};
use super::spelled::is_number_word;
use super::words::{
    ASKING, COMBINING, CONFIRMING, COPULAS, COUNTED, GROUNDS, LEADS, NUMBERED, PLAIN_LY,
    QUANTITIES, UNITS, VERBS,
};
use crate::rational::Rational;
use crate::retraction;

/// A piece of an answer in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A word in lower case.
    Word(String),
    /// A number, in digits or in words, with its sign, scale, percent sign and unit.
    Number,
    /// A number in words that does not count, and its first word.
    Spelled(Rational, String),
    /// A year after a preposition.
    Date,
    /// A colon.
    Colon,
    /// The end of a clause: a stop, a comma, a bracket.
    Stop,
}

/// The most words after a number up to the end of its clause.
const MAX_AFTER: usize = 8;
/// The most words that tell what a quantity is of: `the number of red dogs in the picture is`.
const MAX_OF: usize = 10;

/// Words in -ed and -ing that name things or colours.
const NO_PARTICIPLES: [&str; 20] = [
    "red", "bed", "beds", "shed", "sled", "seed", "breed", "weed", "speed", "moped", "building",
    "ring", "string", "wing", "painting", "drawing", "thing", "king", "spring", "morning",
];

/// Whether all words beside the numbers of an answer leave them as they are.
///
/// Before a number its clause has only words of a lead (`the answer is`), and what a quantity is of; after it come a few
/// plain words, such as what is counted. Another clause repeats the number, is a lead, or gives a ground.
pub(super) fn plain(pieces: &[Piece]) -> bool {
    let clauses: Vec<&[Piece]> = pieces.split(|piece| *piece == Piece::Stop).collect();
    let first = clauses
        .iter()
        .position(|clause| clause.contains(&Piece::Number));
    clauses.iter().enumerate().all(|(at, clause)| {
        if clause.contains(&Piece::Number) {
            stated(clause)
        } else {
            let words = words(clause);
            let units = first.is_some_and(|first| at > first) && words.len() <= 3;
            words.iter().all(|word| leads(word))
                || (units && words.iter().all(|word| UNITS.contains(word)))
                || (words.first().is_some_and(|word| GROUNDS.contains(word))
                    && words.len() > 1
                    && !words.iter().any(|word| denied(word))
                    // `5, as six`
                    && (first.is_some_and(|first| at < first)
                        || !words.iter().any(|word| is_number_word(word))))
        }
    })
}

/// Whether words are the name of what an equation gives: `x`, `the area of the garden`.
pub(super) fn names(words: &[&str]) -> bool {
    let words: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| word.chars().count() > 1)
        .collect();
    subject(&words)
}

/// Whether a word denies, doubts, takes back or changes what stands beside it.
pub(super) fn denied(word: &str) -> bool {
    TURNING.contains(&word)
        || DENYING.contains(&word)
        || retraction::takes_back(word)
        || OPERATORS.contains(&word)
        || word.ends_with("n't")
        || han::denies(word)
}

fn words(clause: &[Piece]) -> Vec<&str> {
    clause
        .iter()
        .filter_map(|piece| match piece {
            Piece::Word(word) => Some(word.as_str()),
            _ => None,
        })
        .collect()
}

fn leads(word: &str) -> bool {
    // A run of Chinese that denies was refused when it was read.
    word.starts_with(han::is)
        || LEADS.contains(&word)
        || QUANTITIES.contains(&word)
        || COPULAS.contains(&word)
}

/// A clause with a number.
fn stated(clause: &[Piece]) -> bool {
    let at = |number: Option<usize>| number.unwrap_or(clause.len());
    let first = at(clause.iter().position(|piece| *piece == Piece::Number));
    let last = at(clause.iter().rposition(|piece| *piece == Piece::Number));
    let before = words(&clause[..first]);
    let between = clause.get(first + 1..last).map(words).unwrap_or_default();
    let combined = !between.is_empty() && before.iter().any(|word| COMBINING.contains(word));
    let colon = clause[..first].contains(&Piece::Colon);
    // `Is the answer 5` asks.
    let asks = before.len() > 1 && before.first().is_some_and(|word| ASKING.contains(word));
    // A sentence in Chinese, perhaps with names in Latin letters: `∠ABC的度数是`.
    let chinese = before.iter().any(|word| word.starts_with(han::is));
    let led = if chinese {
        !before.iter().any(|word| denied(word))
    } else if colon || COPULAS.iter().any(|word| before.contains(word)) {
        let state = clause[..first].iter().rposition(|piece| match piece {
            Piece::Word(word) => COPULAS.contains(&word.as_str()),
            piece => *piece == Piece::Colon,
        });
        let (name, rest) = clause[..first].split_at(state.unwrap_or(0));
        subject(&words(name)) && words(rest).iter().all(|word| leads(word))
    } else {
        lead(&before) || measured(&before, &words(&clause[last.min(clause.len() - 1)..]))
    };
    // `: 5` after a number: a ratio or a list.
    let colons = clause[first..].contains(&Piece::Colon);
    led && !asks
        && !combined
        && !colons
        && follows(&between)
        && follows(&words(&clause[last.min(clause.len() - 1)..]))
}

/// Whether a statement without a verb of [`COPULAS`] gives its number as a quantity: `She sold 12 apples`, `Josh made a profit
/// of $12`. What is counted follows, or a quantity precedes; of `page 12` neither does.
fn measured(before: &[&str], after: &[&str]) -> bool {
    let quantity = matches!(before, [.., noun, "of"] if QUANTITIES.contains(noun));
    let plain = |word: &&str| !(denied(word) || *word == "one" || ASKING.contains(word));
    let nth = before.last().is_some_and(|last| NUMBERED.contains(last));
    (2..=MAX_OF).contains(&before.len())
        && before.iter().all(plain)
        && !nth
        && (quantity || !after.is_empty())
}

/// Words before a number in its clause.
fn lead(words: &[&str]) -> bool {
    words.iter().enumerate().all(|(at, word)| {
        let next = words.get(at + 1).copied().unwrap_or_default();
        // `We can see 5`, `after rounding it is 5`.
        leads(word)
            || (*word == "can" && matches!(next, "see" | "count" | "find"))
            || (*word == "after" && matches!(next, "rounding"))
            || (at > 0 && words[at - 1] == "of" && at + 1 == words.len() && *word == "them")
    })
}

/// What a sentence speaks of: a lead, a quantity of anything, or a few words that deny and turn nothing.
fn subject(words: &[&str]) -> bool {
    // A variable by its letter: `x is 5`.
    if words.len() == 1 && words[0].chars().count() == 1 || lead(words) {
        return true;
    }
    let shape = |at: usize| {
        matches!(
            words[at],
            "square" | "cube" | "part" | "factor" | "fraction"
        ) && words.get(at + 1) != Some(&"of")
    };
    let harmless = |at: usize| {
        let word = words[at];
        // `The most common value`, but not `at most`.
        let compares = matches!(
            word,
            "most" | "least" | "maximum" | "minimum" | "max" | "min"
        ) && !(at > 0 && words[at - 1] == "at");
        shape(at)
            || compares
            || !(denied(word) || VERBS.contains(&word) || word == "one" || word == "true")
    };
    // A function of something may make another number of it: `the floor of x`.
    let function = words
        .windows(2)
        .any(|pair| matches!(pair[0], "floor" | "ceiling") && pair[1] == "of");
    if !words.is_empty() && words.len() <= MAX_OF && !function && (0..words.len()).all(harmless) {
        return true;
    }
    let prepositions = [
        "of", "in", "for", "on", "at", "from", "among", "per", "between",
    ];
    let of = words
        .windows(2)
        .position(|pair| QUANTITIES.contains(&pair[0]) && prepositions.contains(&pair[1]));
    of.is_some_and(|of| {
        let (head, rest) = words.split_at(of + 2);
        // The area of the square, but not the value of the square of it.
        let shape =
            |at: usize| matches!(rest[at], "square" | "cube") && rest.get(at + 1) != Some(&"of");
        let denied = (0..rest.len()).any(|at| denied(rest[at]) && !shape(at));
        lead(&head[..=of]) && rest.len() <= MAX_OF && !denied
    })
}

/// Words after a number up to the end of its clause.
fn follows(words: &[&str]) -> bool {
    let Some(first) = words.first() else {
        return true;
    };
    let another = |word: &&str| {
        let fraction = ["fold", "teenth", "teenths", "tieth", "tieths"];
        let letter = word.chars().count() == 1
            && !matches!(*word, "a" | "m" | "s")
            && !word.starts_with(han::is);
        let adverb = word.ends_with("ly") && !PLAIN_LY.contains(word);
        letter || adverb || is_number_word(word) || fraction.iter().any(|end| word.ends_with(end))
    };
    if words.len() > MAX_AFTER || AFTER.contains(first) || words.iter().any(another) {
        return false;
    }
    let verb = words.iter().position(|word| VERBS.contains(word));
    let (things, said) = words.split_at(verb.unwrap_or(words.len()));
    let harmless = |(at, word): (usize, &&str)| {
        // `5 square metres`, `5 parts`, `5 after rounding`, `5 per cent more`
        let counted = COUNTED.contains(word);
        let unit = *word == "second" && (at == 0 || things[at - 1] == "per");
        counted || unit || !denied(word)
    };
    let participle = things.last().is_some_and(|word| {
        (word.ends_with("ed") || word.ends_with("ing"))
            && word.len() > 2
            && !NO_PARTICIPLES.contains(word)
            && !LEADS.contains(word)
    });
    // `8 can be seen in the picture`
    let seen = matches!(said, ["can", "be", "seen" | "found" | "counted", rest @ ..]
        if !rest.iter().any(|word| denied(word) || VERBS.contains(word)));
    let power = words
        .windows(3)
        .any(|part| matches!(part, ["to", "the", "first" | "second"]));
    let confirmed = seen
        || said.first().is_none_or(|verb| {
            matches!(*verb, "is" | "are" | "was" | "were")
                && said.len() > 1
                && said[1..]
                    .iter()
                    .all(|word| leads(word) || CONFIRMING.contains(word))
        });
    things.iter().enumerate().all(harmless) && !participle && !power && confirmed
}
