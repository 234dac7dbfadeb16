//! Compiled networks: convolutions with folded norms, packed once and run over one geometry after another.
//!
//! A [`NetworkBuilder`] takes the layers ([`ConvLayer`]) and says which reads which; [`CompiledNetwork`] is the result,
//! free of any geometry. A [`Session`] holds what belongs to one cloud: voxel sets, kernel maps, tiles and the buffers of the
//! values, which share their memory where one is dead before the other is born. Invariant: a pass over the geometry of
//! the pass before allocates nothing.
//!
//! ```
//! use std::sync::Arc;
//!
//! use rarefy_geometry::{OutputRule, VoxelSet, Window};
//! use rarefy_kernels::{ConvLayer, NetworkBuilder, Place, Session};
//!
//! let half = Window::cubic(2, 2);
//! let mut network = NetworkBuilder::new(3);
//! let stem = ConvLayer::new(vec![0.1_f32; 27 * 3 * 8], (3, 8))?
//!     .with_batch_norm(&[1.0; 8], &[0.5; 8], &[0.0; 8], &[2.0; 8], 1e-5)?
//!     .with_activation(0.0);
//! let x = network.convolve(network.input(), Place::submanifold([3; 3]), stem, None)?;
//! let block = ConvLayer::new(vec![0.1; 27 * 8 * 8], (8, 8))?.with_activation(0.0);
//! let y = network.convolve(x, Place::submanifold([3; 3]), block, Some(x))?;
//! let down = ConvLayer::new(vec![0.1; 8 * 8 * 16], (8, 16))?;
//! let z = network.convolve(y, Place::Strided(half, OutputRule::Floor), down, None)?;
//!
//! let mut session = Session::new(Arc::new(network.build(z)?));
//! let voxels = Arc::new(VoxelSet::new(&[[0, 3, 3, 3], [0, 3, 3, 4]], 1)?);
//! let output = session.run(&voxels, &[1.0; 2 * 3])?;
//! assert_eq!((output.voxels.len(), output.features.len()), (2, 2 * 16));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffers;
mod error;
mod geometry;
mod layer;
mod network;
mod session;

pub use error::CompiledError;
pub use layer::ConvLayer;
pub use network::{CompiledNetwork, NetworkBuilder, Place, Value};
pub use session::{CompiledOutput, Session};
