//! Checksums of maps and of every kernel on one cloud: equal on this program's threads and on one, and equal to those of
//! earlier runs with the same instruction set and other numbers of threads (`.ci/run` does such runs).

mod common;

use std::sync::Arc;

use common::{narrow, on_threads};
use rarefy_geometry::{Interpolation, KernelMap, OutputRule, Points, RowMap, VoxelSet, Window, output_voxels};
use rarefy_kernels::{
    ChannelGroups, ConvLayer, InstructionSet, NetworkBuilder, NormAct, Place, RowReduction, Session, conv_forward,
    conv_input_grad, conv_weight_grad, depthwise_forward, depthwise_weight_grad, group_conv_forward,
    group_conv_weight_grad, mixed_conv_forward, mixed_conv_input_grad, mixed_conv_weight_grad, row_max_forward,
    row_sums_backward, row_sums_forward, segment_mean_forward,
};
use rarefy_testkit::{Checksums, random_coords, random_values};

fn values(count: usize, seed: u64) -> Vec<f32> {
    narrow(&random_values(count, seed))
}

fn bits(values: &[f32]) -> impl Iterator<Item = u64> + '_ {
    values.iter().map(|value| u64::from(value.to_bits()))
}

fn rows(map: &KernelMap) -> impl Iterator<Item = u64> + '_ {
    (0..map.taps()).flat_map(|tap| [map.pairs(tap).from, map.pairs(tap).to]).flatten().map(|&row| u64::from(row))
}

/// A cloud large enough for many tiles and chunks.
fn cloud() -> VoxelSet {
    VoxelSet::new(&random_coords(7000, 1, 22, 3), 1).unwrap()
}

fn maps(set: &VoxelSet, sums: &mut Checksums) -> (KernelMap, KernelMap) {
    let near = KernelMap::submanifold(set, [3; 3], [1; 3]).unwrap();
    let half = Window::cubic(3, 2);
    let coarse = output_voxels(set, &half, OutputRule::Spread { clip: None }).unwrap();
    let down = KernelMap::build(set, &coarse, &half).unwrap();
    sums.add("voxels", coarse.coords().iter().flatten().map(|&at| at as u64));
    for (name, map) in [("near", &near), ("down", &down), ("up", &**down.transposed())] {
        sums.add(name, rows(map));
    }
    (near, down)
}

fn convolutions(map: &KernelMap, channels: (usize, usize), sums: &mut Checksums) {
    let x = values(map.inputs() * channels.0, 1);
    let weights = values(map.taps() * channels.0 * channels.1, 2);
    let grad = values(map.outputs() * channels.1, 3);
    let (mut out, mut grad_x, mut grad_w) = (vec![0.0; grad.len()], vec![0.0; x.len()], vec![0.0; weights.len()]);
    conv_forward(map, &weights, channels, &x, &mut out).unwrap();
    conv_input_grad(map, &weights, channels, &grad, &mut grad_x).unwrap();
    conv_weight_grad(map, channels, &x, &grad, &mut grad_w).unwrap();
    for (name, values) in [("forward", &out), ("input gradient", &grad_x), ("weight gradient", &grad_w)] {
        sums.add(&format!("{name} {channels:?}"), bits(values));
    }
    mixed_conv_forward(map, &weights, channels, &x, &mut out).unwrap();
    mixed_conv_input_grad(map, &weights, channels, &grad, &mut grad_x).unwrap();
    mixed_conv_weight_grad(map, channels, &x, &grad, &mut grad_w).unwrap();
    sums.add(&format!("mixed {channels:?}"), bits(&out).chain(bits(&grad_x)).chain(bits(&grad_w)));
}

fn grouped(map: &KernelMap, sums: &mut Checksums) {
    let (c, groups) = (24, ChannelGroups::new((24, 24), 3).unwrap());
    let (x, grad) = (values(map.inputs() * c, 1), values(map.outputs() * c, 3));
    let mut out = vec![0.0; grad.len()];
    let mut grad_w = vec![0.0; map.taps() * groups.weights()];
    group_conv_forward(map, &values(grad_w.len(), 2), groups, &x, &mut out).unwrap();
    group_conv_weight_grad(map, groups, &x, &grad, &mut grad_w).unwrap();
    sums.add("groups", bits(&out).chain(bits(&grad_w)));
    let mut grad_w = vec![0.0; map.taps() * c];
    depthwise_forward(map, &values(grad_w.len(), 2), c, &x, &mut out).unwrap();
    depthwise_weight_grad(map, c, &x, &grad, &mut grad_w).unwrap();
    sums.add("depthwise", bits(&out).chain(bits(&grad_w)));
}

fn row_operators(set: &VoxelSet, sums: &mut Checksums) {
    let c = 19;
    let (x, grad) = (values(set.len() * c, 1), values(set.len() * c, 2));
    let (gamma, beta) = (values(c, 4), values(c, 5));
    let norm = NormAct { gamma: &gamma, beta: &beta, slope: Some(0.1) };
    let (mut y, mut grad_x) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let stats = norm.forward_training(1e-5, &x, None, &mut y).unwrap();
    let (grad_gamma, grad_beta) = norm.backward(&stats, (&x, &y), &grad, &mut grad_x, None).unwrap();
    sums.add("batch norm", bits(&y).chain(bits(&grad_x)).chain(bits(&grad_gamma)).chain(bits(&grad_beta)));
    let mut means = vec![0.0; 2 * c];
    segment_mean_forward(&[0..set.len() / 3, set.len() / 3..set.len()], c, &x, &mut means).unwrap();
    sums.add("means", bits(&means));
    let places: Vec<[f32; 3]> =
        values(30_000, 6).chunks(3).map(|at| [0, 1, 2].map(|axis| 13.0 + 13.0 * at[axis])).collect();
    let map = RowMap::devoxelisation(Points::of_one_sample(&places).unwrap(), set, [1; 3], Interpolation::Trilinear);
    let map = map.unwrap();
    let (mut of_points, mut argmax) = (vec![0.0; map.outputs() * c], vec![0; map.outputs() * c]);
    row_sums_forward(&map, RowReduction::Sum, c, &x, &mut of_points).unwrap();
    let mut grad_x = vec![0.0; x.len()];
    row_sums_backward(&map, RowReduction::Sum, c, &of_points, &mut grad_x).unwrap();
    sums.add("devoxelise", bits(&of_points).chain(bits(&grad_x)));
    row_max_forward(&map, c, &x, &mut of_points, &mut argmax).unwrap();
    sums.add("row maxima", bits(&of_points).chain(argmax.iter().map(|&row| u64::from(row))));
}

fn inference(set: &Arc<VoxelSet>, sums: &mut Checksums) {
    let layer = |taps: usize, c_in: usize, c_out: usize| {
        let layer = ConvLayer::new(values(taps * c_in * c_out, 7), (c_in, c_out)).unwrap();
        layer.with_bias(&values(c_out, 8)).unwrap().with_activation(0.1)
    };
    let mut net = NetworkBuilder::new(5);
    let x = net.convolve(net.input(), Place::submanifold([3; 3]), layer(27, 5, 40), None).unwrap();
    let y = net.convolve(x, Place::submanifold([3; 3]), layer(27, 40, 40), Some(x)).unwrap();
    let z = net.convolve(y, Place::Strided(Window::cubic(2, 2), OutputRule::Floor), layer(8, 40, 9), None).unwrap();
    let mut session = Session::new(Arc::new(net.build(z).unwrap()));
    let output = session.run(set, &values(set.len() * 5, 9)).unwrap();
    sums.add("compiled network", bits(output.features));
}

fn all() -> Checksums {
    let mut sums = Checksums::default();
    let set = Arc::new(cloud());
    let (near, down) = maps(&set, &mut sums);
    for channels in [(16, 16), (33, 70)] {
        convolutions(&near, channels, &mut sums);
        convolutions(&down, channels, &mut sums);
    }
    grouped(&near, &mut sums);
    row_operators(&set, &mut sums);
    inference(&set, &mut sums);
    sums
}

#[test]
fn checksums_are_those_of_one_thread_and_of_earlier_runs() {
    let asked = InstructionSet::from_environment().expect("RAREFY_ISA names a set of this machine");
    let set = InstructionSet::current();
    assert_eq!(asked.unwrap_or(set), set);
    let sums = all();
    let alone = on_threads(1, all);
    assert_eq!(sums.differences(&alone), Vec::<String>::new(), "{} threads / one", rayon::current_num_threads());
    sums.compare_with_earlier_run(&format!("kernels-{set}"));
}
