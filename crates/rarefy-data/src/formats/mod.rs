//! The readers and writers, one file format a module.
//!
//! Invariant of every reader: a count in a header is compared with the bytes that follow before anything is allocated
//! for it, and what comes out is checked ([`Source::mesh`], [`Source::points`], [`Source::voxels`]).

pub(crate) mod npy;
pub(crate) mod obj;
pub(crate) mod off;
pub(crate) mod ply;
pub(crate) mod stl;
mod text;

use crate::error::{DataError, Place};
use crate::limits::Limits;
use crate::shape::Shape;
use rarefy_geometry::{MeshError, TriangleMesh, first_not_finite};
use std::path::Path;

/// The bytes of a file with what the checks need.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) bytes: &'a [u8],
    pub(crate) limits: &'a Limits,
}

impl Source<'_> {
    pub(crate) fn format(
        &self,
        format: &'static str,
        place: Place,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> DataError {
        let mut found = found.into();
        if let Some((cut, _)) = found.char_indices().nth(80) {
            found.truncate(cut);
            found.push('…');
        }
        DataError::Format { path: self.path.to_path_buf(), format, place, expected: expected.into(), found }
    }

    /// Whether `count` things of at least `each` bytes fit into `bytes`.
    pub(crate) fn check_room(&self, what: &'static str, count: u64, each: u64, bytes: u64) -> Result<(), DataError> {
        if count.checked_mul(each).is_none_or(|needed| needed > bytes) {
            return Err(DataError::Truncated { path: self.path.to_path_buf(), what, promised: count, bytes });
        }
        Ok(())
    }

    pub(crate) fn check_points(&self, found: u64) -> Result<(), DataError> {
        self.check_limit("points", found, self.limits.points)
    }

    pub(crate) fn check_triangles(&self, found: u64) -> Result<(), DataError> {
        self.check_limit("triangles", found, self.limits.triangles)
    }

    fn check_limit(&self, what: &'static str, found: u64, limit: u64) -> Result<(), DataError> {
        if found > limit {
            return Err(DataError::TooLarge { path: self.path.to_path_buf(), what, found, limit });
        }
        Ok(())
    }

    pub(crate) fn mesh(&self, vertices: Vec<[f32; 3]>, triangles: Vec<[u32; 3]>) -> Result<Shape, DataError> {
        TriangleMesh::new(vertices, triangles).map(Shape::Mesh).map_err(|source| match source {
            MeshError::Empty { .. } => DataError::EmptyShape { path: self.path.to_path_buf() },
            source => DataError::Mesh { path: self.path.to_path_buf(), source },
        })
    }

    pub(crate) fn points(&self, points: Vec<[f32; 3]>) -> Result<Shape, DataError> {
        if points.is_empty() {
            return Err(DataError::EmptyShape { path: self.path.to_path_buf() });
        }
        match first_not_finite(&points) {
            Some(point) => Err(DataError::NotFinite { path: self.path.to_path_buf(), point }),
            None => Ok(Shape::Points(points)),
        }
    }

    pub(crate) fn voxels(&self, voxels: Vec<[i32; 3]>) -> Result<Shape, DataError> {
        if voxels.is_empty() {
            return Err(DataError::EmptyShape { path: self.path.to_path_buf() });
        }
        Ok(Shape::Voxels(voxels))
    }
}

/// Cuts a polygon into triangles that share its first corner; nothing for fewer than three corners.
pub(crate) fn fan(corners: &[u32], triangles: &mut Vec<[u32; 3]>) {
    if let [first, rest @ ..] = corners {
        triangles.extend(rest.windows(2).map(|pair| [*first, pair[0], pair[1]]));
    }
}
