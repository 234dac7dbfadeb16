//! Which cells are filled: a bit a cell over the bounding box, and the walk of a ray through it.

use crate::ViewError;

/// Cells that a picture may span; 64 MiB of bits, which holds 812 cubed.
const MOST_CELLS: u64 = 1 << 29;

/// The filled cells of a picture, moved so that the lowest corner is 0.
pub(crate) struct Occupancy {
    /// Cells along each axis.
    pub(crate) span: [i32; 3],
    /// What was taken off every voxel.
    pub(crate) low: [i32; 3],
    bits: Vec<u64>,
}

/// Where a ray meets a filled cell.
pub(crate) struct Hit {
    /// The cell.
    pub(crate) cell: [i32; 3],
    /// The axis that the face that was met is perpendicular to; the ray comes from its outer side.
    pub(crate) axis: usize,
    /// How far along the ray.
    pub(crate) distance: f32,
}

impl Occupancy {
    /// The grid of `voxels`; `None` for no voxel.
    pub(crate) fn new(voxels: &[[i32; 3]]) -> Result<Option<Self>, ViewError> {
        let (Some(low), Some(high)) = (extreme(voxels, i32::min), extreme(voxels, i32::max)) else { return Ok(None) };
        let span: [u64; 3] = std::array::from_fn(|axis| (i64::from(high[axis]) - i64::from(low[axis]) + 1) as u64);
        let cells = span.iter().try_fold(1u64, |product, &side| product.checked_mul(side));
        let Some(cells) = cells.filter(|&cells| cells <= MOST_CELLS) else {
            return Err(ViewError::TooManyCells { span, limit: MOST_CELLS });
        };
        let mut grid = Self { span: span.map(|side| side as i32), low, bits: vec![0; cells.div_ceil(64) as usize] };
        for voxel in voxels {
            let at = grid.index(std::array::from_fn(|axis| voxel[axis] - low[axis]));
            grid.bits[at / 64] |= 1 << (at % 64);
        }
        Ok(Some(grid))
    }

    fn index(&self, cell: [i32; 3]) -> usize {
        let [x, y, z] = cell.map(|index| index as usize);
        (x * self.span[1] as usize + y) * self.span[2] as usize + z
    }

    /// Whether the cell is filled; outside the box nothing is.
    pub(crate) fn filled(&self, cell: [i32; 3]) -> bool {
        if (0..3).any(|axis| cell[axis] < 0 || cell[axis] >= self.span[axis]) {
            return false;
        }
        let at = self.index(cell);
        self.bits[at / 64] >> (at % 64) & 1 == 1
    }

    /// The first filled cell on the way from `origin` along `direction` (of length 1), at most `furthest` away.
    pub(crate) fn first_hit(&self, origin: [f32; 3], direction: [f32; 3], furthest: f32) -> Option<Hit> {
        let (start, mut axis, end) = self.clip(origin, direction)?;
        let end = end.min(furthest);
        let mut distance = start;
        let mut cell: [i32; 3] =
            std::array::from_fn(|a| ((origin[a] + direction[a] * start).floor() as i32).clamp(0, self.span[a] - 1));
        let step = direction.map(|d| if d < 0.0 { -1 } else { 1 });
        let pace = direction.map(|d| if d == 0.0 { f32::INFINITY } else { 1.0 / d.abs() });
        let mut next: [f32; 3] = std::array::from_fn(|a| {
            let wall = (cell[a] + i32::from(step[a] > 0)) as f32;
            if direction[a] == 0.0 { f32::INFINITY } else { (wall - origin[a]) / direction[a] }
        });
        while distance <= end {
            if self.filled(cell) {
                return Some(Hit { cell, axis, distance });
            }
            axis = if next[0] < next[1] {
                if next[0] < next[2] { 0 } else { 2 }
            } else {
                1 + usize::from(next[2] < next[1])
            };
            distance = next[axis];
            next[axis] += pace[axis];
            cell[axis] += step[axis];
            if cell[axis] < 0 || cell[axis] >= self.span[axis] {
                return None;
            }
        }
        None
    }

    /// Where the ray enters the box, through a wall of which axis, and where it leaves.
    fn clip(&self, origin: [f32; 3], direction: [f32; 3]) -> Option<(f32, usize, f32)> {
        let (mut enter, mut entered_by, mut leave) = (0.0f32, 0, f32::INFINITY);
        for axis in 0..3 {
            let high = self.span[axis] as f32;
            if direction[axis] == 0.0 {
                if origin[axis] < 0.0 || origin[axis] > high {
                    return None;
                }
                continue;
            }
            let (a, b) = (-origin[axis] / direction[axis], (high - origin[axis]) / direction[axis]);
            if a.min(b) > enter {
                (enter, entered_by) = (a.min(b), axis);
            }
            leave = leave.min(a.max(b));
        }
        (enter <= leave).then_some((enter, entered_by, leave))
    }
}

fn extreme(voxels: &[[i32; 3]], choose: fn(i32, i32) -> i32) -> Option<[i32; 3]> {
    voxels.iter().copied().reduce(|a, b| std::array::from_fn(|axis| choose(a[axis], b[axis])))
}
