//! Random numbers that are the same in every instance.

use wasmtime::component::LinkerInstance;

use crate::guest::{GuestState, charge};

/// The generator `SplitMix64` from a fixed seed (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
#[derive(Default)]
pub(crate) struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count.next_multiple_of(8));
        while bytes.len() < count {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

/// `wasi:random/random`
pub(super) fn secure(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    functions(instance, "get-random-bytes", "get-random-u64")
}

/// `wasi:random/insecure`
pub(super) fn insecure(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    functions(
        instance,
        "get-insecure-random-bytes",
        "get-insecure-random-u64",
    )
}

fn functions(
    instance: &mut LinkerInstance<'_, GuestState>,
    bytes: &str,
    word: &str,
) -> wasmtime::Result<()> {
    instance.func_wrap(bytes, |mut store, (count,): (u64,)| {
        // Paid for before anything is allocated.
        charge(&mut store, count)?;
        let count = usize::try_from(count)?;
        Ok((store.data_mut().wasi.random.bytes(count),))
    })?;
    instance.func_wrap(word, |mut store, (): ()| {
        charge(&mut store, 8)?;
        Ok((store.data_mut().wasi.random.next(),))
    })
}

/// `wasi:random/insecure-seed`
pub(super) fn seed(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap("insecure-seed", |mut store, (): ()| {
        charge(&mut store, 16)?;
        let random = &mut store.data_mut().wasi.random;
        Ok(((random.next(), random.next()),))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_splitmix64_from_zero() {
        // The first outputs of the reference implementation (Vigna, splitmix64.c) for seed 0.
        let mut sequence = Sequence::default();
        assert_eq!(sequence.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(sequence.next(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(Sequence::default().bytes(3), [0xaf, 0xcd, 0x1d]);
    }
}
