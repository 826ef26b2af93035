//! The allocator of a guest: a static arena first, growing memory behind it.
//!
//! Every sample is scored in a fresh instance. With the allocator of the standard library the first
//! allocation calls `memory.grow`, and on the host that changes the process's memory map: threads
//! that score in parallel wait for each other there. Most plugins never need more than the arena,
//! which is part of the memory image already, so they never grow.
//!
//! Bookkeeping is dlmalloc's, the same that the standard library uses: all memory, the arena
//! included, can be freed and used again.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};

use dlmalloc::{Allocator, Dlmalloc};

/// Size of the static arena in bytes.
const ARENA_BYTES: usize = 128 * 1024;

/// Unit of growth: a page of WebAssembly memory.
const PAGE_BYTES: usize = 64 * 1024;

#[cfg(target_arch = "wasm32")]
mod installed {
    use super::{ARENA_BYTES, ArenaAllocator, UnsafeCell};

    #[global_allocator]
    static ALLOCATOR: ArenaAllocator = ArenaAllocator::over(ARENA.0.get().cast());

    /// Aligned as dlmalloc aligns its blocks.
    #[repr(C, align(16))]
    struct Arena(UnsafeCell<[u8; ARENA_BYTES]>);

    // SAFETY: the bytes are only reached through `ALLOCATOR`.
    unsafe impl Sync for Arena {}

    static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_BYTES]));
}

/// Where dlmalloc gets its memory from: the arena once, then the system.
struct ArenaThenGrow {
    arena: Cell<Option<*mut u8>>,
}

// SAFETY: the pointer is to memory that nothing else refers to.
unsafe impl Send for ArenaThenGrow {}

// SAFETY: `alloc` returns memory that nothing else uses, of the size it says: the arena is given out
// once, and `grow` never returns the same memory twice. Nothing is ever given back or moved.
unsafe impl Allocator for ArenaThenGrow {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if size <= ARENA_BYTES
            && let Some(arena) = self.arena.take()
        {
            return (arena, ARENA_BYTES, 0);
        }
        let Some(size) = size.checked_next_multiple_of(PAGE_BYTES) else {
            return (std::ptr::null_mut(), 0, 0);
        };
        (grow(size), size, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        std::ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE_BYTES
    }
}

/// `size` bytes (a multiple of a page) of fresh, zeroed memory; null where there is none.
#[cfg(target_arch = "wasm32")]
fn grow(size: usize) -> *mut u8 {
    match std::arch::wasm32::memory_grow(0, size / PAGE_BYTES) {
        usize::MAX => std::ptr::null_mut(),
        // The end of a 4 GiB memory would wrap around to address 0, so that page stays unused.
        page if page * PAGE_BYTES + (size - 1) == usize::MAX => std::ptr::null_mut(),
        page => (page * PAGE_BYTES) as *mut u8,
    }
}

/// `size` bytes of fresh, zeroed memory for tests on the host.
#[cfg(not(target_arch = "wasm32"))]
fn grow(size: usize) -> *mut u8 {
    match Layout::from_size_align(size, PAGE_BYTES) {
        // SAFETY: `size` is at least a page, so the layout is not empty.
        Ok(layout) if size > 0 => unsafe { std::alloc::System.alloc_zeroed(layout) },
        _ => std::ptr::null_mut(),
    }
}

/// The allocator that this crate installs in every guest. For a single thread only.
struct ArenaAllocator {
    inner: UnsafeCell<Dlmalloc<ArenaThenGrow>>,
}

// SAFETY: it is only shared in a guest, and guests have one thread.
unsafe impl Sync for ArenaAllocator {}

impl ArenaAllocator {
    /// Over `ARENA_BYTES` zeroed bytes that nothing else refers to.
    const fn over(arena: *mut u8) -> Self {
        Self {
            inner: UnsafeCell::new(Dlmalloc::new_with_allocator(ArenaThenGrow {
                arena: Cell::new(Some(arena)),
            })),
        }
    }
}

// SAFETY: dlmalloc meets the contract of `GlobalAlloc`; there is one thread, and dlmalloc never calls
// back into the allocator, so the exclusive reference is the only one while it lives.
unsafe impl GlobalAlloc for ArenaAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for the whole implementation; the caller keeps the contract of `layout`.
        unsafe { (*self.inner.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.inner.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; `pointer` came from this allocator with this layout.
        unsafe { (*self.inner.get()).free(pointer, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above; `pointer` came from this allocator with this layout.
        unsafe { (*self.inner.get()).realloc(pointer, layout.size(), layout.align(), new_size) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// An allocator over an arena of its own, which is never freed.
    fn fresh() -> (ArenaAllocator, std::ops::Range<usize>) {
        let arena = grow(ARENA_BYTES);
        let start = arena as usize;
        (ArenaAllocator::over(arena), start..start + ARENA_BYTES)
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn small_blocks_come_from_the_arena_and_later_ones_from_growth() {
        let (allocator, arena) = fresh();
        let mut inside = 0;
        for _ in 0..64 {
            // SAFETY: the layout is not empty.
            let pointer = unsafe { allocator.alloc(layout(4096)) };
            assert!(!pointer.is_null());
            inside += usize::from(arena.contains(&(pointer as usize)));
        }
        assert!((96 * 1024 / 4096..64).contains(&inside), "{inside}");
    }

    #[test]
    fn a_block_larger_than_the_arena_leaves_it_for_small_ones() {
        let (allocator, arena) = fresh();
        // SAFETY: the layouts are not empty.
        let (large, small) = unsafe {
            (
                allocator.alloc(layout(4 * ARENA_BYTES)),
                allocator.alloc(layout(PAGE_BYTES)),
            )
        };
        assert!(!large.is_null() && !arena.contains(&(large as usize)));
        assert!(arena.contains(&(small as usize)));
    }

    #[test]
    fn freed_memory_of_the_arena_is_used_again() {
        let (allocator, arena) = fresh();
        for _ in 0..10_000 {
            // SAFETY: the layout is not empty, and the pointer came from the same allocator.
            unsafe {
                let pointer = allocator.alloc(layout(40_000));
                assert!(arena.contains(&(pointer as usize)));
                allocator.dealloc(pointer, layout(40_000));
            }
        }
    }

    /// Random traffic against a model: blocks don't overlap, keep their bytes and their alignment.
    #[test]
    fn random_traffic_keeps_every_block_intact() {
        let (allocator, _) = fresh();
        let mut state = 1_u64;
        let mut random = move |bound: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        let mut blocks: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let intact = |&(pointer, layout, byte): &(*mut u8, Layout, u8), length: usize| {
            // SAFETY: the block is live and has at least `length` bytes.
            let bytes = unsafe { std::slice::from_raw_parts(pointer, length) };
            assert!(bytes.iter().all(|&found| found == byte));
            assert_eq!(pointer as usize % layout.align(), 0);
        };
        for round in 0..20_000_u64 {
            let byte = round as u8;
            let most = if random(20) == 0 { 30_000 } else { 200 };
            let size = 1 + random(most) as usize;
            match random(3) {
                0 if !blocks.is_empty() => {
                    let block = blocks.swap_remove(random(blocks.len() as u64) as usize);
                    intact(&block, block.1.size());
                    // SAFETY: the block is live and leaves the list.
                    unsafe { allocator.dealloc(block.0, block.1) };
                }
                1 if !blocks.is_empty() => {
                    let at = random(blocks.len() as u64) as usize;
                    let (pointer, old, kept) = blocks[at];
                    // SAFETY: the block is live; its entry is replaced below.
                    let moved = unsafe { allocator.realloc(pointer, old, size) };
                    let new = Layout::from_size_align(size, old.align()).unwrap();
                    intact(&(moved, new, kept), size.min(old.size()));
                    // SAFETY: the block has `size` bytes now.
                    unsafe { moved.write_bytes(byte, size) };
                    blocks[at] = (moved, new, byte);
                }
                _ => {
                    let layout = Layout::from_size_align(size, 1 << random(8)).unwrap();
                    // SAFETY: the layout is not empty.
                    let pointer = unsafe { allocator.alloc_zeroed(layout) };
                    intact(&(pointer, layout, 0), size);
                    // SAFETY: the block has `size` bytes.
                    unsafe { pointer.write_bytes(byte, size) };
                    blocks.push((pointer, layout, byte));
                }
            }
        }
        let mut spans: Vec<_> = blocks
            .iter()
            .map(|(pointer, layout, _)| (*pointer as usize, layout.size()))
            .collect();
        spans.sort_unstable();
        assert!(
            spans
                .windows(2)
                .all(|pair| pair[0].0 + pair[0].1 <= pair[1].0)
        );
        for block in &blocks {
            intact(block, block.1.size());
        }
    }
}
