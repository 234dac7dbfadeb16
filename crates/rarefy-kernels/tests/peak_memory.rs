//! The most memory that a convolution takes, counted by the allocator. One test alone in its program: the count is of all
//! threads.

#[path = "common/counting.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod counting;

use counting::Counting;
use rarefy_geometry::{GeometryError, KernelMap, OutputRule, VoxelSet, Window, output_voxels, set_memory_limit};
use rarefy_kernels::{ConvMemory, conv_forward, conv_input_grad, conv_weight_grad};
use rarefy_testkit::random_coords;

#[global_allocator]
static COUNTING: Counting = Counting::new();

/// What a convolution may take beside inputs, outputs and maps.
const WORKSPACE: usize = 16 << 20;

fn check(set: &VoxelSet, output: &VoxelSet, window: &Window, channels: (usize, usize)) {
    let what = format!("{window:?}, channels {channels:?}");
    let build = || KernelMap::build(set, output, window).unwrap();
    let (map, of_map) = COUNTING.peak_of(build);
    assert!(of_map <= map.bytes() + WORKSPACE, "{what}: the map took {of_map}, it has {}", map.bytes());
    let memory = ConvMemory::of::<f32>(&map, channels);
    assert!(memory.workspace <= WORKSPACE, "{what}: {memory:?}");
    let (x, weights) = (vec![0.5_f32; map.inputs() * channels.0], vec![0.5; map.taps() * channels.0 * channels.1]);
    assert_eq!((memory.inputs, memory.weights), (size_of_val(&x[..]), size_of_val(&weights[..])));
    // A thread's queue and its first tasks take a little that no size tells.
    let slack = 64 << 10;
    let (out, forward) = COUNTING.peak_of(|| {
        let mut out = vec![0.0; map.outputs() * channels.1];
        conv_forward(&map, &weights, channels, &x, &mut out).unwrap();
        out
    });
    let counted = memory.outputs + memory.workspace + slack;
    assert!((memory.outputs..=counted).contains(&forward), "{what}: forward took {forward}, counted {counted}");
    let ((), turned) = COUNTING.peak_of(|| drop(std::sync::Arc::clone(map.transposed())));
    assert!(turned <= memory.transposed + WORKSPACE, "{what}: turning the map took {turned}");
    let ((), backward) = COUNTING.peak_of(|| {
        let (mut grad_x, mut grad_w) = (vec![0.0; x.len()], vec![0.0; weights.len()]);
        conv_input_grad(&map, &weights, channels, &out, &mut grad_x).unwrap();
        conv_weight_grad(&map, channels, &x, &out, &mut grad_w).unwrap();
    });
    let counted = memory.inputs + memory.weights + memory.workspace + slack;
    assert!(backward <= counted, "{what}: backward took {backward}, counted {counted}");
}

#[test]
fn a_convolution_takes_its_tensors_its_maps_and_at_most_16_mib() {
    let set = VoxelSet::new(&random_coords(60_000, 2, 60, 7), 2).unwrap();
    let half = Window::cubic(2, 2);
    let coarse = output_voxels(&set, &half, OutputRule::Floor).unwrap();
    for channels in [(4, 16), (32, 32), (48, 160)] {
        check(&set, &set, &Window::centred([3; 3], [1; 3]), channels);
        check(&set, &coarse, &half, channels);
    }
    let few = VoxelSet::new(&random_coords(3000, 1, 20, 7), 1).unwrap();
    for channels in [(128, 128), (512, 512)] {
        check(&few, &few, &Window::centred([3; 3], [1; 3]), channels);
    }
    check(&few, &few, &Window::centred([7; 3], [1; 3]), (64, 64));

    // The limit is of the whole process, so it is tried here, too.
    set_memory_limit(Some(1 << 20));
    let refused = KernelMap::submanifold(&set, [3; 3], [1; 3]).unwrap_err();
    assert!(matches!(refused, GeometryError::OutOfMemory { bytes, limit, .. } if bytes > limit && limit == 1 << 20));
    let map = KernelMap::submanifold(&few, [3; 3], [1; 3]).unwrap();
    assert_eq!(ConvMemory::of::<f32>(&map, (1, 1)).check(), Ok(()));
    assert!(ConvMemory::of::<f32>(&map, (1, 100)).check().is_err());
    set_memory_limit(None);
    assert!(KernelMap::submanifold(&set, [3; 3], [1; 3]).is_ok());
}
