//! Sparse tensors and their differentiable operators on Burn.
//!
//! A [`SparseTensor`] is a matrix of features, one row a voxel, together with the voxel set that says where
//! the rows lie and a cache of the kernel maps that the pass has needed so far. Operators are methods on it.
//! They run on any Burn device that implements [`kernels::SparseKernels`] and are differentiable where the
//! device records gradients.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use rarefy_sparse::SparseTensor;
//!
//! let device = Device::flex();
//! let coords = [[0, 1, 1, 1], [0, 1, 1, 2], [0, 5, 5, 5]];
//! let features = Tensor::<2>::ones([3, 4], &device);
//! let input = SparseTensor::new(&coords, 1, [8, 8, 8], features)?;
//! let weights = Tensor::<3>::ones([27, 4, 2], &device);
//! let output = input.submanifold_convolution(weights, [3; 3])?;
//! // Two neighbours see each other; the third voxel sees itself alone.
//! assert_eq!(output.features().to_data().to_vec::<f32>()?, [8., 8., 8., 8., 4., 4.]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod autodiff;
mod cache;
mod error;
mod flex;
pub mod kernels;
mod operators;
mod points;
mod tensor;

pub use cache::GeometryCache;
pub use error::SparseError;
pub use kernels::{GroundMap, NormAct, Segments};
pub use operators::{Reduction, linear};
pub use points::PointCloud;
pub use rarefy_geometry::{Interpolation, OutputRule, Window};
pub use tensor::SparseTensor;
