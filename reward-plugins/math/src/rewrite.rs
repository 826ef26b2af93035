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

/// A sum of matrices of one size as one matrix.
pub(crate) fn summed(node: &Node) -> Option<Node> {
    let Node::Sum(items) = node else {
        return None;
    };
    let mut sum: Option<Vec<Vec<Vec<Node>>>> = None;
    for item in items {
        let rows = match scaled(item).as_ref().unwrap_or(item) {
            Node::Matrix(false, rows) => rows.clone(),
            _ => return None,
        };
        let cells = rows
            .into_iter()
            .map(|row| row.into_iter().map(|cell| vec![cell]).collect());
        let cells: Vec<Vec<Vec<Node>>> = cells.collect();
        match &mut sum {
            None => sum = Some(cells),
            Some(sum) => {
                let fits = sum.len() == cells.len()
                    && sum.iter().zip(&cells).all(|(a, b)| a.len() == b.len());
                if !fits {
                    return None;
                }
                let pairs = sum.iter_mut().flatten().zip(cells.into_iter().flatten());
                pairs.for_each(|(all, cell)| all.extend(cell));
            }
        }
    }
    let rows = sum?
        .into_iter()
        .map(|row| row.into_iter().map(Node::Sum).collect());
    Some(Node::Matrix(false, rows.collect()))
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
