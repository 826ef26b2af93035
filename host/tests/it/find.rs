//! Plugins are found by name.

use rlhost_host::{Error, Host, Search};

use crate::guest::{Folder, Guest};

#[test]
fn the_first_folder_that_has_the_plugin_wins() {
    let (first, second) = (Folder::new(), Folder::new());
    let folders = || [first.path().to_owned(), second.path().to_owned()];
    let search = Search::new(folders());
    let in_second = second.file("math.wasm", b"");
    assert_eq!(search.find(&"math".into()).unwrap(), in_second);
    let in_first = first.file("math.wasm", b"");
    assert_eq!(search.find(&"math".into()).unwrap(), in_first);
    // A path is a path, even if a folder has a file of that name.
    assert_eq!(
        search.find(&"math.wasm".into()).unwrap().to_str(),
        Some("math.wasm")
    );
}

#[test]
fn a_name_that_is_nowhere_says_where_it_was_looked_for() {
    let folder = Folder::new();
    let search = Search::new([folder.path().to_owned()]);
    let error = search.find(&"maths".into()).unwrap_err();
    assert!(matches!(&error, Error::PluginNotFound { searched, .. } if searched.len() == 1));
    let text = error.to_string();
    assert!(text.contains("`maths`"), "{text}");
    assert!(
        text.contains(folder.path().join("maths.wasm").to_str().unwrap()),
        "{text}"
    );
    assert!(text.contains("cargo xtask guests"), "{text}");
}

#[test]
fn a_host_loads_by_name() {
    let folder = Folder::new();
    folder.file("probe.wasm", &Guest::default().component());
    let search = Search::new([folder.path().to_owned()]);
    let host = Host::builder()
        .threads(1)
        .cache(None)
        .search(search)
        .build()
        .unwrap();
    assert_eq!(host.load("probe").unwrap().info().name, "probe");
}

#[test]
fn the_usual_places_include_this_projects_build_folder() {
    let search = Search::from_env();
    let target = std::env::current_exe().unwrap();
    let target = target
        .ancestors()
        .find(|p| p.join(".rustc_info.json").is_file())
        .unwrap();
    assert!(
        search.folders().contains(&target.join("guests")),
        "{search:?}"
    );
    let last = search.folders().last().unwrap();
    assert!(last.ends_with("rlhost/plugins"), "{search:?}");
}
