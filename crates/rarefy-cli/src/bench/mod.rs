//! What `rarefy bench` measures: the machine, the engine on a cloud, whole networks.

mod engine;
mod networks;

use std::time::Instant;

use rarefy_kernels::multiply_add_peak;
use rayon::prelude::*;
use serde::Serialize;

pub(crate) use engine::{Cloud, check};

/// Values of the arrays that the bandwidth is measured with: far more than caches hold.
const COPIED: usize = 1 << 25;

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) operator: String,
    /// Threads that computed.
    pub(crate) threads: usize,
    /// Channels in and out, where it has any.
    pub(crate) channels: Option<usize>,
    /// Least time of all repeats.
    pub(crate) ms: f64,
    /// 10⁹ floating-point operations.
    pub(crate) gflop: Option<f64>,
    /// 10⁹ bytes that must be moved at least: inputs, outputs, weights and maps, once each.
    pub(crate) gbytes: Option<f64>,
}

impl Row {
    /// 10⁹ floating-point operations a second.
    pub(crate) fn gflops(&self) -> Option<f64> {
        self.gflop.map(|gflop| gflop / self.ms * 1e3)
    }
}

/// What the machine reaches with some threads.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Machine {
    /// Threads that computed.
    pub(crate) threads: usize,
    /// 10⁹ multiply-add operations a second, a multiply-add counted as two.
    pub(crate) peak_gflops: f64,
    /// 10⁹ bytes a second, read and written, of a copy.
    pub(crate) bandwidth_gbytes: f64,
}

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Channels of the convolutions.
    pub(crate) widths: Vec<usize>,
    /// Runs of each operator, of which the quickest counts.
    pub(crate) repeats: usize,
    /// Whether whole networks are run, too.
    pub(crate) networks: bool,
}

/// Everything that was measured with some threads.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    /// The machine.
    pub(crate) machine: Machine,
    /// Its rows.
    pub(crate) rows: Vec<Row>,
}

/// Measures with `threads` threads; `tell` hears of each step.
pub(crate) fn measure(
    cloud: &Cloud,
    plan: &Plan,
    threads: usize,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Measured> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| {
        tell("peak and bandwidth");
        let mut clock = Clock { threads, repeats: plan.repeats, peak: 0.0 };
        let bandwidth_gbytes = clock.bandwidth();
        let mut rows = engine::rows(cloud, plan, &mut clock, tell)?;
        if plan.networks {
            rows.extend(networks::rows(&mut clock, tell)?);
        }
        Ok(Measured { machine: Machine { threads, peak_gflops: clock.peak, bandwidth_gbytes }, rows })
    })
}

/// Takes times, and the peak between any two of them, since other programs may slow the machine at times.
struct Clock {
    threads: usize,
    repeats: usize,
    peak: f64,
}

impl Clock {
    /// Least milliseconds of `work`.
    fn least_ms(&mut self, mut work: impl FnMut()) -> f64 {
        let mut least = f64::INFINITY;
        for _ in 0..self.repeats {
            self.peak = self.peak.max(multiply_add_peak(self.threads, 1));
            let start = Instant::now();
            work();
            least = least.min(start.elapsed().as_secs_f64() * 1e3);
        }
        least
    }

    /// The row of `work`, which takes `gflop` and moves `gbytes`.
    fn row(
        &mut self,
        operator: &str,
        channels: Option<usize>,
        [gflop, gbytes]: [Option<f64>; 2],
        work: impl FnMut(),
    ) -> Row {
        let ms = self.least_ms(work);
        Row { operator: operator.to_owned(), threads: self.threads, channels, ms, gflop, gbytes }
    }

    /// 10⁹ bytes a second of a copy.
    fn bandwidth(&mut self) -> f64 {
        let (from, mut to) = (vec![1.0f32; COPIED], vec![0.0f32; COPIED]);
        let chunk = COPIED / 64;
        let ms = self.least_ms(|| {
            to.par_chunks_mut(chunk).zip(from.par_chunks(chunk)).for_each(|(to, from)| to.copy_from_slice(from));
        });
        (2 * COPIED * size_of::<f32>()) as f64 / ms / 1e6
    }
}
