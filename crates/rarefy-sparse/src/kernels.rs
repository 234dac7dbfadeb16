//! What a backend must be able to do for the sparse operators: forward passes and their gradients, on its own tensors.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use rarefy_geometry::{KernelMap, PoolMap, RowMap};
use rarefy_kernels::{ChannelGroups, Precision, RowReduction};

/// A kernel map together with what is known of the cells that are not active.
#[derive(Clone, Debug)]
pub struct GroundMap {
    /// Pairs between active rows.
    pub map: Arc<KernelMap>,
    /// Whether the input carries a ground-state row behind its active rows.
    pub input: bool,
    /// Whether the output shall carry one.
    pub output: bool,
}

/// Ranges of rows, one a sample, that are reduced to one row each. No range is empty.
pub type Segments = Arc<Vec<Range<usize>>>;

/// Batch statistics, `[channels]` each, as the forward pass found them.
#[derive(Clone, Debug, Default)]
pub struct BatchStatistics {
    /// Mean of each channel.
    pub mean: Vec<f64>,
    /// Biased variance of each channel.
    pub variance: Vec<f64>,
}

/// Settings of a batch norm fused with its activation, and the place where a training pass leaves its statistics.
#[derive(Clone, Debug)]
pub struct NormAct {
    /// Added to the variance.
    pub epsilon: f64,
    /// Slope of the activation below zero: 0 is ReLU; `None` is no activation.
    pub slope: Option<f64>,
    statistics: Arc<Mutex<BatchStatistics>>,
    /// Whether the statistics were known before the pass.
    given: bool,
}

impl NormAct {
    /// A norm with `epsilon` and the activation slope `slope`.
    #[must_use]
    pub fn new(epsilon: f64, slope: Option<f64>) -> Self {
        Self { epsilon, slope, statistics: Arc::default(), given: false }
    }

    /// A norm by `statistics` that were gathered before, as a trained network has them.
    #[must_use]
    pub fn by(statistics: BatchStatistics, epsilon: f64, slope: Option<f64>) -> Self {
        Self { epsilon, slope, statistics: Arc::new(Mutex::new(statistics)), given: true }
    }

    /// Whether the statistics were known before the pass.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.given
    }

    /// The statistics that the forward pass left.
    #[must_use]
    pub fn statistics(&self) -> BatchStatistics {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn leave(&self, statistics: BatchStatistics) {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner) = statistics;
    }
}

/// The rows that a max-pooling chose, one for each output value.
pub type Choice = Arc<Vec<u32>>;

/// Forward passes and gradients of the sparse operators on one backend.
///
/// Feature matrices are `[rows, channels]`, weights `[taps, in channels, out channels]`; gradients have the shape
/// of what they are the gradient of. Every sum runs in a fixed order.
pub trait SparseKernels: Backend {
    /// `out[q] = Σ_k x[p_k(q)] · W[k]`; the precision is that of the factors of f32 tensors.
    fn convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: &KernelMap,
        precision: Precision,
    ) -> FloatTensor<Self>;
    /// Gradient of [`convolve`](Self::convolve) for its input.
    fn convolve_input_grad(
        grad: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: &KernelMap,
        precision: Precision,
    ) -> FloatTensor<Self>;
    /// Gradient of [`convolve`](Self::convolve) for its weights; `taps` is their shape's first axis.
    fn convolve_weight_grad(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        map: &KernelMap,
        precision: Precision,
    ) -> FloatTensor<Self>;

    /// `out[q] = x[q] · W[0] + bias` over the identity map.
    fn linear_rows(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        map: &KernelMap,
    ) -> FloatTensor<Self>;
    /// Sum of each column, `[channels]`: the gradient of a bias.
    fn column_sums(grad: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The columns of `a` followed by those of `b`.
    fn concatenate(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Copies of the columns before and behind column `first`: what [`concatenate`](Self::concatenate) turns round.
    fn split(x: FloatTensor<Self>, first: usize) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Convolution with bias in which inactive cells hold the ground-state row (Graham 2014).
    fn ground_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        map: &GroundMap,
    ) -> FloatTensor<Self>;
    /// Gradients of [`ground_convolve`](Self::ground_convolve) for input, weights and bias.
    fn ground_convolve_grad(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        map: &GroundMap,
        wanted: [bool; 3],
    ) -> [Option<FloatTensor<Self>>; 3];

    /// Convolution in groups; weights are `[taps, groups, in / groups, out / groups]`.
    fn group_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: &KernelMap,
        groups: ChannelGroups,
    ) -> FloatTensor<Self>;
    /// Gradient of [`group_convolve`](Self::group_convolve) for its input.
    fn group_convolve_input_grad(
        grad: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: &KernelMap,
        groups: ChannelGroups,
    ) -> FloatTensor<Self>;
    /// Gradient of [`group_convolve`](Self::group_convolve) for its weights.
    fn group_convolve_weight_grad(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        map: &KernelMap,
        groups: ChannelGroups,
    ) -> FloatTensor<Self>;

    /// Sum or mean of the rows that the map names for each output.
    fn row_sums(x: FloatTensor<Self>, map: &RowMap, reduction: RowReduction) -> FloatTensor<Self>;
    /// Gradient of [`row_sums`](Self::row_sums).
    fn row_sums_grad(grad: FloatTensor<Self>, map: &RowMap, reduction: RowReduction) -> FloatTensor<Self>;
    /// Largest value of the rows that the map names for each output; the first wins a tie.
    fn row_max(x: FloatTensor<Self>, map: &RowMap) -> (FloatTensor<Self>, Choice);

    /// Largest input value of each window; the first row wins a tie. `ground`: both sides carry a ground-state row.
    fn max_pool(x: FloatTensor<Self>, map: &PoolMap, ground_output: bool) -> (FloatTensor<Self>, Choice);
    /// Gradient of [`max_pool`](Self::max_pool) over `rows` input rows.
    fn max_pool_grad(grad: FloatTensor<Self>, choice: &Choice, rows: usize) -> FloatTensor<Self>;

    /// `x` above zero, `slope · x` below.
    fn activate(x: FloatTensor<Self>, slope: f64) -> FloatTensor<Self>;
    /// Gradient of [`activate`](Self::activate) from its output.
    fn activate_grad(output: FloatTensor<Self>, grad: FloatTensor<Self>, slope: f64) -> FloatTensor<Self>;

    /// Batch norm over rows by the statistics of `settings`, or by the batch's own where they are not given, plus
    /// `residual`, then the activation.
    fn norm_act(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        settings: &NormAct,
    ) -> FloatTensor<Self>;
    /// Gradients of [`norm_act`](Self::norm_act) for `x`, `gamma`, `beta` and, where `residual`, the residual.
    fn norm_act_grad(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        output: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        residual: bool,
        settings: &NormAct,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, Option<FloatTensor<Self>>);

    /// Largest value of each segment and channel.
    fn segment_max(x: FloatTensor<Self>, segments: &Segments) -> (FloatTensor<Self>, Choice);
    /// Mean of each segment and channel.
    fn segment_mean(x: FloatTensor<Self>, segments: &Segments) -> FloatTensor<Self>;
    /// Gradient of [`segment_mean`](Self::segment_mean) over `rows` input rows.
    fn segment_mean_grad(grad: FloatTensor<Self>, segments: &Segments, rows: usize) -> FloatTensor<Self>;

    /// Row `rows[i]` of `x` for each cell `i`, zeros where there is none.
    fn gather_rows(x: FloatTensor<Self>, rows: &[Option<u32>]) -> FloatTensor<Self>;
    /// Gradient of [`gather_rows`](Self::gather_rows) over `count` input rows.
    fn gather_rows_grad(grad: FloatTensor<Self>, rows: &[Option<u32>], count: usize) -> FloatTensor<Self>;
}
