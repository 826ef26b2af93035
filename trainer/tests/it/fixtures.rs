//! Fixtures that several topics use.

use std::path::{Path, PathBuf};

/// The repository's `tests/fixtures/`.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}

/// A model folder: the golden checkpoint's settings, the tiny tokenizer and a chat template.
pub fn model_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("goldens/qwen2_5_vl/config.json", "config.json"),
        (
            "goldens/qwen2_5_vl/generation_config.json",
            "generation_config.json",
        ),
        (
            "goldens/qwen2_5_vl/preprocessor_config.json",
            "preprocessor_config.json",
        ),
        ("tokenizer/tokenizer.json", "tokenizer.json"),
        ("tokenizer/tokenizer_config.json", "tokenizer_config.json"),
        ("templates/parts.jinja", "chat_template.jinja"),
    ] {
        std::fs::copy(path(from), dir.path().join(to)).unwrap();
    }
    dir
}

/// Replaces text in a file.
pub fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    std::fs::write(file, text.replace(from, to)).unwrap();
}
