//! Reads functions and what they apply to: `\sin^2 x`, `\log_2 8`, `\sqrt[3]{x}`.

use crate::factor::{call, power};
use crate::lexer::Kind;
use crate::number::{Bounded, Rational, Stop};
use crate::parser::Parser;
use crate::syntax::Node;

/// Names of functions that apply to what follows them.
pub(crate) fn is_function(name: &str) -> bool {
    matches!(
        name,
        "sin"
            | "cos"
            | "tan"
            | "cot"
            | "sec"
            | "csc"
            | "arcsin"
            | "arccos"
            | "arctan"
            | "asin"
            | "acos"
            | "atan"
            | "sinh"
            | "cosh"
            | "tanh"
            | "ln"
            | "log"
            | "lg"
            | "exp"
            | "abs"
            | "sqrt"
            | "cbrt"
            | "gcd"
            | "lcm"
            | "max"
            | "min"
            | "det"
            | "arg"
            | "Re"
            | "Im"
            | "sgn"
    )
}

/// Would an argument need no brackets as a factor: a number, a letter, a fraction of numbers?
fn is_idle_in_brackets(node: &Node) -> bool {
    match node {
        Node::Number(_) | Node::Symbol(_) | Node::Infinity => true,
        Node::Negative(inner) => is_idle_in_brackets(inner),
        Node::Product(items) => items
            .iter()
            .all(|(_, item)| matches!(item, Node::Number(_)) || *item == Node::Symbol("pi".into())),
        _ => false,
    }
}

impl Parser {
    /// A name with one number or letter in brackets, `I(0)`, `y(-1)`, `x(t)`: a value of the function of that name, for in a product
    /// such brackets would be idle. A sum in brackets is a factor: `x(x+1)`, `a(1-\sqrt{2})`.
    pub(crate) fn opaque_call(&mut self, name: &Node) -> Option<Node> {
        let Node::Symbol(full) = name else {
            return None;
        };
        if matches!(full.as_str(), "e" | "i" | "d") || !self.next_is(&Kind::Open('(')) {
            return None;
        }
        // An exponent without braces ends before a bracket: `(-1)^m(-1)^n`.
        let back = |n: usize| Some(&self.tokens.get(self.at.checked_sub(n)?)?.kind);
        let raised = |kind: Option<&Kind>| kind == Some(&Kind::Sign('^'));
        let signed = matches!(back(2), Some(Kind::Sign('-' | '+')));
        if raised(back(2)) || signed && raised(back(3)) {
            return None;
        }
        let (start, depth) = (self.at, self.depth);
        self.at += 1;
        if let Ok(argument) = self.sum()
            && is_idle_in_brackets(&argument)
            && argument != *name
            && self.accept(&Kind::Close(')'))
        {
            return Some(Node::Call(full.clone(), vec![argument]));
        }
        (self.at, self.depth) = (start, depth);
        None
    }

    pub(crate) fn function(&mut self, name: &str) -> Bounded<Node> {
        if name == "sqrt" || name == "cbrt" {
            let mut degree = if name == "sqrt" { 2 } else { 3 };
            if name == "sqrt" && self.accept(&Kind::Open('[')) {
                let Some(Kind::Number { value, .. }) = self.peek() else {
                    return Err(Stop::Undefined);
                };
                degree = value
                    .to_i64()
                    .and_then(|n| u32::try_from(n).ok())
                    .ok_or(Stop::TooBig)?;
                self.at += 1;
                self.expect(&Kind::Close(']'))?;
            }
            if !(1..=64).contains(&degree) {
                return Err(Stop::TooBig);
            }
            let inner = self.base()?;
            return Ok(Node::Root(Box::new(inner), degree));
        }
        let mut args = Vec::new();
        if name == "log" && self.accept(&Kind::Sign('_')) {
            args.push(self.argument()?);
        }
        let mut exponent = if self.accept(&Kind::Sign('^')) {
            Some(self.exponent()?)
        } else {
            None
        };
        let mut inverse = false;
        let minus_one = Node::Negative(Box::new(Node::Number(Rational::one())));
        if exponent.as_ref() == Some(&minus_one) {
            if !matches!(name, "sin" | "cos" | "tan") {
                return Err(Stop::Undefined);
            }
            inverse = true;
            exponent = None;
        }
        let name = match name {
            "asin" => "arcsin",
            "acos" => "arccos",
            "atan" => "arctan",
            "sin" if inverse => "arcsin",
            "cos" if inverse => "arccos",
            "tan" if inverse => "arctan",
            other => other,
        };
        // Of one number, the greatest is no value but a slip; and what a word such as `abs` applies to stands in brackets.
        let many = matches!(name, "max" | "min" | "gcd" | "lcm");
        let bracketed = matches!(
            self.peek(),
            Some(Kind::Open(_) | Kind::GroupOpen | Kind::BarOpen | Kind::Bar)
        );
        if (many || name == "abs") && !bracketed {
            return Err(Stop::Undefined);
        }
        let (name, last) = match self.function_argument()? {
            Node::Bracket('(', ')', items) if many && items.len() < 2 => {
                return Err(Stop::Undefined);
            }
            // `\max\{a, b\}`
            Node::Set(items) if many && items.len() > 1 => {
                args.extend(items);
                (name, None)
            }
            Node::Bracket('(', ')', items) => {
                args.extend(items);
                (name, None)
            }
            other => (name, Some(other)),
        };
        args.extend(last);
        let node = call(name, args);
        Ok(match exponent {
            Some(exponent) => power(node, exponent),
            None => node,
        })
    }

    /// What a function applies to: brackets, or the factors that follow it directly.
    fn function_argument(&mut self) -> Bounded<Node> {
        let inner = std::mem::replace(&mut self.inner, true);
        let argument = self.argument_of_function();
        self.inner = inner;
        argument
    }

    fn argument_of_function(&mut self) -> Bounded<Node> {
        if matches!(
            self.peek(),
            Some(Kind::Open('(' | '[') | Kind::GroupOpen | Kind::BarOpen | Kind::Bar)
        ) {
            return self.base();
        }
        let mut items = vec![(false, self.factor()?)];
        while self.starts_factor()
            && !matches!(self.peek(), Some(Kind::Command(name)) if is_function(name) && name != "sqrt")
            && !matches!(self.peek(), Some(Kind::Word(name)) if is_function(name))
            && !matches!(self.peek(), Some(Kind::Open(_)))
        {
            items.push((false, self.factor()?));
            if items.len() > 50 {
                return Err(Stop::TooBig);
            }
        }
        Ok(if items.len() == 1 {
            items.remove(0).1
        } else {
            Node::Product(items)
        })
    }
}
