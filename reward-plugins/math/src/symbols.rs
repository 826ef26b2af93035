//! What characters beyond ASCII and commands of relations stand for.

use crate::syntax::Relation;

/// The relation that a command names.
pub(crate) fn relation_of(command: &str) -> Option<Relation> {
    Some(match command {
        "le" | "leq" | "leqslant" => Relation::LessEqual,
        "ge" | "geq" | "geqslant" => Relation::GreaterEqual,
        "lt" => Relation::Less,
        "gt" => Relation::Greater,
        "ne" | "neq" => Relation::NotEqual,
        "approx" | "simeq" | "cong" => Relation::Approximate,
        "in" => Relation::In,
        "equiv" => Relation::Other("equiv"),
        "to" | "rightarrow" | "mapsto" => Relation::Other("to"),
        "sim" => Relation::Other("sim"),
        "subset" => Relation::Other("subset"),
        "subseteq" => Relation::Other("subseteq"),
        "parallel" => Relation::Other("parallel"),
        "perp" => Relation::Other("perp"),
        _ => return None,
    })
}

/// The command that a character beyond ASCII stands for.
pub(crate) fn command_of(c: char) -> Option<&'static str> {
    Some(match c {
        '≤' | '⩽' => "leq",
        '≥' | '⩾' => "geq",
        '≠' => "neq",
        '≈' | '≅' | '≃' => "approx",
        '∈' => "in",
        '∞' => "infty",
        'π' | '𝜋' => "pi",
        '√' => "sqrt",
        '∪' => "cup",
        '∩' => "cap",
        '∅' | 'Ø' => "emptyset",
        'ℝ' => "R",
        'ℤ' => "Z",
        'ℚ' => "Q",
        'ℕ' => "N",
        'θ' => "theta",
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'λ' => "lambda",
        '∠' => "angle",
        _ => return None,
    })
}
