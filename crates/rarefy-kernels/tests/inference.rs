//! Convolution with a fused epilogue against the plain convolution and separate operations: the same bits, with every
//! instruction set and 1, 2 and 3 threads.

mod common;

use common::{narrow, on_threads, with_every_set};
use rarefy_geometry::KernelMap;
use rarefy_kernels::{
    ConvPlan, Element, Epilogue, PackedWeights, conv_forward, conv_inference, fold_batch_norm, fold_scale,
    leaky_relu_forward,
};
use rarefy_testkit::{NaiveWindow, map_by_hash, random_coords, random_values, relative_error};

fn map(points: usize) -> KernelMap {
    let coords = random_coords(points, 2, 9, 7);
    map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1))
}

/// The plain convolution, then each part of the epilogue in a pass of its own.
fn separate<T: Element>(
    map: &KernelMap,
    weights: &[T],
    channels: (usize, usize),
    x: &[T],
    epilogue: &Epilogue<'_, T>,
) -> Vec<T> {
    let mut out = vec![T::ZERO; map.outputs() * channels.1];
    conv_forward(map, weights, channels, x, &mut out).unwrap();
    for (place, out) in out.iter_mut().enumerate() {
        let channel = place % channels.1;
        *out = epilogue.scale.map_or(*out, |scale| *out * scale[channel]);
        *out = epilogue.shift.map_or(*out, |shift| *out + shift[channel]);
        *out = epilogue.residual.map_or(*out, |residual| *out + residual[place]);
    }
    let sums = out.clone();
    if let Some(slope) = epilogue.slope {
        leaky_relu_forward(slope, &sums, &mut out).unwrap();
    }
    out
}

fn check<T: Element>(map: &KernelMap, channels: (usize, usize)) {
    let x = narrow::<T>(&random_values(map.inputs() * channels.0, 1));
    let weights = narrow::<T>(&random_values(map.taps() * channels.0 * channels.1, 2));
    let (scale, shift) = (narrow::<T>(&random_values(channels.1, 3)), narrow::<T>(&random_values(channels.1, 4)));
    let residual = narrow::<T>(&random_values(map.outputs() * channels.1, 5));
    let packed = PackedWeights::new(&weights, map.taps(), channels).expect("the weights have their shape");
    let plan = ConvPlan::new::<T>(map, channels);
    for parts in 0..16 {
        let epilogue = Epilogue {
            scale: (parts & 1 > 0).then_some(&scale[..]),
            shift: (parts & 2 > 0).then_some(&shift[..]),
            residual: (parts & 4 > 0).then_some(&residual[..]),
            slope: (parts & 8 > 0).then_some(T::from_f64(0.1)),
        };
        // What `out` holds before must not matter.
        let mut out = vec![T::from_f64(f64::NAN); residual.len()];
        conv_inference(&plan, &packed, &x, &epilogue, &mut out).expect("the slices have their shapes");
        assert!(out == separate(map, &weights, channels, &x, &epilogue), "channels {channels:?}, epilogue {parts:04b}");
    }
}

#[test]
fn the_fused_epilogue_gives_the_bits_of_separate_operations() {
    let map = map(500);
    with_every_set(|_| {
        for channels in [1, 3, 16, 33, 64, 96] {
            check::<f32>(&map, (channels, channels));
            check::<f64>(&map, (channels, channels));
        }
        check::<f32>(&map, (5, 40));
    });
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (map, channels) = (map(900), (33, 96));
    let x = narrow::<f32>(&random_values(map.inputs() * channels.0, 1));
    let weights = narrow::<f32>(&random_values(map.taps() * channels.0 * channels.1, 2));
    let shift = narrow::<f32>(&random_values(channels.1, 4));
    with_every_set(|_| {
        let packed = PackedWeights::new(&weights, map.taps(), channels).unwrap();
        let run = || {
            let mut out = vec![0.0; map.outputs() * channels.1];
            let epilogue = Epilogue { shift: Some(&shift), slope: Some(0.0), ..Epilogue::default() };
            conv_inference(&ConvPlan::new::<f32>(&map, channels), &packed, &x, &epilogue, &mut out).unwrap();
            out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let one = on_threads(1, run);
        assert!(one == on_threads(2, run) && one == on_threads(3, run));
    });
}

#[test]
fn a_folded_batch_norm_is_the_batch_norm_behind_the_convolution() {
    let (map, channels) = (map(200), (3, 5));
    let (x, mut weights) = (random_values(map.inputs() * 3, 1), random_values(map.taps() * 15, 2));
    let (gamma, beta, mean) = (random_values(5, 3), random_values(5, 4), random_values(5, 5));
    let var: Vec<f64> = random_values(5, 6).into_iter().map(|value| value * value + 0.1).collect();
    let mut wanted = vec![0.0; map.outputs() * 5];
    conv_forward(&map, &weights, channels, &x, &mut wanted).unwrap();
    for (place, value) in wanted.iter_mut().enumerate() {
        let channel = place % 5;
        *value = (*value - mean[channel]) / (var[channel] + 1e-3).sqrt() * gamma[channel] + beta[channel];
    }
    let (scale, shift) = fold_batch_norm(&gamma, &beta, &mean, &var, 1e-3).unwrap();
    fold_scale(&scale, &mut weights).unwrap();
    let packed = PackedWeights::new(&weights, map.taps(), channels).unwrap();
    let mut out = vec![0.0; wanted.len()];
    let epilogue = Epilogue { shift: Some(&shift), ..Epilogue::default() };
    conv_inference(&ConvPlan::new::<f64>(&map, channels), &packed, &x, &epilogue, &mut out).unwrap();
    assert!(relative_error(&out, &wanted) < 1e-13);
}

#[test]
fn wrong_lengths_are_errors_and_empty_tensors_are_not() {
    assert_eq!(PackedWeights::new(&[0.0_f32; 3], 2, (1, 2)).err().map(|error| error.what), Some("weights"));
    assert!(fold_scale(&[1.0_f32, 2.0], &mut [0.0; 3]).is_err());
    assert!(fold_batch_norm(&[1.0_f32], &[], &[0.0], &[1.0], 0.0).is_err());
    let map = KernelMap::identity(2);
    let (plan, packed) = (ConvPlan::new::<f32>(&map, (1, 2)), PackedWeights::new(&[1.0, -1.0], 1, (1, 2)).unwrap());
    let none = Epilogue::default();
    let short = Epilogue { shift: Some(&[1.0][..]), ..none };
    let mut out = [7.0; 4];
    let what = |result: Result<(), rarefy_kernels::ShapeError>| result.err().map(|error| error.what);
    assert_eq!(what(conv_inference(&plan, &packed, &[1.0], &none, &mut out)), Some("inputs"));
    assert_eq!(what(conv_inference(&plan, &packed, &[1.0; 2], &none, &mut out[..3])), Some("outputs"));
    assert_eq!(what(conv_inference(&plan, &packed, &[1.0; 2], &short, &mut out)), Some("shift"));
    assert!(out.to_vec() == vec![7.0; 4]);
    // No input channels: the sums are zero and the shift is all that is left.
    let packed = PackedWeights::new(&[], 1, (0, 2)).unwrap();
    let shift = Epilogue { shift: Some(&[1.0, 2.0][..]), ..none };
    assert_eq!(conv_inference(&plan, &packed, &[], &shift, &mut out), Ok(()));
    assert!(out.to_vec() == vec![1.0, 2.0, 1.0, 2.0]);
}
