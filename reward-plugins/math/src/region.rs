//! Sets of real numbers: intervals, inequalities for one variable, their unions, intersections and complements.
//!
//! `x < 1 or x > 3`, `(-∞, 1) ∪ (3, ∞)` and `ℝ \ [1, 3]` are the same region. Where the order of two ends can't be told
//! for certain, there is no region.

use std::cmp::Ordering;

use crate::approx;
use crate::canonical::{Percent, canonical};
use crate::linear;
use crate::number::{Budget, Rational};
use crate::poly::Quotient;
use crate::relation::{Link, links};
use crate::syntax::{Node, Relation};

/// Most pieces of a region.
const MAX_PIECES: usize = 16;

/// An end of a piece: where it is (nothing for infinity), and whether it belongs to the piece.
#[derive(Clone, Debug)]
struct End {
    at: Option<Quotient>,
    closed: bool,
}

/// Disjoint pieces in ascending order, and the variable that an inequality named.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) name: Option<String>,
    pieces: Vec<(End, End)>,
}

/// Might this be a region that other spellings equal?
pub(crate) fn is_region(node: &Node) -> bool {
    match node {
        Node::Bracket('(' | '[', ')' | ']', ends) => ends.len() == 2,
        Node::Symbol(name) => name == "\\R",
        Node::SetOperation(..) | Node::Set(_) => true,
        // `x > 1, x < 2`
        Node::List(items) => items.len() == 2 && items.iter().all(is_ray),
        Node::Sum(items) => {
            matches!(items.as_slice(), [Node::Symbol(name), Node::Negative(_)] if name == "\\R")
        }
        Node::Relation(_, rest) => rest.iter().all(|(relation, _)| {
            matches!(
                relation,
                Relation::Less
                    | Relation::LessEqual
                    | Relation::Greater
                    | Relation::GreaterEqual
                    | Relation::NotEqual
                    | Relation::In
            )
        }),
        _ => false,
    }
}

/// An inequality of a variable and one bound.
fn is_ray(node: &Node) -> bool {
    matches!(node, Node::Relation(_, rest) if rest.len() == 1) && is_region(node)
}

pub(crate) struct Reader<'a> {
    pub(crate) percent: Percent,
    pub(crate) budget: &'a mut Budget,
    /// Has an inequality to be solved to be read?
    pub(crate) solved: bool,
}

impl Reader<'_> {
    /// Are an answer and a reference the same region? Nothing where one is none.
    pub(crate) fn same(&mut self, a: &Node, b: &Node) -> Option<bool> {
        self.solved = true;
        let a = self.region(a, 0)?;
        self.solved = false;
        let b = self.region(b, 0)?;
        if let (Some(x), Some(y)) = (&a.name, &b.name)
            && x != y
        {
            return Some(false);
        }
        if a.pieces.len() != b.pieces.len() {
            return Some(false);
        }
        for ((l1, h1), (l2, h2)) in a.pieces.iter().zip(&b.pieces) {
            for (x, y) in [(l1, l2), (h1, h2)] {
                let same = match (&x.at, &y.at) {
                    (None, None) => true,
                    (Some(x), Some(y)) => self.order(x, y)? == Ordering::Equal,
                    _ => false,
                };
                if !same || x.closed != y.closed {
                    return Some(false);
                }
            }
        }
        Some(true)
    }

    fn order(&mut self, a: &Quotient, b: &Quotient) -> Option<Ordering> {
        let difference = a.sub(b, self.budget).ok()?;
        if difference.num.is_zero() {
            return Some(Ordering::Equal);
        }
        match difference.as_rational() {
            Some(value) => Some(value.compare(&Rational::zero())),
            None => approx::sign(&difference, self.budget).ok()?,
        }
    }

    fn region(&mut self, node: &Node, depth: u32) -> Option<Region> {
        if depth > 8 {
            return None;
        }
        let unnamed = |pieces| Some(Region { name: None, pieces });
        match node {
            Node::Symbol(name) if name == "\\R" => unnamed(vec![(infinite(), infinite())]),
            Node::Bracket(open @ ('(' | '['), close @ (')' | ']'), ends) => {
                let [low, high] = ends.as_slice() else {
                    return None;
                };
                let low = self.end(low, *open == '[', true)?;
                let high = self.end(high, *close == ']', false)?;
                if let (Some(l), Some(h)) = (&low.at, &high.at)
                    && self.order(l, h)? != Ordering::Less
                    && !(low.closed && high.closed && self.order(l, h)? == Ordering::Equal)
                {
                    return None;
                }
                unnamed(vec![(low, high)])
            }
            Node::Set(items) if items.len() <= MAX_PIECES => {
                let mut pieces = Vec::new();
                for item in items {
                    // `ℝ \ {x = 2}` leaves out 2.
                    let item = match item {
                        Node::Relation(first, rest) => match (first.as_ref(), rest.as_slice()) {
                            (Node::Symbol(_), [(Relation::Equal, value)]) => value,
                            _ => return None,
                        },
                        item => item,
                    };
                    let at = self.end(item, true, true)?;
                    at.at.as_ref()?;
                    pieces.push((at.clone(), at));
                }
                let pieces = self.united(pieces)?;
                unnamed(pieces)
            }
            Node::SetOperation(operation, items) if items.len() <= MAX_PIECES => {
                let mut items = items.iter();
                let mut all = self.region(items.next()?, depth + 1)?;
                for item in items {
                    let next = self.region(item, depth + 1)?;
                    let pieces = match *operation {
                        "cup" | "or" => {
                            let pieces = [all.pieces, next.pieces].concat();
                            self.united(pieces)?
                        }
                        "cap" | "and" => self.common(&all.pieces, &next.pieces)?,
                        "setminus" => {
                            let outside = complement(&next.pieces);
                            self.common(&all.pieces, &outside)?
                        }
                        _ => return None,
                    };
                    let name = match (all.name, next.name) {
                        (Some(a), Some(b)) if a != b => return None,
                        (a, b) => a.or(b),
                    };
                    all = Region { name, pieces };
                }
                Some(all)
            }
            Node::List(items) => self.rays(items, depth),
            // `ℝ − {2}`
            Node::Sum(items) => match items.as_slice() {
                [real, Node::Negative(set)] => {
                    let sets = vec![real.clone(), (**set).clone()];
                    self.region(&Node::SetOperation("setminus", sets), depth + 1)
                }
                _ => None,
            },
            Node::Relation(first, rest) => {
                if let [(Relation::In, set)] = rest.as_slice() {
                    let Node::Symbol(name) = first.as_ref() else {
                        return None;
                    };
                    let pieces = self.region(set, depth + 1)?.pieces;
                    return Some(Region {
                        name: Some(name.clone()),
                        pieces,
                    });
                }
                let mut all: Option<Region> = None;
                for (link, low, high) in links(node)? {
                    let next = self.half(link, low, high)?;
                    all = Some(match all {
                        None => next,
                        Some(all) if all.name == next.name => Region {
                            pieces: self.common(&all.pieces, &next.pieces)?,
                            name: all.name,
                        },
                        Some(_) => return None,
                    });
                }
                all
            }
            _ => None,
        }
    }

    /// `x > 1, x < 2` are both true where they can be; `x < 1, x > 2` can't, so either is.
    fn rays(&mut self, items: &[Node], depth: u32) -> Option<Region> {
        let [a, b] = items else {
            return None;
        };
        let (a, b) = (self.region(a, depth + 1)?, self.region(b, depth + 1)?);
        let one = |region: &Region| region.pieces.len() == 1;
        let opposed =
            |a: &Region, b: &Region| a.pieces[0].0.at.is_none() && b.pieces[0].1.at.is_none();
        if a.name != b.name || !one(&a) || !one(&b) || opposed(&a, &b) == opposed(&b, &a) {
            return None;
        }
        let both = self.common(&a.pieces, &b.pieces)?;
        let pieces = if both.is_empty() {
            self.united([a.pieces, b.pieces].concat())?
        } else {
            both
        };
        Some(Region {
            name: a.name,
            pieces,
        })
    }

    /// An end of an interval: a constant, or the infinity of its side.
    fn end(&mut self, node: &Node, closed: bool, low: bool) -> Option<End> {
        let at_infinity = match node {
            Node::Infinity => Some(false),
            Node::Negative(inner) if **inner == Node::Infinity => Some(true),
            _ => None,
        };
        if let Some(negative) = at_infinity {
            return (negative == low && !closed).then(infinite);
        }
        let at = self.constant(node)?;
        Some(End {
            at: Some(at),
            closed,
        })
    }

    fn constant(&mut self, node: &Node) -> Option<Quotient> {
        if !node.is_constant() {
            return None;
        }
        canonical(node, self.percent, self.budget).ok()
    }

    /// What `low < high` says of the variable that is one of its sides, or inside of an absolute value.
    fn half(&mut self, link: Link, low: &Node, high: &Node) -> Option<Region> {
        let closed = match link {
            Link::Less | Link::NotEqual => false,
            Link::LessEqual => true,
            _ => return None,
        };
        let (variable, bound, below) = if high.is_constant() {
            (low, self.constant(high)?, true)
        } else {
            (high, self.constant(low)?, false)
        };
        if link == Link::NotEqual {
            let Node::Symbol(name) = variable else {
                return None;
            };
            let end = |at: &Quotient| End {
                at: Some(at.clone()),
                closed,
            };
            return Some(Region {
                name: Some(name.clone()),
                pieces: vec![(infinite(), end(&bound)), (end(&bound), infinite())],
            });
        }
        if let Node::Call(function, arguments) = variable
            && function == "abs"
            && let [inside] = arguments.as_slice()
        {
            let zero = Quotient::rational(Rational::zero());
            if self.order(&bound, &zero)? != Ordering::Greater {
                return None;
            }
            let (name, low) = self.solve(inside, &bound.neg(), true)?;
            let (_, high) = self.solve(inside, &bound, true)?;
            let (low, high) = if self.order(&low, &high)? == Ordering::Greater {
                (high, low)
            } else {
                (low, high)
            };
            let end = |at| End {
                at: Some(at),
                closed,
            };
            let pieces = if below {
                vec![(end(low), end(high))]
            } else {
                vec![(infinite(), end(low)), (end(high), infinite())]
            };
            return Some(Region {
                name: Some(name),
                pieces,
            });
        }
        let (name, at) = self.solve(variable, &bound, false)?;
        // What is divided by a negative number is turned round.
        let turned = linear::read(variable, self.percent, self.budget)?
            .slope
            .is_negative();
        let at = End {
            at: Some(at),
            closed,
        };
        let piece = if below == turned {
            (at, infinite())
        } else {
            (infinite(), at)
        };
        Some(Region {
            name: Some(name),
            pieces: vec![piece],
        })
    }

    /// Where a side that is linear in a variable has a value. Of an answer, the variable has to stand alone but for a sign, and in
    /// an absolute value but for what is added: the inequality of the question is not yet its solution.
    fn solve(
        &mut self,
        side: &Node,
        value: &Quotient,
        shifted: bool,
    ) -> Option<(String, Quotient)> {
        let side = linear::read(side, self.percent, self.budget)?;
        let simple = side.slope.abs().is_one() && (shifted || side.offset.num.is_zero());
        if self.solved && !simple {
            return None;
        }
        let rest = value.sub(&side.offset, self.budget).ok()?;
        let at = rest
            .div(&Quotient::rational(side.slope), self.budget)
            .ok()?;
        Some((side.name, at))
    }

    /// Is `low` a possible start of a piece that `high` ends?
    fn holds(&mut self, low: &End, high: &End) -> Option<bool> {
        Some(match (&low.at, &high.at) {
            (Some(l), Some(h)) => match self.order(l, h)? {
                Ordering::Less => true,
                Ordering::Equal => low.closed && high.closed,
                Ordering::Greater => false,
            },
            _ => true,
        })
    }

    /// Which of two ends lies further: to the right for low ends, to the left for high ones.
    fn tighter(&mut self, a: &End, b: &End, low: bool) -> Option<End> {
        Some(match (&a.at, &b.at) {
            (None, _) => b.clone(),
            (_, None) => a.clone(),
            (Some(x), Some(y)) => match self.order(x, y)? {
                Ordering::Equal => End {
                    at: a.at.clone(),
                    closed: a.closed && b.closed,
                },
                order if (order == Ordering::Greater) == low => a.clone(),
                _ => b.clone(),
            },
        })
    }

    fn common(&mut self, a: &[(End, End)], b: &[(End, End)]) -> Option<Vec<(End, End)>> {
        let mut out = Vec::new();
        for (l1, h1) in a {
            for (l2, h2) in b {
                let (low, high) = (self.tighter(l1, l2, true)?, self.tighter(h1, h2, false)?);
                if self.holds(&low, &high)? {
                    out.push((low, high));
                }
            }
        }
        self.united(out)
    }

    /// Pieces in order, those that touch or overlap as one.
    fn united(&mut self, mut pieces: Vec<(End, End)>) -> Option<Vec<(End, End)>> {
        if pieces.len() > MAX_PIECES {
            return None;
        }
        // Sorted by insertion, because an order that can't be told stops it all.
        let mut sorted: Vec<(End, End)> = Vec::with_capacity(pieces.len());
        for piece in pieces.drain(..) {
            let mut at = 0;
            for other in &sorted {
                let before = match (&other.0.at, &piece.0.at) {
                    (None, _) => true,
                    (_, None) => false,
                    (Some(x), Some(y)) => match self.order(x, y)? {
                        Ordering::Less => true,
                        Ordering::Equal => other.0.closed,
                        Ordering::Greater => false,
                    },
                };
                if !before {
                    break;
                }
                at += 1;
            }
            sorted.insert(at, piece);
        }
        let mut out: Vec<(End, End)> = Vec::with_capacity(sorted.len());
        for (low, high) in sorted {
            if let Some((_, last)) = out.last_mut() {
                let joined = match (&last.at, &low.at) {
                    (None, _) | (_, None) => true,
                    (Some(x), Some(y)) => match self.order(y, x)? {
                        Ordering::Less => true,
                        Ordering::Equal => last.closed || low.closed,
                        Ordering::Greater => false,
                    },
                };
                if joined {
                    let longer = match (&last.at, &high.at) {
                        (None, _) => false,
                        (_, None) => true,
                        (Some(x), Some(y)) => match self.order(y, x)? {
                            Ordering::Greater => true,
                            Ordering::Equal => high.closed,
                            Ordering::Less => false,
                        },
                    };
                    if longer {
                        *last = high;
                    }
                    continue;
                }
            }
            out.push((low, high));
        }
        Some(out)
    }
}

fn infinite() -> End {
    End {
        at: None,
        closed: false,
    }
}

/// What disjoint pieces in order leave out.
fn complement(pieces: &[(End, End)]) -> Vec<(End, End)> {
    let turned = |end: &End| End {
        at: end.at.clone(),
        closed: !end.closed,
    };
    let mut out = Vec::with_capacity(pieces.len() + 1);
    let mut low = Some(infinite());
    for (start, end) in pieces {
        if let (Some(low), Some(_)) = (low.take(), &start.at) {
            out.push((low, turned(start)));
        }
        low = end.at.as_ref().map(|_| turned(end));
    }
    if let Some(low) = low {
        out.push((low, infinite()));
    }
    out
}
