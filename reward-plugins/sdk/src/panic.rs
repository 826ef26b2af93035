//! A panic says why: its message and place become the message of the outcome `trap`.

/// Has panics report themselves to the host, from the first call on.
pub(crate) fn speaks() {
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            std::panic::set_hook(Box::new(|info| {
                let place = info.location().map(ToString::to_string);
                let told = told(place.as_deref(), info.payload_as_str());
                crate::bindings::rlhost::plugin::panic::report(&told);
            }));
        });
    }
}

/// What is said of a panic, within the bounds that the host keeps.
#[cfg(any(target_arch = "wasm32", test))]
fn told(place: Option<&str>, message: Option<&str>) -> String {
    /// Bytes of the message that are said: a longer one would be cut by the host, or be larger than it takes.
    const MOST: usize = 1_800;
    let place = place
        .map(|place| format!(" at {place}"))
        .unwrap_or_default();
    let message = message.unwrap_or("with a value that is no text");
    let kept = &message[..message.floor_char_boundary(MOST.min(message.len()))];
    let more = if kept.len() < message.len() {
        " …"
    } else {
        ""
    };
    format!("panicked{place}: {kept}{more}")
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_panic_is_told_with_its_place() {
        let place = Some("src/lib.rs:7:9");
        assert_eq!(told(place, Some("no")), "panicked at src/lib.rs:7:9: no");
        assert_eq!(told(None, None), "panicked: with a value that is no text");
        let long = told(place, Some(&"é".repeat(5_000)));
        assert!(long.len() < 2_000 && long.ends_with("é …"), "{long}");
    }
}
