//! Reads factors: numbers, symbols, brackets, LaTeX commands and functions, with what is attached to them.

use crate::function::is_function;
use crate::lexer::Kind;
use crate::number::{Bounded, Rational, Stop};
use crate::parser::{Parser, constant};
use crate::syntax::Node;

pub(crate) fn is_greek(name: &str) -> bool {
    matches!(
        name,
        "alpha"
            | "beta"
            | "gamma"
            | "delta"
            | "epsilon"
            | "varepsilon"
            | "zeta"
            | "eta"
            | "theta"
            | "vartheta"
            | "iota"
            | "kappa"
            | "lambda"
            | "mu"
            | "nu"
            | "xi"
            | "rho"
            | "sigma"
            | "tau"
            | "upsilon"
            | "phi"
            | "varphi"
            | "chi"
            | "psi"
            | "omega"
            | "Gamma"
            | "Delta"
            | "Theta"
            | "Lambda"
            | "Xi"
            | "Sigma"
            | "Phi"
            | "Psi"
            | "Omega"
            | "ell"
            | "hbar"
    )
}

pub(crate) fn is_fraction(name: &str) -> bool {
    matches!(
        name,
        "frac" | "dfrac" | "tfrac" | "cfrac" | "nicefrac" | "sfrac" | "flatfrac"
    )
}

pub(crate) fn call(name: &str, args: Vec<Node>) -> Node {
    Node::Call(name.into(), args)
}

/// What the elements of a set have to meet: all of it, or one of it where `or` joins it.
fn conditions((mut items, joint): (Vec<Node>, &'static str)) -> Bounded<Node> {
    match (items.len(), joint) {
        (0, _) => Err(Stop::Undefined),
        (1, _) => Ok(items.remove(0)),
        (_, "or") => Ok(Node::SetOperation("or", items)),
        _ => Ok(Node::SetOperation("and", items)),
    }
}

pub(crate) fn power(base: Node, exponent: Node) -> Node {
    Node::Power(Box::new(base), Box::new(exponent))
}

impl Parser {
    /// Can a factor follow without a sign of multiplication? Numbers can't: `x 3` is no product.
    pub(crate) fn starts_factor(&self) -> bool {
        match self.peek() {
            Some(Kind::Word(word)) => {
                !matches!(word.to_ascii_lowercase().as_str(), "or" | "and" | "u") || word == "u"
            }
            // `3 (mod 7)` is no product.
            Some(Kind::Open('(')) => !matches!(
                self.tokens.get(self.at + 1).map(|t| &t.kind),
                Some(Kind::Word(name) | Kind::Text(name, _)) if name.trim() == "mod"
            ),
            Some(Kind::Open(c)) => *c == '[',
            Some(Kind::GroupOpen | Kind::BarOpen | Kind::Begin(_)) => true,
            Some(Kind::Bar) => self.bars == 0,
            Some(Kind::Command(name)) => {
                is_fraction(name)
                    || is_greek(name)
                    || is_function(name)
                    || crate::ellipsis::is_command(name)
                    || crate::command::is_accent(name)
                    || matches!(
                        name.as_str(),
                        "pi" | "sqrt"
                            | "binom"
                            | "sum"
                            | "prod"
                            | "angle"
                            | "overline"
                            | "vec"
                            | "operatorname"
                    )
            }
            _ => false,
        }
    }

    /// A factor with its exponent and what else is attached: `x^2`, `5!`, `50\%`, `90^\circ`.
    pub(crate) fn factor(&mut self) -> Bounded<Node> {
        self.nested(|p| {
            let mut node = p.base()?;
            let mut attached = 0;
            loop {
                match p.peek() {
                    Some(Kind::Sign('^')) => {
                        p.at += 1;
                        let of_number = matches!(node, Node::Number(_));
                        if p.degree_mark() || of_number && p.letter_degree() {
                            node = Node::Product(vec![(false, node), (false, p.degree())]);
                        } else {
                            node = power(node, p.exponent()?);
                            // `2^3^4` without braces is no LaTeX, and not clear elsewhere.
                            if p.next_is(&Kind::Sign('^')) {
                                return Err(Stop::Undefined);
                            }
                        }
                    }
                    Some(Kind::Degree) => {
                        p.at += 1;
                        node = Node::Product(vec![(false, node), (false, p.degree())]);
                    }
                    Some(Kind::Sign('!')) => {
                        p.at += 1;
                        node = call("factorial", vec![node]);
                    }
                    Some(Kind::Sign('%')) => {
                        p.at += 1;
                        node = Node::Percent(Box::new(node));
                    }
                    _ => return Ok(node),
                }
                attached += 1;
                if attached > 4 {
                    return Err(Stop::TooBig);
                }
            }
        })
    }

    /// What stands after a caret: a group, or a signed factor.
    pub(crate) fn exponent(&mut self) -> Bounded<Node> {
        self.nested(|p| {
            let inner = std::mem::replace(&mut p.inner, true);
            let negative = p.accept(&Kind::Sign('-'));
            if !negative {
                p.accept(&Kind::Sign('+'));
            }
            let exponent = p.base();
            p.inner = inner;
            Ok(if negative {
                Node::Negative(Box::new(exponent?))
            } else {
                exponent?
            })
        })
    }

    /// An argument of a command: a group, or one symbol or digit as TeX reads it.
    pub(crate) fn argument(&mut self) -> Bounded<Node> {
        if let Some(Kind::Number { raw, .. }) = self.peek()
            && !raw.is_empty()
        {
            let (first, rest) = raw.split_at(1);
            let node = Node::Number(Rational::parse(first).ok_or(Stop::Undefined)?);
            let rest = rest.to_string();
            match Rational::parse(&rest) {
                Some(value) => self.tokens[self.at].kind = Kind::Number { value, raw: rest },
                None => self.at += 1,
            }
            return Ok(node);
        }
        match self.peek() {
            Some(Kind::Open(_)) => Err(Stop::Undefined),
            _ => self.base(),
        }
    }

    /// An argument that is one letter of a run of letters, as TeX reads `\frac ab`.
    pub(crate) fn letter_or_argument(&mut self) -> Bounded<Node> {
        if let Some(Kind::Word(word)) = self.peek()
            && word.len() > 1
        {
            let (first, rest) = (word[..1].to_string(), word[1..].to_string());
            self.tokens[self.at].kind = Kind::Word(rest);
            return self.word(&first);
        }
        self.argument()
    }

    pub(crate) fn base(&mut self) -> Bounded<Node> {
        self.nested(Self::base_unbounded)
    }

    fn base_unbounded(&mut self) -> Bounded<Node> {
        let Some(token) = self.tokens.get(self.at) else {
            return Err(Stop::Undefined);
        };
        let kind = token.kind.clone();
        self.at += 1;
        match kind {
            Kind::Number { value, raw } => {
                if self.next_is(&Kind::Sign('_')) && !raw.is_empty() {
                    return self.based(&raw);
                }
                // Two numbers side by side are neither a product nor a number, but for powers: `2^6 3^5`.
                let next = self.tokens.get(self.at + 1).map(|t| &t.kind);
                if matches!(self.peek(), Some(Kind::Number { .. }))
                    && next != Some(&Kind::Sign('^'))
                {
                    return Err(Stop::Undefined);
                }
                Ok(Node::Number(value))
            }
            Kind::Word(word) => self.word(&word),
            Kind::Text(text, upright) => self.named(&text, upright),
            Kind::Command(name) => self.command(&name),
            Kind::Open('{') if self.set_builder() => {
                let condition = self.joined_items()?;
                self.expect(&Kind::Close('}'))?;
                conditions(condition)
            }
            Kind::GroupOpen if self.set_builder() => {
                let condition = self.joined_items()?;
                self.expect(&Kind::GroupClose)?;
                conditions(condition)
            }
            Kind::Open('{') => {
                let items = self.items()?;
                self.expect(&Kind::Close('}'))?;
                Ok(Node::Set(items))
            }
            Kind::Open('(') if self.bracketed_numeral().is_some() => {
                let raw = self.bracketed_numeral().ok_or(Stop::Undefined)?;
                self.at += 2;
                self.based(&raw)
            }
            Kind::Open(open) => self.bracket(open),
            Kind::GroupOpen => {
                let bars = std::mem::take(&mut self.bars);
                let mut items = self.items()?;
                self.bars = bars;
                if items.len() == 1 && self.accept(&Kind::Command("choose".into())) {
                    items.push(self.sum()?);
                    self.expect(&Kind::GroupClose)?;
                    return Ok(call("binom", items));
                }
                if items.len() == 1 && self.accept(&Kind::Command("over".into())) {
                    let below = self.sum()?;
                    self.expect(&Kind::GroupClose)?;
                    return Ok(Node::Product(vec![(false, items.remove(0)), (true, below)]));
                }
                self.expect(&Kind::GroupClose)?;
                Ok(if items.len() == 1 {
                    items.remove(0)
                } else {
                    Node::Set(items)
                })
            }
            Kind::Bar | Kind::BarOpen => {
                let close = if kind == Kind::Bar {
                    Kind::Bar
                } else {
                    Kind::BarClose
                };
                let outer = self.bars;
                self.bars = u32::from(kind == Kind::Bar);
                let inner = self.sum()?;
                self.bars = outer;
                self.expect(&close)?;
                Ok(call("abs", vec![inner]))
            }
            Kind::Begin(name) => self.matrix(&name),
            _ => Err(Stop::Undefined),
        }
    }

    /// Eats `x |`, `x :` or `x ∈ ℝ |` after a brace.
    fn set_builder(&mut self) -> bool {
        let kind = |i: usize| self.tokens.get(self.at + i).map(|t| &t.kind);
        if !matches!(kind(0), Some(Kind::Word(name)) if name.len() == 1) {
            return false;
        }
        let member = matches!(kind(1), Some(Kind::Relation(crate::syntax::Relation::In)))
            && matches!(kind(2), Some(Kind::Command(set)) if set == "R");
        let at = if member { 3 } else { 1 };
        let found = matches!(kind(at), Some(Kind::Bar | Kind::Sign(':')));
        if found {
            self.at += at + 1;
        }
        found
    }

    fn bracket(&mut self, open: char) -> Bounded<Node> {
        let bars = std::mem::take(&mut self.bars);
        let mut items = self.items()?;
        self.bars = bars;
        let Some(&Kind::Close(close)) = self.peek() else {
            return Err(Stop::Undefined);
        };
        self.at += 1;
        let matching = matches!((open, close), ('(', ')') | ('[', ']'));
        if items.len() == 1 && matching {
            return Ok(items.remove(0));
        }
        if items.len() < 2 || close == '}' || (open == '<') != (close == '>') {
            return Err(Stop::Undefined);
        }
        Ok(Node::Bracket(open, close, items))
    }

    fn word(&mut self, word: &str) -> Bounded<Node> {
        if let Some(name) = constant(word) {
            return Ok(if name == "infty" {
                Node::Infinity
            } else {
                Node::Symbol(name.into())
            });
        }
        if is_function(word) {
            return self.function(word);
        }
        let mut letters = word.chars();
        let (Some(first), rest) = (letters.next(), letters.as_str()) else {
            return Err(Stop::Undefined);
        };
        if rest.is_empty() {
            return self.symbol(&first.to_string());
        }
        if word.len() > 4 {
            return self.named(word, false);
        }
        // A run of letters is a product; what is attached belongs to the last.
        let rest = rest.to_string();
        let mut items = vec![(false, Node::Symbol(first.to_string()))];
        let mut letters: Vec<char> = rest.chars().collect();
        let last = letters.pop().map(|c| c.to_string()).unwrap_or_default();
        items.extend(
            letters
                .into_iter()
                .map(|c| (false, Node::Symbol(c.to_string()))),
        );
        let mut last = self.symbol(&last)?;
        if self.next_is(&Kind::Sign('^')) && !self.circle_follows() {
            self.at += 1;
            last = power(last, self.exponent()?);
        }
        items.push((false, last));
        Ok(Node::Product(items))
    }

    fn circle_follows(&self) -> bool {
        let circle = Kind::Command("circ".into());
        let next = self.tokens.get(self.at + 1).map(|t| &t.kind);
        next == Some(&circle) || self.tokens.get(self.at + 2).map(|t| &t.kind) == Some(&circle)
    }

    /// A symbol with its subscript, primes, or the arguments of an unknown function (`f(x)`).
    pub(crate) fn symbol(&mut self, name: &str) -> Bounded<Node> {
        let mut node = if self.next_is(&Kind::Sign('_')) {
            self.subscript(name)?
        } else {
            Node::Symbol(name.into())
        };
        while self.accept(&Kind::Sign('\'')) {
            if let Node::Symbol(name) = &mut node {
                name.push('\'');
                if name.len() > 16 {
                    return Err(Stop::TooBig);
                }
            }
        }
        if let Node::Symbol(full) = &node
            && full.starts_with(['f', 'g', 'h', 'F', 'G', 'H', 'P'])
            && self.accept(&Kind::Open('('))
        {
            let full = full.clone();
            let args = self.items()?;
            self.expect(&Kind::Close(')'))?;
            return Ok(Node::Call(full, args));
        }
        if let Some(node) = self.opaque_call(&node) {
            return Ok(node);
        }
        // `A(3, 4)` is a point, `C(5, 2)` may be a binomial coefficient; `A(x + 1)` is a product.
        if let Node::Symbol(full) = &node
            && full.len() == 1
            && full.starts_with(|c: char| c.is_ascii_uppercase())
            && self.next_is(&Kind::Open('('))
        {
            let (full, start) = (full.clone(), self.at);
            self.at += 1;
            let args = self.items()?;
            if args.len() > 1 && self.accept(&Kind::Close(')')) {
                return Ok(Node::Call(full, args));
            }
            self.at = start;
        }
        Ok(node)
    }

    /// The digits of `(1011)_2`, behind its opening bracket.
    fn bracketed_numeral(&self) -> Option<String> {
        let kind = |i: usize| self.tokens.get(self.at + i).map(|t| &t.kind);
        match (kind(0), kind(1), kind(2)) {
            (Some(Kind::Number { raw, .. }), Some(Kind::Close(')')), Some(Kind::Sign('_')))
                if !raw.is_empty() =>
            {
                Some(raw.clone())
            }
            _ => None,
        }
    }

    /// A numeral with its base, which is a name of its own but for the base ten.
    fn based(&mut self, raw: &str) -> Bounded<Node> {
        let node = self.subscript(raw)?;
        let ten = matches!(&node, Node::Symbol(name) if name[raw.len()..] == *"_10");
        if ten {
            Rational::parse(raw)
                .map(Node::Number)
                .ok_or(Stop::Undefined)
        } else {
            Ok(node)
        }
    }

    fn subscript(&mut self, name: &str) -> Bounded<Node> {
        self.expect(&Kind::Sign('_'))?;
        let grouped = self.accept(&Kind::GroupOpen);
        let mut text = format!("{name}_");
        let mut count = 0;
        loop {
            match self.peek() {
                Some(Kind::Number { raw, .. }) if !raw.is_empty() => text.push_str(raw),
                Some(Kind::Word(word)) if grouped || word.len() == 1 => text.push_str(word),
                Some(Kind::Command(name)) if grouped && name.starts_with("triangle") => {
                    text.push('△');
                }
                // `M_{\odot}`, `v_\theta`
                Some(Kind::Command(name)) => text.push_str(name),
                // The base of a number, in words.
                Some(Kind::Text(word, _)) => match crate::words::small(word.trim()) {
                    Some(number) => text.push_str(&number.to_string()),
                    None => text.push_str(word.trim()),
                },
                Some(Kind::Sign(c @ ('+' | '-'))) if grouped => text.push(*c),
                Some(Kind::Comma) if grouped => text.push(','),
                _ => break,
            }
            self.at += 1;
            count += 1;
            if !grouped {
                break;
            }
        }
        if grouped {
            self.expect(&Kind::GroupClose)?;
        }
        if count == 0 || count > 8 {
            Err(Stop::Undefined)
        } else {
            Ok(Node::Symbol(text))
        }
    }

    /// A name in upright letters: a function, a symbol, or words before an equals sign.
    fn named(&mut self, text: &str, upright: bool) -> Bounded<Node> {
        let name = text.trim();
        if upright && is_function(name) {
            return self.function(name);
        }
        if name.chars().count() == 1 && name.chars().all(char::is_alphabetic) {
            return self.symbol(name);
        }
        let word = name.chars().all(|c| c.is_alphanumeric() || c == ' ')
            && name.starts_with(char::is_alphabetic);
        // A currency before its number.
        if let Some(unit @ ("dollar" | "euro" | "yen" | "rupee")) =
            crate::units::known(name).or(Some(name))
            && matches!(self.peek(), Some(Kind::Number { .. }))
        {
            let unit = Node::Unit(unit.into());
            return Ok(Node::Product(vec![(false, self.factor()?), (false, unit)]));
        }
        if name == "pound sterling" && matches!(self.peek(), Some(Kind::Number { .. })) {
            return Ok(Node::Product(vec![
                (false, self.factor()?),
                (false, Node::Unit(name.into())),
            ]));
        }
        let relation = matches!(self.peek(), Some(Kind::Relation(_)));
        if word && (upright || relation) {
            Ok(Node::Symbol(format!("\"{name}")))
        } else {
            Err(Stop::Undefined)
        }
    }
}
