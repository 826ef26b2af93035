//! Tidies the tokens of an answer, so that one meaning has one spelling: `]0, 1[` as `(0, 1)`, `x^{\prime}` as `x'`, `\left\{` before
//! equations below each other as nothing.

use crate::lexer::{Kind, Token};

/// All of it.
pub(crate) fn all(tokens: &mut Vec<Token>) {
    turn_brackets(tokens);
    drop_braces(tokens);
    drop_empty(tokens);
    lower_primes(tokens);
}

/// A raised prime, `x^{\prime}`, as a prime.
fn lower_primes(tokens: &mut Vec<Token>) {
    let prime = |token: &Token| token.kind == Kind::Sign('\'');
    let mut at = 0;
    while at + 1 < tokens.len() {
        if tokens[at].kind == Kind::Sign('^') {
            if prime(&tokens[at + 1]) {
                tokens.remove(at);
            } else if tokens[at + 1].kind == Kind::GroupOpen {
                let count = tokens[at + 2..]
                    .iter()
                    .take_while(|token| prime(token))
                    .count();
                let end = at + 2 + count;
                if count > 0 && tokens.get(end).is_some_and(|t| t.kind == Kind::GroupClose) {
                    tokens.remove(end);
                    tokens.drain(at..at + 2);
                }
            }
        }
        at += 1;
    }
}

/// Empty groups, which say nothing.
fn drop_empty(tokens: &mut Vec<Token>) {
    let mut at = 0;
    while tokens.len() > 2 && at + 1 < tokens.len() {
        let empty = tokens[at].kind == Kind::GroupOpen && tokens[at + 1].kind == Kind::GroupClose;
        let argument = at > 0
            && matches!(
                tokens[at - 1].kind,
                Kind::Sign('^' | '_') | Kind::Command(_) | Kind::GroupClose
            );
        if empty && !argument
            || empty
                && at + 2 == tokens.len()
                && tokens[at.saturating_sub(1)].kind == Kind::GroupClose
        {
            tokens.drain(at..at + 2);
        } else {
            at += 1;
        }
    }
}

/// A brace before equations below each other, which no other closes.
fn drop_braces(tokens: &mut Vec<Token>) {
    let opens = |pair: &[Token]| {
        pair[0].kind == Kind::Open('{')
            && matches!(&pair[1].kind, Kind::Begin(name) if matches!(name.as_str(), "array" | "cases" | "aligned" | "matrix"))
    };
    if !tokens.iter().any(|token| token.kind == Kind::Close('}'))
        && let Some(at) = tokens.windows(2).position(opens)
    {
        tokens.remove(at);
    }
}

/// Square brackets that are turned outwards leave an end out: `]0, 1[` is `(0, 1)`.
fn turn_brackets(tokens: &mut [Token]) {
    // Open brackets: where a comma stood in them, and whether they are square ones.
    let mut open: Vec<(bool, bool)> = Vec::new();
    for i in 0..tokens.len() {
        let ends = match tokens.get(i + 1).map(|t| &t.kind) {
            None | Some(Kind::GroupClose | Kind::Comma | Kind::Semicolon | Kind::Relation(_)) => {
                true
            }
            Some(Kind::Command(name)) => {
                matches!(name.as_str(), "cup" | "cap" | "setminus" | "backslash")
            }
            Some(kind) => crate::parser::joint_of(kind).is_some(),
        };
        let after_comma = i > 0 && matches!(tokens[i - 1].kind, Kind::Comma | Kind::Semicolon);
        match tokens[i].kind {
            Kind::Close(']') if open.is_empty() => {
                tokens[i].kind = Kind::Open('(');
                open.push((false, true));
            }
            Kind::Open('[') if open.last() == Some(&(true, true)) && !after_comma && ends => {
                tokens[i].kind = Kind::Close(')');
                open.pop();
            }
            Kind::Open(c) => open.push((false, c == '[')),
            Kind::Close(_) => {
                open.pop();
            }
            Kind::Comma | Kind::Semicolon => {
                if let Some(last) = open.last_mut() {
                    last.0 = true;
                }
            }
            _ => {}
        }
    }
}
