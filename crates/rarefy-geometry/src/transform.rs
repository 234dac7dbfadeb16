//! Affine maps of points: normalising, random rotations, the distortions of training, and the mapping to the grid.
//!
//! Invariant: maps name their target first (`voxel_from_world`), and all randomness comes from the generator that is
//! passed in, so that the same generator gives the same map. The steps follow §2.1 of the S3DCNN description:
//! centre and scale to `render_size` voxels, rotate, normalise again, distort, shift, then `clamp(⌊v + S/2⌋, 0, S−1)`.

use rand::Rng;

/// A box along the axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Smallest coordinates.
    pub min: [f32; 3],
    /// Largest coordinates.
    pub max: [f32; 3],
}

impl Bounds {
    /// The smallest box around the points, or none if there is no point.
    #[must_use]
    pub fn around(points: impl IntoIterator<Item = [f32; 3]>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = points.next()?;
        Some(points.fold(Self { min: first, max: first }, |mut bounds, point| {
            for axis in 0..3 {
                bounds.min[axis] = bounds.min[axis].min(point[axis]);
                bounds.max[axis] = bounds.max[axis].max(point[axis]);
            }
            bounds
        }))
    }

    /// The box with every side moved outwards by `margin`.
    #[must_use]
    pub fn grown(self, margin: f32) -> Self {
        Self { min: self.min.map(|low| low - margin), max: self.max.map(|high| high + margin) }
    }

    /// The middle of the box.
    #[must_use]
    pub fn centre(&self) -> [f32; 3] {
        std::array::from_fn(|axis| self.min[axis].midpoint(self.max[axis]))
    }

    /// The longest side.
    #[must_use]
    pub fn extent(&self) -> f32 {
        (0..3).map(|axis| self.max[axis] - self.min[axis]).fold(0.0, f32::max)
    }

    /// The map that brings the centre to 0 and the longest side to `size`; a single point is only moved.
    #[must_use]
    pub fn normalised_to(&self, size: f32) -> Affine {
        // A single point has no extent, and the quotient overflows for a shape near the smallest numbers.
        let factor = size / self.extent();
        let scale = if factor.is_finite() && factor > 0.0 { factor } else { 1.0 };
        Affine::scaling([scale; 3]).after_shift(self.centre().map(|middle| -middle))
    }
}

/// The map `p ↦ linear · p + shift`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Matrix, [row][column].
    pub linear: [[f32; 3]; 3],
    /// Added after the matrix.
    pub shift: [f32; 3],
}

impl Affine {
    /// The map that changes nothing.
    pub const IDENTITY: Self = Self::linear([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);

    /// A matrix without a shift.
    #[must_use]
    pub const fn linear(linear: [[f32; 3]; 3]) -> Self {
        Self { linear, shift: [0.0; 3] }
    }

    /// A shift alone.
    #[must_use]
    pub const fn shifting(shift: [f32; 3]) -> Self {
        Self { shift, ..Self::IDENTITY }
    }

    /// A factor for each axis; −1 mirrors.
    #[must_use]
    pub const fn scaling(factors: [f32; 3]) -> Self {
        Self::linear([[factors[0], 0.0, 0.0], [0.0, factors[1], 0.0], [0.0, 0.0, factors[2]]])
    }

    /// The image of a point.
    #[must_use]
    pub fn apply(&self, point: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|row| {
            let line = &self.linear[row];
            line[0] * point[0] + line[1] * point[1] + line[2] * point[2] + self.shift[row]
        })
    }

    /// The map that does `self` first and `next` afterwards.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let linear = std::array::from_fn(|row| {
            std::array::from_fn(|column| (0..3).map(|k| next.linear[row][k] * self.linear[k][column]).sum())
        });
        Self { linear, shift: next.apply(self.shift) }
    }

    /// The map that shifts first and does `self` afterwards.
    #[must_use]
    pub fn after_shift(&self, shift: [f32; 3]) -> Self {
        Self::shifting(shift).then(self)
    }
}

/// Rotation by `angle` radians about the vertical axis z.
#[must_use]
pub fn vertical_rotation(angle: f32) -> Affine {
    let (sin, cos) = angle.sin_cos();
    Affine::linear([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
}

/// A uniformly random rotation about the vertical axis z.
#[must_use]
pub fn random_vertical_rotation(rng: &mut impl Rng) -> Affine {
    vertical_rotation(rng.random::<f32>() * std::f32::consts::TAU)
}

/// Rotation by at most `limit` radians about a random axis.
#[must_use]
pub fn small_rotation(limit: f32, rng: &mut impl Rng) -> Affine {
    let axis = loop {
        let candidate: [f32; 3] = std::array::from_fn(|_| rng.random_range(-1.0..=1.0));
        let length = dot(candidate, candidate).sqrt();
        if length > 0.1 && length <= 1.0 {
            break candidate.map(|part| part / length);
        }
    };
    rotation_about(axis, rng.random_range(-1.0..=1.0) * limit)
}

/// Rotation by `angle` radians about a unit `axis` (Rodrigues' formula).
#[must_use]
pub fn rotation_about(axis: [f32; 3], angle: f32) -> Affine {
    let (sin, cos) = angle.sin_cos();
    let [x, y, z] = axis;
    let cross = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]];
    Affine::linear(std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let diagonal = if row == column { cos } else { 0.0 };
            diagonal + sin * cross[row][column] + (1.0 - cos) * axis[row] * axis[column]
        })
    }))
}

/// The Q of a QR factorisation of a 3×3 matrix of uniform random numbers in [0, 1), by Gram–Schmidt on its columns.
///
/// The paper's distribution: orthonormal, not uniform over the rotations, and a mirror image in about half the cases.
#[must_use]
pub fn random_orthogonal(rng: &mut impl Rng) -> Affine {
    loop {
        let rows: [[f32; 3]; 3] = std::array::from_fn(|_| std::array::from_fn(|_| rng.random()));
        let columns = std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]));
        if let Some(columns) = orthonormalised(columns) {
            return Affine::linear(std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row])));
        }
    }
}

/// Gram–Schmidt, each vector cleaned twice; none if the vectors are nearly in one plane.
fn orthonormalised(mut vectors: [[f32; 3]; 3]) -> Option<[[f32; 3]; 3]> {
    for current in 0..3 {
        for _ in 0..2 {
            for earlier in 0..current {
                let shared = dot(vectors[current], vectors[earlier]);
                vectors[current] = std::array::from_fn(|axis| vectors[current][axis] - shared * vectors[earlier][axis]);
            }
        }
        let length = dot(vectors[current], vectors[current]).sqrt();
        if length < 1e-3 {
            return None;
        }
        vectors[current] = vectors[current].map(|part| part / length);
    }
    Some(vectors)
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The training distortion of S3DCNN: the matrix `I + U(−affine, affine)³ˣ³`, then a shift of each axis by
/// `render_size · U(−shift, shift)`.
#[must_use]
pub fn random_distortion(affine: f32, shift: f32, render_size: f32, rng: &mut impl Rng) -> Affine {
    let linear = std::array::from_fn(|row| {
        std::array::from_fn(|column| Affine::IDENTITY.linear[row][column] + symmetric(affine, rng))
    });
    Affine { linear, shift: std::array::from_fn(|_| render_size * symmetric(shift, rng)) }
}

/// A uniform random number between −`limit` and `limit`.
fn symmetric(limit: f32, rng: &mut impl Rng) -> f32 {
    (2.0 * rng.random::<f32>() - 1.0) * limit
}

/// The cell of a centred point in a grid of `size`³ cells: `clamp(⌊v + S/2⌋, 0, S−1)` on each axis.
#[must_use]
pub fn cell_of_centred(point: [f32; 3], size: u32) -> [i32; 3] {
    let half = size as f32 / 2.0;
    // Casting saturates, so that a point far outside lands in the border cell.
    point.map(|v| ((v + half).floor() as i32).clamp(0, size as i32 - 1))
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "these sums and products are exact")]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn is_orthonormal(map: &Affine) -> bool {
        (0..3).all(|a| (0..3).all(|b| (dot(map.linear[a], map.linear[b]) - f32::from(u8::from(a == b))).abs() < 1e-5))
    }

    #[test]
    fn random_rotations_keep_lengths_and_angles() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..200 {
            assert!(is_orthonormal(&random_orthogonal(&mut rng)));
            assert!(is_orthonormal(&random_vertical_rotation(&mut rng)));
            assert!(is_orthonormal(&small_rotation(0.3, &mut rng)));
        }
    }

    #[test]
    fn a_vertical_rotation_keeps_the_height() {
        let turned = vertical_rotation(1.0).apply([1.0, 2.0, 3.0]);
        assert_eq!(turned[2].to_bits(), 3.0_f32.to_bits());
    }

    #[test]
    fn a_small_rotation_turns_by_no_more_than_its_limit() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for _ in 0..200 {
            let map = small_rotation(0.2, &mut rng);
            let trace: f32 = (0..3).map(|axis| map.linear[axis][axis]).sum();
            assert!(((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos() <= 0.2 + 1e-3);
        }
    }

    #[test]
    fn normalising_centres_the_box_and_scales_its_longest_side() {
        let points = [[10.0, 20.0, 30.0], [14.0, 21.0, 32.0]];
        let map = Bounds::around(points).unwrap().normalised_to(40.0);
        let after = Bounds::around(points.map(|point| map.apply(point))).unwrap();
        assert_eq!(after.min, [-20.0, -5.0, -10.0]);
        assert_eq!(after.max, [20.0, 5.0, 10.0]);
    }

    #[test]
    fn one_point_normalises_to_the_origin() {
        let map = Bounds::around([[5.0, 6.0, 7.0]]).unwrap().normalised_to(40.0);
        assert_eq!(map.apply([5.0, 6.0, 7.0]), [0.0; 3]);
    }

    #[test]
    fn the_grid_clamps_what_lies_outside() {
        assert_eq!(cell_of_centred([0.0, -0.5, 62.9], 126), [63, 62, 125]);
        assert_eq!(cell_of_centred([f32::MAX, -1e30, 63.0], 126), [125, 0, 125]);
    }

    #[test]
    fn distortion_stays_within_its_limits() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for _ in 0..100 {
            let map = random_distortion(0.2, 0.1, 40.0, &mut rng);
            for (row, line) in map.linear.iter().enumerate() {
                for (column, value) in line.iter().enumerate() {
                    assert!((value - f32::from(u8::from(row == column))).abs() <= 0.2 + 1e-6);
                }
            }
            assert!(map.shift.iter().all(|shift| shift.abs() <= 4.0 + 1e-5));
        }
    }

    #[test]
    fn maps_compose_in_the_order_said() {
        let first = vertical_rotation(0.7);
        let next = Affine { shift: [1.0, 2.0, 3.0], ..Affine::scaling([2.0, 3.0, 4.0]) };
        let point = [0.3, -0.4, 0.5];
        let (direct, composed) = (next.apply(first.apply(point)), first.then(&next).apply(point));
        assert!(direct.iter().zip(composed).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
