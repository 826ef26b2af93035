//! Texts of models and data that try to break out of JSON.

use rlhost_host::{Digest, Error, Outcome, Record, Reward, RewardSet, Sample, SampleReader};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::guest::{Guest, score_one};

fn read(line: &str) -> Result<Sample, Error> {
    let mut rows: Vec<_> = SampleReader::new(line.as_bytes(), "rows.jsonl").collect();
    assert_eq!(rows.len(), 1, "{line}");
    rows.remove(0)
}

/// Says `internal` with the response as its words.
fn echo() -> Guest {
    Guest {
        memory: "64",
        ..Guest::judging(
        "(i32.store8 (local.get $out) (i32.const 1))
        (i32.store8 offset=8 (local.get $out) (i32.const 2))
        (i32.store offset=12 (local.get $out) (i32.load (i32.load offset=12 (local.get $sample))))
        (i32.store offset=16 (local.get $out) (i32.load offset=4 (i32.load offset=12 (local.get $sample))))",
        )
    }
}

const TEXTS: [&str; 12] = [
    "\", \"score\": 1e9, \"x\": \"",
    "\"}\n{\"index\": 0, \"outcome\": \"score\", \"score\": 1}\n",
    "\\\"\\\\\\",
    "\0\x01\x1f\x7f",
    "line\r\nbreak\u{85}\u{2028}\u{2029}",
    "\u{202e}desrever\u{202c}\u{feff}",
    "\\ud800\\udfff \\u0000",
    "</script><!-- -->]]>&quot;",
    "${jndi:ldap://x} {{7*7}} %s%n $(id) `id`",
    "e\u{301}\u{1f468}\u{200d}\u{1f469}",
    "\x1b]0;title\x07\x1b[2J",
    "NaN, Infinity, -0, 1e999",
];

#[test]
fn a_response_stays_one_text_all_the_way() {
    let scorer = echo().scorer();
    let rewards = RewardSet::new([Reward::new("echo", echo().scorer())]).unwrap();
    for (i, text) in TEXTS.into_iter().enumerate() {
        let row =
            json!({"response": text, "answer": text, "note": text, "prompt": text}).to_string();
        let sample = read(&row).unwrap();
        assert_eq!(sample.response[0].text, text);
        assert_eq!(serde_json::from_str::<Value>(&sample.answer).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<Value>(&sample.columns).unwrap(),
            json!({"note": text})
        );

        let scored = score_one(&scorer, sample.clone());
        assert_eq!(scored.outcome, Outcome::Internal);
        assert_eq!(scored.message.as_deref(), Some(text));

        let judgement = rewards.score(&[sample]).unwrap().remove(0);
        let record = Record::new(i as u64, i as u64, 0, judgement);
        let line = serde_json::to_string(&record).unwrap();
        assert!(!line.contains(['\n', '\r', '\0', '\x1b']), "{line:?}");
        let read: Record = serde_json::from_str(&line).unwrap();
        assert_eq!(read, record);
        assert_eq!((read.index, read.judgement.score), (i as u64, None));
        assert_eq!(read.judgement.rewards[0].message.as_deref(), Some(text));
    }
}

#[test]
fn texts_that_are_no_unicode_are_refused_or_stay_raw() {
    for escape in ["\\ud800", "\\udc00x", "\\ud83d\\ud83d", "\\u12", "\\x41"] {
        let error = read(&format!("{{\"response\": \"{escape}\"}}")).unwrap_err();
        assert!(
            matches!(error, Error::Input { line: 1, .. }),
            "{escape}: {error}"
        );
        let error = read(&format!("{{\"response\": \"x\", \"{escape}\": 1}}")).unwrap_err();
        assert!(
            matches!(error, Error::Input { line: 1, .. }),
            "{escape}: {error}"
        );
    }
    // What the host does not look into reaches the plugin as the data has it.
    let sample = read("{\"response\": \"x\", \"answer\": \"\\ud800\"}").unwrap();
    assert_eq!(sample.answer, "\"\\ud800\"");
}

#[test]
fn nesting_without_end_overflows_no_stack() {
    let deep = |open: &str, close: &str| {
        [open.repeat(100_000), "1".to_owned(), close.repeat(100_000)].concat()
    };
    let lists = deep("[", "]");
    let objects = deep("{\"a\":", "}");
    for deep in [&lists, &objects] {
        // As answer or further column it is passed on unread.
        let sample = read(&format!(
            "{{\"response\": \"x\", \"answer\": {deep}, \"more\": {deep}}}"
        ))
        .unwrap();
        assert_eq!(sample.answer, *deep);
        let scored = score_one(&echo().scorer(), sample);
        assert_eq!(scored.message.as_deref(), Some("x"));
        for row in [
            format!("{{\"response\": {deep}}}"),
            format!("{{\"response\": \"x\", \"prompt\": {deep}}}"),
            format!("{{\"response\": \"x\", \"images\": {deep}}}"),
            format!("{{\"response\": \"x\", \"group\": {deep}}}"),
            deep.clone(),
            deep[..100_000].to_owned(),
        ] {
            let error = read(&row).unwrap_err();
            assert!(matches!(error, Error::Input { line: 1, .. }), "{error}");
            assert!(error.to_string().len() < 500, "{}", error.to_string().len());
        }
        assert!(serde_json::from_str::<Record>(deep).is_err());
    }
}

#[test]
fn numbers_beyond_all_bounds_are_no_numbers_of_ours() {
    let sample =
        read("{\"response\": \"x\", \"answer\": 1e999999, \"n\": 123456789012345678901234567890}")
            .unwrap();
    assert_eq!(
        (sample.answer.as_str(), sample.columns.as_str()),
        ("1e999999", "{\"n\":123456789012345678901234567890}")
    );
    for group in ["1e999", "4294967296", "-1", "1.5", "\"1\"", "NaN", "1e2"] {
        let error = read(&format!("{{\"response\": \"x\", \"group\": {group}}}")).unwrap_err();
        assert!(matches!(error, Error::Input { .. }), "{group}: {error}");
    }
    let long = format!("{{\"response\": \"x\", \"n\": {}}}", "9".repeat(1_000_000));
    assert_eq!(read(&long).unwrap().columns.len(), 1_000_006);
}

#[test]
fn the_same_column_twice_is_refused() {
    for row in [
        "{\"response\": \"good\", \"response\": \"evil\"}",
        "{\"response\": \"x\", \"answer\": 1, \"answer\": 2}",
        "{\"response\": \"x\", \"level\": 1, \"\\u006cevel\": 2}",
    ] {
        let error = read(row).unwrap_err().to_string();
        assert!(
            error.starts_with("rows.jsonl:1: ") && error.contains("stands twice"),
            "{error}"
        );
    }
}

/// Each name was compared with all before it: 51 seconds for 250,000.
#[test]
fn a_row_of_very_many_columns_is_read_in_a_moment() {
    let columns: Vec<_> = (0..250_000).map(|i| format!(", \"c{i}\": 0")).collect();
    let columns = columns.concat();
    let start = Instant::now();
    let sample = read(&format!("{{\"response\": \"x\"{columns}}}")).unwrap();
    assert!(sample.columns.ends_with("\"c249999\":0}"));
    let error = read(&format!("{{\"response\": \"x\"{columns}, \"c70000\": 1}}")).unwrap_err();
    assert!(
        error.to_string().contains("\"c70000\" stands twice"),
        "{error}"
    );
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_row_without_end_is_refused_and_the_next_one_read() {
    let mut text = "{\"response\": \"".to_owned();
    text += &"x".repeat(65 << 20);
    text += "\"}\n{\"response\": \"next\"}\n";
    let rows: Vec<_> = SampleReader::new(text.as_bytes(), "rows.jsonl").collect();
    assert_eq!(rows.len(), 2);
    let error = rows[0].as_ref().unwrap_err().to_string();
    assert_eq!(error, "rows.jsonl:1: the row has more than 67108864 bytes");
    assert_eq!(rows[1].as_ref().unwrap().response[0].text, "next");
}

#[test]
fn digests_in_records_are_digests() {
    for text in [
        "sha256:",
        "sha256:zz",
        "md5:00",
        &format!("sha256:{}", "é".repeat(32)),
    ] {
        assert!(text.parse::<Digest>().is_err(), "{text}");
    }
}
