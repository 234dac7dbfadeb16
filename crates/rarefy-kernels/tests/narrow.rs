//! Inference with weights and features stored as `bf16` and `f16`, against the same rounded values in f64: sums are f32, so
//! what differs is the rounding of the result. With every instruction set and 1, 2 and 3 threads.

mod common;

use std::sync::Arc;

use common::{narrow, on_threads, with_every_set};
use rarefy_geometry::{KernelMap, VoxelSet};
use rarefy_kernels::{
    ConvLayer, ConvPlan, Epilogue, NetworkBuilder, PackedWeights, Place, Session, Storage, bf16, conv_inference, f16,
};
use rarefy_testkit::{NaiveWindow, conv_by_pairs, map_by_hash, random_coords, random_values, relative_error};

fn map() -> KernelMap {
    let coords = random_coords(500, 2, 9, 7);
    map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1))
}

fn rounded<S: Storage<Work = f32>>(count: usize, seed: u64) -> Vec<S> {
    random_values(count, seed).into_iter().map(|value| S::narrow(value as f32)).collect()
}

fn wide<S: Storage<Work = f32>>(values: &[S]) -> Vec<f64> {
    values.iter().map(|value| f64::from(value.wide())).collect()
}

/// Half the distance of neighbouring values at 1: the most that one rounding may add.
fn check<S: Storage<Work = f32> + PartialEq>(map: &KernelMap, channels: (usize, usize), rounding: f64) {
    let x = rounded::<S>(map.inputs() * channels.0, 1);
    let weights = rounded::<S>(map.taps() * channels.0 * channels.1, 2);
    let residual = rounded::<S>(map.outputs() * channels.1, 3);
    let shift = narrow::<f32>(&random_values(channels.1, 4));
    let weights_f32: Vec<f32> = weights.iter().map(|weight| weight.wide()).collect();
    // The weights have values of S already, so that narrowing changes nothing.
    let packed = PackedWeights::new(&weights_f32, map.taps(), channels).unwrap().narrowed::<S>();
    let epilogue = Epilogue { scale: None, shift: Some(&shift), residual: Some(&residual), slope: Some(0.25) };
    let plan = ConvPlan::new::<S>(map, channels);
    let mut out = vec![S::narrow(f32::NAN); residual.len()];
    conv_inference(&plan, &packed, &x, &epilogue, &mut out).unwrap();
    let mut wanted = conv_by_pairs(map, &wide(&weights), channels, &wide(&x));
    for (place, value) in wanted.iter_mut().enumerate() {
        *value += f64::from(shift[place % channels.1]) + f64::from(residual[place].wide());
        *value *= if *value > 0.0 { 1.0 } else { 0.25 };
    }
    for (&found, &wanted) in wide(&out).iter().zip(&wanted) {
        let bound = rounding * wanted.abs() + 1e-4;
        assert!((found - wanted).abs() <= bound, "channels {channels:?}: {found} for {wanted}");
    }
    // One rounding of each value, not one of each sum: the error of the whole is well below the bound of one.
    assert!(relative_error(&wide(&out), &wanted) < 0.7 * rounding);
}

#[test]
fn narrow_features_and_weights_lose_one_rounding_alone() {
    let map = map();
    with_every_set(|_| {
        for channels in [(1, 1), (3, 16), (33, 17), (64, 64), (40, 96), (300, 5), (700, 20)] {
            check::<bf16>(&map, channels, 1.0 / 256.0);
            check::<f16>(&map, channels, 1.0 / 2048.0);
        }
    });
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (map, channels) = (map(), (33, 96));
    let x = rounded::<f16>(map.inputs() * channels.0, 1);
    let packed = PackedWeights::new(&narrow::<f32>(&random_values(27 * 33 * 96, 2)), 27, channels).unwrap();
    let packed = packed.narrowed::<f16>();
    let run = || {
        let mut out = vec![f16::ZERO; map.outputs() * channels.1];
        conv_inference(&ConvPlan::new::<f16>(&map, channels), &packed, &x, &Epilogue::default(), &mut out).unwrap();
        out.into_iter().map(f16::to_bits).collect::<Vec<_>>()
    };
    let one = on_threads(1, run);
    assert!(one == on_threads(2, run) && one == on_threads(3, run));
}

/// Every value of the type widens to what the library says, and rounds back to itself, in rows of every length.
fn every_value_passes<S: Storage<Work = f32>>(of: fn(u16) -> S, bits: fn(S) -> u16) {
    let map = KernelMap::identity((1 << 16) / 64);
    let x: Vec<S> = (0..=u16::MAX).map(of).collect();
    let mut identity = vec![0.0_f32; 64 * 64];
    (0..64).for_each(|channel| identity[channel * 65] = 1.0);
    let packed = PackedWeights::new(&identity, 1, (64, 64)).unwrap().narrowed::<S>();
    let mut out = vec![S::NOUGHT; x.len()];
    conv_inference(&ConvPlan::new::<S>(&map, (64, 64)), &packed, &x, &Epilogue::default(), &mut out).unwrap();
    for (row, (x, out)) in x.chunks(64).zip(out.chunks(64)).enumerate() {
        // Nought times what is not finite is NaN, and spoils its row.
        if x.iter().all(|value| value.wide().is_finite()) {
            for (&x, &out) in x.iter().zip(out) {
                assert!(bits(x) == bits(out) || x.wide() == 0.0 && out.wide() == 0.0, "row {row}: {:x}", bits(x));
            }
        }
    }
}

#[test]
fn every_finite_value_is_widened_and_rounded_back_to_itself() {
    with_every_set(|_| {
        every_value_passes::<bf16>(bf16::from_bits, bf16::to_bits);
        every_value_passes::<f16>(f16::from_bits, f16::to_bits);
    });
}

#[test]
fn sums_that_fall_between_two_values_round_to_the_even_one_and_nan_stays() {
    let map = KernelMap::identity(8);
    let shifts =
        [1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, 1.0 + 1.01 / 256.0, f32::NAN, f32::INFINITY, f32::MAX, -1e-45, -0.0];
    with_every_set(|_| {
        let packed = PackedWeights::new(&[0.0_f32; 8], 1, (1, 8)).unwrap();
        let epilogue = Epilogue { shift: Some(&shifts), ..Epilogue::default() };
        let plan = ConvPlan::new::<bf16>(&map, (1, 8));
        let mut out = [bf16::ZERO; 64];
        conv_inference(&plan, &packed.narrowed(), &[bf16::ONE; 8], &epilogue, &mut out).unwrap();
        for (place, &shift) in shifts.iter().enumerate() {
            assert_eq!(
                (out[place].to_bits(), shift.is_nan()),
                (bf16::from_f32(0.0 + shift).to_bits(), out[place].is_nan())
            );
        }
        let mut out = [f16::ZERO; 64];
        let epilogue = Epilogue { shift: Some(&shifts), ..Epilogue::default() };
        conv_inference(&plan, &packed.narrowed(), &[f16::ONE; 8], &epilogue, &mut out).unwrap();
        for (place, &shift) in shifts.iter().enumerate() {
            assert_eq!(
                (out[place].to_bits(), shift.is_nan()),
                (f16::from_f32(0.0 + shift).to_bits(), out[place].is_nan())
            );
        }
    });
}

#[test]
fn a_narrowed_network_takes_half_the_memory_and_stays_near() {
    let cloud = Arc::new(VoxelSet::new(&random_coords(800, 2, 12, 3), 2).unwrap());
    let layer = |c_in: usize, c_out: usize, seed| {
        let weights = narrow::<f32>(&random_values(27 * c_in * c_out, seed));
        let scale = 1.0 / (7.0 * c_in as f32).sqrt();
        let layer = ConvLayer::new(weights.into_iter().map(|weight| weight * scale).collect(), (c_in, c_out)).unwrap();
        layer.with_bias(&vec![0.1; c_out]).unwrap().with_activation(0.1)
    };
    let mut net = NetworkBuilder::new(4);
    let x = net.convolve(net.input(), Place::submanifold([3; 3]), layer(4, 32, 1), None).unwrap();
    let y = net.convolve(x, Place::submanifold([3; 3]), layer(32, 32, 2), None).unwrap();
    let z = net.convolve(y, Place::submanifold([3; 3]), layer(32, 32, 3), Some(x)).unwrap();
    let network = net.build(z).unwrap();
    let features = rounded::<bf16>(cloud.len() * 4, 5);
    let plain: Vec<f32> = features.iter().map(|value| value.to_f32()).collect();
    let narrowed = network.narrowed::<bf16>();
    assert_eq!(2 * narrowed.weight_bytes(), network.weight_bytes());
    let (mut wide_session, mut session) = (Session::new(Arc::new(network)), Session::new(Arc::new(narrowed)));
    let wanted = wide(wide_session.run(&cloud, &plain).unwrap().features);
    let found = wide(session.run(&cloud, &features).unwrap().features);
    assert_eq!(2 * session.buffer_bytes(), wide_session.buffer_bytes());
    let error = relative_error(&found, &wanted);
    assert!((1e-5..6e-3).contains(&error), "{error:e}");
}
