//! Points to voxels: which points lie in each voxel of a set, built once a stride and cached (SYSTEMS.md §4.2).

use rayon::prelude::*;

use crate::points::PointGrid;
use crate::voxel_set::RowFinder;
use crate::{GeometryError, NO_ROW, Points, Quantised, RowMap, VoxelSet};

/// Points that one task looks up.
const CHUNK: usize = 4096;

impl RowMap {
    /// The points of each voxel of a quantised cloud, in their order: [voxels ← points].
    ///
    /// Its sums and means voxelise features, its maxima too, and [`first_only`](Self::first_only) picks the first point.
    ///
    /// # Errors
    ///
    /// When there are more points than a row number can count.
    pub fn voxelisation_of(quantised: &Quantised) -> Result<Self, GeometryError> {
        Self::from_groups(&quantised.voxel_from_point, quantised.set.len())
    }

    /// The points of each voxel of `set`, whose coordinates are in units of `stride`: [voxels ← points].
    ///
    /// A point belongs to the voxel ⌊place / stride⌋; one whose cell is not active belongs to none.
    ///
    /// # Errors
    ///
    /// When the stride is not possible or the points and the set are of batches of different sizes.
    pub fn voxelisation(points: Points<'_>, set: &VoxelSet, stride: [u32; 3]) -> Result<Self, GeometryError> {
        Self::from_groups(&voxels_of_points(points, set, stride)?, set.len())
    }
}

/// The row of the voxel of `set` that holds each point, [`NO_ROW`] where there is none.
///
/// # Errors
///
/// As [`RowMap::voxelisation`].
pub fn voxels_of_points(points: Points<'_>, set: &VoxelSet, stride: [u32; 3]) -> Result<Vec<u32>, GeometryError> {
    check_batch(points, set)?;
    let grid = PointGrid::new(points, stride)?;
    let mut rows = vec![NO_ROW; points.len()];
    rows.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, rows)| {
        let mut finder = RowFinder::new(set);
        for (index, row) in rows.iter_mut().enumerate() {
            let (cell, _) = grid.cell(chunk * CHUNK + index);
            *row = finder.row_of(cell).unwrap_or(NO_ROW);
        }
    });
    Ok(rows)
}

/// A batch of points can only meet a batch of voxels of the same size.
pub(crate) fn check_batch(points: Points<'_>, set: &VoxelSet) -> Result<(), GeometryError> {
    let (expected, got) = (set.samples(), points.samples());
    if expected == got {
        Ok(())
    } else {
        Err(GeometryError::LengthMismatch { what: "samples of the batch of points", expected, got })
    }
}
