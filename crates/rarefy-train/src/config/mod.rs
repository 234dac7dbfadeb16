//! Configurations: how one is put together from presets, files and overrides, and the settings that all tasks share.

mod error;
mod keys;
pub(crate) mod layers;
mod train;

pub use error::ConfigError;
pub(crate) use keys::{general_variants, table};
pub use train::TrainConfig;
