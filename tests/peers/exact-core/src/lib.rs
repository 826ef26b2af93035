//! The reward of `tests/guests/exact` as a core module: with bare functions for hosts that copy bytes
//! themselves, and with Extism's calling convention.
//!
//! The input is the response, a zero byte, and the reference answer as plain text.

/// Exact match between the last pair of answer tags and the reference answer; NaN where there is no answer.
#[cfg(any(target_arch = "wasm32", test))]
fn judge(input: &[u8]) -> f64 {
    let Some((response, answer)) = std::str::from_utf8(input)
        .ok()
        .and_then(|text| text.split_once('\0'))
    else {
        return f64::NAN;
    };
    let given = response
        .rsplit_once("<answer>")
        .and_then(|(_, after)| after.split_once("</answer>"))
        .map(|(given, _)| given.trim());
    f64::from(u8::from(given == Some(answer.trim())))
}

/// Bare functions: the host asks for room, writes the input there, and calls `bare_judge`.
#[cfg(target_arch = "wasm32")]
mod bare {
    /// Room for `length` bytes of input.
    #[unsafe(no_mangle)]
    extern "C" fn bare_alloc(length: usize) -> *mut u8 {
        Box::into_raw(vec![0u8; length].into_boxed_slice()).cast()
    }

    /// Judges the input that the host wrote to `input`, which it got from `bare_alloc`, and frees it.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bare_judge(input: *mut u8, length: usize) -> f64 {
        let input = std::ptr::slice_from_raw_parts_mut(input, length);
        // SAFETY: the host passes what `bare_alloc` gave out, with the same length, once.
        super::judge(&unsafe { Box::from_raw(input) })
    }
}

/// Extism's calling convention: input and output lie in a memory of the host's.
#[cfg(target_arch = "wasm32")]
mod extism {
    #[link(wasm_import_module = "extism:host/env")]
    unsafe extern "C" {
        safe fn input_length() -> u64;
        safe fn input_load_u8(offset: u64) -> u32;
        safe fn input_load_u64(offset: u64) -> u64;
        safe fn alloc(length: u64) -> u64;
        safe fn store_u64(offset: u64, value: u64);
        safe fn output_set(offset: u64, length: u64);
    }

    /// Judges the input; the output is the score as a little-endian `f64`.
    #[unsafe(no_mangle)]
    extern "C" fn score() -> i32 {
        let length = input_length();
        let mut input = Vec::with_capacity(length as usize + 8);
        let words = length / 8;
        for word in 0..words {
            input.extend_from_slice(&input_load_u64(8 * word).to_le_bytes());
        }
        for byte in 8 * words..length {
            input.push(input_load_u8(byte) as u8);
        }
        let output = alloc(8);
        store_u64(output, super::judge(&input).to_bits());
        output_set(output, 8);
        0
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn the_last_answer_counts() {
        for (input, total) in [
            ("<think>3+9</think><answer>12</answer>\x0012", 1.0),
            ("<answer>12</answer><answer> 11\n</answer>\x0011", 1.0),
            ("<answer>12</answer><answer>11</answer>\x0012", 0.0),
            ("<answer>12\x0012", 0.0),
            ("12\x0012", 0.0),
        ] {
            assert_eq!(
                judge(input.as_bytes()).to_bits(),
                f64::to_bits(total),
                "{input}"
            );
        }
        assert!(judge(b"no answer").is_nan());
    }
}
