//! The differentiable operators, one file each.

mod activation;
mod combine;
mod convolution;
mod dense;
mod drop_out;
mod feature_norm;
mod global_pool;
mod group_convolution;
mod linear;
mod max_pool;
mod norm;
mod point_voxel;
mod sum_pool;
mod transposed_convolution;

pub(crate) use dense::gather_rows;
pub use linear::linear;
pub use norm::norm_act;
pub use point_voxel::Reduction;
