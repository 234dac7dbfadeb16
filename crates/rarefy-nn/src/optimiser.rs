//! The choice of an optimiser by configuration.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, Optimizer, SgdConfig};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::NagLight;
use crate::setting::{SettingError, check, check_factor, check_rate};

/// Which optimiser, and its settings. Weight decay leaves out biases and the scales and shifts of norms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimiserConfig {
    /// Gradient descent with momentum.
    Sgd {
        /// Share of the last step in the next, 0 for none.
        #[serde(default = "momentum")]
        momentum: f64,
        /// Looks ahead as Nesterov does.
        #[serde(default)]
        nesterov: bool,
        /// Pull of the weights towards zero, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
    },
    /// The optimiser of S3DCNN, see [`NagLight`].
    NagLight {
        /// μ.
        #[serde(default = "heavy_momentum")]
        momentum: f64,
    },
    /// Adam (Kingma and Ba 2015).
    Adam {
        /// Share of the past in the mean of the gradient.
        #[serde(default = "momentum")]
        beta1: f64,
        /// Share of the past in the mean of its square.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the mean square.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Pull of the weights towards zero, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).
    Adamw {
        /// Share of the past in the mean of the gradient.
        #[serde(default = "momentum")]
        beta1: f64,
        /// Share of the past in the mean of its square.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the mean square.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Share of the weights, times the rate, that each step takes away.
        #[serde(default = "weight_decay")]
        weight_decay: f64,
    },
}

fn momentum() -> f64 {
    0.9
}
fn heavy_momentum() -> f64 {
    0.99
}
fn beta2() -> f64 {
    0.999
}
fn epsilon() -> f64 {
    1e-8
}
fn weight_decay() -> f64 {
    0.01
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self::Adamw { beta1: momentum(), beta2: beta2(), epsilon: epsilon(), weight_decay: weight_decay() }
    }
}

impl OptimiserConfig {
    /// The optimiser for the parameters of `module`.
    #[must_use]
    pub fn init<M: Module>(&self, module: &M) -> ModuleOptimizer {
        match *self {
            Self::Sgd { momentum, nesterov, weight_decay } => {
                grouped(module, weight_decay, |decay| sgd(momentum, nesterov, decay).build())
            }
            Self::NagLight { momentum } => NagLight::new(momentum).into(),
            Self::Adam { beta1, beta2, epsilon, weight_decay } => grouped(module, weight_decay, |decay| {
                let decay = (decay > 0.0).then_some(WeightDecayConfig { penalty: decay as f32 });
                let config = AdamConfig::new().with_weight_decay(decay);
                config.with_beta_1(beta1 as f32).with_beta_2(beta2 as f32).with_epsilon(epsilon as f32).build()
            }),
            Self::Adamw { beta1, beta2, epsilon, weight_decay } => grouped(module, weight_decay, |decay| {
                let config = AdamWConfig::new().with_weight_decay(decay as f32);
                config.with_beta_1(beta1 as f32).with_beta_2(beta2 as f32).with_epsilon(epsilon as f32).build()
            }),
        }
    }

    /// Whether every setting lies in its range.
    ///
    /// # Errors
    ///
    /// Names the first setting that does not.
    pub fn check(&self) -> Result<(), SettingError> {
        match *self {
            Self::Sgd { momentum, weight_decay, .. } => {
                check_factor("momentum", momentum)?;
                check_rate("weight_decay", weight_decay)
            }
            Self::NagLight { momentum } => check_factor("momentum", momentum),
            Self::Adam { beta1, beta2, epsilon, weight_decay }
            | Self::Adamw { beta1, beta2, epsilon, weight_decay } => {
                check_factor("beta1", beta1)?;
                check_factor("beta2", beta2)?;
                check(epsilon > 0.0 && epsilon.is_finite(), "epsilon", epsilon, "a number above 0")?;
                check_rate("weight_decay", weight_decay)
            }
        }
    }
}

fn sgd(momentum: f64, nesterov: bool, decay: f64) -> SgdConfig {
    let momentum = (momentum > 0.0).then_some(MomentumConfig { momentum, dampening: 0.0, nesterov });
    let decay = (decay > 0.0).then_some(WeightDecayConfig { penalty: decay as f32 });
    SgdConfig::new().with_momentum(momentum).with_weight_decay(decay)
}

/// One optimiser for matrices, with weight decay, and one without for all vectors (biases and norms).
fn grouped<M: Module, O: Optimizer>(module: &M, decay: f64, build: impl Fn(f64) -> O) -> ModuleOptimizer {
    let optimiser = ModuleOptimizer::from(build(decay));
    if decay == 0.0 {
        return optimiser;
    }
    let mut vectors = Vectors::default();
    module.visit(&mut vectors);
    optimiser.with_group(ParamGroup::from_ids(vectors.ids), build(0.0), None)
}

/// Collects the parameters of rank 1.
#[derive(Default)]
struct Vectors {
    ids: Vec<ParamId>,
}

impl ModuleVisitor for Vectors {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if D == 1 {
            self.ids.push(param.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Initialiser, Linear};
    use burn::optim::{GradientsParams, OptimizerRecord};
    use burn::tensor::Device;

    const ALL: [OptimiserConfig; 4] = [
        OptimiserConfig::Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.1 },
        OptimiserConfig::NagLight { momentum: 0.9 },
        OptimiserConfig::Adam { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.1 },
        OptimiserConfig::Adamw { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.1 },
    ];

    fn layer() -> (Linear, Device) {
        let device = Device::flex().autodiff();
        (Linear::new(3, 2, &mut Initialiser::new(1, &device)), device)
    }

    fn train(mut layer: Linear, optimiser: &mut ModuleOptimizer, scales: &[f32], device: &Device) -> Linear {
        for &scale in scales {
            let x = Tensor::<2>::full([2, 3], scale, device);
            let gradients = layer.forward(x).powi_scalar(2).sum().backward();
            let gradients = GradientsParams::from_grads(gradients, &layer);
            layer = optimiser.step(0.05, layer, gradients);
        }
        layer
    }

    fn output(layer: &Linear, device: &Device) -> Vec<f32> {
        layer.forward(Tensor::<2>::ones([1, 3], device)).into_data().try_to_vec().unwrap()
    }

    #[test]
    fn every_optimiser_resumes_from_its_bytes_to_the_same_bits() {
        for config in ALL {
            let (start, device) = layer();
            let mut whole = config.init(&start);
            let expected = train(start.clone(), &mut whole, &[1.0, 0.5, 2.0, 0.1], &device);
            let mut first = config.init(&start);
            let half = train(start.clone(), &mut first, &[1.0, 0.5], &device);
            let record = OptimizerRecord::from_bytes(first.into_bytes().unwrap()).unwrap();
            let mut second = config.init(&half).load_record(record);
            let got = train(half, &mut second, &[2.0, 0.1], &device);
            assert_eq!(output(&got, &device), output(&expected, &device), "{config:?}");
        }
    }

    #[test]
    fn every_optimiser_descends() {
        for config in ALL {
            let (start, device) = layer();
            let trained = train(start.clone(), &mut config.init(&start), &[1.0; 40], &device);
            let size = |layer: &Linear| output(layer, &device).iter().map(|x| x * x).sum::<f32>();
            assert!(size(&trained) < 0.5 * size(&start), "{config:?}");
        }
    }
}
