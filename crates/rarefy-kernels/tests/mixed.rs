//! Convolution of f32 with factors rounded to `bf16`: against loops over the rounded factors, and between numbers of threads
//! and instruction sets.

mod common;

use common::{narrow, on_threads, wide, with_every_set};
use rarefy_geometry::{KernelMap, OutputRule, VoxelSet, Window, output_voxels};
use rarefy_kernels::{Storage, bf16, conv_forward, mixed_conv_forward, mixed_conv_input_grad, mixed_conv_weight_grad};
use rarefy_testkit::{
    conv_by_pairs, conv_input_grad_by_pairs, conv_weight_grad_by_pairs, random_coords, random_values, relative_error,
};

/// A convolution of values that `bf16` does not hold.
struct Case {
    map: KernelMap,
    channels: (usize, usize),
    x: Vec<f32>,
    weights: Vec<f32>,
    grad_out: Vec<f32>,
}

/// Result, input gradient, weight gradient.
type Results<T> = [Vec<T>; 3];

/// Values in f64, rounded to `bf16` on the way.
fn rounded(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(bf16::narrow(value).wide())).collect()
}

impl Case {
    fn new(map: KernelMap, channels: (usize, usize)) -> Self {
        let values = |count, seed| narrow(&random_values(count, seed));
        Self {
            x: values(map.inputs() * channels.0, 1),
            weights: values(map.taps() * channels.0 * channels.1, 2),
            grad_out: values(map.outputs() * channels.1, 3),
            map,
            channels,
        }
    }

    fn run(&self) -> Results<f32> {
        let Self { map, channels, x, weights, grad_out } = self;
        let mut results = [vec![0.0; grad_out.len()], vec![0.0; x.len()], vec![0.0; weights.len()]];
        let [out, grad_x, grad_weights] = &mut results;
        mixed_conv_forward(map, weights, *channels, x, out).unwrap();
        mixed_conv_input_grad(map, weights, *channels, grad_out, grad_x).unwrap();
        mixed_conv_weight_grad(map, *channels, x, grad_out, grad_weights).unwrap();
        results
    }

    /// Of the rounded factors.
    fn oracle(&self) -> Results<f64> {
        let (x, weights, grad_out) = (rounded(&self.x), rounded(&self.weights), rounded(&self.grad_out));
        [
            conv_by_pairs(&self.map, &weights, self.channels, &x),
            conv_input_grad_by_pairs(&self.map, &weights, self.channels, &grad_out),
            conv_weight_grad_by_pairs(&self.map, self.channels, &x, &grad_out),
        ]
    }
}

fn cases() -> Vec<Case> {
    let set = VoxelSet::new(&random_coords(1200, 2, 11, 5), 2).unwrap();
    let window = Window::cubic(2, 2);
    let coarse = output_voxels(&set, &window, OutputRule::Floor).unwrap();
    let mut cases = Vec::new();
    for channels in [(1, 2), (2, 1), (3, 20), (16, 16), (34, 21), (64, 64), (96, 130), (260, 70)] {
        cases.push(Case::new(KernelMap::submanifold(&set, [3; 3], [1; 3]).unwrap(), channels));
        cases.push(Case::new(KernelMap::build(&set, &coarse, &window).unwrap(), channels));
    }
    cases
}

#[test]
fn factors_are_rounded_once_and_sums_are_those_of_f32() {
    for case in cases() {
        let wanted = case.oracle();
        with_every_set(|set| {
            for ((found, wanted), part) in case.run().iter().zip(&wanted).zip(["result", "inputs", "weights"]) {
                let error = relative_error(&wide(found), wanted);
                assert!(error < 2e-6, "{set}, {:?}, {part}: {error:e}", case.channels);
            }
        });
    }
}

#[test]
fn rounding_is_what_parts_the_result_from_that_of_f32() {
    for case in cases() {
        let mut exact = vec![0.0; case.grad_out.len()];
        conv_forward(&case.map, &case.weights, case.channels, &case.x, &mut exact).unwrap();
        let error = relative_error(&wide(&case.run()[0]), &wide(&exact));
        assert!((1e-5..1e-2).contains(&error), "{:?}: {error:e}", case.channels);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for case in cases() {
        with_every_set(|set| {
            let run = |threads| on_threads(threads, || set.force(|| case.run()).expect("the set is available"));
            let one = run(1);
            for threads in [2, 3] {
                assert!(run(threads) == one, "{set}, {:?}, {threads} threads", case.channels);
            }
        });
    }
}

#[test]
fn results_are_added_to_what_is_there() {
    let case = &cases()[6];
    let mut out = vec![1.0; case.grad_out.len()];
    mixed_conv_forward(&case.map, &case.weights, case.channels, &case.x, &mut out).unwrap();
    let wanted: Vec<f64> = case.oracle()[0].iter().map(|sum| sum + 1.0).collect();
    assert!(relative_error(&wide(&out), &wanted) < 2e-6);
    let mut gradient = vec![1.0; case.weights.len()];
    mixed_conv_weight_grad(&case.map, case.channels, &case.x, &case.grad_out, &mut gradient).unwrap();
    let wanted: Vec<f64> = case.oracle()[2].iter().map(|sum| sum + 1.0).collect();
    assert!(relative_error(&wide(&gradient), &wanted) < 2e-6);
}

#[test]
fn infinities_and_what_is_no_number_stay_so() {
    let map = KernelMap::identity(3);
    let x = [f32::INFINITY, 1.0, f32::NAN, 1.0, f32::MAX, 1.0];
    with_every_set(|set| {
        let mut out = [0.0; 3];
        mixed_conv_forward(&map, &[1.0, 1.0], (2, 1), &x, &mut out).unwrap();
        assert!(out[0].is_infinite() && out[1].is_nan(), "{set}: {out:?}");
        assert!(out[2].is_infinite(), "{set}: the largest f32 is nearest to infinity, {out:?}");
    });
}

#[test]
fn a_wrong_length_is_an_error_and_nothing_is_nothing() {
    let case = &cases()[0];
    let mut out = vec![0.0; case.grad_out.len()];
    let (map, channels) = (&case.map, case.channels);
    assert!(mixed_conv_forward(map, &case.weights, channels, &case.x[1..], &mut out).is_err());
    assert!(mixed_conv_input_grad(map, &case.weights[1..], channels, &case.grad_out, &mut out).is_err());
    assert!(mixed_conv_weight_grad(map, channels, &case.x, &case.grad_out[1..], &mut out).is_err());
    let none = KernelMap::identity(0);
    mixed_conv_forward(&none, &[1.0; 4], (2, 2), &[], &mut []).unwrap();
    let mut gradient = [5.0; 4];
    mixed_conv_weight_grad(&none, (2, 2), &[], &[], &mut gradient).unwrap();
    assert_eq!(gradient.map(f32::to_bits), [5.0_f32.to_bits(); 4]);
}
