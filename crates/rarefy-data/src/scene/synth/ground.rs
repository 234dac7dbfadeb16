//! The ground of a street: road, markings, parking, kerbs, pavements, islands, a side road, and the land beyond.

use super::draw::Draw;
use super::labels;
use super::solid::Vector;

/// Half the length of what is built, in metres.
pub(super) const REACH: f64 = 75.0;
/// Bounds of the ground's height.
const LOWEST: f64 = -1.6;
const HIGHEST: f64 = 1.2;
const KERB: f64 = 0.12;

/// One side of the street; widths in metres.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// Of the strip where cars park; 0 without one.
    pub(super) parking: f64,
    pub(super) pavement: f64,
}

/// A street along x, seen from a car in its right lane at x = 0, y = 0.
#[derive(Clone, Debug)]
pub(super) struct Street {
    /// Lateral place of the centre line at x = 0.
    centre: f64,
    /// Curvature of the centre line, in 1/m.
    bend: f64,
    pub(super) half_width: f64,
    /// The right side (y below the road), then the left.
    pub(super) sides: [Side; 2],
    /// Middle and half width of a road that crosses.
    pub(super) crossing: Option<[f64; 2]>,
    /// Middle along x and half length of a traffic island on the centre line.
    pub(super) island: Option<[f64; 2]>,
    /// Waves of the land beyond the pavements: wave numbers in x and y, phase, height.
    waves: [[f64; 4]; 4],
}

/// What the ground is at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ground {
    pub(super) height: f64,
    pub(super) class: u32,
    pub(super) reflectivity: f64,
}

impl Street {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let half_width = draw.between(3.0, 5.5);
        let mut side = || Side {
            parking: if draw.chance(0.55) { draw.between(2.1, 2.6) } else { 0.0 },
            pavement: draw.between(1.4, 3.8),
        };
        let sides = [side(), side()];
        let crossing = draw.chance(0.6).then(|| [draw.sign() * draw.between(14.0, 45.0), draw.between(2.5, 4.5)]);
        let island = (half_width > 4.2 && draw.chance(0.6))
            .then(|| [draw.sign() * draw.between(8.0, 30.0), draw.between(2.0, 5.0)]);
        let waves = [0; 4].map(|_| {
            let length = draw.between(6.0, 40.0);
            let (sin, cos) = draw.between(0.0, std::f64::consts::TAU).sin_cos();
            let number = std::f64::consts::TAU / length;
            [cos * number, sin * number, draw.between(0.0, 6.3), 0.004 * length * draw.between(0.2, 1.0)]
        });
        let bend = if draw.chance(0.5) { draw.between(-0.004, 0.004) } else { 0.0 };
        Self { centre: half_width / 2.0, bend, half_width, sides, crossing, island, waves }
    }

    /// The lateral place of the centre line and its angle.
    fn centre_line(&self, x: f64) -> (f64, f64) {
        (self.centre + self.bend * x * x / 2.0, (self.bend * x).atan())
    }

    /// The place at `x` along the street and `lateral` to the left of its centre line, and the angle of the street there.
    pub(super) fn place(&self, x: f64, lateral: f64) -> (Vector, f64) {
        let (centre, yaw) = self.centre_line(x);
        let y = centre + lateral;
        ([x, y, self.ground(x, y).height], yaw)
    }

    /// Where the pavement of a side ends, measured from the centre line; `side` is 0 for the right, 1 for the left.
    pub(super) fn edge(&self, side: usize) -> f64 {
        self.half_width + self.sides[side].parking + self.sides[side].pavement
    }

    /// Whether `x` lies in or near the side road.
    pub(super) fn crosses(&self, x: f64, margin: f64) -> bool {
        self.crossing.is_some_and(|[middle, half]| (x - middle).abs() < half + margin)
    }

    /// The ground at a place.
    pub(super) fn ground(&self, x: f64, y: f64) -> Ground {
        let (centre, _) = self.centre_line(x);
        let lateral = y - centre;
        let (side, from_centre) = (self.sides[usize::from(lateral > 0.0)], lateral.abs());
        let beyond_road = from_centre - self.half_width;
        let beyond_parking = beyond_road - side.parking;
        let beyond_pavement = beyond_parking - side.pavement;
        let flat = |class, height, reflectivity| Ground { height, class, reflectivity };
        if let Some([middle, half]) = self.island
            && from_centre < 0.7
            && (x - middle).abs() < half
        {
            return flat(labels::OTHER_GROUND, KERB, 0.3);
        }
        if beyond_road < 0.0 {
            return if self.is_marking(x, from_centre) {
                flat(labels::LANE_MARKING, 0.0, 0.75)
            } else {
                flat(labels::ROAD, 0.0, 0.22)
            };
        }
        if self.crosses(x, 0.0) && beyond_parking < 40.0 {
            return flat(labels::ROAD, 0.0, 0.2);
        }
        if beyond_parking < 0.0 {
            return flat(labels::PARKING, 0.0, 0.26);
        }
        // The kerb rises within a few centimetres, also towards the side road.
        let from_crossing = self.crossing.map_or(1.0, |[middle, half]| (x - middle).abs() - half);
        let kerb = KERB * (beyond_parking.min(from_crossing) / 0.05).clamp(0.0, 1.0);
        if beyond_pavement < 0.0 {
            return flat(labels::SIDEWALK, kerb, 0.34);
        }
        let rise: f64 = self.waves.iter().map(|[kx, ky, phase, height]| height * (kx * x + ky * y + phase).sin()).sum();
        let share = 1.0 - (-beyond_pavement / 6.0).exp();
        flat(labels::TERRAIN, (kerb + share * rise).clamp(LOWEST, HIGHEST), 0.42)
    }

    /// Dashes in the middle, lines at the edges.
    fn is_marking(&self, x: f64, from_centre: f64) -> bool {
        let dash = from_centre < 0.07 && (x / 6.0).rem_euclid(1.0) < 0.5;
        let edge = (self.half_width - 0.25 - from_centre).abs() < 0.06;
        !self.crosses(x, 0.5) && (dash || edge)
    }

    /// Where a ray that starts above the ground meets it, and the normal there.
    pub(super) fn hit(&self, origin: Vector, direction: Vector, farthest: f64) -> Option<(f64, Vector)> {
        if direction[2] >= -1e-9 {
            return None;
        }
        let above = |t: f64| {
            let [x, y, z] = super::solid::along(origin, t, direction);
            z - self.ground(x, y).height
        };
        let at_height = |height: f64| (height - origin[2]) / direction[2];
        let (start, end) = (at_height(HIGHEST).max(0.0), at_height(LOWEST).min(farthest));
        let steps = ((end - start) / 0.5).clamp(8.0, 96.0).ceil();
        let mut low = start;
        for step in 1..=steps as u32 {
            let high = start + (end - start) * f64::from(step) / steps;
            if above(high) <= 0.0 {
                let t = bisect(low, high, above);
                return Some((t, self.normal(origin, direction, t)));
            }
            low = high;
        }
        None
    }

    fn normal(&self, origin: Vector, direction: Vector, t: f64) -> Vector {
        let [x, y, _] = super::solid::along(origin, t, direction);
        let height = |x: f64, y: f64| self.ground(x, y).height;
        let slope = |low: f64, high: f64| (high - low) / 0.04;
        super::solid::unit([
            -slope(height(x - 0.02, y), height(x + 0.02, y)),
            -slope(height(x, y - 0.02), height(x, y + 0.02)),
            1.0,
        ])
    }
}

/// Where a function changes from above 0 at `low` to at most 0 at `high`.
fn bisect(mut low: f64, mut high: f64, above: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..24 {
        let middle = f64::midpoint(low, high);
        if above(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}
