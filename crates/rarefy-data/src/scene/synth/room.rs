//! Rooms as a hand-held camera would scan them: points with colour, normal, label and instance.

use super::draw::Draw;
use super::furnish::Room;
use super::labels;
use super::solid::{Vector, along, dot, minus};
use super::surface::sample;
use super::visible::seen_from;
use crate::error::DataError;
use crate::pipeline::generator;
use crate::scan::Scan;
use crate::scene::classes::{ClassMap, SceneClass, Unlisted};
use crate::scene::random::gaussian;

/// Points drawn for each one that is asked for: what no camera saw is left out.
const DRAWN_FOR_ONE: usize = 2;
/// Deviation of the depth in metres.
const NOISE: f64 = 0.004;

/// Kinds of generators, after [`STREETS`](super::STREETS).
const ROOMS: u64 = 8;

/// Name, nyu40 number and colour of what stands in synthetic rooms.
const CLASSES: [(&str, u32, [u8; 3]); 14] = [
    ("wall", labels::WALL, [174, 199, 232]),
    ("floor", labels::FLOOR, [152, 223, 138]),
    ("ceiling", labels::CEILING, [230, 230, 200]),
    ("bed", labels::BED, [255, 187, 120]),
    ("chair", labels::CHAIR, [188, 189, 34]),
    ("sofa", labels::SOFA, [140, 86, 75]),
    ("table", labels::TABLE, [255, 152, 150]),
    ("desk", labels::DESK, [247, 182, 210]),
    ("bookshelf", labels::BOOKSHELF, [148, 103, 189]),
    ("door", labels::DOOR, [214, 39, 40]),
    ("window", labels::WINDOW, [197, 176, 213]),
    ("picture", labels::PICTURE, [196, 156, 148]),
    ("curtain", labels::CURTAIN, [219, 219, 141]),
    ("lamp", labels::LAMP, [255, 220, 0]),
];

impl ClassMap {
    /// The classes of synthetic rooms; their numbers in files are those of nyu40.
    #[must_use]
    pub fn synthetic_rooms() -> Self {
        let class =
            |&(name, id, colour): &(&str, u32, [u8; 3])| SceneClass { name: name.to_owned(), ids: vec![id], colour };
        Self::new(CLASSES.iter().map(class).collect(), &[0], Unlisted::Refused).expect("the table is a map")
    }
}

/// Room number `number` of a seed, with at most `points` points; in metres, the floor at z = 0.
///
/// A third of the points of small rooms may be missing, where more surface is hidden than usual.
pub fn room_scan(seed: u64, number: u64, points: usize) -> Result<Scan, DataError> {
    if !(1..=10_000_000).contains(&points) {
        return Err(DataError::setting(format!("a room of {points} points: expected 1 to 10,000,000")));
    }
    let mut draw = Draw(generator([seed, ROOMS, number, 0]));
    let room = Room::draw(&mut draw, seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))?;
    let eyes = eyes(room.size, &mut draw);
    let light = [room.size[0] / 2.0, room.size[1] / 2.0, room.size[2] - 0.2];
    let mut drawn = sample(&room.surfaces, DRAWN_FOR_ONE * points, &mut draw);
    drawn.retain(|point| !room.is_covered(point));
    let seen = seen_from(&drawn, &eyes);
    let mut scan = Scan::default();
    let (mut colours, mut normals, mut labels, mut instances) = (vec![], vec![], vec![], vec![]);
    for (mut point, eye) in drawn.into_iter().zip(seen) {
        let Some(eye) = eye else { continue };
        if scan.points.len() == points {
            break;
        }
        let towards = minus(eye, point.place);
        if dot(towards, point.normal) < 0.0 {
            point.normal = point.normal.map(|part| -part);
        }
        let surface = &room.surfaces[point.surface];
        colours.push(surface.colour_at(&point, light, &mut draw));
        let off = NOISE * f64::from(gaussian(&mut draw.0));
        scan.points.push(along(point.place, off, point.normal).map(|part| part as f32));
        normals.push(point.normal.map(|part| part as f32));
        labels.push(surface.label);
        instances.push(surface.instance);
    }
    scan.colour = Some(colours);
    scan.normals = Some(normals);
    scan.labels = Some(labels);
    scan.instances = Some(instances);
    Ok(scan)
}

/// Where the camera was.
fn eyes(size: Vector, draw: &mut Draw) -> Vec<Vector> {
    (0..7)
        .map(|eye| {
            let height = if eye % 2 == 0 { draw.between(1.4, 1.8) } else { draw.between(0.9, 1.4) };
            [draw.between(0.25, 0.75) * size[0], draw.between(0.25, 0.75) * size[1], height]
        })
        .collect()
}
