//! Reads degree signs: of angles, `90^\circ`, `35^o`, and of temperatures, `20°C`.

use crate::lexer::Kind;
use crate::parser::Parser;
use crate::syntax::Node;

impl Parser {
    /// A mixed number with its percent or degree sign, if it has one.
    pub(crate) fn measured(&mut self, node: Node) -> Node {
        if self.accept(&Kind::Sign('%')) {
            return Node::Percent(Box::new(node));
        }
        let start = self.at;
        let degree =
            self.accept(&Kind::Degree) || self.accept(&Kind::Sign('^')) && self.degree_mark();
        if degree {
            return Node::Product(vec![(false, node), (false, self.degree())]);
        }
        self.at = start;
        node
    }

    /// Eats `\circ` or `{\circ}` after a caret.
    pub(crate) fn degree_mark(&mut self) -> bool {
        let is = |i: usize, kind: &Kind| self.tokens.get(i).is_some_and(|t| t.kind == *kind);
        let circle = Kind::Command("circ".into());
        for mark in [&circle, &Kind::Degree] {
            if is(self.at, mark) {
                self.at += 1;
                return true;
            }
            if is(self.at, &Kind::GroupOpen)
                && is(self.at + 1, mark)
                && is(self.at + 2, &Kind::GroupClose)
            {
                self.at += 3;
                return true;
            }
        }
        false
    }

    /// Eats a raised letter o, which stands for a degree sign: `35^o`, `35^{\text{o}}`.
    pub(crate) fn letter_degree(&mut self) -> bool {
        let kind = |i: usize| self.tokens.get(self.at + i).map(|t| &t.kind);
        let letter = |i| matches!(kind(i), Some(Kind::Word(o) | Kind::Text(o, _)) if o == "o");
        let length = match kind(0) {
            Some(Kind::GroupOpen) if letter(1) && kind(2) == Some(&Kind::GroupClose) => 3,
            _ if letter(0) => 1,
            _ => return false,
        };
        self.at += length;
        true
    }

    /// The unit of a degree sign that was just read: of an angle, or of a temperature with its letter.
    pub(crate) fn degree(&mut self) -> Node {
        if let Some(Kind::Word(letter) | Kind::Text(letter, _)) = self.peek()
            && matches!(letter.trim(), "C" | "F")
        {
            let name = format!("°{}", letter.trim());
            self.at += 1;
            return Node::Unit(name);
        }
        Node::Unit("°".into())
    }
}
