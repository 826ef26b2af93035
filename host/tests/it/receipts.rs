//! Receipts and records. The expected digests were computed apart from this crate, with Python's hashlib,
//! by the recipe in the docs of `rlhost_host::receipt`:
//!
//! ```python
//! import hashlib, struct
//! u = lambda n: struct.pack("<I", n)
//! l = lambda n: struct.pack("<Q", n)
//! s = lambda t: l(len(t.encode())) + t.encode()
//! full = u(0)
//! full += l(2) + s("system") + l(0) + s("user") + l(2) + b"\1" + u(0) + b"\0" + s("What is the sum?")
//! full += l(1) + s("schön") + b"\2" + u(5)
//! full += s('{"value": 1.10}') + s("digits") + s("sum") + s("integer") + s('{"row":3}') + s('{"strict":true}')
//! full += l(1) + u(2) + u(1) + hashlib.sha256(bytes([1, 2, 3, 4, 5, 6])).digest()
//! plain = u(0) + l(0) + l(0) + s("null") + s("") * 3 + s("{}") + s("{}") + l(0)
//! digest = hashlib.sha256(plain).digest()
//! print(hashlib.sha256(full).hexdigest(), digest.hex(), hashlib.sha256(digest + digest).hexdigest())
//! print(hashlib.sha256(b'{"strict":true}').hexdigest())
//! ```

use rlhost_host::{
    ContentPart, Digest, FinishReason, Image, Limits, Message, Outcome, Record, Reward, RewardSet,
    Sample, Scorer, Turn,
};
use serde_json::json;

use crate::guest::{Folder, Guest, HOST, score_one};

const FULL: &str = "sha256:a3aaf0e4f65ba1e5696353e89551c098f3c82e1436179e4bbf69585f6d3424ce";
const PLAIN: &str = "sha256:c7d1ad353442ab67aa927247e7adbe31fefae277867e8b9bbd50079672f131c4";
const TWO_PLAIN: &str = "sha256:9149d9c3a632f427d6422ac65bbb8c628b4f663ca49ac80cec22d9cd4bca4c0b";
const STRICT: &str = "sha256:f73b69e6270cf767e0d8a99e2a78c8a3d5b241d8ad0bf4c8ba8f5626fcafc9c2";

#[test]
fn digests_are_those_of_the_recipe() {
    let message = |role: &str, content| Message {
        role: role.into(),
        content,
    };
    let sample = Sample {
        // Plugins of scope `sample` see group 0, whatever the sample's own.
        group: 12,
        prompt: vec![
            message("system", vec![]),
            message(
                "user",
                vec![
                    ContentPart::Image(0),
                    ContentPart::Text("What is the sum?".into()),
                ],
            ),
        ],
        response: vec![Turn {
            text: "schön".into(),
            finish_reason: FinishReason::Cut,
            tokens: 5,
        }],
        answer: r#"{"value": 1.10}"#.into(),
        data_source: "digits".into(),
        problem_type: "sum".into(),
        answer_type: "integer".into(),
        columns: r#"{"row":3}"#.into(),
        images: vec![Image::from_rgb(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap()],
    };
    let guest = Guest {
        params: &[("strict", "false")],
        ..Guest::default()
    };
    let bytes = guest.component();
    let plugin = HOST
        .load(&Folder::new().file("guest.wasm", &bytes))
        .unwrap();
    let params = json!({"strict": true});
    let scorer = Scorer::new(&plugin, params.as_object().unwrap(), Limits::default()).unwrap();
    let receipt = score_one(&scorer, sample).receipt;
    assert_eq!(receipt.input.to_string(), FULL);
    assert_eq!(receipt.params.to_string(), STRICT);
    assert_eq!(receipt.component, Digest::of(&bytes));
    assert_eq!(receipt.call, None);
    let arch = std::env::consts::ARCH;
    let limits = "wasi=1,costs=1,fuel=1000000000,memory=67108864,output=1048576,host_call_bytes=268435456,table_elements=65536,instances=64,stack=8388608";
    assert!(
        receipt.engine.starts_with("wasmtime-48."),
        "{}",
        receipt.engine
    );
    assert!(
        receipt.engine.ends_with(&format!("/{arch}/{limits}")),
        "{}",
        receipt.engine
    );
}

#[test]
fn a_call_over_several_samples_has_a_digest_of_its_own() {
    let guest = Guest {
        scope: 1,
        ..Guest::default()
    };
    for scored in guest
        .scorer()
        .score(&[Sample::default(), Sample::default()])
    {
        assert_eq!(scored.receipt.input.to_string(), PLAIN);
        assert_eq!(scored.receipt.call.unwrap().to_string(), TWO_PLAIN);
    }
}

#[test]
fn a_record_is_the_same_bytes_again() {
    // 0.1 + 0.2 has no short decimal form.
    let guest = Guest::judging(
        "(f64.store offset=8 (local.get $out) (f64.add (f64.const 0.1) (f64.const 0.2)))",
    );
    let set = RewardSet::new([Reward::new("math", guest.scorer())]).unwrap();
    let judgement = set.score(&[Sample::default()]).unwrap().remove(0);
    let record = Record::new(3, 1, 2, judgement);
    let text = serde_json::to_string(&record).unwrap();
    let digest = record.judgement.rewards[0].digest;
    let fuel = record.judgement.rewards[0].fuel;
    let engine = &record.judgement.rewards[0].receipt.engine;
    let params = Digest::of(b"{}");
    assert_eq!(
        text,
        format!(
            "{{\"v\":1,\"index\":3,\"draw\":1,\"sample\":2,\"outcome\":\"score\",\
            \"score\":0.30000000000000004,\"parts\":{{}},\"steps\":[],\"rewards\":[{{\"name\":\"math\",\
            \"digest\":\"{digest}\",\"outcome\":\"score\",\"total\":0.30000000000000004,\"parts\":{{}},\
            \"fuel\":{fuel},\"message\":null,\"receipt\":{{\"component\":\"{digest}\",\"input\":\"{PLAIN}\",\
            \"params\":\"{params}\",\"engine\":\"{engine}\",\"fuel\":{fuel},\"outcome\":\"score\"}}}}]}}"
        )
    );
    let back: Record = serde_json::from_str(&text).unwrap();
    assert_eq!(back, record);
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
}

#[test]
fn a_record_without_a_score_reads_back_too() {
    let set =
        RewardSet::new([Reward::new("bad", Guest::judging("(unreachable)").scorer())]).unwrap();
    let record = Record::new(0, 0, 0, set.score(&[Sample::default()]).unwrap().remove(0));
    assert_eq!(record.judgement.outcome, Outcome::Trap);
    let text = serde_json::to_string(&record).unwrap();
    assert!(
        text.contains("\"outcome\":\"trap\",\"score\":null"),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
}
