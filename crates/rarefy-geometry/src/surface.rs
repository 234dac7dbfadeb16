//! Triangle surfaces to voxels.
//!
//! **Guarantee of [`voxelise_surface`].** Cell (i, j, k) stands for the closed box [i, i+1] × [j, j+1] × [k, k+1].
//! Every cell of the grid whose closed box meets a triangle (edges and corners included) is in the result: no surface
//! cell is missed. So the result is 26-separating: no path of face, edge or corner neighbours passes from one side of a
//! closed surface to the other through cells left out. In the other direction it is tight: a cell in the result meets
//! the triangle when each of its sides is moved outwards by [`SLACK`] of the coordinates' size, which pays for rounding.
//!
//! The test is the separating-axis test for a triangle and a box (3 box normals, 1 triangle normal, 9 products of
//! edges), with the box normals as loop bounds, the triangle normal solved for a range of cells along its largest axis,
//! and the 9 products as interval tests in the three coordinate planes (after Schwarz and Seidel, 2010). Each axis
//! compares the interval of the three corners with that of the box, so that degenerate triangles (segments, points)
//! are served like all others: an axis that is wrong or zero separates nothing.
//!
//! [`sample_surface`] is the looser rasteriser of §2.1: points at most one step apart.

use crate::mesh::{MeshError, TriangleMesh};
use crate::transform::Affine;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest grid of [`voxelise_surface`], in cells a side (16 MiB of bits).
pub const LARGEST_GRID: u32 = 512;

/// Relative slack of the overlap test: f64 rounding of coordinates of size 1 stays far below it.
pub const SLACK: f64 = 1e-11;

/// Triangles that one task handles at a time.
const CHUNK: usize = 1024;

/// All cells of a grid of `size`³ cells that the surface meets, in ascending order (x, then y, then z).
///
/// `voxel_from_mesh` maps the mesh into the grid, whose cells fill [0, `size`]³; what lies outside is left out.
/// See the module's text for the guarantee. The result is the same for any number of threads.
pub fn voxelise_surface(mesh: &TriangleMesh, voxel_from_mesh: &Affine, size: u32) -> Result<Vec<[i32; 3]>, MeshError> {
    if size == 0 || size > LARGEST_GRID {
        return Err(MeshError::GridSize { size, limit: LARGEST_GRID });
    }
    let bits = BitGrid::new(size as usize);
    mesh.triangles().par_chunks(CHUNK).for_each(|chunk| {
        for corners in chunk {
            let corners = corners.map(|index| apply_f64(voxel_from_mesh, mesh.vertices()[index as usize]));
            mark_triangle(&corners, &bits);
        }
    });
    Ok(bits.into_cells())
}

/// The image of a point in double precision, so that rounding stays below the slack.
fn apply_f64(map: &Affine, point: [f32; 3]) -> [f64; 3] {
    std::array::from_fn(|row| {
        let products: f64 = (0..3).map(|column| f64::from(map.linear[row][column]) * f64::from(point[column])).sum();
        products + f64::from(map.shift[row])
    })
}

/// One bit a cell, set by many threads; which thread sets a bit makes no difference.
struct BitGrid {
    size: usize,
    words: Vec<AtomicU64>,
}

impl BitGrid {
    fn new(size: usize) -> Self {
        let words = (size * size * size).div_ceil(64);
        Self { size, words: std::iter::repeat_with(|| AtomicU64::new(0)).take(words).collect() }
    }

    fn set(&self, cell: [usize; 3]) {
        let bit = (cell[0] * self.size + cell[1]) * self.size + cell[2];
        let (word, mask) = (&self.words[bit / 64], 1 << (bit % 64));
        // A plain look first: most cells of a fine mesh are met many times.
        if word.load(Ordering::Relaxed) & mask == 0 {
            word.fetch_or(mask, Ordering::Relaxed);
        }
    }

    fn into_cells(self) -> Vec<[i32; 3]> {
        let words: Vec<u64> = self.words.into_iter().map(AtomicU64::into_inner).collect();
        let mut cells = Vec::with_capacity(words.iter().map(|word| word.count_ones() as usize).sum());
        for (index, mut word) in words.into_iter().enumerate() {
            while word != 0 {
                let bit = index * 64 + word.trailing_zeros() as usize;
                word &= word - 1;
                let cell = [bit / (self.size * self.size), bit / self.size % self.size, bit % self.size];
                cells.push(cell.map(|index| index as i32));
            }
        }
        cells
    }
}

/// An axis of the plane (u, v) with the interval that the triangle covers on it, grown by half the box and the slack:
/// a unit cell with centre c meets it only if `low ≤ c · axis ≤ high`.
#[derive(Clone, Copy)]
struct Slab<const N: usize> {
    axis: [f64; N],
    low: f64,
    high: f64,
}

impl<const N: usize> Slab<N> {
    fn new(axis: [f64; N], corners: &[[f64; N]; 3], slack: f64) -> Self {
        let along = corners.map(|corner| product(axis, corner));
        let length: f64 = axis.iter().map(|part| part.abs()).sum();
        let reach = length * (0.5 + slack);
        let low = along.iter().copied().fold(f64::INFINITY, f64::min) - reach;
        let high = along.iter().copied().fold(f64::NEG_INFINITY, f64::max) + reach;
        Self { axis, low, high }
    }

    /// Whether the cell with this centre may meet the triangle, as far as this axis tells.
    fn admits(&self, centre: [f64; N]) -> bool {
        let along = product(self.axis, centre);
        // Written so that a NaN from overflowing coordinates admits the cell rather than losing it.
        !(along < self.low || along > self.high)
    }
}

fn product<const N: usize>(a: [f64; N], b: [f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The three slabs of the edges in the plane of axes `u` and `v`.
fn edge_slabs(corners: &[[f64; 3]; 3], u: usize, v: usize, slack: f64) -> [Slab<2>; 3] {
    let flat = corners.map(|corner| [corner[u], corner[v]]);
    std::array::from_fn(|edge| {
        let (from, to) = (flat[edge], flat[(edge + 1) % 3]);
        Slab::new([from[1] - to[1], to[0] - from[0]], &flat, slack)
    })
}

/// Marks every cell that the triangle meets.
fn mark_triangle(corners: &[[f64; 3]; 3], bits: &BitGrid) {
    let largest = corners.iter().flatten().fold(1.0, |size: f64, part| size.max(part.abs()));
    let slack = SLACK * largest;
    let Some((first, last)) = covered_cells(corners, slack, bits.size) else { return };
    if first == last {
        bits.set(first);
        return;
    }
    let normal = normal(corners);
    let w = (0..3).fold(0, |best, axis| if normal[axis].abs() > normal[best].abs() { axis } else { best });
    let (u, v) = ((w + 1) % 3, (w + 2) % 3);
    let plane = Slab::new(normal, corners, slack);
    let [face, side_u, side_v] = [(u, v), (u, w), (v, w)].map(|(a, b)| edge_slabs(corners, a, b, slack));
    for in_u in first[u]..=last[u] {
        for in_v in first[v]..=last[v] {
            let (centre_u, centre_v) = (in_u as f64 + 0.5, in_v as f64 + 0.5);
            if !face.iter().all(|slab| slab.admits([centre_u, centre_v])) {
                continue;
            }
            let (from, to) = depth_range(&plane, w, centre_u * normal[u] + centre_v * normal[v], first[w], last[w]);
            for in_w in from..=to {
                let centre_w = in_w as f64 + 0.5;
                if side_u.iter().all(|slab| slab.admits([centre_u, centre_w]))
                    && side_v.iter().all(|slab| slab.admits([centre_v, centre_w]))
                {
                    let mut cell = [0; 3];
                    (cell[u], cell[v], cell[w]) = (in_u, in_v, in_w);
                    bits.set(cell);
                }
            }
        }
    }
}

/// First and last cell of the grid that the triangle's box meets on each axis, or none.
fn covered_cells(corners: &[[f64; 3]; 3], slack: f64, size: usize) -> Option<([usize; 3], [usize; 3])> {
    let (mut first, mut last) = ([0; 3], [0; 3]);
    for axis in 0..3 {
        let along = corners.map(|corner| corner[axis]);
        let low = along.iter().copied().fold(f64::INFINITY, f64::min) - slack;
        let high = along.iter().copied().fold(f64::NEG_INFINITY, f64::max) + slack;
        // Closed cells: a surface exactly on the wall between two cells meets both.
        let (from, to) = ((low.ceil() - 1.0).max(0.0), high.floor().min(size as f64 - 1.0));
        if from > to {
            return None;
        }
        (first[axis], last[axis]) = (from as usize, to as usize);
    }
    Some((first, last))
}

fn normal(corners: &[[f64; 3]; 3]) -> [f64; 3] {
    let [a, b]: [[f64; 3]; 2] = [1, 2].map(|to| std::array::from_fn(|axis| corners[to][axis] - corners[0][axis]));
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The cells along axis `w` whose centres lie in the slab of the triangle's plane; all of them if the plane is
/// degenerate. `across` is the part of the product that the other two coordinates give.
fn depth_range(plane: &Slab<3>, w: usize, across: f64, first: usize, last: usize) -> (usize, usize) {
    let ends = [(plane.low - across) / plane.axis[w] - 0.5, (plane.high - across) / plane.axis[w] - 0.5];
    if !ends.iter().all(|end| end.is_finite()) {
        return (first, last);
    }
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    // The division rounds once more: a hair outwards, far below the size of a cell.
    let (low, high) = ((low - 1e-9).ceil().max(first as f64), (high + 1e-9).floor().min(last as f64));
    // An empty range (low > high) stays empty: `from..=to` with from above to.
    if low > high { (1, 0) } else { (low as usize, high as usize) }
}

/// Points on the mesh, mapped by `voxel_from_mesh`, that cover each triangle at distances of at most `step` along two
/// perpendicular directions; corners are always among them.
///
/// At most `limit` points are made; a mesh that needs more gives the error with the number needed.
pub fn sample_surface(
    mesh: &TriangleMesh,
    voxel_from_mesh: &Affine,
    step: f32,
    limit: usize,
) -> Result<Vec<[f32; 3]>, TooManySamples> {
    let step = f64::from(step);
    let mapped = |triangle: &[u32; 3]| triangle.map(|i| apply_f64(voxel_from_mesh, mesh.vertices()[i as usize]));
    let needed: f64 = mesh.triangles().iter().map(|triangle| Rows::new(&mapped(triangle), step).most_points()).sum();
    if needed.is_nan() || needed > limit as f64 {
        return Err(TooManySamples { needed, limit });
    }
    let mut points = Vec::new();
    for triangle in mesh.triangles() {
        let corners = mapped(triangle);
        points.extend(corners.map(|corner| corner.map(|part| part as f32)));
        Rows::new(&corners, step).walk(&mut points);
    }
    Ok(points)
}

/// More samples than the limit allows.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "the surface needs up to {needed:.0} samples, the limit is {limit}; take a larger step or a smaller render size"
)]
pub struct TooManySamples {
    /// Upper bound of the number of samples.
    pub needed: f64,
    /// The limit.
    pub limit: usize,
}

/// A triangle in rows parallel to its longest side.
struct Rows {
    origin: [f64; 3],
    /// The longest side, and the way from it to the opposite corner at right angles to it.
    along: [f64; 3],
    away: [f64; 3],
    /// Where the opposite corner stands above the longest side, as a fraction of it.
    foot: f64,
    /// Steps from the longest side to the opposite corner, and along the longest side.
    steps_away: f64,
    steps_along: f64,
}

impl Rows {
    fn new(corners: &[[f64; 3]; 3], step: f64) -> Self {
        let side = |from: usize| -> [f64; 3] {
            std::array::from_fn(|axis| corners[(from + 1) % 3][axis] - corners[from][axis])
        };
        let square = |v: [f64; 3]| product(v, v);
        let longest = (0..3).fold(0, |best, from| if square(side(from)) > square(side(best)) { from } else { best });
        let (origin, along) = (corners[longest], side(longest));
        let opposite: [f64; 3] = std::array::from_fn(|axis| corners[(longest + 2) % 3][axis] - origin[axis]);
        let length = square(along);
        let foot = if length > 0.0 { product(opposite, along) / length } else { 0.0 };
        let away: [f64; 3] = std::array::from_fn(|axis| opposite[axis] - foot * along[axis]);
        Self {
            origin,
            along,
            away,
            foot,
            steps_away: (square(away).sqrt() / step).ceil(),
            steps_along: length.sqrt() / step,
        }
    }

    fn most_points(&self) -> f64 {
        (self.steps_away + 1.0) * (self.steps_along.ceil() + 1.0) + 3.0
    }

    fn walk(&self, points: &mut Vec<[f32; 3]>) {
        let rows = self.steps_away as usize;
        for row in 0..=rows {
            let height = if rows == 0 { 0.0 } else { row as f64 / rows as f64 };
            let (start, width) = (height * self.foot, 1.0 - height);
            let columns = (width * self.steps_along).ceil() as usize;
            for column in 0..=columns {
                let place = start + if columns == 0 { 0.0 } else { width * column as f64 / columns as f64 };
                points.push(std::array::from_fn(|axis| {
                    (self.origin[axis] + place * self.along[axis] + height * self.away[axis]) as f32
                }));
            }
        }
    }
}
