//! Whole networks on real scenes: MinkUNet and SPVCNN at widths 0.5 and 1, evaluation and training step (forward and
//! backward) with factors of f32 and of `bf16`, with one and two threads, as a fraction of the multiply-add peak of f32
//! measured in the same run.
//!
//! `RAREFY_REALDATA=… cargo bench -p rarefy-models --bench networks [-- WORD…]`; words choose rows whose name holds them all;
//! `16` stands for factors of `bf16`.
//! `RAREFY_BENCH_LAYERS=1` prints the layers of an evaluation, slowest first. Geometry is built anew in every pass, as it is
//! for every new scan. Every time is the least of several runs. Values are compared with other engines and with plain
//! sums in `tests/`.

use std::path::Path;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use rarefy_kernels::{InstructionSet, multiply_add_peak};
use rarefy_models::{LayerRecord, MinkUNetConfig, Mode, SegmentationConfig, SpvcnnConfig, Trace};
use rarefy_sparse::{PointCloud, Precision};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Channels of the input: place and intensity.
const FEATURES: usize = 4;
const CLASSES: usize = 19;

/// What is timed.
#[derive(Clone, Copy)]
struct Pass {
    name: &'static str,
    training: bool,
    precision: Precision,
}

const PASSES: [Pass; 4] = [
    Pass { name: "evaluation", training: false, precision: Precision::F32 },
    Pass { name: "evaluation16", training: false, precision: Precision::Bf16 },
    Pass { name: "training", training: true, precision: Precision::F32 },
    Pass { name: "training16", training: true, precision: Precision::Bf16 },
];

/// A cloud, one point a voxel as the segmentation data sets give it, and its features.
struct Scene {
    name: &'static str,
    places: Vec<[f32; 3]>,
    features: Vec<f32>,
}

impl Scene {
    /// `rows` holds points of `width` numbers, places in metres first; the first point of each cell is kept.
    fn new(name: &'static str, rows: &[f32], width: usize, cell: impl Fn(f32) -> f32) -> Self {
        let cell = |row: &[f32]| [0, 1, 2].map(|axis: usize| cell(row[axis]) as i32);
        let mut seen = std::collections::HashSet::new();
        let (mut places, mut features) = (Vec::new(), Vec::new());
        for row in rows.chunks_exact(width) {
            let cell = cell(row);
            if seen.insert(cell) {
                places.push(cell.map(|at| at as f32));
                features.extend((0..FEATURES).map(|column| row.get(column).copied().unwrap_or(0.5)));
            }
        }
        Self { name, places, features }
    }

    fn cloud(&self) -> PointCloud {
        PointCloud::new(self.places.clone(), vec![0; self.places.len()], 1).expect("places in range")
    }

    fn features(&self, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.features.clone(), [self.places.len(), FEATURES]), device)
    }
}

fn main() {
    rarefy_kernels::keep_freed_memory();
    let Some(data) = rarefy_testkit::real_data_folder() else { return };
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    println!("instruction set {}", InstructionSet::current());
    println!(
        "network      width  scene                  voxels  threads  pass              GMAC        ms   GFLOP/s  of peak"
    );
    for scene in scenes(&data) {
        for width in [0.5, 1.0] {
            for config in [
                SegmentationConfig::MinkUNet(MinkUNetConfig::new(CLASSES).with_width(width)),
                SegmentationConfig::Spvcnn(SpvcnnConfig::new(CLASSES).with_width(width)),
            ] {
                for threads in [1, 2] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                    for pass in PASSES {
                        let name = format!("{:10}  {width:5}  {:22}", config.name(), scene.name);
                        let row = format!("{name} {threads} {}", pass.name);
                        if words.iter().all(|word| row.contains(word.as_str())) {
                            pool.install(|| time(&name, &config, &scene, threads, &pass));
                        }
                    }
                }
            }
        }
    }
}

fn scenes(data: &Path) -> Vec<Scene> {
    let mut scenes = Vec::new();
    let benchmark = data.join("lidar_unlabelled/benchmark_pc.npy");
    match std::fs::read(&benchmark) {
        Ok(bytes) => {
            let file = npyz::NpyFile::new(&bytes[..]).and_then(npyz::NpyFile::into_vec::<f32>).expect("an npy file");
            scenes.push(Scene::new("benchmark_pc, 0.1 m", &file, 3, |at| (at / 0.1).floor()));
        }
        Err(error) => println!("skipped: {}: {error}", benchmark.display()),
    }
    let scan = data.join("semantickitti/sequences/07/velodyne/000964.bin");
    match std::fs::read(&scan) {
        Ok(bytes) => {
            let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            let values: Vec<f32> = bytes.chunks_exact(4).map(number).collect();
            scenes.push(Scene::new("07/000964, 0.05 m", &values, 4, |at| (at / 0.05).round()));
        }
        Err(error) => println!("skipped: {}: {error}", scan.display()),
    }
    scenes
}

/// Times one pass of one network and prints its row.
fn time(name: &str, config: &SegmentationConfig, scene: &Scene, threads: usize, pass: &Pass) {
    let &Pass { name: pass, training, precision } = pass;
    let device = if training { Device::flex().autodiff() } else { Device::flex() };
    let network = config.init(1, &device);
    let features = scene.features(&device);
    let run = |trace: &mut Trace| {
        // A cloud of its own, so that nothing is known of it beforehand.
        let cloud = scene.cloud().with_precision(precision);
        let start = Instant::now();
        let mode = if training { Mode::Training { seed: 1 } } else { Mode::Evaluation };
        let scores = network.forward(&cloud, features.clone(), mode, trace).expect("a fitting input");
        if training {
            let _ = scores.mean().backward();
        }
        start.elapsed().as_secs_f64() * 1e3
    };
    let mut trace = Trace::on();
    let mut least = run(&mut trace);
    let mut layers = trace.into_records();
    let macs = layers.iter().map(|layer| layer.macs).sum::<u64>() as f64;
    let mut peak = multiply_add_peak(threads, 4);
    for _ in 0..if training { 2 } else { 4 } {
        let mut trace = Trace::on();
        let ms = run(&mut trace);
        peak = peak.max(multiply_add_peak(threads, 4));
        if ms < least {
            (least, layers) = (ms, trace.into_records());
        }
    }
    // A backward pass takes the products of the forward pass twice.
    let operations = 2.0 * macs * if training { 3.0 } else { 1.0 };
    let (rate, gmac) = (operations / least / 1e6, macs / 1e9);
    let voxels = scene.places.len();
    let share = 100.0 * rate / peak;
    println!("{name} {voxels:7}  {threads:7}  {pass:14} {gmac:8.1}  {least:8.0}  {rate:8.1}  {share:6.1} %");
    if std::env::var_os("RAREFY_BENCH_LAYERS").is_some() {
        print_layers(layers, least, peak);
    }
}

fn print_layers(mut layers: Vec<LayerRecord>, total: f64, peak: f64) {
    let known: f64 = layers.iter().map(|layer| layer.ms).sum();
    let light: f64 = layers.iter().filter(|layer| layer.macs == 0).map(|layer| layer.ms).sum();
    layers.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    for LayerRecord { name, channels, active, macs, ms, .. } in &layers {
        let share = 200.0 * *macs as f64 / ms / 1e6 / peak;
        println!("    {name:24} {active:8} × {channels:4}  {ms:8.2} ms  {share:6.1} %");
    }
    println!(
        "    layers {known:.0} ms, of which without multiply-adds {light:.0} ms; between them {:.0} ms",
        total - known
    );
}
