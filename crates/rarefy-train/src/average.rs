//! The moving average of a network's weights over the steps of its training.
//!
//! Averages generalise better than the weights of any one step and need no schedule that ends low (Polyak and Juditsky,
//! *Acceleration of Stochastic Approximation by Averaging*, 1992). Running statistics are averaged, too.

use burn::module::Module;

use crate::weights::{HostTensors, tensors_of, with_tensors};

/// The average so far.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WeightAverage {
    decay: f64,
    tensors: HostTensors,
}

impl WeightAverage {
    /// An average that begins with the weights of `network`; `decay` is what remains of it after a step.
    pub(crate) fn new(decay: f64, network: &impl Module) -> Self {
        Self { decay, tensors: tensors_of(network) }
    }

    /// Goes on from saved tensors.
    pub(crate) fn from_tensors(decay: f64, tensors: HostTensors) -> Self {
        Self { decay, tensors }
    }

    /// Takes in the weights after step `step`, counted from 1. The first steps count more, so that the initial weights
    /// are soon forgotten: the decay is at most (1 + step) / (10 + step).
    pub(crate) fn update(&mut self, network: &impl Module, step: u64) {
        let decay = self.decay.min((1.0 + step as f64) / (10.0 + step as f64));
        let new = tensors_of(network);
        for (average, new) in self.tensors.values_mut().zip(new.values()) {
            for (average, new) in average.bytes.as_chunks_mut::<4>().0.iter_mut().zip(new.bytes.as_chunks::<4>().0) {
                let (old, new) = (f64::from(f32::from_le_bytes(*average)), f64::from(f32::from_le_bytes(*new)));
                *average = ((decay * old + (1.0 - decay) * new) as f32).to_le_bytes();
            }
        }
    }

    /// The inference form of `network` with the averaged weights. Not a clone of it, which would share its running
    /// statistics.
    pub(crate) fn network<M: Module>(&self, network: &M) -> M {
        with_tensors(network.valid(), self.tensors.clone())
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[derive(Module, Debug)]
    struct Single {
        weight: Param<Tensor<1>>,
    }

    fn single(value: f32) -> Single {
        Single { weight: Param::from_tensor(Tensor::from_floats([value, -value], &Device::flex())) }
    }

    fn value(average: &WeightAverage) -> Vec<f32> {
        average.network(&single(0.0)).weight.val().into_data().iter::<f32>().collect()
    }

    #[test]
    fn an_average_follows_its_recursion_and_keeps_what_does_not_change() {
        let mut average = WeightAverage::new(0.5, &single(1.0));
        average.update(&single(1.0), 1);
        assert_eq!(value(&average), [1.0, -1.0]);
        // Step 2 would allow 3/12; from step 8 on (9/18) the decay is the one asked for.
        average.update(&single(5.0), 2);
        assert_eq!(value(&average), [4.0, -4.0]);
        average.update(&single(2.0), 100);
        assert_eq!(value(&average), [3.0, -3.0]);
    }
}
