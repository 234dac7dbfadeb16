//! A room and its furniture: which pieces, where, and in which colours.

use super::draw::Draw;
use super::labels;
use super::solid::{Vector, dot, minus};
use super::surface::{Pattern, Surface, SurfacePoint, rectangle, triangles_of};
use crate::error::DataError;
use crate::synth::synthetic_mesh;
use rarefy_geometry::{Affine, TriangleMesh, vertical_rotation};

/// Wood, from light to dark.
const WOODS: [Vector; 4] = [[0.85, 0.72, 0.52], [0.68, 0.5, 0.32], [0.45, 0.3, 0.2], [0.9, 0.88, 0.84]];
/// Cloth and paint.
const CLOTHS: [Vector; 7] = [
    [0.75, 0.2, 0.2],
    [0.25, 0.35, 0.6],
    [0.35, 0.5, 0.35],
    [0.55, 0.55, 0.58],
    [0.8, 0.75, 0.65],
    [0.25, 0.25, 0.28],
    [0.85, 0.65, 0.25],
];
const PAINTS: [Vector; 4] = [[0.92, 0.91, 0.88], [0.85, 0.86, 0.78], [0.8, 0.85, 0.9], [0.93, 0.87, 0.76]];

/// Number of the first wall's surface, after floor and ceiling.
const FIRST_WALL: usize = 2;

/// A furnished room; its floor is at z = 0, one corner at x = y = 0.
pub(super) struct Room {
    pub(super) size: Vector,
    pub(super) surfaces: Vec<Surface>,
    /// Taken parts of the floor: x low, x high, y low, y high.
    taken: Vec<[f64; 4]>,
    /// Parts of the walls that are taken: number of the wall, from, to.
    on_walls: Vec<(usize, f64, f64)>,
    /// Flat pieces on walls: number of the wall, range along it, range of heights.
    panels: Vec<(usize, [f64; 2], [f64; 2])>,
    seed: u64,
}

/// How a piece looks.
#[derive(Clone, Copy)]
struct Look {
    label: u32,
    colour: Vector,
    pattern: Pattern,
}

impl Room {
    /// The room that a generator draws; `seed` chooses the furniture's shapes.
    pub(super) fn draw(draw: &mut Draw, seed: u64) -> Result<Self, DataError> {
        let size = [draw.between(3.2, 7.0), draw.between(3.0, 6.0), draw.between(2.4, 3.0)];
        let mut room =
            Self { size, surfaces: Vec::new(), taken: Vec::new(), on_walls: Vec::new(), panels: Vec::new(), seed };
        room.shell(draw);
        room.openings(draw);
        room.along_walls(draw)?;
        room.in_the_middle(draw)?;
        room.pictures(draw);
        Ok(room)
    }

    fn add(&mut self, triangles: Vec<[Vector; 3]>, look: Look) {
        let instance = self.surfaces.len() as u32 + 1;
        let Look { label, colour, pattern } = look;
        self.surfaces.push(Surface { triangles, label, instance, colour, pattern });
    }

    fn shell(&mut self, draw: &mut Draw) {
        let [x, y, z] = self.size;
        let wood = draw.chance(0.65);
        let floor = if wood { draw.pick(&WOODS[..3]) } else { draw.pick(&CLOTHS[3..6]) };
        let pattern = if wood { Pattern::Boards } else { Pattern::Cloth };
        self.add(
            rectangle([0.0; 3], [x, 0.0, 0.0], [0.0, y, 0.0]),
            Look { label: labels::FLOOR, colour: floor, pattern },
        );
        let white = Look { label: labels::CEILING, colour: [0.94; 3], pattern: Pattern::Plain };
        self.add(rectangle([0.0, 0.0, z], [0.0, y, 0.0], [x, 0.0, 0.0]), white);
        let colour = draw.pick(&PAINTS);
        for wall in 0..4 {
            let (start, direction, _) = self.wall(wall);
            let length = self.wall_length(wall);
            let look = Look { label: labels::WALL, colour, pattern: Pattern::Plain };
            self.add(rectangle(start, direction.map(|part| part * length), [0.0, 0.0, z]), look);
        }
    }

    /// A wall's left end as seen from the room, its direction to the right, and the direction into the room.
    fn wall(&self, wall: usize) -> (Vector, Vector, Vector) {
        let [x, y, _] = self.size;
        match wall {
            0 => ([x, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
            1 => ([0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]),
            2 => ([0.0, y, 0.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]),
            _ => ([x, y, 0.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]),
        }
    }

    fn wall_length(&self, wall: usize) -> f64 {
        if wall.is_multiple_of(2) { self.size[0] } else { self.size[1] }
    }

    /// The place `along` a wall, `off` it into the room, at a height.
    fn at_wall(&self, wall: usize, along: f64, off: f64, z: f64) -> Vector {
        let (start, right, inward) = self.wall(wall);
        [0, 1, 2].map(|axis| start[axis] + along * right[axis] + off * inward[axis] + if axis == 2 { z } else { 0.0 })
    }

    /// Takes a stretch of a wall if it is free.
    fn take_wall(&mut self, wall: usize, from: f64, to: f64) -> bool {
        let free = self.on_walls.iter().all(|&(other, start, end)| other != wall || to < start || from > end);
        if free {
            self.on_walls.push((wall, from, to));
        }
        free
    }

    /// A flat piece on a wall.
    fn panel(&mut self, wall: usize, along: [f64; 2], z: [f64; 2], off: f64, look: Look) {
        self.panels.push((wall, along, z));
        let corner = self.at_wall(wall, along[0], off, z[0]);
        let (_, right, _) = self.wall(wall);
        let face = rectangle(corner, right.map(|part| part * (along[1] - along[0])), [0.0, 0.0, z[1] - z[0]]);
        self.add(face, look);
    }

    /// Whether a point of a wall lies behind a door, a window, a picture or a curtain.
    pub(super) fn is_covered(&self, point: &SurfacePoint) -> bool {
        let Some(wall) = point.surface.checked_sub(FIRST_WALL).filter(|&wall| wall < 4) else { return false };
        let (start, right, _) = self.wall(wall);
        let (at, z) = (dot(minus(point.place, start), right), point.place[2]);
        self.panels.iter().any(|&(other, along, heights)| {
            other == wall && (along[0]..along[1]).contains(&at) && (heights[0]..heights[1]).contains(&z)
        })
    }

    /// A door, and windows with curtains.
    fn openings(&mut self, draw: &mut Draw) {
        let door_wall = draw.count(0, 3) as usize;
        let from = draw.between(0.2, self.wall_length(door_wall) - 1.2);
        self.take_wall(door_wall, from - 0.1, from + 1.0);
        let look = Look { label: labels::DOOR, colour: draw.pick(&WOODS), pattern: Pattern::Plain };
        self.panel(door_wall, [from, from + 0.9], [0.0, 2.03], 0.04, look);
        let place = self.at_wall(door_wall, from + 0.45, 0.45, 0.0);
        self.taken.push([place[0] - 0.45, place[0] + 0.45, place[1] - 0.45, place[1] + 0.45]);
        let curtain = draw.pick(&CLOTHS);
        for _ in 0..draw.count(1, 3) {
            let wall = draw.count(0, 3) as usize;
            let broad = draw.between(0.8, 1.8);
            let from = draw.between(0.5, self.wall_length(wall) - broad - 0.5);
            if self.take_wall(wall, from - 0.4, from + broad + 0.4) {
                self.window(wall, from, broad, draw.chance(0.6).then_some(curtain));
            }
        }
    }

    fn window(&mut self, wall: usize, from: f64, broad: f64, curtain: Option<Vector>) {
        let glass = Look { label: labels::WINDOW, colour: [0.7, 0.82, 0.92], pattern: Pattern::Plain };
        self.panel(wall, [from, from + broad], [0.9, 2.1], 0.03, glass);
        let frame = Look { colour: [0.95; 3], ..glass };
        for x in [from - 0.03, from + broad / 2.0 - 0.03, from + broad - 0.03] {
            self.panel(wall, [x, x + 0.06], [0.87, 2.13], 0.06, frame);
        }
        for z in [0.85, 2.08] {
            self.panel(wall, [from - 0.03, from + broad + 0.03], [z, z + 0.06], 0.06, frame);
        }
        let Some(colour) = curtain else { return };
        let look = Look { label: labels::CURTAIN, colour, pattern: Pattern::Plain };
        for left in [from - 0.3, from + broad] {
            // Folds.
            for fold in 0..5 {
                let x = left + 0.06 * f64::from(fold);
                let off = if fold % 2 == 0 { 0.08 } else { 0.13 };
                self.panel(wall, [x, x + 0.06], [0.1, 2.25], off, look);
            }
        }
    }

    /// Beds, shelves, sofas, desks, lamps with their backs to a wall.
    fn along_walls(&mut self, draw: &mut Draw) -> Result<(), DataError> {
        let mut pieces = vec!["bookshelf", "lamp"];
        pieces.push(if draw.chance(0.5) { "bed" } else { "sofa" });
        for _ in 0..draw.count(2, 5) {
            pieces.push(draw.pick(&["bookshelf", "desk", "sofa", "lamp", "bed", "chair"]));
        }
        for (number, piece) in (0_u64..).zip(pieces) {
            let shape = if piece == "desk" { "table" } else { piece };
            let mut mesh = synthetic_mesh(shape, self.seed, number)?;
            if piece == "desk" {
                mesh = resized(&mesh, [draw.between(1.1, 1.6), draw.between(0.55, 0.75), draw.between(0.7, 0.76)]);
            }
            let look = Self::look(piece, draw);
            for _ in 0..30 {
                let (wall, bounds) = (draw.count(0, 3) as usize, mesh.bounds());
                let (width, depth) =
                    (f64::from(bounds.max[0] - bounds.min[0]), f64::from(bounds.max[1] - bounds.min[1]));
                if width + 0.2 > self.wall_length(wall) {
                    continue;
                }
                let along = draw.between(width / 2.0 + 0.08, self.wall_length(wall) - width / 2.0 - 0.08);
                let tall = bounds.max[2] > 0.9;
                let blocked = tall
                    && self.on_walls.iter().any(|&(other, from, to)| {
                        other == wall && along + width / 2.0 > from && along - width / 2.0 < to
                    });
                let foot = self.at_wall(wall, along, depth / 2.0 + 0.05, 0.0);
                if !blocked && self.put(&mesh, foot, turn_of(wall), 0.08, look) {
                    if tall {
                        self.on_walls.push((wall, along - width / 2.0, along + width / 2.0));
                    }
                    if piece == "desk" {
                        let seat = self.at_wall(wall, along, depth + 0.3, 0.0);
                        self.chair(seat, turn_of(wall) + 180.0, number, draw)?;
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    fn look(piece: &str, draw: &mut Draw) -> Look {
        let wood = draw.pick(&WOODS);
        let cloth = draw.pick(&CLOTHS);
        let (label, colour, pattern) = match piece {
            "bed" => (labels::BED, cloth, Pattern::Cloth),
            "sofa" => (labels::SOFA, cloth, Pattern::Plain),
            "bookshelf" => (labels::BOOKSHELF, wood, if draw.chance(0.6) { Pattern::Books } else { Pattern::Plain }),
            "lamp" => (labels::LAMP, [0.95, 0.9, 0.7], Pattern::Plain),
            "desk" => (labels::DESK, wood, Pattern::Plain),
            "table" => (labels::TABLE, wood, Pattern::Boards),
            _ => (labels::CHAIR, if draw.chance(0.6) { wood } else { cloth }, Pattern::Plain),
        };
        Look { label, colour, pattern }
    }

    fn chair(&mut self, foot: Vector, degrees: f64, number: u64, draw: &mut Draw) -> Result<(), DataError> {
        let mesh = synthetic_mesh("chair", self.seed, 100 + number)?;
        let look = Self::look("chair", draw);
        self.put(&mesh, foot, degrees + draw.between(-12.0, 12.0), -0.25, look);
        Ok(())
    }

    /// A table with chairs around it, or a low one before a sofa; stools.
    fn in_the_middle(&mut self, draw: &mut Draw) -> Result<(), DataError> {
        let look = Self::look("table", draw);
        let size = [draw.between(0.9, 1.8), draw.between(0.75, 0.95), draw.between(0.7, 0.77)];
        let mesh = resized(&synthetic_mesh("table", self.seed, 50)?, size);
        for _ in 0..40 {
            let turn = draw.pick(&[0.0, 90.0]);
            let foot = [draw.between(1.2, self.size[0] - 1.2), draw.between(1.2, self.size[1] - 1.2), 0.0];
            if !self.put(&mesh, foot, turn + draw.between(-6.0, 6.0), 0.25, look) {
                continue;
            }
            let (sin, cos) = f64::to_radians(turn).sin_cos();
            let places = [(size[0] / 4.0, 1.0), (-size[0] / 4.0, 1.0), (size[0] / 4.0, -1.0), (-size[0] / 4.0, -1.0)];
            for (number, (x, side)) in (0_u64..).zip(places) {
                let y = side * (size[1] / 2.0 + draw.between(0.05, 0.3));
                let place = [foot[0] + cos * x - sin * y, foot[1] + sin * x + cos * y, 0.0];
                // The back away from the table.
                let facing = if side > 0.0 { turn } else { turn + 180.0 };
                if draw.chance(0.85) {
                    self.chair(place, facing, 20 + number, draw)?;
                }
            }
            break;
        }
        for number in 0..draw.count(0, 2) {
            let mesh = synthetic_mesh("stool", self.seed, u64::from(number))?;
            let look = Self::look("stool", draw);
            let foot = [draw.between(0.5, self.size[0] - 0.5), draw.between(0.5, self.size[1] - 0.5), 0.0];
            self.put(&mesh, foot, 0.0, 0.05, look);
        }
        Ok(())
    }

    /// Places a mesh if its box, grown by `margin`, is inside the room and free.
    fn put(&mut self, mesh: &TriangleMesh, foot: Vector, degrees: f64, margin: f64, look: Look) -> bool {
        let turn = vertical_rotation(degrees.to_radians() as f32);
        let [x, y, _] = foot.map(|part| part as f32);
        let lift = -mesh.bounds().min[2];
        // A rotation and a shift leave a mesh a mesh.
        let Ok(placed) = mesh.transformed(&turn.then(&Affine::shifting([x, y, lift]))) else { return false };
        let (low, high) = (placed.bounds().min.map(f64::from), placed.bounds().max.map(f64::from));
        let inside = (0..2).all(|axis| low[axis] > 0.01 && high[axis] < self.size[axis] - 0.01);
        let free = self.taken.iter().all(|&[x_low, x_high, y_low, y_high]| {
            high[0] + margin < x_low || low[0] - margin > x_high || high[1] + margin < y_low || low[1] - margin > y_high
        });
        if inside && free {
            self.taken.push([low[0], high[0], low[1], high[1]]);
            self.add(triangles_of(&placed), look);
        }
        inside && free
    }

    /// Pictures on free stretches of the walls.
    fn pictures(&mut self, draw: &mut Draw) {
        for _ in 0..draw.count(1, 4) {
            let (wall, broad, high) = (draw.count(0, 3) as usize, draw.between(0.35, 1.0), draw.between(0.3, 0.7));
            let from = draw.between(0.2, self.wall_length(wall) - broad - 0.2);
            if self.take_wall(wall, from - 0.05, from + broad + 0.05) {
                let look = Look { label: labels::PICTURE, colour: draw.pick(&CLOTHS), pattern: Pattern::Cloth };
                let bottom = draw.between(1.25, 1.5);
                self.panel(wall, [from, from + broad], [bottom, bottom + high], 0.03, look);
            }
        }
    }
}

/// The turn that brings a piece's back, its side of large y, to a wall, in degrees.
fn turn_of(wall: usize) -> f64 {
    [180.0, 90.0, 0.0, -90.0][wall]
}

/// A mesh stretched to a size.
fn resized(mesh: &TriangleMesh, size: Vector) -> TriangleMesh {
    let bounds = mesh.bounds();
    let factors = [0, 1, 2].map(|axis| size[axis] as f32 / (bounds.max[axis] - bounds.min[axis]).max(1e-3));
    mesh.transformed(&Affine::scaling(factors)).unwrap_or_else(|_| mesh.clone())
}
