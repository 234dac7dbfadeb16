//! Every kernel that takes slices, with each slice in turn one element short: an error that names the slice, and results as
//! they were. Grouped, depthwise and row-map kernels are tested for it in their own files.

use rarefy_geometry::KernelMap;
use rarefy_kernels::{
    NormAct, NormStats, ShapeError, column_sums, conv_forward, conv_input_grad, conv_weight_grad, ground_conv_backward,
    ground_conv_forward, leaky_relu_backward, leaky_relu_forward, max_pool_backward, max_pool_rows,
    segment_max_forward, segment_mean_backward, segment_mean_forward,
};

/// Runs `work` with slices of the wanted `lengths`, then with each of them one element short.
///
/// `work` gets the slices and reports what it returned; the last slice is the result, which an error leaves alone.
fn check(kernel: &str, lengths: &[usize], work: impl Fn(&[Vec<f32>], &mut [f32]) -> Result<(), ShapeError>) {
    let run = |lengths: &[usize]| {
        let mut slices: Vec<Vec<f32>> = lengths.iter().map(|&length| vec![0.5; length]).collect();
        let mut result = slices.pop().unwrap();
        let done = work(&slices, &mut result);
        (done, result)
    };
    assert_eq!(run(lengths).0, Ok(()), "{kernel}");
    for place in 0..lengths.len() {
        let mut short = lengths.to_vec();
        short[place] -= 1;
        let (done, result) = run(&short);
        let error = done.expect_err(&format!("{kernel}, slice {place}"));
        assert!(short.contains(&error.got), "{kernel}: {error}");
        assert!(result == vec![0.5; result.len()], "{kernel}, slice {place}: the result was touched");
    }
}

#[test]
fn convolutions_refuse_slices_of_other_lengths() {
    let (map, channels) = (KernelMap::identity(4), (2, 3));
    check("conv_forward", &[6, 8, 12], |slices, out| conv_forward(&map, &slices[0], channels, &slices[1], out));
    check("conv_input_grad", &[6, 12, 8], |slices, out| conv_input_grad(&map, &slices[0], channels, &slices[1], out));
    check("conv_weight_grad", &[8, 12, 6], |slices, out| conv_weight_grad(&map, channels, &slices[0], &slices[1], out));
}

#[test]
fn convolutions_with_ground_state_refuse_slices_of_other_lengths() {
    let map = KernelMap::identity(4);
    let run = |weights: usize, x: usize, grad: usize| {
        let (weights, x, grad) = (vec![0.5_f32; weights], vec![0.5; x], vec![0.5; grad]);
        ground_conv_backward(&map, (true, true), &weights, (2, 3), &x, &grad, (true, true)).map(|_| ())
    };
    assert_eq!(run(6, 10, 15), Ok(()));
    for (weights, bias, x) in [(5, 3, 10), (6, 2, 10), (6, 3, 9)] {
        let (weights, bias, x) = (vec![0.5_f32; weights], vec![0.5; bias], vec![0.5; x]);
        assert!(ground_conv_forward(&map, (true, true), &weights, &bias, (2, 3), &x).is_err());
    }
    for (weights, x, grad) in [(5, 10, 15), (6, 9, 15), (6, 10, 14)] {
        assert!(run(weights, x, grad).is_err());
    }
}

#[test]
fn poolings_refuse_slices_of_other_lengths() {
    let windows = (&[0, 2, 3][..], &[0, 1, 3][..]);
    check("max_pool_rows", &[8, 4], |slices, out| max_pool_rows(windows, 2, &slices[0], out, &mut [0; 4]));
    assert!(max_pool_rows(windows, 2, &[0.0_f32; 8], &mut [0.0; 4], &mut [0; 3]).is_err());
    check("max_pool_backward", &[4, 8], |slices, out| max_pool_backward(&[0, 1, 2, 3], 2, &slices[0], out));
    assert!(max_pool_backward(&[0; 3], 2, &[0.0_f32; 4], &mut [0.0; 8]).is_err());
    let ranges = [0..1, 1..4];
    check("segment_max_forward", &[8, 4], |slices, out| segment_max_forward(&ranges, 2, &slices[0], out, &mut [0; 4]));
    assert!(segment_max_forward(&ranges, 2, &[0.0_f32; 8], &mut [0.0; 4], &mut [0; 5]).is_err());
    check("segment_mean_forward", &[8, 4], |slices, out| segment_mean_forward(&ranges, 2, &slices[0], out));
    check("segment_mean_backward", &[4, 8], |slices, out| segment_mean_backward(&ranges, 2, &slices[0], out));
    assert!(column_sums(&[0.0_f32; 7], 2).is_err());
}

#[test]
fn activations_and_norms_refuse_slices_of_other_lengths() {
    check("leaky_relu_forward", &[8, 8], |slices, out| leaky_relu_forward(0.1, &slices[0], out));
    check("leaky_relu_backward", &[8, 8, 8], |slices, out| leaky_relu_backward(0.1, &slices[0], &slices[1], out));
    let stats = NormStats::from_running(&[0.0; 2], &[1.0; 2], 1e-5);
    check("forward_training", &[2, 2, 8, 8, 8], |slices, y| {
        let norm = NormAct { gamma: &slices[0], beta: &slices[1], slope: Some(0.0) };
        norm.forward_training(1e-5, &slices[2], Some(&slices[3]), y).map(|_| ())
    });
    check("backward", &[2, 2, 8, 8, 8, 8], |slices, grad_x| {
        let norm = NormAct { gamma: &slices[0], beta: &slices[1], slope: Some(0.0) };
        norm.backward(&stats, (&slices[2], &slices[3]), &slices[4], grad_x, None).map(|_| ())
    });
}
