//! The digest of a plugin's source.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// SHA-256 over names and contents of the files in `folder`, in the order of their names, as
/// `sha256:` and hexadecimal digits. What is made from them (`target`, `__pycache__`, folders that hold a
/// `CACHEDIR.TAG`, the file `output`), the golden cases in `cases` and hidden files do not count. Of a link the place it leads to counts.
pub fn digest(folder: &Path, output: &Path) -> Result<String> {
    let files = files(folder)?;
    let output = output.canonicalize().ok();
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for name in files {
        let path = folder.join(&name);
        let failed = || format!("cannot read {}", path.display());
        let content = if path.is_symlink() {
            let target = fs::read_link(&path).with_context(failed)?;
            target.as_os_str().as_encoded_bytes().to_vec()
        } else {
            if output.is_some() && path.canonicalize().ok() == output {
                continue;
            }
            fs::read(&path).with_context(failed)?
        };
        add(name.as_os_str().as_encoded_bytes());
        add(&content);
    }
    let mut text = "sha256:".to_owned();
    for byte in hash.finalize() {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

/// The names of the files in a plugin's folder that it may be compiled from, in order.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(folder, Path::new(""), &mut files).with_context(|| folder.display().to_string())?;
    files.sort();
    Ok(files)
}

/// Adds the names of the files in `root/folder`, as seen from `root`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name();
        let path = folder.join(&name);
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let apart = [Path::new("target"), Path::new("cases")];
        if hidden || name == "__pycache__" || apart.contains(&path.as_path()) {
            continue;
        }
        if !entry.file_type()?.is_dir() {
            files.push(path);
        } else if !entry.path().join("CACHEDIR.TAG").exists() {
            collect(root, &path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_plugin_is_compiled_from_counts_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let output = root.join("made.wasm");
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let now = || digest(root, &output).unwrap();
        write("a/x.rs", "x");
        let first = now();
        for name in [
            "target/x",
            "cases/x.jsonl",
            ".git/HEAD",
            "made.wasm",
            "a/__pycache__/x.pyc",
            "cache/CACHEDIR.TAG",
            "cache/x",
        ] {
            write(name, "made");
            assert_eq!(now(), first, "{name}");
        }
        let mut seen = vec![first];
        let mut changed = |what: &str| {
            let now = now();
            assert!(!seen.contains(&now), "{what}");
            seen.push(now);
        };
        write("a/x.rs", "y");
        changed("a content");
        fs::rename(root.join("a/x.rs"), root.join("a/y.rs")).unwrap();
        changed("a name");
        std::os::unix::fs::symlink("/", root.join("link")).unwrap();
        changed("a link");
    }

    #[test]
    fn the_digest_is_the_documented_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "12").unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        // printf '\1\0\0\0\0\0\0\0a\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0b\2\0\0\0\0\0\0\00012' | sha256sum
        let expected = "sha256:b059ffefcadcbbe8f9dd341d5f441bc337f407bfdada409aac3e2cb5989d347c";
        assert_eq!(digest(folder.path(), Path::new("x")).unwrap(), expected);
    }
}
