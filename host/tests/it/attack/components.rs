//! Malformed and truncated components.

use std::collections::BTreeSet;

use rlhost_host::Error;

use super::load;
use crate::guest::Guest;

/// Where the sections of a component start, those of its core modules and inner components too.
fn boundaries(bytes: &[u8], start: usize, ends: &mut BTreeSet<usize>) {
    let mut at = start + 8;
    while at < bytes.len() {
        ends.insert(at);
        let id = bytes[at];
        let (mut size, mut shift, mut body) = (0, 0, at + 1);
        loop {
            let byte = bytes[body];
            body += 1;
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        // Section 1 of a component is a core module, section 4 a component.
        let component = bytes[start + 4] == 0x0d;
        if component && matches!(id, 1 | 4) {
            boundaries(&bytes[..body + size], body, ends);
        }
        at = body + size;
    }
    ends.insert(at);
}

#[test]
fn a_component_cut_anywhere_is_refused() {
    let bytes = Guest::default().component();
    let mut ends = BTreeSet::new();
    boundaries(&bytes, 0, &mut ends);
    assert!(ends.contains(&bytes.len()) && ends.len() > 20, "{ends:?}");
    let around: Vec<_> = ends
        .iter()
        .flat_map(|&end| [end - 1, end, end + 1])
        .collect();
    ends.extend(around);
    ends.extend((0..bytes.len()).step_by(37));
    let mut whole = 0;
    for end in ends.into_iter().filter(|&end| end < bytes.len()) {
        match load(&bytes[..end]) {
            // What is left may be a component of another world, or nothing at all.
            Err(Error::Corrupt { .. } | Error::WrongWorld { .. } | Error::NotWasm { .. }) => {}
            Err(other) => panic!("{end}: {other}"),
            // Without the custom sections at its end it is all there still.
            Ok(plugin) => {
                assert_eq!(plugin.info().name, "probe");
                whole += 1;
            }
        }
    }
    assert!(whole <= 2, "{whole}");
}

#[test]
fn more_after_the_end_is_refused() {
    let bytes = Guest::default().component();
    for more in [
        &b"\0"[..],
        b"\xff\xff\xff\xff",
        b"\0asm\x0d\0\x01\0",
        b"\x01\x7f",
    ] {
        let error = load(&[&bytes, more].concat()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{more:?}: {error}");
    }
}

#[test]
fn sizes_that_lie_are_refused() {
    const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
    let inner = |count: usize| {
        (0..count).fold(HEADER.to_vec(), |inner, _| {
            let mut size = inner.len();
            let mut bytes = [HEADER, &[4]].concat();
            while size > 0x7f {
                bytes.push(size as u8 & 0x7f | 0x80);
                size >>= 7;
            }
            bytes.push(size as u8);
            [bytes, inner].concat()
        })
    };
    for (what, bytes) in [
        (
            "a section of 4 GiB",
            [HEADER, b"\x01\xff\xff\xff\xff\x0f"].concat(),
        ),
        (
            "a size without end",
            [HEADER, b"\x01\xff\xff\xff\xff\xff\xff\xff\xff"].concat(),
        ),
        (
            "four billion types",
            [HEADER, b"\x07\x05\xff\xff\xff\xff\x0f"].concat(),
        ),
        (
            "four billion exports",
            [HEADER, b"\x0b\x05\xff\xff\xff\xff\x0f"].concat(),
        ),
        (
            "four billion functions",
            [
                HEADER,
                b"\x01\x0f\0asm\x01\0\0\0\x03\x05\xff\xff\xff\xff\x0f",
            ]
            .concat(),
        ),
        ("components in components", inner(1_000)),
    ] {
        match load(&bytes).unwrap_err() {
            Error::Corrupt { .. } | Error::WrongWorld { .. } => {}
            other => panic!("{what}: {other}"),
        }
    }
}

#[test]
fn types_that_grow_without_bound_are_refused() {
    // Each type holds the one before twice: 2^60 fields if written out.
    let last = 59;
    let types: Vec<_> = (1..=last)
        .map(|i| format!("(type $t{i} (tuple $t{0} $t{0}))", i - 1))
        .collect();
    let text = format!(
        r#"(component (type $t0 (tuple u64 u64)) {}
        (core module $m (memory (export "m") 1) (func (export "f") (param i32))
            (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $f (param "x" $t{last}) (canon lift (core func $i "f") (memory $i "m") (realloc (func $i "r"))))
        (export "f" (func $f)))"#,
        types.concat()
    );
    let bytes = wat::parse_str(&text).unwrap();
    let error = load(&bytes).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn values_that_the_engine_would_move_for_nothing_are_refused() {
    let many = "i32 ".repeat(9);
    let values = "(i32.const 0) ".repeat(9);
    let few = "i32 ".repeat(8);
    let eight = "(i32.const 0) ".repeat(8);
    for (extra, expected) in [
        (format!("(func (result {many}) {values})"), Some("9 values")),
        (
            format!("(func {values} (loop (param {many}) br 0))"),
            Some("a block takes 9 values"),
        ),
        (
            format!(
                "(func {values} (i32.const 1) (if (param {many}) (then unreachable) (else unreachable)))"
            ),
            Some("a block takes 9 values"),
        ),
        // As many parameters as one likes: whoever calls pays for pushing each of them.
        (format!("(func (param {many} {many} {many}))"), None),
        (
            format!("(func (result {few}) unreachable) (func {eight} (loop (param {few}) br 0))"),
            None,
        ),
    ] {
        let guest = Guest {
            extra: extra.clone().leak(),
            ..Guest::default()
        };
        match (load(&guest.component()), expected) {
            (Ok(_), None) => {}
            (Err(Error::Corrupt { message, .. }), Some(expected)) => {
                assert!(
                    message.contains(expected) && message.contains("memory"),
                    "{message}"
                );
            }
            (found, _) => panic!("{extra}: {:?}", found.err()),
        }
    }
}
