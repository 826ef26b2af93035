//! What the user should know of a data file.

use std::path::Path;

use rlhost_host::Columns;

use super::row::{Row, has_pictures};
use crate::config::DataConfig;

/// What is to be told of a file's rows; `columns` are those of the first one.
pub(super) fn of(file: &Path, rows: &[Row], columns: &Columns, config: &DataConfig) -> Vec<String> {
    let found = [
        answers_in_prompts(file, rows, config),
        pictures_not_seen(file, rows, columns, config),
        format_not_used(file, rows, config),
    ];
    found.into_iter().flatten().collect()
}

/// Prompts that end with what the data's author answers.
fn answers_in_prompts(file: &Path, rows: &[Row], config: &DataConfig) -> Option<String> {
    let count = |holds: fn(&Row) -> bool| rows.iter().filter(|row| holds(row)).count();
    let found = count(|row| row.gold().found);
    if found == 0 {
        return None;
    }
    let uses: Vec<String> = [
        (
            count(|row| row.gold().answer),
            "the reference answer",
            &config.answer_key,
        ),
        (
            count(|row| row.gold().target),
            "the target",
            &config.target_key,
        ),
    ]
    .into_iter()
    .filter(|(uses, ..)| *uses > 0)
    .map(|(uses, what, key)| format!("{what} of {uses} (without \"{key}\")"))
    .collect();
    let uses = match uses.as_slice() {
        [] => "it is not used".to_owned(),
        uses => format!("it is {}", uses.join(" and ")),
    };
    Some(format!(
        "{}: {found} of {} rows end with a message of the assistant, which is left out of the prompt: {uses}",
        file.display(),
        rows.len()
    ))
}

/// Pictures that stand in another column than the one that is read.
fn pictures_not_seen(
    file: &Path,
    rows: &[Row],
    columns: &Columns,
    config: &DataConfig,
) -> Option<String> {
    if rows
        .iter()
        .any(|row| row.has().images || !row.pictures().is_empty())
    {
        return None;
    }
    let key = &config.image_key;
    let folder = file.parent().unwrap_or(Path::new(""));
    let other = columns
        .iter()
        .find(|(_, value)| has_pictures(value, folder));
    let why = match other {
        Some((name, _)) => format!("; \"{name}\" has pictures: set data.image_key={name} for them"),
        None if *key != DataConfig::default().image_key => String::new(),
        None => return None,
    };
    Some(format!(
        "{}: no row has the column \"{key}\" (data.image_key), so the prompts have no pictures{why}",
        file.display()
    ))
}

/// A text around prompts that are texts, where none is.
fn format_not_used(file: &Path, rows: &[Row], config: &DataConfig) -> Option<String> {
    let unused = config.format_prompt.is_some() && !rows.iter().any(|row| row.has().text);
    unused.then(|| {
        format!(
            "{}: data.format_prompt is set, but it is for prompts that are texts, and all of these are messages",
            file.display()
        )
    })
}
