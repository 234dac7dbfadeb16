//! Parts from which synthetic meshes are put together: boxes, turned profiles, tubes. The height is z.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rarefy_geometry::{Affine, MeshError, TriangleMesh};

/// A mesh under construction.
#[derive(Default)]
pub(super) struct Builder {
    vertices: Vec<[f32; 3]>,
    triangles: Vec<[u32; 3]>,
}

impl Builder {
    pub(super) fn finish(self, stretch: [f32; 3]) -> Result<TriangleMesh, MeshError> {
        TriangleMesh::new(self.vertices, self.triangles)?.transformed(&Affine::scaling(stretch))
    }

    /// A box by its middle and its sides.
    pub(super) fn cuboid(&mut self, middle: [f32; 3], size: [f32; 3]) {
        self.hexahedron(middle, size, [0.0; 2], 1.0);
    }

    /// A box whose top is shifted by `lean` and scaled by `taper`.
    pub(super) fn hexahedron(&mut self, middle: [f32; 3], size: [f32; 3], lean: [f32; 2], taper: f32) {
        let first = self.next();
        for corner in 0..8_u32 {
            let side = |axis: u32| if corner >> axis & 1 == 0 { -0.5 } else { 0.5 };
            let (scale, shift) = if corner & 4 == 0 { (1.0, [0.0; 2]) } else { (taper, lean) };
            self.vertices.push([
                middle[0] + side(0) * size[0] * scale + shift[0],
                middle[1] + side(1) * size[1] * scale + shift[1],
                middle[2] + side(2) * size[2],
            ]);
        }
        let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        for quad in quads {
            self.quad(quad.map(|corner| first + corner));
        }
    }

    /// A profile of (radius, height) turned about the vertical axis through `foot`; open where a radius is above 0.
    pub(super) fn lathe(&mut self, foot: [f32; 3], profile: &[[f32; 2]], sides: u32) {
        let first = self.next();
        for &[radius, height] in profile {
            for side in 0..sides {
                let (sin, cos) = (std::f32::consts::TAU * side as f32 / sides as f32).sin_cos();
                self.vertices.push([foot[0] + radius * cos, foot[1] + radius * sin, foot[2] + height]);
            }
        }
        self.rings(first, profile.len() as u32, sides, false);
    }

    /// A closed cylinder or truncated cone.
    pub(super) fn cylinder(&mut self, foot: [f32; 3], radii: [f32; 2], height: f32, sides: u32) {
        self.lathe(foot, &[[0.0, 0.0], [radii[0], 0.0], [radii[1], height], [0.0, height]], sides);
    }

    /// A ball stretched along the axes.
    pub(super) fn ellipsoid(&mut self, middle: [f32; 3], radii: [f32; 3], sides: u32) {
        let (first, rings) = (self.next(), sides / 2 + 1);
        for ring in 0..rings {
            let (across, along) = (std::f32::consts::PI * ring as f32 / (rings - 1) as f32).sin_cos();
            for side in 0..sides {
                let (sin, cos) = (std::f32::consts::TAU * side as f32 / sides as f32).sin_cos();
                let on_ball = [across * cos, across * sin, along];
                self.vertices.push(std::array::from_fn(|axis| middle[axis] + radii[axis] * on_ball[axis]));
            }
        }
        self.rings(first, rings, sides, false);
    }

    /// A tube along a path, its radius given for each point; closed paths join the last ring to the first.
    pub(super) fn tube(&mut self, path: &[[f32; 3]], radius: impl Fn(f32) -> f32, sides: u32, closed: bool) {
        let (first, count) = (self.next(), path.len());
        let mut across = [0.0, 0.0, 1.0];
        for at in 0..count {
            let neighbour =
                |step: usize| if closed { path[(at + step) % count] } else { path[(at + step).clamp(1, count) - 1] };
            // Open paths: `at + 0` clamps to the point before, `at + 2` to the one after, both cut off at the ends.
            let (before, after) =
                if closed { (neighbour(count - 1), neighbour(1)) } else { (neighbour(0), neighbour(2)) };
            let along = unit(minus(after, before), [0.0, 0.0, 1.0]);
            // The frame is carried along the path, so that the tube does not twist.
            across = unit(minus(across, scaled(along, dot(across, along))), any_perpendicular(along));
            let third = cross(along, across);
            let size = radius(at as f32 / (count - 1).max(1) as f32);
            for side in 0..sides {
                let (sin, cos) = (std::f32::consts::TAU * (side as f32 + 0.5) / sides as f32).sin_cos();
                self.vertices
                    .push(std::array::from_fn(|axis| path[at][axis] + size * (cos * across[axis] + sin * third[axis])));
            }
        }
        self.rings(first, count as u32, sides, closed);
        if !closed {
            self.cap(first, sides);
            self.cap(first + (count as u32 - 1) * sides, sides);
        }
    }

    /// A straight rod.
    pub(super) fn rod(&mut self, from: [f32; 3], to: [f32; 3], radii: [f32; 2], sides: u32) {
        self.tube(&[from, to], |place| radii[0] + place * (radii[1] - radii[0]), sides, false);
    }

    /// Everything built since `mark` (a number of vertices), turned and shifted.
    pub(super) fn move_since(&mut self, mark: usize, map: &Affine) {
        for vertex in &mut self.vertices[mark..] {
            *vertex = map.apply(*vertex);
        }
    }

    /// The number of vertices so far, for [`Self::move_since`].
    pub(super) fn mark(&self) -> usize {
        self.vertices.len()
    }

    fn next(&self) -> u32 {
        self.vertices.len() as u32
    }

    fn quad(&mut self, [a, b, c, d]: [u32; 4]) {
        self.triangles.extend([[a, b, c], [a, c, d]]);
    }

    fn cap(&mut self, first: u32, sides: u32) {
        self.triangles.extend((1..sides - 1).map(|side| [first, first + side, first + side + 1]));
    }

    fn rings(&mut self, first: u32, rings: u32, sides: u32, closed: bool) {
        for ring in 0..if closed { rings } else { rings - 1 } {
            let (low, high) = (first + ring * sides, first + (ring + 1) % rings * sides);
            for side in 0..sides {
                let next = (side + 1) % sides;
                self.quad([low + side, low + next, high + next, high + side]);
            }
        }
    }
}

fn minus(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

fn scaled(a: [f32; 3], factor: f32) -> [f32; 3] {
    a.map(|part| part * factor)
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(a: [f32; 3], otherwise: [f32; 3]) -> [f32; 3] {
    let length = dot(a, a).sqrt();
    if length > 1e-4 { scaled(a, 1.0 / length) } else { otherwise }
}

/// A unit vector at right angles to a unit vector.
fn any_perpendicular(along: [f32; 3]) -> [f32; 3] {
    let other = if along[0].abs() < 0.7 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
    unit(cross(along, other), [0.0, 0.0, 1.0])
}

/// Random choices of a family.
pub(super) struct Dice(pub(super) ChaCha8Rng);

impl Dice {
    /// A number between two.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.random::<f32>()
    }

    /// A whole number from `low` to `high`.
    pub(super) fn count(&mut self, low: u32, high: u32) -> u32 {
        self.0.random_range(low..=high)
    }

    /// True in this share of cases.
    pub(super) fn chance(&mut self, share: f32) -> bool {
        self.0.random::<f32>() < share
    }
}
