//! Sparse tensors and their differentiable operators on Burn.
//!
//! A [`SparseTensor`] is a matrix of features, one row a voxel, together with the voxel set that says where
//! the rows lie and a cache of the kernel maps that the pass has needed so far. Operators are methods on it.
//! They run on any Burn device that implements [`kernels::SparseKernels`] and are differentiable where the
//! device records gradients.
//!
//! A cloud in, features of each point out:
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use rarefy_sparse::{Interpolation, OutputRule, PointCloud, Reduction, SparseTensor, Window};
//!
//! let (device, half) = (Device::flex(), Window::cubic(2, 2));
//! // Four points of one sample, in units of voxels, with three features each.
//! let cloud = PointCloud::new(vec![[0.2, 0.1, 0.9], [0.4, 0.3, 0.1], [1.5, 0.5, 0.5], [-7.0, 3.2, 2.8]], vec![0; 4], 1)?;
//! let x = SparseTensor::voxelise(&cloud, Tensor::<2>::ones([4, 3], &device), [1; 3], Reduction::Mean)?;
//! let y = x.submanifold_convolution(Tensor::ones([27, 3, 8], &device), [3; 3])?.leaky_relu(0.0);
//! let down = y.convolution(Tensor::ones([8, 8, 16], &device), &half, OutputRule::Floor)?;
//! let up = down.inverse_convolution(Tensor::ones([8, 16, 8], &device), &half, &y)?.concatenate(&y)?;
//! let of_points = up.devoxelise(&cloud, [1; 3], Interpolation::Trilinear)?;
//! assert_eq!((x.voxels().len(), of_points.dims()), (3, [4, 16]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | operator | method |
//! | --- | --- |
//! | submanifold convolution, dilated, in groups, depthwise | [`submanifold_convolution`](SparseTensor::submanifold_convolution), [`dilated_…`](SparseTensor::dilated_submanifold_convolution), [`submanifold_group_…`](SparseTensor::submanifold_group_convolution) |
//! | any window, stride and padding, under every output rule | [`convolution`](SparseTensor::convolution), [`group_convolution`](SparseTensor::group_convolution) |
//! | back onto known voxels, or onto all that are reached | [`inverse_convolution`](SparseTensor::inverse_convolution), [`generative_convolution`](SparseTensor::generative_convolution) |
//! | Graham-2014 "valid" with ground state | [`valid_convolution`](SparseTensor::valid_convolution), [`max_pool`](SparseTensor::max_pool) |
//! | pooling and back | [`max_pool_active`](SparseTensor::max_pool_active), [`sum_pool`](SparseTensor::sum_pool), [`average_pool`](SparseTensor::average_pool), [`unpool`](SparseTensor::unpool), [`global_max_pool`](SparseTensor::global_max_pool) |
//! | points and voxels | [`voxelise`](SparseTensor::voxelise), [`devoxelise`](SparseTensor::devoxelise) |
//! | norms | [`norm_act`](SparseTensor::norm_act), [`layer_norm`](SparseTensor::layer_norm), [`instance_norm`](SparseTensor::instance_norm) |

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
pub use kernels::{BatchStatistics, GroundMap, NormAct, Segments};
pub use operators::{Reduction, linear, norm_act};
pub use points::PointCloud;
pub use rarefy_geometry::{Interpolation, OutputRule, Window};
pub use rarefy_kernels::Precision;
pub use tensor::SparseTensor;
