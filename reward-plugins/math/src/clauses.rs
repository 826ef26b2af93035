//! Words, formulas and the ends of clauses in a text that mixes prose with LaTeX.
//!
//! ```text
//! so $x=10.$ Thus the answer is $\boxed{10}$     so | formula | stop | Thus | the | answer | is | open formula
//! ```
//!
//! A sentence may end inside a formula, and a displayed formula ends what was said before it.

/// Longest formula, in bytes.
const MAX_FORMULA: usize = 4096;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A word without punctuation and layout around it, never empty.
    Word(&'a str),
    /// What is in a formula that is closed.
    Formula(&'a str),
    /// A formula that is not closed in the text.
    Open(&'a str),
    /// A comma.
    Comma,
    /// The end of a sentence or of a part of it: a full stop, a semicolon, a displayed formula.
    Stop,
    /// A colon.
    Colon,
    /// The end of a question.
    Question,
}

/// How a formula is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Dollar,
    Dollars,
    Parentheses,
    Brackets,
    Environment,
}

impl Kind {
    /// Whether the formula stands on lines of its own.
    fn is_displayed(self) -> bool {
        !matches!(self, Self::Dollar | Self::Parentheses)
    }
}

/// The mark of a formula that opens at the start of a text, and its length.
fn opening(text: &str) -> Option<(Kind, usize)> {
    if text.starts_with("$$") {
        Some((Kind::Dollars, 2))
    } else if text.starts_with('$') {
        Some((Kind::Dollar, 1))
    } else if text.starts_with("\\(") {
        Some((Kind::Parentheses, 2))
    } else if text.starts_with("\\[") {
        Some((Kind::Brackets, 2))
    } else {
        let name = text.strip_prefix("\\begin{")?.split_once('}')?.0;
        let length = "\\begin{}".len() + name.len();
        crate::display::is_rows(name).then_some((Kind::Environment, length))
    }
}

/// Where a formula of this kind ends in a text that begins inside it: the end of its content, and what follows the mark.
fn closing(text: &str, kind: Kind) -> Option<(usize, usize)> {
    let mark = match kind {
        Kind::Dollar => "$",
        Kind::Dollars => "$$",
        Kind::Parentheses => "\\)",
        Kind::Brackets => "\\]",
        Kind::Environment => "\\end{",
    };
    let text = &text[..text.floor_char_boundary(MAX_FORMULA)];
    let mut from = 0;
    loop {
        let at = from + text[from..].find(mark)?;
        // A formula does not go on over an empty line.
        if text[from..at].contains("\n\n") {
            return None;
        }
        let escaped = mark.starts_with('$') && text[..at].ends_with('\\');
        if !escaped {
            let end = at + mark.len();
            return match kind {
                Kind::Environment if crate::display::is_rows(text[end..].split_once('}')?.0) => {
                    Some((at, end + text[end..].find('}')? + 1))
                }
                Kind::Environment => {
                    from = end;
                    continue;
                }
                _ => Some((at, end)),
            };
        }
        from = at + mark.len();
    }
}

/// Is a dollar sign before this text a price, and no mark of a formula? Then a number follows it, and plain words follow that.
fn is_price(inside: &str) -> bool {
    let word = |word: &str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_alphabetic());
    inside.starts_with(|c: char| c.is_ascii_digit()) && inside.split_whitespace().skip(1).any(word)
}

/// The kind of the formula that is open at the end of a text, if one is.
pub(crate) fn open_at_end(text: &str) -> Option<Kind> {
    let mut open = None;
    walk(text, None, |piece, kind| {
        open = kind.filter(|_| matches!(piece, Piece::Open(_)));
    });
    open
}

/// The pieces of a text that begins inside a formula of the kind `inside`, or in prose.
pub(crate) fn pieces(text: &str, inside: Option<Kind>) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    walk(text, inside, |piece, _| out.push(piece));
    out
}

fn walk<'a>(text: &'a str, inside: Option<Kind>, mut each: impl FnMut(Piece<'a>, Option<Kind>)) {
    let mut rest = text;
    if let Some(kind) = inside {
        rest = formula(rest, kind, &mut each);
    }
    while !rest.is_empty() {
        if let Some((kind, length)) = opening(rest) {
            let inner = &rest[length..];
            let content = closing(inner, kind).map_or(inner, |(end, _)| &inner[..end]);
            if kind == Kind::Dollar && is_price(content) {
                rest = word(rest, length, &mut each);
            } else {
                rest = formula(inner, kind, &mut each);
            }
        } else if rest.starts_with(char::is_whitespace) {
            let trimmed = rest.trim_start();
            if rest[..rest.len() - trimmed.len()].matches('\n').count() > 1 {
                each(Piece::Stop, None);
            }
            rest = trimmed;
        } else {
            rest = word(rest, 0, &mut each);
        }
    }
}

/// Reads what is left of a formula; returns what follows it.
fn formula<'a>(
    text: &'a str,
    kind: Kind,
    each: &mut impl FnMut(Piece<'a>, Option<Kind>),
) -> &'a str {
    let Some((end, after)) = closing(text, kind) else {
        each(Piece::Open(text), Some(kind));
        // Unclosed, it reaches up to an empty line.
        return text.find("\n\n").map_or("", |at| &text[at..]);
    };
    let content = text[..end].trim();
    each(Piece::Formula(content), Some(kind));
    let ends = |marks: &[char]| content.ends_with(marks) && !content.ends_with("\\,");
    if kind.is_displayed() || ends(&['.', ';', ':', '!']) {
        each(Piece::Stop, None);
    } else if ends(&[',']) {
        each(Piece::Comma, None);
    }
    &text[after..]
}

/// Reads a word of at least `least` bytes with the punctuation that ends it; returns what follows.
fn word<'a>(
    text: &'a str,
    least: usize,
    each: &mut impl FnMut(Piece<'a>, Option<Kind>),
) -> &'a str {
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        if at < least.max(1) {
            continue;
        }
        let han = matches!(c, '。' | '，' | '；' | '：' | '？' | '！' | '、');
        if c.is_whitespace() || opening(&text[at..]).is_some() || han {
            end = at + if han { c.len_utf8() } else { 0 };
            break;
        }
    }
    let written = &text[..end];
    let layout = |c: char| {
        matches!(
            c,
            '*' | '_' | '"' | '\'' | '(' | ')' | '[' | ']' | '`' | '{' | '}'
        )
    };
    let ends = |c: char| {
        layout(c)
            || matches!(c, '.' | ',' | ';' | ':' | '!' | '?')
            || matches!(c, '。' | '，' | '；' | '：' | '？' | '！' | '、')
    };
    let core = written.trim_start_matches(layout).trim_end_matches(ends);
    let tail = &written[written.trim_end_matches(ends).len()..];
    if core.chars().any(char::is_alphanumeric) || !core.is_empty() && tail.is_empty() {
        each(Piece::Word(core), None);
    }
    if tail.contains(['?', '？']) {
        each(Piece::Question, None);
    } else if tail.contains([':', '：']) {
        each(Piece::Colon, None);
    } else if tail.contains(['.', ';', '!', '。', '；', '！']) {
        each(Piece::Stop, None);
    } else if tail.contains([',', '，', '、']) {
        each(Piece::Comma, None);
    }
    &text[end..]
}

#[cfg(test)]
mod tests {
    use super::Piece::{Comma, Formula, Open, Question, Stop, Word};
    use super::{Kind, open_at_end, pieces};

    #[test]
    fn a_text_is_cut_into_words_formulas_and_ends() {
        for (text, expected) in [
            (
                "so $x=10.$ Thus it is $\\boxed{10",
                vec![
                    Word("so"),
                    Formula("x=10."),
                    Stop,
                    Word("Thus"),
                    Word("it"),
                    Word("is"),
                    Open("\\boxed{10"),
                ],
            ),
            (
                "We get\\[x=3\\]which, **now**, holds.",
                vec![
                    Word("We"),
                    Word("get"),
                    Formula("x=3"),
                    Stop,
                    Word("which"),
                    Comma,
                    Word("now"),
                    Comma,
                    Word("holds"),
                    Stop,
                ],
            ),
            (
                "It costs $5 each, is that so?",
                vec![
                    Word("It"),
                    Word("costs"),
                    Word("$5"),
                    Word("each"),
                    Comma,
                    Word("is"),
                    Word("that"),
                    Word("so"),
                    Question,
                ],
            ),
            ("a\nb\n\nc", vec![Word("a"), Word("b"), Stop, Word("c")]),
            (
                "答案是 5。好",
                vec![Word("答案是"), Word("5"), Stop, Word("好")],
            ),
        ] {
            assert_eq!(pieces(text, None), expected, "{text}");
        }
        assert_eq!(
            pieces("+1$ more", Some(Kind::Dollar)),
            [Formula("+1"), Word("more")]
        );
    }

    #[test]
    fn a_formula_may_be_open() {
        for (text, expected) in [
            ("the answer is $", Some(Kind::Dollar)),
            ("$x$ is ", None),
            ("\\begin{align*} x &= ", Some(Kind::Environment)),
            ("\\$5 and ", None),
            ("it costs $5 and the answer is ", None),
            ("$x\n\nso ", None),
        ] {
            assert_eq!(open_at_end(text), expected, "{text}");
        }
    }
}
