//! Pictures of voxels: parallel projection, one ray a sample, three faces in three tones.
//!
//! Depth is told by corner occlusion (a face is darker where filled neighbours enclose its corner), by shadows of a
//! light behind the viewer's left shoulder, and by an outline where the surface behind a pixel lies much further away.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::occupancy::{Hit, Occupancy};
use crate::{Image, ViewError};

/// Samples along each side of a pixel.
const SAMPLES: usize = 3;
/// Rows of pixels that are drawn together; a whole picture's samples would take 144 bytes a pixel.
const BAND: usize = 32;
/// How many samples away the outline looks.
const OUTLINE_REACH: usize = SAMPLES - 1;
/// Part of the picture's side that stays free all round.
const MARGIN: f32 = 0.04;
/// Tone of a face by the product of its normal with the light: in the dark, and what full light adds.
const AMBIENT: f32 = 0.50;
const SUN: f32 = 0.56;
/// How much of the sun is left in a shadow.
const SHADOW: f32 = 0.45;
/// Tone at a corner by the number of empty cells among the three that enclose it.
const OCCLUSION: [f32; 4] = [0.55, 0.72, 0.87, 1.0];
/// Voxels narrower than this many pixels are drawn without edges.
const EDGE_FROM_PIXELS: f32 = 4.0;

/// Which axis points up in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Up {
    /// y points up, as in scans and in many point sets.
    Y,
    /// z points up, as in ModelNet's meshes.
    #[default]
    Z,
}

/// The colour of the voxels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// One colour.
    Solid([u8; 3]),
    /// From the first colour at the bottom to the second at the top.
    Height([u8; 3], [u8; 3]),
}

/// What is behind the voxels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Nothing.
    Transparent,
    /// One colour.
    Solid([u8; 3]),
}

/// How a picture is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderOptions {
    /// Pixels across and down.
    pub size: usize,
    /// The axis that points up.
    pub up: Up,
    /// The direction that one looks from, round the upward axis, in degrees.
    pub azimuth_degrees: f32,
    /// The angle that one looks down by, in degrees; 35.26 is isometric.
    pub elevation_degrees: f32,
    /// The colour of the voxels.
    pub paint: Paint,
    /// What is behind them.
    pub background: Background,
}

impl RenderOptions {
    /// A square picture with a transparent background.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            size,
            up: Up::Z,
            azimuth_degrees: -58.0,
            elevation_degrees: 27.0,
            paint: Paint::Height([74, 108, 200], [126, 178, 255]),
            background: Background::Transparent,
        }
    }

    /// With another axis up.
    #[must_use]
    pub fn with_up(self, up: Up) -> Self {
        Self { up, ..self }
    }

    /// With another colour.
    #[must_use]
    pub fn with_paint(self, paint: Paint) -> Self {
        Self { paint, ..self }
    }

    /// With another background.
    #[must_use]
    pub fn with_background(self, background: Background) -> Self {
        Self { background, ..self }
    }
}

/// Draws voxels so that they fill the picture; no voxel gives an empty one.
///
/// Where there are more voxels along an axis than pixels, neighbours are drawn as one.
pub fn render_voxels(voxels: &[[i32; 3]], options: &RenderOptions) -> Result<Image, ViewError> {
    let background = match options.background {
        Background::Transparent => [255, 255, 255, 0],
        Background::Solid([r, g, b]) => [r, g, b, 255],
    };
    let mut image = Image::filled(options.size, options.size, background)?;
    // y up becomes z up by a quarter turn about x, which keeps left and right; `!z` is -z - 1, which cannot overflow.
    let upright: Vec<[i32; 3]> = match options.up {
        Up::Z => voxels.to_vec(),
        Up::Y => voxels.iter().map(|&[x, y, z]| [x, !z, y]).collect(),
    };
    let upright = coarsened(upright, options.size);
    let Some(grid) = Occupancy::new(&upright)? else { return Ok(image) };
    let scene = Scene::new(&grid, &upright, options);
    for (band, pixels) in image.pixels_mut().chunks_mut(options.size * BAND).enumerate() {
        let top = band * BAND;
        let bottom = top + pixels.len() / options.size;
        let rows = (top * SAMPLES).saturating_sub(OUTLINE_REACH)..(bottom * SAMPLES + OUTLINE_REACH).min(scene.side);
        let samples = scene.trace(rows);
        pixels.par_chunks_mut(options.size).enumerate().for_each(|(y, row)| {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = resolve(&samples, [x, top + y], *pixel);
            }
        });
    }
    Ok(image)
}

/// Voxels merged, by halves, until no more than one falls on a pixel: what is thinner than a sample could not be seen.
fn coarsened(voxels: Vec<[i32; 3]>, size: usize) -> Vec<[i32; 3]> {
    let length = |axis: usize| {
        let places = || voxels.iter().map(|voxel| i64::from(voxel[axis]));
        places().max().zip(places().min()).map_or(0, |(high, low)| high - low + 1)
    };
    let longest = (0..3).map(length).fold(0, i64::max);
    let halvings = (0..32).find(|&halvings| longest >> halvings <= size as i64).unwrap_or(32);
    // A shift of all 32 bits is not defined; one of 31 leaves two cells along an axis.
    let shift = halvings.min(31);
    if shift == 0 { voxels } else { voxels.into_iter().map(|voxel| voxel.map(|place| place >> shift)).collect() }
}

/// The least and the greatest place of any voxel along a direction, from `centre`.
fn seen_extent(grid: &Occupancy, voxels: &[[i32; 3]], centre: [f32; 3], along: [f32; 3]) -> [f32; 2] {
    let half = along.iter().map(|part| part.abs() / 2.0).sum::<f32>();
    let places = voxels.iter().map(|voxel| {
        let place = |axis: usize| ((voxel[axis] - grid.low[axis]) as f32 + 0.5 - centre[axis]) * along[axis];
        place(0) + place(1) + place(2)
    });
    let [low, high] =
        places.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], place| [low.min(place), high.max(place)]);
    [low - half, high + half]
}

/// What one ray saw.
#[derive(Clone, Copy)]
struct Sample {
    colour: [f32; 3],
    /// Along the ray; infinite where it met nothing.
    depth: f32,
}

/// What the rays through some rows of samples saw.
struct Samples {
    /// Samples along a side of the picture.
    side: usize,
    /// The rows that are here.
    rows: Range<usize>,
    /// [rows, side]
    seen: Vec<Sample>,
}

impl Samples {
    /// `None` outside the picture.
    fn at(&self, x: usize, y: usize) -> Option<&Sample> {
        let here = x < self.side && self.rows.contains(&y);
        here.then(|| &self.seen[(y - self.rows.start) * self.side + x])
    }
}

struct Scene<'a> {
    grid: &'a Occupancy,
    /// Samples along a side of the picture.
    side: usize,
    right: [f32; 3],
    up: [f32; 3],
    towards: [f32; 3],
    light: [f32; 3],
    centre: [f32; 3],
    /// Distance between neighbouring samples, in voxels.
    pitch: f32,
    /// The middle of what is seen, from the centre of the box, to the right and up, in voxels.
    middle: [f32; 2],
    paint: Paint,
}

impl<'a> Scene<'a> {
    fn new(grid: &'a Occupancy, voxels: &[[i32; 3]], options: &RenderOptions) -> Self {
        let (sin_a, cos_a) = options.azimuth_degrees.to_radians().sin_cos();
        let (sin_e, cos_e) = options.elevation_degrees.to_radians().sin_cos();
        let towards = [cos_e * cos_a, cos_e * sin_a, sin_e];
        let right = [-sin_a, cos_a, 0.0];
        let up = cross(towards, right);
        let light = unit(add(add(scaled(towards, 0.55), scaled(right, -0.75)), [0.0, 0.0, 1.25]));
        let centre = grid.span.map(|side| side as f32 / 2.0);
        let extent = |along: [f32; 3]| seen_extent(grid, voxels, centre, along);
        let (across, upward) = (extent(right), extent(up));
        let side = options.size * SAMPLES;
        let pitch = (across[1] - across[0]).max(upward[1] - upward[0]) / (1.0 - 2.0 * MARGIN) / side as f32;
        let middle = [f32::midpoint(across[0], across[1]), f32::midpoint(upward[0], upward[1])];
        Self { grid, side, right, up, towards, light, centre, pitch, middle, paint: options.paint }
    }

    fn trace(&self, rows: Range<usize>) -> Samples {
        let mut seen = vec![Sample { colour: [0.0; 3], depth: f32::INFINITY }; self.side * rows.len()];
        seen.par_chunks_mut(self.side).enumerate().for_each(|(y, row)| {
            for (x, sample) in row.iter_mut().enumerate() {
                *sample = self.look(x, rows.start + y);
            }
        });
        Samples { side: self.side, rows, seen }
    }

    fn look(&self, x: usize, y: usize) -> Sample {
        let away = scaled(self.towards, -1.0);
        let half = self.side as f32 / 2.0;
        let across = (x as f32 + 0.5 - half) * self.pitch + self.middle[0];
        let upward = (half - y as f32 - 0.5) * self.pitch + self.middle[1];
        let reach = self.grid.span.iter().sum::<i32>() as f32;
        let plane = add(self.centre, add(scaled(self.right, across), scaled(self.up, upward)));
        let origin = add(plane, scaled(self.towards, reach));
        match self.grid.first_hit(origin, away, f32::INFINITY) {
            None => Sample { colour: [0.0; 3], depth: f32::INFINITY },
            Some(hit) => {
                let point = add(origin, scaled(away, hit.distance));
                Sample { colour: self.shade(&hit, point), depth: hit.distance }
            }
        }
    }

    fn shade(&self, hit: &Hit, point: [f32; 3]) -> [f32; 3] {
        let axis = hit.axis;
        let outward = if self.towards[axis] < 0.0 { -1 } else { 1 };
        let facing = (self.light[axis] * outward as f32).max(0.0);
        let mut start = point;
        start[axis] += 0.02 * outward as f32;
        let shadowed = facing > 0.0 && self.grid.first_hit(start, self.light, f32::INFINITY).is_some();
        let sun = SUN * facing * if shadowed { SHADOW } else { 1.0 };
        let tone = (AMBIENT + sun) * self.occlusion(hit, point, outward) * self.edge(hit, point);
        let height = (point[2] / self.grid.span[2] as f32).clamp(0.0, 1.0);
        let paint = match self.paint {
            Paint::Solid(colour) => colour.map(f32::from),
            Paint::Height(low, high) => {
                std::array::from_fn(|c| f32::from(low[c]) * (1.0 - height) + f32::from(high[c]) * height)
            }
        };
        paint.map(|channel| (channel * tone).min(255.0))
    }

    /// Darker towards the corners of a face that are walled in, by straight lines between its four corners.
    fn occlusion(&self, hit: &Hit, point: [f32; 3], outward: i32) -> f32 {
        let (u, v) = ((hit.axis + 1) % 3, (hit.axis + 2) % 3);
        let mut front = hit.cell;
        front[hit.axis] += outward;
        let filled = |along_u: i32, along_v: i32| {
            let mut cell = front;
            cell[u] += along_u;
            cell[v] += along_v;
            usize::from(self.grid.filled(cell))
        };
        let corner = |s: i32, t: i32| match (filled(s, 0), filled(0, t)) {
            (1, 1) => OCCLUSION[0],
            (a, b) => OCCLUSION[3 - a - b - filled(s, t)],
        };
        let part_u = (point[u] - hit.cell[u] as f32).clamp(0.0, 1.0);
        let part_v = (point[v] - hit.cell[v] as f32).clamp(0.0, 1.0);
        let low = corner(-1, -1) * (1.0 - part_u) + corner(1, -1) * part_u;
        let high = corner(-1, 1) * (1.0 - part_u) + corner(1, 1) * part_u;
        low * (1.0 - part_v) + high * part_v
    }

    /// A thin darker line along the edges of a face, when a voxel is large enough to show one.
    fn edge(&self, hit: &Hit, point: [f32; 3]) -> f32 {
        let pixels = 1.0 / (self.pitch * SAMPLES as f32);
        let strength = 0.16 * ((pixels - EDGE_FROM_PIXELS) / EDGE_FROM_PIXELS).clamp(0.0, 1.0);
        let nearest = [(hit.axis + 1) % 3, (hit.axis + 2) % 3]
            .map(|a| (point[a] - point[a].round()).abs())
            .into_iter()
            .fold(f32::INFINITY, f32::min);
        if nearest * pixels < 0.45 { 1.0 - strength } else { 1.0 }
    }
}

/// The mean of a pixel's samples over what was there before, with an outline where depth jumps.
fn resolve(samples: &Samples, pixel: [usize; 2], below: [u8; 4]) -> [u8; 4] {
    let (mut sum, mut seen) = ([0.0f32; 3], 0.0f32);
    for y in pixel[1] * SAMPLES..(pixel[1] + 1) * SAMPLES {
        for x in pixel[0] * SAMPLES..(pixel[0] + 1) * SAMPLES {
            let Some(sample) = samples.at(x, y).filter(|sample| sample.depth.is_finite()) else { continue };
            let tone = outline(samples, [x, y], sample.depth);
            sum = add(sum, scaled(sample.colour, tone));
            seen += 1.0;
        }
    }
    if seen == 0.0 {
        return below;
    }
    let cover = seen / (SAMPLES * SAMPLES) as f32;
    let under = f32::from(below[3]) / 255.0 * (1.0 - cover);
    let alpha = cover + under;
    let mix = |c: usize| (sum[c] / seen * cover + f32::from(below[c]) * under) / alpha;
    [mix(0).round() as u8, mix(1).round() as u8, mix(2).round() as u8, (alpha * 255.0).round() as u8]
}

/// Darker where a neighbouring sample lies more than three voxels behind.
fn outline(samples: &Samples, [x, y]: [usize; 2], depth: f32) -> f32 {
    // Left of and above the picture wraps round to a place that is outside, too.
    let neighbours = [
        samples.at(x + OUTLINE_REACH, y),
        samples.at(x.wrapping_sub(OUTLINE_REACH), y),
        samples.at(x, y + OUTLINE_REACH),
        samples.at(x, y.wrapping_sub(OUTLINE_REACH)),
    ];
    let behind = |neighbour: Option<&Sample>| neighbour.is_none_or(|sample| sample.depth > depth + 3.0);
    if neighbours.into_iter().any(behind) { 0.72 } else { 1.0 }
}

fn add(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|axis| a[axis] + b[axis])
}

fn scaled(a: [f32; 3], by: f32) -> [f32; 3] {
    a.map(|value| value * by)
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|i| {
        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
        a[j] * b[k] - a[k] * b[j]
    })
}

fn unit(a: [f32; 3]) -> [f32; 3] {
    let length = a.iter().map(|value| value * value).sum::<f32>().sqrt();
    scaled(a, 1.0 / length)
}
