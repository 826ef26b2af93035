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
        "parallel" | "shortparallel" => Relation::Other("parallel"),
        "perp" => Relation::Other("perp"),
        _ => return None,
    })
}

/// Does a command only say how letters look, `\mathbf`, `\bf`, `\large`?
pub(crate) fn is_font(command: &str) -> bool {
    matches!(
        command,
        "text"
            | "textbf"
            | "textit"
            | "textrm"
            | "textsf"
            | "texttt"
            | "textsl"
            | "textnormal"
            | "textup"
            | "emph"
            | "mbox"
            | "hbox"
            | "mathrm"
            | "mathbf"
            | "mathit"
            | "mathsf"
            | "mathtt"
            | "mathnormal"
            | "boldsymbol"
            | "bold"
            | "bm"
            | "pmb"
            | "bf"
            | "it"
            | "rm"
            | "sf"
            | "tt"
            | "bfseries"
            | "itshape"
            | "displaystyle"
            | "textstyle"
            | "scriptstyle"
            | "scriptscriptstyle"
            | "tiny"
            | "scriptsize"
            | "footnotesize"
            | "small"
            | "normalsize"
            | "large"
            | "Large"
            | "LARGE"
            | "huge"
            | "Huge"
            | "underline"
    )
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
        '∛' => "cbrt",
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
        'δ' => "delta",
        'ε' => "epsilon",
        'μ' | 'µ' => "mu",
        'ρ' => "rho",
        'σ' => "sigma",
        'τ' => "tau",
        'φ' | 'ϕ' => "phi",
        'ω' => "omega",
        'Δ' => "Delta",
        'Ω' | '\u{2126}' => "Omega",
        '∧' => "land",
        '∨' => "lor",
        '∠' => "angle",
        '△' => "triangle",
        '∥' | '‖' => "parallel",
        '⊥' | '⟂' => "perp",
        '∽' | '∼' => "sim",
        '≌' => "cong",
        '≡' => "equiv",
        '⊂' => "subset",
        '⊆' => "subseteq",
        '…' | '⋯' => "ldots",
        _ => return None,
    })
}

/// The ASCII character that a superscript stands for.
pub(crate) fn raised(c: char) -> Option<char> {
    Some(match c {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => char::from(b'4' + (c as u32 - '⁴' as u32) as u8),
        '⁺' => '+',
        '⁻' => '-',
        'ⁿ' => 'n',
        'ˣ' => 'x',
        _ => return None,
    })
}

/// The ASCII character that a subscript stands for.
pub(crate) fn lowered(c: char) -> Option<char> {
    match c {
        '₀'..='₉' => Some(char::from(b'0' + (c as u32 - '₀' as u32) as u8)),
        'ₙ' => Some('n'),
        _ => None,
    }
}

/// The value of a character that is a fraction.
pub(crate) fn fraction_of(c: char) -> Option<(i64, i64)> {
    Some(match c {
        '½' => (1, 2),
        '⅓' => (1, 3),
        '⅔' => (2, 3),
        '¼' => (1, 4),
        '¾' => (3, 4),
        '⅕' => (1, 5),
        '⅖' => (2, 5),
        '⅗' => (3, 5),
        '⅘' => (4, 5),
        '⅙' => (1, 6),
        '⅚' => (5, 6),
        '⅛' => (1, 8),
        '⅜' => (3, 8),
        '⅝' => (5, 8),
        '⅞' => (7, 8),
        _ => return None,
    })
}
