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

use rarefy_geometry::check_memory;

use crate::SparseError;

/// Whether there is memory for `rows` rows of `channels` channels in f32, which are `what`.
pub(crate) fn check_room(what: &'static str, rows: usize, channels: usize) -> Result<(), SparseError> {
    Ok(check_memory(what, rows.saturating_mul(channels).saturating_mul(size_of::<f32>()))?)
}
