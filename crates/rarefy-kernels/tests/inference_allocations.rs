//! Counts allocations of a repeated inference convolution. One test alone in its program: the count is of all threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use rarefy_kernels::{ConvPlan, Epilogue, PackedWeights, conv_inference};
use rarefy_testkit::{NaiveWindow, map_by_hash, random_coords};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_repeated_convolution_allocates_nothing() {
    let coords = random_coords(3000, 2, 14, 7);
    let map = map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1));
    for channels in [(3, 16), (33, 96)] {
        let packed = PackedWeights::new(&vec![0.5_f32; 27 * channels.0 * channels.1], 27, channels).unwrap();
        let plan = ConvPlan::new::<f32>(&map, channels);
        let (x, shift) = (vec![1.0; map.inputs() * channels.0], vec![0.5; channels.1]);
        let residual = vec![1.0; map.outputs() * channels.1];
        let mut out = residual.clone();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            // Inside the pool: handing work over to it from outside goes through a queue that may grow.
            let counted = pool.install(|| {
                let epilogue =
                    Epilogue { scale: Some(&shift), shift: Some(&shift), residual: Some(&residual), slope: Some(0.0) };
                let mut pass = || conv_inference(&plan, &packed, &x, &epilogue, &mut out).unwrap();
                (0..20).for_each(|_| pass());
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                (0..10).for_each(|_| pass());
                ALLOCATIONS.load(Ordering::Relaxed) - before
            });
            assert_eq!(counted, 0, "channels {channels:?}, {threads} threads");
        }
    }
}
