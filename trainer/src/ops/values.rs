//! Access to the numbers of a tensor on the CPU, for the fused paths.

use candle_core::{CpuStorage, DType, Layout, Result, Storage, StorageRef, Tensor, bail};
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
