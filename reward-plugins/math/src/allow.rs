//! Which words may stand around a value so that it is the answer: a list of what is allowed, for what denies or changes a value
//! has no end. `The answer is 12`, `she has 12 apples left`; but no `ln 12`, `a multiple of 12`, `12 rejected`.

use crate::sentence::Word;
use crate::units;

/// Words that lead to an answer and say nothing else.
const LEADS: &[&str] = &[
    "so",
    "therefore",
    "thus",
    "hence",
    "then",
    "and",
    "finally",
    "we",
    "i",
    "you",
    "get",
    "find",
    "have",
    "obtain",
    "got",
    "found",
    "the",
    "my",
    "our",
    "your",
    "this",
    "that",
    "final",
    "correct",
    "right",
    "simplified",
    "exact",
    "answer",
    "answers",
    "ans",
    "result",
    "solution",
    "solutions",
    "value",
    "values",
    "is",
    "are",
    "be",
    "to",
    "equals",
    "equal",
    "it",
    "its",
    "it's",
    "here",
    "there",
    "now",
    "yes",
    "ok",
    "okay",
    "well",
    "as",
    "domain",
    "range",
    "interval",
    "set",
    "in",
    "total",
    "exactly",
    "simply",
    "a",
    "of",
    "conclude",
    "but",
    "rather",
    "see",
    "know",
];
/// Verbs before a value: what stands before them may be any subject.
const CUES: &[&str] = &[
    "is",
    "are",
    "was",
    "were",
    "equals",
    "equal",
    "equaled",
    "gives",
    "give",
    "giving",
    "get",
    "gets",
    "got",
    "obtain",
    "obtains",
    "obtained",
    "yields",
    "yield",
    "yielding",
    "makes",
    "make",
    "making",
    "made",
    "has",
    "have",
    "had",
    "having",
    "answer",
    "answers",
    "exactly",
    "costs",
    "cost",
    "total",
    "totals",
    "=",
    "≈",
    "becomes",
    "become",
    "need",
    "needs",
    "needed",
    "find",
    "finds",
    "found",
    "solution",
    "result",
    "be",
    "being",
    "leaves",
    "leaving",
    "left",
    "takes",
    "take",
    "took",
    "earns",
    "earned",
    "spent",
    "spends",
    "pays",
    "paid",
    "sold",
    "sells",
    "bought",
    "buys",
    "weighs",
    "measures",
    "contains",
    "holds",
    "saves",
    "saved",
    "travels",
    "traveled",
    "produces",
    "used",
    "uses",
    "reads",
    "approximately",
    "save",
    "pay",
    "buy",
    "earn",
    "walk",
    "walks",
    "drive",
    "drives",
    "travel",
    "arrives",
    "arrive",
    "leave",
    "meet",
    "meets",
    "intersect",
    "reach",
    "reaches",
];
/// Quantities whose name may stand alone before a value, or with `of`.
const NAMES: &[&str] = &[
    "slope",
    "radius",
    "diameter",
    "length",
    "width",
    "height",
    "depth",
    "area",
    "perimeter",
    "circumference",
    "volume",
    "angle",
    "distance",
    "speed",
    "velocity",
    "time",
    "cost",
    "price",
    "profit",
    "total",
    "sum",
    "product",
    "difference",
    "probability",
    "mean",
    "median",
    "mode",
    "average",
    "maximum",
    "minimum",
    "value",
    "answer",
    "result",
    "solution",
    "interval",
    "set",
    "range",
    "domain",
    "ratio",
    "fraction",
    "vertex",
    "center",
    "point",
    "number",
    "amount",
    "equation",
    "matrix",
    "vector",
    "score",
    "age",
    "weight",
    "mass",
    "determinant",
    "remainder",
    "limit",
    "integral",
    "derivative",
    "rate",
    "coefficient",
    "degree",
    "loss",
    "gain",
    "increase",
    "decrease",
];
/// Words with which a second part of a value begins: `5 and a half`.
const FRACTIONS: &[&str] = &[
    "half", "halves", "quarter", "quarters", "third", "thirds", "fifth", "fifths", "tenth",
    "tenths",
];
/// Verbs of change, whose amount stands after `by`.
const CHANGED: &[&str] = &[
    "increased",
    "increases",
    "increase",
    "decreased",
    "decreases",
    "decrease",
    "rose",
    "rises",
    "fell",
    "falls",
    "grew",
    "grows",
    "dropped",
    "drops",
    "reduced",
    "changed",
    "changes",
];
/// What may stand between the verb and the value.
const MODIFIERS: &[&str] = &[
    "exactly",
    "only",
    "just",
    "simply",
    "the",
    "a",
    "total",
    "of",
    "to",
    "equal",
    "value",
    "values",
    "number",
    "numbers",
    "answer",
    "interval",
    "set",
    "point",
    "points",
    "vector",
    "matrix",
    "pair",
    "ordered",
    "therefore",
    "thus",
    "now",
    "clearly",
    "then",
    "also",
    "indeed",
    "final",
    "in",
    "at",
    "by",
    "out",
    "be",
    "as",
    "given",
    "x",
    "fraction",
    "ratio",
    "equation",
    "line",
    "expression",
    "integer",
    "following",
    "them",
    "him",
    "her",
    "us",
    "me",
    "you",
    "it",
    "increase",
    "decrease",
    "change",
    "another",
];
/// Words that deny: beside a value, and in a subject.
const DENIALS: &[&str] = &[
    "said",
    "says",
    "claims",
    "claimed",
    "thinks",
    "thought",
    "believes",
    "believed",
    "guessed",
    "told",
    "heard",
    "guess",
    "attempt",
    "distractor",
    "example",
    "tempting",
    "not",
    "never",
    "no",
    "none",
    "neither",
    "nor",
    "cannot",
    "hardly",
    "scarcely",
    "without",
    "except",
    "unless",
    "nothing",
    "nowhere",
    "nobody",
    "wrong",
    "incorrect",
    "false",
    "untrue",
    "invalid",
    "impossible",
    "rejected",
    "excluded",
    "refuted",
    "trap",
    "mistake",
    "error",
    "mistaken",
    "joke",
    "kidding",
    "scratch",
    "ignore",
    "forget",
    "discard",
    "discarded",
    "fails",
    "fail",
    "failed",
    "lie",
    "extraneous",
];
/// Functions and operators in words: with one of them beside it, a value is a part of something else.
const OPERATORS: &[&str] = &[
    "ln",
    "log",
    "lg",
    "lb",
    "sqrt",
    "cbrt",
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "sinh",
    "cosh",
    "tanh",
    "arcsin",
    "arccos",
    "arctan",
    "exp",
    "abs",
    "gcd",
    "lcm",
    "max",
    "min",
    "mod",
    "modulo",
    "sgn",
    "det",
    "floor",
    "ceil",
    "round",
    "plus",
    "minus",
    "times",
    "divided",
    "multiplied",
    "over",
    "point",
    "choose",
    "factorial",
    "power",
    "powers",
    "squared",
    "cubed",
    "xor",
    "versus",
    "vs",
    "negative",
    "positive",
    "below",
    "above",
    "under",
    "less",
    "more",
    "fewer",
    "than",
    "half",
    "halves",
    "multiple",
    "divisor",
    "base",
    "grand",
    "mil",
    "pairs",
    "couples",
    "inverse",
];
/// Words that make something else of an answer that is their object: `the square of the answer`, `twice the answer`.
const CHANGERS: &[&str] = &[
    "squared",
    "cubed",
    "previous",
    "another",
    "other",
    "different",
    "earlier",
    "next",
    "part",
    "than",
    "plus",
    "first",
    "twice",
    "thrice",
    "double",
    "triple",
    "quadruple",
    "half",
    "third",
    "quarter",
    "fifth",
    "tenth",
    "root",
    "square",
    "cube",
    "reciprocal",
    "inverse",
    "opposite",
    "logarithm",
    "complement",
    "negative",
    "negation",
    "multiple",
    "divisor",
    "factor",
    "remainder",
    "digit",
    "digits",
    "successor",
    "predecessor",
    "factorial",
    "minus",
    "plus",
    "times",
    "power",
    "absolute",
    "conjugate",
    "derivative",
    "integral",
    "percent",
];
/// Words that may stand beside `answer`, `result` or `solution` in a subject, with those that lead to an answer.
const ASKED: &[&str] = &[
    "inequality",
    "approximately",
    "question",
    "problem",
    "equation",
    "system",
    "for",
    "by",
    "on",
    "with",
    "unique",
    "only",
    "real",
    "numerical",
    "overall",
    "required",
    "desired",
    "expected",
    "asked",
    "given",
    "above",
    "exercise",
    "task",
    "puzzle",
    "option",
    "choice",
    "complete",
    "obtain",
    "gives",
    "give",
    "giving",
    "means",
    "because",
    "since",
    "which",
    "must",
    "should",
    "will",
    "would",
    "full",
    "one",
    "possible",
    "integer",
    "numeric",
    "when",
    "solving",
    "using",
    "boxed",
    "computed",
    "therefore",
    "let's",
    "say",
    "us",
    "was",
];
/// Words after a value that make another number of it: `in base 7`, `with the sign flipped`.
const REWRITES: &[&str] = &[
    "base",
    "binary",
    "hex",
    "hexadecimal",
    "octal",
    "roman",
    "sign",
    "flipped",
    "opposite",
    "rounding",
    "halving",
    "doubling",
    "halved",
    "doubled",
    "tripled",
    "negated",
    "inverted",
    "increased",
    "decreased",
    "reversed",
    "swapped",
    "up",
    "off",
    "short",
];
/// Words that call an answer a wrong one before it is named.
const BLAMES: &[&str] = &[
    "mistake",
    "mistaken",
    "mistakenly",
    "incorrect",
    "incorrectly",
    "wrong",
    "wrongly",
    "naive",
    "naively",
    "trap",
    "tempting",
    "erroneous",
    "erroneously",
];

/// Where a clause speaks of the answer, does it say that it is the answer, and not something made of it?
fn is_of_answer(words: &[String]) -> bool {
    let names = |word: &str| word.starts_with("answer") || matches!(word, "result" | "solution");
    let Some(at) = words.iter().rposition(|word| names(word)) else {
        return true;
    };
    let fits = |word: &String| {
        LEADS.contains(&word.as_str())
            || ASKED.contains(&word.as_str())
            || !word.chars().any(char::is_alphanumeric)
    };
    matches!(
        words[at].as_str(),
        "answer" | "answers" | "result" | "solution"
    ) && words[at.saturating_sub(3)..at].iter().all(fits)
        && words[at..].iter().all(fits)
}

/// Words after a value, or after what it counts, that may begin what else is said of it.
const TAILS: &[&str] = &[
    "in",
    "of",
    "for",
    "at",
    "on",
    "by",
    "with",
    "when",
    "which",
    "that",
    "where",
    "from",
    "after",
    "before",
    "during",
    "each",
    "every",
    "per",
    "total",
    "altogether",
    "overall",
    "left",
    "remaining",
    "remain",
    "long",
    "wide",
    "tall",
    "high",
    "deep",
    "old",
    "away",
    "apart",
    "here",
    "there",
    "together",
    "as",
    "so",
    "yes",
    "today",
    "ago",
    "later",
    "faster",
    "slower",
    "inside",
    "square",
    "cubic",
    "sq",
    "percent",
    "percentage",
    "hundred",
    "thousand",
    "million",
    "billion",
    "dozen",
    "among",
    "respectively",
    "exactly",
    "only",
    "to",
    "and",
    "squared",
    "cubed",
    "distinct",
    "possible",
    "different",
    "such",
    "using",
    "real",
    "integer",
    "whole",
    "because",
    "since",
    "more",
];
/// What may be said of a value by `is` after it: `12 is the answer`.
const PREDICATES: &[&str] = &[
    "is",
    "are",
    "was",
    "the",
    "our",
    "my",
    "final",
    "correct",
    "right",
    "answer",
    "answers",
    "solution",
    "solutions",
    "result",
    "value",
    "values",
    "number",
    "total",
    "required",
    "desired",
    "only",
    "indeed",
    "wanted",
    "of",
    "x",
    "it",
    "what",
    "smallest",
];
/// Things that are counted whose plural has no `s`, and words of one form.
const IRREGULAR: &[&str] = &[
    "people", "children", "men", "women", "fish", "sheep", "deer", "mice", "geese", "feet",
    "teeth", "oxen", "cattle", "series", "dice", "data", "staff", "km", "chicken", "fruit", "cup",
    "person", "child", "man", "woman", "apple", "way", "solution", "point", "time", "hour", "day",
];
/// Words in `s` that count nothing: verbs, adverbs.
const NO_NOUNS: &[&str] = &[
    "is",
    "was",
    "has",
    "does",
    "fails",
    "misses",
    "exceeds",
    "differs",
    "lacks",
    "breaks",
    "violates",
    "contradicts",
    "errs",
    "overshoots",
    "undershoots",
    "loses",
    "versus",
    "plus",
    "minus",
    "times",
    "perhaps",
    "besides",
    "thus",
    "always",
    "this",
    "its",
    "yes",
    "less",
    "tens",
    "ones",
    "minuses",
    "opposites",
    "wrongs",
    "nots",
    "oops",
    "lies",
    "bps",
    "negatives",
    "positives",
    "errors",
    "mistakes",
    "traps",
    "inverses",
    "numerals",
    "reciprocals",
    "complements",
    "units'",
    "pairs",
    "couples",
    "falls",
    "works",
    "stops",
    "seems",
    "looks",
    "sucks",
    "disagrees",
    "conflicts",
    "follows",
    "becomes",
    "equals",
    "means",
    "goes",
    "scores",
];

fn is_word(word: &str) -> bool {
    let inner = word.replace(['-', '\'', '’'], "");
    !inner.is_empty() && inner.chars().all(char::is_alphabetic)
}

fn denies(word: &str) -> bool {
    DENIALS.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

/// Is it a number in words, or a place in a row?
fn counts(word: &str) -> bool {
    crate::words::small(word).is_some_and(|n| n != 1) || crate::words::ordinal(word).is_some()
}

/// Can a word name what a number counts: a plural that is no verb known to deny?
pub(crate) fn is_noun(word: &str) -> bool {
    let word = word.to_lowercase();
    let plural = word.len() > 2 && word.ends_with('s') && !word.ends_with("ss");
    is_word(&word)
        && (plural || IRREGULAR.contains(&word.as_str()))
        && !NO_NOUNS.contains(&word.as_str())
        && !denies(&word)
        && !FRACTIONS.contains(&word.as_str())
        && !OPERATORS.contains(&word.as_str())
}

/// Can a word stand before what is counted: `red` in `12 red apples`?
pub(crate) fn is_harmless(word: &str) -> bool {
    let word = word.to_lowercase();
    is_word(&word)
        && !denies(&word)
        && !counts(&word)
        && !OPERATORS.contains(&word.as_str())
        && !NO_NOUNS.contains(&word.as_str())
}

/// May these words stand before the value that a sentence states?
pub(crate) fn leads(words: &[Word<'_>]) -> bool {
    let bare: Vec<String> = words
        .iter()
        .map(Word::bare)
        .filter(|word| word.chars().any(char::is_alphanumeric) || word == "=" || word == "≈")
        .collect();
    let has = |list: &[&str], word: &str| list.contains(&word);
    if bare.iter().all(|word| has(LEADS, word)) {
        // An article before a number belongs to something else: `a 5`.
        return words
            .last()
            .is_none_or(|word| word.bare() != "a" || word.text.ends_with(':'));
    }
    // `x in [1, 2]`
    if let [before @ .., name, verb] = bare.as_slice()
        && name.len() == 1
        && matches!(verb.as_str(), "in" | "is" | "equals")
        && before.iter().all(|word| has(LEADS, word))
    {
        return true;
    }
    // `slope m = 3`
    if let [only] = bare.as_slice()
        && NAMES.contains(&only.as_str())
    {
        return true;
    }
    if let [.., verb, by] = bare.as_slice()
        && by == "by"
        && CHANGED.contains(&verb.as_str())
    {
        return !bare.iter().any(|word| denies(word));
    }
    // A label with a colon, `Area: 12`.
    let names = bare
        .iter()
        .any(|word| has(NAMES, word) || has(LEADS, word) && word.len() > 3);
    let labelled = names && words.last().is_some_and(|word| word.text.ends_with(':'));
    let Some(cue) = bare
        .iter()
        .rposition(|word| has(CUES, word))
        .or(labelled.then(|| bare.len() - 1))
    else {
        return false;
    };
    if bare[cue + 1..].last().is_some_and(|word| word == "a") {
        return false;
    }
    if !bare[cue + 1..].iter().all(|word| has(MODIFIERS, word)) {
        return false;
    }
    // `fails to be 12`: of the other verbs, only those of finding.
    if bare[cue] == "be" && cue > 1 && bare[cue - 1] == "to" {
        let finds = [
            "out",
            "found",
            "comes",
            "known",
            "calculated",
            "determined",
            "computed",
            "works",
            "has",
            "shown",
            "need",
            "needs",
        ];
        if !has(&finds, &bare[cue - 2]) {
            return false;
        }
    }
    let subject = &bare[..=cue];
    if subject.iter().any(|word| denies(word)) {
        return false;
    }
    // A clause or label before it speaks for itself.
    let from = words[..words.len().saturating_sub(1)]
        .iter()
        .rposition(|word| word.text.ends_with([',', ':']))
        .map_or(0, |at| at + 1);
    let clause: Vec<String> = words[from..].iter().map(Word::bare).collect();
    if !is_of_answer(&clause) || subject.iter().any(|word| has(BLAMES, word)) {
        return false;
    }
    // Of the answer itself nothing else may be said.
    let answer = |word: &String| {
        matches!(
            word.as_str(),
            "answer" | "result" | "solution" | "it" | "this"
        ) || word.len() == 1
            && word.starts_with(char::is_alphabetic)
            && !matches!(word.as_str(), "a" | "i" | "=")
    };
    let function = |word: &String| OPERATORS[..31].contains(&word.as_str());
    if subject.iter().any(function) {
        return false;
    }
    let changes =
        |word: &String| has(CHANGERS, word) || word.contains(|c: char| c.is_ascii_digit());
    !(subject.iter().any(answer) && subject.iter().any(changes))
}

/// May these words stand after it?
pub(crate) fn tails(words: &[Word<'_>]) -> bool {
    let bare: Vec<String> = words.iter().map(Word::bare).collect();
    let Some(first) = bare.first() else {
        return true;
    };
    if bare.iter().all(String::is_empty) {
        return true;
    }
    if bare == ["it", "is"] {
        return true;
    }
    if matches!(first.as_str(), "is" | "are" | "was") {
        return bare[1..]
            .iter()
            .all(|word| PREDICATES.contains(&word.as_str()));
    }
    let begins = TAILS.contains(&first.as_str())
        || units::label(words[0].text.trim_end_matches([',', '.', ';', '!'])).is_some()
        || is_noun(first)
        || bare
            .get(1)
            .is_some_and(|second| is_harmless(first) && is_noun(second));
    if bare.iter().any(|word| REWRITES.contains(&word.as_str())) {
        return false;
    }
    let more = first == "and" && bare.iter().any(|word| FRACTIONS.contains(&word.as_str()));
    begins
        && !more
        && bare
            .iter()
            .skip(1)
            .all(|word| word.is_empty() || is_word(word) && !denies(word) && !counts(word))
}

/// Words with which a text after the answer takes it back.
const TAKES_BACK: &[&str] = &[
    "scratch that",
    "is wrong",
    "'s wrong",
    "’s wrong",
    "is incorrect",
    "not right",
    "not correct",
    "never mind",
    "kidding",
    "disregard",
    "take that back",
    "take it back",
    "ignore that",
    "ignore this",
    "forget that",
    "correction:",
    "my mistake",
    "oops",
    "strike that",
    "cannot be right",
    "can't be right",
    "i was wrong",
];

/// The beginning of a text.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The end of a text.
fn ending(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// Does a text that follows an answer take it back? Second thoughts do not where they end with the same answer.
pub(crate) fn takes_back(after: &str, answer: &str) -> bool {
    let after = cut(after, 2000);
    let lower = after.to_lowercase();
    let again = !answer.is_empty() && after.contains(answer);
    if !again
        && [
            "wait,",
            "wait.",
            "wait -",
            "wait—",
            "wait –",
            "wait!",
            "wait…",
            "wait...",
            "hmm",
            "actually,",
        ]
        .iter()
        .any(|word| lower.contains(word))
    {
        return true;
    }
    TAKES_BACK.iter().any(|words| lower.contains(words))
}

/// Does the clause before a box speak of something that is made of the answer, or only suppose it?
fn supposes(line: &str) -> bool {
    let sentence = line.rsplit(". ").next().unwrap_or_default();
    let clause = sentence.rsplit(", ").next().unwrap_or_default();
    let clause = clause
        .trim_end_matches([' ', '$', '*', ':'])
        .rsplit([':'])
        .next()
        .unwrap_or_default();
    let words: Vec<String> = clause
        .split_whitespace()
        .map(|word| {
            word.trim_matches(['*', '$', '(', ':', ',', '"'])
                .to_lowercase()
        })
        .collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if has(BLAMES) || !is_of_answer(&words) {
        return true;
    }
    let answer = has(&["answer", "result", "solution"]);
    answer
        && (words.iter().any(|word| denies(word))
            || has(&[
                "suppose",
                "assume",
                "imagine",
                "pretend",
                "supposing",
                "assuming",
            ]))
}

/// May the text before a box lead to it? Only the end of its sentence is looked at.
pub(crate) fn leads_to_box(before: &str) -> bool {
    let line = ending(before, 300).rsplit('\n').next().unwrap_or_default();
    if supposes(line) || line.trim_end().ends_with("~~") {
        return false;
    }
    // What denies may stand before the formula that the box is in.
    if let Some((words, _)) = line.rsplit_once('$')
        && line.matches('$').count() % 2 == 1
        && words
            .split_whitespace()
            .next_back()
            .is_some_and(|word| denies(&word.to_lowercase()))
    {
        return false;
    }
    let line = line.trim_end_matches([' ', '$', '(', '\\', '*', '[', '~', '`', '_', '#', '{']);
    if line.is_empty() || !line.ends_with(|c: char| c.is_alphabetic()) {
        return true;
    }
    let mut words = line.rsplit(char::is_whitespace).map(|word| {
        word.trim_matches(['*', '(', '"', '`', '$', '_', '#'])
            .to_lowercase()
    });
    let (last, second) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    // A command or formula; `touch` looks at these.
    if !is_word(&last) {
        return true;
    }
    if last == "to" && second == "up" {
        return false;
    }
    if last == "of" {
        return NAMES.contains(&second.as_str());
    }
    if denies(&last) || last == "a" {
        return false;
    }
    // The least or greatest number may be what is asked for.
    if second == "at" && matches!(last.as_str(), "least" | "most") {
        return true;
    }
    LEADS.contains(&last.as_str())
        || CUES.contains(&last.as_str())
        || MODIFIERS.contains(&last.as_str())
        || NAMES.contains(&last.as_str())
}

/// Words after `or` that lead to another form of a value.
const ABOUT: &[&str] = &["about", "approximately", "roughly", "equivalently"];

/// May the text behind a box follow it?
pub(crate) fn follows_box(after: &str) -> bool {
    let line = cut(after, 300).split('\n').next().unwrap_or_default();
    let line = line.trim_start_matches([' ', '$', ')', '\\', '*', ']', '~', '`', '_', '}']);
    if let Some(rest) = line.strip_prefix([',', ';']) {
        // Another value beside it.
        let rest = rest.trim_start();
        let rest = rest.strip_prefix("or ").unwrap_or(rest);
        let rest = rest
            .trim_start_matches([' ', '$'])
            .trim_end_matches(['.', ' ', '$']);
        return rest.is_empty()
            || rest.contains(|c: char| c.is_alphabetic() || c == '=')
            || !rest.contains(|c: char| c.is_ascii_digit());
    }
    if let Some(aside) = line.strip_prefix('(') {
        let aside = aside.split(')').next().unwrap_or_default().to_lowercase();
        return !aside.starts_with("or ") && !aside.split_whitespace().any(denies);
    }
    let end = line
        .find([',', ';', '.', ':', '!', '('])
        .unwrap_or(line.len());
    let all: Vec<String> = line[..end]
        .split_whitespace()
        .map(|word| word.trim_matches(['*', '"', '`', '$', '_']).to_lowercase())
        .collect();
    let Some(first) = all.first().filter(|first| is_word(first)) else {
        return true;
    };
    let rest = &all[1..];
    // `3 times`, how often, unless a value follows.
    if first == "times" && rest.is_empty() {
        return true;
    }
    // Another form of it, or another box; what denies is looked at elsewhere.
    if first == "or"
        && rest
            .first()
            .is_some_and(|word| !is_word(word) || word.len() == 1 || ABOUT.contains(&word.as_str()))
    {
        return true;
    }
    if matches!(first.as_str(), "is" | "are" | "was") {
        let right = |word: &String| PREDICATES.contains(&word.as_str()) || !is_word(word);
        return rest.first().is_none_or(right) && !rest.iter().any(|word| denies(word));
    }
    let second = rest.first().map_or("", String::as_str);
    let begins = TAILS.contains(&first.as_str())
        || units::known(first).is_some()
        || is_noun(first)
        || is_harmless(first) && is_noun(second);
    let changes = matches!(first.as_str(), "and" | "to")
        && (matches!(second, "a" | "an" | "the") || counts(second) || second == "one");
    let changes = changes || all.iter().any(|word| REWRITES.contains(&word.as_str()));
    begins
        && !changes
        && !all
            .iter()
            .any(|word| denies(word) || counts(word) && word != "second")
}
