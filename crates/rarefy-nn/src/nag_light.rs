//! NAG-light, the optimiser of S3DCNN (spec §2.4): `w −= μm; m = μm − lr(1 − μ)g; w += (1 + μ)m`.
//!
//! Invariant: between steps a parameter stands ahead of its trajectory by μm, which is where the gradient is taken.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

/// Nesterov's accelerated gradient with the step scaled by 1 − μ.
#[derive(Clone, Debug)]
pub struct NagLight {
    momentum: f64,
}

/// The momentum of one parameter.
#[derive(Clone, Debug)]
pub struct NagLightState<const D: usize> {
    /// m, of the shape of the parameter.
    velocity: Tensor<D>,
}

impl NagLight {
    /// The optimiser with momentum μ, in 0..1.
    #[must_use]
    pub fn new(momentum: f64) -> Self {
        Self { momentum }
    }
}

impl Optimizer for NagLight {
    type State<const D: usize> = NagLightState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let pull = grad.mul_scalar(-lr * (1.0 - self.momentum));
        let (start, velocity) = match state {
            Some(NagLightState { velocity }) => {
                let carried = velocity.mul_scalar(self.momentum);
                (tensor - carried.clone(), carried + pull)
            }
            None => (tensor, pull),
        };
        let moved = start + velocity.clone().mul_scalar(1.0 + self.momentum);
        (moved, Some(NagLightState { velocity }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        NagLightState { velocity: state.velocity.to_device(device) }
    }
}

const VELOCITY: &str = "velocity";

impl<const D: usize> RecordState for NagLightState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, VELOCITY, self.velocity.to_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let data = source.take_tensor(prefix, VELOCITY)?;
        Some(Self { velocity: Tensor::from_data(data, device) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(tensor: &Tensor<1>) -> f64 {
        f64::from(tensor.clone().into_scalar::<f32>())
    }

    #[test]
    fn two_steps_give_the_figures_of_example_4() {
        let device = Device::flex();
        let (optimiser, gradient) = (NagLight::new(0.9), Tensor::<1>::ones([1], &device));
        let (w, state) = optimiser.step(0.1, Tensor::<1>::ones([1], &device), gradient.clone(), None);
        assert!((scalar(&w) - 0.981).abs() < 1e-6);
        assert!((scalar(&state.as_ref().unwrap().velocity) + 0.01).abs() < 1e-7);
        let (w, state) = optimiser.step(0.1, w, gradient, state);
        assert!((scalar(&w) - 0.9539).abs() < 1e-6);
        assert!((scalar(&state.unwrap().velocity) + 0.019).abs() < 1e-7);
    }
}
