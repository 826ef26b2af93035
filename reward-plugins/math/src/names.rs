//! Names of values in answers: `x = 2, y = 3`, `x_1 = 2`, `P(3, 4)`.

use crate::relation::Link;
use crate::syntax::{Node, Relation};

/// Names that may stand before an equals sign without being part of the answer: `x`, `f(x)`, `AB`, `\text{Area}`.
pub(crate) fn is_name(node: &Node) -> bool {
    let capital = |node: &Node| matches!(node, Node::Symbol(name) if name.chars().all(|c| c.is_ascii_uppercase()));
    match node {
        Node::Symbol(name) => {
            !matches!(name.as_str(), "pi" | "e" | "i" | crate::ellipsis::DOTS)
                && !name.starts_with(|c: char| c.is_ascii_digit())
        }
        Node::Bracket('(', ')', items) => items.iter().all(is_name),
        // `y(0)`, `x(t)`: the function of a name at one place.
        Node::Call(name, args) if args.len() == 1 && is_letter(name) => true,
        Node::Call(name, args) => {
            matches!(
                name.chars().next(),
                Some('f' | 'g' | 'h' | 'F' | 'G' | 'H' | 'P' | 'o' | 'v')
            ) && args.len() <= 3
                && !matches!(name.as_str(), "factorial" | "floor")
        }
        Node::Product(items) => match items.as_slice() {
            [(false, Node::Symbol(m)), (false, Node::Symbol(angle))]
                if m == "m" && angle.starts_with('∠') =>
            {
                true
            }
            _ => items
                .iter()
                .all(|(divided, item)| !divided && capital(item)),
        },
        _ => false,
    }
}

/// Is it one letter, with or without an index: `y`, `a_1`?
fn is_letter(name: &str) -> bool {
    let (letter, _) = name.split_once('_').unwrap_or((name, ""));
    letter.chars().count() == 1 && letter.starts_with(char::is_alphabetic)
}

/// What a question may ask the value of, though it is no name: `|AB|`, `AB/CD`, `S_1 : S_2`.
pub(crate) fn is_measure(node: &Node) -> bool {
    // Of points, not of numbers: two capitals or more, or a capital with a subscript.
    let of_points = |node: &Node| match node {
        Node::Symbol(name) => {
            name.contains('_') && name.starts_with(|c: char| c.is_ascii_uppercase())
        }
        Node::Product(items) => items.len() > 1 && is_name(node),
        _ => false,
    };
    match node {
        Node::Call(name, args) if name == "abs" => args
            .iter()
            .all(|item| of_points(item) || matches!(item, Node::Call(name, _) if name == "vec")),
        Node::Proportion(items) => items.iter().all(|item| of_points(item) || is_name(item)),
        Node::Product(items) => {
            // `\frac{AB}{CD}` is a quotient of two products.
            items.len() == 2 && items[1].0 && items.iter().all(|(_, item)| of_points(item))
        }
        node => of_points(node),
    }
}

/// Is it a sum, product or quotient of different names, each once: `a + b`, `mn`, `a/b`?
pub(crate) fn combines_names(node: &Node) -> bool {
    let items: Vec<&Node> = match node {
        Node::Sum(items) => items
            .iter()
            .map(|item| match item {
                Node::Negative(inner) => inner,
                item => item,
            })
            .collect(),
        Node::Product(items) => items.iter().map(|(_, item)| item).collect(),
        _ => return false,
    };
    items.len() > 1
        && items
            .iter()
            .all(|item| matches!(item, Node::Symbol(_)) && is_name(item))
        && (1..items.len()).all(|i| !items[..i].contains(&items[i]))
}

pub(crate) fn is_point(name: &str) -> bool {
    name.len() == 1 && name.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The name and the value of `name = value`.
pub(crate) fn assignment(item: &Node) -> Option<(&str, &Node)> {
    match item {
        Node::Relation(name, rest) => match (name.as_ref(), rest.as_slice()) {
            (Node::Symbol(name), [(Relation::Equal, value)]) => Some((name, value)),
            _ => None,
        },
        _ => None,
    }
}

/// The values of different names, in the order of the names.
pub(crate) fn by_name(items: &[Node]) -> Option<Vec<&Node>> {
    let mut all: Vec<_> = items.iter().map(assignment).collect::<Option<_>>()?;
    all.sort_by_key(|(name, _)| *name);
    let distinct = all.windows(2).all(|pair| pair[0].0 != pair[1].0);
    distinct.then(|| all.into_iter().map(|(_, value)| value).collect())
}

/// The points of `p = 5, q = 2; p = 7, q = 2`, and the names of their coordinates; nothing where not every one of several names
/// comes again as often.
pub(crate) fn grouped(list: &Node) -> Option<(Vec<Node>, Vec<&str>)> {
    let Node::List(items) = list else {
        return None;
    };
    let first = assignment(items.first()?)?.0;
    let width = 1 + items[1..]
        .iter()
        .position(|item| assignment(item).is_some_and(|(name, _)| name == first))?;
    if width < 2 || items.len() % width != 0 || items.len() < 2 * width {
        return None;
    }
    let mut names: Option<Vec<&str>> = None;
    let mut points = Vec::with_capacity(items.len() / width);
    for group in items.chunks(width) {
        let mut group: Vec<_> = group.iter().map(assignment).collect::<Option<_>>()?;
        group.sort_by_key(|(name, _)| *name);
        let own: Vec<&str> = group.iter().map(|(name, _)| *name).collect();
        if own.windows(2).any(|pair| pair[0] == pair[1])
            || names.get_or_insert_with(|| own.clone()) != &own
        {
            return None;
        }
        let values = group.into_iter().map(|(_, value)| value.clone()).collect();
        points.push(Node::Bracket('(', ')', values));
    }
    Some((points, names?))
}

/// The values of `x_1 = 2, x_2 = 3`.
pub(crate) fn numbered(items: &[Node]) -> Option<Vec<Node>> {
    let all: Vec<_> = items.iter().map(assignment).collect::<Option<_>>()?;
    let base = all.first()?.0.split_once('_')?.0;
    all.iter()
        .map(|(name, value)| {
            let (same, _) = name.split_once('_')?;
            (same == base).then(|| (*value).clone())
        })
        .collect()
}

/// The items, without the one name that they are values of.
pub(crate) fn values(items: &[Node]) -> Option<Vec<Node>> {
    if several_names(items) {
        return None;
    }
    Some(
        items
            .iter()
            .map(|item| assignment(item).map_or(item, |(_, value)| value).clone())
            .collect(),
    )
}

/// Do the items give values of different names?
pub(crate) fn several_names(items: &[Node]) -> bool {
    let mut all = items.iter().flat_map(names);
    all.next()
        .is_some_and(|first| all.any(|name| name != first))
}

/// Does a link give the value of a name?
pub(crate) fn solved(link: &(Link, &Node, &Node)) -> bool {
    is_name(link.1) && link.2.is_constant() || is_name(link.2) && link.1.is_constant()
}

pub(crate) fn names(relation: &Node) -> Vec<&Node> {
    let Node::Relation(first, rest) = relation else {
        return Vec::new();
    };
    std::iter::once(first.as_ref())
        .chain(rest.iter().map(|(_, n)| n))
        .filter(|n| is_name(n))
        .collect()
}
