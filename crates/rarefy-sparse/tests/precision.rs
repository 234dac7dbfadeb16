//! The precision of convolutions: which tensors have it, and what it changes.

use burn::tensor::{Device, FloatDType, Tensor};
use rarefy_sparse::{OutputRule, PointCloud, Precision, Reduction, SparseTensor, Window};
use rarefy_testkit::{random_coords, random_values, relative_error};

const CHANNELS: usize = 8;

fn values<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let values: Vec<f32> = random_values(shape.iter().product(), seed).into_iter().map(|value| value as f32).collect();
    Tensor::<1>::from_floats(&values[..], device).reshape(shape)
}

fn tensor(device: &Device) -> SparseTensor {
    let coords = random_coords(300, 2, 8, 3);
    SparseTensor::unbounded(&coords, 2, values([coords.len(), CHANNELS], 1, device)).unwrap()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Down, up and past the middle: every kind of convolution that has a precision.
fn network(x: &SparseTensor, weights: &Tensor<3>) -> SparseTensor {
    let [taps, width, _] = weights.dims();
    let half = weights.clone().slice([0..8, 0..width, 0..width]);
    assert_eq!(taps, 27);
    let fine = x.submanifold_convolution(weights.clone(), [3; 3]).unwrap().leaky_relu(0.0);
    let coarse = fine.convolution(half.clone(), &Window::cubic(2, 2), OutputRule::Floor).unwrap();
    let coarse = coarse.pointwise_convolution(weights.clone().slice([13..14, 0..width, 0..width])).unwrap();
    let up = coarse.inverse_convolution(half, &Window::cubic(2, 2), &fine).unwrap();
    up.concatenate(&fine).unwrap()
}

#[test]
fn every_tensor_that_is_made_from_another_has_its_precision() {
    let device = Device::flex();
    let x = tensor(&device).with_precision(Precision::Bf16);
    let weights = values([27, CHANNELS, CHANNELS], 2, &device);
    let y = network(&x, &weights);
    assert_eq!(y.precision(), Precision::Bf16);
    let pooled = y.max_pool_active(&Window::cubic(2, 2), OutputRule::Floor).unwrap();
    assert_eq!(pooled.precision(), Precision::Bf16);
    assert_eq!(y.map_rows(|rows| rows * 2.0).unwrap().precision(), Precision::Bf16);
    assert_eq!(tensor(&device).precision(), Precision::F32);
    let places = vec![[0.5, 0.5, 0.5], [3.0, 1.0, 2.0]];
    let cloud = PointCloud::new(places, vec![0; 2], 1).unwrap().with_precision(Precision::Bf16);
    let x = SparseTensor::voxelise(&cloud, values([2, 3], 1, &device), [1; 3], Reduction::Mean).unwrap();
    assert_eq!(x.precision(), Precision::Bf16);
}

#[test]
fn results_and_gradients_differ_from_those_of_f32_by_the_rounding_of_the_factors() {
    let device = Device::flex().autodiff();
    let run = |precision| {
        let x = tensor(&device);
        let features = x.features().require_grad();
        let x = SparseTensor::unbounded(x.voxels().coords(), 2, features.clone()).unwrap().with_precision(precision);
        let weights = values([27, CHANNELS, CHANNELS], 2, &device).require_grad();
        let y = network(&x, &weights).features();
        let towards = values(y.dims(), 5, &device);
        let gradients = (y.clone() * towards).sum().backward();
        [numbers(y), numbers(features.grad(&gradients).unwrap()), numbers(weights.grad(&gradients).unwrap())]
    };
    let (exact, rounded) = (run(Precision::F32), run(Precision::Bf16));
    for ((exact, rounded), part) in exact.iter().zip(&rounded).zip(["features", "inputs", "weights"]) {
        let error = relative_error(rounded, exact);
        assert!((1e-4..3e-2).contains(&error), "{part}: {error:e}");
    }
    assert_eq!(rounded, run(Precision::Bf16), "the same bits again");
}

#[test]
fn f64_stay_exact() {
    let device = Device::flex();
    let run = |precision| {
        let x = tensor(&device);
        let features = x.features().cast(FloatDType::F64);
        let x = SparseTensor::unbounded(x.voxels().coords(), 2, features).unwrap().with_precision(precision);
        numbers(network(&x, &values([27, CHANNELS, CHANNELS], 2, &device).cast(FloatDType::F64)).features())
    };
    assert_eq!(run(Precision::F32), run(Precision::Bf16));
}
