//! The differentiable operators, one file each.

mod activation;
mod convolution;
mod dense;
mod global_pool;
mod linear;
mod max_pool;
mod norm;

pub(crate) use dense::gather_rows;
pub use linear::linear;
