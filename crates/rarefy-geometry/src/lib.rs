//! Voxel sets, the block index, kernel maps, meshes and their voxelisation.

mod kernel_map;

pub use kernel_map::{KernelMap, Pairs};
