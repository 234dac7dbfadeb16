//! CPU kernels on plain slices: sparse convolution, pooling, normalisation, activation.
//!
//! Every tensor is a row-major slice [rows, channels] of `f32` or `f64`. The instruction set is chosen when the program
//! runs ([`InstructionSet`]), and the same call gives the same bits for any number of threads: work is cut by the sizes
//! alone and sums run in a fixed order. Two instruction sets agree to rounding, not to the bit.
//!
//! ```
//! use rarefy_geometry::KernelMap;
//! use rarefy_kernels::conv_forward;
//!
//! // A 1×1×1 kernel on two voxels: one channel in, two channels out.
//! let map = KernelMap::identity(2);
//! let mut out = vec![0.0_f32; 4];
//! conv_forward(&map, &[1.0, -1.0], (1, 2), &[3.0, 5.0], &mut out)?;
//! assert_eq!(out, [3.0, -3.0, 5.0, -5.0]);
//! # Ok::<(), rarefy_kernels::ShapeError>(())
//! ```

mod activation;
#[cfg(feature = "mimalloc")]
mod allocator;
mod columns;
mod compiled;
mod convolution;
mod element;
mod ground;
mod isa;
mod norm_act;
mod peak;
mod pooling;
mod row_max;
mod row_sums;
mod segments;
mod shape;
mod storage;
mod sums;
mod vector;

pub use activation::{leaky_relu_backward, leaky_relu_forward};
#[cfg(feature = "mimalloc")]
pub use allocator::keep_freed_memory;
pub use columns::{join_columns, repeat_row, split_columns};
pub use compiled::{CompiledError, CompiledNetwork, CompiledOutput, ConvLayer, NetworkBuilder, Place, Session, Value};
pub use convolution::{
    ChannelGroups, ChannelGroupsError, ConvMemory, ConvPlan, Epilogue, PackedWeights, PairedWeights, Precision,
    conv_forward, conv_inference, conv_inference_paired, conv_input_grad, conv_weight_grad, depthwise_forward,
    depthwise_input_grad, depthwise_weight_grad, fold_batch_norm, fold_scale, group_conv_forward,
    group_conv_input_grad, group_conv_weight_grad, mixed_conv_forward, mixed_conv_input_grad, mixed_conv_weight_grad,
};
pub use element::Element;
pub use ground::{GroundGradients, GroundRows, ground_conv_backward, ground_conv_forward};
pub use half::{bf16, f16};
pub use isa::{InstructionSet, InstructionSetError};
pub use norm_act::{NormAct, NormStats};
pub use peak::{multiply_add_chain, multiply_add_peak};
pub use pooling::{max_pool_backward, max_pool_forward, max_pool_rows};
pub use rarefy_geometry::NO_ROW;
pub use row_max::{row_max_backward, row_max_forward};
pub use row_sums::{RowReduction, row_sums_backward, row_sums_forward};
pub use segments::{segment_max_forward, segment_mean_backward, segment_mean_forward};
pub use shape::ShapeError;
pub use storage::Storage;
pub use sums::column_sums;
