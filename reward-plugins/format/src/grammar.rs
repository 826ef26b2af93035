//! Grammars over tags: `think (search result)* answer`.
//!
//! A grammar is compiled to states with steps, as Thompson does for regular expressions; a response is read once, with
//! the set of states that it may be in, so no response takes longer than its length times the grammar's.

use rlhost_verifier::extract::is_blank;

/// Grammars of more states than this are refused.
const MAX_STATES: usize = 256;
/// How deep groups may stand in each other.
const MAX_DEPTH: usize = 16;

/// What leads from a state to the next ones.
#[derive(Clone, Copy, Debug)]
enum State {
    /// A tag of that name leads to the next state.
    Tag(usize),
    /// Both states, without a tag.
    Both(usize, usize),
    /// That state, without a tag.
    Goto(usize),
}

/// A grammar over tags.
#[derive(Debug)]
pub struct Grammar {
    names: Vec<String>,
    /// The state after the last one is the end.
    states: Vec<State>,
}

/// A tag in a response.
struct Tag {
    name: usize,
    closes: bool,
    start: usize,
    end: usize,
}

struct Parser<'a> {
    rest: &'a str,
    grammar: Grammar,
}

impl Parser<'_> {
    /// Items up to a closing bracket or the end.
    fn sequence(&mut self, depth: usize) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() || self.rest.starts_with(')') {
                return Ok(());
            }
            let start = self.grammar.states.len();
            if let Some(rest) = self.rest.strip_prefix('(') {
                if depth == MAX_DEPTH {
                    return Err("its groups are nested too deeply".into());
                }
                self.rest = rest;
                self.sequence(depth + 1)?;
                self.rest = self
                    .rest
                    .strip_prefix(')')
                    .ok_or("a bracket is not closed")?;
                if self.grammar.states.len() == start {
                    return Err("a group is empty".into());
                }
            } else {
                let length = self
                    .rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
                    .unwrap_or(self.rest.len());
                let (name, rest) = self.rest.split_at(length);
                if name.is_empty() {
                    return Err(format!(
                        "`{}` is no name of a tag",
                        &self.rest.chars().next().unwrap_or(' ')
                    ));
                }
                self.rest = rest;
                let name = self.grammar.name(name);
                self.grammar.states.push(State::Tag(name));
            }
            self.suffix(start);
            if self.grammar.states.len() > MAX_STATES {
                return Err("it is too long".into());
            }
        }
    }

    /// `?`, `*` or `+` after the item whose states begin at `start`.
    fn suffix(&mut self, start: usize) {
        let Some(c) = self.rest.chars().next().filter(|c| "?*+".contains(*c)) else {
            return;
        };
        self.rest = &self.rest[1..];
        let states = &mut self.grammar.states;
        if c != '+' {
            // A step before the item, which may go past it; what points into the item moves along.
            for state in &mut states[start..] {
                match state {
                    State::Both(a, b) => (*a, *b) = (*a + 1, *b + 1),
                    State::Goto(a) => *a += 1,
                    State::Tag(_) => {}
                }
            }
            let after = states.len() + 1 + usize::from(c == '*');
            states.insert(start, State::Both(start + 1, after));
        }
        match c {
            '*' => states.push(State::Goto(start)),
            '+' => states.push(State::Both(start, states.len() + 1)),
            _ => {}
        }
    }
}

impl Grammar {
    /// Reads a grammar; an error says what is wrong with it.
    ///
    /// ```
    /// use format::grammar::Grammar;
    /// let grammar = Grammar::parse("think (search result)* answer").unwrap();
    /// assert!(grammar.accepts("<think>a</think><search>b</search><result>c</result><answer>d</answer>", true));
    /// assert!(!grammar.accepts("<think>a</think><result>c</result><answer>d</answer>", true));
    /// assert!(Grammar::parse("think (").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, String> {
        let grammar = Self {
            names: Vec::new(),
            states: Vec::new(),
        };
        let mut parser = Parser {
            rest: text,
            grammar,
        };
        let wrong = |why: &str| format!("the parameter `tags` is `{text}`: {why}");
        parser.sequence(0).map_err(|why| wrong(&why))?;
        if !parser.rest.is_empty() {
            return Err(wrong("a bracket closes nothing"));
        }
        if parser.grammar.states.is_empty() {
            return Err(wrong("it names no tag"));
        }
        Ok(parser.grammar)
    }

    fn name(&mut self, name: &str) -> usize {
        self.names
            .iter()
            .position(|n| n == name)
            .unwrap_or_else(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            })
    }

    /// The first tag of the grammar at or after `from`.
    fn next_tag(&self, text: &str, mut from: usize) -> Option<Tag> {
        loop {
            let start = from + text[from..].find('<')?;
            let rest = &text[start + 1..];
            let (closes, rest) = rest
                .strip_prefix('/')
                .map_or((false, rest), |rest| (true, rest));
            let found = self.names.iter().position(|name| {
                rest.strip_prefix(name.as_str())
                    .is_some_and(|r| r.starts_with('>'))
            });
            if let Some(name) = found {
                let length = 2 + usize::from(closes) + self.names[name].len();
                return Some(Tag {
                    name,
                    closes,
                    start,
                    end: start + length,
                });
            }
            from = start + 1;
        }
    }

    /// Adds a state and all that it reaches without a tag.
    fn reach(&self, state: usize, reached: &mut [bool]) {
        let mut open = vec![state];
        while let Some(state) = open.pop() {
            if std::mem::replace(&mut reached[state], true) {
                continue;
            }
            match self.states.get(state) {
                Some(State::Both(a, b)) => open.extend([*a, *b]),
                Some(State::Goto(a)) => open.push(*a),
                Some(State::Tag(_)) | None => {}
            }
        }
    }

    /// Whether a response is of this grammar: its tags, closed, not empty, with none of them in another, in an order
    /// that the grammar allows. Where it is `strict`, only white space stands between them.
    pub fn accepts(&self, response: &str, strict: bool) -> bool {
        let mut now = vec![false; self.states.len() + 1];
        self.reach(0, &mut now);
        let mut at = 0;
        while let Some(open) = self.next_tag(response, at) {
            let Some(close) = self.next_tag(response, open.end) else {
                return false;
            };
            let matched = !open.closes && close.closes && open.name == close.name;
            let empty = is_blank(&response[open.end..close.start]);
            if !matched || empty || (strict && !response[at..open.start].trim().is_empty()) {
                return false;
            }
            let mut next = vec![false; now.len()];
            for (state, _) in now.iter().enumerate().filter(|(_, on)| **on) {
                if matches!(self.states.get(state), Some(State::Tag(name)) if *name == open.name) {
                    self.reach(state + 1, &mut next);
                }
            }
            now = next;
            at = close.end;
        }
        let ended = now.last().is_some_and(|end| *end);
        ended && (!strict || response[at..].trim().is_empty())
    }
}
