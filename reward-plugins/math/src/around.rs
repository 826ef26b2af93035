//! The words that may or may not stand around a value.

/// Words that lead to an answer and say nothing else.
#[rustfmt::skip]
pub(crate) const LEADS: &[&str] = &[
    "so", "therefore", "thus", "hence", "then", "and", "finally", "we", "i", "you", "get", "find", "have", "obtain",
    "got", "found", "the", "my", "our", "your", "this", "that", "final", "correct", "right", "simplified", "exact",
    "answer", "answers", "ans", "result", "solution", "solutions", "value", "values", "is", "are", "be", "to", "equals",
    "equal", "it", "its", "it's", "here", "there", "now", "yes", "ok", "okay", "well", "as", "domain", "range",
    "interval", "set", "in", "total", "exactly", "simply", "a", "of", "conclude", "but", "rather", "see", "know",
];

/// Verbs before a value: what stands before them may be any subject.
#[rustfmt::skip]
pub(crate) const CUES: &[&str] = &[
    "is", "are", "was", "were", "equals", "equal", "equaled", "gives", "give", "giving", "get", "gets", "got", "obtain",
    "obtains", "obtained", "yields", "yield", "yielding", "makes", "make", "making", "made", "has", "have", "had",
    "having", "answer", "answers", "exactly", "costs", "cost", "total", "totals", "=", "≈", "becomes", "become", "need",
    "needs", "needed", "find", "finds", "found", "solution", "result", "be", "being", "leaves", "leaving", "left",
    "takes", "take", "took", "earns", "earned", "spent", "spends", "pays", "paid", "sold", "sells", "bought", "buys",
    "weighs", "measures", "contains", "holds", "saves", "saved", "travels", "traveled", "produces", "used", "uses",
    "reads", "approximately", "save", "pay", "buy", "earn", "walk", "walks", "drive", "drives", "travel", "arrives",
    "arrive", "leave", "meet", "meets", "intersect", "reach", "reaches",
];

/// Quantities whose name may stand alone before a value, or with `of`.
#[rustfmt::skip]
pub(crate) const NAMES: &[&str] = &[
    "slope", "radius", "diameter", "length", "width", "height", "depth", "area", "perimeter", "circumference", "volume",
    "angle", "distance", "speed", "velocity", "time", "cost", "price", "profit", "total", "sum", "product",
    "difference", "probability", "mean", "median", "mode", "average", "maximum", "minimum", "value", "answer", "result",
    "solution", "interval", "set", "range", "domain", "ratio", "fraction", "vertex", "center", "point", "number",
    "amount", "equation", "matrix", "vector", "score", "age", "weight", "mass", "determinant", "remainder", "limit",
    "integral", "derivative", "rate", "coefficient", "degree", "loss", "gain", "increase", "decrease",
];

/// Words with which a second part of a value begins: `5 and a half`.
#[rustfmt::skip]
pub(crate) const FRACTIONS: &[&str] = &[
    "half", "halves", "quarter", "quarters", "third", "thirds", "fifth", "fifths", "tenth", "tenths",
];

/// Verbs of change, whose amount stands after `by`.
#[rustfmt::skip]
pub(crate) const CHANGED: &[&str] = &[
    "increased", "increases", "increase", "decreased", "decreases", "decrease", "rose", "rises", "fell", "falls",
    "grew", "grows", "dropped", "drops", "reduced", "changed", "changes",
];

/// What may stand between the verb and the value.
#[rustfmt::skip]
pub(crate) const MODIFIERS: &[&str] = &[
    "exactly", "only", "just", "simply", "the", "a", "total", "of", "to", "equal", "value", "values", "number",
    "numbers", "answer", "interval", "set", "point", "points", "vector", "matrix", "pair", "ordered", "therefore",
    "thus", "now", "clearly", "then", "also", "indeed", "final", "in", "at", "by", "out", "be", "as", "given", "x",
    "fraction", "ratio", "equation", "line", "expression", "integer", "following", "them", "him", "her", "us", "me",
    "you", "it", "increase", "decrease", "change", "another",
];

/// Words that deny: beside a value, and in a subject.
#[rustfmt::skip]
pub(crate) const DENIALS: &[&str] = &[
    "said", "says", "claims", "claimed", "thinks", "thought", "believes", "believed", "guessed", "told", "heard",
    "guess", "attempt", "distractor", "example", "tempting", "not", "never", "no", "none", "neither", "nor", "cannot",
    "hardly", "scarcely", "without", "except", "unless", "nothing", "nowhere", "nobody", "wrong", "incorrect", "false",
    "untrue", "invalid", "impossible", "rejected", "excluded", "refuted", "trap", "mistake", "error", "mistaken",
    "joke", "kidding", "scratch", "ignore", "forget", "discard", "discarded", "fails", "fail", "failed", "lie",
    "extraneous",
];

/// Functions in words.
#[rustfmt::skip]
pub(crate) const FUNCTIONS: &[&str] = &[
    "ln", "log", "lg", "lb", "sqrt", "cbrt", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin",
    "arccos", "arctan", "exp", "abs", "gcd", "lcm", "max", "min", "mod", "modulo", "sgn", "det", "floor", "ceil",
    "round",
];

/// Operators in words, and what else makes a value a part of something else.
#[rustfmt::skip]
pub(crate) const OPERATORS: &[&str] = &[
    "plus", "minus", "times", "divided", "multiplied", "over", "point", "choose", "factorial", "power", "powers",
    "squared", "cubed", "xor", "versus", "vs", "negative", "positive", "below", "above", "under", "less", "more",
    "fewer", "than", "half", "halves", "multiple", "divisor", "base", "grand", "mil", "pairs", "couples", "inverse",
];

/// Words that make something else of an answer that is their object: `the square of the answer`, `twice the answer`.
#[rustfmt::skip]
pub(crate) const CHANGERS: &[&str] = &[
    "squared", "cubed", "previous", "another", "other", "different", "earlier", "next", "part", "than", "plus", "first",
    "twice", "thrice", "double", "triple", "quadruple", "half", "third", "quarter", "fifth", "tenth", "root", "square",
    "cube", "reciprocal", "inverse", "opposite", "logarithm", "complement", "negative", "negation", "multiple",
    "divisor", "factor", "remainder", "digit", "digits", "successor", "predecessor", "factorial", "minus", "times",
    "power", "absolute", "conjugate", "derivative", "integral", "percent",
];

/// Words that may stand beside `answer`, `result` or `solution` in a subject, with those that lead to an answer.
#[rustfmt::skip]
pub(crate) const ASKED: &[&str] = &[
    "inequality", "approximately", "question", "problem", "equation", "system", "for", "by", "on", "with", "unique",
    "only", "real", "numerical", "overall", "required", "desired", "expected", "asked", "given", "above", "exercise",
    "task", "puzzle", "option", "choice", "complete", "obtain", "gives", "give", "giving", "means", "because", "since",
    "which", "must", "should", "will", "would", "full", "one", "possible", "integer", "numeric", "when", "solving",
    "using", "boxed", "computed", "therefore", "let's", "say", "us", "was",
];

/// Words after a value that make another number of it: `in base 7`, `with the sign flipped`.
#[rustfmt::skip]
pub(crate) const REWRITES: &[&str] = &[
    "base", "binary", "hex", "hexadecimal", "octal", "roman", "sign", "flipped", "opposite", "rounding", "halving",
    "doubling", "halved", "doubled", "tripled", "negated", "inverted", "increased", "decreased", "reversed", "swapped",
    "up", "off", "short",
];

/// Words that call an answer a wrong one before it is named.
#[rustfmt::skip]
pub(crate) const BLAMES: &[&str] = &[
    "mistake", "mistaken", "mistakenly", "incorrect", "incorrectly", "wrong", "wrongly", "naive", "naively", "trap",
    "tempting", "erroneous", "erroneously",
];

/// Words after a value, or after what it counts, that may begin what else is said of it.
#[rustfmt::skip]
pub(crate) const TAILS: &[&str] = &[
    "in", "of", "for", "at", "on", "by", "with", "when", "which", "that", "where", "from", "after", "before", "during",
    "each", "every", "per", "total", "altogether", "overall", "left", "remaining", "remain", "long", "wide", "tall",
    "high", "deep", "old", "away", "apart", "here", "there", "together", "as", "so", "yes", "today", "ago", "later",
    "faster", "slower", "inside", "square", "cubic", "sq", "percent", "percentage", "hundred", "thousand", "million",
    "billion", "dozen", "among", "respectively", "exactly", "only", "to", "and", "squared", "cubed", "distinct",
    "possible", "different", "such", "using", "real", "integer", "whole", "because", "since", "more",
];

/// What may be said of a value by `is` after it: `12 is the answer`.
#[rustfmt::skip]
pub(crate) const PREDICATES: &[&str] = &[
    "is", "are", "was", "the", "our", "my", "final", "correct", "right", "answer", "answers", "solution", "solutions",
    "result", "value", "values", "number", "total", "required", "desired", "only", "indeed", "wanted", "of", "x", "it",
    "what", "smallest",
];

/// Things that are counted whose plural has no `s`, and words of one form.
#[rustfmt::skip]
pub(crate) const IRREGULAR: &[&str] = &[
    "people", "children", "men", "women", "fish", "sheep", "deer", "mice", "geese", "feet", "teeth", "oxen", "cattle",
    "series", "dice", "data", "staff", "km", "chicken", "fruit", "cup", "person", "child", "man", "woman", "apple",
    "way", "solution", "point", "time", "hour", "day",
];

/// Words in `s` that count nothing: verbs, adverbs.
#[rustfmt::skip]
pub(crate) const NO_NOUNS: &[&str] = &[
    "is", "was", "has", "does", "fails", "misses", "exceeds", "differs", "lacks", "breaks", "violates", "contradicts",
    "errs", "overshoots", "undershoots", "loses", "versus", "plus", "minus", "times", "perhaps", "besides", "thus",
    "always", "this", "its", "yes", "less", "tens", "ones", "minuses", "opposites", "wrongs", "nots", "oops", "lies",
    "bps", "negatives", "positives", "errors", "mistakes", "traps", "inverses", "numerals", "reciprocals",
    "complements", "units'", "pairs", "couples", "falls", "works", "stops", "seems", "looks", "sucks", "disagrees",
    "conflicts", "follows", "becomes", "equals", "means", "goes", "scores",
];
