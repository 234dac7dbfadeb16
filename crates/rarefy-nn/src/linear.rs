//! The linear layer over rows.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::Initialiser;
use crate::state_dict::{Binding, Named, StateDictError};

/// `x · weights + bias`.
#[derive(Module, Debug)]
pub struct Linear {
    /// Weights, [1, in, out].
    weights: Param<Tensor<3>>,
    /// Bias, [out].
    bias: Param<Tensor<1>>,
}

impl Linear {
    /// Weights uniform in ±√(6 / (in + out)) (Glorot and Bengio 2010; α = 1 in spec §2.4), bias zero.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, init: &mut Initialiser) -> Self {
        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
        Self { weights: init.uniform([1, inputs, outputs], bound), bias: init.constant([outputs], 0.0) }
    }

    /// `[rows, in]` to `[rows, out]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        rarefy_sparse::linear(x, self.weights.val(), self.bias.val())
    }
}

impl Named for Linear {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        binding.matrix(name, &mut self.weights)?;
        binding.vector(&format!("{name}.bias"), &mut self.bias)
    }
}
