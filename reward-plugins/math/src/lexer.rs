//! Cuts an answer, LaTeX or plain, into tokens. Layout (`\left`, `\,`, `$`) disappears here.

use crate::han;
use crate::number::{Bounded, Rational, Stop};
use crate::symbols::{command_of, fraction_of, is_font, lowered, raised, relation_of};
use crate::syntax::Relation;
use crate::tidy;

/// Longest answer that is read as mathematics, in bytes.
pub const MAX_BYTES: usize = 4000;
/// Longest answer that is read as mathematics, in tokens.
const MAX_TOKENS: usize = 1200;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A number; `raw` are its digits where it was written as digits only.
    Number {
        value: Rational,
        raw: String,
    },
    /// A run of letters outside of commands.
    Word(String),
    /// A command without the backslash.
    Command(String),
    /// The contents of `\text{…}`; the flag says that it was an upright mathematical font (`\mathrm`).
    Text(String, bool),
    /// `(`, `[`, `\{` (as `{`) or `<` for `\langle`.
    Open(char),
    Close(char),
    /// Braces that group.
    GroupOpen,
    GroupClose,
    /// `+ - * / ! % ^ _ ' & : ~` with `~` for plus-minus and `?` for minus-plus.
    Sign(char),
    Degree,
    Comma,
    Semicolon,
    Bar,
    BarOpen,
    BarClose,
    Row,
    Begin(String),
    End(String),
    Relation(Relation),
}

/// A token, and whether white space stood before it.
#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    pub spaced: bool,
}

pub(crate) struct Lexer {
    pub(crate) chars: Vec<char>,
    pub(crate) at: usize,
    /// Open brackets of lists, in which a comma always separates.
    pub(crate) depth: usize,
    /// Where a run of numbers ends of which it is known that its commas separate items.
    pub(crate) listed: usize,
    tokens: Vec<Token>,
    spaced: bool,
}

/// Cuts `source` into tokens; an error means that it is no mathematics that this verifier reads.
pub fn tokens(source: &str) -> Bounded<Vec<Token>> {
    if source.len() > MAX_BYTES {
        return Err(Stop::TooBig);
    }
    let mut lexer = Lexer {
        chars: source.chars().collect(),
        at: 0,
        depth: 0,
        listed: 0,
        tokens: Vec::new(),
        spaced: false,
    };
    while lexer.at < lexer.chars.len() {
        lexer.step()?;
        if lexer.tokens.len() > MAX_TOKENS {
            return Err(Stop::TooBig);
        }
    }
    tidy::all(&mut lexer.tokens);
    Ok(lexer.tokens)
}

impl Lexer {
    pub(crate) fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    pub(crate) fn digit(&self, ahead: usize) -> bool {
        self.peek(ahead).is_ascii_digit()
    }

    pub(crate) fn push(&mut self, kind: Kind) {
        self.tokens.push(Token {
            kind,
            spaced: std::mem::take(&mut self.spaced),
        });
    }

    pub(crate) fn one(&mut self, kind: Kind) {
        self.at += 1;
        self.push(kind);
    }

    fn step(&mut self) -> Bounded<()> {
        let c = self.peek(0);
        match c {
            c if c.is_whitespace() || matches!(c, '$' | '~' | '\u{200b}' | '\u{feff}') => {
                self.at += 1;
                self.spaced |= c != '$';
            }
            '0'..='9' => return self.number(),
            '.' if self.digit(1) => return self.number(),
            '.' if self.starts("...", 0) => {
                while self.peek(0) == '.' {
                    self.at += 1;
                }
                self.push(Kind::Command("ldots".into()));
            }
            '\\' => return self.command(),
            // `3 x 10^8`: between numbers it is a sign of multiplication.
            'x' | 'X' if self.multiplies() => self.one(Kind::Sign('*')),
            'a'..='z' | 'A'..='Z' => {
                let start = self.at;
                while self.peek(0).is_ascii_alphabetic() {
                    self.at += 1;
                }
                let word = self.chars[start..self.at].iter().collect();
                self.push(Kind::Word(word));
            }
            '(' | '[' => {
                self.depth += 1;
                self.one(Kind::Open(c));
            }
            ')' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                self.one(Kind::Close(c));
            }
            '{' if self.peek(1) == ':' && self.peek(2) == '}' => {
                self.at += 2;
                self.one(Kind::Sign(':'));
            }
            '{' => self.one(Kind::GroupOpen),
            '}' => self.one(Kind::GroupClose),
            '*' if self.peek(1) == '*' => {
                self.at += 1;
                self.one(Kind::Sign('^'));
            }
            '<' if self.peek(1) == '=' => {
                self.at += 1;
                self.one(Kind::Relation(Relation::LessEqual));
            }
            '>' if self.peek(1) == '=' => {
                self.at += 1;
                self.one(Kind::Relation(Relation::GreaterEqual));
            }
            '!' if self.peek(1) == '=' => {
                self.at += 1;
                self.one(Kind::Relation(Relation::NotEqual));
            }
            '/' if self.peek(1) == '/' => {
                self.at += 1;
                self.one(Kind::Relation(Relation::Other("parallel")));
            }
            '+' | '/' | '*' | '!' | '%' | '^' | '_' | '\'' | '&' | ':' => self.one(Kind::Sign(c)),
            '-' | '−' | '–' | '﹣' => self.one(Kind::Sign('-')),
            '×' | '·' | '⋅' | '∙' => self.one(Kind::Sign('*')),
            '÷' | '⁄' | '∕' => self.one(Kind::Sign('/')),
            '′' => self.one(Kind::Sign('\'')),
            '±' => self.one(Kind::Sign('~')),
            '∓' => self.one(Kind::Sign('?')),
            '°' | 'º' => self.one(Kind::Degree),
            ',' => self.one(Kind::Comma),
            ';' => self.one(Kind::Semicolon),
            '|' => self.one(Kind::Bar),
            '=' => self.one(Kind::Relation(Relation::Equal)),
            '<' => self.one(Kind::Relation(Relation::Less)),
            '>' => self.one(Kind::Relation(Relation::Greater)),
            '€' => self.unit("euro"),
            '£' => self.unit("pound sterling"),
            '¥' => self.unit("yen"),
            '₹' => self.unit("rupee"),
            '¢' => self.unit("cent"),
            _ => return self.unicode(c),
        }
        Ok(())
    }

    fn unicode(&mut self, c: char) -> Bounded<()> {
        match c {
            _ if han::is_han(c) => self.han(),
            _ if raised(c).is_some() => return self.script('^', raised),
            _ if lowered(c).is_some() => return self.script('_', lowered),
            '⟨' | '〈' => {
                self.at += 1;
                self.open('<');
            }
            '⟩' | '〉' => {
                self.at += 1;
                self.close('>');
            }
            _ if fraction_of(c).is_some() => {
                let (a, b) = fraction_of(c).ok_or(Stop::Undefined)?;
                // Spelt as a LaTeX fraction, so that 2½ is a mixed number.
                self.push(Kind::Command("frac".into()));
                self.push(Kind::Number {
                    value: Rational::integer(a),
                    raw: a.to_string(),
                });
                self.one(Kind::Number {
                    value: Rational::integer(b),
                    raw: b.to_string(),
                });
                return Ok(());
            }
            _ => {
                let command = command_of(c).ok_or(Stop::Undefined)?;
                self.one(Kind::Command(command.into()));
                self.last_relation();
            }
        }
        Ok(())
    }

    /// Does the letter at this place stand between two numbers?
    fn multiplies(&self) -> bool {
        let ahead = if self.peek(1) == ' ' { 2 } else { 1 };
        self.digit(ahead)
            && matches!(
                self.tokens.last().map(|t| &t.kind),
                Some(Kind::Number { .. })
            )
    }

    /// A run of raised or lowered characters as the group after a caret or an underscore.
    fn script(&mut self, sign: char, plain: fn(char) -> Option<char>) -> Bounded<()> {
        self.push(Kind::Sign(sign));
        self.push(Kind::GroupOpen);
        let mut digits = String::new();
        while let Some(c) = plain(self.peek(0)) {
            self.at += 1;
            if c.is_ascii_digit() {
                digits.push(c);
                if plain(self.peek(0)).is_some_and(|next| next.is_ascii_digit()) {
                    continue;
                }
                let raw = std::mem::take(&mut digits);
                let value = Rational::decimal(&raw, "", 0)?;
                self.push(Kind::Number { value, raw });
            } else if c.is_ascii_alphabetic() {
                self.push(Kind::Word(c.to_string()));
            } else {
                self.push(Kind::Sign(c));
            }
        }
        self.push(Kind::GroupClose);
        Ok(())
    }

    fn unit(&mut self, name: &str) {
        self.one(Kind::Text(name.into(), false));
    }

    pub(crate) fn starts(&self, text: &str, ahead: usize) -> bool {
        text.chars()
            .enumerate()
            .all(|(i, c)| self.peek(ahead + i) == c)
    }

    fn command(&mut self) -> Bounded<()> {
        self.at += 1;
        let c = self.peek(0);
        if !c.is_ascii_alphabetic() {
            match c {
                '{' => {
                    self.depth += 1;
                    self.one(Kind::Open('{'));
                }
                '}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.one(Kind::Close('}'));
                }
                '%' => self.one(Kind::Sign('%')),
                '$' => self.unit("dollar"),
                '\\' => self.one(Kind::Row),
                '|' => self.one(Kind::Bar),
                '&' | '#' | '\0' => return Err(Stop::Undefined),
                // Spaces, and the brackets of \( \) \[ \].
                _ => {
                    self.at += 1;
                    self.spaced = true;
                }
            }
            return Ok(());
        }
        let start = self.at;
        while self.peek(0).is_ascii_alphabetic() {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        match name.as_str() {
            "left" | "right" | "big" | "Big" | "bigl" | "bigr" | "Bigl" | "Bigr" | "bigg"
            | "Bigg" | "biggl" | "biggr" | "middle" => {
                self.delimiter(name == "left", name == "right");
            }
            "limits" | "nolimits" | "quad" | "qquad" | "hfill" | "thinspace" | "enspace"
            | "boxed" | "fbox" | "hline" | "mathord" | "ensuremath" | "mathstrut" | "strut"
            | "mathbin" | "notag" | "nonumber" | "smash" => {
                self.spaced = true;
            }
            "text" | "textbf" | "textit" | "textrm" | "textsf" | "texttt" | "mbox" | "hbox"
            | "emph" | "textnormal" | "textup" | "textsl" => {
                let text = self.braced()?;
                self.text(text);
            }
            "mathrm" | "operatorname" | "rm" => self.upright()?,
            font if is_font(font) => self.spaced = true,
            glued if glued.starts_with("quad") || glued.starts_with("qquad") => {
                // Data sets have spacing commands that run into the next letter: `\quadx`.
                self.at = start + if glued.starts_with("qq") { 5 } else { 4 };
                self.spaced = true;
            }
            "color" | "textcolor" | "colorbox" => {
                self.braced()?;
                self.spaced = true;
            }
            "mathbb" | "mathcal" | "Bbb" => {
                let text = if self.peek(0) == '{' {
                    self.braced()?
                } else {
                    self.letter()
                };
                self.push(Kind::Command(text));
            }
            "begin" | "end" => {
                let text = self.braced()?;
                if text == "array" && name == "begin" && self.peek(0) == '{' {
                    self.braced()?;
                }
                self.push(if name == "begin" {
                    Kind::Begin(text)
                } else {
                    Kind::End(text)
                });
            }
            "lbrace" => self.open('{'),
            "rbrace" => self.close('}'),
            "langle" => self.open('<'),
            "rangle" => self.close('>'),
            "lbrack" => self.open('['),
            "rbrack" => self.close(']'),
            "lvert" => self.push(Kind::BarOpen),
            "rvert" => self.push(Kind::BarClose),
            "vert" | "mid" => self.push(Kind::Bar),
            "cdot" | "times" | "ast" => self.push(Kind::Sign('*')),
            "div" => self.push(Kind::Sign('/')),
            "pm" => self.push(Kind::Sign('~')),
            "mp" => self.push(Kind::Sign('?')),
            "prime" => self.push(Kind::Sign('\'')),
            "colon" => self.push(Kind::Sign(':')),
            "degree" | "degrees" => self.push(Kind::Degree),
            "percent" => self.push(Kind::Sign('%')),
            "dollar" | "textdollar" | "euro" | "texteuro" | "pounds" | "textsterling" => {
                self.currency(&name);
            }
            "newline" | "cr" => self.push(Kind::Row),
            _ => {
                self.push(Kind::Command(name));
                self.last_relation();
            }
        }
        Ok(())
    }

    /// The contents of `\text`: words, or numbers and signs, which mean the same in any font.
    pub(crate) fn text(&mut self, text: String) {
        if text.chars().any(|c| c.is_alphabetic() || c == '\\') || text.trim().is_empty() {
            self.push(Kind::Text(text, false));
        } else {
            self.spaced |= text.starts_with(' ');
            self.chars.splice(self.at..self.at, text.chars());
        }
    }

    /// Turns the command that was just pushed into the relation that it names.
    fn last_relation(&mut self) {
        let Some(last) = self.tokens.last_mut() else {
            return;
        };
        let Kind::Command(name) = &last.kind else {
            return;
        };
        if let Some(relation) = relation_of(name) {
            last.kind = Kind::Relation(relation);
        }
    }

    fn open(&mut self, c: char) {
        self.depth += 1;
        self.push(Kind::Open(c));
    }

    fn close(&mut self, c: char) {
        self.depth = self.depth.saturating_sub(1);
        self.push(Kind::Close(c));
    }

    /// After `\left` and its like: a bar says which side it is; `.` is an invisible bracket.
    fn delimiter(&mut self, left: bool, right: bool) {
        while self.peek(0) == ' ' {
            self.at += 1;
        }
        match self.peek(0) {
            '|' if left => self.one(Kind::BarOpen),
            '|' if right => self.one(Kind::BarClose),
            '.' => self.at += 1,
            '<' => {
                self.at += 1;
                self.open('<');
            }
            '>' => {
                self.at += 1;
                self.close('>');
            }
            _ => {}
        }
    }

    fn letter(&mut self) -> String {
        while self.peek(0) == ' ' {
            self.at += 1;
        }
        let c = self.peek(0);
        if c == '\0' {
            return String::new();
        }
        self.at += 1;
        c.to_string()
    }

    /// The contents of a group in braces, verbatim.
    pub(crate) fn braced(&mut self) -> Bounded<String> {
        while self.peek(0) == ' ' {
            self.at += 1;
        }
        if self.peek(0) != '{' {
            return Err(Stop::Undefined);
        }
        let start = self.at + 1;
        let mut depth = 0usize;
        while self.at < self.chars.len() {
            match self.chars[self.at] {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(self.chars[start..self.at - 1].iter().collect());
            }
        }
        Err(Stop::Undefined)
    }
}
