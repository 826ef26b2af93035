//! Reads what LaTeX commands stand for: fractions, binomials, marks over letters, matrices.

use crate::ellipsis;
use crate::factor::{call, is_fraction, is_greek};
use crate::function::is_function;
use crate::lexer::{Kind, Token};
use crate::number::{Bounded, Stop};
use crate::parser::Parser;
use crate::syntax::Node;

/// Does a command set a mark over what follows it?
pub(crate) fn is_accent(name: &str) -> bool {
    matches!(
        name,
        "overline"
            | "vec"
            | "overrightarrow"
            | "overleftrightarrow"
            | "hat"
            | "bar"
            | "widehat"
            | "tilde"
            | "dot"
            | "ddot"
    )
}

impl Parser {
    pub(crate) fn command(&mut self, name: &str) -> Bounded<Node> {
        match name {
            _ if is_fraction(name) => {
                let (a, b) = (self.letter_or_argument()?, self.letter_or_argument()?);
                Ok(Node::Product(vec![(false, a), (true, b)]))
            }
            "pi" => Ok(Node::Symbol("pi".into())),
            "infty" => Ok(Node::Infinity),
            _ if ellipsis::is_command(name) => Ok(Node::Symbol(ellipsis::DOTS.into())),
            "emptyset" | "varnothing" => Ok(Node::Set(Vec::new())),
            "binom" | "dbinom" | "tbinom" => {
                let (a, b) = (self.argument()?, self.argument()?);
                Ok(call("binom", vec![a, b]))
            }
            "angle" | "triangle" | "measuredangle" => match self.peek() {
                Some(Kind::Word(letters)) => {
                    let symbol = Node::Symbol(format!("∠{letters}"));
                    self.at += 1;
                    Ok(symbol)
                }
                _ => Err(Stop::Undefined),
            },
            _ if is_accent(name) => {
                let inner = self.argument()?;
                Ok(call(name, vec![inner]))
            }
            "sum" | "prod" => self.series(name),
            "lfloor" | "lceil" => {
                let inner = self.sum()?;
                let (close, function) = if name == "lfloor" {
                    ("rfloor", "floor")
                } else {
                    ("rceil", "ceil")
                };
                self.expect(&Kind::Command(close.into()))?;
                Ok(call(function, vec![inner]))
            }
            "R" | "Z" | "Q" | "N" | "C" => Ok(Node::Symbol(format!("\\{name}"))),
            _ if is_greek(name) => self.symbol(&format!("\\{name}")),
            _ if is_function(name) => self.function(name),
            _ => Err(Stop::Undefined),
        }
    }

    /// Equations below each other: a list.
    fn system(&mut self, name: &str) -> Bounded<Node> {
        let end = Kind::End(name.into());
        // Marks of columns say nothing about equations.
        if let Some(length) = self.tokens[self.at..].iter().position(|t| t.kind == end) {
            let (from, to) = (self.at, self.at + length);
            let mut inside: Vec<Token> = self.tokens.splice(from..to, []).collect();
            inside.retain(|token| token.kind != Kind::Sign('&'));
            self.tokens.splice(from..from, inside);
        }
        let mut items = Vec::new();
        while !self.accept(&end) {
            items.push(self.nested(Self::relation)?);
            let separated = self.accept(&Kind::Comma) | self.accept(&Kind::Row);
            if !separated && !self.next_is(&end) {
                return Err(Stop::Undefined);
            }
        }
        match items.len() {
            0 => Err(Stop::Undefined),
            1 => Ok(items.remove(0)),
            _ => Ok(Node::List(items)),
        }
    }

    pub(crate) fn matrix(&mut self, name: &str) -> Bounded<Node> {
        if matches!(name, "cases" | "aligned" | "align" | "align*" | "gathered") {
            return self.system(name);
        }
        // `\left\{\begin{array}{l}x=2\\y=3\end{array}\right.`
        let end = Kind::End(name.into());
        let relation = |token: &Token| matches!(token.kind, Kind::Relation(_));
        let inside = self.tokens[self.at..]
            .iter()
            .take_while(|token| token.kind != end);
        if name == "array" && inside.into_iter().any(relation) {
            return self.system(name);
        }
        let name = name.trim_end_matches('*');
        if name.ends_with("matrix") && self.accept(&Kind::Open('[')) {
            // How the columns of `pmatrix*` are set.
            self.at += 1;
            self.expect(&Kind::Close(']'))?;
        }
        let determinant = match name {
            "pmatrix" | "bmatrix" | "matrix" | "Bmatrix" | "smallmatrix" | "psmallmatrix"
            | "bsmallmatrix" | "array" => false,
            "vmatrix" => true,
            _ => return Err(Stop::Undefined),
        };
        let mut rows = vec![Vec::new()];
        while !self.next_is(&end) {
            if self.accept(&Kind::Row) {
                rows.push(Vec::new());
                continue;
            }
            let cell = self.sum()?;
            if let Some(row) = rows.last_mut() {
                row.push(cell);
            }
            self.accept(&Kind::Sign('&'));
        }
        self.at += 1;
        if rows.last().is_some_and(Vec::is_empty) {
            rows.pop();
        }
        let width = rows.first().map_or(0, Vec::len);
        if width == 0 || rows.iter().any(|row| row.len() != width) {
            return Err(Stop::Undefined);
        }
        Ok(Node::Matrix(determinant, rows))
    }
}
