//! Guests for the tests: a core module in WebAssembly text, wrapped by `wit-component` as real ones are.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rlhost_host::{Host, Limits, Plugin, Sample, Scored, Scorer};
use serde_json::Map;
use tempfile::TempDir;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract, as guests of other languages see it.
pub const WIT: &str = include_str!("../../../wit/plugin.wit");

/// A guest. Its `$judge` gets the address of a sample (76 bytes in the canonical ABI: group at 0, then
/// pointer and length of prompt at 4, response 12, answer 20, data-source 28, problem-type 36, answer-type
/// 44, columns 52, params 60, images 68) and of a zeroed `result<verdict, failure>` (32 bytes: tag at 0;
/// total at 8, parts at 16, steps at 24; or the failure's tag at 8, its text at 12).
#[derive(Clone, Copy)]
pub struct Guest {
    pub name: &'static str,
    /// 0 sample, 1 group, 2 batch.
    pub scope: u8,
    pub parts: &'static [&'static str],
    /// Name and default.
    pub params: &'static [(&'static str, &'static str)],
    pub imports: &'static str,
    pub memory: &'static str,
    /// Functions, globals and data beside the standard ones; data may lie from 16384 to 65535.
    pub extra: &'static str,
    pub judge: &'static str,
    /// The number of results, from `$n`, the number of samples.
    pub count: &'static str,
    pub describe: &'static str,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            name: "probe",
            scope: 0,
            parts: &[],
            params: &[],
            imports: "",
            memory: "16",
            extra: "",
            judge: "",
            count: "(local.get $n)",
            describe: "",
        }
    }
}

/// Imports and addresses for guests that look at images.
pub const IMAGE_IMPORTS: &str = r#"
    (import "rlhost:plugin/types@0.1.0" "[method]image.width" (func $width (param i32) (result i32)))
    (import "rlhost:plugin/types@0.1.0" "[method]image.height" (func $height (param i32) (result i32)))
    (import "rlhost:plugin/types@0.1.0" "[method]image.rgb" (func $rgb (param i32 i32)))"#;

impl Guest {
    /// A guest with this body of `$judge`.
    pub fn judging(judge: &'static str) -> Self {
        Self {
            judge,
            ..Self::default()
        }
    }

    /// The core module's text.
    pub fn wat(&self) -> String {
        let mut data = Data::new(256);
        let name = data.string(self.name);
        let version = data.string("0.0.1");
        let doc = data.string("A guest of the tests.");
        let parts: Vec<_> = self.parts.iter().map(|part| data.string(part)).collect();
        let parts = data.words(parts.iter().flatten());
        let mut params = Vec::new();
        for (name, default) in self.params {
            params.extend([
                data.string(name),
                data.string("A parameter."),
                data.string(default),
            ]);
        }
        let params = data.words(params.iter().flatten());
        let info = [
            name,
            version,
            doc,
            [self.scope.into(), parts],
            [self.parts.len() as u32, params],
            [self.params.len() as u32, 0],
        ];
        let info = data.words(info.iter().flatten());
        let bytes: Vec<_> = data.bytes.iter().map(|b| format!("\\{b:02x}")).collect();
        let bytes = bytes.concat();
        format!(
            r#"(module
    {imports}
    (memory (export "memory") {memory})
    (data (i32.const 256) "{bytes}")
    (global $heap (mut i32) (i32.const 65536))
    (func $alloc (param $size i32) (param $align i32) (result i32) (local $at i32)
        (local.set $at (i32.and
            (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $align))))
        (global.set $heap (i32.add (local.get $at) (local.get $size)))
        (local.get $at))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (call $alloc (local.get 3) (local.get 2)))
    {extra}
    (func $judge (param $sample i32) (param $out i32)
        {judge})
    (func (export "rlhost:plugin/reward@0.1.0#describe") (result i32)
        {describe}
        (i32.const {info}))
    (func (export "rlhost:plugin/reward@0.1.0#score") (param $p i32) (param $n i32) (result i32)
        (local $i i32) (local $list i32) (local $ret i32)
        (local.set $list (call $alloc (i32.mul (i32.add (local.get $n) (i32.const 1)) (i32.const 32)) (i32.const 8)))
        (block $done (loop $next
            (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
            (call $judge
                (i32.add (local.get $p) (i32.mul (local.get $i) (i32.const 76)))
                (i32.add (local.get $list) (i32.mul (local.get $i) (i32.const 32))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $next)))
        (local.set $ret (call $alloc (i32.const 8) (i32.const 4)))
        (i32.store (local.get $ret) (local.get $list))
        (i32.store offset=4 (local.get $ret) {count})
        (local.get $ret)))"#,
            imports = self.imports,
            memory = self.memory,
            extra = self.extra,
            judge = self.judge,
            describe = self.describe,
            count = self.count,
        )
    }

    /// The component.
    pub fn component(&self) -> Vec<u8> {
        component(&self.wat(), WIT)
    }

    /// The component, loaded by the tests' host.
    pub fn load(&self) -> Plugin {
        self.load_into(&HOST)
    }

    /// The component, loaded by another host.
    pub fn load_into(&self, host: &Host) -> Plugin {
        host.load(&Folder::new().file("guest.wasm", &self.component()))
            .unwrap()
    }

    /// The guest as a scorer under the default limits.
    pub fn scorer(&self) -> Scorer {
        self.limited(Limits::default())
    }

    /// The guest as a scorer.
    pub fn limited(&self, limits: Limits) -> Scorer {
        Scorer::new(&self.load(), &Map::new(), limits).unwrap()
    }

    /// What it says about one plain sample.
    pub fn score_one(&self) -> Scored {
        score_one(&self.scorer(), Sample::single("a response", "1"))
    }
}

/// What a scorer says about one sample.
pub fn score_one(scorer: &Scorer, sample: Sample) -> Scored {
    let mut scored = scorer.score(&[sample]);
    assert_eq!(scored.len(), 1);
    scored.remove(0)
}

/// Wraps a core module's text as a component of the world of `wit`.
pub fn component(wat: &str, wit: &str) -> Vec<u8> {
    encoder(wat, wit).encode().unwrap()
}

/// Wraps a core module that imports what an adapter makes of the component's imports.
pub fn adapted(wat: &str, name: &str, adapter: &[u8]) -> Vec<u8> {
    encoder(wat, WIT)
        .adapter(name, adapter)
        .unwrap()
        .encode()
        .unwrap()
}

fn encoder(wat: &str, wit: &str) -> ComponentEncoder {
    let mut module = wat::parse_str(wat).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("plugin.wit", wit).unwrap();
    // Packages of one world need no name.
    let name = wit
        .contains("world reward-plugin")
        .then_some("reward-plugin");
    let world = resolve.select_world(&[package], name).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().validate(true);
    encoder.module(&module).unwrap()
}

/// The host that most tests share: two threads, no cache.
pub static HOST: LazyLock<Host> =
    LazyLock::new(|| Host::builder().threads(2).cache(None).build().unwrap());

/// A folder for a test's files.
pub struct Folder(pub TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file. The folder stays until the value is dropped.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Static data of a guest.
struct Data {
    start: usize,
    bytes: Vec<u8>,
}

impl Data {
    fn new(start: usize) -> Self {
        Self {
            start,
            bytes: Vec::new(),
        }
    }

    fn here(&self) -> u32 {
        (self.start + self.bytes.len()) as u32
    }

    /// Pointer and length.
    fn string(&mut self, text: &str) -> [u32; 2] {
        let at = self.here();
        self.bytes.extend(text.as_bytes());
        [at, text.len() as u32]
    }

    fn words<'a>(&mut self, words: impl IntoIterator<Item = &'a u32>) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let at = self.here();
        self.bytes
            .extend(words.into_iter().flat_map(|w| w.to_le_bytes()));
        at
    }
}
