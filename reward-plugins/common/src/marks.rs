//! Whether what stands beside a marked answer, a box or a tag, voids it.
//!
//! A closed mark is the answer, whatever the sentence around it says. Only these void it: an operator, a factor, a
//! function or a command that touches a box in its formula (`2\boxed{3}`, `\sqrt{\boxed{3}}`), a denial in its own clause
//! that the mark belongs to (`not \boxed{3}`, `\boxed{3} is wrong`, `either \boxed{3} or 4`), and a question (`\boxed{3}?`).

/// Commands that make another value of what they stand beside.
const OPERATORS: [&str; 48] = [
    "times",
    "cdot",
    "div",
    "pm",
    "mp",
    "sqrt",
    "frac",
    "dfrac",
    "tfrac",
    "cfrac",
    "binom",
    "log",
    "ln",
    "lg",
    "exp",
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "arcsin",
    "arccos",
    "arctan",
    "neq",
    "ne",
    "neg",
    "lnot",
    "not",
    "geq",
    "ge",
    "leq",
    "le",
    "lt",
    "gt",
    "pi",
    "sum",
    "prod",
    "int",
    "lim",
    "max",
    "min",
    "gcd",
    "lcm",
    "mod",
    "bmod",
    "overline",
    "operatorname",
];
/// Commands whose group is the text that it holds.
const LAYOUT: [&str; 22] = [
    "text",
    "textbf",
    "textit",
    "textrm",
    "mathbf",
    "mathrm",
    "mathit",
    "mbox",
    "hbox",
    "fbox",
    "boxed",
    "emph",
    "underline",
    "displaystyle",
    "color",
    "textcolor",
    "large",
    "Large",
    "huge",
    "Huge",
    "boldsymbol",
    "bm",
];
/// Letters that are units beside a number.
const UNITS: &str = "mgsthlLNJWVAKCF";
/// Words that may stand between a denial and what it denies.
const BETWEEN: [&str; 15] = [
    "be",
    "equal",
    "equals",
    "to",
    "exactly",
    "simply",
    "just",
    "the",
    "a",
    "an",
    "answer",
    "value",
    "really",
    "necessarily",
    "possibly",
];
/// Verbs that say something of what stands before them.
const VERBS: [&str; 17] = [
    "is", "was", "are", "were", "be", "can", "could", "would", "should", "will", "may", "might",
    "must", "does", "do", "seems", "looks",
];
/// What such a verb says where it denies.
const DENIALS: [&str; 9] = [
    "not",
    "never",
    "wrong",
    "incorrect",
    "false",
    "mistaken",
    "invalid",
    "impossible",
    "untrue",
];

/// Whether an answer between `before` and `after` is void; `boxed` where it stands in a box.
///
/// ```
/// use rlhost_verifier::marks::voided;
/// assert!(voided("so $2", "$", true));
/// assert!(voided("It is not ", ".", true));
/// assert!(voided("", " is wrong", true));
/// assert!(!voided("It isn't easy to see that there are $", "$ pairs, not more.", true));
/// ```
pub fn voided(before: &str, after: &str, boxed: bool) -> bool {
    let formula = in_formula(before);
    (boxed && (touched_before(before, formula) || touched_after(after, formula)))
        || denied_before(before, after)
        || denied_after(after)
}

/// Whether a formula is open at the end of a text.
fn in_formula(before: &str) -> bool {
    let bytes = before.as_bytes();
    let mut dollars = 0;
    let mut open = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                at += 1;
                match bytes.get(at) {
                    Some(b'(' | b'[') => open = true,
                    Some(b')' | b']') => open = false,
                    _ => {}
                }
            }
            b'$' => dollars += 1,
            // A formula in dollars ends with its paragraph.
            b'\n' if bytes.get(at + 1) == Some(&b'\n') => dollars = 0,
            _ => {}
        }
        at += 1;
    }
    // `$$` opens and closes as one mark.
    open || dollars % 2 == 1 || before.matches("$$").count() % 2 == 1
}

/// The text without spaces at its end, those of LaTeX too.
fn unspaced(mut text: &str) -> &str {
    loop {
        let rest = text.trim_end_matches([' ', '~']);
        let rest = [
            "\\,",
            "\\;",
            "\\:",
            "\\!",
            "\\quad",
            "\\qquad",
            "\\displaystyle",
        ]
        .iter()
        .find_map(|space| rest.strip_suffix(space))
        .unwrap_or(rest);
        if rest.len() == text.len() {
            return text;
        }
        text = rest;
    }
}

/// The command that a text ends with, without its backslash.
fn command(text: &str) -> Option<&str> {
    let start = text
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .len();
    (start < text.len() && text[..start].ends_with('\\')).then(|| &text[start..])
}

/// Where the group begins that a text, which ends after its closing brace, ends with.
fn group_start(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, b) in text.bytes().enumerate().rev() {
        match b {
            b'}' => depth += 1,
            b'{' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn touched_before(before: &str, formula: bool) -> bool {
    let mut text = unspaced(before);
    // Groups that are open around the box: `\text{\boxed{3}}`, `\frac{1}{\boxed{3}}`.
    for _ in 0..8 {
        let Some(mut rest) = text.strip_suffix('{') else {
            break;
        };
        while rest.ends_with('}') {
            let Some(start) = group_start(rest) else {
                return false;
            };
            rest = &rest[..start];
        }
        if rest.ends_with(['^', '_', ']']) {
            return true;
        }
        if let Some(name) = command(rest) {
            if !LAYOUT.contains(&name) {
                return true;
            }
            rest = &rest[..rest.len() - name.len() - 1];
        }
        text = unspaced(rest);
    }
    if text.ends_with("\\(") || text.ends_with("\\[") || text.ends_with("\\\\") {
        return false;
    }
    let near = text.len() == before.len();
    let Some(last) = text.chars().next_back() else {
        return false;
    };
    let rest = &text[..text.len() - last.len_utf8()];
    if let Some(name) = command(text) {
        return OPERATORS.contains(&name);
    }
    match last {
        '×' | '÷' | '±' | '∓' | '·' | '√' | '^' | '≠' | '≥' | '≤' | '¬' => true,
        // `- \boxed{3}` is an item of a list, and ` - ` a dash.
        '-' | '−' | '+' | '/' => formula || near,
        '<' | '!' => near,
        '*' | '>' | '|' | '_' => formula,
        '=' => rest.ends_with(['!', '<', '>']),
        // `f(\boxed{3})`
        '(' => rest.ends_with(|c: char| c.is_ascii_alphanumeric()),
        '}' if formula => group_start(text).is_some_and(|start| {
            let head = &text[..start];
            let head = head.strip_suffix('}').map_or(head, |_| {
                group_start(head).map_or(head, |start| &head[..start])
            });
            command(head).is_some_and(|name| OPERATORS.contains(&name))
        }),
        c if c.is_ascii_digit() => near || formula,
        c if c.is_ascii_alphabetic() => {
            (near || formula)
                && !rest.ends_with(|c: char| c.is_alphabetic() || c == '\'' || c == '\\')
        }
        _ => false,
    }
}

fn touched_after(after: &str, formula: bool) -> bool {
    let mut text = after.trim_start_matches([' ', '~']);
    let near = text.len() == after.len();
    while let Some(rest) = ["\\,", "\\;", "\\:", "\\!"]
        .iter()
        .find_map(|space| text.strip_prefix(space))
    {
        text = rest.trim_start();
    }
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let rest = chars.as_str();
    let digit = rest.starts_with(|c: char| c.is_ascii_digit());
    match first {
        '^' => !rest.trim_start_matches(['{', ' ']).starts_with("\\circ") && !rest.starts_with('°'),
        '×' | '÷' | '±' | '·' => true,
        '+' | '*' | '<' | '>' | '!' | '_' | '|' if formula => true,
        '(' if formula => near,
        '+' | '-' | '−' | '/' => formula || (near && (digit || rest.starts_with('\\'))),
        ':' | ',' | '.' => near && digit,
        '\\' => {
            let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            OPERATORS.contains(&&rest[..length])
        }
        c if c.is_ascii_digit() => near,
        c if c.is_ascii_alphabetic() => {
            let alone = !rest.starts_with(|c: char| c.is_alphabetic());
            (near || formula) && alone && !UNITS.contains(c)
        }
        _ => false,
    }
}

fn ends_clause(c: char) -> bool {
    matches!(
        c,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '\n'
            | '>'
            | '。'
            | '，'
            | '；'
            | '：'
            | '！'
            | '？'
            | '、'
    )
}

/// The words of a text, in small letters; a command of LaTeX is none.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '$' | '*' | '(' | ')' | '{' | '}' | '"'))
        .filter(|word| !word.is_empty() && !word.starts_with('\\'))
        .map(|word| word.replace('’', "'").to_lowercase())
        .collect()
}

fn denied_before(before: &str, after: &str) -> bool {
    let start = before.rfind(ends_clause).map_or(0, |at| {
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    let clause = &before[start..];
    let words = words(clause);
    let beside = words
        .iter()
        .rev()
        .find(|word| !BETWEEN.contains(&word.as_str()));
    let either = words.iter().any(|word| word == "either")
        && (clause.contains("\\boxed")
            || self::words(after).first().is_some_and(|word| word == "or"));
    // `\boxed{3} or \boxed{4}`
    let again = words.last().is_some_and(|word| word == "or") && clause.contains("\\boxed");
    let chinese = clause.trim_end_matches([' ', '$', '*']);
    let denied = beside.is_some_and(|word| {
        matches!(
            word.as_str(),
            "not" | "never" | "neither" | "nor" | "cannot" | "except"
        ) || word.ends_with("n't")
    });
    let than = words.windows(2).last().is_some_and(|pair| {
        matches!(
            [pair[0].as_str(), pair[1].as_str()],
            ["rather" | "other", "than"] | ["instead", "of"]
        )
    });
    denied
        || than
        || either
        || again
        || ["不是", "并非", "不等于", "不为", "而非"]
            .iter()
            .any(|word| chinese.ends_with(word))
}

fn denied_after(after: &str) -> bool {
    let rest = after.trim_start_matches([' ', '$', '*', '}', '"']);
    let rest = rest
        .strip_prefix("\\)")
        .or_else(|| rest.strip_prefix("\\]"))
        .unwrap_or(rest)
        .trim_start();
    if rest.starts_with(['?', '？']) {
        return true;
    }
    let clause = &rest[..rest.find(ends_clause).unwrap_or(rest.len())];
    if ["不对", "是错", "错误", "不是", "不正确", "有误"]
        .iter()
        .any(|word| clause.starts_with(word))
    {
        return true;
    }
    let words = words(clause);
    let Some(verb) = words.first() else {
        return false;
    };
    let negated = verb.ends_with("n't") && verb.len() > 3 || verb == "cannot";
    let said = VERBS.contains(&verb.as_str())
        && words
            .iter()
            .skip(1)
            .take(2)
            .any(|word| DENIALS.contains(&word.as_str()) || word.ends_with("n't"));
    negated || said
}

#[cfg(test)]
mod tests {
    use super::voided;

    fn void(text: &str) -> bool {
        let at = text.rfind("\\boxed").unwrap_or(0);
        let end = at + text[at..].find('}').unwrap_or(0) + 1;
        voided(&text[..at], &text[end..], true)
    }

    #[test]
    fn words_elsewhere_never_void() {
        for text in [
            r"\boxed{3}",
            r"Therefore, Matt needs to eat \boxed{3} carrot sticks.",
            r"There are $\boxed{2}$ ordered pairs that do not fit.",
            r"so $x=10.$ Thus the answer is $\boxed{10}.$",
            r"\boxed{5}$. Wait, let me double-check. It works.",
            r"**\boxed{3}**",
            r"- \boxed{3}",
            r"The answer - \boxed{3} - is not large",
            r"\[ \boxed{3} \]",
            r"\text{\boxed{3}}",
            r"x = \boxed{3}",
            r"$\angle A = \boxed{35}^\circ$",
            r"$\boxed{35}^{\circ}$",
            r"\boxed{25}\%",
            r"\boxed{7} cm",
            r"\boxed{7}\text{ cm}",
            r"\boxed{7}m",
            r"answer (\boxed{3})",
            r"答案是\boxed{12}。",
            r"\boxed{12}个",
            r"Question 2 \boxed{3}",
            r"It is not hard: \boxed{3}",
            r"Since 5 doesn't divide it the result is \boxed{3}",
            r"\boxed{3}, which is not 4",
            r"\boxed{3}!",
            r"It costs $5$, so \boxed{3} + tax",
            r"</think>\boxed{3}",
            r"$$\boxed{3}$$",
            r"\boxed{3} is the number of cars that are not red",
        ] {
            assert!(!void(text), "{text}");
        }
    }

    #[test]
    fn operators_and_denials_void() {
        for text in [
            r"2\boxed{3}",
            r"$2 \boxed{3}$",
            r"-\boxed{3}",
            r"$x - \boxed{3}$",
            r"x\boxed{3}",
            r"\sqrt{\boxed{3}}",
            r"\frac{1}{\boxed{3}}",
            r"\sin\boxed{3}",
            r"f(\boxed{3})",
            r"2^{\boxed{3}}",
            r"\boxed{3}^2",
            r"$\boxed{3}!$",
            r"$\boxed{3} + 1$",
            r"\boxed{3}+1",
            r"\boxed{3} \times 2",
            r"\boxed{3}\pi",
            r"\boxed{3}x",
            r"\boxed{3}00",
            r"\boxed{3},000",
            r"$x \neq \boxed{3}$",
            r"not \boxed{3}",
            r"It is not equal to \boxed{3}.",
            r"it isn't $\boxed{3}$",
            r"it cannot be \boxed{3}",
            r"\boxed{3} is wrong",
            r"$\boxed{3}$ is not the answer",
            r"\boxed{3} isn't it",
            r"either \boxed{3} or 4",
            r"\boxed{3} or \boxed{4}",
            r"rather than \boxed{3}",
            r"Is it \boxed{3}?",
            r"不是\boxed{3}",
            r"\boxed{3}是错的",
        ] {
            assert!(void(text), "{text}");
        }
    }
}
