//! The point branch of SPVConv: linear, batch norm, ReLU on every point (Tang et al. 2020; spec §4.3).

use burn::module::Module;
use burn::tensor::Tensor;

use crate::state_dict::{Binding, Named, StateDictError};
use crate::{BatchNormAct, Initialiser, Linear};

/// One linear layer with batch norm and ReLU, the same for every point.
#[derive(Module, Debug)]
pub struct PointMlp {
    linear: Linear,
    norm: BatchNormAct,
}

impl PointMlp {
    /// From `inputs` to `outputs` channels.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, init: &mut Initialiser) -> Self {
        Self { linear: Linear::new(inputs, outputs, init), norm: BatchNormAct::new(outputs, Some(0.0), init) }
    }

    /// `[points, in]` to `[points, out]`; `training` norms by the batch's own statistics.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>, training: bool) -> Tensor<2> {
        self.norm.forward_rows(self.linear.forward(x), training)
    }
}

impl Named for PointMlp {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        self.linear.bind(&format!("{name}.0"), binding)?;
        self.norm.bind(&format!("{name}.1"), binding)
    }
}
