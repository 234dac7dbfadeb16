//! Initial weights, drawn from one seeded stream and numbered in the order in which they are made.
//!
//! Burn numbers parameters at random; here the number is the ordinal, so that the optimiser records of two runs of
//! the same configuration name the same parameters.

use burn::module::{Param, ParamId, RunningState};
use burn::tensor::{Device, Shape, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Set in the number of running statistics, which are saved with a network but not trained.
const RUNNING: u64 = 1 << 40;

/// Whether `id` was given to a running statistic.
pub(crate) fn is_running(id: ParamId) -> bool {
    id.val() & RUNNING != 0
}

/// The range of the initial weights of a convolution, uniform in ± a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightRange {
    /// √(6 / (taps · in)) (He et al. 2015).
    #[default]
    He,
    /// 1 / √(taps · n), n = in, or out where transposed: that of TorchSparse and MinkowskiEngine (spec §1.4).
    TorchSparse,
}

/// Makes the parameters of a network, one after the other.
#[derive(Debug)]
pub struct Initialiser {
    rng: ChaCha8Rng,
    next_id: u64,
    device: Device,
    range: WeightRange,
}

impl Initialiser {
    /// A stream of parameters on `device` that `seed` determines.
    #[must_use]
    pub fn new(seed: u64, device: &Device) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), next_id: 1, device: device.clone(), range: WeightRange::default() }
    }

    /// Draws the weights of the convolutions that follow from another range.
    pub fn set_weight_range(&mut self, range: WeightRange) {
        self.range = range;
    }

    /// The weights of a convolution, `[taps, in, out]`; each of its sums is over `fan` channels a tap.
    pub(crate) fn convolution(&mut self, dims: [usize; 3], fan: usize) -> Param<Tensor<3>> {
        let terms = (dims[0] * fan).max(1) as f64;
        let bound = match self.range {
            WeightRange::He => (6.0 / terms).sqrt(),
            WeightRange::TorchSparse => 1.0 / terms.sqrt(),
        };
        self.uniform(dims, bound)
    }

    /// A parameter of shape `dims`, uniform in ±`bound`.
    pub fn uniform<const D: usize>(&mut self, dims: [usize; D], bound: f64) -> Param<Tensor<D>> {
        let count = dims.iter().product();
        let values = (0..count).map(|_| self.rng.random_range(-1.0..=1.0) * bound).map(|value: f64| value as f32);
        let data = TensorData::new(values.collect(), Shape::from(dims));
        self.parameter(data)
    }

    /// A parameter of shape `dims` that holds `value` everywhere.
    pub fn constant<const D: usize>(&mut self, dims: [usize; D], value: f32) -> Param<Tensor<D>> {
        let data = TensorData::full(Shape::from(dims), value);
        self.parameter(data)
    }

    /// A running statistic `[channels]` that starts at `value`; it is saved with the network but not optimised.
    pub fn running(&mut self, channels: usize, value: f32) -> RunningState<Tensor<1>> {
        let data = TensorData::full([channels], value);
        let id = ParamId::from(self.next_id().val() | RUNNING);
        RunningState::with_id(id, Tensor::from_data(data, &self.device))
    }

    fn parameter<const D: usize>(&mut self, data: TensorData) -> Param<Tensor<D>> {
        let id = self.next_id();
        let tensor = Tensor::from_data(data, &self.device);
        let tensor = if self.device.is_autodiff() { tensor.require_grad() } else { tensor };
        Param::initialized(id, tensor)
    }

    fn next_id(&mut self) -> ParamId {
        let id = ParamId::from(self.next_id);
        self.next_id += 1;
        id
    }
}
