//! Coloured surfaces and points drawn evenly over them.

use super::draw::Draw;
use super::solid::{Vector, along, dot, minus, unit};
use rarefy_geometry::TriangleMesh;

/// How the colour of a surface varies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pattern {
    /// The same everywhere.
    Plain,
    /// Boards along x, each of its own brightness.
    Boards,
    /// Upright strips, each of its own colour: books.
    Books,
    /// A woven or printed pattern.
    Cloth,
}

/// A surface of one label and look.
pub(super) struct Surface {
    /// Corners of the triangles.
    pub(super) triangles: Vec<[Vector; 3]>,
    pub(super) label: u32,
    pub(super) instance: u32,
    /// Red, green, blue from 0 to 1.
    pub(super) colour: Vector,
    pub(super) pattern: Pattern,
}

/// A point of a surface.
#[derive(Clone, Copy, Debug)]
pub(super) struct SurfacePoint {
    pub(super) place: Vector,
    pub(super) normal: Vector,
    /// Number of the surface.
    pub(super) surface: usize,
}

/// A rectangle from one corner along two edges.
pub(super) fn rectangle(corner: Vector, first: Vector, second: Vector) -> Vec<[Vector; 3]> {
    let [a, b] = [along(corner, 1.0, first), along(corner, 1.0, second)];
    vec![[corner, a, along(a, 1.0, second)], [corner, along(a, 1.0, second), b]]
}

/// The triangles of a mesh in f64.
pub(super) fn triangles_of(mesh: &TriangleMesh) -> Vec<[Vector; 3]> {
    (0..mesh.triangles().len()).map(|triangle| mesh.corners(triangle).map(|corner| corner.map(f64::from))).collect()
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// `count` points, evenly over the area of all surfaces.
pub(super) fn sample(surfaces: &[Surface], count: usize, draw: &mut Draw) -> Vec<SurfacePoint> {
    let mut sum = 0.0;
    let mut table = Vec::new();
    for (surface, triangles) in surfaces.iter().enumerate().map(|(number, surface)| (number, &surface.triangles)) {
        for corners in triangles {
            let normal = cross(minus(corners[1], corners[0]), minus(corners[2], corners[0]));
            let area = dot(normal, normal).sqrt();
            if area > 0.0 {
                sum += area;
                table.push((sum, surface, corners, unit(normal)));
            }
        }
    }
    (0..count)
        .map(|_| {
            let at = draw.between(0.0, sum);
            let row = table.partition_point(|entry| entry.0 <= at).min(table.len() - 1);
            let (_, surface, corners, normal) = table[row];
            // Evenly over a parallelogram, its far half turned over.
            let (mut u, mut v) = (draw.between(0.0, 1.0), draw.between(0.0, 1.0));
            if u + v > 1.0 {
                (u, v) = (1.0 - u, 1.0 - v);
            }
            let place = along(along(corners[0], u, minus(corners[1], corners[0])), v, minus(corners[2], corners[0]));
            SurfacePoint { place, normal, surface }
        })
        .collect()
}

impl Surface {
    /// The colour of a point in the light of a room.
    pub(super) fn colour_at(&self, point: &SurfacePoint, light: Vector, draw: &mut Draw) -> [u8; 3] {
        let [x, y, z] = point.place;
        // A number between 0 and 1 for each stripe or patch.
        let speckle =
            |cell: f64| ((cell * 12.9898 + 4.1414 * f64::from(self.instance)).sin() * 43_758.545_3).rem_euclid(1.0);
        let colour = match self.pattern {
            Pattern::Plain => self.colour,
            Pattern::Boards => {
                let board = (y / 0.12).floor();
                let length = ((x + 7.0 * speckle(board)) / 0.9).floor();
                self.colour.map(|part| part * (0.78 + 0.3 * speckle(board + 31.0 * length)))
            }
            Pattern::Books => {
                let book = ((x + y) / 0.035).floor() + 57.0 * (z / 0.3).floor();
                [0.0, 1.0, 2.0].map(|channel| 0.15 + 0.7 * speckle(book + 0.37 * channel))
            }
            Pattern::Cloth => {
                let patch = (x / 0.09).floor() + 13.0 * (y / 0.09).floor() + 29.0 * (z / 0.09).floor();
                self.colour.map(|part| part * (0.85 + 0.25 * speckle(patch)))
            }
        };
        let towards = minus(light, point.place);
        let distance = dot(towards, towards).sqrt();
        let facing = dot(unit(towards), point.normal).max(0.0);
        let shade = 0.5 + 0.5 * facing / (1.0 + 0.06 * distance * distance) + 0.02 * (z - 1.0);
        let grain = draw.between(-0.03, 0.03);
        colour.map(|part| ((part * shade + grain) * 255.0).clamp(0.0, 255.0) as u8)
    }
}
