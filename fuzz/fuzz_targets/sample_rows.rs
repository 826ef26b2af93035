#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rlhost_fuzz::sample_rows(data));
