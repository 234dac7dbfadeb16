//! Sparse 3D networks, one file each, and the configuration that chooses between them.
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

mod config;
mod s3dcnn;
mod s3dcnn_modern;
mod trace;

pub use config::{ConfigError, ModelConfig, Network, Output};
pub use s3dcnn::{S3dcnn, S3dcnnConfig};
pub use s3dcnn_modern::{S3dcnnModern, S3dcnnModernConfig};
pub use trace::{LayerRecord, Trace};
