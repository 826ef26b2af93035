//! What the command says about itself and about plugins.

use crate::support::{Project, guest};
use sha2::{Digest, Sha256};
use std::fmt::Write;

#[test]
fn help_texts() {
    let project = Project::empty();
    for command in [
        "",
        "init",
        "sft",
        "train",
        "eval",
        "score",
        "replay",
        "plot",
        "plugin new",
        "plugin build",
        "plugin componentize",
        "plugin inspect",
        "plugin test",
        "plugin audit",
        "plugin bench",
        "rollouts show",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let help = project.ok(&arguments).stdout;
        assert!(
            help.lines().all(|line| line.chars().count() <= 100),
            "{help}"
        );
        let name = format!("help {command}").trim_end().replace(' ', "_");
        insta::assert_snapshot!(name, help);
    }
}

#[test]
fn plugins_are_described() {
    let project = Project::empty();
    for name in [
        "math",
        "number",
        "choice",
        "boolean",
        "text",
        "bbox",
        "counting",
        "format",
        "length",
        "point",
        "detection",
        "chart",
        "wemath",
        "auto",
        "hostile",
        "gspo",
        "likelihood",
    ] {
        let path = guest(name);
        let bytes = std::fs::read(&path).unwrap();
        let mut digest = String::new();
        for byte in Sha256::digest(&bytes) {
            write!(digest, "{byte:02x}").unwrap();
        }
        let size = bytes.len().to_string();

        let text = project.ok(&["plugin", "inspect", &path]).stdout;
        // Compilers differ in what they make; all else is the plugin's own.
        let stable = text
            .replace(&path, "FILE")
            .replace(&digest, "DIGEST")
            .replace(&size, "SIZE");
        insta::assert_snapshot!(format!("inspect_{name}"), stable);

        let json = project.ok(&["plugin", "inspect", "--json", &path]).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["size"], bytes.len());
        assert_eq!(
            json["digest"].as_str().map(|d| d.ends_with(&digest)),
            Some(true)
        );
    }
}
