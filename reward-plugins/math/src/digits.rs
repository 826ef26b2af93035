//! Reads numbers as they are written: separators of thousands, decimals, repeating digits, powers of ten.

use crate::lexer::{Kind, Lexer};
use crate::number::{Bounded, Rational, Stop};

impl Lexer {
    pub(crate) fn digits(&mut self) -> String {
        let start = self.at;
        while self.digit(0) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    /// Length of a thousands separator at this place: followed by exactly three digits.
    fn separator(&self) -> Option<usize> {
        let length = match self.peek(0) {
            ',' if self.peek(1) == '\\' && self.peek(2) == '!' => {
                3 + usize::from(self.peek(3) == ' ')
            }
            ',' if self.depth == 0 => 1,
            '\u{202f}' | '\u{2009}' | '~' => 1,
            '\\' if matches!(self.peek(1), ',' | '!' | ';' | ':') => 2,
            '{' if self.peek(1) == ',' && self.peek(2) == '}' => 3,
            _ => return None,
        };
        let three = (0..3).all(|i| self.digit(length + i)) && !self.digit(length + 3);
        three.then_some(length)
    }

    pub(crate) fn number(&mut self) -> Bounded<()> {
        let mut whole = self.digits();
        let mut plain = true;
        if (1..=3).contains(&whole.len()) && self.at >= self.listed {
            let (start, head) = (self.at, whole.clone());
            while let Some(length) = self.separator() {
                self.at += length;
                whole.push_str(&self.digits());
                plain = false;
            }
            // `1,234,5` is a list, not a number and a rest.
            if !plain && self.peek(0) == ',' && self.digit(1) {
                self.listed = self.at;
                self.at = start;
                whole = head;
                plain = true;
            }
        }
        let mut fraction = String::new();
        let mut repeating = String::new();
        let decimal_comma =
            self.peek(0) == '{' && self.peek(1) == ',' && self.peek(2) == '}' && self.digit(3);
        if decimal_comma || (self.peek(0) == '.' && self.digit(1)) {
            self.at += if decimal_comma { 3 } else { 1 };
            fraction = self.digits();
            plain = false;
        }
        if let Some(digits) = self.barred(fraction.is_empty(), plain)? {
            repeating = digits;
            plain = false;
        }
        if self.starts("\\dot{", 0) || fraction.is_empty() && self.starts(".\\dot{", 0) {
            self.at += usize::from(self.peek(0) == '.');
            repeating = self.dotted()?;
            plain = false;
        }
        // 0.(45), the bracket straight after the point.
        if fraction.is_empty() && repeating.is_empty() && self.peek(0) == '.' && self.peek(1) == '('
        {
            let start = self.at;
            self.at += 2;
            repeating = self.digits();
            if !repeating.is_empty() && self.peek(0) == ')' {
                self.at += 1;
                plain = false;
            } else {
                self.at = start;
                repeating.clear();
            }
        }
        // 0.333… goes on as it began.
        if let Some(length) = self
            .ellipsis()
            .filter(|_| !fraction.is_empty() && repeating.is_empty())
        {
            let (fixed, period) = period(&fraction).ok_or(Stop::Undefined)?;
            fraction[fixed..fixed + period].clone_into(&mut repeating);
            fraction.truncate(fixed);
            self.at += length;
        }
        // `2, 4, 6...` goes on behind the last number as behind a comma.
        if self.starts("...", 0) && fraction.is_empty() && repeating.is_empty() {
            let value = Rational::decimal(&whole, "", 0)?;
            self.push(Kind::Number { value, raw: whole });
            self.push(Kind::Comma);
            return Ok(());
        }
        // A second decimal point (1.2.3, 0.33...) makes it something else.
        if self.peek(0) == '.' && (self.digit(1) || self.peek(1) == '.') {
            return Err(Stop::Undefined);
        }
        // A point that ends a number (`5.`) says nothing.
        if self.peek(0) == '.' && fraction.is_empty() && repeating.is_empty() {
            self.at += 1;
        }
        let mut exponent = 0;
        let signed = usize::from(matches!(self.peek(1), '+' | '-'));
        if matches!(self.peek(0), 'e' | 'E') && self.digit(1 + signed) && repeating.is_empty() {
            let negative = self.peek(1) == '-';
            self.at += 1 + signed;
            let value: i64 = self.digits().parse().map_err(|_| Stop::TooBig)?;
            exponent = if negative { -value } else { value };
            plain = false;
        }
        let mut value = Rational::decimal(&whole, &fraction, exponent)?;
        if !repeating.is_empty() {
            value = repeat(&value, fraction.len() as u32, &repeating)?;
        }
        self.push(Kind::Number {
            value,
            raw: if plain { whole } else { String::new() },
        });
        Ok(())
    }

    /// The digits under a bar at this place, or behind the point at it: `0.\overline{3}`, `0.1\bar6`.
    fn barred(&mut self, no_decimals: bool, whole: bool) -> Bounded<Option<String>> {
        let point = usize::from(self.peek(0) == '.' && no_decimals);
        if point == 0 && whole {
            return Ok(None);
        }
        for bar in ["\\overline", "\\bar"] {
            if !self.starts(bar, point) {
                continue;
            }
            let length = point + bar.len();
            if self.peek(length) == '{' {
                self.at += length + 1;
                let digits = self.digits();
                if digits.is_empty() || self.peek(0) != '}' {
                    return Err(Stop::Undefined);
                }
                self.at += 1;
                return Ok(Some(digits));
            }
            // One digit needs no braces.
            if self.digit(length) {
                let digit = self.peek(length).to_string();
                self.at += length + 1;
                return Ok(Some(digit));
            }
        }
        Ok(None)
    }

    /// The digits of `\dot{3}`, or from one dotted digit to the next.
    fn dotted(&mut self) -> Bounded<String> {
        let one = |lexer: &mut Self| {
            lexer.at += "\\dot{".len();
            let digits = lexer.digits();
            let closed = digits.len() == 1 && lexer.peek(0) == '}';
            lexer.at += 1;
            closed.then_some(digits).ok_or(Stop::Undefined)
        };
        let mut repeating = one(self)?;
        let between = self.digits();
        if self.starts("\\dot{", 0) {
            repeating.push_str(&between);
            repeating.push_str(&one(self)?);
        } else if !between.is_empty() {
            return Err(Stop::Undefined);
        }
        Ok(repeating)
    }

    /// The length of the dots at this place that say that digits go on.
    fn ellipsis(&self) -> Option<usize> {
        ["...", "…", "\\ldots", "\\dots", "\\cdots"]
            .iter()
            .find(|dots| self.starts(dots, 0))
            .map(|dots| dots.chars().count())
    }
}

/// How many decimals come first, and how long the part is that the rest repeats, at least twice.
fn period(decimals: &str) -> Option<(usize, usize)> {
    let digits = &decimals.as_bytes()[..decimals.len().min(60)];
    (0..digits.len())
        .flat_map(|fixed| (1..=(digits.len() - fixed) / 2).map(move |period| (fixed, period)))
        .filter(|&(fixed, period)| {
            digits.len() == decimals.len()
                && (fixed + period..digits.len()).all(|i| digits[i] == digits[i - period])
        })
        .min_by_key(|(fixed, period)| fixed + period)
}

/// `value` with `repeating` digits after its `fixed` decimals, for ever: exact.
fn repeat(value: &Rational, fixed: u32, repeating: &str) -> Bounded<Rational> {
    let mut budget = crate::number::Budget::of(1000);
    let nines = Rational::decimal(&"9".repeat(repeating.len()), "", fixed.into())?;
    let tail = Rational::decimal(repeating, "", 0)?.div(&nines, &mut budget)?;
    value.add(&tail, &mut budget)
}
