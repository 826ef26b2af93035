//! Answers that are words: choices, yes and no, and plain text.

/// The letter of a multiple-choice answer: `B`, `(B)`, `B.`, `\text{(B)}`, `Option B`, `(B) 12`.
///
/// A second choice after the first is a hedge and no answer.
pub fn choice(text: &str) -> Option<char> {
    let text = plain(text);
    let text = text.trim().trim_matches('*').trim();
    let lower = text.to_ascii_lowercase();
    let prefix = ["option ", "choice ", "answer: ", "answer "]
        .iter()
        .find(|p| lower.starts_with(*p));
    let text = prefix.map_or(text, |p| text[p.len()..].trim_start());
    let (letter, rest, bracket) = if let Some(inner) = text.strip_prefix('(') {
        let mut chars = inner.chars();
        (
            chars.next()?,
            chars.as_str().trim_start().strip_prefix(')')?,
            true,
        )
    } else {
        let mut chars = text.chars();
        (chars.next()?, chars.as_str(), false)
    };
    if !letter.is_ascii_alphabetic() || !('A'..='J').contains(&letter.to_ascii_uppercase()) {
        return None;
    }
    let letter_found = Some(letter.to_ascii_uppercase());
    let rest = rest.trim_start_matches('*');
    if rest.trim_matches([' ', '.', ')', ':']).is_empty() {
        return letter_found;
    }
    // `Option A is correct.`
    let said = rest.trim().trim_end_matches('.').to_ascii_lowercase();
    if !bracket
        && letter.is_ascii_uppercase()
        && matches!(
            said.as_str(),
            "is correct"
                | "is right"
                | "is the answer"
                | "is the correct answer"
                | "is the right answer"
                | "is the correct option"
                | "is the correct choice"
        )
    {
        return letter_found;
    }
    // Text after the letter needs a mark between: `B. 12`, `(B) 12`.
    let tail = match rest.strip_prefix(['.', ')', ':']) {
        Some(tail) => tail,
        None if bracket => rest,
        None => return None,
    };
    // `C.5` is no choice: a space follows the mark.
    if !bracket && !tail.starts_with(' ') {
        return None;
    }
    let hedges = |word: &str| {
        let bare = word.trim_matches(['(', ')', '.', ':', ',', '*']);
        bare.len() == 1 && bare != "a" && bare.chars().all(|c| ('A'..='J').contains(&c))
            || matches!(bare.to_ascii_lowercase().as_str(), "or" | "and" | "not")
    };
    if tail.split_whitespace().any(hedges) {
        None
    } else {
        letter_found
    }
}

/// The text of a reference that is a letter with its text: `12` of `(D) 12`.
pub fn option(reference: &str) -> Option<&str> {
    choice(reference)?;
    let rest = reference.strip_prefix('(').unwrap_or(reference);
    let rest = rest.strip_prefix(|c: char| c.is_ascii_uppercase())?;
    let rest = rest.strip_prefix([')', '.', ':'])?.trim();
    (!rest.is_empty()).then_some(rest)
}

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
                    "text" | "textbf" | "textit" | "textrm" | "mathrm" | "mathbf" | "mbox"
                    | "left" | "right" | "operatorname" | "displaystyle" | "emph" | "mathit"
                    | "textsf" | "texttt" => step = 1 + name,
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
