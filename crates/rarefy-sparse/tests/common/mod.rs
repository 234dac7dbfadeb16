//! Random sparse tensors in f64, and the comparison of recorded gradients with central differences.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this one")]

use std::collections::BTreeSet;

use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rarefy_sparse::SparseTensor;

/// Values uniform in ±1.
pub fn values(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// About `count` coordinates in each of `samples` grids, none twice.
pub fn coords(count: usize, samples: usize, grid: [i32; 3], seed: u64) -> Vec<[i32; 4]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut set = BTreeSet::new();
    for sample in 0..samples as i32 {
        for _ in 0..count {
            let [x, y, z] = grid.map(|n| rng.random_range(0..n));
            set.insert([sample, x, y, z]);
        }
    }
    set.into_iter().collect()
}

/// An f64 tensor on a device that records gradients.
pub fn tensor<const D: usize>(values: &[f64], dims: [usize; D]) -> Tensor<D> {
    let device = Device::flex().autodiff();
    Tensor::from_data(TensorData::new(values.to_vec(), dims), (&device, DType::F64))
}

/// The values of a tensor.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().try_to_vec().expect("an f64 tensor")
}

/// A sparse tensor whose features are `features`, row-major in the order of `coords`.
pub fn sparse(coords: &[[i32; 4]], samples: usize, grid: [i32; 3], features: Tensor<2>) -> SparseTensor {
    SparseTensor::new(coords, samples, grid, features).expect("valid coordinates")
}

/// Compares the gradient of `loss` for every one of `inputs` (values with dims) with central differences.
///
/// `loss` gets the inputs as flat tensors, in order, and makes one number of them.
pub fn assert_gradients(inputs: &[Vec<f64>], loss: impl Fn(&[Tensor<1>]) -> Tensor<1>) {
    let recorded: Vec<Tensor<1>> = inputs.iter().map(|values| tensor(values, [values.len()]).require_grad()).collect();
    let grads = loss(&recorded).backward();
    for (number, values) in inputs.iter().enumerate() {
        let gradient = host(recorded[number].grad(&grads).expect("every input has a gradient"));
        let numeric = rarefy_testkit::central_difference(
            |changed| {
                let tensors: Vec<Tensor<1>> = (0..inputs.len())
                    .map(|other| if other == number { changed } else { &inputs[other][..] })
                    .map(|values| tensor(values, [values.len()]))
                    .collect();
                host(loss(&tensors))[0]
            },
            values,
            1e-5,
        );
        let error = rarefy_testkit::relative_error(&gradient, &numeric);
        assert!(error <= 1e-6, "input {number}: relative error {error:.2e}");
    }
}

/// A fixed random weighting of all values, so that no gradient is uniform.
pub fn weighted_sum<const D: usize>(output: Tensor<D>) -> Tensor<1> {
    let count = output.shape().num_elements();
    let weights: Tensor<1> = tensor(&values(count, 99), [count]);
    (output.reshape([count]) * weights).sum()
}
