//! A spinning lidar: rings of fixed elevation, steps of azimuth, range noise, drop-outs, one return a beam.
//!
//! Invariant: the draws of a ring come from a generator of its own, so a scan is the same for any number of threads.

use super::part::{Matter, Part};
use super::solid::{Vector, along, dot};
use super::street::World;
use crate::error::DataError;
use crate::pipeline::generator;
use crate::scan::Scan;
use crate::scene::random::gaussian;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A spinning lidar on the roof of a car. Points are in the sensor's system: x forward, y left, z up, in metres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LidarSensor {
    /// Elevation of each ring above the horizon in degrees, from the top.
    pub elevations_degrees: Vec<f32>,
    /// Beams of a ring over the full turn.
    pub azimuth_steps: u32,
    /// Height of the sensor above the road.
    pub height: f32,
    /// Farthest return.
    pub range: f32,
    /// Deviation of the range.
    pub range_noise: f32,
    /// Share of beams that are lost whatever they meet.
    pub dropout: f32,
}

impl Default for LidarSensor {
    /// The 64 rings of the sensor of KITTI.
    fn default() -> Self {
        let upper = (0..32).map(|ring| 2.0 - ring as f32 / 3.0);
        let lower = (0..32).map(|ring| -8.83 - ring as f32 / 2.0);
        Self {
            elevations_degrees: upper.chain(lower).collect(),
            azimuth_steps: 2048,
            height: 1.73,
            range: 80.0,
            range_noise: 0.015,
            dropout: 0.02,
        }
    }
}

impl LidarSensor {
    /// Rings at equal distances between two elevations in degrees; else the default.
    #[must_use]
    pub fn with_rings(rings: u32, top: f32, bottom: f32) -> Self {
        let step = (top - bottom) / rings.saturating_sub(1).max(1) as f32;
        let elevations_degrees = (0..rings).map(|ring| top - step * ring as f32).collect();
        Self { elevations_degrees, ..Self::default() }
    }

    /// Whether the settings make sense.
    pub fn check(&self) -> Result<(), DataError> {
        let rings = self.elevations_degrees.len();
        if !(1..=512).contains(&rings) || !(1..=16_384).contains(&self.azimuth_steps) {
            let steps = self.azimuth_steps;
            return Err(DataError::setting(format!(
                "a sensor of {rings} rings and {steps} azimuth steps: expected 1 to 512 and 1 to 16384"
            )));
        }
        if let Some(wrong) = self.elevations_degrees.iter().find(|angle| !(-89.0..=89.0).contains(*angle)) {
            return Err(DataError::setting(format!("elevations_degrees: {wrong}: expected -89 to 89")));
        }
        let ranges = [
            ("height", self.height, 1.5, 5.0),
            ("range", self.range, 1.0, 500.0),
            ("range_noise", self.range_noise, 0.0, 1.0),
            ("dropout", self.dropout, 0.0, 0.95),
        ];
        for (name, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return Err(DataError::setting(format!("sensor.{name} = {value}: expected {low} to {high}")));
            }
        }
        Ok(())
    }

    /// The direction of a beam.
    fn direction(&self, ring: usize, step: u32) -> Vector {
        let (up, level) = f64::from(self.elevations_degrees[ring]).to_radians().sin_cos();
        let (sin, cos) = (std::f64::consts::TAU * f64::from(step) / f64::from(self.azimuth_steps)).sin_cos();
        [level * cos, level * sin, up]
    }

    /// What the sensor sees of a world, ring after ring from the top, counter-clockwise from the front.
    pub(super) fn scan(&self, world: &World, numbers: [u64; 3]) -> Scan {
        let columns = Columns::new(&world.parts, self.azimuth_steps, f64::from(self.range));
        let rings: Vec<Vec<Return>> = (0..self.elevations_degrees.len())
            .into_par_iter()
            .map(|ring| {
                let mut rng = generator([numbers[0], numbers[1], numbers[2], 1 + ring as u64]);
                (0..self.azimuth_steps).filter_map(|step| self.beam(world, &columns, ring, step, &mut rng)).collect()
            })
            .collect();
        let returns: Vec<Return> = rings.concat();
        Scan {
            points: returns.iter().map(|found| found.point).collect(),
            intensity: Some(returns.iter().map(|found| found.intensity).collect()),
            labels: Some(returns.iter().map(|found| found.class).collect()),
            instances: Some(returns.iter().map(|found| found.instance).collect()),
            ..Scan::default()
        }
    }

    fn beam(&self, world: &World, columns: &Columns, ring: usize, step: u32, rng: &mut ChaCha8Rng) -> Option<Return> {
        let (origin, direction) = ([0.0, 0.0, f64::from(self.height)], self.direction(ring, step));
        let farthest = f64::from(self.range);
        let mut nearest: Option<(f64, Surface)> = world.street.hit(origin, direction, farthest).map(|(t, normal)| {
            let [x, y, _] = along(origin, t, direction);
            let ground = world.street.ground(x, y);
            let facing = -dot(normal, direction);
            (t, Surface { class: ground.class, instance: 0, reflectivity: ground.reflectivity, facing, lost: 0.0 })
        });
        for &part in columns.of(step) {
            if let Some((t, surface)) = meet(&world.parts[part as usize], origin, direction, rng)
                && nearest.as_ref().is_none_or(|(other, _)| t < *other)
            {
                nearest = Some((t, surface));
            }
        }
        let (t, surface) = nearest?;
        // The echo fades with the angle and the square of the range.
        let signal = surface.reflectivity * (0.25 + 0.75 * surface.facing.max(0.0));
        let echo = 1.0 - (-signal * (110.0 / t.max(4.0)).powi(2)).exp();
        let kept = echo * (1.0 - surface.lost) * (1.0 - f64::from(self.dropout));
        let noise = f64::from(self.range_noise * gaussian(rng));
        let shimmer = 1.0 + 0.1 * f64::from(gaussian(rng));
        if t > farthest || rng.random::<f64>() >= kept {
            return None;
        }
        let point = direction.map(|part| (part * (t + noise)) as f32);
        // Two digits, as in KITTI.
        let intensity = ((signal * shimmer).clamp(0.0, 0.99) * 100.0).round() as f32 / 100.0;
        Some(Return { point, intensity, class: surface.class, instance: surface.instance })
    }
}

/// One point of a scan.
#[derive(Clone, Copy)]
struct Return {
    point: [f32; 3],
    intensity: f32,
    class: u32,
    instance: u32,
}

/// What a beam meets.
struct Surface {
    class: u32,
    instance: u32,
    reflectivity: f64,
    /// Cosine between the beam and the surface's normal.
    facing: f64,
    /// Share of the beams that do not come back.
    lost: f64,
}

/// Where a beam comes back from a part, if it does.
fn meet(part: &Part, origin: Vector, direction: Vector, rng: &mut ChaCha8Rng) -> Option<(f64, Surface)> {
    let hit = part.solid.hit(origin, direction)?;
    let mut facing = -dot(hit.normal, direction);
    let (mut t, mut lost) = (hit.enter, 0.0);
    match part.matter {
        Matter::Opaque => {}
        Matter::Glass(share) => lost = share,
        Matter::Facade => {
            if is_window(along(origin, t, direction), hit.normal) {
                lost = 0.75;
            }
        }
        Matter::Porous(share) => {
            if rng.random::<f64>() < share {
                return None;
            }
        }
        Matter::Leaves(depth) => {
            t -= depth * (1.0 - rng.random::<f64>()).ln();
            // Leaves look anywhere.
            facing = rng.random();
            if t > hit.leave {
                return None;
            }
        }
    }
    let Part { class, instance, reflectivity, .. } = *part;
    Some((t, Surface { class, instance, reflectivity, facing, lost }))
}

/// Windows of 1.1 by 1.3 m in storeys of 2.9 m, 2.4 m apart along the wall.
fn is_window(point: Vector, normal: Vector) -> bool {
    let sideways = normal[0] * point[1] - normal[1] * point[0];
    let (across, up) = ((sideways / 2.4).rem_euclid(1.0) * 2.4, (point[2] / 2.9).rem_euclid(1.0) * 2.9);
    normal[2].abs() < 0.5 && across < 1.1 && (0.9..2.2).contains(&up)
}

/// Which parts a beam of each azimuth may meet.
struct Columns {
    /// Parts of each step, ascending.
    parts: Vec<Vec<u32>>,
}

impl Columns {
    fn new(parts: &[Part], steps: u32, range: f64) -> Self {
        let mut columns = vec![Vec::new(); steps as usize];
        for (number, part) in (0..).zip(parts) {
            let ([x, y], radius) = part.circle;
            let distance = x.hypot(y);
            if distance - radius > range {
                continue;
            }
            let reach = if distance > radius { (radius / distance).asin() } else { std::f64::consts::PI };
            let per_step = f64::from(steps) / std::f64::consts::TAU;
            let (low, high) = ((y.atan2(x) - reach) * per_step, (y.atan2(x) + reach) * per_step);
            let low = low.floor() as i64;
            let high = (high.ceil() as i64).min(low + i64::from(steps) - 1);
            for step in low..=high {
                columns[step.rem_euclid(i64::from(steps)) as usize].push(number);
            }
        }
        Self { parts: columns }
    }

    fn of(&self, step: u32) -> &[u32] {
        &self.parts[step as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::synth::draw::Draw;

    fn world(number: u64) -> World {
        World::draw(&mut Draw(generator([3, 7, number, 0])))
    }

    fn sensor() -> LidarSensor {
        LidarSensor { azimuth_steps: 700, ..LidarSensor::default() }
    }

    /// Range and direction of a point.
    fn beam_of(point: [f32; 3]) -> (f64, Vector) {
        let place = point.map(f64::from);
        let range = dot(place, place).sqrt();
        (range, place.map(|part| part / range))
    }

    #[test]
    fn no_point_lies_behind_an_opaque_surface_and_labels_are_of_what_is_there() {
        let sensor = sensor();
        let (origin, tolerance) = ([0.0, 0.0, f64::from(sensor.height)], 6.0 * f64::from(sensor.range_noise));
        for number in 0..4 {
            let world = world(number);
            let scan = sensor.scan(&world, [3, 7, number]);
            let (labels, instances) = (scan.labels.as_ref().unwrap(), scan.instances.as_ref().unwrap());
            assert!(scan.len() > 15_000, "{}", scan.len());
            // Every seventh point against all parts, without the columns.
            for at in (0..scan.len()).step_by(7) {
                let (range, direction) = beam_of(scan.points[at]);
                let mut explained = false;
                for part in &world.parts {
                    let Some(hit) = part.solid.hit(origin, direction) else { continue };
                    let solid = !matches!(part.matter, Matter::Leaves(_) | Matter::Porous(_));
                    // A beam that only just touches may pass: single precision has moved it.
                    let touched = hit.leave - hit.enter < 0.02;
                    assert!(!solid || touched || range < hit.enter + tolerance + 0.01, "{range} {hit:?} {part:?}");
                    let within = range > hit.enter - tolerance && range < hit.leave + tolerance;
                    explained |= within && (part.class, part.instance) == (labels[at], instances[at]);
                }
                if instances[at] == 0 {
                    let [x, y, z] = along(origin, range, direction);
                    let near = [0.0, -0.03, 0.03].into_iter().any(|shift| {
                        let along_beam = along([x, y, z], shift, direction);
                        let ground = world.street.ground(along_beam[0], along_beam[1]);
                        ground.class == labels[at] && (ground.height - along_beam[2]).abs() < 0.2
                    });
                    explained = near
                        || world
                            .street
                            .hit(origin, direction, 200.0)
                            .is_some_and(|(t, _)| (t - range).abs() < tolerance + 0.3);
                }
                assert!(explained, "{at}: {} at {range}", labels[at]);
            }
        }
    }

    #[test]
    fn rings_have_the_elevations_of_the_sensor() {
        let sensor = LidarSensor { dropout: 0.0, ..sensor() };
        let scan = sensor.scan(&world(1), [3, 7, 1]);
        let mut rings = vec![0; sensor.elevations_degrees.len()];
        let mut last = 0;
        for point in &scan.points {
            let (_, direction) = beam_of(*point);
            let elevation = direction[2].asin().to_degrees();
            let apart = |ring: &usize| (f64::from(sensor.elevations_degrees[*ring]) - elevation).abs();
            let ring = (0..rings.len()).min_by(|a, b| apart(a).total_cmp(&apart(b))).unwrap();
            assert!(apart(&ring) < 1e-3, "{elevation}");
            let step =
                direction[1].atan2(direction[0]).rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU * 700.0;
            assert!((step - step.round()).abs() < 1e-2, "{step}");
            assert!(ring >= last, "rings come from the top");
            (rings[ring], last) = (rings[ring] + 1, ring);
        }
        // The lowest rings look at the road around the car.
        assert!(rings[40..].iter().all(|&count| count > 350), "{rings:?}");
        assert!(rings.iter().all(|&count| count <= 700));
    }

    #[test]
    fn noise_and_dropout_are_as_large_as_they_say() {
        let base = LidarSensor { elevations_degrees: vec![-20.0, -24.0], range_noise: 0.0, dropout: 0.0, ..sensor() };
        let noisy = LidarSensor { range_noise: 0.05, ..base.clone() };
        let world = world(2);
        // Without noise, points of the road lie at its height.
        let off_road = |sensor: &LidarSensor| -> Vec<f64> {
            let scan = sensor.scan(&world, [3, 7, 2]);
            let road = scan.labels.as_ref().unwrap().iter().zip(&scan.points).filter(|(label, _)| **label == 40);
            road.map(|(_, point)| (f64::from(point[2]) + 1.73) / f64::from(point[2]) * beam_of(*point).0).collect()
        };
        assert!(off_road(&base).iter().all(|apart| apart.abs() < 1e-4));
        let apart = off_road(&noisy);
        let deviation = (apart.iter().map(|apart| apart * apart).sum::<f64>() / apart.len() as f64).sqrt();
        assert!((0.04..0.06).contains(&deviation), "{deviation}");
        let lost = LidarSensor { dropout: 0.5, ..base.clone() };
        let (all, half) = (base.scan(&world, [3, 7, 2]).len() as f64, lost.scan(&world, [3, 7, 2]).len() as f64);
        assert!((half / all - 0.5).abs() < 0.06, "{half} of {all}");
    }
}
