//! Batch norm over voxels with its activation (Ioffe and Szegedy 2015).

use burn::module::{Module, Param, RunningState};
use burn::tensor::{Tensor, TensorData};
use rarefy_sparse::{NormAct, SparseError, SparseTensor};

use crate::Initialiser;

const EPSILON: f64 = 1e-5;
/// Share of the new statistics in the running ones.
const MOMENTUM: f64 = 0.1;

/// Batch norm, an optional residual sum, and a leaky ReLU, in one pass over the voxels.
#[derive(Module, Debug)]
pub struct BatchNormAct {
    /// Scale, [channels].
    gamma: Param<Tensor<1>>,
    /// Shift, [channels].
    beta: Param<Tensor<1>>,
    running_mean: RunningState<Tensor<1>>,
    running_variance: RunningState<Tensor<1>>,
    #[module(skip)]
    slope: Option<f64>,
}

impl BatchNormAct {
    /// γ = 1, β = 0, running mean 0 and variance 1; `slope` of the activation below zero, `None` for none.
    #[must_use]
    pub fn new(channels: usize, slope: Option<f64>, init: &mut Initialiser) -> Self {
        Self {
            gamma: init.constant([channels], 1.0),
            beta: init.constant([channels], 0.0),
            running_mean: init.running(channels, 0.0),
            running_variance: init.running(channels, 1.0),
            slope,
        }
    }

    /// Norms `x`, adds `residual` and activates: by the batch's statistics in training, else by the running ones.
    ///
    /// # Errors
    ///
    /// When the residual lies on other voxels.
    pub fn forward(
        &self,
        x: &SparseTensor,
        residual: Option<&SparseTensor>,
        training: bool,
    ) -> Result<SparseTensor, SparseError> {
        if training { self.forward_training(x, residual) } else { self.forward_inference(x, residual) }
    }

    fn forward_training(&self, x: &SparseTensor, residual: Option<&SparseTensor>) -> Result<SparseTensor, SparseError> {
        let settings = NormAct::new(EPSILON, self.slope);
        let output = x.norm_act(self.gamma.val(), self.beta.val(), residual, &settings)?;
        let batch = settings.statistics();
        let rows = x.features().dims()[0] as f64;
        // The running variance is the unbiased one; the batch itself is normed by the biased one.
        let unbiased = rows / (rows - 1.0).max(1.0);
        blend(&self.running_mean, batch.mean.iter().copied());
        blend(&self.running_variance, batch.variance.iter().map(|variance| variance * unbiased));
        Ok(output)
    }

    fn forward_inference(
        &self,
        x: &SparseTensor,
        residual: Option<&SparseTensor>,
    ) -> Result<SparseTensor, SparseError> {
        let scale = self.gamma.val() / (self.running_variance.value() + EPSILON).sqrt();
        let shift = self.beta.val() - self.running_mean.value() * scale.clone();
        x.scale_act(scale, shift, residual, self.slope)
    }
}

/// Moves a running statistic towards that of the batch, in f32 on the host: a few numbers, and always the same bits.
fn blend(running: &RunningState<Tensor<1>>, batch: impl Iterator<Item = f64>) {
    let old = running.value();
    let device = old.device();
    let old = old.into_data();
    let step = |(old, new): (f64, f64)| (old + MOMENTUM * (new - old)) as f32;
    let blended: Vec<f32> = old.iter::<f64>().zip(batch).map(step).collect();
    let count = blended.len();
    running.update(Tensor::from_data(TensorData::new(blended, [count]), &device));
    running.value_sync();
}
