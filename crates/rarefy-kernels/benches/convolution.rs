//! Submanifold 3³ convolution, with factors of f32 and of `bf16`, and 2/2 with its map, on a real cloud, as a fraction of the
//! multiply-add peak of f32 measured in the same run.
//!
//! `RAREFY_REALDATA=… cargo bench -p rarefy-kernels --bench convolution`. The result is checked against the oracle on a
//! crop before anything is timed. Every time is the least of several runs.

#[path = "../tests/common/bench.rs"]
mod bench;

use bench::{cloud, floats, submanifold_map, wide};
use rarefy_geometry::{Coord, KernelMap, OutputRule, VoxelSet, Window, output_voxels};
use rarefy_kernels::{
    InstructionSet, ShapeError, conv_forward, conv_input_grad, conv_weight_grad, mixed_conv_forward,
    mixed_conv_input_grad, mixed_conv_weight_grad, multiply_add_peak,
};
use rarefy_testkit::{
    bench_numbers, bench_repeats, conv_by_pairs, conv_input_grad_by_pairs, conv_weight_grad_by_pairs, least_ms,
    relative_error,
};

/// Forward pass or gradient of the inputs: map, weights, channels, inputs, sums.
type Rows = fn(&KernelMap, &[f32], (usize, usize), &[f32], &mut [f32]) -> Result<(), ShapeError>;
/// Gradient of the weights: map, channels, inputs, gradients, sums.
type Outer = fn(&KernelMap, (usize, usize), &[f32], &[f32], &mut [f32]) -> Result<(), ShapeError>;

/// The passes of a convolution by the precision of its factors, with the error that they may have.
const PASSES: [(&str, Rows, Rows, Outer, f64); 2] = [
    ("", conv_forward, conv_input_grad, conv_weight_grad, 1e-5),
    (", bf16", mixed_conv_forward, mixed_conv_input_grad, mixed_conv_weight_grad, 1e-2),
];

fn main() {
    let Some(coords) = cloud() else { return };
    check_on_crop(&coords[..2000.min(coords.len())]);
    let map = submanifold_map(&coords);
    println!("instruction set {}, {} voxels, {} pairs", InstructionSet::current(), map.outputs(), map.pair_count());
    let _built_beforehand = map.transposed();
    println!("threads  channels  pass                            ms   GFLOP/s  of peak");
    for threads in bench_numbers("RAREFY_BENCH_THREADS", &[1, 2]) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            time_threads(threads, &map);
            time_strided(threads, &coords);
        });
    }
}

/// Times every width; the peak is the best seen between any two of them, since other programs may slow it at times.
fn time_threads(threads: usize, map: &KernelMap) {
    let mut peak: f64 = 0.0;
    let mut rows = Vec::new();
    for width in bench_numbers("RAREFY_BENCH_WIDTHS", &[16, 32, 64, 96, 128, 256]) {
        let mut widths = Width::new(width, map);
        for _ in 0..bench_repeats(7) {
            peak = peak.max(multiply_add_peak(threads, 1));
            widths.round(map);
        }
        rows.push(widths);
    }
    println!("{threads:7}         –  multiply-add peak                –  {peak:8.1}   100.0 %");
    for row in rows {
        row.print(threads, peak, map.pair_count());
    }
}

/// Outputs, map and forward pass of a 2/2 convolution at 64 channels, all of it in the time.
fn time_strided(threads: usize, coords: &[Coord]) {
    let (set, half, width) = (VoxelSet::new(coords, 1).expect("coordinates in range"), Window::cubic(2, 2), 64);
    let (x, weights) = (floats(set.len() * width, 1), floats(8 * width * width, 3));
    let mut out = floats(set.len() * width, 4);
    let (mut least, mut peak) = (f64::INFINITY, 0.0_f64);
    for _ in 0..bench_repeats(7) {
        peak = peak.max(multiply_add_peak(threads, 1));
        least_ms(&mut least, || {
            let map = strided_map(&set, &half);
            let out = &mut out[..map.outputs() * width];
            conv_forward(&map, &weights, (width, width), &x, out).expect("every slice has its shape");
        });
    }
    let rate = (2 * set.len() * width * width) as f64 / least / 1e6;
    println!(
        "{threads:7}  {width:8}  2/2 with its map            {least:8.2}  {rate:8.1}  {:6.1} %",
        100.0 * rate / peak
    );
}

fn strided_map(set: &VoxelSet, window: &Window) -> KernelMap {
    let output = output_voxels(set, window, OutputRule::Floor).expect("a possible window");
    KernelMap::build(set, &output, window).expect("a possible window")
}

fn check_on_crop(coords: &[Coord]) {
    let set = VoxelSet::new(coords, 1).expect("coordinates in range");
    check_map(&submanifold_map(coords));
    check_map(&strided_map(&set, &Window::cubic(2, 2)));
}

fn check_map(map: &KernelMap) {
    for width in [16, 64, 96] {
        let channels = (width, width);
        let (x, grad) = (floats(map.inputs() * width, 1), floats(map.outputs() * width, 2));
        let weights = floats(map.taps() * width * width, 3);
        let wanted = [
            conv_by_pairs(map, &wide(&weights), channels, &wide(&x)),
            conv_input_grad_by_pairs(map, &wide(&weights), channels, &wide(&grad)),
            conv_weight_grad_by_pairs(map, channels, &wide(&x), &wide(&grad)),
        ];
        for (_, forward, input_grad, weight_grad, bound) in PASSES {
            let [mut out, mut grad_x, mut grad_weights] = [&grad, &x, &weights].map(|like| vec![0.0; like.len()]);
            forward(map, &weights, channels, &x, &mut out).unwrap();
            input_grad(map, &weights, channels, &grad, &mut grad_x).unwrap();
            weight_grad(map, channels, &x, &grad, &mut grad_weights).unwrap();
            for (found, wanted) in [out, grad_x, grad_weights].iter().zip(&wanted) {
                let error = relative_error(&wide(found), wanted);
                assert!(error < bound, "{width} channels differ from the oracle by {error:e}");
            }
        }
    }
}

/// The tensors of a convolution and the least time of each pass.
struct Width {
    channels: usize,
    x: Vec<f32>,
    weights: Vec<f32>,
    grad: Vec<f32>,
    /// Where the rows are added to; kept, since fresh memory would be timed as well.
    sums: Vec<f32>,
    /// Milliseconds of forward, input gradient, weight gradient, for each of [`PASSES`].
    least_ms: [[f64; 3]; 2],
}

impl Width {
    fn new(width: usize, map: &KernelMap) -> Self {
        Self {
            channels: width,
            x: floats(map.inputs() * width, 1),
            weights: floats(map.taps() * width * width, 3),
            grad: floats(map.outputs() * width, 2),
            sums: floats(map.outputs().max(map.inputs()) * width, 4),
            least_ms: [[f64::INFINITY; 3]; 2],
        }
    }

    fn round(&mut self, map: &KernelMap) {
        let channels = (self.channels, self.channels);
        let Self { x, weights, grad, sums, least_ms: least, .. } = self;
        let mut grad_weights = vec![0.0; weights.len()];
        for ((_, forward, input_grad, weight_grad, _), [ms, input_ms, weight_ms]) in PASSES.into_iter().zip(least) {
            least_ms(ms, || forward(map, weights, channels, x, sums).unwrap());
            least_ms(input_ms, || input_grad(map, weights, channels, grad, sums).unwrap());
            least_ms(weight_ms, || weight_grad(map, channels, x, grad, &mut grad_weights).unwrap());
        }
    }

    fn print(&self, threads: usize, peak: f64, pairs: usize) {
        let operations = (2 * pairs * self.channels * self.channels) as f64;
        for ((name, ..), [forward, input, weight]) in PASSES.iter().zip(self.least_ms) {
            for (pass, passes, ms) in [
                ("forward", 1.0, forward),
                ("input gradient", 1.0, input),
                ("weight gradient", 1.0, weight),
                ("forward + backward", 3.0, forward + input + weight),
            ] {
                let (pass, rate) = (format!("{pass}{name}"), passes * operations / ms / 1e6);
                let share = 100.0 * rate / peak;
                println!("{threads:7}  {:8}  {pass:26}  {ms:8.2}  {rate:8.1}  {share:6.1} %", self.channels);
            }
        }
    }
}
