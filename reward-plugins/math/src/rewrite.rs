//! Answers as what they stand for: a multiple of a matrix as one matrix, a plus-minus as its two values.

use crate::number::Rational;
use crate::syntax::Node;

/// A multiple of a matrix as one matrix.
pub(crate) fn scaled(node: &Node) -> Option<Node> {
    let matrix = |node: &Node| match node {
        Node::Matrix(false, rows) => Some(rows.clone()),
        _ => None,
    };
    let (rows, factors) = match node {
        Node::Negative(inner) => {
            let minus = Node::Negative(Box::new(Node::Number(Rational::one())));
            let rows = match scaled(inner) {
                Some(Node::Matrix(_, rows)) => rows,
                _ => matrix(inner)?,
            };
            (rows, vec![(false, minus)])
        }
        Node::Product(items) => {
            let at = items
                .iter()
                .position(|(divided, item)| !divided && matrix(item).is_some())?;
            let mut factors = items.clone();
            let (_, found) = factors.remove(at);
            if factors
                .iter()
                .any(|(_, item)| matches!(item, Node::Matrix(..)))
            {
                return None;
            }
            (matrix(&found)?, factors)
        }
        _ => return None,
    };
    let entry =
        |entry: Node| Node::Product(factors.iter().cloned().chain([(false, entry)]).collect());
    let rows = rows
        .into_iter()
        .map(|row| row.into_iter().map(entry).collect())
        .collect();
    Some(Node::Matrix(false, rows))
}

/// A plus-minus answer as its two values, and lists of such as one list.
pub(crate) fn expanded(node: &Node) -> Option<Node> {
    match node {
        Node::List(items) if items.iter().any(Node::has_sign_choice) => {
            Some(Node::List(spread(items)))
        }
        Node::Set(items) if items.iter().any(Node::has_sign_choice) => {
            Some(Node::Set(spread(items)))
        }
        Node::List(_) | Node::Set(_) => None,
        _ if node.has_sign_choice() => Some(Node::List(vec![
            node.with_sign(true),
            node.with_sign(false),
        ])),
        _ => None,
    }
}

fn spread(items: &[Node]) -> Vec<Node> {
    let mut out = Vec::with_capacity(items.len() + 1);
    for item in items {
        if item.has_sign_choice() {
            out.extend([item.with_sign(true), item.with_sign(false)]);
        } else {
            out.push(item.clone());
        }
    }
    out
}
