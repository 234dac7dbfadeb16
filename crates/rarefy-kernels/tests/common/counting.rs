//! An allocator that counts: allocations, bytes that are taken, and the most that ever were.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator with counters of all threads.
pub(crate) struct Counting {
    allocations: AtomicUsize,
    taken: AtomicUsize,
    most: AtomicUsize,
}

impl Counting {
    /// All counters at zero.
    pub(crate) const fn new() -> Self {
        Self { allocations: AtomicUsize::new(0), taken: AtomicUsize::new(0), most: AtomicUsize::new(0) }
    }

    /// Allocations so far.
    pub(crate) fn allocations(&self) -> usize {
        self.allocations.load(Ordering::SeqCst)
    }

    /// Bytes that `work` had taken at its worst beyond those taken before; what it returns counts.
    pub(crate) fn peak_of<R>(&self, work: impl FnOnce() -> R) -> (R, usize) {
        let before = self.taken.load(Ordering::SeqCst);
        self.most.store(before, Ordering::SeqCst);
        let result = work();
        (result, self.most.load(Ordering::SeqCst) - before)
    }

    fn count(&self, bytes: usize) {
        self.allocations.fetch_add(1, Ordering::SeqCst);
        let taken = self.taken.fetch_add(bytes, Ordering::SeqCst) + bytes;
        self.most.fetch_max(taken, Ordering::SeqCst);
    }
}

// SAFETY: every call goes on to the system's allocator unchanged. Growing in place is left to the default, which allocates,
// copies and frees through the methods below.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size());
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size());
        // SAFETY: passed on from the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.taken.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}
