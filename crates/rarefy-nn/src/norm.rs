//! Batch norm over voxels or points with its activation (Ioffe and Szegedy 2015).

use burn::module::{Module, Param, RunningState};
use burn::tensor::{Tensor, TensorData};
use rarefy_sparse::{BatchStatistics, NormAct, SparseError, SparseTensor, norm_act};

use crate::Initialiser;
use crate::state_dict::{Binding, Named, StateDictError};

const EPSILON: f64 = 1e-5;
/// Share of the new statistics in the running ones.
const MOMENTUM: f64 = 0.1;

/// Batch norm, an optional residual sum, and a leaky ReLU, in one pass over the rows.
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
    #[module(skip)]
    epsilon: f64,
    #[module(skip)]
    momentum: f64,
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
            epsilon: EPSILON,
            momentum: MOMENTUM,
        }
    }

    /// Another ε under the root, and another share of the new statistics in the running ones.
    #[must_use]
    pub fn with_settings(self, epsilon: f64, momentum: f64) -> Self {
        Self { epsilon, momentum, ..self }
    }

    /// Norms `x`, adds `residual` and activates: by the batch's statistics in training, else by the running ones.
    ///
    /// # Errors
    ///
    /// When the input has another width or the residual lies on other voxels.
    pub fn forward(
        &self,
        x: &SparseTensor,
        residual: Option<&SparseTensor>,
        training: bool,
    ) -> Result<SparseTensor, SparseError> {
        let settings = self.settings(training);
        let output = x.norm_act(self.gamma.val(), self.beta.val(), residual, &settings)?;
        self.follow(&settings, x.features().dims()[0]);
        Ok(output)
    }

    /// The same over the rows of a matrix, `[rows, channels]`.
    #[must_use]
    pub fn forward_rows(&self, x: Tensor<2>, training: bool) -> Tensor<2> {
        let settings = self.settings(training);
        let rows = x.dims()[0];
        let output = norm_act(x, (self.gamma.val(), self.beta.val()), None, &settings);
        self.follow(&settings, rows);
        output
    }

    fn settings(&self, training: bool) -> NormAct {
        if training {
            return NormAct::new(self.epsilon, self.slope);
        }
        let host = |state: &RunningState<Tensor<1>>| state.value().into_data().iter::<f64>().collect();
        let known = BatchStatistics { mean: host(&self.running_mean), variance: host(&self.running_variance) };
        NormAct::by(known, self.epsilon, self.slope)
    }

    /// Moves the running statistics towards those of a batch of `rows` rows, if it was normed by its own.
    fn follow(&self, settings: &NormAct, rows: usize) {
        if settings.is_given() {
            return;
        }
        let batch = settings.statistics();
        // The running variance is the unbiased one; the batch itself is normed by the biased one.
        let unbiased = rows as f64 / (rows as f64 - 1.0).max(1.0);
        blend(&self.running_mean, batch.mean.iter().copied(), self.momentum);
        blend(&self.running_variance, batch.variance.iter().map(|variance| variance * unbiased), self.momentum);
    }
}

impl Named for BatchNormAct {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        let name = binding.naming().norm(name);
        binding.vector(&format!("{name}.weight"), &mut self.gamma)?;
        binding.vector(&format!("{name}.bias"), &mut self.beta)?;
        binding.running(&format!("{name}.running_mean"), &self.running_mean)?;
        binding.running(&format!("{name}.running_var"), &self.running_variance)
    }
}

/// Moves a running statistic towards that of the batch, on the host: a few numbers, and always the same bits.
fn blend(running: &RunningState<Tensor<1>>, batch: impl Iterator<Item = f64>, momentum: f64) {
    let old = running.value();
    let (device, dtype) = (old.device(), old.dtype());
    let old = old.into_data();
    let step = |(old, new): (f64, f64)| (old + momentum * (new - old)) as f32;
    let blended: Vec<f32> = old.iter::<f64>().zip(batch).map(step).collect();
    let count = blended.len();
    running.update(Tensor::from_data(TensorData::new(blended, [count]), (&device, dtype)));
    running.value_sync();
}
