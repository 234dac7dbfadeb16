//! Layers, losses, optimisers and schedules for sparse networks.
//!
//! Layers take their initial weights from one [`Initialiser`], so that a seed fixes every bit of a network, and number
//! their parameters in the order in which they are made, so that an optimiser's record fits the same network in another
//! process. Losses and the triplet miner work on plain tensors, [samples, values].
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use rarefy_nn::{BatchNormAct, Initialiser, SubmanifoldConvolution};
//! use rarefy_sparse::SparseTensor;
//!
//! let device = Device::flex();
//! let mut init = Initialiser::new(7, &device);
//! let (convolution, norm) = (SubmanifoldConvolution::new((1, 8), 3, &mut init), BatchNormAct::new(8, Some(0.0), &mut init));
//!
//! // Two voxels of one sample in a grid of 16³, with one feature each.
//! let features = Tensor::<2>::from_data([[1.0], [-2.0]], &device);
//! let x = SparseTensor::new(&[[0, 3, 3, 3], [0, 3, 3, 4]], 1, [16; 3], features)?;
//! let y = norm.forward(&convolution.forward(&x)?, None, false)?;
//! assert_eq!(y.features().dims(), [2, 8]);
//! # Ok::<(), rarefy_sparse::SparseError>(())
//! ```

mod convolution;
mod count;
mod cross_entropy;
mod init;
mod layout;
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
pub use layout::{LayoutError, WeightLayout, WeightShape};
pub use linear::Linear;
pub use nag_light::{NagLight, NagLightState};
pub use norm::BatchNormAct;
pub use optimiser::OptimiserConfig;
pub use schedule::{Position, Schedule};
pub use setting::SettingError;
pub use triplet::{Distance, Mining, Triples, TripletLoss, TripletOutput};
