//! The form of SPDX licence expressions, by the grammar of the SPDX specification (2.3, annex D). Which identifiers
//! there are is a list that grows, and is not looked at.

/// Says why a text is no licence expression.
pub fn check(text: &str) -> Result<(), String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut tokens = spaced.split_whitespace().peekable();
    // Which of AND and OR binds tighter does not matter here, so that depth is all there is to remember.
    let mut open = 0_usize;
    let mut is_operand = true;
    while let Some(token) = tokens.next() {
        match token {
            "(" if is_operand => open += 1,
            _ if is_operand => {
                licence(token)?;
                if tokens.next_if_eq(&"WITH").is_some() {
                    identifier(tokens.next().unwrap_or_default())?;
                }
                is_operand = false;
            }
            ")" if open > 0 => open -= 1,
            ")" => return Err("a parenthesis is closed that was not opened".to_owned()),
            "AND" | "OR" => is_operand = true,
            _ => return Err(format!("there is no AND or OR before `{token}`")),
        }
    }
    match (is_operand, open) {
        (true, _) => Err("it ends where a licence is expected".to_owned()),
        (false, 0) => Ok(()),
        (false, _) => Err("a parenthesis is not closed".to_owned()),
    }
}

/// An identifier, `+` behind it for later versions, or a reference such as `LicenseRef-Ours`.
fn licence(token: &str) -> Result<(), String> {
    let token = token.strip_suffix('+').unwrap_or(token);
    match token.split_once(':') {
        Some((document, licence))
            if document.starts_with("DocumentRef-") && licence.starts_with("LicenseRef-") =>
        {
            identifier(document)?;
            identifier(licence)
        }
        _ => identifier(token),
    }
}

fn identifier(token: &str) -> Result<(), String> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let is_operator = matches!(token, "AND" | "OR" | "WITH");
    if token.is_empty() || is_operator || !token.chars().all(is_known) {
        return Err(format!("`{token}` stands where a licence is expected"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    /// Examples of annex D, and mistakes that people make.
    #[test]
    fn expressions_have_the_form_of_the_specification() {
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
            "MIT or Apache-2.0",
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
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
