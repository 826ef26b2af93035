//! The book: its pages do what they say, its links lead somewhere, its commands exist.
//!
//! A page that is run is one whose commands are typed in order. A fenced block after a line "`NAME`:" is a file. In an
//! indented block lines that begin with `rlhost` or `cd` are commands, and any other line is one that the commands
//! before it have printed, with `…` for what differs between machines. A command may fail where such a line begins with
//! `error:`.

use crate::plugin_new::{command, ok};
use crate::support::{Project, repository};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A piece of a page.
enum Piece {
    File { name: String, text: String },
    Command(String),
    Printed(String),
}

fn read(page: &str) -> String {
    fs::read_to_string(repository().join("docs").join(page)).unwrap()
}

/// Fenced blocks without a name are for the reader only.
fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            if let Some(name) = before.strip_prefix('`').and_then(|s| s.strip_suffix("`:")) {
                let text = block.join("\n") + "\n";
                let name = name.to_owned();
                pieces.push(Piece::File { name, text });
            }
        } else if let Some(line) = line.strip_prefix("    ").map(str::trim_start) {
            // Deeper where it stands in a list.
            let is_command = line.starts_with("rlhost ") || line.starts_with("cd ");
            let line = line.to_owned();
            pieces.push(if is_command {
                Piece::Command(line)
            } else {
                Piece::Printed(line)
            });
        }
        if !line.is_empty() {
            before = line;
        }
    }
    pieces
}

/// Whether a line was printed; `…` stands for any text, and so many spaces as you like for one or more.
fn is_printed(said: &str, line: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = words(line);
    said.lines().any(|said| {
        let said = words(said);
        let mut rest = said.as_str();
        let mut parts = wanted.split('…');
        let Some(after) = rest.strip_prefix(parts.next().unwrap_or_default()) else {
            return false;
        };
        rest = after;
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.is_empty() || wanted.ends_with('…')
    })
}

/// A page being followed.
struct Reader<'a> {
    folder: PathBuf,
    /// What the commands since the last printed lines have said.
    said: String,
    failed: Option<String>,
    page: &'a str,
}

impl Reader<'_> {
    fn follow(&mut self, piece: &Piece) {
        match piece {
            Piece::File { name, text } => {
                let path = self.folder.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Piece::Command(line) => self.command(line),
            Piece::Printed(line) => {
                assert!(
                    is_printed(&self.said, line),
                    "{}: {line:?} is not in: {}",
                    self.page,
                    self.said
                );
                if line.starts_with("error: ") {
                    self.failed = None;
                }
            }
        }
    }

    fn command(&mut self, line: &str) {
        self.check();
        let words: Vec<_> = line.split_whitespace().collect();
        if words[0] == "cd" {
            self.folder = self.folder.join(words[1]).canonicalize().unwrap();
            return;
        }
        let outcome = command(&self.folder, &words[1..]).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        self.said = text(outcome.stdout) + "\n" + &text(outcome.stderr);
        if !outcome.status.success() {
            self.failed = Some(format!("`{line}`: {}", self.said));
        }
    }

    fn check(&self) {
        assert_eq!(self.failed, None, "{}", self.page);
    }
}

/// Follows a page in the folder.
fn follow(page: &str, folder: &Path, with: &[Piece]) {
    let mut reader = Reader {
        folder: folder.to_owned(),
        said: String::new(),
        failed: None,
        page,
    };
    let mut commands = 0;
    for piece in pieces(&read(page)) {
        // What the page refers to, such as the cases of the overview, is there from the first folder on.
        if matches!(&piece, Piece::Command(line) if line == "rlhost plugin test") && commands == 4 {
            for piece in with {
                reader.follow(piece);
            }
        }
        commands += usize::from(matches!(piece, Piece::Command(_)));
        reader.follow(&piece);
    }
    reader.check();
    assert!(commands > 0, "{page} has no commands");
}

/// A page of the tutorial: the cases of the overview are put into place after the first four commands, as it says.
fn tutorial(lang: &str) {
    let overview = pieces(&read("tutorial/README.md"));
    let is_cases =
        |piece: &Piece| matches!(piece, Piece::File { name, .. } if name == "cases/examples.jsonl");
    assert!(overview.iter().any(is_cases));
    let project = Project::empty();
    follow(&format!("tutorial/{lang}.md"), project.root(), &overview);
}

#[test]
fn a_first_verifier_in_rust() {
    tutorial("rust");
}

#[test]
fn a_first_verifier_in_c() {
    tutorial("c");
}

#[test]
fn a_first_verifier_in_python() {
    tutorial("python");
}

#[test]
fn a_first_verifier_in_go() {
    tutorial("go");
}

#[test]
fn a_first_verifier_in_javascript() {
    tutorial("javascript");
}

#[test]
fn a_review() {
    let project = Project::empty();
    project.ok(&["plugin", "new", "given", "--lang", "c"]);
    ok(
        project.root(),
        &["plugin", "build", "given", "-o", "given.wasm"],
    );
    follow("reviewing.md", project.root(), &[]);
    let read = |name: &str| fs::read(project.path(name)).unwrap();
    assert!(
        read("given.wasm") == read("again.wasm"),
        "it was not built again"
    );
}

#[test]
fn the_list_of_cheats_is_what_the_verifiers_say() {
    let project = xtask::project::Project::find().unwrap();
    let page = xtask::cheats::page(&project).unwrap();
    assert!(
        page == fs::read_to_string(repository().join(xtask::cheats::PAGE)).unwrap(),
        "docs/cheats.md is old: `cargo xtask book` writes it anew"
    );
}

/// All pages, by their paths below `docs`, and the README.
fn pages() -> BTreeMap<PathBuf, String> {
    let docs = repository().join("docs");
    let mut found = BTreeMap::new();
    let mut folders = vec![docs];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.insert(path.clone(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 20);
    found
}

/// Where the links of a page lead.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1);
    links.filter_map(|rest| rest.split_once(')').map(|(link, _)| link))
}

/// What a heading is called in links: small letters, digits and hyphens, as GitHub and mdBook have it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn the_summary_has_every_page_once() {
    let docs = repository().join("docs");
    let summary = read("SUMMARY.md");
    let named: Vec<_> = links(&summary).map(|link| docs.join(link)).collect();
    let unique: BTreeSet<_> = named.iter().cloned().collect();
    assert_eq!(named.len(), unique.len(), "a page stands twice");
    let mut wanted: BTreeSet<_> = pages().into_keys().collect();
    wanted.remove(&docs.join("SUMMARY.md"));
    assert_eq!(unique, wanted);
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut pages = pages();
    for name in [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ] {
        let path = repository().join(name);
        pages.insert(path.clone(), fs::read_to_string(path).unwrap());
    }
    for (page, text) in &pages {
        for link in links(text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let wrong = || format!("{}: {link}", page.display());
            let target = target
                .canonicalize()
                .unwrap_or_else(|_| panic!("{}", wrong()));
            if !heading.is_empty() {
                let text = fs::read_to_string(target).unwrap_or_else(|_| panic!("{}", wrong()));
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#')));
                assert!(anchors.any(|found| found == heading), "{}", wrong());
            }
        }
    }
}

/// What stands behind `rlhost` in blocks and in sentences of a page.
fn shown_commands(page: &str) -> Vec<&str> {
    let mut commands = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        if fenced || line.starts_with("    ") {
            commands.extend(line.trim_start().strip_prefix("rlhost "));
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            commands.extend(spans.filter_map(|span| span.strip_prefix("rlhost ")));
        }
    }
    commands
}

/// Commands that are shown anywhere have the options that they are shown with.
#[test]
fn every_command_of_the_book_is_understood() {
    let project = Project::empty();
    let mut pages = pages();
    let readme = repository().join("README.md");
    pages.insert(readme.clone(), fs::read_to_string(readme).unwrap());
    let mut checked = BTreeSet::new();
    for (page, text) in &pages {
        // A backslash at the end of a line goes on in the next one.
        let text = text.replace("\\\n", " ");
        for line in shown_commands(&text) {
            let arguments = line.split('#').next().unwrap_or_default();
            let arguments = arguments.split([';', '|', '>']).next().unwrap_or_default();
            let words: Vec<_> = arguments.split_whitespace().collect();
            if words.is_empty() || !checked.insert(words.join(" ")) {
                continue;
            }
            let outcome = project
                .command(&[&words[..], &["--help"]].concat())
                .output();
            let outcome = outcome.unwrap();
            let said = String::from_utf8_lossy(&outcome.stderr);
            // In a sentence an option may stand without its value.
            assert!(
                outcome.status.success() || said.contains("a value is required for"),
                "{}: `{line}`: {said}",
                page.display(),
            );
        }
    }
    assert!(checked.len() > 60, "{} commands", checked.len());
}
