//! Cuts what formulas set in upright letters, and Chinese words, into tokens.

use crate::han;
use crate::lexer::{Kind, Lexer};
use crate::number::Bounded;

impl Lexer {
    /// What `\mathrm` and `\rm` set: words, or numbers and signs, which mean the same in any font.
    pub(crate) fn upright(&mut self) -> Bounded<()> {
        let mut ahead = 0;
        while self.peek(ahead) == ' ' {
            ahead += 1;
        }
        if self.peek(ahead) == '{' {
            let text = self.braced()?;
            if text.contains(|c: char| c.is_alphabetic()) || text.trim().is_empty() {
                self.push(Kind::Text(text, true));
            } else {
                self.text(text);
            }
        } else if self.peek(ahead).is_ascii_alphabetic() {
            self.at += ahead;
            let from = self.at;
            while self.peek(0).is_ascii_alphabetic() {
                self.at += 1;
            }
            let text = self.chars[from..self.at].iter().collect();
            self.push(Kind::Text(text, true));
        }
        Ok(())
    }

    /// A run of Han characters; those that join answers stand alone.
    pub(crate) fn han(&mut self) {
        let start = self.at;
        while han::is_han(self.peek(0)) && han::joint(self.peek(0)).is_none() {
            self.at += 1;
        }
        if self.at == start {
            let word = han::joint(self.peek(0)).unwrap_or("and");
            self.one(Kind::Text(word.into(), false));
        } else {
            let run = self.chars[start..self.at].iter().collect();
            self.push(Kind::Text(run, false));
        }
    }

    /// A currency by its command.
    pub(crate) fn currency(&mut self, command: &str) {
        let name = match command {
            "dollar" | "textdollar" => "dollar",
            "euro" | "texteuro" => "euro",
            _ => "pound sterling",
        };
        self.push(Kind::Text(name.into(), false));
    }
}
