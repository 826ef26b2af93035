//! What each fuzz target does with its input. It panics where something that must hold does not.
//!
//! The host's tests replay the corpus through the same functions, on the stable compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rlhost_host::{
    CompileLimits, ContentPart, Digest, Error, Host, Image, Limits, Outcome, Record, Sample,
    SampleReader, Scorer,
};
use serde_json::value::RawValue;
use serde_json::{Map, json};
use tempfile::TempDir;

/// What is done with an input.
pub type Target = fn(&[u8]);

/// All targets by their names.
pub const TARGETS: [(&str, Target); 6] = [
    ("sample_rows", sample_rows),
    ("records", records),
    ("components", components),
    ("images", images),
    ("code_cache", code_cache),
    ("settings", settings),
];

/// Rows of samples: what is read is well-formed, and reads the same when it is written again.
pub fn sample_rows(data: &[u8]) {
    let lines = data.split(|&byte| byte == b'\n').count();
    let rows: Vec<_> = SampleReader::new(data, "/no/such/folder/rows.jsonl").collect();
    assert!(rows.len() <= lines);
    for row in rows {
        let sample = match row {
            Ok(sample) => sample,
            Err(Error::Input { line, .. }) => {
                assert!((1..=lines).contains(&line));
                continue;
            }
            Err(other) => panic!("{other}"),
        };
        check_row(&sample);
    }
}

fn check_row(sample: &Sample) {
    let answer: &RawValue = serde_json::from_str(&sample.answer).expect("the answer is JSON");
    let columns: &RawValue = serde_json::from_str(&sample.columns).expect("the columns are JSON");
    assert!(columns.get().starts_with('{'));
    let parts = sample.prompt.iter().flat_map(|message| &message.content);
    for part in parts {
        assert!(
            !matches!(part, ContentPart::Image(index) if *index as usize >= sample.images.len())
        );
    }
    let rest = columns.get().trim_start_matches('{');
    let comma = if rest.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    let row = format!(
        r#"{{"response":{},"answer":{answer},"group":{},"data_source":{}{comma}{rest}"#,
        json!(sample.response),
        sample.group,
        json!(sample.data_source),
    );
    let again = SampleReader::new(row.as_bytes(), "again.jsonl").next();
    let again = again.expect("a row").expect("what was written is read");
    assert_eq!(again.response, sample.response);
    assert_eq!(again.answer, sample.answer);
    assert_eq!(again.columns, sample.columns);
    assert_eq!(
        (again.group, again.data_source),
        (sample.group, sample.data_source.clone())
    );
}

/// Records: what is read is the same after it was written and read again, byte for byte.
pub fn records(data: &[u8]) {
    let Ok(record) = serde_json::from_slice::<Record>(data) else {
        return;
    };
    let line = serde_json::to_string(&record).expect("a record is JSON");
    assert!(!line.contains('\n'));
    let again: Record = serde_json::from_str(&line).expect("what was written is read");
    assert_eq!(
        serde_json::to_string(&again).expect("a record is JSON"),
        line
    );
}

/// Little, so that a guest that loops is soon over.
fn limits() -> Limits {
    Limits {
        fuel: 200_000,
        memory: 1 << 20,
        output: 16 << 10,
        ..Limits::default()
    }
}

fn host(cache: Option<PathBuf>) -> Host {
    let host = Host::builder().threads(1).limits(limits()).cache(cache);
    host.build().expect("a host")
}

/// A folder for the files of a target.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// Components: each is refused with an error that names it, or scores within its limits.
pub fn components(data: &[u8]) {
    static HOST: LazyLock<Host> = LazyLock::new(|| host(None));
    let path = FOLDER.path().join("component.wasm");
    fs::write(&path, data).expect("a file");
    let plugin = match HOST.load(&path) {
        Ok(plugin) => plugin,
        Err(error) => {
            assert!(error.to_string().contains("component.wasm"), "{error}");
            return;
        }
    };
    let scorer = Scorer::new(&plugin, &Map::new(), limits()).expect("a scorer");
    for scored in scorer.score(&[Sample::single("a response", "1")]) {
        assert!(scored.fuel <= limits().fuel);
        assert_eq!(scored.total.is_some(), scored.outcome == Outcome::Score);
        assert_ne!(scored.outcome, Outcome::HostFault, "{:?}", scored.message);
    }
}

/// Images: what is decoded has the bytes that its size says.
pub fn images(data: &[u8]) {
    if let Ok(image) = Image::decode(data) {
        let pixels = u64::from(image.width()) * u64::from(image.height());
        assert_eq!(image.rgb().len() as u64, pixels * 3);
    }
}

/// Files of the code cache: none is run that is not, to the last byte, what the compiler wrote. The input is
/// the file itself if it starts with `r`, else changes to a good one: an offset (three bytes) and a byte each.
pub fn code_cache(data: &[u8]) {
    struct Cache {
        host: Host,
        component: PathBuf,
        file: PathBuf,
        good: Vec<u8>,
    }
    static CACHE: LazyLock<Cache> = LazyLock::new(|| {
        let component = FOLDER.path().join("cached.wasm");
        fs::write(&component, include_bytes!("../corpus/components/guest")).expect("a file");
        let folder = FOLDER.path().join("cache");
        let host = host(Some(folder.clone()));
        host.load(&component).expect("a plugin");
        let file = only_file(&folder.join("compiled"));
        let good = fs::read(&file).expect("the code");
        Cache {
            host,
            component,
            file,
            good,
        }
    });
    let cache = &*CACHE;
    let bytes = if let Some(raw) = data.strip_prefix(b"r") {
        raw.to_vec()
    } else {
        let mut bytes = cache.good.clone();
        for change in data.chunks_exact(4) {
            let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
            let length = bytes.len();
            bytes[at % length] = change[3];
        }
        bytes
    };
    fs::write(&cache.file, &bytes).expect("a file");
    let plugin = cache.host.load(&cache.component).expect("a plugin");
    assert_eq!(plugin.is_cached(), bytes == cache.good);
    assert_eq!(plugin.info().name, "probe");
    assert_eq!(fs::read(&cache.file).expect("the code"), cache.good);
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).expect("a folder");
    let file = files.next().expect("a file").expect("a file");
    file.path()
}

/// Texts of settings: what is understood is written in a form that means the same.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(limits) = text.parse::<CompileLimits>() {
        assert_eq!(limits.to_string().parse(), Ok(limits));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }
    if let Ok(limits) = serde_json::from_str::<Limits>(text) {
        let again = serde_json::to_string(&limits).expect("limits are JSON");
        assert_eq!(
            serde_json::from_str::<Limits>(&again).expect("limits"),
            limits
        );
    }
}
