//! The sparse operators on Burn's CPU backend, through the kernels on plain slices.

use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{DType, TensorMetadata};
use burn::tensor::{Bytes, Shape};
use bytemuck::Pod;
use rarefy_geometry::{KernelMap, PoolMap, RowMap};
use rarefy_kernels as cpu;
use rarefy_kernels::{Element as _, Precision};

use crate::kernels::{BatchStatistics, Choice, GroundMap, NormAct, Segments, SparseKernels};

/// An element type that both Burn and the kernels know.
trait Float: cpu::Element + burn::tensor::Element + Pod {
    /// The kernels of a convolution whose factors have this precision; it concerns f32 alone.
    fn passes(_: Precision) -> ConvPasses<Self> {
        ConvPasses::EXACT
    }
}

/// The kernels of a convolution on elements `T`.
struct ConvPasses<T> {
    forward: RowsKernel<T>,
    input_grad: RowsKernel<T>,
    weight_grad: WeightGradKernel<T>,
}

/// Map, weights, channels, rows, sums.
type RowsKernel<T> = fn(&KernelMap, &[T], (usize, usize), &[T], &mut [T]) -> Result<(), cpu::ShapeError>;
/// Map, channels, inputs, output gradients, sums.
type WeightGradKernel<T> = fn(&KernelMap, (usize, usize), &[T], &[T], &mut [T]) -> Result<(), cpu::ShapeError>;

impl<T: cpu::Element> ConvPasses<T> {
    const EXACT: Self =
        Self { forward: cpu::conv_forward, input_grad: cpu::conv_input_grad, weight_grad: cpu::conv_weight_grad };
}

impl Float for f32 {
    fn passes(precision: Precision) -> ConvPasses<Self> {
        match precision {
            Precision::F32 => ConvPasses::EXACT,
            Precision::Bf16 => ConvPasses {
                forward: cpu::mixed_conv_forward,
                input_grad: cpu::mixed_conv_input_grad,
                weight_grad: cpu::mixed_conv_weight_grad,
            },
        }
    }
}

impl Float for f64 {}

/// Shapes are checked where operators take their arguments.
const CHECKED: &str = "shapes were checked";

/// Runs the body with `T` bound to the tensor's element type.
macro_rules! by_float {
    ($tensor:expr, $float:ident => $body:expr) => {
        match $tensor.dtype() {
            DType::F32 => {
                type $float = f32;
                $body
            }
            DType::F64 => {
                type $float = f64;
                $body
            }
            other => panic!("sparse operators on the CPU take f32 or f64, not {other:?}"),
        }
    };
}

/// A tensor whose rows lie one behind the other.
struct Rows<T> {
    tensor: FlexTensor,
    element: std::marker::PhantomData<T>,
}

impl<T: Float> Rows<T> {
    fn of(tensor: FlexTensor) -> Self {
        let tensor = if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() };
        Self { tensor, element: std::marker::PhantomData }
    }

    fn slice(&self) -> &[T] {
        self.tensor.as_slice().expect("contiguous, and of the element type that was matched")
    }

    fn dims<const D: usize>(&self) -> [usize; D] {
        self.tensor.shape().dims()
    }
}

fn tensor<T: Float, const D: usize>(data: Vec<T>, dims: [usize; D]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(data), Layout::contiguous(Shape::from(dims)), T::dtype())
}

/// Settings and statistics of a norm in the kernels' own terms.
fn kernel_norm<'a, T: Float>(gamma: &'a [T], beta: &'a [T], settings: &NormAct) -> cpu::NormAct<'a, T> {
    cpu::NormAct { gamma, beta, slope: settings.slope.map(T::from_f64) }
}

/// The statistics that a norm was given, or that its forward pass left.
fn known_statistics<T: Float>(settings: &NormAct) -> cpu::NormStats<T> {
    let known = settings.statistics();
    let of_f64 = |values: &[f64]| values.iter().map(|&value| cpu::Element::from_f64(value)).collect::<Vec<T>>();
    cpu::NormStats::from_running(&of_f64(&known.mean), &of_f64(&known.variance), settings.epsilon)
}

impl SparseKernels for Flex {
    fn convolve(x: FlexTensor, weights: FlexTensor, map: &KernelMap, precision: Precision) -> FlexTensor {
        by_float!(x, T => {
            let (x, weights) = (Rows::<T>::of(x), Rows::<T>::of(weights));
            let [_, c_in, c_out] = weights.dims();
            let mut out = vec![T::ZERO; map.outputs() * c_out];
            let forward = T::passes(precision).forward;
            forward(map, weights.slice(), (c_in, c_out), x.slice(), &mut out).expect(CHECKED);
            tensor(out, [map.outputs(), c_out])
        })
    }

    fn convolve_input_grad(grad: FlexTensor, weights: FlexTensor, map: &KernelMap, precision: Precision) -> FlexTensor {
        by_float!(grad, T => {
            let (grad, weights) = (Rows::<T>::of(grad), Rows::<T>::of(weights));
            let [_, c_in, c_out] = weights.dims();
            let mut grad_x = vec![T::ZERO; map.inputs() * c_in];
            let input_grad = T::passes(precision).input_grad;
            input_grad(map, weights.slice(), (c_in, c_out), grad.slice(), &mut grad_x).expect(CHECKED);
            tensor(grad_x, [map.inputs(), c_in])
        })
    }

    fn convolve_weight_grad(x: FlexTensor, grad: FlexTensor, map: &KernelMap, precision: Precision) -> FlexTensor {
        by_float!(grad, T => {
            let (x, grad) = (Rows::<T>::of(x), Rows::<T>::of(grad));
            let ([_, c_in], [_, c_out]) = (x.dims(), grad.dims());
            let mut grad_weights = vec![T::ZERO; map.taps() * c_in * c_out];
            let weight_grad = T::passes(precision).weight_grad;
            weight_grad(map, (c_in, c_out), x.slice(), grad.slice(), &mut grad_weights).expect(CHECKED);
            tensor(grad_weights, [map.taps(), c_in, c_out])
        })
    }

    fn linear_rows(x: FlexTensor, weights: FlexTensor, bias: FlexTensor, map: &KernelMap) -> FlexTensor {
        by_float!(x, T => {
            let (x, weights, bias) = (Rows::<T>::of(x), Rows::<T>::of(weights), Rows::<T>::of(bias));
            let [_, c_in, c_out] = weights.dims();
            // The kernel adds to what is there.
            let mut out = vec![T::ZERO; map.outputs() * c_out];
            cpu::repeat_row(bias.slice(), &mut out);
            cpu::conv_forward(map, weights.slice(), (c_in, c_out), x.slice(), &mut out).expect(CHECKED);
            tensor(out, [map.outputs(), c_out])
        })
    }

    fn column_sums(grad: FlexTensor) -> FlexTensor {
        by_float!(grad, T => {
            let grad = Rows::<T>::of(grad);
            let [_, channels] = grad.dims();
            tensor(cpu::column_sums(grad.slice(), channels).expect(CHECKED), [channels])
        })
    }

    fn concatenate(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        by_float!(a, T => {
            let (a, b) = (Rows::<T>::of(a), Rows::<T>::of(b));
            let ([rows, first], [_, second]) = (a.dims(), b.dims());
            let mut out = vec![T::ZERO; rows * (first + second)];
            cpu::join_columns((a.slice(), first), (b.slice(), second), &mut out);
            tensor(out, [rows, first + second])
        })
    }

    fn split(x: FlexTensor, first: usize) -> (FlexTensor, FlexTensor) {
        by_float!(x, T => {
            let x = Rows::<T>::of(x);
            let [rows, channels] = x.dims();
            let second = channels - first;
            let (mut a, mut b) = (vec![T::ZERO; rows * first], vec![T::ZERO; rows * second]);
            cpu::split_columns(x.slice(), (&mut a, first), (&mut b, second));
            (tensor(a, [rows, first]), tensor(b, [rows, second]))
        })
    }

    fn ground_convolve(x: FlexTensor, weights: FlexTensor, bias: FlexTensor, map: &GroundMap) -> FlexTensor {
        by_float!(x, T => {
            let (x, weights, bias) = (Rows::<T>::of(x), Rows::<T>::of(weights), Rows::<T>::of(bias));
            let [_, c_in, c_out] = weights.dims();
            let out = cpu::ground_conv_forward(
                &map.map, (map.input, map.output), weights.slice(), bias.slice(), (c_in, c_out), x.slice(),
            ).expect(CHECKED);
            tensor(out, [map.map.outputs() + usize::from(map.output), c_out])
        })
    }

    fn ground_convolve_grad(
        x: FlexTensor,
        weights: FlexTensor,
        grad: FlexTensor,
        map: &GroundMap,
        wanted: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        by_float!(x, T => {
            let (x, weights, grad) = (Rows::<T>::of(x), Rows::<T>::of(weights), Rows::<T>::of(grad));
            let [taps, c_in, c_out] = weights.dims();
            let gradients = cpu::ground_conv_backward(
                &map.map, (map.input, map.output), weights.slice(), (c_in, c_out), x.slice(), grad.slice(),
                (wanted[0], wanted[1]),
            ).expect(CHECKED);
            let rows = map.map.inputs() + usize::from(map.input);
            [
                gradients.x.map(|x| tensor(x, [rows, c_in])),
                gradients.weights.map(|weights| tensor(weights, [taps, c_in, c_out])),
                Some(tensor(gradients.bias, [c_out])),
            ]
        })
    }

    fn group_convolve(x: FlexTensor, weights: FlexTensor, map: &KernelMap, groups: cpu::ChannelGroups) -> FlexTensor {
        by_float!(x, T => {
            let (x, weights) = (Rows::<T>::of(x), Rows::<T>::of(weights));
            let [_, _, _, group_out] = weights.dims();
            let c_out = groups.groups() * group_out;
            let mut out = vec![T::ZERO; map.outputs() * c_out];
            let done = if groups.is_depthwise() {
                cpu::depthwise_forward(map, weights.slice(), c_out, x.slice(), &mut out)
            } else {
                cpu::group_conv_forward(map, weights.slice(), groups, x.slice(), &mut out)
            };
            done.expect(CHECKED);
            tensor(out, [map.outputs(), c_out])
        })
    }

    fn group_convolve_input_grad(
        grad: FlexTensor,
        weights: FlexTensor,
        map: &KernelMap,
        groups: cpu::ChannelGroups,
    ) -> FlexTensor {
        by_float!(grad, T => {
            let (grad, weights) = (Rows::<T>::of(grad), Rows::<T>::of(weights));
            let [_, _, group_in, _] = weights.dims();
            let c_in = groups.groups() * group_in;
            let mut grad_x = vec![T::ZERO; map.inputs() * c_in];
            let done = if groups.is_depthwise() {
                cpu::depthwise_input_grad(map, weights.slice(), c_in, grad.slice(), &mut grad_x)
            } else {
                cpu::group_conv_input_grad(map, weights.slice(), groups, grad.slice(), &mut grad_x)
            };
            done.expect(CHECKED);
            tensor(grad_x, [map.inputs(), c_in])
        })
    }

    fn group_convolve_weight_grad(
        x: FlexTensor,
        grad: FlexTensor,
        map: &KernelMap,
        groups: cpu::ChannelGroups,
    ) -> FlexTensor {
        by_float!(grad, T => {
            let (x, grad) = (Rows::<T>::of(x), Rows::<T>::of(grad));
            let ([_, c_in], [_, c_out]) = (x.dims(), grad.dims());
            let mut grad_weights = vec![T::ZERO; map.taps() * groups.weights()];
            let done = if groups.is_depthwise() {
                cpu::depthwise_weight_grad(map, c_in, x.slice(), grad.slice(), &mut grad_weights)
            } else {
                cpu::group_conv_weight_grad(map, groups, x.slice(), grad.slice(), &mut grad_weights)
            };
            done.expect(CHECKED);
            let count = groups.groups();
            tensor(grad_weights, [map.taps(), count, c_in / count, c_out / count])
        })
    }

    fn row_sums(x: FlexTensor, map: &RowMap, reduction: cpu::RowReduction) -> FlexTensor {
        by_float!(x, T => {
            let x = Rows::<T>::of(x);
            let [_, channels] = x.dims();
            let mut out = vec![T::ZERO; map.outputs() * channels];
            cpu::row_sums_forward(map, reduction, channels, x.slice(), &mut out).expect(CHECKED);
            tensor(out, [map.outputs(), channels])
        })
    }

    fn row_sums_grad(grad: FlexTensor, map: &RowMap, reduction: cpu::RowReduction) -> FlexTensor {
        by_float!(grad, T => {
            let grad = Rows::<T>::of(grad);
            let [_, channels] = grad.dims();
            let mut grad_x = vec![T::ZERO; map.inputs() * channels];
            cpu::row_sums_backward(map, reduction, channels, grad.slice(), &mut grad_x).expect(CHECKED);
            tensor(grad_x, [map.inputs(), channels])
        })
    }

    fn row_max(x: FlexTensor, map: &RowMap) -> (FlexTensor, Choice) {
        by_float!(x, T => {
            let x = Rows::<T>::of(x);
            let [_, channels] = x.dims();
            let total = map.outputs() * channels;
            let (mut out, mut choice) = (vec![T::ZERO; total], vec![0; total]);
            cpu::row_max_forward(map, channels, x.slice(), &mut out, &mut choice).expect(CHECKED);
            (tensor(out, [map.outputs(), channels]), Arc::new(choice))
        })
    }

    fn max_pool(x: FlexTensor, map: &PoolMap, ground_output: bool) -> (FlexTensor, Choice) {
        by_float!(x, T => {
            let x = Rows::<T>::of(x);
            let [rows, channels] = x.dims();
            let active = (map.starts().len() - 1) * channels;
            let total = active + if ground_output { channels } else { 0 };
            let (mut out, mut choice) = (vec![T::ZERO; total], vec![0; total]);
            cpu::max_pool_rows((map.starts(), map.rows()), channels, x.slice(), &mut out[..active], &mut choice[..active]).expect(CHECKED);
            if ground_output {
                out[active..].copy_from_slice(&x.slice()[(rows - 1) * channels..]);
                choice[active..].fill(rows as u32 - 1);
            }
            (tensor(out, [total / channels, channels]), Arc::new(choice))
        })
    }

    fn max_pool_grad(grad: FlexTensor, choice: &Choice, rows: usize) -> FlexTensor {
        by_float!(grad, T => {
            let grad = Rows::<T>::of(grad);
            let [_, channels] = grad.dims();
            let mut grad_x = vec![T::ZERO; rows * channels];
            cpu::max_pool_backward(choice, channels, grad.slice(), &mut grad_x).expect(CHECKED);
            tensor(grad_x, [rows, channels])
        })
    }

    fn activate(x: FlexTensor, slope: f64) -> FlexTensor {
        by_float!(x, T => {
            let x = Rows::<T>::of(x);
            let mut out = vec![T::ZERO; x.slice().len()];
            cpu::leaky_relu_forward(<T as cpu::Element>::from_f64(slope), x.slice(), &mut out).expect(CHECKED);
            tensor::<T, 2>(out, x.dims())
        })
    }

    fn activate_grad(output: FlexTensor, grad: FlexTensor, slope: f64) -> FlexTensor {
        by_float!(grad, T => {
            let (output, grad) = (Rows::<T>::of(output), Rows::<T>::of(grad));
            let mut grad_x = vec![T::ZERO; grad.slice().len()];
            cpu::leaky_relu_backward(<T as cpu::Element>::from_f64(slope), output.slice(), grad.slice(), &mut grad_x).expect(CHECKED);
            tensor::<T, 2>(grad_x, grad.dims())
        })
    }

    fn norm_act(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        residual: Option<FlexTensor>,
        settings: &NormAct,
    ) -> FlexTensor {
        by_float!(x, T => {
            let (x, gamma, beta) = (Rows::<T>::of(x), Rows::<T>::of(gamma), Rows::<T>::of(beta));
            let residual = residual.map(Rows::<T>::of);
            let [rows, channels] = x.dims();
            let mut out = vec![T::ZERO; rows * channels];
            let norm = kernel_norm(gamma.slice(), beta.slice(), settings);
            let residual = residual.as_ref().map(Rows::slice);
            if settings.is_given() {
                norm.forward(&known_statistics(settings), x.slice(), residual, &mut out).expect(CHECKED);
            } else {
                let statistics = norm.forward_training(settings.epsilon, x.slice(), residual, &mut out).expect(CHECKED);
                settings.leave(BatchStatistics {
                    mean: statistics.mean.iter().map(|&value| cpu::Element::to_f64(value)).collect(),
                    variance: statistics.var.iter().map(|&value| cpu::Element::to_f64(value)).collect(),
                });
            }
            tensor(out, [rows, channels])
        })
    }

    fn norm_act_grad(
        x: FlexTensor,
        gamma: FlexTensor,
        output: FlexTensor,
        grad: FlexTensor,
        residual: bool,
        settings: &NormAct,
    ) -> (FlexTensor, FlexTensor, FlexTensor, Option<FlexTensor>) {
        by_float!(x, T => {
            let (x, gamma) = (Rows::<T>::of(x), Rows::<T>::of(gamma));
            let (output, grad) = (Rows::<T>::of(output), Rows::<T>::of(grad));
            let [rows, channels] = x.dims();
            let statistics = known_statistics::<T>(settings);
            let mut grad_x = vec![T::ZERO; rows * channels];
            let mut grad_residual = residual.then(|| vec![T::ZERO; rows * channels]);
            // The shift does not enter the gradients.
            let norm = kernel_norm(gamma.slice(), gamma.slice(), settings);
            let (known, kept, into) = (&statistics, (x.slice(), output.slice()), grad_residual.as_deref_mut());
            let (grad_gamma, grad_beta) = if settings.is_given() {
                norm.backward_given(known, kept, grad.slice(), &mut grad_x, into)
            } else {
                norm.backward(known, kept, grad.slice(), &mut grad_x, into)
            }
            .expect(CHECKED);
            (
                tensor(grad_x, [rows, channels]),
                tensor(grad_gamma, [channels]),
                tensor(grad_beta, [channels]),
                grad_residual.map(|grad| tensor(grad, [rows, channels])),
            )
        })
    }

    fn segment_max(x: FlexTensor, segments: &Segments) -> (FlexTensor, Choice) {
        by_float!(x, T => {
            let x = Rows::<T>::of(x);
            let [_, channels] = x.dims();
            let total = segments.len() * channels;
            let (mut out, mut choice) = (vec![T::ZERO; total], vec![0; total]);
            cpu::segment_max_forward(segments, channels, x.slice(), &mut out, &mut choice).expect(CHECKED);
            (tensor(out, [segments.len(), channels]), Arc::new(choice))
        })
    }

    fn segment_mean(x: FlexTensor, segments: &Segments) -> FlexTensor {
        by_float!(x, T => {
            let x = Rows::<T>::of(x);
            let [_, channels] = x.dims();
            let mut out = vec![T::ZERO; segments.len() * channels];
            cpu::segment_mean_forward(segments, channels, x.slice(), &mut out).expect(CHECKED);
            tensor(out, [segments.len(), channels])
        })
    }

    fn segment_mean_grad(grad: FlexTensor, segments: &Segments, rows: usize) -> FlexTensor {
        by_float!(grad, T => {
            let grad = Rows::<T>::of(grad);
            let [_, channels] = grad.dims();
            let mut grad_x = vec![T::ZERO; rows * channels];
            cpu::segment_mean_backward(segments, channels, grad.slice(), &mut grad_x).expect(CHECKED);
            tensor(grad_x, [rows, channels])
        })
    }

    fn gather_rows(x: FlexTensor, rows: &[Option<u32>]) -> FlexTensor {
        by_float!(x, T => {
            let x = Rows::<T>::of(x);
            let [_, channels] = x.dims();
            let mut out = vec![T::ZERO; rows.len() * channels];
            for (place, row) in out.chunks_exact_mut(channels).zip(rows) {
                if let Some(row) = *row {
                    place.copy_from_slice(&x.slice()[row as usize * channels..][..channels]);
                }
            }
            tensor(out, [rows.len(), channels])
        })
    }

    fn gather_rows_grad(grad: FlexTensor, rows: &[Option<u32>], count: usize) -> FlexTensor {
        by_float!(grad, T => {
            let grad = Rows::<T>::of(grad);
            let [_, channels] = grad.dims();
            let mut grad_x = vec![T::ZERO; count * channels];
            for (place, row) in grad.slice().chunks_exact(channels).zip(rows) {
                if let Some(row) = *row {
                    let sums = &mut grad_x[row as usize * channels..][..channels];
                    sums.iter_mut().zip(place).for_each(|(sum, &value)| *sum += value);
                }
            }
            tensor(grad_x, [count, channels])
        })
    }
}
