//! Voxelise, devoxelise, pooling, depthwise and grouped convolution on a real cloud, with the bytes that each has to move.
//!
//! `RAREFY_REALDATA=… cargo bench -p rarefy-kernels --bench row_operators`. Maps are built beforehand, and every time is
//! the least of several runs. GB/s counts each entry's row, each output row and each row number once. Results are checked
//! by the tests of these operators.

use std::time::Instant;

use rarefy_geometry::{Interpolation, KernelMap, OutputRule, Points, RowMap, VoxelSet, Window, output_voxels};
use rarefy_kernels::{
    ChannelGroups, RowReduction, depthwise_forward, depthwise_input_grad, depthwise_weight_grad, group_conv_forward,
    group_conv_weight_grad, row_sums_backward, row_sums_forward,
};
use rarefy_testkit::{random_values, real_data_folder};

/// Edge of a voxel in metres.
const VOXEL: f32 = 0.1;
const REPEATS: usize = 7;

fn main() {
    let Some(folder) = real_data_folder() else { return };
    let path = folder.join("lidar_unlabelled/benchmark_pc.npy");
    let values = match std::fs::read(&path) {
        Ok(bytes) => npyz::NpyFile::new(&bytes[..]).and_then(npyz::NpyFile::into_vec::<f32>).expect("an npy file"),
        Err(error) => return println!("skipped: {}: {error}", path.display()),
    };
    let places: Vec<[f32; 3]> = values.chunks_exact(3).map(|p| [p[0] / VOXEL, p[1] / VOXEL, p[2] / VOXEL]).collect();
    let points = Points::of_one_sample(&places).expect("finite points");
    let quantised = VoxelSet::quantise(&points.cells([1; 3]).expect("possible"), 1).expect("valid");
    let set = &quantised.set;
    let window = Window::cubic(2, 2);
    let pooled = output_voxels(set, &window, OutputRule::Floor).expect("valid");
    let pool = KernelMap::build(set, &pooled, &window).expect("valid");
    let maps = [
        ("voxelise, mean", 4, RowReduction::Mean, RowMap::voxelisation_of(&quantised).expect("valid")),
        ("voxelise, mean", 64, RowReduction::Mean, RowMap::voxelisation_of(&quantised).expect("valid")),
        (
            "devoxelise, trilinear",
            64,
            RowReduction::Sum,
            RowMap::devoxelisation(points, set, [1; 3], Interpolation::Trilinear).expect("valid"),
        ),
        ("average pooling 2/2", 64, RowReduction::Mean, RowMap::from_kernel_map(&pool).expect("valid")),
    ];
    let submanifold = KernelMap::submanifold(set, [3; 3], [1; 3]).expect("valid");
    println!("threads  operator                      channels  pass                   ms    GB/s");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            for (name, channels, reduction, map) in &maps {
                time_rows(threads, name, *channels, *reduction, map);
            }
            time_depthwise(threads, &submanifold, 64);
            time_groups(threads, &submanifold, 64, 4);
        });
    }
}

fn floats(count: usize, seed: u64) -> Vec<f32> {
    random_values(count, seed).into_iter().map(|value| value as f32).collect()
}

fn report(threads: usize, what: (&str, usize, &str), bytes: usize, mut run: impl FnMut()) {
    let mut least = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed().as_secs_f64());
    }
    let (name, channels, pass) = what;
    let (ms, rate) = (least * 1e3, bytes as f64 / least / 1e9);
    println!("{threads:7}  {name:28}  {channels:8}  {pass:16}  {ms:7.2}  {rate:6.1}");
}

fn time_rows(threads: usize, name: &str, channels: usize, reduction: RowReduction, map: &RowMap) {
    let (x, grad_out) = (floats(map.inputs() * channels, 1), floats(map.outputs() * channels, 2));
    let (mut out, mut grad_x) = (grad_out.clone(), x.clone());
    let _built_beforehand = map.transposed();
    let bytes = |outputs: usize| 4 * (map.rows().len() * (channels + 1) + outputs * channels);
    report(threads, (name, channels, "forward"), bytes(map.outputs()), || {
        row_sums_forward(map, reduction, channels, &x, &mut out).expect("shapes fit");
    });
    report(threads, (name, channels, "backward"), bytes(map.inputs()), || {
        row_sums_backward(map, reduction, channels, &grad_out, &mut grad_x).expect("shapes fit");
    });
}

fn time_depthwise(threads: usize, map: &KernelMap, channels: usize) {
    let (x, mut out) = (floats(map.inputs() * channels, 1), floats(map.outputs() * channels, 2));
    let mut weights = floats(map.taps() * channels, 3);
    let bytes = 4 * map.pair_count() * (2 * channels + 2);
    let name = "depthwise 3³";
    report(threads, (name, channels, "forward"), bytes, || {
        depthwise_forward(map, &weights, channels, &x, &mut out).expect("shapes fit");
    });
    report(threads, (name, channels, "input gradient"), bytes, || {
        depthwise_input_grad(map, &weights, channels, &x, &mut out).expect("shapes fit");
    });
    report(threads, (name, channels, "weight gradient"), bytes, || {
        depthwise_weight_grad(map, channels, &x, &out, &mut weights).expect("shapes fit");
    });
}

fn time_groups(threads: usize, map: &KernelMap, channels: usize, count: usize) {
    let groups = ChannelGroups::new((channels, channels), count).expect("whole groups");
    let (x, mut out) = (floats(map.inputs() * channels, 1), floats(map.outputs() * channels, 2));
    let mut weights = floats(map.taps() * groups.weights(), 3);
    let bytes = 4 * map.pair_count() * (2 * channels + 2);
    let name = "3³ in 4 groups";
    report(threads, (name, channels, "forward"), bytes, || {
        group_conv_forward(map, &weights, groups, &x, &mut out).expect("shapes fit");
    });
    report(threads, (name, channels, "weight gradient"), bytes, || {
        group_conv_weight_grad(map, groups, &x, &out, &mut weights).expect("shapes fit");
    });
}
