//! A shape as a file gives it, and the choice of the reader by the file's extension.

use crate::error::DataError;
use crate::formats::{Source, npy, obj, off, ply, stl};
use crate::limits::{Limits, read_file_within};
use rarefy_geometry::TriangleMesh;
use std::path::Path;

/// What a shape file holds; never empty, all coordinates finite.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A surface of triangles.
    Mesh(TriangleMesh),
    /// Points, [points][x, y, z].
    Points(Vec<[f32; 3]>),
    /// Indices of occupied voxels, [voxels][x, y, z].
    Voxels(Vec<[i32; 3]>),
}

/// Extensions of the files that [`read_shape`] reads, in lower case.
pub const EXTENSIONS: [&str; 6] = ["off", "ply", "obj", "stl", "npy", "npz"];

/// The extension of a shape file in lower case, or none if no reader knows it.
#[must_use]
pub fn shape_extension(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    EXTENSIONS.into_iter().find(|known| *known == extension)
}

/// Reads a shape file with the default limits.
///
/// ```
/// use rarefy_data::{Shape, read_shape};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("triangle.off");
/// std::fs::write(&path, "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")?;
/// let Shape::Mesh(mesh) = read_shape(&path)? else { panic!("OFF files hold meshes") };
/// assert_eq!(mesh.triangles(), [[0, 1, 2]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_shape(path: &Path) -> Result<Shape, DataError> {
    read_shape_within(path, &Limits::default())
}

/// Reads a shape file with limits of one's own.
pub fn read_shape_within(path: &Path, limits: &Limits) -> Result<Shape, DataError> {
    if shape_extension(path).is_none() {
        return Err(DataError::UnknownFormat { path: path.to_path_buf() });
    }
    parse_shape(path, &read_file_within(path, limits)?, limits)
}

/// Parses the bytes of a shape file; `path` gives the format by its extension and the name for messages.
pub fn parse_shape(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Shape, DataError> {
    let source = Source { path, bytes, limits };
    match shape_extension(path) {
        Some("off") => off::parse(&source),
        Some("ply") => ply::parse(&source),
        Some("obj") => obj::parse(&source),
        Some("stl") => stl::parse(&source),
        Some("npy") => npy::parse(&source),
        Some("npz") => npy::parse_archive(&source),
        _ => Err(DataError::UnknownFormat { path: path.to_path_buf() }),
    }
}
