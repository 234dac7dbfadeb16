//! Layers, losses, optimisers and schedules for sparse networks.

mod convolution;
mod count;
mod init;
mod linear;
mod norm;

pub use convolution::{PointwiseConvolution, StridedConvolution, SubmanifoldConvolution, ValidConvolution};
pub use count::ParameterCount;
pub use init::Initialiser;
pub use linear::Linear;
pub use norm::BatchNormAct;
