//! Reads the characters of an answer: numbers with their scales and units, words and signs, one after the other.

use super::Style;
use super::han;
use super::lists::{AFTER, SCALES, TURNING, UNITS};
use super::phrase::{self, Piece};
use super::spelled::is_number_word;
use crate::rational::{Budget, Rational};

/// Reads one answer, whose layout was taken off.
pub(super) struct Reader<'a> {
    pub(super) chars: &'a [char],
    pub(super) at: usize,
    pub(super) style: Style,
    pub(super) found: Option<Rational>,
    /// The number of a date, which counts only where there is no other: `in 2015`.
    pub(super) dated: Option<Rational>,
    /// A word of negation stands before the number.
    pub(super) negative: bool,
    pub(super) pieces: Vec<Piece>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(chars: &'a [char], style: Style) -> Self {
        Self {
            chars,
            at: 0,
            style,
            found: None,
            dated: None,
            negative: false,
            pieces: Vec::new(),
        }
    }

    /// Reads all, and looks at the words beside the number.
    pub(super) fn all(&mut self) -> Option<()> {
        while self.at < self.chars.len() {
            self.step()?;
        }
        let found = self.found.clone().or_else(|| self.dated.take())?;
        self.found = Some(found.clone());
        for piece in &mut self.pieces {
            if *piece == Piece::Date {
                *piece = if self.dated.is_some() {
                    Piece::Word("year".into())
                } else {
                    Piece::Number
                };
            }
        }
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

    pub(super) fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or('\0', |at| self.chars[at])
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.peek(0) == ' ' {
            self.at += 1;
        }
    }

    pub(super) fn digit(&self, ahead: usize) -> bool {
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
        if han::is(c) {
            return self.han();
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
            '\n' | '.' | ',' | ';' | '(' | ')' | '[' | ']' | '。' | '、' | '【' | '】' | '「'
            | '」' | '《' | '》' => {
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
            '∠' => {
                self.skip_spaces();
                self.peek(0).is_alphabetic().then_some(())
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
        let start = self.at;
        let sign = self.before(self.at);
        // Chinese has no spaces: `共3辆`, but `第3` is an ordinal.
        let counted = han::is(sign) && sign != '第';
        if (sign.is_alphanumeric() && !counted) || matches!(sign, '/' | '_' | '.' | ',') {
            return None;
        }
        // `3:30`, but `Answer:30`.
        if sign == ':' && self.at > 1 && self.chars[self.at - 2].is_ascii_digit() {
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
        let end = self.at;
        value = self.scaled(value)?;
        let plain = self.chars[end..self.at].iter().all(|c| *c == ' ');
        if plain
            && self.is_date(start, &value)
            && self.dated.as_ref().is_none_or(|date| *date == value)
        {
            self.dated = Some(value);
            self.pieces.push(Piece::Date);
            return Some(());
        }
        self.keep(value)
    }

    /// Whether the number from `start` on is a year after a preposition: `in 2015`.
    fn is_date(&self, start: usize, value: &Rational) -> bool {
        let year = value
            .to_i64()
            .is_some_and(|year| (1500..2200).contains(&year));
        let led = matches!(self.pieces.last(), Some(Piece::Word(word))
            if matches!(word.as_str(), "in" | "for" | "of" | "by" | "since" | "during" | "from" | "until" | "year"));
        let digits = self.chars[start..]
            .iter()
            .take_while(|c| c.is_ascii_digit());
        let four = digits.count() == 4;
        year && led && four
    }

    pub(super) fn keep(&mut self, value: Rational) -> Option<()> {
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
    pub(super) fn decimal(&mut self) -> Option<Rational> {
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
        if han::is(c) {
            let exponent = self.han_scale()?;
            return if exponent == 0 {
                Some(value)
            } else {
                times(exponent)
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
            let scale = match word.as_str() {
                "K" | "k" => 3,
                "M" | "mn" => 6,
                "B" | "bn" => 9,
                "T" => 12,
                _ => 0,
            };
            if self.style.scales && scale > 0 {
                return times(scale);
            }
            // Kana and Hangul count as units, as Chinese words do.
            let counter = !c.is_ascii() && c as u32 >= 0x3040;
            let unit = UNITS.contains(&word.as_str()) || counter;
            // `5 in total`, `5 in the picture`
            let preposition = lower == "in"
                && (self.next_word(self.at).1 > self.at + 1
                    || (self.peek(0) == ' ' && self.digit(1)));
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
    pub(super) fn letters(&mut self) -> String {
        let start = self.at;
        while (self.peek(0).is_alphabetic() && !han::is(self.peek(0)))
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
        if self.style.words && word == "no" && self.counts_none() {
            return self.keep(Rational::zero());
        }
        // `there aren't any cars`
        let any = self.next_word(self.at);
        if self.style.words
            && matches!(word.as_str(), "aren't" | "isn't" | "weren't" | "wasn't")
            && any.0 == "any"
            && self.pieces.last() == Some(&Piece::Word("there".into()))
        {
            self.at = any.1;
            return self.keep(Rational::zero());
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

    /// Whether `no`, which was read, counts: `there are no cars`, `no cars in the picture`.
    fn counts_none(&self) -> bool {
        let word = |at: usize| {
            self.pieces
                .iter()
                .rev()
                .nth(at)
                .and_then(|piece| match piece {
                    Piece::Word(word) => Some(word.as_str()),
                    _ => None,
                })
        };
        let there = matches!(
            (word(1), word(0)),
            (Some("there"), Some("are" | "were" | "is" | "was"))
        );
        let begins = matches!(self.pieces.last(), None | Some(Piece::Stop | Piece::Colon))
            || matches!(word(0), Some("contains" | "shows" | "has"))
            || matches!(
                (word(1), word(0)),
                (Some("i" | "we"), Some("see" | "count" | "find"))
            );
        let (next, end) = self.next_word(self.at);
        let plural = next.ends_with('s') && next.len() > 3;
        let (after, _) = self.next_word(end);
        // `There is no way to tell.`
        let open = matches!(after.as_str(), "to" | "that" | "whether");
        !next.is_empty() && !open && (there || (begins && plural))
    }

    /// The word after spaces at a place, in lower case, and where it ends.
    pub(super) fn next_word(&self, at: usize) -> (String, usize) {
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
