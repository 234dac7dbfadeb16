//! Voxel sets, the block index, kernel maps, meshes and their voxelisation.

mod kernel_map;
mod mesh;
mod point_voxels;
mod surface;
mod transform;

pub use kernel_map::{KernelMap, Pairs};
pub use mesh::{MeshError, TriangleMesh, first_not_finite};
pub use point_voxels::{PointFeature, PointVoxels, voxelise_points};
pub use surface::{LARGEST_GRID, SLACK, TooManySamples, sample_surface, voxelise_surface};
pub use transform::{
    Affine, Bounds, cell_of_centred, random_distortion, random_orthogonal, random_vertical_rotation, rotation_about,
    small_rotation, vertical_rotation,
};
