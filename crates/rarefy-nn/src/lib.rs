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

mod convention;
mod convolution;
mod count;
mod cross_entropy;
mod init;
mod layout;
mod linear;
mod lovasz;
mod nag_light;
mod norm;
mod optimiser;
mod point_mlp;
mod schedule;
mod segmentation_loss;
mod setting;
mod state_dict;
mod triplet;

pub use convention::{AxisOrder, Convention, Naming};
pub use convolution::{
    InverseConvolution, PointwiseConvolution, StridedConvolution, SubmanifoldConvolution, ValidConvolution,
    WindowConvolution,
};
pub use count::ParameterCount;
pub use cross_entropy::{CrossEntropy, Reduction};
pub use init::{Initialiser, WeightRange};
pub use layout::{LayoutError, WeightLayout, WeightShape};
pub use linear::Linear;
pub use lovasz::LovaszSoftmax;
pub use nag_light::{NagLight, NagLightState};
pub use norm::BatchNormAct;
pub use optimiser::OptimiserConfig;
pub use point_mlp::PointMlp;
pub use schedule::{Position, Schedule};
pub use segmentation_loss::SegmentationLoss;
pub use setting::SettingError;
pub use state_dict::{
    Binding, ImportReport, Named, NamedTensor, StateDict, StateDictError, export_state_dict, import_state_dict,
};
pub use triplet::{Distance, Mining, Triples, TripletLoss, TripletOutput};
