//! Writing shapes: the format follows the extension.

use crate::atomic::write_atomically;
use crate::error::DataError;
use crate::formats::{npy, off, ply};
use crate::shape::{Shape, shape_extension};
use std::path::Path;

/// Writes a shape as OFF (meshes), PLY (meshes, points; voxels as their centres) or NPY (points, voxels).
///
/// The file is written beside its place and renamed, so that a full disk leaves no half file behind.
pub fn write_shape(path: &Path, shape: &Shape) -> Result<(), DataError> {
    match (shape_extension(path), shape) {
        (Some("off"), Shape::Mesh(mesh)) => write_atomically(path, |out| off::write(mesh, out)),
        (Some("ply"), Shape::Mesh(mesh)) => write_atomically(path, |out| ply::write_mesh(mesh, out)),
        (Some("ply"), Shape::Points(points)) => write_atomically(path, |out| ply::write_points(points, out)),
        (Some("ply"), Shape::Voxels(voxels)) => {
            let centres: Vec<[f32; 3]> = voxels.iter().map(|voxel| voxel.map(|index| index as f32 + 0.5)).collect();
            write_atomically(path, |out| ply::write_points(&centres, out))
        }
        (Some("npy"), Shape::Points(points)) => {
            write_atomically(path, |out| npy::write(points, "<f4", f32::to_le_bytes, out))
        }
        (Some("npy"), Shape::Voxels(voxels)) => {
            write_atomically(path, |out| npy::write(voxels, "<i4", i32::to_le_bytes, out))
        }
        _ => Err(DataError::setting(format!(
            "{}: this shape cannot be written there; meshes go to .off or .ply, points and voxels to .ply or .npy",
            path.display()
        ))),
    }
}
