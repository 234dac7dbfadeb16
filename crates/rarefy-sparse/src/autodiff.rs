//! The operators on a backend that records gradients, and the dispatch from a run-time device to either.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension};
use rarefy_geometry::{KernelMap, PoolMap, RowMap};
use rarefy_kernels::{ChannelGroups, Precision, RowReduction};

use crate::kernels::{Choice, GroundMap, NormAct, Segments, SparseKernels};

/// Rows to gather, `None` for a row of zeros.
pub(crate) type RowList = Arc<Vec<Option<u32>>>;

/// The sparse operators as a device sees them, recorded where the device records gradients.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait SparseOps: Backend {
    fn op_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: Arc<KernelMap>,
        precision: Precision,
    ) -> FloatTensor<Self>;
    fn op_linear(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        map: Arc<KernelMap>,
    ) -> FloatTensor<Self>;
    fn op_concatenate(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    fn op_ground_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        map: GroundMap,
    ) -> FloatTensor<Self>;
    fn op_max_pool(x: FloatTensor<Self>, map: Arc<PoolMap>, ground_output: bool) -> FloatTensor<Self>;
    fn op_group_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: Arc<KernelMap>,
        groups: ChannelGroups,
    ) -> FloatTensor<Self>;
    fn op_row_sums(x: FloatTensor<Self>, map: Arc<RowMap>, reduction: RowReduction) -> FloatTensor<Self>;
    fn op_row_max(x: FloatTensor<Self>, map: Arc<RowMap>) -> FloatTensor<Self>;
    fn op_leaky_relu(x: FloatTensor<Self>, slope: f64) -> FloatTensor<Self>;
    fn op_norm_act(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: NormAct,
    ) -> FloatTensor<Self>;
    fn op_norm_act_residual(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        settings: NormAct,
    ) -> FloatTensor<Self>;
    fn op_segment_max(x: FloatTensor<Self>, segments: Segments) -> FloatTensor<Self>;
    fn op_segment_mean(x: FloatTensor<Self>, segments: Segments) -> FloatTensor<Self>;
    fn op_gather_rows(x: FloatTensor<Self>, rows: RowList) -> FloatTensor<Self>;
}

impl SparseOps for burn::backend::Flex {
    fn op_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: Arc<KernelMap>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        Self::convolve(x, weights, &map, precision)
    }
    fn op_linear(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        map: Arc<KernelMap>,
    ) -> FloatTensor<Self> {
        Self::linear_rows(x, weights, bias, &map)
    }
    fn op_concatenate(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::concatenate(a, b)
    }
    fn op_ground_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        map: GroundMap,
    ) -> FloatTensor<Self> {
        Self::ground_convolve(x, weights, bias, &map)
    }
    fn op_max_pool(x: FloatTensor<Self>, map: Arc<PoolMap>, ground_output: bool) -> FloatTensor<Self> {
        Self::max_pool(x, &map, ground_output).0
    }
    fn op_group_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: Arc<KernelMap>,
        groups: ChannelGroups,
    ) -> FloatTensor<Self> {
        Self::group_convolve(x, weights, &map, groups)
    }
    fn op_row_sums(x: FloatTensor<Self>, map: Arc<RowMap>, reduction: RowReduction) -> FloatTensor<Self> {
        Self::row_sums(x, &map, reduction)
    }
    fn op_row_max(x: FloatTensor<Self>, map: Arc<RowMap>) -> FloatTensor<Self> {
        Self::row_max(x, &map).0
    }
    fn op_leaky_relu(x: FloatTensor<Self>, slope: f64) -> FloatTensor<Self> {
        Self::activate(x, slope)
    }
    fn op_norm_act(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: NormAct,
    ) -> FloatTensor<Self> {
        Self::norm_act(x, gamma, beta, None, &settings)
    }
    fn op_norm_act_residual(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        settings: NormAct,
    ) -> FloatTensor<Self> {
        Self::norm_act(x, gamma, beta, Some(residual), &settings)
    }
    fn op_segment_max(x: FloatTensor<Self>, segments: Segments) -> FloatTensor<Self> {
        Self::segment_max(x, &segments).0
    }
    fn op_segment_mean(x: FloatTensor<Self>, segments: Segments) -> FloatTensor<Self> {
        Self::segment_mean(x, &segments)
    }
    fn op_gather_rows(x: FloatTensor<Self>, rows: RowList) -> FloatTensor<Self> {
        Self::gather_rows(x, &rows)
    }
}

/// What an operator keeps of its forward pass, and how it turns the gradient of its output into those of its inputs.
trait Recorded<B: Backend, const N: usize>: Clone + Debug + Send + 'static {
    /// Gradients of the inputs; those that are not `wanted` may be left out.
    fn gradients(self, grad: FloatTensor<B>, wanted: [bool; N]) -> [Option<FloatTensor<B>>; N];
}

#[derive(Debug)]
struct Step<R>(PhantomData<R>);

impl<B: Backend, R: Recorded<B, N>, const N: usize> Backward<B, N> for Step<R> {
    type State = R;

    fn backward(self, ops: Ops<R, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        for (parent, gradient) in ops.parents.into_iter().zip(ops.state.gradients(grad, wanted)) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// Runs `forward` on the plain tensors of `inputs` and records what it kept.
#[expect(clippy::redundant_closure_for_method_calls, reason = "Burn does not name the type that has these methods")]
fn record<B: Backend, C: CheckpointStrategy, R: Recorded<B, N>, const N: usize>(
    inputs: [FloatTensor<Autodiff<B, C>>; N],
    forward: impl FnOnce([FloatTensor<B>; N]) -> (FloatTensor<B>, R),
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = inputs.each_ref().map(|input| input.node());
    let (output, kept) = forward(inputs.map(|input| input.into_primitive()));
    match Step::<R>(PhantomData).prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(kept, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

#[derive(Clone, Debug)]
struct Convolution<T> {
    x: T,
    weights: T,
    map: Arc<KernelMap>,
    precision: Precision,
}

impl<B: SparseKernels> Recorded<B, 2> for Convolution<FloatTensor<B>> {
    fn gradients(self, grad: FloatTensor<B>, wanted: [bool; 2]) -> [Option<FloatTensor<B>>; 2] {
        let Self { x, weights, map, precision } = self;
        [
            wanted[0].then(|| B::convolve_input_grad(grad.clone(), weights, &map, precision)),
            wanted[1].then(|| B::convolve_weight_grad(x, grad, &map, precision)),
        ]
    }
}

/// A linear layer; the same fields as a convolution, and a bias, whose gradient needs neither.
#[derive(Clone, Debug)]
struct Linear<T>(Convolution<T>);

impl<B: SparseKernels> Recorded<B, 3> for Linear<FloatTensor<B>> {
    fn gradients(self, grad: FloatTensor<B>, wanted: [bool; 3]) -> [Option<FloatTensor<B>>; 3] {
        let bias = wanted[2].then(|| B::column_sums(grad.clone()));
        let [x, weights] = Recorded::<B, 2>::gradients(self.0, grad, [wanted[0], wanted[1]]);
        [x, weights, bias]
    }
}

#[derive(Clone, Debug)]
struct Concatenation {
    /// Columns of the first tensor.
    first: usize,
}

impl<B: SparseKernels> Recorded<B, 2> for Concatenation {
    fn gradients(self, grad: FloatTensor<B>, _: [bool; 2]) -> [Option<FloatTensor<B>>; 2] {
        let (a, b) = B::split(grad, self.first);
        [Some(a), Some(b)]
    }
}

#[derive(Clone, Debug)]
struct GroundConvolution<T> {
    x: T,
    weights: T,
    map: GroundMap,
}

impl<B: SparseKernels> Recorded<B, 3> for GroundConvolution<FloatTensor<B>> {
    fn gradients(self, grad: FloatTensor<B>, wanted: [bool; 3]) -> [Option<FloatTensor<B>>; 3] {
        B::ground_convolve_grad(self.x, self.weights, grad, &self.map, wanted)
    }
}

#[derive(Clone, Debug)]
struct GroupConvolution<T> {
    x: T,
    weights: T,
    map: Arc<KernelMap>,
    groups: ChannelGroups,
}

impl<B: SparseKernels> Recorded<B, 2> for GroupConvolution<FloatTensor<B>> {
    fn gradients(self, grad: FloatTensor<B>, wanted: [bool; 2]) -> [Option<FloatTensor<B>>; 2] {
        let Self { x, weights, map, groups } = self;
        [
            wanted[0].then(|| B::group_convolve_input_grad(grad.clone(), weights, &map, groups)),
            wanted[1].then(|| B::group_convolve_weight_grad(x, grad, &map, groups)),
        ]
    }
}

#[derive(Clone, Debug)]
struct RowSums {
    map: Arc<RowMap>,
    reduction: RowReduction,
}

impl<B: SparseKernels> Recorded<B, 1> for RowSums {
    fn gradients(self, grad: FloatTensor<B>, _: [bool; 1]) -> [Option<FloatTensor<B>>; 1] {
        [Some(B::row_sums_grad(grad, &self.map, self.reduction))]
    }
}

/// A pooling that passes each output's gradient to the one row that it chose.
#[derive(Clone, Debug)]
struct Chosen {
    choice: Choice,
    rows: usize,
}

impl<B: SparseKernels> Recorded<B, 1> for Chosen {
    fn gradients(self, grad: FloatTensor<B>, _: [bool; 1]) -> [Option<FloatTensor<B>>; 1] {
        [Some(B::max_pool_grad(grad, &self.choice, self.rows))]
    }
}

#[derive(Clone, Debug)]
struct LeakyRelu<T> {
    output: T,
    slope: f64,
}

impl<B: SparseKernels> Recorded<B, 1> for LeakyRelu<FloatTensor<B>> {
    fn gradients(self, grad: FloatTensor<B>, _: [bool; 1]) -> [Option<FloatTensor<B>>; 1] {
        [Some(B::activate_grad(self.output, grad, self.slope))]
    }
}

#[derive(Clone, Debug)]
struct Norm<T> {
    x: T,
    gamma: T,
    output: T,
    settings: NormAct,
}

impl<B: SparseKernels> Recorded<B, 3> for Norm<FloatTensor<B>> {
    fn gradients(self, grad: FloatTensor<B>, _: [bool; 3]) -> [Option<FloatTensor<B>>; 3] {
        let (x, gamma, beta, _) = B::norm_act_grad(self.x, self.gamma, self.output, grad, false, &self.settings);
        [Some(x), Some(gamma), Some(beta)]
    }
}

impl<B: SparseKernels> Recorded<B, 4> for Norm<FloatTensor<B>> {
    fn gradients(self, grad: FloatTensor<B>, _: [bool; 4]) -> [Option<FloatTensor<B>>; 4] {
        let (x, gamma, beta, residual) = B::norm_act_grad(self.x, self.gamma, self.output, grad, true, &self.settings);
        [Some(x), Some(gamma), Some(beta), residual]
    }
}

#[derive(Clone, Debug)]
struct SegmentMean {
    segments: Segments,
    rows: usize,
}

impl<B: SparseKernels> Recorded<B, 1> for SegmentMean {
    fn gradients(self, grad: FloatTensor<B>, _: [bool; 1]) -> [Option<FloatTensor<B>>; 1] {
        [Some(B::segment_mean_grad(grad, &self.segments, self.rows))]
    }
}

#[derive(Clone, Debug)]
struct Gather {
    rows: RowList,
    count: usize,
}

impl<B: SparseKernels> Recorded<B, 1> for Gather {
    fn gradients(self, grad: FloatTensor<B>, _: [bool; 1]) -> [Option<FloatTensor<B>>; 1] {
        [Some(B::gather_rows_grad(grad, &self.rows, self.count))]
    }
}

fn row_count(x: &impl TensorMetadata) -> usize {
    x.shape()[0]
}

impl<B: SparseKernels, C: CheckpointStrategy> SparseOps for Autodiff<B, C> {
    fn op_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: Arc<KernelMap>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        record::<B, C, _, 2>([x, weights], |[x, weights]| {
            let output = B::convolve(x.clone(), weights.clone(), &map, precision);
            (output, Convolution { x, weights, map, precision })
        })
    }

    fn op_linear(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        map: Arc<KernelMap>,
    ) -> FloatTensor<Self> {
        record::<B, C, _, 3>([x, weights, bias], |[x, weights, bias]| {
            let output = B::linear_rows(x.clone(), weights.clone(), bias, &map);
            (output, Linear(Convolution { x, weights, map, precision: Precision::F32 }))
        })
    }

    fn op_concatenate(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<B, C, _, 2>([a, b], |[a, b]| {
            let first = a.shape()[1];
            (B::concatenate(a, b), Concatenation { first })
        })
    }

    fn op_ground_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        map: GroundMap,
    ) -> FloatTensor<Self> {
        record::<B, C, _, 3>([x, weights, bias], |[x, weights, bias]| {
            let output = B::ground_convolve(x.clone(), weights.clone(), bias, &map);
            (output, GroundConvolution { x, weights, map })
        })
    }

    fn op_max_pool(x: FloatTensor<Self>, map: Arc<PoolMap>, ground_output: bool) -> FloatTensor<Self> {
        record::<B, C, _, 1>([x], |[x]| {
            let rows = row_count(&x);
            let (output, choice) = B::max_pool(x, &map, ground_output);
            (output, Chosen { choice, rows })
        })
    }

    fn op_group_convolve(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        map: Arc<KernelMap>,
        groups: ChannelGroups,
    ) -> FloatTensor<Self> {
        record::<B, C, _, 2>([x, weights], |[x, weights]| {
            let output = B::group_convolve(x.clone(), weights.clone(), &map, groups);
            (output, GroupConvolution { x, weights, map, groups })
        })
    }

    fn op_row_sums(x: FloatTensor<Self>, map: Arc<RowMap>, reduction: RowReduction) -> FloatTensor<Self> {
        record::<B, C, _, 1>([x], |[x]| (B::row_sums(x, &map, reduction), RowSums { map, reduction }))
    }

    fn op_row_max(x: FloatTensor<Self>, map: Arc<RowMap>) -> FloatTensor<Self> {
        record::<B, C, _, 1>([x], |[x]| {
            let rows = row_count(&x);
            let (output, choice) = B::row_max(x, &map);
            (output, Chosen { choice, rows })
        })
    }

    fn op_leaky_relu(x: FloatTensor<Self>, slope: f64) -> FloatTensor<Self> {
        record::<B, C, _, 1>([x], |[x]| {
            let output = B::activate(x, slope);
            (output.clone(), LeakyRelu { output, slope })
        })
    }

    fn op_norm_act(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: NormAct,
    ) -> FloatTensor<Self> {
        record::<B, C, _, 3>([x, gamma, beta], |[x, gamma, beta]| {
            let output = B::norm_act(x.clone(), gamma.clone(), beta, None, &settings);
            (output.clone(), Norm { x, gamma, output, settings })
        })
    }

    fn op_norm_act_residual(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        settings: NormAct,
    ) -> FloatTensor<Self> {
        record::<B, C, _, 4>([x, gamma, beta, residual], |[x, gamma, beta, residual]| {
            let output = B::norm_act(x.clone(), gamma.clone(), beta, Some(residual), &settings);
            (output.clone(), Norm { x, gamma, output, settings })
        })
    }

    fn op_segment_max(x: FloatTensor<Self>, segments: Segments) -> FloatTensor<Self> {
        record::<B, C, _, 1>([x], |[x]| {
            let rows = row_count(&x);
            let (output, choice) = B::segment_max(x, &segments);
            (output, Chosen { choice, rows })
        })
    }

    fn op_segment_mean(x: FloatTensor<Self>, segments: Segments) -> FloatTensor<Self> {
        record::<B, C, _, 1>([x], |[x]| {
            let rows = row_count(&x);
            (B::segment_mean(x, &segments), SegmentMean { segments, rows })
        })
    }

    fn op_gather_rows(x: FloatTensor<Self>, rows: RowList) -> FloatTensor<Self> {
        record::<B, C, _, 1>([x], |[x]| {
            let count = row_count(&x);
            (B::gather_rows(x, &rows), Gather { rows, count })
        })
    }
}
