//! SPDX licence expressions.

use spdx::{Expression, ParseMode};

/// Identifiers that SPDX replaced by others are still to be found everywhere.
const MODE: ParseMode = ParseMode {
    allow_postfix_plus_on_gpl: true,
    allow_deprecated: true,
    ..ParseMode::STRICT
};

/// Says why a text is no licence expression.
pub fn check(text: &str) -> Result<(), String> {
    let Err(error) = Expression::parse_mode(text, MODE) else {
        return Ok(());
    };
    let part = text.get(error.span.clone()).unwrap_or(text);
    let reason = match part.trim() {
        "" => error.reason.to_string(),
        part => format!("`{part}`: {}", error.reason),
    };
    Err(match spdx::imprecise_license_id(text) {
        Some((licence, _)) => format!("{reason}; {} has that meaning", licence.name),
        None => reason,
    })
}

#[cfg(test)]
mod tests {
    use super::check;

    /// Examples of the specification (2.3, annex D), and mistakes that people make.
    #[test]
    fn expressions_are_those_of_the_specification() {
        for text in [
            "CDDL-1.0",
            "CDDL-1.0+",
            "LicenseRef-23",
            "LicenseRef-MIT-Style-1",
            "DocumentRef-spdx-tool-1.2:LicenseRef-MIT-Style-2",
            "LGPL-2.1-only OR MIT",
            "LGPL-2.1-only OR MIT OR BSD-3-Clause",
            "LGPL-2.1-only AND MIT AND BSD-2-Clause",
            "GPL-2.0-or-later WITH Bison-exception-2.2",
            "LGPL-2.1-only OR BSD-3-Clause AND MIT",
            "MIT AND (LGPL-2.1-or-later OR BSD-3-Clause)",
            "(MIT)",
            "((MIT OR ISC) AND (Zlib))",
            "GPL-2.0",
            "GPL-2.0+",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "",
            " ",
            "MIT/Apache-2.0",
            "MIT, Apache-2.0",
            "MIT Apache-2.0",
            "Apache License 2.0",
            "MIT OR",
            "OR MIT",
            "AND",
            "GPL-2.0-only WITH",
            "GPL-2.0-only WITH (x)",
            "(MIT",
            "MIT)",
            "()",
            "+",
            "MIT++",
            "Ours:LicenseRef-X",
            "© me",
            "MIT\nISC",
            "Apache-2",
            "Proprietary",
            "GPL-2.0-only WITH MIT",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_part_that_is_wrong_is_named() {
        for (text, wanted) in [
            ("MIT OR Proprietary", "`Proprietary`: "),
            ("apache 2.0", "Apache-2.0 has that meaning"),
            ("MIT/Apache-2.0", "`/"),
        ] {
            let said = check(text).err().unwrap_or_default();
            assert!(said.contains(wanted), "{text}: {said}");
        }
    }
}
