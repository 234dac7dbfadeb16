//! Elastic distortion: a smooth random field of displacements (SYSTEMS.md §6.3).
//!
//! Gaussian noise on a grid of nodes, blurred twice along each axis by a box of three, is interpolated linearly at each
//! point and scaled. The blur lowers the noise's deviation to 0.114 of the magnitude.

use super::random::gaussian;
use rand::Rng;
use rarefy_geometry::Bounds;
use serde::{Deserialize, Serialize};

/// One field of displacements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elastic {
    /// Distance of the nodes, in units of the file.
    pub granularity: f32,
    /// Factor of the blurred noise, in units of the file.
    pub magnitude: f32,
}

/// Nodes of a grid at most, 48 MB of noise; a room of 10 m at 0.2 m has 50,000, a street of 160 m at 0.8 m a million.
pub(crate) const MOST_NODES: f64 = 4e6;

type Node = [f32; 3];

/// Displaces the points; the error is the number of nodes where there would be too many.
pub(crate) fn distort(places: &mut [[f32; 3]], elastic: Elastic, rng: &mut impl Rng) -> Result<(), f64> {
    let Some(bounds) = Bounds::around(places.iter().copied()) else { return Ok(()) };
    let (low, high) = (bounds.min, bounds.max);
    let step = elastic.granularity;
    let needed = [0, 1, 2].map(|axis| f64::from(((high[axis] - low[axis]) / step).floor()) + 3.0);
    let nodes = needed.iter().product::<f64>();
    if nodes > MOST_NODES {
        return Err(nodes);
    }
    let size = needed.map(|count| count as usize);
    let mut noise: Vec<Node> = (0..size.iter().product()).map(|_| std::array::from_fn(|_| gaussian(rng))).collect();
    for _ in 0..2 {
        for axis in 0..3 {
            noise = blurred(&noise, size, axis);
        }
    }
    for place in places {
        // The first node lies one step before the first point.
        let at: [f32; 3] = std::array::from_fn(|axis| (place[axis] - low[axis]) / step + 1.0);
        let shift = interpolated(&noise, size, at);
        *place = std::array::from_fn(|axis| place[axis] + elastic.magnitude * shift[axis]);
    }
    Ok(())
}

/// The mean of each node and its two neighbours along an axis; beyond the grid the noise is 0.
fn blurred(noise: &[Node], size: [usize; 3], axis: usize) -> Vec<Node> {
    let stride = size[axis + 1..].iter().product::<usize>();
    let value = |at: usize, inside: bool| if inside { noise[at] } else { [0.0; 3] };
    (0..noise.len())
        .map(|at| {
            let along = at / stride % size[axis];
            let before = value(at.wrapping_sub(stride), along > 0);
            let after = value(at + stride, along + 1 < size[axis]);
            std::array::from_fn(|part| (before[part] + noise[at][part] + after[part]) / 3.0)
        })
        .collect()
}

fn interpolated(noise: &[Node], size: [usize; 3], at: [f32; 3]) -> Node {
    let base: [usize; 3] = std::array::from_fn(|axis| (at[axis] as usize).min(size[axis] - 2));
    let rest: [f32; 3] = std::array::from_fn(|axis| (at[axis] - base[axis] as f32).clamp(0.0, 1.0));
    let mut sum = [0.0; 3];
    for corner in 0..8_usize {
        let bit = |axis: usize| corner >> axis & 1;
        let weight: f32 = (0..3).map(|axis| if bit(axis) == 1 { rest[axis] } else { 1.0 - rest[axis] }).product();
        let index = (0..3).fold(0, |index, axis| index * size[axis] + base[axis] + bit(axis));
        for part in 0..3 {
            sum[part] += weight * noise[index][part];
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::generator;

    /// The field at one place is the sum over the nodes of noise × triangle of the blur × tent of the interpolation.
    #[test]
    fn the_field_is_that_of_direct_sums() {
        let places: Vec<[f32; 3]> =
            (0..40).map(|i| [i as f32 * 0.11, (i * 7 % 13) as f32 * 0.17, (i % 5) as f32 * 0.3]).collect();
        let elastic = Elastic { granularity: 0.5, magnitude: 0.8 };
        let mut moved = places.clone();
        distort(&mut moved, elastic, &mut generator([1, 2, 3, 4])).unwrap();
        let bounds = Bounds::around(places.iter().copied()).unwrap();
        let size = [0, 1, 2].map(|axis| ((bounds.max[axis] - bounds.min[axis]) / 0.5).floor() as i32 + 3);
        let mut rng = generator([1, 2, 3, 4]);
        let mut noise = std::collections::BTreeMap::new();
        for (x, y, z) in (0..size[0]).flat_map(|x| (0..size[1]).flat_map(move |y| (0..size[2]).map(move |z| (x, y, z))))
        {
            noise.insert([x, y, z], [0; 3].map(|_| f64::from(gaussian(&mut rng))));
        }
        // A node's value after two boxes along one axis, cut off at the ends between them.
        let once = |count: i32, at: i32, from: i32| {
            f64::from(u8::from((at - from).abs() <= 1 && (0..count).contains(&at))) / 3.0
        };
        let twice = |count: i32, at: i32, from: i32| -> f64 {
            (0..count).map(|middle| once(count, at, middle) * once(count, middle, from)).sum()
        };
        for (place, moved) in places.iter().zip(&moved) {
            let at: [f64; 3] = std::array::from_fn(|axis| f64::from(place[axis] - bounds.min[axis]) / 0.5 + 1.0);
            let along = |axis: usize, from: i32| -> f64 {
                (0..size[axis])
                    .map(|node| (1.0 - (at[axis] - f64::from(node)).abs()).max(0.0) * twice(size[axis], node, from))
                    .sum()
            };
            let mut shift = [0.0; 3];
            for (node, value) in &noise {
                let weight = along(0, node[0]) * along(1, node[1]) * along(2, node[2]);
                for part in 0..3 {
                    shift[part] += 0.8 * weight * value[part];
                }
            }
            for axis in 0..3 {
                let found = f64::from(moved[axis] - place[axis]);
                assert!((found - shift[axis]).abs() < 1e-5, "{found} {}", shift[axis]);
            }
        }
    }

    #[test]
    fn a_grid_too_fine_for_the_scene_is_refused_before_it_is_made() {
        let mut places = vec![[0.0; 3], [1e6, 1e6, 1e6]];
        let refused = distort(&mut places, Elastic { granularity: 0.01, magnitude: 1.0 }, &mut generator([0; 4]));
        assert!(refused.unwrap_err() > 1e20);
        assert_eq!(places, [[0.0; 3], [1e6; 3]]);
    }
}
