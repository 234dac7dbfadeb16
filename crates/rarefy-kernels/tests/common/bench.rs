//! What the benches on the real cloud share.
#![allow(dead_code, reason = "each bench uses its part")]

use std::time::Instant;

use rarefy_geometry::{Coord, KernelMap, VoxelSet};
use rarefy_kernels::multiply_add_chain;
use rarefy_testkit::{random_values, real_data_folder};
use rayon::prelude::*;

/// Edge of a voxel in metres.
const VOXEL: f32 = 0.1;

/// The voxel of every point of the cloud; `None`, with a remark, where it is not here.
pub(crate) fn cloud() -> Option<Vec<Coord>> {
    let path = real_data_folder()?.join("lidar_unlabelled/benchmark_pc.npy");
    let points = match std::fs::read(&path) {
        Ok(bytes) => npyz::NpyFile::new(&bytes[..]).and_then(npyz::NpyFile::into_vec::<f32>).expect("an npy file"),
        Err(error) => {
            println!("skipped: {}: {error}", path.display());
            return None;
        }
    };
    let axis = |value: f32| (value / VOXEL).floor() as i32;
    Some(points.chunks_exact(3).map(|point| [0, axis(point[0]), axis(point[1]), axis(point[2])]).collect())
}

/// The numbers in an environment variable, separated by commas, or the usual ones.
pub(crate) fn numbers(variable: &str, usual: &[usize]) -> Vec<usize> {
    let given = std::env::var(variable).ok();
    given.map_or_else(|| usual.to_vec(), |list| list.split(',').filter_map(|number| number.parse().ok()).collect())
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

/// Multiply-adds of all threads of the pool at once, in 10⁹ floating-point operations per second.
pub(crate) fn peak_gflops(threads: usize) -> f64 {
    const STEPS: usize = 400_000;
    let start = Instant::now();
    let chains = (0..threads).into_par_iter().with_max_len(1).map(|_| multiply_add_chain::<f32>(STEPS));
    let operations: u64 = chains.sum();
    operations as f64 / start.elapsed().as_secs_f64() / 1e9
}

/// Lowers `least` to the milliseconds of `work`, if it was quicker.
pub(crate) fn least_ms(least: &mut f64, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    *least = least.min(start.elapsed().as_secs_f64() * 1e3);
}
