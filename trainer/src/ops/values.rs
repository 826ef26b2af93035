//! Access to the numbers of a tensor on the CPU, for the fused paths.

use candle_core::{CpuStorage, DType, Layout, Result, Storage, StorageRef, Tensor, bail};
use rayon::prelude::*;
use std::ops::{Deref, Range};

/// Whether the fused path applies: f32 on the CPU.
pub(super) fn fused(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// The elements behind a contiguous layout.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("a fused operation was given a tensor that is not contiguous")
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// The elements of a contiguous f32 tensor on the CPU; holds the storage's read lock.
pub(super) struct Values<'a> {
    storage: StorageRef<'a>,
    range: Range<usize>,
}

impl<'a> Values<'a> {
    pub(super) fn new(tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("a fused operation was given a tensor that is not contiguous")
        };
        match &*storage {
            Storage::Cpu(CpuStorage::F32(_)) => {}
            _ => bail!("a fused operation needs f32 on the CPU"),
        }
        Ok(Self {
            storage,
            range: start..end,
        })
    }
}

impl Deref for Values<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            // `new` has checked the kind of storage and the lock keeps it.
            _ => &[],
        }
    }
}

/// Numbers that one task of [`first_not_finite`] looks at.
const CHUNK: usize = 1 << 16;

/// Place and value of the first number of a contiguous f32 tensor on the CPU that is NaN or infinite.
pub(crate) fn first_not_finite(tensor: &Tensor) -> Result<Option<(usize, f32)>> {
    let values = Values::new(tensor)?;
    let values: &[f32] = &values;
    // No early end within a chunk: the loop has no branch and keeps up with the memory.
    let damaged = |chunk: &[f32]| chunk.iter().fold(false, |found, x| found | !x.is_finite());
    let chunk = values.par_chunks(CHUNK).position_first(damaged);
    Ok(chunk.and_then(|chunk| {
        let numbers = values.iter().copied().enumerate().skip(chunk * CHUNK);
        numbers.take(CHUNK).find(|(_, x)| !x.is_finite())
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use candle_core::Device;

    #[test]
    fn the_first_number_that_is_none_is_found() {
        let find = |places: &[(usize, f32)]| {
            let mut values = vec![f32::MAX; 3 * CHUNK + 5];
            for (place, value) in places {
                values[*place] = *value;
            }
            let tensor = Tensor::from_vec(values, 3 * CHUNK + 5, &Device::Cpu).unwrap();
            first_not_finite(&tensor).unwrap()
        };
        assert_eq!(find(&[]), None);
        let last = 3 * CHUNK + 4;
        assert_eq!(
            find(&[(last, f32::NEG_INFINITY)]),
            Some((last, f32::NEG_INFINITY))
        );
        let (place, value) = find(&[(CHUNK + 1, f32::NAN), (CHUNK + 9, f32::INFINITY)]).unwrap();
        assert!(place == CHUNK + 1 && value.is_nan());
    }
}
