//! The corpus of the fuzz targets, replayed.

use std::fs;
use std::path::Path;

use crate::attack::mutations::{Random, mutate};

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn every_input_of_the_corpus_passes_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    // The targets for the files of a run are replayed by the trainer's tests.
    for folder in fs::read_dir(&corpus).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let program = corpus.join(format!("../fuzz_targets/{name}.rs"));
        assert!(program.is_file(), "no target is called {name}");
    }
    for (name, target) in targets::TARGETS {
        let inputs = inputs(name);
        for (path, bytes) in &inputs {
            // Shown only if the target panics.
            println!("{path}");
            target(bytes);
        }
        assert!(inputs.len() >= 3, "{name} has a corpus of {}", inputs.len());
        let program = corpus.join(format!("../fuzz_targets/{name}.rs"));
        assert!(program.is_file(), "{} is missing", program.display());
    }
}

/// The inputs of a target, in the order of their names.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut inputs: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            (path.display().to_string(), fs::read(path).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn random_changes_of_the_corpus_pass_too() {
    for (name, target) in targets::TARGETS {
        // These compile a component each time; the first has a test of its own.
        let changes = match name {
            "components" => 0,
            "code_cache" => 100,
            _ => 20_000,
        };
        let inputs = inputs(name);
        for seed in 0..changes {
            let (path, bytes) = &inputs[seed as usize % inputs.len()];
            let mut bytes = bytes.clone();
            mutate(&mut bytes, 0, &mut Random(seed));
            println!("{path}, seed {seed}");
            target(&bytes);
        }
    }
}
