//! Reads the one number of an answer as people and models write it. What is doubtful is no number.

mod clean;
mod equation;
mod lists;
mod phrase;
mod spelled;
mod words;

use crate::rational::{Budget, Rational};
use clean::cleaned;
use lists::{AFTER, SCALES, TURNING, UNITS};
use phrase::Piece;
use spelled::is_number_word;

/// Answers of more bytes than this are not read as numbers.
pub const MAX_BYTES: usize = 4000;

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// `1.234,5` instead of `1,234.5`.
    pub european: bool,
    /// Whether a percent sign divides by 100; else it is a unit.
    pub percent: bool,
    /// Whether English number words below a million count, and `none` as 0.
    pub words: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            european: false,
            percent: true,
            words: false,
        }
    }
}

/// The number of an answer: the only one in it, or the same one several times.
///
/// After the last `=` or `≈` only what follows counts, and what precedes has to be a name or arithmetic. Nothing where there
/// is no number, several different ones, or anything that may make another number of it: operators, powers, letters beside
/// digits, words before it that are no lead (`the answer is`, `there are`), words after it that deny, doubt or turn it.
///
/// ```
/// use rlhost_verifier::numeral::{Style, only};
/// use rlhost_verifier::rational::Rational;
/// let read = |text| only(text, Style::default());
/// assert_eq!(read("It is $1{,}234.50$ dollars."), Rational::parse("1234.5"));
/// assert_eq!(read("−３"), Rational::parse("-3"));
/// assert_eq!(read("3 + 4 = 7"), Rational::parse("7"));
/// assert_eq!(read("3 or 4"), None);
/// ```
pub fn only(text: &str, style: Style) -> Option<Rational> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let chars = cleaned(text)?;
    let start = chars
        .iter()
        .rposition(|&c| c == '=' || c == '≈')
        .map_or(0, |at| at + 1);
    let mut reader = Reader::new(&chars[start..], style);
    reader.all()?;
    let found = reader.found?;
    if let Some(sign) = start.checked_sub(1) {
        equation::gives(&chars[..sign], chars[sign], &found, style).then_some(())?;
    }
    Some(found)
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    style: Style,
    found: Option<Rational>,
    /// A word of negation stands before the number.
    negative: bool,
    pieces: Vec<Piece>,
}

impl<'a> Reader<'a> {
    fn new(chars: &'a [char], style: Style) -> Self {
        Self {
            chars,
            at: 0,
            style,
            found: None,
            negative: false,
            pieces: Vec::new(),
        }
    }

    /// Reads all, and looks at the words beside the number.
    fn all(&mut self) -> Option<()> {
        while self.at < self.chars.len() {
            self.step()?;
        }
        let found = self.found.clone()?;
        // A number in words that does not count is a word, but where it says the same.
        for piece in &mut self.pieces {
            match piece {
                Piece::Spelled(value, _) if *value == found => *piece = Piece::Number,
                Piece::Spelled(_, word) => *piece = Piece::Word(std::mem::take(word)),
                _ => {}
            }
        }
        let plain = !self.negative && phrase::plain(&self.pieces);
        plain.then_some(())
    }

    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or('\0', |at| self.chars[at])
    }

    fn skip_spaces(&mut self) {
        while self.peek(0) == ' ' {
            self.at += 1;
        }
    }

    fn digit(&self, ahead: usize) -> bool {
        self.peek(ahead).is_ascii_digit()
    }

    /// Reads a number, a word or a sign.
    fn step(&mut self) -> Option<()> {
        let c = self.peek(0);
        let point = if self.style.european { ',' } else { '.' };
        if c.is_ascii_digit()
            || (c == point && self.digit(1) && !self.before(self.at).is_alphanumeric())
        {
            return self.number();
        }
        if c.is_alphabetic() {
            return self.word();
        }
        self.at += 1;
        match c {
            // A sign belongs to the number that follows at once; elsewhere a hyphen joins words.
            '-' | '+' => {
                let starts = self.digit(0) || (self.peek(0) == point && self.digit(1));
                let before = self.before(self.at - 1);
                let joins = before.is_alphabetic() && self.peek(0).is_alphabetic();
                let dash =
                    before == ' ' && self.peek(0) == ' ' && self.at > 2 && self.found.is_none();
                let fits = starts && (matches!(before, '\0' | ' ' | '(' | '[' | '"' | '\''));
                // `5 - 3` and `5 -3` are sums.
                (joins || dash || (fits && !self.follows_number())).then_some(())
            }
            // A question that holds the number does not state it.
            '?' => self.found.is_none().then_some(()),
            // `!5`, and `5!` is a factorial.
            '!' => {
                let factorial = self.before(self.at - 1).is_ascii_digit() || self.digit(0);
                self.pieces.push(Piece::Stop);
                (!factorial).then_some(())
            }
            ':' => {
                self.pieces.push(Piece::Colon);
                Some(())
            }
            // `five (5) dogs`
            ')' if matches!(self.pieces[..], [.., Piece::Stop, Piece::Number]) => {
                self.pieces.pop();
                self.pieces.pop();
                self.pieces.push(Piece::Number);
                Some(())
            }
            '.' | ',' | ';' | '(' | ')' | '[' | ']' | '。' | '、' => {
                self.pieces.push(Piece::Stop);
                Some(())
            }
            '°' => {
                // `5 °C`
                if matches!(self.peek(0), 'C' | 'F' | 'K') && !self.peek(1).is_alphabetic() {
                    self.at += 1;
                }
                Some(())
            }
            // `5'` and `5"` are marked; a quote that closes was opened.
            '"' | '\'' if self.before(self.at - 1).is_ascii_digit() => {
                self.chars[..self.at - 1].contains(&c).then_some(())
            }
            ' ' | '\t' | '"' | '\'' | '#' | '&' => Some(()),
            '/' => {
                let joins =
                    self.before(self.at - 1).is_alphabetic() && self.peek(0).is_alphabetic();
                let (start, word) = (self.at, self.letters());
                // `5 km/h`
                if !(joins && self.found.is_some() && UNITS.contains(&word.as_str())) {
                    self.at = start;
                }
                joins.then_some(())
            }
            _ => None,
        }
    }

    /// Whether the last character that is no space belongs to a number.
    fn follows_number(&self) -> bool {
        let earlier = self.chars[..self.at - 1].iter().rev();
        earlier
            .copied()
            .find(|&c| c != ' ')
            .is_some_and(|c| c.is_ascii_digit())
    }

    fn number(&mut self) -> Option<()> {
        let sign = self.before(self.at);
        if sign.is_alphanumeric() || matches!(sign, '/' | '_' | '.' | ':' | ',') {
            return None;
        }
        let mut negative = sign == '-';
        if std::mem::take(&mut self.negative) {
            if negative {
                return None;
            }
            negative = true;
        }
        let mut value = self.decimal()?;
        let after = self.at;
        self.skip_spaces();
        if self.peek(0) == '/' && !self.peek(1).is_alphabetic() {
            self.at += 1;
            self.skip_spaces();
            let divisor = self.decimal()?;
            value = value.div(&divisor, &mut Budget::new()).ok()?;
        } else {
            self.at = after;
        }
        if negative {
            value = value.neg();
        }
        value = self.scaled(value)?;
        self.keep(value)
    }

    fn keep(&mut self, value: Rational) -> Option<()> {
        self.pieces.push(Piece::Number);
        match &self.found {
            Some(found) if *found != value => None,
            _ => {
                self.found = Some(value);
                Some(())
            }
        }
    }

    /// Digits with groups, point and exponent, or `10^n`.
    fn decimal(&mut self) -> Option<Rational> {
        let start = self.at;
        loop {
            let c = self.peek(0);
            if c.is_ascii_digit() || (matches!(c, '.' | ',' | '\'') && self.digit(1)) {
                self.at += 1;
            } else {
                break;
            }
        }
        let (whole, fraction) = parts(&self.chars[start..self.at], self.style.european)?;
        if self.peek(0) == '^' {
            let exponent = self.power()?;
            return (whole == "10" && fraction.is_empty())
                .then(|| Rational::decimal("1", "", exponent).ok())?;
        }
        let mut exponent = 0;
        let signed = usize::from(matches!(self.peek(1), '+' | '-'));
        if matches!(self.peek(0), 'e' | 'E') && self.digit(1 + signed) {
            self.at += 1;
            exponent = self.integer()?;
        } else {
            let after = self.at;
            self.skip_spaces();
            if matches!(self.peek(0), '×' | 'x' | '*' | '·') {
                self.at += 1;
                self.skip_spaces();
                if !(self.peek(0) == '1' && self.peek(1) == '0' && self.peek(2) == '^') {
                    return None;
                }
                self.at += 2;
                exponent = self.power()?;
            } else {
                self.at = after;
            }
        }
        Rational::decimal(&whole, &fraction, exponent).ok()
    }

    /// `^n`.
    fn power(&mut self) -> Option<i64> {
        self.at += 1;
        self.integer()
    }

    fn integer(&mut self) -> Option<i64> {
        let mut text = String::new();
        if matches!(self.peek(0), '+' | '-') {
            text.push(self.peek(0));
            self.at += 1;
        }
        while self.digit(0) {
            text.push(self.peek(0));
            self.at += 1;
        }
        text.parse().ok()
    }

    /// What follows a number: percent, a scale, a unit; anything else beside it makes another number of it.
    fn scaled(&mut self, value: Rational) -> Option<Rational> {
        let times = |exponent| {
            let scale = Rational::decimal("1", "", exponent).ok()?;
            value.mul(&scale, &mut Budget::new()).ok()
        };
        let end = self.at;
        self.skip_spaces();
        let spaced = self.at > end;
        let c = self.peek(0);
        if c == '%' {
            self.at += 1;
            return if self.style.percent {
                times(-2)
            } else {
                Some(value)
            };
        }
        if c.is_alphabetic() {
            let start = self.at;
            let word = self.letters();
            let lower = word.to_lowercase();
            if matches!(lower.as_str(), "percent" | "pct") || (lower == "per" && self.cent()) {
                return if self.style.percent {
                    times(-2)
                } else {
                    Some(value)
                };
            }
            if let Some((_, exponent)) = SCALES.iter().find(|(scale, _)| *scale == lower && spaced)
            {
                return times(*exponent);
            }
            let counter =
                !c.is_ascii() && !"万亿千百十半分倍億萬".contains(c) && c as u32 >= 0x3040;
            let unit = UNITS.contains(&word.as_str()) || counter;
            // `5 in total`, `5 in the picture`
            let preposition = lower == "in" && self.next_word(self.at).1 > self.at + 1;
            if unit && !preposition {
                // Squares and cubes of units.
                if matches!(self.peek(0), '²' | '³')
                    || (self.peek(0) == '^' && matches!(self.peek(1), '2' | '3') && !self.digit(2))
                {
                    self.at += if self.peek(0) == '^' { 2 } else { 1 };
                }
                return Some(value);
            }
            // Words beside the number are looked at together.
            self.at = start;
            let another = word.chars().count() < 2 && word != "a" || is_number_word(&lower);
            return (spaced && !another).then_some(value);
        }
        if matches!(c, '^' | '!' | '*' | '+' | '×' | '÷' | '·' | '√' | '/') {
            return None;
        }
        if c == '-' || (!spaced && matches!(c, ':' | '\'') && self.digit(1)) {
            return None;
        }
        self.at = end;
        Some(value)
    }

    /// A run of letters, with apostrophes inside.
    fn letters(&mut self) -> String {
        let start = self.at;
        while self.peek(0).is_alphabetic()
            || (self.peek(0) == '\'' && self.peek(1).is_alphabetic() && self.at > start)
        {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn word(&mut self) -> Option<()> {
        let word = self.letters().to_lowercase();
        if self.digit(0) {
            return None;
        }
        if matches!(word.as_str(), "minus" | "negative") && self.found.is_none() && !self.negative {
            self.skip_spaces();
            self.negative = true;
            return (self.digit(0) || self.peek(0) == '.').then_some(());
        }
        // `five point five`
        if word == "point" && is_number_word(&self.next_word(self.at).0) {
            return None;
        }
        if self.style.words && word == "none" {
            return self.keep(Rational::zero());
        }
        if let Some(value) = self.spelled(&word) {
            let value = Rational::integer(value);
            // The pronoun: `one another`, `one of them`.
            let pronoun =
                word == "one" && matches!(self.next_word(self.at).0.as_str(), "of" | "another");
            if pronoun || AFTER.contains(&self.next_word(self.at).0.as_str()) {
                return None;
            }
            if self.style.words {
                return self.keep(value);
            }
            self.pieces.push(Piece::Spelled(value, word));
            return Some(());
        }
        let turns = TURNING.contains(&word.as_str());
        self.pieces.push(Piece::Word(word));
        (!turns).then_some(())
    }

    /// The word after spaces at a place, in lower case, and where it ends.
    fn next_word(&self, at: usize) -> (String, usize) {
        let rest = &self.chars[at..];
        let start = at + rest.iter().take_while(|c| **c == ' ').count();
        let letters = self.chars[start..].iter().take_while(|c| c.is_alphabetic());
        let word: String = letters.collect();
        let end = start + word.chars().count();
        (word.to_lowercase(), end)
    }

    /// Reads `cent` after `per`.
    fn cent(&mut self) -> bool {
        let (word, end) = self.next_word(self.at);
        let cent = word == "cent";
        if cent {
            self.at = end;
        }
        cent
    }
}

/// The digits before and after the point. Groups have to be of three digits, the first of one to three and not 0.
fn parts(run: &[char], european: bool) -> Option<(String, String)> {
    let (group, point) = if european { ('.', ',') } else { (',', '.') };
    let mut halves = run.split(|&c| c == point);
    let (whole, fraction) = (halves.next()?, halves.next().unwrap_or(&[]));
    if halves.next().is_some() || !fraction.iter().all(char::is_ascii_digit) {
        return None;
    }
    let separators: Vec<char> = whole
        .iter()
        .copied()
        .filter(|c| !c.is_ascii_digit())
        .collect();
    if let Some(first) = separators.first() {
        let groups: Vec<&[char]> = whole.split(|c| c == first).collect();
        let uniform = separators.iter().all(|s| s == first) && (*first == group || *first == '\'');
        let sizes = (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|g| g.len() == 3);
        if !uniform || !sizes || groups[0][0] == '0' {
            return None;
        }
    }
    let digits = |run: &[char]| {
        run.iter()
            .filter(|c| c.is_ascii_digit())
            .collect::<String>()
    };
    Some((digits(whole), digits(fraction)))
}

#[cfg(test)]
mod tests;
