//! Points to voxels: the occupied cells of a grid with the features of each.
//!
//! Invariant: cells are unique and in ascending order (x, then y, then z), and sums run over a cell's points in the
//! order of the points, so that the same points give the same bits.

use crate::transform::cell_of_centred;
use serde::{Deserialize, Serialize};

/// A group of input channels of a voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointFeature {
    /// The number 1, one channel.
    Occupancy,
    /// Mean place of the voxel's points relative to its centre, in voxels (−0.5 to 0.5), three channels.
    Offset,
    /// Centre of the voxel, scaled so that the grid spans −1 to 1, three channels.
    Position,
}

impl PointFeature {
    /// Number of channels of this group.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Occupancy => 1,
            Self::Offset | Self::Position => 3,
        }
    }
}

/// Occupied cells with their features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointVoxels {
    /// Cells, unique and ascending.
    pub cells: Vec<[i32; 3]>,
    /// Features, [cells, channels].
    pub features: Vec<f32>,
    /// Number of channels.
    pub channels: usize,
}

/// Puts centred points into a grid of `size`³ cells (see [`cell_of_centred`]) and computes the features of each cell.
///
/// # Panics
/// If `size` is 0 or above 65,536.
#[must_use]
pub fn voxelise_points(centred: &[[f32; 3]], size: u32, features: &[PointFeature]) -> PointVoxels {
    assert!((1..=1 << 16).contains(&size), "a grid has 1 to 65,536 cells a side");
    let mut keyed: Vec<(u64, u32)> = (0..)
        .zip(centred)
        .map(|(point, &place)| {
            let [x, y, z] = cell_of_centred(place, size).map(|index| index as u64);
            ((x << 32) | (y << 16) | z, point)
        })
        .collect();
    keyed.sort_unstable();
    let channels = features.iter().map(|feature| feature.channels()).sum();
    let mut voxels = PointVoxels { channels, ..PointVoxels::default() };
    for members in keyed.chunk_by(|a, b| a.0 == b.0) {
        let key = members[0].0;
        let cell = [key >> 32, (key >> 16) & 0xFFFF, key & 0xFFFF].map(|index| index as i32);
        voxels.cells.push(cell);
        for feature in features {
            match feature {
                PointFeature::Occupancy => voxels.features.push(1.0),
                PointFeature::Offset => voxels.features.extend(mean_offset(centred, members, cell, size)),
                PointFeature::Position => {
                    voxels.features.extend(cell.map(|index| (2 * index + 1) as f32 / size as f32 - 1.0));
                }
            }
        }
    }
    voxels
}

/// Mean of the points' places relative to the cell's centre; what was clamped into the grid counts as on the border.
fn mean_offset(centred: &[[f32; 3]], members: &[(u64, u32)], cell: [i32; 3], size: u32) -> [f32; 3] {
    let half = size as f32 / 2.0;
    std::array::from_fn(|axis| {
        let centre = cell[axis] as f32 + 0.5 - half;
        let sum: f32 =
            members.iter().map(|&(_, point)| (centred[point as usize][axis] - centre).clamp(-0.5, 0.5)).sum();
        sum / members.len() as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_one_cell_become_one_voxel() {
        let voxels =
            voxelise_points(&[[0.1, 0.2, 0.3], [0.9, 0.8, 0.7], [-0.1, 0.0, 0.0]], 4, &[PointFeature::Occupancy]);
        assert_eq!(voxels.cells, [[1, 2, 2], [2, 2, 2]]);
        assert_eq!(voxels.features, [1.0, 1.0]);
    }

    #[test]
    fn the_offset_is_the_mean_from_the_centre_of_the_voxel() {
        let voxels = voxelise_points(&[[0.25, 0.5, 0.5], [0.75, 0.5, 1.0 - 0.25]], 2, &[PointFeature::Offset]);
        assert_eq!(voxels.cells, [[1, 1, 1]]);
        assert_eq!(voxels.features, [0.0, 0.0, 0.125]);
    }

    #[test]
    fn the_position_spans_the_grid_from_minus_one_to_one() {
        let voxels = voxelise_points(&[[-2.0, 0.0, 1.9]], 4, &[PointFeature::Position]);
        assert_eq!(voxels.features, [-0.75, 0.25, 0.75]);
    }

    #[test]
    fn features_stand_in_the_order_asked_for() {
        let voxels =
            voxelise_points(&[[0.0; 3]], 2, &[PointFeature::Position, PointFeature::Occupancy, PointFeature::Offset]);
        assert_eq!(voxels.channels, 7);
        assert_eq!(voxels.features, [0.5, 0.5, 0.5, 1.0, -0.5, -0.5, -0.5]);
    }

    #[test]
    fn a_point_outside_is_clamped_and_its_offset_too() {
        let voxels = voxelise_points(&[[100.0, 0.5, 0.5]], 2, &[PointFeature::Offset]);
        assert_eq!(voxels.cells, [[1, 1, 1]]);
        assert_eq!(voxels.features, [0.5, 0.0, 0.0]);
    }
}
