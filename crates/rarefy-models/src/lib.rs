//! Sparse 3D networks, one file each, and the configurations that choose between them.
//!
//! [`ModelConfig`] makes networks that describe a shape, [`SegmentationConfig`] those that label every point of a scene.
//!
//! ```
//! use burn::tensor::Device;
//! use rarefy_models::{ModelConfig, S3dcnnConfig};
//!
//! let config = ModelConfig::S3dcnn(S3dcnnConfig::new(40));
//! assert_eq!(config.input_grid(), [126; 3]);
//! let network = config.init(1, &Device::flex());
//! assert_eq!(network.parameter_count(), 582_088);
//! ```
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use rarefy_models::{Mode, SegmentationConfig, SpvcnnConfig, Trace};
//! use rarefy_sparse::PointCloud;
//!
//! let network = SegmentationConfig::Spvcnn(SpvcnnConfig::new(19).with_width(0.25)).init(1, &Device::flex());
//! // Three points of one sample, in units of voxels, with four features each.
//! let cloud = PointCloud::new(vec![[0.2, 0.1, 0.9], [0.4, 0.3, 0.1], [7.5, -3.5, 1.5]], vec![0; 3], 1)?;
//! let features = Tensor::<2>::ones([3, 4], &Device::flex());
//! let scores = network.forward(&cloud, features, Mode::Evaluation, &mut Trace::off())?;
//! assert_eq!(scores.dims(), [3, 19]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blocks;
mod config;
mod minkunet;
mod mode;
mod s3dcnn;
mod s3dcnn_modern;
mod segmentation;
mod sparse_conv_unet;
mod sparse_resnet21d;
mod spvcnn;
mod trace;
mod unet;
mod unet_names;

pub use config::{ConfigError, ModelConfig, Network, Output};
pub use minkunet::{MinkUNet, MinkUNetConfig};
pub use mode::Mode;
pub use s3dcnn::{S3dcnn, S3dcnnConfig};
pub use s3dcnn_modern::{S3dcnnModern, S3dcnnModernConfig};
pub use segmentation::{BranchedScores, SegmentationConfig, SegmentationNetwork};
pub use sparse_conv_unet::{SparseConvUNet, SparseConvUNetConfig};
pub use sparse_resnet21d::{SparseResNet21d, SparseResNet21dConfig};
pub use spvcnn::{Branches, Spvcnn, SpvcnnConfig};
pub use trace::{LayerRecord, Trace};
pub use unet::Widen;
pub use unet_names::{BlockNames, UNetNames};
