//! The page `docs/cheats.md`: responses that try to earn what they should not, and what each verifier gives them.
//!
//! `cargo xtask book` writes it from `reward-plugins/*/cases/cheats.jsonl`; a test holds it to what the components say.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::project::Project;

/// The page, below the project's folder.
pub const PAGE: &str = "docs/cheats.md";
/// Characters of a response or a reference that are shown.
const SHOWN: usize = 60;

/// What the page says, with the scores that the built components give now.
pub fn page(project: &Project) -> Result<String> {
    let mut out = String::from(
        "# Cheating responses\n\nResponses that try to earn what they should not, the most that each may score, and what it scores. \
         `cargo xtask book` makes this page from the verifiers' `cases/cheats.jsonl`; a test holds it to what their components say.\n",
    );
    let folder = project.root.join("reward-plugins");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.path().join("cases/cheats.jsonl").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let mut count = 0;
    for name in &names {
        let (rows, cases) = table(project, name)?;
        count += cases;
        write!(out, "\n## {name}\n\n{rows}")?;
    }
    writeln!(out, "\n{count} responses over {} verifiers.", names.len())?;
    Ok(out)
}

/// A verifier's rows, and how many they are.
fn table(project: &Project, name: &str) -> Result<(String, usize)> {
    let source = format!("reward-plugins/{name}/cases/cheats.jsonl");
    let component = project.guests().join(name).with_extension("wasm");
    let mut command = project.rlhost();
    command
        .args(["plugin", "test", "--json", "--cases", &source])
        .arg(component);
    let output = command.output()?;
    let found = String::from_utf8(output.stdout)?;
    let cases = fs::read_to_string(project.root.join(&source)).context(source.clone())?;
    ensure!(
        found.lines().count() == cases.lines().count(),
        "{source}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut out = String::from(
        "| Cheat | Response | Reference | May score | Scores |\n|---|---|---|---|---|\n",
    );
    for (case, found) in cases.lines().zip(found.lines()) {
        let (case, found): (Value, Value) =
            (serde_json::from_str(case)?, serde_json::from_str(found)?);
        let most = &found["expected"];
        let most = [&most["max"], &most["score"]];
        let most = most.into_iter().find_map(Value::as_f64);
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&case["name"]),
            cell(&case["response"]),
            cell(&case["answer"]),
            most.map_or_else(|| "no score".to_owned(), number),
            found["score"].as_f64().map_or_else(
                || found["outcome"].as_str().unwrap_or("?").to_owned(),
                number
            ),
        )?;
    }
    Ok((out, cases.lines().count()))
}

/// Four digits after the point at the most.
fn number(value: f64) -> String {
    format!("{}", (value * 1e4).round() / 1e4)
}

/// A text on one line, in a code span that no character of it can end.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let count = text.chars().count();
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| match c {
            '`' => '\'',
            '\n' => '⏎',
            c if c.is_control() => '�',
            c => c,
        })
        .collect();
    if count > SHOWN {
        let _ = write!(shown, "… ({count} characters)");
    }
    match shown.trim() {
        "" => "nothing".to_owned(),
        shown => format!("`{}`", shown.replace('|', "\\|")),
    }
}
