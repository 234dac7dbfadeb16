//! Layers, losses, optimisers and schedules for sparse networks.

mod convolution;
mod count;
mod cross_entropy;
mod init;
mod linear;
mod nag_light;
mod norm;
mod optimiser;
mod schedule;
mod setting;
mod triplet;

pub use convolution::{PointwiseConvolution, StridedConvolution, SubmanifoldConvolution, ValidConvolution};
pub use count::ParameterCount;
pub use cross_entropy::{CrossEntropy, Reduction};
pub use init::Initialiser;
pub use linear::Linear;
pub use nag_light::{NagLight, NagLightState};
pub use norm::BatchNormAct;
pub use optimiser::OptimiserConfig;
pub use schedule::{Position, Schedule};
pub use setting::SettingError;
pub use triplet::{Distance, Mining, Triples, TripletLoss, TripletOutput};
