//! What the check of golden cases has found, as text and as JSON.

use crate::terminal::{block, inline, padded, widest};
use anyhow::Result;
use rlhost_host::Scored;
use rlhost_host::golden::Checked;
use serde_json::json;
use std::io::{self, Write};

/// So many cases are shown one by one without being asked for.
const FEW: usize = 30;
/// So many failures are told in full.
const TOLD: usize = 10;
/// The widest a column may get.
const WIDEST: usize = 48;
/// So wide are the labels of a failure.
const LABEL: usize = 12;
/// So much of a sample, or of a line of the log, is shown.
const SHOWN: usize = 2000;

/// One JSON object a case.
pub fn json(out: &mut dyn Write, checked: &[Checked]) -> Result<()> {
    for checked in checked {
        let Checked { case, scored, .. } = checked;
        let row = json!({
            "file": case.file,
            "line": case.line,
            "name": case.name,
            "passed": checked.passed(),
            "expected": case.expect,
            "mismatches": checked.mismatches,
            "outcome": scored.outcome,
            "score": scored.total,
            "parts": scored.parts,
            "steps": scored.steps,
            "message": scored.message,
            "fuel": checked.fuel,
        });
        writeln!(out, "{row}")?;
    }
    Ok(())
}

/// A table of the cases, all that helps with those that failed, and a summary. With `all`, or where they are
/// few, the table has all of them; otherwise those that failed.
pub fn text(out: &mut dyn Write, checked: &[Checked], all: bool) -> io::Result<()> {
    let all = all || checked.len() <= FEW;
    let shown: Vec<&Checked> = checked.iter().filter(|c| all || !c.passed()).collect();
    if !shown.is_empty() {
        print_table(out, &shown)?;
        writeln!(out)?;
    }
    let failures: Vec<&Checked> = checked.iter().filter(|c| !c.passed()).collect();
    for failure in failures.iter().take(TOLD) {
        print_failure(out, failure)?;
        writeln!(out)?;
    }
    if failures.len() > TOLD {
        writeln!(
            out,
            "… and {} more failures; --json tells all",
            failures.len() - TOLD
        )?;
        writeln!(out)?;
    }
    print_summary(out, checked)
}

/// One line a case.
fn print_table(out: &mut dyn Write, shown: &[&Checked]) -> io::Result<()> {
    let mut rows = vec![["", "case", "expected", "got", "differs in", "fuel"].map(str::to_owned)];
    rows.extend(shown.iter().map(|checked| {
        let differs: Vec<_> = checked
            .mismatches
            .iter()
            .map(|m| m.field.as_str())
            .collect();
        let verdict = if checked.passed() { "ok" } else { "FAILED" };
        [
            verdict.to_owned(),
            cell(&place(checked)),
            cell(&checked.case.expect.to_string()),
            cell(&got(checked)),
            cell(&differs.join(", ")),
            checked.fuel.to_string(),
        ]
    }));
    let width = |column: usize| widest(rows.iter().map(|row| row[column].as_str()));
    let mut widths: [usize; 6] = std::array::from_fn(width);
    if shown.iter().all(|checked| checked.passed()) {
        // Nothing differs: no column for it.
        for row in &mut rows {
            row[4].clear();
        }
        widths[4] = 0;
    }
    for row in &rows {
        let cells = row.iter().zip(widths).filter(|(_, width)| *width > 0);
        let cells: Vec<_> = cells.map(|(cell, width)| padded(cell, width)).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// All that helps to understand a failure.
fn print_failure(out: &mut dyn Write, checked: &Checked) -> io::Result<()> {
    let Checked { case, scored, .. } = checked;
    writeln!(out, "FAILED {}", inline(case))?;
    for mismatch in &checked.mismatches {
        writeln!(out, "  {}", inline(mismatch))?;
    }
    writeln!(out, "  sample    {}", inline(shortened(&case.text, SHOWN)))?;
    writeln!(out, "  answer    {}", answer(scored))?;
    let mut line = |label: &str, text: String| match text.as_str() {
        "" => Ok(()),
        text => writeln!(out, "  {label:<9} {}", block(text, LABEL)),
    };
    line("message", scored.message.clone().unwrap_or_default())?;
    let parts: Vec<_> = scored
        .parts
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    line("parts", parts.join(", "))?;
    let steps = scored.steps.iter().map(|step| {
        let end = step
            .end_byte
            .map_or("end".to_owned(), |end| format!("byte {end}"));
        format!("turn {} to {end}: {}", step.turn, step.value)
    });
    line("steps", steps.collect::<Vec<_>>().join(", "))?;
    line("fuel", checked.fuel.to_string())?;
    for entry in &scored.log {
        line(
            "log",
            format!(
                "{}: {}",
                entry.level.as_str(),
                shortened(&entry.message, SHOWN)
            ),
        )?;
    }
    Ok(())
}

/// A line for each file, and one for all.
fn print_summary(out: &mut dyn Write, checked: &[Checked]) -> io::Result<()> {
    let files: Vec<_> = checked
        .chunk_by(|a, b| a.case.file == b.case.file)
        .collect();
    let names: Vec<_> = files.iter().map(|cases| file_name(&cases[0])).collect();
    let width = widest(names.iter().map(String::as_str).chain(["all"]));
    let mut line = |name: &str, cases: &[Checked]| {
        let passed = cases.iter().filter(|checked| checked.passed()).count();
        let fuel = cases
            .iter()
            .map(|checked| checked.fuel)
            .max()
            .unwrap_or_default();
        let failed = cases.len() - passed;
        writeln!(
            out,
            "  {}  {passed:>6} passed  {failed:>6} failed  most fuel {fuel}",
            padded(name, width)
        )
    };
    for (name, cases) in names.iter().zip(&files) {
        line(name, cases)?;
    }
    if files.len() > 1 {
        line("all", checked)?;
    }
    Ok(())
}

/// File and line without the folder, and the name.
fn place(checked: &Checked) -> String {
    let place = format!("{}:{}", file_name(checked), checked.case.line);
    match &checked.case.name {
        Some(name) => format!("{place} {name}"),
        None => place,
    }
}

fn file_name(checked: &Checked) -> String {
    let name = checked.case.file.file_name().unwrap_or_default();
    inline(name.to_string_lossy())
}

/// The score, or what there is in its place.
fn answer(scored: &Scored) -> String {
    match scored.total {
        Some(total) => total.to_string(),
        None => scored.outcome.to_string(),
    }
}

/// What of the answer stands beside what is expected: the score, or the parts where only they are.
fn got(checked: &Checked) -> String {
    let Checked { case, scored, .. } = checked;
    let mut words = vec![answer(scored)];
    if scored.total.is_some() {
        let expect = &case.expect;
        let parts = expect
            .parts
            .keys()
            .map(|name| match scored.parts.get(name) {
                Some(value) => format!("{name} {value}"),
                None => format!("no {name}"),
            });
        let steps = expect.steps.iter().map(|_| match scored.steps.len() {
            1 => "1 step".to_owned(),
            count => format!("{count} steps"),
        });
        words.extend(parts.chain(steps));
        let only_details = [expect.score, expect.min, expect.max]
            .iter()
            .all(Option::is_none);
        if only_details && words.len() > 1 {
            words.remove(0);
        }
    }
    words.join(", ")
}

/// What stands in a table.
fn cell(text: &str) -> String {
    shortened(&inline(text), WIDEST)
}

/// A text of at most `most` characters.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}
