//! What the benches on the real cloud share, beside what the test kit has.
#![allow(dead_code, reason = "each bench uses its part")]

use rarefy_geometry::{Coord, KernelMap, Points, VoxelSet};
use rarefy_testkit::{benchmark_cloud, random_values};

/// The voxel of every point of the cloud; `None`, with a remark, where it is not here.
pub(crate) fn cloud() -> Option<Vec<Coord>> {
    let places = benchmark_cloud()?;
    let points = Points::of_one_sample(&places).expect("finite points");
    Some(points.cells([1; 3]).expect("a possible stride"))
}

pub(crate) fn submanifold_map(coords: &[Coord]) -> KernelMap {
    let set = VoxelSet::new(coords, 1).expect("coordinates in range");
    KernelMap::submanifold(&set, [3; 3], [1; 3]).expect("a possible kernel")
}

pub(crate) fn floats(count: usize, seed: u64) -> Vec<f32> {
    random_values(count, seed).into_iter().map(|value| value as f32).collect()
}

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}
