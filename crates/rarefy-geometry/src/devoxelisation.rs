//! Voxels to points: the voxels that each point reads and their weights, built once a stride and cached.
//!
//! The value of a voxel lives at its lower corner, as in the reference codes (SYSTEMS.md §4.2): with b = ⌊place / stride⌋
//! and f the rest, a point reads the voxels b + {0, 1}³, weighted by Π (1 − f or f). Voxels that are not active are left
//! out and the weights of the others divided by their sum + 1e-8.

use rayon::prelude::*;

use crate::points::PointGrid;
use crate::row_map::check_entries;
use crate::voxel_set::RowFinder;
use crate::voxelisation::check_batch;
use crate::{Coord, GeometryError, Points, RowMap, VoxelSet};

/// Points that one task looks up.
const CHUNK: usize = 4096;

/// Added to the sum of the weights, as the reference codes do.
const SUM_GUARD: f32 = 1e-8;

/// How a point reads the voxels around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// Up to eight voxels b + {0, 1}³ with renormalised trilinear weights.
    Trilinear,
    /// The voxel b alone, with the renormalised weight that it has among the eight: `nearest=True` of SPVNAS.
    LowerCorner,
    /// The voxel that holds the point, with weight 1.
    Cell,
}

impl RowMap {
    /// The voxels that each point reads: [points ← voxels], entries in the order of the corners, last axis fastest.
    ///
    /// The coordinates of `set` are in units of `stride`. A point without any active voxel around it has no entry.
    ///
    /// # Errors
    ///
    /// When the stride is not possible, the batches differ in size or the entries are more than 2³² − 1 or than the
    /// memory can hold.
    pub fn devoxelisation(
        points: Points<'_>,
        set: &VoxelSet,
        stride: [u32; 3],
        interpolation: Interpolation,
    ) -> Result<Self, GeometryError> {
        check_batch(points, set)?;
        let grid = PointGrid::new(points, stride)?;
        let chunks: Vec<Reads> = (0..points.len().div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let points = chunk * CHUNK..((chunk + 1) * CHUNK).min(points.len());
                let mut reads = Reads::default();
                let mut finder = RowFinder::new(set);
                points.for_each(|point| reads.add(grid.cell(point), &mut finder, interpolation));
                reads
            })
            .collect();
        let entries = chunks.iter().map(|reads| reads.rows.len()).sum();
        check_entries(points.len(), entries, interpolation != Interpolation::Cell)?;
        let mut starts = Vec::with_capacity(points.len() + 1);
        starts.push(0);
        for reads in &chunks {
            let before = starts[starts.len() - 1];
            starts.extend(reads.ends.iter().map(|end| before + end));
        }
        let rows = chunks.iter().map(|reads| &reads.rows[..]).collect::<Vec<_>>().concat();
        let weights = (interpolation != Interpolation::Cell)
            .then(|| chunks.iter().map(|reads| &reads.weights[..]).collect::<Vec<_>>().concat());
        Ok(Self::trusted(set.len(), starts, rows, weights))
    }
}

/// The entries of a few points.
#[derive(Default)]
struct Reads {
    /// Where the entries of each point end.
    ends: Vec<u32>,
    rows: Vec<u32>,
    weights: Vec<f32>,
}

impl Reads {
    fn add(&mut self, (cell, rest): (Coord, [f32; 3]), finder: &mut RowFinder<'_>, interpolation: Interpolation) {
        if interpolation == Interpolation::Cell {
            self.rows.extend(finder.row_of(cell));
            self.ends.push(self.rows.len() as u32);
            return;
        }
        let first = self.rows.len();
        let mut sum = 0.0;
        for corner in 0..8 {
            let step: [i32; 3] = [corner >> 2, corner >> 1 & 1, corner & 1];
            let weight = (0..3).map(|axis| if step[axis] == 1 { rest[axis] } else { 1.0 - rest[axis] }).product();
            // Without weight a voxel counts for nothing, whether it exists or not.
            if weight == 0.0 {
                continue;
            }
            if let Some(row) = finder.row_of([cell[0], cell[1] + step[0], cell[2] + step[1], cell[3] + step[2]]) {
                sum += weight;
                if corner == 0 || interpolation == Interpolation::Trilinear {
                    self.rows.push(row);
                    self.weights.push(weight);
                }
            }
        }
        self.weights[first..].iter_mut().for_each(|weight| *weight /= sum + SUM_GUARD);
        self.ends.push(self.rows.len() as u32);
    }
}
