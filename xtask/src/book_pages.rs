//! `cargo xtask book pages`: a preprocessor of mdBook that makes its pages whole.
//!
//! The pages link to files of the repository as they lie there. A book has only the pages of `docs/`, so the READMEs of the
//! verifiers become pages below `docs/verifiers.md`, and links to files that are no pages become the files' paths.
//! mdBook calls it by `docs/book.toml`:
//!
//! ```toml
//! [preprocessor.repository]
//! command = "cargo xtask book pages"
//! ```
//!
//! mdBook asks `pages supports RENDERER` first, then writes `[context, book]` as JSON and reads the book
//! ([its documentation](https://rust-lang.github.io/mdBook/for_developers/preprocessors.html)).

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::project::Project;

/// The page that gets the READMEs.
const VERIFIERS: &str = "verifiers.md";
/// Where the READMEs lie.
const PLUGINS: &str = "reward-plugins/";

/// Answers mdBook: a question for a renderer with success, a book with the book.
pub(crate) fn run(project: &Project, question: &[String]) -> Result<()> {
    if question.first().is_some_and(|word| word == "supports") {
        return Ok(());
    }
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    let book = preprocess(&project.root, &input)?;
    serde_json::to_writer(io::stdout(), &book)?;
    io::stdout().flush()?;
    Ok(())
}

fn preprocess(root: &Path, input: &str) -> Result<Value> {
    let (_, mut book): (Value, Value) = serde_json::from_str(input)
        .context("what mdBook writes to a preprocessor is expected: run `mdbook build docs`")?;
    let items = book["items"]
        .as_array_mut()
        .context("a book without items: mdBook 0.5 is needed")?;
    pages(root, items)?;
    Ok(book)
}

fn pages(root: &Path, items: &mut [Value]) -> Result<()> {
    for item in items {
        let Some(chapter) = item.get_mut("Chapter") else {
            continue;
        };
        if let Some(path) = chapter["path"].as_str().map(str::to_owned) {
            let text = chapter["content"].as_str().unwrap_or_default();
            let text = with_links(text, &format!("docs/{path}"), &path);
            if path == VERIFIERS {
                let readmes = readmes(root, chapter)?;
                chapter["sub_items"] = readmes.into();
                chapter["content"] = text.into();
                continue;
            }
            chapter["content"] = text.into();
        }
        if let Some(below) = chapter["sub_items"].as_array_mut() {
            pages(root, below)?;
        }
    }
    Ok(())
}

/// The READMEs of the verifiers, as chapters below this one.
fn readmes(root: &Path, chapter: &Value) -> Result<Vec<Value>> {
    let folder = root.join(PLUGINS);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.path().join("README.md").is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort_unstable();
    let chapters = names.iter().zip(1_u32..).map(|(name, place)| {
        let source = format!("{PLUGINS}{name}/README.md");
        let text = fs::read_to_string(root.join(&source)).context(source.clone())?;
        let path = format!("verifiers/{name}.md");
        let mut number = chapter["number"].clone();
        if let Some(numbers) = number.as_array_mut() {
            numbers.push(place.into());
        }
        Ok(json!({"Chapter": {
            "name": name,
            "content": with_links(&text, &source, &path),
            "number": number,
            "sub_items": [],
            "path": path,
            "source_path": null,
            "parent_names": [chapter["name"]],
        }}))
    });
    chapters.collect()
}

/// The verifier whose README a file of the repository is.
fn verifier(file: &str) -> Option<&str> {
    let name = file.strip_prefix(PLUGINS)?.strip_suffix("/README.md")?;
    (!name.contains('/')).then_some(name)
}

/// Where a file of the repository is in the book.
fn place(file: &str) -> Option<String> {
    match file.strip_prefix("docs/") {
        Some(docs) => Some(docs.to_owned()),
        None => verifier(file).map(|name| format!("verifiers/{name}.md")),
    }
}

/// A text with its links as they are in the book; it lies at `source` in the repository and at `page` in the book.
fn with_links(text: &str, source: &str, page: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for link in links(text) {
        out.push_str(&text[end..link.start]);
        end = link.end;
        let (file, anchor) = match link.target.split_once('#') {
            Some((file, anchor)) => (file, format!("#{anchor}")),
            None => (link.target, String::new()),
        };
        let folder = source.rsplit_once('/').map_or("", |(folder, _)| folder);
        let found = resolve(folder, file);
        let place = if file.is_empty() || file.contains(':') {
            Some(link.target.to_owned())
        } else {
            found
                .as_deref()
                .and_then(place)
                .map(|place| relative(page, &place) + &anchor)
        };
        if let Some(place) = place {
            out.push_str(&text[link.start..link.label_end]);
            out.extend(["](", &place, ")"]);
        } else {
            // The path in the repository, unless the words are the path.
            let words = text[link.start..link.label_end].trim_start_matches(['!', '[']);
            let file = found.as_deref().unwrap_or(file);
            out.push_str(words);
            if words.trim_matches('`') != file {
                out.extend([" (`", file, "`)"]);
            }
        }
    }
    out.push_str(&text[end..]);
    out
}

/// `[label](target)` in a text.
struct Link<'a> {
    start: usize,
    label_end: usize,
    end: usize,
    target: &'a str,
}

/// The links of a text that stand outside of code.
fn links(text: &str) -> impl Iterator<Item = Link<'_>> {
    let mut links = Vec::new();
    let (mut fenced, mut at) = (false, 0);
    for line in text.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```");
        let mut from = 0;
        while let Some(middle) = line[from..].find("](").map(|found| from + found) {
            let close = line[middle..].find(')').map(|found| middle + found);
            let open = line[from..middle].rfind('[').map(|found| from + found);
            let (Some(close), Some(open)) = (close, open) else {
                break;
            };
            let code = line[..middle].matches('`').count() % 2 == 1;
            if !fenced && !code {
                links.push(Link {
                    start: at + open,
                    label_end: at + middle,
                    end: at + close + 1,
                    target: &text[at + middle + 2..at + close],
                });
            }
            from = close;
        }
        at += line.len();
    }
    links.into_iter()
}

/// The file of the repository that a link in `folder` leads to.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in folder.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The way from one page to another.
fn relative(from: &str, to: &str) -> String {
    "../".repeat(from.matches('/').count()) + to
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;

    /// The book that mdBook would read, without levels.
    fn read(root: &Path) -> String {
        let summary = fs::read_to_string(root.join("docs/SUMMARY.md")).unwrap();
        let chapters: Vec<_> = links(&summary)
            .map(|link| {
                let text = fs::read_to_string(root.join("docs").join(link.target)).unwrap();
                json!({"Chapter": {
                    "name": link.target, "content": text, "number": [1], "path": link.target,
                    "source_path": link.target, "sub_items": [], "parent_names": [],
                }})
            })
            .collect();
        json!([{"root": root}, {"items": chapters}]).to_string()
    }

    fn texts<'a>(items: &'a Value, found: &mut BTreeMap<&'a str, &'a str>) {
        for item in items.as_array().unwrap() {
            let chapter = &item["Chapter"];
            let text = chapter["content"].as_str().unwrap();
            found.insert(chapter["path"].as_str().unwrap(), text);
            texts(&chapter["sub_items"], found);
        }
    }

    #[test]
    fn every_link_of_the_book_leads_to_a_page_or_picture_of_it() {
        let project = Project::find().unwrap();
        let book = preprocess(&project.root, &read(&project.root)).unwrap();
        let mut pages = BTreeMap::new();
        texts(&book["items"], &mut pages);
        assert!(pages.contains_key("verifiers/math.md"));
        let mut seen = 0;
        for (page, text) in &pages {
            let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
            for link in links(text).filter(|link| !link.target.contains(':')) {
                let file = link.target.split('#').next().unwrap();
                if file.is_empty() {
                    continue;
                }
                let file = resolve(folder, file).unwrap();
                let is_asset = Path::new(&file).extension().is_none_or(|name| name != "md")
                    && project.root.join("docs").join(&file).exists();
                assert!(
                    is_asset || pages.contains_key(file.as_str()),
                    "{page}: {}",
                    link.target
                );
                seen += 1;
            }
        }
        assert!(seen > 50, "{seen}");
    }

    #[test]
    fn links_become_those_of_the_book() {
        let of = |text| with_links(text, "docs/tutorial/rust.md", "tutorial/rust.md");
        assert_eq!(of("[a](../plugins.md#b)"), "[a](../plugins.md#b)");
        assert_eq!(
            of("[a](#b), [c](https://d.e/f)"),
            "[a](#b), [c](https://d.e/f)"
        );
        assert_eq!(
            of("[math](../../reward-plugins/math/README.md)"),
            "[math](../verifiers/math.md)"
        );
        assert_eq!(of("[`wit/a.wit`](../../wit/a.wit)"), "`wit/a.wit`");
        assert_eq!(
            of("[its world](../../wit/a.wit)."),
            "its world (`wit/a.wit`)."
        );
        assert_eq!(
            of("`[a](b)` and\n```\n[a](b)\n```\n"),
            "`[a](b)` and\n```\n[a](b)\n```\n"
        );
        let readme = with_links(
            "[x](../../docs/plugins.md) [y](../text/README.md)",
            "reward-plugins/math/README.md",
            "verifiers/math.md",
        );
        assert_eq!(readme, "[x](../plugins.md) [y](../verifiers/text.md)");
    }
}
