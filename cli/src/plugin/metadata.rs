//! What a component carries about its making, in the custom sections that `wasm-tools metadata show` and
//! registries of images read. The host does not look at it: these are claims of whoever made the file.

use anyhow::{Context, Result};
use rlhost_host::AskedLimits;
use serde::Serialize;
use std::collections::BTreeMap;
use wasm_encoder::{ComponentSection, CustomSection};
use wasm_metadata::{AddMetadata, AddMetadataField, Producers};
use wasmparser::{ComponentNameSectionReader, KnownCustom, Parser, Payload};

/// Sections of plain text, after the annotations of the OCI image specification.
const VERSION: &str = "version";
const LICENCES: &str = "licenses";
const REVISION: &str = "revision";
/// The packages that an interpreted language's component carries, a line NAME==VERSION each.
const PACKAGES: &str = "rlhost:packages";

/// What is embedded in a component.
pub struct About {
    pub name: String,
    pub version: String,
    /// An SPDX expression.
    pub licence: Option<String>,
    /// Digest of what it was compiled from.
    pub source: String,
    /// The language, and the compiler's version.
    pub language: (&'static str, String),
    /// Packages that are in it, with their versions.
    pub packages: Vec<(String, String)>,
    /// The limits that it asks for.
    pub limits: AskedLimits,
}

/// Embeds what a component says about itself.
pub fn embed(component: &[u8], about: &About) -> Result<Vec<u8>> {
    let mut add = AddMetadata::default();
    add.name = AddMetadataField::Set(about.name.clone());
    let (language, version) = &about.language;
    add.language = vec![((*language).to_owned(), version.clone())];
    add.processed_by = vec![("rlhost".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
    let mut bytes = add.to_wasm(component)?;
    let lines = about
        .packages
        .iter()
        .map(|(name, version)| format!("{name}=={version}\n"));
    let packages: String = lines.collect();
    let limits = serde_json::to_string(&about.limits)?;
    let texts = [
        (VERSION, Some(&about.version)),
        (LICENCES, about.licence.as_ref()),
        (REVISION, Some(&about.source)),
        (PACKAGES, (!packages.is_empty()).then_some(&packages)),
        (
            AskedLimits::SECTION,
            (!about.limits.is_empty()).then_some(&limits),
        ),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            let section = CustomSection {
                name: name.into(),
                data: text.as_bytes().into(),
            };
            section.append_to_component(&mut bytes);
        }
    }
    Ok(bytes)
}

/// What is found in a component, of this house or of others.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Metadata {
    pub name: Option<String>,
    pub version: Option<String>,
    pub licence: Option<String>,
    pub source: Option<String>,
    /// Languages it was written in, with the versions of their compilers.
    pub languages: BTreeMap<String, String>,
    /// Tools that made it, with their versions.
    pub tools: BTreeMap<String, String>,
    /// Packages that are in it, with their versions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub packages: BTreeMap<String, String>,
}

impl Metadata {
    /// Reads the sections of a component, and not of what is inside it.
    pub fn read(component: &[u8]) -> Result<Self> {
        let mut found = Self::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(component) {
            match payload.context("not a component")? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::CustomSection(section) if depth == 0 => {
                    let text = String::from_utf8_lossy(section.data()).into_owned();
                    match (section.name(), section.as_known()) {
                        (VERSION, _) => found.version = Some(text),
                        (LICENCES, _) => found.licence = Some(text),
                        (REVISION, _) => found.source = Some(text),
                        (PACKAGES, _) => {
                            let lines = text.lines().filter_map(|line| line.split_once("=="));
                            found.packages = lines
                                .map(|(name, version)| (name.to_owned(), version.to_owned()))
                                .collect();
                        }
                        (_, KnownCustom::ComponentName(names)) => found.read_name(names),
                        (_, KnownCustom::Producers(_)) => {
                            found.read_producers(section.data(), section.data_offset());
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// A section that can't be read says nothing: the component runs all the same.
    fn read_name(&mut self, names: ComponentNameSectionReader<'_>) {
        for name in names.into_iter().flatten() {
            if let wasmparser::ComponentName::Component { name, .. } = name {
                self.name = Some(name.to_owned());
            }
        }
    }

    fn read_producers(&mut self, bytes: &[u8], offset: usize) {
        let Ok(producers) = Producers::from_bytes(bytes, offset) else {
            return;
        };
        for (field, values) in producers.iter() {
            let into = match field.as_str() {
                "language" => &mut self.languages,
                // Tools and libraries.
                _ => &mut self.tools,
            };
            let values = values.iter();
            into.extend(values.map(|(name, version)| (name.clone(), version.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_embedded_is_read() {
        let inner = r#"(component (core module $inner (@custom "version" "9") (@producers (language "C" "1"))))"#;
        let component = wat::parse_str(inner).unwrap();
        assert_eq!(Metadata::read(&component).unwrap(), Metadata::default());
        let about = About {
            name: "word-count".to_owned(),
            version: "0.2.0".to_owned(),
            licence: Some("MIT".to_owned()),
            source: "sha256:ab".to_owned(),
            language: ("Go", "1.27".to_owned()),
            packages: vec![("sympy".to_owned(), "1.14.0".to_owned())],
            limits: AskedLimits {
                memory: Some(1 << 28),
                ..AskedLimits::default()
            },
        };
        let pair =
            |name: &str, version: &str| BTreeMap::from([(name.to_owned(), version.to_owned())]);
        let expected = Metadata {
            name: Some("word-count".to_owned()),
            version: Some("0.2.0".to_owned()),
            licence: Some("MIT".to_owned()),
            source: Some("sha256:ab".to_owned()),
            languages: pair("Go", "1.27"),
            tools: pair("rlhost", env!("CARGO_PKG_VERSION")),
            packages: pair("sympy", "1.14.0"),
        };
        let embedded = embed(&component, &about).unwrap();
        assert_eq!(Metadata::read(&embedded).unwrap(), expected);
    }

    #[test]
    fn sections_that_can_not_be_read_say_nothing() {
        let component = wat::parse_str(
            r#"(component (@custom "producers" "\ff") (@custom "component-name" "\ff\ff"))"#,
        );
        assert_eq!(
            Metadata::read(&component.unwrap()).unwrap(),
            Metadata::default()
        );
        assert!(Metadata::read(b"int main() {}").is_err());
    }
}
