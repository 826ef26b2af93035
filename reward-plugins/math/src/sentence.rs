//! Words and formulas of a sentence, and runs of mathematics in it.

/// Most words of a sentence.
const MAX_WORDS: usize = 120;

/// A word of a sentence, or a formula in dollar signs or LaTeX brackets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) formula: bool,
}

impl Word<'_> {
    /// The word in small letters without punctuation around it.
    pub(crate) fn bare(&self) -> String {
        let bare = self
            .text
            .trim_matches(|c: char| matches!(c, '.' | ',' | ';' | ':' | '!' | '"' | '(' | ')'));
        bare.to_lowercase().replace('’', "'")
    }

    pub(crate) fn is_mathematical(&self) -> bool {
        const SIGNS: [&str; 17] = [
            "∈", "=", "+", "-", "−", "*", "/", "<", ">", "≤", "≥", "±", "×", "·", "∪", "∩", "≈",
        ];
        self.formula
            || SIGNS.contains(&self.text)
            || self.text.contains(|c: char| {
                c.is_ascii_digit()
                    || matches!(
                        c,
                        '%' | 'π' | '√' | '∞' | '∅' | '\\' | '^' | '_' | '=' | '+' | '<' | '>'
                    )
            })
    }

    /// A variable: one letter, but no article and no `I`.
    fn is_variable(&self) -> bool {
        let bare = self.text.trim_matches([',', '.', '(', ')']);
        bare.len() == 1
            && bare.starts_with(|c: char| c.is_ascii_alphabetic())
            && !matches!(bare, "a" | "A" | "I")
    }
}

/// Cuts a sentence into words and formulas.
pub(crate) fn words(sentence: &str) -> Option<Vec<Word<'_>>> {
    let mut out = Vec::new();
    let mut rest = sentence.trim_start();
    while !rest.is_empty() {
        let (length, formula) = match formula(rest) {
            Some(length) => (length, true),
            None => (rest.find(char::is_whitespace).unwrap_or(rest.len()), false),
        };
        // Punctuation belongs to the formula before it.
        let tail = rest[length..]
            .find(|c: char| !matches!(c, '.' | ',' | ';' | ':' | '!'))
            .unwrap_or(rest.len() - length);
        let length = if formula { length + tail } else { length };
        out.push(Word {
            text: &rest[..length],
            formula,
        });
        rest = rest[length..].trim_start();
        if out.len() > MAX_WORDS {
            return None;
        }
    }
    Some(out)
}

/// The length of a formula at the start of a text.
fn formula(text: &str) -> Option<usize> {
    for (open, close) in [("$$", "$$"), ("\\(", "\\)"), ("\\[", "\\]")] {
        if let Some(inner) = text.strip_prefix(open) {
            return inner.find(close).map(|end| open.len() + end + close.len());
        }
    }
    let inner = text.strip_prefix('$')?;
    let end = inner.find('$')?;
    // Two prices with words between them are no formula.
    let digit = |text: &str| {
        text.trim_start_matches('.')
            .starts_with(|c: char| c.is_ascii_digit())
    };
    let prices = digit(inner)
        && digit(&inner[end + 1..])
        && inner[..end]
            .split_whitespace()
            .any(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_alphabetic()));
    // And so is a sum of prices: `$6 + $5`.
    let summed = digit(inner)
        && digit(&inner[end + 1..])
        && inner[..end]
            .trim_end()
            .ends_with(['+', '-', '−', '*', '×', '/', '=']);
    let prices = prices || summed;
    (!prices).then_some(end + 2)
}

/// Verbs of working something out: a condition with one of them, `if we simplify`, is none.
const WORKING: [&str; 16] = [
    "simplify",
    "add",
    "sum",
    "subtract",
    "multiply",
    "divide",
    "combine",
    "solve",
    "compute",
    "calculate",
    "evaluate",
    "expand",
    "factor",
    "count",
    "continue",
    "check",
];

/// A sentence without the reason, or the step of the work, that it begins with: `Since the others are false, …`, `If we add
/// both, …`. A real condition stays.
pub(crate) fn main_clause<'a, 's>(words: &'a [Word<'s>]) -> &'a [Word<'s>] {
    let bare: Vec<String> = words.iter().take(3).map(Word::bare).collect();
    let bare: Vec<&str> = bare.iter().map(String::as_str).collect();
    let reason = match bare.as_slice() {
        ["since" | "because" | "as", ..] => true,
        ["if", "we" | "you", verb] => WORKING.contains(verb),
        _ => false,
    };
    let comma = words.iter().position(|word| word.text.ends_with(','));
    match comma {
        Some(at) if reason && at + 1 < words.len() => &words[at + 1..],
        _ => words,
    }
}

/// What follows the last word that draws a conclusion, up to a reason.
pub(crate) fn clause<'a, 's>(words: &'a [Word<'s>]) -> &'a [Word<'s>] {
    let concludes = |i: usize| {
        let bare = words[i].bare();
        let begins = i == 0 || words[i - 1].text.ends_with([',', ';']);
        matches!(
            bare.as_str(),
            "so" | "therefore" | "thus" | "hence" | "giving" | "then" | "i.e"
        ) || begins && bare == "which"
    };
    // A clause after a semicolon, but no item of a list.
    let after_comma = |i: usize| {
        i > 2 && words[i - 1].text.ends_with(';') && !words[..i].iter().any(Word::is_mathematical)
    };
    let start = (0..words.len())
        .rev()
        .find_map(|i| {
            if concludes(i) {
                Some(i + 1)
            } else {
                (i > 0 && after_comma(i)).then_some(i)
            }
        })
        .filter(|start| *start < words.len());
    let words = &words[start.unwrap_or(0)..];
    // A reason that follows is no part of it.
    let reason = |word: &Word<'_>| matches!(word.bare().as_str(), "since" | "because");
    let end = words.iter().position(reason).filter(|at| *at > 0);
    &words[..end.unwrap_or(words.len())]
}

/// Runs of mathematics: from the first to behind the last word.
pub(crate) fn spans(words: &[Word<'_>]) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut i = 0;
    while i < words.len() {
        let sign_follows = |i: usize| {
            words.get(i + 1).is_some_and(|w| {
                w.is_mathematical() && !w.text.starts_with(|c: char| c.is_ascii_digit())
            })
        };
        if !(words[i].is_mathematical() || words[i].is_variable() && sign_follows(i)) {
            i += 1;
            continue;
        }
        let start = i;
        while i < words.len() {
            let next = words.get(i + 1);
            let joins = matches!(words[i].bare().as_str(), "and" | "or")
                && next
                    .is_some_and(|w| w.is_mathematical() || w.is_variable() && sign_follows(i + 1));
            let half = matches!(
                words[i].bare().as_str(),
                "am" | "pm" | "a.m" | "p.m" | "noon" | "percent"
            );
            if !(words[i].is_mathematical() || words[i].is_variable() || joins || half) {
                break;
            }
            i += 1;
        }
        out.push((start, i));
    }
    out
}

/// Words and formulas as one text, without the signs around formulas.
pub(crate) fn joined(words: &[Word<'_>]) -> String {
    let mut out = String::new();
    for word in words {
        let mut text = word.text;
        if word.formula {
            text = text.trim_end_matches(['.', ';', ':', '!']);
            let comma = text.ends_with(',');
            text = text.trim_end_matches(',');
            for (open, close) in [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")] {
                if let Some(inner) = text.strip_prefix(open).and_then(|t| t.strip_suffix(close)) {
                    text = inner;
                    break;
                }
            }
            out.push_str(text);
            out.push_str(if comma { ", " } else { " " });
        } else {
            out.push_str(text);
            out.push(' ');
        }
    }
    out
}

/// Does a sentence give up: `I give up after 5 tries`?
pub(crate) fn gives_up(words: &[Word<'_>]) -> bool {
    words.windows(2).any(|pair| {
        matches!(pair[0].bare().as_str(), "give" | "gave" | "giving") && pair[1].bare() == "up"
    })
}

/// Is a sentence a task or a question, and no answer: `What is 3 + 4.`, `We have to find 7`?
pub(crate) fn is_task(words: &[Word<'_>]) -> bool {
    let asks = |word: &str| {
        matches!(
            word,
            "what" | "which" | "how" | "who" | "whose" | "where" | "why"
        )
    };
    let tells = |word: &str| {
        matches!(
            word,
            "find"
                | "compute"
                | "calculate"
                | "evaluate"
                | "determine"
                | "simplify"
                | "solve"
                | "express"
                | "prove"
        )
    };
    let bare: Vec<String> = words.iter().map(Word::bare).collect();
    let first = bare.first().map_or("", String::as_str);
    asks(first)
        || tells(first)
        || bare
            .windows(2)
            .any(|pair| pair[0] == "to" && tells(&pair[1]))
}
