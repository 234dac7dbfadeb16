//! Inference on a real cloud: submanifold 3³ with bias and ReLU fused, stored as f32, `bf16` and `f16`, and in
//! `bf16` by dot products where the machine has AVX512-BF16, beside the forward
//! pass with both in passes of their own; as fractions of the multiply-add peak measured in the same run.
//!
//! `RAREFY_REALDATA=… cargo bench -p rarefy-kernels --bench inference`. Results are checked against the oracle on a crop before
//! anything is timed. Every time is the least of several runs, which go round among the variants.

#[path = "../tests/common/bench.rs"]
mod bench;

use bench::{cloud, floats, submanifold_map, wide};
use rarefy_geometry::KernelMap;
use rarefy_kernels::{
    ConvPlan, Epilogue, InstructionSet, PackedWeights, PairedWeights, Storage, bf16, conv_forward, conv_inference,
    conv_inference_paired, f16, leaky_relu_forward, multiply_add_peak,
};
use rarefy_testkit::{bench_numbers, bench_repeats, conv_by_pairs, least_ms, relative_error};

fn main() {
    let Some(coords) = cloud() else { return };
    let crop = submanifold_map(&coords[..2000.min(coords.len())]);
    for width in [16, 64, 96] {
        check::<f32>(&crop, width, 1e-5);
        check::<bf16>(&crop, width, 4e-3);
        check_paired(&crop, width);
        check::<f16>(&crop, width, 5e-4);
    }
    let map = submanifold_map(&coords);
    println!("instruction set {}, {} voxels, {} pairs", InstructionSet::current(), map.outputs(), map.pair_count());
    println!("threads  channels  storage               ms   GFLOP/s  of peak  MiB of features and weights");
    for threads in bench_numbers("RAREFY_BENCH_THREADS", &[1, 2]) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            for width in bench_numbers("RAREFY_BENCH_WIDTHS", &[16, 32, 64, 128, 256]) {
                time(threads, &map, width);
            }
        });
    }
}

/// Tensors of one storage type.
struct Layer<S> {
    packed: PackedWeights<S>,
    x: Vec<S>,
    out: Vec<S>,
}

impl<S: Storage<Work = f32>> Layer<S> {
    fn new(map: &KernelMap, width: usize) -> Self {
        let packed = PackedWeights::new(&weights(map, width), map.taps(), (width, width)).expect("a shape").narrowed();
        let x = floats(map.inputs() * width, 1).into_iter().map(S::narrow).collect();
        Self { packed, x, out: vec![S::NOUGHT; map.outputs() * width] }
    }

    fn run(&mut self, plan: &ConvPlan<&KernelMap>, shift: &[f32]) {
        let epilogue = Epilogue { shift: Some(shift), slope: Some(0.0), ..Epilogue::default() };
        conv_inference(plan, &self.packed, &self.x, &epilogue, &mut self.out).expect("every slice has its shape");
    }

    fn mib(&self) -> f64 {
        (self.packed.bytes() + size_of_val(&self.x[..]) + size_of_val(&self.out[..])) as f64 / 1_048_576.0
    }
}

impl Layer<bf16> {
    fn run_paired(&mut self, plan: &ConvPlan<&KernelMap>, weights: &PairedWeights, shift: &[f32]) {
        let epilogue = Epilogue { shift: Some(shift), slope: Some(0.0), ..Epilogue::default() };
        conv_inference_paired(plan, weights, &self.x, &epilogue, &mut self.out).expect("every slice has its shape");
    }
}

fn weights(map: &KernelMap, width: usize) -> Vec<f32> {
    floats(map.taps() * width * width, 3)
}

/// The same weights in pairs, where the machine has the instruction.
fn paired(map: &KernelMap, width: usize) -> Option<PairedWeights> {
    PairedWeights::new(&weights(map, width), map.taps(), (width, width)).expect("a shape")
}

fn check<S: Storage<Work = f32>>(map: &KernelMap, width: usize, bound: f64) {
    let (mut layer, shift) = (Layer::<S>::new(map, width), floats(width, 4));
    layer.run(&ConvPlan::new::<S>(map, (width, width)), &shift);
    compare(map, width, &layer, bound);
}

fn check_paired(map: &KernelMap, width: usize) {
    let (mut layer, shift) = (Layer::<bf16>::new(map, width), floats(width, 4));
    if let Some(weights) = paired(map, width) {
        layer.run_paired(&ConvPlan::new::<bf16>(map, (width, width)), &weights, &shift);
        compare(map, width, &layer, 4e-3);
    }
}

/// Compares the outputs of a layer with the oracle.
fn compare<S: Storage<Work = f32>>(map: &KernelMap, width: usize, layer: &Layer<S>, bound: f64) {
    let shift = floats(width, 4);
    let mut wanted =
        conv_by_pairs(map, &wide(&weights(map, width)), (width, width), &wide(&floats(map.inputs() * width, 1)));
    for (place, value) in wanted.iter_mut().enumerate() {
        *value = (*value + f64::from(shift[place % width])).max(0.0);
    }
    let found: Vec<f64> = layer.out.iter().map(|value| f64::from(value.wide())).collect();
    let error = relative_error(&found, &wanted);
    assert!(error < bound, "{width} channels differ from the oracle by {error:e}");
}

fn time(threads: usize, map: &KernelMap, width: usize) {
    let (shift, raw) = (floats(width, 4), weights(map, width));
    let (mut single, mut brain, mut half) =
        (Layer::<f32>::new(map, width), Layer::<bf16>::new(map, width), Layer::<f16>::new(map, width));
    let plan = ConvPlan::new::<bf16>(map, (width, width));
    let paired = paired(map, width);
    let mut sums = vec![0.0; map.outputs() * width];
    let (mut least, mut peak) = ([f64::INFINITY; 5], 0.0_f64);
    for _ in 0..bench_repeats(7) {
        peak = peak.max(multiply_add_peak(threads, 1));
        least_ms(&mut least[0], || {
            sums.fill(0.0);
            conv_forward(map, &raw, (width, width), &single.x, &mut sums).expect("every slice has its shape");
            for row in sums.chunks_exact_mut(width) {
                row.iter_mut().zip(&shift).for_each(|(sum, &shift)| *sum += shift);
            }
            leaky_relu_forward(0.0, &sums, &mut single.out).expect("every slice has its shape");
        });
        least_ms(&mut least[1], || single.run(&plan, &shift));
        least_ms(&mut least[2], || brain.run(&plan, &shift));
        least_ms(&mut least[3], || half.run(&plan, &shift));
        if let Some(weights) = &paired {
            least_ms(&mut least[4], || brain.run_paired(&plan, weights, &shift));
        }
    }
    println!("{threads:7}         –  multiply-add peak      –  {peak:8.1}   100.0 %");
    let gflop = (2 * map.pair_count() * width * width) as f64 / 1e6;
    let names = ["f32, apart", "f32, fused", "bf16, fused", "f16, fused", "bf16, dots"];
    let mib = [
        single.mib() + size_of_val(&sums[..]) as f64 / 1_048_576.0,
        single.mib(),
        brain.mib(),
        half.mib(),
        brain.mib(),
    ];
    for ((name, ms), mib) in names.into_iter().zip(least).zip(mib).filter(|((_, ms), _)| ms.is_finite()) {
        let rate = gflop / ms;
        println!("{threads:7}  {width:8}  {name:14}  {ms:8.2}  {rate:8.1}  {:6.1} %  {mib:8.1}", 100.0 * rate / peak);
    }
}
