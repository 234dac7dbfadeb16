//! What the benches share: the real cloud, settings from the environment, least times, and the bandwidth of a copy.

use std::time::Instant;

use rayon::prelude::*;

use crate::real_data_folder;

/// Edge of a voxel of [`benchmark_cloud`] in metres.
pub const BENCHMARK_VOXEL_M: f32 = 0.1;

/// Elements of the arrays that a bandwidth is measured with: 64 MiB, more than caches hold.
const COPIED: usize = 16 << 20;

/// The cloud that the benches run on, `lidar_unlabelled/benchmark_pc`: places in voxels of [`BENCHMARK_VOXEL_M`]; `None`,
/// with a line on standard output, where it is not here.
///
/// # Panics
/// Where the file is not what it should be.
#[must_use]
pub fn benchmark_cloud() -> Option<Vec<[f32; 3]>> {
    let path = real_data_folder()?.join("lidar_unlabelled/benchmark_pc.npy");
    match std::fs::read(&path) {
        Ok(bytes) => {
            let file = npyz::NpyFile::new(&bytes[..]).and_then(npyz::NpyFile::into_vec::<f32>);
            let values = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Some(values.chunks_exact(3).map(|place| [0, 1, 2].map(|axis| place[axis] / BENCHMARK_VOXEL_M)).collect())
        }
        Err(error) => {
            println!("skipped: {}: {error}", path.display());
            None
        }
    }
}

/// The numbers in an environment variable, separated by commas, or the usual ones.
#[must_use]
pub fn bench_numbers(variable: &str, usual: &[usize]) -> Vec<usize> {
    let given = std::env::var(variable).ok();
    given.map_or_else(|| usual.to_vec(), |list| list.split(',').filter_map(|number| number.parse().ok()).collect())
}

/// How often a bench times everything: `RAREFY_BENCH_REPEATS`, or the usual number.
#[must_use]
pub fn bench_repeats(usual: usize) -> usize {
    bench_numbers("RAREFY_BENCH_REPEATS", &[usual]).first().copied().unwrap_or(usual).max(1)
}

/// Lowers `least` to the milliseconds of `work`, if it was quicker.
pub fn least_ms<T>(least: &mut f64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = std::hint::black_box(work());
    *least = least.min(start.elapsed().as_secs_f64() * 1e3);
    result
}

/// The bandwidth of a copy on all threads of the current pool.
#[derive(Debug)]
pub struct CopyBandwidth {
    from: Vec<f32>,
    to: Vec<f32>,
    ms: f64,
}

impl Default for CopyBandwidth {
    fn default() -> Self {
        Self { from: vec![1.0; COPIED], to: vec![0.0; COPIED], ms: f64::INFINITY }
    }
}

impl CopyBandwidth {
    /// Copies once; between the runs of what is timed, since other programs slow some.
    pub fn measure(&mut self) {
        let Self { from, to, ms } = self;
        least_ms(ms, || {
            to.par_chunks_mut(1 << 18).zip(from.par_chunks(1 << 18)).for_each(|(to, from)| to.copy_from_slice(from));
        });
    }

    /// 10⁹ bytes a second, read and written, of the quickest copy so far.
    #[must_use]
    pub fn gbytes(&self) -> f64 {
        (2 * COPIED * size_of::<f32>()) as f64 / self.ms / 1e6
    }
}
