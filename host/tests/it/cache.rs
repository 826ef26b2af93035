//! Compiled code is kept between hosts, and a cache in disorder does no harm.

use std::fs;
use std::path::{Path, PathBuf};

use rlhost_host::{Host, Plugin};

use crate::guest::{Folder, Guest};

fn load(cache: &Path, component: &Path) -> Plugin {
    let host = Host::builder()
        .threads(1)
        .cache(Some(cache.to_owned()))
        .build()
        .unwrap();
    host.load(component).unwrap()
}

fn cached_file(cache: &Path) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(cache.join("compiled")).unwrap().collect();
    assert_eq!(files.len(), 1);
    files.remove(0).unwrap().path()
}

#[test]
fn the_second_load_takes_the_code_of_the_first() {
    let folder = Folder::new();
    let component = folder.file("guest.wasm", &Guest::default().component());
    assert!(!load(folder.path(), &component).is_cached());
    let again = load(folder.path(), &component);
    assert!(again.is_cached());
    assert_eq!(again.info().name, "probe");

    let other = folder.file("other.wasm", &Guest::judging("(unreachable)").component());
    assert!(!load(folder.path(), &other).is_cached());
}

#[test]
fn damage_is_noticed_and_mended() {
    let folder = Folder::new();
    let component = folder.file("guest.wasm", &Guest::default().component());
    load(folder.path(), &component);
    let file = cached_file(folder.path());
    let good = fs::read(&file).unwrap();
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    // Code, digest, the magic before them; cut short; empty.
    for bytes in [
        changed(1_000),
        changed(20),
        changed(0),
        good[..30].to_vec(),
        Vec::new(),
    ] {
        fs::write(&file, bytes).unwrap();
        assert!(!load(folder.path(), &component).is_cached());
        assert_eq!(fs::read(&file).unwrap(), good);
        assert!(load(folder.path(), &component).is_cached());
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_left_alone() {
    let folder = Folder::new();
    let component = folder.file("guest.wasm", &Guest::default().component());
    let file = folder.file("cache", b"a file where the folder should be");
    assert!(!load(&file, &component).is_cached());
    assert!(!load(&file, &component).is_cached());
}

#[cfg(unix)]
#[test]
fn code_that_others_could_have_written_is_not_loaded() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let component = folder.file("guest.wasm", &Guest::default().component());
    load(folder.path(), &component);
    let compiled = folder.path().join("compiled");
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(
        fs::metadata(&compiled).unwrap().permissions().mode() & 0o777,
        0o700
    );

    mode(&compiled, 0o777);
    assert!(!load(folder.path(), &component).is_cached());
    mode(&compiled, 0o700);
    assert!(load(folder.path(), &component).is_cached());

    let file = cached_file(folder.path());
    mode(&file, 0o666);
    assert!(!load(folder.path(), &component).is_cached());
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_could_replace_is_not_used() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let component = folder.file("guest.wasm", &Guest::default().component());
    let above = folder.path().join("above");
    let cache = above.join("cache");
    fs::create_dir_all(&cache).unwrap();
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    load(&cache, &component);
    assert!(load(&cache, &component).is_cached());
    // Whoever may write to the folder above could put a cache of his own in this one's place.
    mode(&above, 0o777);
    assert!(!load(&cache, &component).is_cached());
    // Unless only owners may move what is theirs, as in /tmp.
    mode(&above, 0o1777);
    assert!(load(&cache, &component).is_cached());
}
