//! Every unsafe kernel with every instruction set, on sizes that Miri and `AddressSanitizer` get through (`.ci/run` takes both).
//!
//! Miri: `MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-tree-borrows -Zmiri-ignore-leaks" cargo +nightly miri test -p
//! rarefy-kernels --test small`. Under stacked borrows it stops at the thread pool's crossbeam-epoch. It has no vector
//! instructions of its own, so it takes the portable path alone; `AddressSanitizer` takes them all. Tails of vectors, rests of
//! tiles and rows at the very end of a tensor are all there.

mod common;

use common::{narrow, wide, with_every_set};
use rarefy_geometry::KernelMap;
use rarefy_kernels::{
    ChannelGroups, ConvPlan, Element, Epilogue, PackedWeights, PairedWeights, Storage, bf16, conv_forward,
    conv_inference, conv_inference_paired, conv_input_grad, conv_weight_grad, f16, group_conv_forward,
    group_conv_input_grad, group_conv_weight_grad, max_pool_backward, max_pool_rows, mixed_conv_forward,
    mixed_conv_input_grad, mixed_conv_weight_grad,
};
use rarefy_testkit::{
    NaiveWindow, conv_by_pairs, conv_input_grad_by_pairs, conv_weight_grad_by_pairs, group_conv_by_pairs,
    group_conv_input_grad_by_pairs, group_conv_weight_grad_by_pairs, map_by_hash, naive_max_pool, random_coords,
    random_values, relative_error,
};

fn map() -> KernelMap {
    let coords = random_coords(14, 1, 3, 1);
    map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1))
}

fn assert_near<T: Element>(found: &[T], wanted: &[f64]) {
    let bound = if size_of::<T>() == 8 { 1e-13 } else { 1e-6 };
    assert!(relative_error(&wide(found), wanted) < bound);
}

fn convolutions<T: Element>(map: &KernelMap, channels: (usize, usize)) {
    let x = random_values(map.inputs() * channels.0, 1);
    let weights = random_values(map.taps() * channels.0 * channels.1, 2);
    let grad_out = random_values(map.outputs() * channels.1, 3);
    let (x_t, weights_t, grad_t) = (narrow::<T>(&x), narrow::<T>(&weights), narrow::<T>(&grad_out));
    let mut out = vec![T::ZERO; grad_out.len()];
    conv_forward(map, &weights_t, channels, &x_t, &mut out).unwrap();
    assert_near(&out, &conv_by_pairs(map, &weights, channels, &x));
    let mut grad_x = vec![T::ZERO; x.len()];
    conv_input_grad(map, &weights_t, channels, &grad_t, &mut grad_x).unwrap();
    assert_near(&grad_x, &conv_input_grad_by_pairs(map, &weights, channels, &grad_out));
    let mut grad_weights = vec![T::ZERO; weights.len()];
    conv_weight_grad(map, channels, &x_t, &grad_t, &mut grad_weights).unwrap();
    assert_near(&grad_weights, &conv_weight_grad_by_pairs(map, channels, &x, &grad_out));
    let packed = PackedWeights::new(&weights_t, map.taps(), channels).unwrap();
    let mut fused = vec![T::ZERO; out.len()];
    let epilogue = Epilogue { residual: Some(&grad_t[..]), ..Epilogue::default() };
    conv_inference(&ConvPlan::new::<T>(map, channels), &packed, &x_t, &epilogue, &mut fused).unwrap();
    out.iter_mut().zip(&grad_t).for_each(|(out, &residual)| *out += residual);
    assert!(fused == out);
}

fn narrow_convolution<S: Storage<Work = f32>>(map: &KernelMap, channels: (usize, usize)) {
    let values = |count, seed| random_values(count, seed).into_iter().map(|value| S::narrow(value as f32)).collect();
    let (x, residual): (Vec<S>, Vec<S>) = (values(map.inputs() * channels.0, 1), values(map.outputs() * channels.1, 3));
    let weights = vec![0.5_f32; map.taps() * channels.0 * channels.1];
    let packed = PackedWeights::new(&weights, map.taps(), channels).unwrap().narrowed::<S>();
    let mut out = vec![S::NOUGHT; residual.len()];
    let epilogue = Epilogue { residual: Some(&residual[..]), ..Epilogue::default() };
    conv_inference(&ConvPlan::new::<S>(map, channels), &packed, &x, &epilogue, &mut out).unwrap();
    let wide = |values: &[S]| values.iter().map(|value| f64::from(value.wide())).collect::<Vec<_>>();
    let mut wanted = conv_by_pairs(map, &vec![0.5; weights.len()], channels, &wide(&x));
    wanted.iter_mut().zip(wide(&residual)).for_each(|(sum, residual)| *sum += residual);
    assert!(relative_error(&wide(&out), &wanted) < 1.0 / 256.0);
}

/// Channels in and out. Fewer for Miri, which takes minutes for what a processor does in a millisecond.
const CHANNELS: &[(usize, usize)] = if cfg!(miri) {
    &[(1, 1), (2, 5), (3, 9)]
} else {
    &[(1, 1), (2, 5), (5, 9), (3, 12), (17, 33), (18, 35), (5, 70)]
};

/// Where the machine has the instructions and the set is AVX-512.
fn paired_convolution(map: &KernelMap, channels: (usize, usize)) {
    let narrowed = |seed, count| -> Vec<bf16> {
        random_values(count, seed).into_iter().map(|value| bf16::narrow(value as f32)).collect()
    };
    let wider = |values: &[bf16]| -> Vec<f64> { values.iter().map(|value| f64::from(value.wide())).collect() };
    let (x, weights) = (narrowed(1, map.inputs() * channels.0), narrowed(2, map.taps() * channels.0 * channels.1));
    let single: Vec<f32> = weights.iter().map(|weight| weight.wide()).collect();
    let Some(pairs) = PairedWeights::new(&single, map.taps(), channels).unwrap() else { return };
    let mut out = vec![bf16::NOUGHT; map.outputs() * channels.1];
    let plan = ConvPlan::new::<bf16>(map, channels);
    conv_inference_paired(&plan, &pairs, &x, &Epilogue::default(), &mut out).unwrap();
    let wanted = conv_by_pairs(map, &wider(&weights), channels, &wider(&x));
    assert!(relative_error(&wider(&out), &wanted) < 4e-3);
}

/// In pairs where the machine has the instructions and the set is AVX-512.
fn mixed_convolutions(map: &KernelMap, channels: (usize, usize)) {
    let rounded = |count, seed| -> Vec<f32> {
        random_values(count, seed).into_iter().map(|value| bf16::narrow(value as f32).wide()).collect()
    };
    let (x, grad_out) = (rounded(map.inputs() * channels.0, 1), rounded(map.outputs() * channels.1, 3));
    let weights = rounded(map.taps() * channels.0 * channels.1, 2);
    let mut out = vec![0.0; grad_out.len()];
    mixed_conv_forward(map, &weights, channels, &x, &mut out).unwrap();
    assert_near(&out, &conv_by_pairs(map, &wide(&weights), channels, &wide(&x)));
    let mut grad_x = vec![0.0; x.len()];
    mixed_conv_input_grad(map, &weights, channels, &grad_out, &mut grad_x).unwrap();
    assert_near(&grad_x, &conv_input_grad_by_pairs(map, &wide(&weights), channels, &wide(&grad_out)));
    let mut grad_weights = vec![0.0; weights.len()];
    mixed_conv_weight_grad(map, channels, &x, &grad_out, &mut grad_weights).unwrap();
    assert_near(&grad_weights, &conv_weight_grad_by_pairs(map, channels, &wide(&x), &wide(&grad_out)));
}

#[test]
fn convolutions_of_a_few_voxels_are_right() {
    let map = map();
    with_every_set(|_| {
        for &channels in CHANNELS {
            convolutions::<f32>(&map, channels);
            convolutions::<f64>(&map, channels);
            narrow_convolution::<bf16>(&map, channels);
            paired_convolution(&map, channels);
            mixed_convolutions(&map, channels);
            narrow_convolution::<f16>(&map, channels);
        }
    });
}

#[test]
fn the_last_group_of_the_last_row_stays_inside_its_tensor() {
    let map = map();
    let check = |sizes: (usize, usize, usize)| {
        let groups = ChannelGroups::new((sizes.0, sizes.1), sizes.2).unwrap();
        let x = random_values(map.inputs() * sizes.0, 1);
        let weights = random_values(map.taps() * groups.weights(), 2);
        let grad_out = random_values(map.outputs() * sizes.1, 3);
        let (mut out, mut grad_x, mut grad_weights) =
            (vec![0.0; grad_out.len()], vec![0.0; x.len()], vec![0.0; weights.len()]);
        group_conv_forward(&map, &weights, groups, &x, &mut out).unwrap();
        group_conv_input_grad(&map, &weights, groups, &grad_out, &mut grad_x).unwrap();
        group_conv_weight_grad(&map, groups, &x, &grad_out, &mut grad_weights).unwrap();
        assert_near(&out, &group_conv_by_pairs(&map, &weights, sizes, &x));
        assert_near(&grad_x, &group_conv_input_grad_by_pairs(&map, &weights, sizes, &grad_out));
        assert_near(&grad_weights, &group_conv_weight_grad_by_pairs(&map, sizes, &x, &grad_out));
    };
    with_every_set(|_| [(2, 4, 2), (6, 9, 3), (9, 3, 3)].into_iter().for_each(check));
}

#[test]
fn a_pooling_of_a_few_rows_and_its_gradient_are_right() {
    let x = random_values(4 * 9, 1);
    let (mut out, mut argmax) = (vec![0.0; 18], vec![0; 18]);
    max_pool_rows((&[0, 3, 5], &[0, 1, 3, 2, 1]), 9, &x, &mut out, &mut argmax).unwrap();
    let (wanted, winners) = naive_max_pool(&[vec![0, 1, 3], vec![2, 1]], 9, &x);
    assert_eq!((out, &argmax), (wanted, &winners));
    let mut grad = vec![0.0; x.len()];
    max_pool_backward(&argmax, 9, &[1.0; 18], &mut grad).unwrap();
    assert!((grad.iter().sum::<f64>() - 18.0).abs() < 1e-12);
}
