//! The allocator of the static binary: dlmalloc behind the standard library's lock.
//!
//! musl's own asks the kernel for memory, and gives it back, piece by piece: a quarter of what a short run costs. dlmalloc's
//! ready-made global allocator takes musl's lock, which is a tenth of a scrape.
#![expect(unsafe_code, reason = "the trait of allocators is unsafe")]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dlmalloc::Dlmalloc;

pub(super) struct Allocator(Mutex<Dlmalloc>);

impl Allocator {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Dlmalloc::new()))
    }

    #[expect(clippy::inline_always, reason = "twice a piece of memory")]
    #[inline(always)]
    fn lock(&self) -> MutexGuard<'_, Dlmalloc> {
        // A thread that panics allocates too; dlmalloc itself does not panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// SAFETY: one thread at a time is with the allocator, which gives each piece out once. The lock itself allocates nothing.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: what the caller promises is what is asked for; so below.
        unsafe { self.lock().malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // SAFETY: see `alloc`.
        unsafe { self.lock().free(piece, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: see `alloc`.
        unsafe { self.lock().calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: see `alloc`.
        unsafe { self.lock().realloc(piece, layout.size(), layout.align(), size) }
    }
}
