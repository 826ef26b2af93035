//! Answers that are words: yes and no, and plain text.

/// Yes and true, no and false, in the normal form.
pub fn boolean(normal: &str) -> Option<bool> {
    match normal {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// A reply that begins with yes or no and a comma, and says nothing against it after: `Yes, it is.`
pub fn reply(text: &str) -> Option<bool> {
    let (first, rest) = text.split_once([',', '.', ';', ':'])?;
    let given = boolean(&normal(first))?;
    let rest = normal(rest);
    let against = |word: &str| {
        matches!(
            word,
            "yes" | "no" | "true" | "false" | "or" | "but" | "maybe" | "if" | "unless" | "sure"
        ) || given && matches!(word, "not" | "isn’t" | "isnt" | "doesnt" | "never")
    };
    (!rest.split(' ').any(against)).then_some(given)
}

/// Text without LaTeX around its words: `\text{ red car }` is `red car`.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut step = c.len_utf8();
        match c {
            '\\' => {
                let name: usize = rest[1..]
                    .bytes()
                    .take_while(u8::is_ascii_alphabetic)
                    .count();
                match &rest[1..=name] {
                    "left" | "right" | "operatorname" => step = 1 + name,
                    font if crate::symbols::is_font(font) => {
                        step = 1 + name;
                        // A switch of fonts ends at the space before what it sets.
                        if rest[step..].starts_with(' ') && !font.starts_with("text") {
                            step += 1;
                        }
                    }
                    "colon" => {
                        out.push(':');
                        step = 1 + name;
                    }
                    "quad" | "qquad" => {
                        out.push(' ');
                        step = 1 + name;
                    }
                    "" => {
                        let next = rest[1..].chars().next();
                        match next {
                            Some(',' | ' ' | ';' | '!' | ':') => out.push(' '),
                            Some('(' | ')' | '[' | ']') | None => {}
                            Some(c) => out.push(c),
                        }
                        step = 1 + next.map_or(0, char::len_utf8);
                    }
                    _ => out.push('\\'),
                }
            }
            '{' | '}' | '$' => {}
            '~' => out.push(' '),
            c => out.push(c),
        }
        rest = &rest[step..];
    }
    out
}

/// Lower case, single spaces, without quotes and the punctuation of sentences; signs of mathematics stay.
pub fn normal(text: &str) -> String {
    let text = plain(text);
    let chars: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut out = String::with_capacity(text.len());
    for (i, &c) in chars.iter().enumerate() {
        let digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
        let c = match c {
            '’' | '‘' | '“' | '”' | '"' | '`' | '\'' => continue,
            // A point or comma beside a digit may be part of a number.
            '.' | ',' if digit(chars.get(i + 1)) => c,
            '.' | ',' | ';' | ':' | '!' | '?' => ' ',
            '*' if chars.get(i + 1) == Some(&'*') || (i > 0 && chars[i - 1] == '*') => ' ',
            c if c.is_whitespace() => ' ',
            c => c,
        };
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out
}

/// The [normal] form with formulas in one layout: fractions of one size, no space beside a sign. What stands in different groups
/// stays apart, `\frac{1}{23}` from `\frac{12}{3}`.
pub fn bare(text: &str) -> String {
    let apart = text
        .replace('}', "} ")
        .replace("\\dfrac", "\\frac")
        .replace("\\tfrac", "\\frac");
    let text = normal(&apart);
    let chars: Vec<char> = text.chars().collect();
    let sign = |i: Option<usize>| {
        i.and_then(|i| chars.get(i))
            .is_none_or(|c| !c.is_alphanumeric())
    };
    let kept = chars
        .iter()
        .enumerate()
        .filter(|(i, c)| **c != ' ' || !sign(i.checked_sub(1)) && !sign(Some(i + 1)));
    kept.map(|(_, c)| c).collect()
}

/// Primes and factorials of the formulas in a text, which its [bare] form leaves out: `'` and `!` behind a letter that stands alone,
/// a digit or a bracket, with what they stand behind.
pub fn marks(text: &str) -> Vec<(char, usize, usize)> {
    let text = text.replace("\\prime", "'").replace(['’', '′'], "'");
    let mut out = Vec::new();
    let mut before = [' ', ' '];
    let mut behind = None;
    for c in text
        .chars()
        .filter(|c| !matches!(c, '^' | '{' | '}' | '$' | ' '))
    {
        if matches!(c, '\'' | '!') {
            let alone = before[1].is_ascii_digit()
                || before[1] == ')'
                || before[1].is_alphabetic() && !before[0].is_alphabetic();
            if behind.is_none() && alone {
                behind = Some((before[1], 0, 0));
            }
            if let Some((_, primes, factorials)) = &mut behind {
                *if c == '!' { factorials } else { primes } += 1;
            }
        } else {
            out.extend(behind.take());
            before = [before[1], c];
        }
    }
    out.extend(behind);
    out
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn layout_of_formulas_in_words_is_one() {
        let same = |a: &str, b: &str| bare(a) == bare(b);
        assert!(same(
            "the line $x = \\dfrac{1}{2}$.",
            "The line $x=\\frac{1}{2}$"
        ));
        assert!(same("\\text{red} and \\text{blue}", "red and blue"));
        assert!(!same("the slope \\frac{1}{23}", "the slope \\frac{12}{3}"));
        assert!(!same("rows 1 2", "rows 12"));
    }
}
