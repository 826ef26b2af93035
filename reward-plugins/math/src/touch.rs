//! What touches a box: an operator, a factor or a command around it makes something else of what is in it.

use crate::function::is_function;
use crate::{clauses, units, voided};

/// Commands that make something else of what stands in their braces.
const AROUND: [&str; 31] = [
    "frac", "dfrac", "tfrac", "cfrac", "sqrt", "binom", "dbinom", "tbinom", "overline", "bar",
    "not", "cancel", "phantom", "log", "ln", "sin", "cos", "tan", "cot", "exp", "arcsin", "arccos",
    "arctan", "sec", "csc", "sout", "xcancel", "bcancel", "hphantom", "vphantom", "st",
];
/// Commands that join what stands before and after them to one value.
const BESIDE: [&str; 14] = [
    "times", "cdot", "div", "pm", "mp", "ast", "over", "pi", "infty", "neg", "ne", "neq", "lnot",
    "star",
];
/// Commands that apply to what follows.
const OVER: [&str; 11] = [
    "sum", "prod", "int", "lim", "Delta", "nabla", "partial", "forall", "exists", "notin", "oint",
];
/// Commands whose braces hold words, or no mathematics.
const WORDS: [&str; 12] = [
    "text", "textbf", "textit", "textrm", "textsf", "texttt", "mbox", "mathrm", "begin", "end",
    "color", "hspace",
];

/// Does something beside or around what stands from `start` to `end` touch it? What follows counts only with `behind`.
pub(crate) fn touched(text: &str, start: usize, end: usize, behind: bool) -> bool {
    let (before, after) = (&text[..start], &text[end..]);
    let content = content(&text[start..end]);
    let inside = clauses::open_at_end(before);
    let formula = inside.is_some();
    around(before)
        || touches_before(before, formula)
        || behind && !is_choice(content) && touches_after(after, formula)
        || voided::is_voided(before, content, after, inside, behind)
}

/// Is a box a choice, `(B)` or `\text{B}`? What follows is its text, and no factor.
fn is_choice(content: &str) -> bool {
    let marked = content.starts_with(['(', '\\']);
    marked && crate::choices::choice(content).is_some()
}

/// What stands in a box.
fn content(boxed: &str) -> &str {
    let inner = boxed.split_once('{').map_or("", |(_, inner)| inner);
    inner.strip_suffix('}').unwrap_or(inner).trim()
}

/// The command of a group that opens at the end of a text, also behind groups before it: `\frac{1}` in `\frac{1}{`.
fn command(before: &str) -> &str {
    let mut text = before.trim_end();
    for _ in 0..3 {
        let (open, close) = match text.chars().next_back() {
            Some('}') => (b'{', b'}'),
            Some(']') => (b'[', b']'),
            _ => break,
        };
        let mut depth = 0;
        let Some(at) = text.bytes().rposition(|b| {
            depth += i32::from(b == close) - i32::from(b == open);
            depth == 0
        }) else {
            break;
        };
        text = text[..at].trim_end();
    }
    let name = text.len()
        - text
            .trim_end_matches(|c: char| c.is_ascii_alphabetic())
            .len();
    let (rest, name) = text.split_at(text.len() - name);
    if rest.ends_with('\\') {
        name
    } else {
        &rest[rest.trim_end_matches(['^', '_']).len()..]
    }
}

/// Do open braces before it belong to a command that changes it, or to an exponent?
fn around(before: &str) -> bool {
    let mut depth = 0;
    before
        .bytes()
        .enumerate()
        .rev()
        .take(2000)
        .any(|(i, byte)| {
            let escaped = i > 0 && before.as_bytes()[i - 1] == b'\\';
            match byte {
                b'}' if !escaped => depth += 1,
                b'{' if !escaped && depth > 0 => depth -= 1,
                b'{' if !escaped => {
                    let name = command(&before[..i]);
                    return AROUND.contains(&name) || name.starts_with(['^', '_']);
                }
                _ => {}
            }
            false
        })
}

/// The text without what is only layout at its end.
fn without_layout(mut text: &str) -> &str {
    loop {
        let shorter = text.trim_end_matches([' ', '~', '\n', '\t']);
        let shorter = match shorter.strip_suffix('{') {
            Some(before) if !before.ends_with('\\') => before,
            _ => shorter,
        };
        let layout = [
            "\\,",
            "\\;",
            "\\!",
            "\\:",
            "\\quad",
            "\\qquad",
            "\\displaystyle",
            "\\left",
            "\\bf",
        ];
        let shorter = layout
            .iter()
            .find_map(|command| shorter.strip_suffix(command))
            .unwrap_or(shorter);
        if shorter == text {
            return text;
        }
        text = shorter;
    }
}

fn touches_before(before: &str, formula: bool) -> bool {
    let operator = |c: char| {
        matches!(
            c,
            '-' | '+' | '−' | '/' | '^' | '_' | '×' | '·' | '÷' | '±' | '√' | '≠' | '¬'
        )
    };
    let plain = |text: &str| {
        // Bold and italic print, on both sides of it.
        let text = text.trim_end_matches("**");
        let spaced = text.ends_with(char::is_whitespace);
        let line = text.rsplit('\n').next().unwrap_or(text).trim_end();
        let last = line.chars().next_back();
        let before_last = line
            .char_indices()
            .next_back()
            .map_or("", |(at, _)| line[..at].trim_end());
        let value =
            before_last.ends_with(|c: char| c.is_ascii_digit() || matches!(c, ')' | '}' | '$'));
        if names_operator(line) || applies(line) {
            return true;
        }
        let words = before_last.rsplit(char::is_whitespace).next().unwrap_or("");
        let variables = words.len() < 3 && words.ends_with(|c: char| c.is_ascii_alphabetic());
        match last {
            // With a space, a dash or a bullet, unless a value stands before it.
            Some('+') => !before_last.is_empty() || !spaced,
            Some(c) if operator(c) || c == '*' => value || variables || !spaced && c != '*',
            Some(c) => !spaced && c.is_ascii_digit(),
            None => false,
        }
    };
    if !formula {
        return plain(before);
    }
    let inner = without_layout(before);
    if inner.ends_with('$') || inner.ends_with("\\(") || inner.ends_with("\\[") {
        let outside = inner.trim_end_matches('$');
        let outside = outside
            .strip_suffix("\\(")
            .or(outside.strip_suffix("\\["))
            .unwrap_or(outside);
        return plain(outside);
    }
    if names_operator(inner) || applies(inner) {
        return true;
    }
    match inner.chars().next_back() {
        Some('}') => {
            let group = command(inner);
            let bare = matches!(group, "" | "^" | "_");
            !WORDS.contains(&group) && (!bare || !inner.ends_with("\\}"))
        }
        // A command such as `\implies` is no factor; the others are letters.
        Some(c) if c.is_ascii_alphabetic() => {
            let name = inner.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let word = &inner[name.len()..];
            if name.ends_with('\\') {
                AROUND.contains(&word)
            } else {
                word.len() == 1
            }
        }
        // One of a set.
        Some('{') => inner.ends_with("\\{"),
        Some(c) => operator(c) || matches!(c, '*' | ')') || c.is_ascii_digit(),
        None => false,
    }
}

/// Does a text end with a command that applies to what follows it?
fn applies(text: &str) -> bool {
    let text = text.trim_end();
    let rest = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let name = &text[rest.len()..];
    rest.ends_with('\\') && (AROUND.contains(&name) || OVER.contains(&name) || is_function(name))
}

/// Does a text end with a command that joins values?
fn names_operator(text: &str) -> bool {
    let text = text.trim_end();
    let rest = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    rest.ends_with('\\') && BESIDE.contains(&&text[rest.len()..])
}

fn touches_after(after: &str, formula: bool) -> bool {
    let mut rest = after;
    let mut spaced = false;
    let mut formula = formula;
    loop {
        let trimmed = rest.trim_start_matches([' ', '~', '\t']);
        spaced |= trimmed.len() < rest.len();
        rest = trimmed;
        let layout = [
            "\\,", "\\;", "\\!", "\\:", "\\ ", "\\left", "\\right", "\\bigl", "}", "**",
        ];
        if let Some(inner) = layout.iter().find_map(|command| rest.strip_prefix(command)) {
            rest = inner;
        } else if let Some(inner) = rest
            .strip_prefix('$')
            .or(rest.strip_prefix("\\)"))
            .filter(|_| formula)
        {
            // Outside of the formula.
            (rest, formula) = (inner.trim_start_matches('$'), false);
            spaced |= rest.starts_with(' ');
        } else {
            break;
        }
    }
    if let Some(name) = rest.strip_prefix('\\') {
        let name = &name[..name.len()
            - name
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len()];
        if matches!(name, "text" | "mathrm" | "textbf" | "textrm") {
            let inner = rest.split_once('{').map_or("", |(_, inner)| inner);
            return multiplies(inner.split('}').next().unwrap_or(""));
        }
        // `\boxed{25}\frac{\text{miles}}{\text{day}}`
        if rest.starts_with("\\frac{\\text{") || rest.starts_with("\\frac{\\mathrm{") {
            return false;
        }
        return BESIDE.contains(&name)
            || AROUND.contains(&name) && !matches!(name, "not" | "phantom")
            || rest.starts_with("\\%");
    }
    let mut chars = rest.chars();
    let next = chars.next().unwrap_or('\n');
    let following = chars.as_str().trim_start();
    let value = following
        .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '\\' | '(' | '$' | '√' | 'π'));
    match next {
        // A degree is a unit.
        '^' => !["\\circ", "{\\circ", "°"]
            .iter()
            .any(|degree| following.starts_with(degree)),
        '%' | '×' | '÷' | '·' | '±' | '_' | '√' | 'π' | '²' | '³' | '⁄' | '½' | '¼' | '¾' => {
            true
        }
        // `\boxed{12}.5`, `\boxed{12},000`, `\boxed{12}–13`
        '.' | ',' | '–' => {
            following.len() == chars.as_str().len()
                && following.starts_with(|c: char| c.is_ascii_digit())
        }
        '+' | '/' | '*' => formula || value || !spaced && next != '*',
        '-' | '−' => formula || value,
        '!' => formula,
        // A proportion.
        ':' => {
            following.len() == chars.as_str().len()
                && following.starts_with(|c: char| c.is_ascii_digit())
        }
        '(' => formula && !spaced,
        c if c.is_ascii_digit() => formula || !spaced,
        c if c.is_ascii_alphabetic() => {
            let word = &rest[..rest.len()
                - rest
                    .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                    .len()];
            let factor = word.len() == 1 && units::known(word).is_none();
            multiplies(rest) || factor && (formula || !spaced)
        }
        _ => false,
    }
}

/// Do words begin with one that multiplies the number before it: `million`, `percent`?
fn multiplies(words: &str) -> bool {
    let first: Vec<&str> = words.split_whitespace().take(2).collect();
    units::multiple(first.join(" ").trim_end_matches(['.', ',', ';', '!', '$'])).is_some()
}

#[cfg(test)]
mod tests {
    use super::touched;

    fn is_touched(text: &str) -> bool {
        let start = text.find("\\boxed{").expect("a box");
        let end = start + text[start..].find('}').expect("its end") + 1;
        touched(text, start, end, true)
    }

    #[test]
    fn operators_and_factors_touch_a_box() {
        for text in [
            "$-\\boxed{3}$",
            "-\\boxed{3}",
            "-$\\boxed{3}$",
            "2\\boxed{3}",
            "$2 \\boxed{3}$",
            "\\sqrt{\\boxed{3}}",
            "$\\sqrt \\boxed{3}$",
            "\\frac{\\boxed{3}}{4}",
            "$\\frac{1}{\\boxed{3}}$",
            "$x^{\\boxed{3}}$",
            "\\boxed{3}\\times 10^8",
            "$\\boxed{3} \\cdot 2$",
            "\\boxed{3}\\%",
            "$\\boxed{3}$%",
            "\\boxed{3}i",
            "$\\boxed{3}x$",
            "$\\boxed{3}!$",
            "\\boxed{3}^2",
            "\\boxed{3}/4",
            "$\\boxed{3} + 1$",
            "$1 + \\boxed{3}$",
            "1 + \\boxed{3}",
            "5 - \\boxed{3}",
            "\\boxed{3} million",
            "\\boxed{3}\\text{ million}",
            "\\boxed{3} percent.",
            "$x \\neq \\boxed{3}$",
            "\\[ -\\boxed{3} \\]",
            "$\\log \\boxed{3}$",
            "$\\frac{1}{2}\\boxed{3}$",
            "$\\boxed{3}\\pi$",
            "$x\\boxed{3}$",
            "The answer is not $\\boxed{3}$",
            "It isn't \\boxed{3}",
            "It cannot be \\boxed{3}",
            "3 or \\boxed{4}",
            "\\boxed{3} or 4",
            "\\boxed{3} to 4",
            "minus \\boxed{3}",
            "half of \\boxed{3}",
            "\\boxed{3} squared",
            "\\boxed{3} times 10",
            "\\boxed{3}:4",
            "The answer is $\\boxed{3}$?",
            "$\\boxed{3}$ is wrong.",
            "\\boxed{3} is not right",
        ] {
            assert!(is_touched(text), "{text}");
        }
        for text in [
            "$x=\\boxed{3}$",
            "$\\boxed{3}$.",
            "\\boxed{3} cm",
            "\\boxed{3}cm",
            "\\[\\boxed{3}\\]",
            "\\[\n\\boxed{3}\n\\]",
            "**\\boxed{3}**",
            "*\\boxed{3}*",
            "is \\boxed{3}",
            "is\\boxed{3}",
            "- \\boxed{3}",
            "* \\boxed{3}",
            "Answer - \\boxed{3}",
            "2. \\boxed{3}",
            "Part 2: \\boxed{3}",
            "\\boxed{3}!",
            "\\text{Answer: \\boxed{3}}",
            "$\\text{is }\\boxed{3}$",
            "$\\implies \\boxed{3}$",
            "\\begin{align} x &= \\boxed{3} \\end{align}",
            "$\\boxed{90}^\\circ$",
            "\\boxed{90}°",
            "\\boxed{3} \\text{ cm}",
            "\\boxed{3} apples",
            "$\\therefore \\boxed{3}$",
            "$\\boxed{3} = 1 + 2$",
            "\\boxed{3} - as was to be shown",
            "{\\color{red}\\boxed{3}}",
            "$3$ and then $\\boxed{3}$",
            "So 2 + 1 = \\boxed{3}",
            "\\boxed{3} (three)",
            "$$\\boxed{3}$$\n- done",
            "$x \\to \\boxed{3}$",
            "$12 \\\\ \\boxed{3}$",
            "The cost is \\$\\boxed{3}",
            "question 2 \\boxed{3}",
            "$\\boxed{3}$ is the answer",
            "\\boxed{3} is right",
            "\\boxed{3} times",
            "at least \\boxed{3} colours",
            "\\boxed{3} or about 3.0",
            "\\boxed{3} and we are done",
            "the sum of \\boxed{3}",
            "not 4 but \\boxed{3}",
        ] {
            assert!(!is_touched(text), "{text}");
        }
    }
}
