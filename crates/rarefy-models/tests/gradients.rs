//! The recorded gradients of whole networks in training, against central differences in f64.
//!
//! Each parameter tensor, and the input, is moved along a random direction: every element of its gradient counts.

mod common;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Device, Gradients, Tensor, TensorData};
use common::{cloud, host, in_f64};
use rarefy_models::{
    MinkUNetConfig, Mode, SegmentationConfig, SegmentationNetwork, SparseConvUNetConfig, SpvcnnConfig, Trace,
};
use rarefy_sparse::PointCloud;
use rarefy_testkit::random_values;

const POINTS: usize = 220;
/// Steps of the differences.
const STEPS: [f64; 3] = [1e-6, 1e-7, 1e-8];
/// Wanted agreement, relative.
const BOUND: f64 = 1e-5;

fn f64s<const D: usize>(values: Vec<f64>, dims: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, dims), (device, DType::F64))
}

/// A number that all scores enter, each with another weight.
fn loss(network: &SegmentationNetwork, cloud: &PointCloud, features: Tensor<2>) -> Tensor<1> {
    let scores = network.forward(cloud, features, Mode::Training { seed: 11 }, &mut Trace::off()).unwrap();
    let weights = random_values(scores.shape().num_elements(), 99);
    let weights = f64s(weights, scores.dims(), &scores.device());
    (scores * weights).sum()
}

/// The slope of the recorded gradient along the direction of each parameter.
struct Slopes<'a> {
    gradients: &'a Gradients,
    found: Vec<(ParamId, f64)>,
}

impl ModuleVisitor for Slopes<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            let gradient = host(gradient);
            let direction = random_values(gradient.len(), param.id.val());
            self.found.push((param.id, gradient.iter().zip(direction).map(|(a, b)| a * b).sum()));
        }
    }
}

/// Moves one parameter along its direction.
struct Move {
    id: ParamId,
    step: f64,
}

impl ModuleMapper for Move {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if param.id != self.id {
            return param;
        }
        let direction = random_values(param.val().shape().num_elements(), param.id.val());
        param.map(|old| {
            let moved = host(old.clone()).iter().zip(direction).map(|(value, way)| value + self.step * way).collect();
            f64s(moved, old.dims(), &old.device())
        })
    }
}

fn check(config: &SegmentationConfig) {
    let device = Device::flex().autodiff();
    let network = in_f64(config.init(5, &device));
    let cloud = cloud(POINTS, 24.0, 1);
    let inputs = config.features();
    let values = random_values(POINTS * inputs, 2);
    let features = |values: Vec<f64>| f64s(values, [POINTS, inputs], &device);
    let recorded = features(values.clone()).require_grad();
    let gradients = loss(&network, &cloud, recorded.clone()).backward();
    let mut slopes = Slopes { gradients: &gradients, found: Vec::new() };
    network.visit(&mut slopes);
    // A ReLU that changes its side inside of a step bends the difference: a shorter step then leaves it out.
    let check = |found: f64, at: &dyn Fn(f64) -> f64, what: &dyn std::fmt::Debug| {
        let difference = |step: f64| (at(step) - at(-step)) / (2.0 * step);
        let apart = |step| (found - difference(step)).abs() / found.abs().max(1.0);
        let least = STEPS.into_iter().map(apart).find(|&apart| apart < BOUND);
        let seen = STEPS.map(difference);
        assert!(least.is_some(), "{}, {what:?}: recorded {found}, central differences {seen:?}", config.name());
    };
    for &(id, found) in &slopes.found {
        let at = |step| host(loss(&network.clone().map(&mut Move { id, step }), &cloud, features(values.clone())))[0];
        check(found, &at, &id);
    }
    let direction = random_values(values.len(), 3);
    let found: f64 = host(recorded.grad(&gradients).unwrap()).iter().zip(&direction).map(|(a, b)| a * b).sum();
    let at = |step: f64| {
        let moved = values.iter().zip(&direction).map(|(value, way)| value + step * way).collect();
        host(loss(&network, &cloud, features(moved)))[0]
    };
    check(found, &at, &"input");
    let mut count = Count(0);
    network.visit(&mut count);
    assert_eq!(slopes.found.len(), count.0, "{}: every parameter has a gradient", config.name());
}

/// Counts the tensors that training changes.
struct Count(usize);

impl ModuleVisitor for Count {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0 += usize::from(param.val().is_require_grad());
    }
}

#[test]
fn minkunet_gradients_are_right() {
    check(&SegmentationConfig::MinkUNet(MinkUNetConfig {
        blocks: vec![1; 8],
        ..MinkUNetConfig::new(3).with_width(0.0625)
    }));
}

#[test]
fn spvcnn_gradients_are_right() {
    check(&SegmentationConfig::Spvcnn(SpvcnnConfig::new(3).with_width(0.0625)));
}

#[test]
fn sparse_conv_unet_gradients_are_right() {
    for residual in [false, true] {
        let config = SparseConvUNetConfig { channels: 2, levels: 4, residual, ..SparseConvUNetConfig::new(3) };
        check(&SegmentationConfig::SparseConvUNet(config));
    }
}
