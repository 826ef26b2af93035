//! The part of `cargo xtask lint` that looks at other people's code: licences, sources and duplicates of all
//! dependencies, as `cargo metadata` tells them. What is allowed stands in `xtask/dependencies.toml`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::{process, project::Project};

/// What is allowed, in the project's root.
const FILE: &str = "xtask/dependencies.toml";
/// The workspaces, each with a lock file of its own.
const WORKSPACES: [&str; 3] = ["Cargo.toml", "reward-plugins/Cargo.toml", "fuzz/Cargo.toml"];
/// The only source beside our own folders.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Old manifests have a slash for "or".
const MODE: ParseMode = ParseMode {
    allow_slash_as_or_operator: true,
    ..ParseMode::STRICT
};

/// Checks every dependency of every workspace.
pub fn check(project: &Project) -> Result<()> {
    let text = std::fs::read_to_string(project.root.join(FILE)).context(FILE)?;
    let allowed = Allowed::parse(&text)?;
    let mut problems = Vec::new();
    let mut workspaces = Vec::new();
    for manifest in WORKSPACES {
        let mut cargo = project.cargo();
        cargo.args(["metadata", "--format-version", "1", "--locked"]);
        cargo.args(["--manifest-path", manifest]);
        let metadata = process::output(&mut cargo)
            .with_context(|| format!("{manifest}: is its Cargo.lock up to date?"))?;
        let graph = Graph::read(&serde_json::from_str(&metadata)?)?;
        problems.extend(graph.problems(&allowed, &project.root));
        workspaces.push(graph.versions());
    }
    problems.extend(allowed.duplicates(&workspaces));
    if problems.is_empty() {
        return Ok(());
    }
    problems.dedup();
    bail!("dependencies:\n  {}", problems.join("\n  "))
}

/// What `dependencies.toml` says.
struct Allowed {
    licences: BTreeSet<String>,
    /// Versions by crate.
    known: BTreeMap<String, BTreeSet<String>>,
}

impl Allowed {
    fn parse(text: &str) -> Result<Self> {
        let table: toml::Table = text.parse().context(FILE)?;
        let texts = |value: Option<&toml::Value>| -> BTreeSet<String> {
            let items = value.and_then(toml::Value::as_array).into_iter().flatten();
            items
                .filter_map(toml::Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let mut known = BTreeMap::new();
        let duplicates = table.get("duplicates").and_then(toml::Value::as_table);
        for (name, entry) in duplicates.into_iter().flatten() {
            let reason = entry.get("reason").and_then(toml::Value::as_str);
            if reason.is_none_or(str::is_empty) {
                bail!("{FILE}: duplicates.{name} needs a `reason`");
            }
            known.insert(name.clone(), texts(entry.get("versions")));
        }
        Ok(Self {
            licences: texts(table.get("licences")),
            known,
        })
    }

    fn allows(&self, licence: &str) -> std::result::Result<bool, String> {
        let expression = Expression::parse_mode(licence, MODE).map_err(|e| e.reason.to_string())?;
        Ok(expression.evaluate(|term| self.licences.contains(&term.to_string())))
    }

    /// Duplicates in a workspace that are not known, and known ones that are none anywhere. Workspaces are compiled
    /// apart, so that one may have another version than the next.
    fn duplicates(&self, workspaces: &[Versions]) -> Vec<String> {
        let mut problems = Vec::new();
        let none = BTreeSet::new();
        let several = || {
            let all = workspaces.iter().flatten();
            all.filter(|(_, ways)| ways.len() > 1)
        };
        for (name, ways) in several() {
            let known = self.known.get(name).unwrap_or(&none);
            for (version, way) in ways.iter().filter(|(version, _)| !known.contains(*version)) {
                let others: Vec<_> = ways
                    .keys()
                    .filter(|other| *other != version)
                    .cloned()
                    .collect();
                problems.push(format!(
                    "{name} {version} is there beside {} ({way}): bring them to one version (`cargo update`, or another \
                     version of what needs it), or give it a place and a reason in {FILE}, [duplicates]",
                    others.join(", ")
                ));
            }
        }
        for (name, known) in &self.known {
            let found = |version: &String| {
                several().any(|(found, ways)| found == name && ways.contains_key(version))
            };
            for version in known.iter().filter(|version| !found(version)) {
                problems.push(format!(
                    "{name} {version} is no duplicate any more: take it from {FILE}, [duplicates]"
                ));
            }
        }
        problems
    }
}

/// By crate and version, as far as versions go together, the way to it.
type Versions = BTreeMap<String, BTreeMap<String, String>>;

struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    source: Option<String>,
    manifest: String,
}

/// The packages of a workspace, and who needs whom.
struct Graph {
    packages: BTreeMap<String, Package>,
    needs: BTreeMap<String, Vec<String>>,
    members: Vec<String>,
}

impl Graph {
    fn read(metadata: &Value) -> Result<Self> {
        let list = |value: &Value, what: &str| -> Result<Vec<Value>> {
            value
                .as_array()
                .cloned()
                .with_context(|| format!("cargo metadata has no {what}"))
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut packages = BTreeMap::new();
        for package in list(&metadata["packages"], "packages")? {
            let field = |name: &str| text(&package[name]);
            let id = field("id").context("a package without an id")?;
            packages.insert(
                id,
                Package {
                    name: field("name").unwrap_or_default(),
                    version: field("version").unwrap_or_default(),
                    licence: field("license"),
                    source: field("source"),
                    manifest: field("manifest_path").unwrap_or_default(),
                },
            );
        }
        let mut needs = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"], "resolve")? {
            let id = text(&node["id"]).unwrap_or_default();
            let needed = list(&node["dependencies"], "dependencies")?;
            needs.insert(id, needed.iter().filter_map(text).collect());
        }
        let members = list(&metadata["workspace_members"], "workspace_members")?;
        Ok(Self {
            packages,
            needs,
            members: members.iter().filter_map(text).collect(),
        })
    }

    /// Sources and licences that are not allowed.
    fn problems(&self, allowed: &Allowed, root: &Path) -> Vec<String> {
        let mut problems = Vec::new();
        for (id, package) in &self.packages {
            let Package { name, version, .. } = package;
            let mut wrong = |what: String| {
                problems.push(format!("{name} {version} ({}): {what}", self.way(id)));
            };
            match package.source.as_deref() {
                Some(REGISTRY) => {}
                None if Path::new(&package.manifest).starts_with(root) => {}
                other => wrong(format!(
                    "comes from {}; take it from crates.io",
                    other.unwrap_or(&package.manifest)
                )),
            }
            let licence = package.licence.as_deref();
            match licence.map(|licence| allowed.allows(licence)) {
                Some(Ok(true)) => {}
                Some(Ok(false)) => wrong(format!(
                    "has the licence {}, of which {FILE} allows none; take another crate, or add the licence after \
                     reading it",
                    licence.unwrap_or_default()
                )),
                Some(Err(reason)) => wrong(format!(
                    "has the licence {:?}, which is no SPDX expression: {reason}",
                    licence.unwrap_or_default()
                )),
                None => wrong("says no licence (package.license of its Cargo.toml)".into()),
            }
        }
        problems
    }

    /// The versions of each crate, with the way to each.
    fn versions(&self) -> Versions {
        let mut versions = Versions::new();
        for (id, package) in &self.packages {
            let known = versions.entry(package.name.clone()).or_default();
            known
                .entry(family(&package.version))
                .or_insert_with(|| self.way(id));
        }
        versions
    }

    /// The shortest way from a member of the workspace: `rlhost-trainer > candle-core > gemm`.
    fn way(&self, to: &str) -> String {
        let mut from: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        let mut queue = VecDeque::new();
        for member in &self.members {
            from.insert(member, None);
            queue.push_back(member.as_str());
        }
        while let Some(id) = queue.pop_front() {
            for needed in self.needs.get(id).into_iter().flatten() {
                if !from.contains_key(needed.as_str()) {
                    from.insert(needed, Some(id));
                    queue.push_back(needed);
                }
            }
        }
        let mut names = Vec::new();
        let mut at = Some(to);
        while let Some(id) = at {
            names.push(self.packages.get(id).map_or(id, |package| &package.name));
            at = from.get(id).copied().flatten();
        }
        names.reverse();
        names.join(" > ")
    }
}

/// The part of a version that must be equal for two to go together: `1`, `0.3`, `0.0.7`.
fn family(version: &str) -> String {
    let numbers: Vec<&str> = version.split(['.', '-', '+']).take(3).collect();
    let zeros = numbers.iter().take_while(|number| **number == "0").count();
    numbers[..numbers.len().min(zeros + 1)].join(".")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    const ALLOWED: &str = r#"
        licences = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        [duplicates]
        syn = { versions = ["2", "3"], reason = "macros" }
    "#;

    /// A workspace of `ours`, which needs `near`, which needs the given package.
    fn problems(
        name: &str,
        version: &str,
        licence: Option<&str>,
        source: Option<&str>,
    ) -> Vec<String> {
        let package = |name: &str, version: &str, licence: Option<&str>, source: Option<&str>| {
            json!({
                "id": format!("{name} {version}"), "name": name, "version": version, "license": licence,
                "source": source, "manifest_path": "/somewhere/ours/Cargo.toml",
            })
        };
        let far = format!("{name} {version}");
        let node = |id: &str, needs: &[&str]| json!({ "id": id, "dependencies": needs });
        let registry = Some(REGISTRY);
        let metadata = json!({
            "packages": [
                package("ours", "0.1.0", Some("Apache-2.0"), None),
                package("near", "1.2.3", Some("MIT/Apache-2.0"), registry),
                package("syn", "2.0.1", Some("MIT"), registry),
                package("syn", "3.1.0", Some("MIT"), registry),
                package(name, version, licence, source),
            ],
            "resolve": { "nodes": [
                node("ours 0.1.0", &["near 1.2.3", "syn 2.0.1", "syn 3.1.0"]),
                node("near 1.2.3", &[&far]),
            ]},
            "workspace_members": ["ours 0.1.0"],
        });
        let graph = Graph::read(&metadata).unwrap();
        let allowed = Allowed::parse(ALLOWED).unwrap();
        let mut found = graph.problems(&allowed, Path::new("/somewhere"));
        found.extend(allowed.duplicates(&[graph.versions()]));
        found
    }

    #[test]
    fn what_is_not_allowed_is_named_with_the_way_to_it() {
        let registry = Some(REGISTRY);
        let sound = |licence| problems("far", "0.3.1", Some(licence), registry);
        for licence in [
            "MIT",
            "GPL-3.0-only OR MIT",
            "Apache-2.0 WITH LLVM-exception",
            "(MIT) AND Apache-2.0",
        ] {
            assert!(sound(licence).is_empty(), "{licence}: {:?}", sound(licence));
        }
        let git = Some("git+https://example.org/far?rev=1");
        for (name, version, licence, source, what) in [
            (
                "far",
                "0.3.1",
                Some("GPL-3.0-only"),
                registry,
                "has the licence GPL-3.0-only",
            ),
            (
                "far",
                "0.3.1",
                Some("MIT AND GPL-3.0-only"),
                registry,
                "of which",
            ),
            (
                "far",
                "0.3.1",
                Some("Apache-2.0 WITH GCC-exception-3.1"),
                registry,
                "of which",
            ),
            (
                "far",
                "0.3.1",
                Some("see LICENSE"),
                registry,
                "no SPDX expression",
            ),
            ("far", "0.3.1", None, registry, "says no licence"),
            (
                "far",
                "0.3.1",
                Some("MIT"),
                git,
                "comes from git+https://example.org",
            ),
            (
                "far",
                "0.3.1",
                Some("MIT"),
                Some("registry+https://example.org"),
                "comes from registry",
            ),
            (
                "near",
                "0.9.0",
                Some("MIT"),
                registry,
                "near 0.9 is there beside 1",
            ),
            (
                "syn",
                "1.0.0",
                Some("MIT"),
                registry,
                "syn 1 is there beside 2, 3",
            ),
        ] {
            let found = problems(name, version, licence, source);
            assert!(!found.is_empty(), "{name} {version} {licence:?} {source:?}");
            assert!(found[0].contains(what), "{what}: {found:?}");
            assert!(found[0].contains("(ours > near > "), "{found:?}");
        }
        // Versions that go together are one.
        assert!(problems("near", "1.9.0", Some("MIT"), registry).is_empty());
    }

    #[test]
    fn a_known_duplicate_that_is_gone_is_named() {
        let text = format!("{ALLOWED}\nrand = {{ versions = [\"0.8\"], reason = \"old\" }}");
        let found = Allowed::parse(&text)
            .unwrap()
            .duplicates(&[Versions::new()]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("rand 0.8 is no duplicate any more"));
        let unexplained = ALLOWED.replace("macros", "");
        assert!(Allowed::parse(&unexplained).is_err());
    }

    #[test]
    fn versions_go_together_as_cargo_says() {
        for (version, want) in [
            ("1.2.3", "1"),
            ("0.3.9", "0.3"),
            ("0.0.7", "0.0.7"),
            ("0.0.0", "0.0.0"),
        ] {
            assert_eq!(family(version), want);
        }
    }
}
