//! Numbers in English words, below a million.

use super::reader::Reader;

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

pub(super) fn is_number_word(word: &str) -> bool {
    ONES.contains(&word) || TENS.contains(&word)
}

impl Reader<'_> {
    /// `seven`, `twenty-one`, `two hundred and five`, `three thousand`.
    pub(super) fn spelled(&mut self, word: &str) -> Option<i64> {
        let value = self.below_thousands(word)?;
        if (1..1000).contains(&value) && self.accept("thousand") {
            return Some(value * 1000 + self.rest(1000, Self::below_thousands));
        }
        Some(value)
    }

    /// `seven`, `two hundred and five`, `twelve hundred`.
    fn below_thousands(&mut self, word: &str) -> Option<i64> {
        let value = self.below_hundred(word)?;
        if value > 0 && self.accept("hundred") {
            return Some(value * 100 + self.rest(100, Self::below_hundred));
        }
        Some(value)
    }

    /// What a number in words goes on with, after `and` or without it: less than `limit`, or 0 where it ends.
    fn rest(&mut self, limit: i64, read: fn(&mut Self, &str) -> Option<i64>) -> i64 {
        let start = self.at;
        self.accept("and");
        let (word, end) = self.next_word(self.at + usize::from(self.peek(0) == '-'));
        if is_number_word(&word) {
            self.at = end;
            if let Some(value) = read(self, &word).filter(|value| (1..limit).contains(value)) {
                return value;
            }
        }
        self.at = start;
        0
    }

    /// Reads a word, perhaps after a hyphen.
    fn accept(&mut self, wanted: &str) -> bool {
        let (word, end) = self.next_word(self.at + usize::from(self.peek(0) == '-'));
        let found = word == wanted;
        if found {
            self.at = end;
        }
        found
    }

    /// `seven`, `twenty`, `twenty-one`.
    fn below_hundred(&mut self, word: &str) -> Option<i64> {
        let place = |list: &[&str], word: &str| -> Option<i64> {
            let at = list.iter().position(|known| *known == word)?;
            i64::try_from(at).ok()
        };
        let ones = |word: &str| place(&ONES, word);
        if let Some(value) = ones(word) {
            return Some(value);
        }
        let tens = (place(&TENS, word)? + 2) * 10;
        let after = self.at;
        if matches!(self.peek(0), '-' | ' ') {
            self.at += 1;
            let next = self.letters().to_lowercase();
            if let Some(value @ 1..=9) = ones(&next) {
                return Some(tens + value);
            }
        }
        self.at = after;
        Some(tens)
    }
}
