//! The corpus of the fuzz targets for the files of a run, replayed.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/runs.rs"]
mod targets;

#[test]
fn every_input_of_the_corpus_passes_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in targets::TARGETS {
        let mut inputs = 0;
        for input in fs::read_dir(corpus.join(name)).unwrap() {
            let path = input.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            // Shown only if the target panics.
            println!("{}", path.display());
            target(&bytes);
            inputs += 1;
            // And each of them with a bit changed, all over it.
            for at in (0..bytes.len()).step_by(17) {
                let mut other = bytes.clone();
                other[at] ^= 1 << (at % 8);
                target(&other);
            }
        }
        assert!(inputs >= 3, "{name} has a corpus of {inputs}");
    }
}
