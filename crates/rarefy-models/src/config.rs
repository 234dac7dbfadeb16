//! The choice of a network by configuration.

use std::ops::RangeInclusive;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rarefy_nn::Initialiser;
use rarefy_sparse::{SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use crate::{S3dcnn, S3dcnnConfig, S3dcnnModern, S3dcnnModernConfig, Trace};

/// A setting of a network is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("model.{key} = {got} is out of range: it must lie in {allowed}")]
pub struct ConfigError {
    /// Name of the setting.
    pub key: &'static str,
    /// Its value.
    pub got: String,
    /// What is possible.
    pub allowed: String,
}

impl ConfigError {
    pub(crate) fn check(key: &'static str, got: usize, allowed: RangeInclusive<usize>) -> Result<(), Self> {
        if allowed.contains(&got) {
            return Ok(());
        }
        Err(Self { key, got: got.to_string(), allowed: format!("{allowed:?}") })
    }

    /// A share above 0, up to 1.
    pub(crate) fn check_share(key: &'static str, got: f64) -> Result<(), Self> {
        if got > 0.0 && got <= 1.0 {
            return Ok(());
        }
        Err(Self { key, got: got.to_string(), allowed: "0..=1, 0 left out".into() })
    }
}

/// Which network, and its shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// The network of the paper.
    S3dcnn(S3dcnnConfig),
    /// Submanifold residual blocks.
    S3dcnnModern(S3dcnnModernConfig),
}

impl ModelConfig {
    /// Name of the preset family, as in configurations.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::S3dcnn(_) => "s3dcnn",
            Self::S3dcnnModern(_) => "s3dcnn-modern",
        }
    }

    /// Number of classes; 0 while it is not known.
    #[must_use]
    pub fn classes(&self) -> usize {
        match self {
            Self::S3dcnn(config) => config.classes,
            Self::S3dcnnModern(config) => config.classes,
        }
    }

    /// The same network for another number of classes.
    #[must_use]
    pub fn with_classes(mut self, classes: usize) -> Self {
        match &mut self {
            Self::S3dcnn(config) => config.classes = classes,
            Self::S3dcnnModern(config) => config.classes = classes,
        }
        self
    }

    /// Feature channels of the input.
    #[must_use]
    pub fn features(&self) -> usize {
        match self {
            Self::S3dcnn(config) => config.features,
            Self::S3dcnnModern(config) => config.features,
        }
    }

    /// The grid that the network reads.
    #[must_use]
    pub fn input_grid(&self) -> [i32; 3] {
        match self {
            Self::S3dcnn(config) => [config.input_size() as i32; 3],
            Self::S3dcnnModern(config) => [config.grid as i32; 3],
        }
    }

    /// Whether every setting can be built.
    ///
    /// # Errors
    ///
    /// Names the first setting that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self {
            Self::S3dcnn(config) => config.validate(),
            Self::S3dcnnModern(config) => config.validate(),
        }
    }

    /// A network whose weights `seed` determines.
    #[must_use]
    pub fn init(&self, seed: u64, device: &Device) -> Network {
        let mut init = Initialiser::new(seed, device);
        match self {
            Self::S3dcnn(config) => Network::S3dcnn(config.init(&mut init)),
            Self::S3dcnnModern(config) => Network::S3dcnnModern(config.init(&mut init)),
        }
    }
}

/// What a network says of a batch.
#[derive(Clone, Debug)]
pub struct Output {
    /// One descriptor a sample, [samples, width].
    pub descriptors: Tensor<2>,
    /// Class scores before the softmax, [samples, classes].
    pub logits: Tensor<2>,
}

/// Any of the networks.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "one network lives at a time")]
pub enum Network {
    /// The network of the paper.
    S3dcnn(S3dcnn),
    /// Submanifold residual blocks.
    S3dcnnModern(S3dcnnModern),
}

impl Network {
    /// Descriptors and class scores of a batch; `training` norms by the batch's own statistics.
    ///
    /// # Errors
    ///
    /// When the input does not fit the network.
    pub fn forward(&self, input: SparseTensor, training: bool) -> Result<Output, SparseError> {
        self.forward_traced(input, training, &mut Trace::off())
    }

    /// As [`forward`](Self::forward), and tells `trace` what each layer did.
    ///
    /// # Errors
    ///
    /// When the input does not fit the network.
    pub fn forward_traced(
        &self,
        input: SparseTensor,
        training: bool,
        trace: &mut Trace,
    ) -> Result<Output, SparseError> {
        match self {
            Self::S3dcnn(network) => network.forward(input, trace),
            Self::S3dcnnModern(network) => network.forward(&input, training, trace),
        }
    }

    /// Number of values that training changes (running statistics are not among them).
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let mut count = rarefy_nn::ParameterCount::default();
        self.visit(&mut count);
        count.total()
    }
}
