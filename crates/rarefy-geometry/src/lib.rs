//! Voxel sets, the block index, kernel maps, meshes and their voxelisation: the integer side of sparse networks.
//!
//! A [`VoxelSet`] holds unique coordinates (sample, x, y, z) of a whole batch, sorted by 4×4×4 block, so that finding a
//! neighbour's row is a population count. A [`KernelMap`] says which rows meet under which tap of a kernel. Nothing here
//! learns or reads files, and every result is the same for any number of threads.
//!
//! ```
//! use rarefy_geometry::{KernelMap, OutputRule, VoxelSet, Window, output_voxels};
//!
//! // One sample with three voxels, two of them neighbours.
//! let voxels = VoxelSet::new(&[[0, 5, 5, 5], [0, 5, 5, 6], [0, -9, 0, 0]], 1)?;
//! let map = KernelMap::submanifold(&voxels, [3; 3], [1; 3])?;
//! assert_eq!((map.taps(), map.pair_count()), (27, 3 + 2));
//!
//! let half = Window::cubic(2, 2);
//! let coarse = output_voxels(&voxels, &half, OutputRule::Floor)?;
//! assert_eq!(KernelMap::build(&voxels, &coarse, &half)?.pair_count(), 3);
//! assert!(coarse.row_of([0, -5, 0, 0]).is_some());
//! # Ok::<(), rarefy_geometry::GeometryError>(())
//! ```

mod devoxelisation;
mod error;
mod kernel_map;
mod map_build;
mod mesh;
mod order;
mod point_voxels;
mod points;
mod pool_map;
mod row_map;
mod surface;
mod transform;
mod voxel_set;
mod voxelisation;
mod window;

pub use devoxelisation::Interpolation;
pub use error::{COORDINATE_LIMIT, GeometryError};
pub use kernel_map::{KernelMap, Pairs};
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
