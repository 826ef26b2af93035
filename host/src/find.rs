//! Where plugins lie.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::{Error, Result, trust};

/// A plugin as users name it: a path, or the name of a plugin that lies in one of the usual places.
///
/// ```
/// use rlhost_host::PluginRef;
///
/// assert_eq!(PluginRef::parse("math"), PluginRef::Name("math".into()));
/// assert_eq!(PluginRef::parse("my.wasm"), PluginRef::Path("my.wasm".into()));
/// assert_eq!(PluginRef::parse("./math"), PluginRef::Path("./math".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginRef {
    /// The path of a component.
    Path(PathBuf),
    /// The name of a plugin.
    Name(String),
}

impl PluginRef {
    /// A text that contains a path separator or ends in `.wasm` is a path, any other a name.
    pub fn parse(text: &str) -> Self {
        let is_path = text.contains(std::path::is_separator)
            || Path::new(text)
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("wasm"));
        if is_path {
            Self::Path(text.into())
        } else {
            Self::Name(text.to_owned())
        }
    }
}

impl From<&str> for PluginRef {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl From<&String> for PluginRef {
    fn from(text: &String) -> Self {
        Self::parse(text)
    }
}

impl From<&Path> for PluginRef {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<&PathBuf> for PluginRef {
    fn from(path: &PathBuf) -> Self {
        Self::Path(path.clone())
    }
}

/// The folders in which a plugin `NAME` is looked for as `NAME.wasm`, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    folders: Vec<PathBuf>,
    /// The one of them that nobody named: it was found above the current folder, and whose it is has to be seen.
    found: Option<PathBuf>,
}

impl Search {
    /// Looks in these folders.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            folders: folders.into_iter().collect(),
            found: None,
        }
    }

    /// Looks in the usual places:
    ///
    /// 1. the folders of `RLHOST_PLUGIN_PATH` (separated as in `PATH`),
    /// 2. the project's build folder: `target/guests` beside or above the current folder, and `guests`
    ///    in the target folder that holds the running program,
    /// 3. the user's store: `$XDG_DATA_HOME/rlhost/plugins`, else `~/.local/share/rlhost/plugins`.
    ///
    /// What lies above the current folder may be another user's. There, a plugin counts only if its file and its
    /// folder belong to us or to root, and nobody else may write to them.
    pub fn from_env() -> Self {
        let var = |name| env::var_os(name).filter(|v| !v.is_empty());
        let mut folders = Vec::new();
        if let Some(list) = var("RLHOST_PLUGIN_PATH") {
            folders.extend(env::split_paths(&list).filter(|p| !p.as_os_str().is_empty()));
        }
        let named = folders.len();
        let above = env::current_dir().map(|here| Self::build_folder_above(&here));
        folders.extend(above.ok());
        if let Ok(program) = env::current_exe() {
            folders.extend(Self::target_folder(&program).map(|p| p.join("guests")));
        }
        let data = var("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(env::home_dir()?.join(".local").join("share")));
        folders.extend(data.map(|p| p.join("rlhost").join("plugins")));
        Self::named(folders, named)
    }

    /// These folders, each once. The one at the place `found` was named by nobody, unless another place has it too.
    fn named(mut folders: Vec<PathBuf>, found: usize) -> Self {
        let by_chance = folders.get(found).cloned();
        let by_chance = by_chance.filter(|it| folders.iter().filter(|p| *p == it).count() == 1);
        let mut seen = Vec::new();
        folders.retain(|folder| {
            let new = !seen.contains(folder);
            seen.push(folder.clone());
            new
        });
        Self {
            folders,
            found: by_chance,
        }
    }

    /// The folders, in order.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The folder of Cargo's build that a program lies in; none for an installed program, such as in /usr/bin.
    ///
    /// Cargo leaves both of these files in a target folder that it makes, but no tag in one that it finds.
    fn target_folder(program: &Path) -> Option<&Path> {
        program.ancestors().find(|p| {
            ["CACHEDIR.TAG", ".rustc_info.json"]
                .iter()
                .any(|mark| p.join(mark).is_file())
        })
    }

    /// The nearest existing `target/guests` in `folder` or above it; `folder`'s own where there is none.
    fn build_folder_above(folder: &Path) -> PathBuf {
        let candidate = |p: &Path| p.join("target").join("guests");
        let mut candidates = folder.ancestors().map(candidate);
        candidates
            .find(|p| p.is_dir())
            .unwrap_or_else(|| candidate(folder))
    }

    /// The file that a reference means. A path is taken as it is, whether or not it exists.
    pub fn find(&self, plugin: &PluginRef) -> Result<PathBuf> {
        let name = match plugin {
            PluginRef::Path(path) => return Ok(path.clone()),
            PluginRef::Name(name) => name,
        };
        let searched: Vec<_> = self
            .folders
            .iter()
            .map(|folder| folder.join(format!("{name}.wasm")))
            .collect();
        let mut foreign = None;
        for file in searched.iter().filter(|file| file.is_file()) {
            if !self.is_found_by_chance(file) || is_trusted(file) {
                return Ok(file.clone());
            }
            foreign = Some(file.clone());
        }
        Err(match foreign {
            Some(path) => Error::ForeignPlugin {
                name: name.clone(),
                path,
            },
            None => Error::PluginNotFound {
                name: name.clone(),
                searched,
            },
        })
    }

    /// Whether a file lies in a folder that nobody named: one above the current folder.
    pub(crate) fn is_found_by_chance(&self, file: &Path) -> bool {
        self.found.is_some() && file.parent() == self.found.as_deref()
    }
}

/// Whether only we, or root, decide what a file and its folder are.
pub(crate) fn is_trusted(file: &Path) -> bool {
    let ours = |path| fs::metadata(path).is_ok_and(|found| trust::is_ours(&found));
    ours(file) && file.parent().is_some_and(ours)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    #[test]
    fn a_target_folder_is_known_by_what_cargo_leaves_there() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let program = target.join("debug").join("rlhost");
        fs::create_dir_all(&program).unwrap();
        assert_eq!(Search::target_folder(&program), None);
        for mark in ["CACHEDIR.TAG", ".rustc_info.json"] {
            fs::write(target.join(mark), "").unwrap();
            assert_eq!(Search::target_folder(&program), Some(&*target), "{mark}");
            fs::remove_file(target.join(mark)).unwrap();
        }
    }
}
