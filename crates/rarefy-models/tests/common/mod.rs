//! Random clouds, and networks whose every tensor holds random values.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this one")]

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};
use rarefy_models::{SegmentationConfig, SegmentationNetwork};
use rarefy_nn::{Naming, StateDict};
use rarefy_sparse::PointCloud;
use rarefy_testkit::random_values;

/// Points of two samples in ±`half`, and the sample of each.
pub fn points(count: usize, half: f64, seed: u64) -> (Vec<[f32; 3]>, Vec<i32>) {
    let values = random_values(3 * count, seed);
    let places = values.chunks_exact(3).map(|place| [place[0], place[1], place[2]].map(|at| (at * half) as f32));
    (places.collect(), (0..count).map(|point| i32::from(point % 5 < 2)).collect())
}

/// The same as a cloud.
pub fn cloud(count: usize, half: f64, seed: u64) -> PointCloud {
    let (places, sample_of) = points(count, half, seed);
    PointCloud::new(places, sample_of, 2).unwrap()
}

/// An f32 matrix.
pub fn matrix(values: &[f64], columns: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    let rows = values.len() / columns;
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

/// Random values for every tensor of a state dict; scales and variances stay above zero.
pub fn randomised(mut dict: StateDict) -> StateDict {
    for (seed, (name, tensor)) in dict.iter_mut().enumerate() {
        let random = random_values(tensor.values.len(), 1000 + seed as u64);
        let norm = tensor.shape.len() == 1;
        let fan = if norm { 1.0 } else { (tensor.values.len() / tensor.shape[tensor.shape.len() - 1]) as f64 };
        for (value, random) in tensor.values.iter_mut().zip(random) {
            let positive = norm && (name.ends_with("weight") || name.ends_with("running_var"));
            *value = if positive { 1.0 + 0.5 * random } else { random / fan.sqrt() } as f32;
        }
    }
    dict
}

/// A network with random values everywhere, in norms too, and its state dict.
pub fn random_network(config: &SegmentationConfig, device: &Device) -> (SegmentationNetwork, StateDict) {
    let mut network = config.init(1, device);
    let dict = randomised(network.export(Naming::TorchSparse).unwrap());
    let report = network.import(&dict, Naming::TorchSparse).unwrap();
    assert!(report.left.is_empty() && report.missing.is_empty());
    (network, dict)
}

/// The network in double precision.
pub fn in_f64(network: SegmentationNetwork) -> SegmentationNetwork {
    struct Widen;
    impl ModuleMapper for Widen {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|old| {
                let new = Tensor::from_data(old.clone().into_data(), (&old.device(), DType::F64));
                if old.is_require_grad() { new.require_grad() } else { new }
            })
        }
    }
    network.map(&mut Widen)
}

/// The values of a tensor.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
