//! The corpus of the fuzz targets, replayed.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn every_input_of_the_corpus_passes_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let known: Vec<_> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    for folder in fs::read_dir(&corpus).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name.as_str()), "no target is called {name}");
    }
    for (name, target) in targets::TARGETS {
        let mut inputs = 0;
        for file in fs::read_dir(corpus.join(name)).unwrap() {
            let path = file.unwrap().path();
            // Shown only if the target panics.
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs >= 3, "{name} has a corpus of {inputs}");
        let program = corpus.join(format!("../fuzz_targets/{name}.rs"));
        assert!(program.is_file(), "{} is missing", program.display());
    }
}
