//! Counts allocations of repeated inference: one convolution, and a network. One test alone in its program: the count is of
//! all threads.

#[path = "common/counting.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod counting;

use std::sync::Arc;

use counting::Counting;
use rarefy_geometry::{OutputRule, VoxelSet, Window};
use rarefy_kernels::{
    CompiledNetwork, ConvLayer, ConvPlan, Epilogue, NetworkBuilder, PackedWeights, Place, Session, bf16, conv_inference,
};
use rarefy_testkit::{NaiveWindow, map_by_hash, random_coords};

#[global_allocator]
static COUNTING: Counting = Counting::new();

/// Allocations of ten calls of `work` after twenty, with this many threads: the least of some rounds, as a thread that
/// wakes up late, on a busy machine, sets itself up in one of them.
fn counted(threads: usize, mut work: impl FnMut() + Send) -> usize {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    // Inside the pool: handing work over to it from outside goes through a queue that may grow.
    pool.install(|| {
        (0..20).for_each(|_| work());
        let round = |_| {
            let before = COUNTING.allocations();
            (0..10).for_each(|_| work());
            COUNTING.allocations() - before
        };
        (0..5).map(round).min().unwrap()
    })
}

fn one_convolution() {
    let coords = random_coords(3000, 2, 14, 7);
    let map = map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1));
    for channels in [(3, 16), (33, 96)] {
        let packed = PackedWeights::new(&vec![0.5_f32; 27 * channels.0 * channels.1], 27, channels).unwrap();
        let plan = ConvPlan::new::<f32>(&map, channels);
        let (x, shift) = (vec![1.0; map.inputs() * channels.0], vec![0.5; channels.1]);
        let residual = vec![1.0; map.outputs() * channels.1];
        let mut out = residual.clone();
        for threads in [1, 2] {
            let epilogue =
                Epilogue { scale: Some(&shift), shift: Some(&shift), residual: Some(&residual), slope: Some(0.0) };
            let count = counted(threads, || conv_inference(&plan, &packed, &x, &epilogue, &mut out).unwrap());
            assert_eq!(count, 0, "channels {channels:?}, {threads} threads");
        }
    }
}

/// Two levels with a residual sum and a concatenation.
fn network() -> CompiledNetwork<f32> {
    let layer = |taps: usize, c_in: usize, c_out: usize| {
        let layer = ConvLayer::new(vec![0.01; taps * c_in * c_out], (c_in, c_out)).unwrap();
        let (ones, zeros) = (vec![1.0; c_out], vec![0.0; c_out]);
        layer.with_batch_norm(&ones, &ones, &zeros, &ones, 1e-5).unwrap().with_activation(0.0)
    };
    let (mut net, half, near) = (NetworkBuilder::new(3), Window::cubic(2, 2), Place::submanifold([3; 3]));
    let x = net.convolve(net.input(), near, layer(27, 3, 16), None).unwrap();
    let y = net.convolve(x, near, layer(27, 16, 16), Some(x)).unwrap();
    let z = net.convolve(y, Place::Strided(half, OutputRule::Floor), layer(8, 16, 32), None).unwrap();
    let z = net.convolve(z, near, layer(27, 32, 32), Some(z)).unwrap();
    let up = net.convolve(z, Place::Inverse(half, y), layer(8, 32, 16), None).unwrap();
    let both = net.concatenate(&[up, y]).unwrap();
    let out = net.convolve(both, Place::submanifold([1; 3]), layer(1, 32, 20), None).unwrap();
    net.build(out).unwrap()
}

fn a_network() {
    let network = Arc::new(network());
    let voxels = Arc::new(VoxelSet::new(&random_coords(3000, 2, 14, 7), 2).unwrap());
    let features = vec![1.0; voxels.len() * 3];
    let (narrow, narrow_features) = (Arc::new(network.narrowed::<bf16>()), vec![bf16::ONE; features.len()]);
    for threads in [1, 2] {
        let mut session = Session::new(Arc::clone(&network));
        let count = counted(threads, || {
            let output = session.run(&voxels, &features).unwrap();
            assert_eq!(output.features.len(), voxels.len() * 20);
        });
        assert_eq!(count, 0, "a network with {threads} threads");
        let mut session = Session::new(Arc::clone(&narrow));
        let count = counted(threads, || {
            session.run(&voxels, &narrow_features).unwrap();
        });
        assert_eq!(count, 0, "a narrow network with {threads} threads");
    }
}

#[test]
fn repeated_inference_allocates_nothing() {
    one_convolution();
    a_network();
}
