//! Voxel sets, the block index, kernel maps, meshes and their voxelisation: the integer side of sparse networks.
//!
//! A [`VoxelSet`] holds unique coordinates (sample, x, y, z) of a whole batch, sorted by 4×4×4 block, so that finding a
//! neighbour's row is a population count. A [`KernelMap`] says which rows meet under which tap of a kernel. Nothing here
//! learns or reads files, and every result is the same for any number of threads.
//!
//! ```
//! use rarefy_geometry::{Interpolation, KernelMap, OutputRule, Points, RowMap, Window, output_voxels};
//!
//! // Three points in units of voxels, two of them in one voxel.
//! let places = [[0.25, 0.5, 0.0], [0.75, 0.25, 0.5], [1.5, 0.5, 0.25]];
//! let points = Points::of_one_sample(&places)?;
//! let voxels = points.quantise([1; 3])?;
//! assert_eq!(voxels.set.coords(), [[0, 0, 0, 0], [0, 1, 0, 0]]);
//!
//! // A 3³ kernel meets each voxel itself and its neighbour; a window of two with stride two holds both.
//! let map = KernelMap::submanifold(&voxels.set, [3; 3], [1; 3])?;
//! assert_eq!(map.pair_count(), 4);
//! let coarse = output_voxels(&voxels.set, &Window::cubic(2, 2), OutputRule::Floor)?;
//! assert_eq!(coarse.len(), 1);
//!
//! // Which points make up each voxel, and which voxels each point reads.
//! assert_eq!(RowMap::voxelisation_of(&voxels)?.rows(), [0, 1, 2]);
//! let reads = RowMap::devoxelisation(points, &voxels.set, [1; 3], Interpolation::Trilinear)?;
//! assert_eq!(reads.weights().map(|weights| weights[0]), Some(0.75));
//! # Ok::<(), rarefy_geometry::GeometryError>(())
//! ```

mod block_table;
mod devoxelisation;
mod error;
mod halved;
mod hood;
mod kernel_map;
mod map_build;
mod map_cells;
mod map_chunks;
mod map_halved;
mod map_lookup;
mod map_near;
mod map_shift;
mod memory;
mod mesh;
mod order;
mod point_voxels;
mod points;
mod pool_map;
mod quantise;
mod row_map;
mod surface;
mod transform;
mod voxel_set;
mod voxelisation;
mod window;

pub use devoxelisation::Interpolation;
pub use error::{COORDINATE_LIMIT, GeometryError};
pub use kernel_map::{KernelMap, Pairs};
pub use memory::{check_memory, set_memory_limit};
pub use mesh::{MeshError, TriangleMesh, first_not_finite};
pub use point_voxels::{PointFeature, PointVoxels, voxelise_points};
pub use points::{NO_ROW, Points};
pub use pool_map::PoolMap;
pub use row_map::RowMap;
pub use surface::{LARGEST_GRID, SLACK, TooManySamples, sample_surface, voxelise_surface};
pub use transform::{
    Affine, Bounds, cell_of_centred, random_distortion, random_orthogonal, random_vertical_rotation, rotation_about,
    small_rotation, vertical_rotation,
};
pub use voxel_set::{Coord, Quantised, VoxelSet};
pub use voxelisation::voxels_of_points;
pub use window::{OutputRule, Window, generated_voxels, output_voxels};
