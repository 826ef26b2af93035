//! Takes layout off an answer: LaTeX, currency signs, emphasis.

use crate::fold::folded;

/// The characters of an answer without LaTeX layout, currency signs and emphasis.
pub fn cleaned(text: &str) -> Option<Vec<char>> {
    let source: Vec<char> = text.chars().collect();
    let digit = |at: Option<usize>| {
        let c = at.and_then(|at| source.get(at)).copied().and_then(folded);
        c.is_some_and(|c| c.is_ascii_digit())
    };
    let mut out = Vec::with_capacity(source.len());
    let mut at = 0;
    while at < source.len() {
        let c = source[at];
        at += 1;
        match c {
            '\\' => latex(&source, &mut at, &mut out)?,
            '{' if source[at..].starts_with(&[',', '}']) => {
                out.push(',');
                at += 2;
            }
            '$' | '€' | '£' | '¥' | '￥' | '`' | '{' | '}' => {}
            '*' if source.get(at) == Some(&'*') || (at > 1 && source[at - 2] == '*') => {}
            // Narrow and no-break spaces group digits.
            '\u{A0}' | '\u{2009}' | '\u{202F}' if digit(at.checked_sub(2)) && digit(Some(at)) => {
                out.push('\'');
            }
            '×' => out.push('×'),
            // `5~6` is a range.
            // `5~6` is a range, `7~cm` has a space.
            '~' if digit(
                source[at..]
                    .iter()
                    .position(|c| *c != ' ')
                    .map(|next| at + next),
            ) =>
            {
                if out.iter().any(char::is_ascii_digit) {
                    return None;
                }
                out.push('≈');
            }
            '~' => out.push(' '),
            // A minus or a dash with a space is a sign where nothing stands before it; a hyphen may be a list's mark.
            '−' | '–' | '—'
                if source.get(at) == Some(&' ')
                    && digit(Some(at + 1))
                    && out.iter().all(|c| matches!(c, ' ' | '(' | '[')) =>
            {
                out.push('-');
                at += 1;
            }
            '∠' | '△' | '∡' => out.push('∠'),
            // In Chinese text a mark of exclamation is no factorial.
            '！' => out.push('。'),
            c => out.extend(folded(c)),
        }
    }
    Some(out)
}

/// A LaTeX command, whose backslash was read.
fn latex(source: &[char], at: &mut usize, out: &mut Vec<char>) -> Option<()> {
    let rest = &source[*at..];
    let length = rest.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    if length == 0 {
        *at += 1;
        match rest.first()? {
            // `1\,234` groups digits; elsewhere it is a space.
            ',' => {
                let digits = source[*at..]
                    .iter()
                    .take_while(|c| c.is_ascii_digit())
                    .count();
                let grouped = digits == 3 && out.last().is_some_and(char::is_ascii_digit);
                out.push(if grouped { '\'' } else { ' ' });
            }
            ' ' | ';' | ':' | '!' => out.push(' '),
            '(' | ')' | '[' | ']' | '$' => {}
            '%' => out.push('%'),
            _ => return None,
        }
        return Some(());
    }
    *at += length;
    let name: String = rest[..length].iter().collect();
    match name.as_str() {
        "text" | "textbf" | "textit" | "textrm" | "mathrm" | "mathbf" | "mathit" | "mathsf"
        | "mbox" | "hbox" | "operatorname" | "unit" | "boldsymbol" | "underline" => {
            // `7\text{cm}`, but not `10^{\text{th}}`.
            if out.last().is_some_and(char::is_ascii_digit) && !raised(out) {
                out.push(' ');
            }
        }
        "left" | "right" | "displaystyle" | "textstyle" | "bf" | "rm" | "it" | "large"
        | "Large" => {}
        "quad" | "qquad" | "space" | "thinspace" | "enspace" | "therefore" | "because"
        | "implies" | "Rightarrow" | "rightarrow" => out.push(' '),
        "Omega" | "ohm" => out.extend("ohm".chars()),
        "hspace" | "vspace" => {
            let end = source[*at..].iter().position(|c| *c == '}')?;
            *at += end + 1;
            out.push(' ');
        }
        // The name of a line or an arc, but not digits that repeat.
        "overline" | "widehat" | "overrightarrow" => {
            let inner = source[*at..]
                .iter()
                .skip_while(|c| matches!(**c, '{' | ' '));
            inner.clone().next().filter(|c| c.is_alphabetic())?;
        }
        "angle" | "measuredangle" | "triangle" => out.push('∠'),
        "alpha" | "beta" | "gamma" | "theta" | "phi" | "varphi" | "omega" | "lambda" | "rho"
        | "delta" | "mu" | "sigma" | "tau" | "varepsilon" | "epsilon" | "eta" => {
            // A name: of a product its factor is told apart.
            out.push('θ');
        }
        "times" | "cdot" => out.push('×'),
        "approx" => out.push('≈'),
        "circ" | "degree" => {
            // `90^\circ`, `90^{\circ}`.
            if out.last() == Some(&'^') {
                out.pop();
            }
            out.push('°');
        }
        "frac" | "dfrac" | "tfrac" => {
            let (upper, lower) = (group(source, at)?, group(source, at)?);
            // Not a continuation of the digits before it: `2\frac{1}{2}`.
            if out.last().is_some_and(char::is_ascii_digit) {
                out.push(' ');
            }
            out.extend(upper);
            out.push('/');
            out.extend(lower);
        }
        _ => return None,
    }
    Some(())
}

/// Whether a raised number is being read: `2^10`.
fn raised(out: &[char]) -> bool {
    let number = out.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    number < out.len() && out[out.len() - number - 1] == '^'
}

/// A group in braces of digits only, or a single digit.
fn group(source: &[char], at: &mut usize) -> Option<Vec<char>> {
    let inner: Vec<char> = if source.get(*at) == Some(&'{') {
        let end = *at + source[*at..].iter().position(|&c| c == '}')?;
        let inner = source[*at + 1..end].to_vec();
        *at = end + 1;
        inner
    } else {
        *at += 1;
        vec![*source.get(*at - 1)?]
    };
    let inner: Vec<char> = inner.into_iter().filter_map(folded).collect();
    let digits = !inner.is_empty() && inner.iter().all(|c| c.is_ascii_digit() || *c == '.');
    digits.then_some(inner)
}
