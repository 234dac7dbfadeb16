//! Voxel sets, the block index, kernel maps, meshes and their voxelisation.

mod block_table;
mod devoxelisation;
mod error;
mod halved;
mod hood;
mod kernel_map;
mod map_build;
mod map_chunks;
mod map_halved;
mod map_lookup;
mod map_near;
mod map_shift;
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
