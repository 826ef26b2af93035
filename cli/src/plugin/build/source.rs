//! The digest of a plugin's source.

use anyhow::{Context, Result};
use rlhost_host::files::{COMPONENT, read};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// SHA-256 over names and contents of the files in `folder`, in the order of their names, as
/// `sha256:` and hexadecimal digits. What is made from them (`target`, `__pycache__`, folders that hold a
/// `CACHEDIR.TAG`, the file `output`), the golden cases in `cases` and hidden files do not count. Of a link the place it leads to counts.
pub fn digest(folder: &Path, output: &Path) -> Result<String> {
    let names = files(folder)?;
    let output = output.canonicalize().ok();
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for name in names {
        let path = folder.join(&name);
        let failed = || format!("cannot read {}", path.display());
        let content = if path.is_symlink() {
            let target = fs::read_link(&path).with_context(failed)?;
            target.as_os_str().as_encoded_bytes().to_vec()
        } else {
            if output.is_some() && path.canonicalize().ok() == output {
                continue;
            }
            read(&path, COMPONENT).with_context(failed)?
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

/// Copies what is `wanted` of a folder, and of those below; of links what they lead to.
pub fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    let mut above = Vec::new();
    copy_below(from, to, wanted, &mut above)
}

/// The same below folders that are being copied: a link may lead to one of them.
fn copy_below(
    from: &Path,
    to: &Path,
    wanted: &dyn Fn(&Path) -> bool,
    above: &mut Vec<PathBuf>,
) -> Result<()> {
    let failed = || format!("cannot copy {}", from.display());
    let folder = from.canonicalize().with_context(failed)?;
    if above.contains(&folder) {
        return Ok(());
    }
    above.push(folder);
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let copied = to.join(path.file_name().unwrap_or_default());
        if !wanted(&path) {
            continue;
        }
        if path.is_dir() {
            copy_below(&path, &copied, wanted, above)?;
        } else {
            let bytes = read(&path, COMPONENT)
                .with_context(|| format!("cannot copy {}", path.display()))?;
            fs::write(&copied, bytes)
                .with_context(|| format!("cannot write {}", copied.display()))?;
        }
    }
    above.pop();
    Ok(())
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

    #[test]
    fn links_are_followed_once_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("src/inner")).unwrap();
        fs::write(at("shared.js"), "1").unwrap();
        fs::write(at("src/notes.txt"), "2").unwrap();
        std::os::unix::fs::symlink("../../shared.js", at("src/inner/x.js")).unwrap();
        std::os::unix::fs::symlink("..", at("src/inner/up")).unwrap();
        let scripts = |path: &Path| path.is_dir() || path.extension().is_some_and(|it| it == "js");
        copy(&at("src"), &at("to"), &scripts).unwrap();
        assert_eq!(fs::read_to_string(at("to/inner/x.js")).unwrap(), "1");
        assert!(at("to/inner/x.js").symlink_metadata().unwrap().is_file());
        assert!(!at("to/notes.txt").exists());
        // Nor is a named pipe waited for.
        let pipe = std::process::Command::new("mkfifo")
            .arg(at("src/pipe.js"))
            .output();
        assert!(pipe.unwrap().status.success());
        let error = copy(&at("src"), &at("again"), &scripts).unwrap_err();
        assert!(format!("{error:#}").contains("a named pipe"), "{error:#}");
    }
}
