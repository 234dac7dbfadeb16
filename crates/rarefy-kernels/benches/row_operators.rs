//! Voxelise, devoxelise, pooling, depthwise and grouped convolution on a real cloud.
//!
//! `RAREFY_REALDATA=… cargo bench -p rarefy-kernels --bench row_operators`. Maps are built beforehand, and every time is
//! the least of several runs. GB/s counts what must move at least: every input row, every output row (twice where it is
//! added to) and the map, each once; beside it stand the fraction of the bandwidth of a copy, and the arithmetic as a
//! fraction of the multiply-add peak, both of the same run. Results are checked against the oracles before anything is
//! timed, on a sample of the outputs.

#[path = "../tests/common/bench.rs"]
mod bench;

use bench::{floats, wide};
use rarefy_geometry::{Interpolation, KernelMap, OutputRule, Points, RowMap, VoxelSet, Window, output_voxels};
use rarefy_kernels::{
    ChannelGroups, RowReduction, depthwise_forward, depthwise_input_grad, depthwise_weight_grad, group_conv_forward,
    group_conv_input_grad, group_conv_weight_grad, multiply_add_peak, row_sums_backward, row_sums_forward,
};
use rarefy_testkit::{
    CopyBandwidth, NaiveWindow, RowSample, bench_numbers, bench_repeats, benchmark_cloud, group_conv_by_pairs,
    group_conv_input_grad_by_pairs, group_conv_weight_grad_by_pairs, least_ms, map_by_hash, naive_devoxelise,
    naive_row_sums, naive_row_sums_grad, naive_voxelise, naive_windows, relative_error,
};

/// Outputs that each operator is checked on.
const SAMPLED: usize = 200;
const CHANNELS: usize = 64;
/// What every slice is made for.
const FITS: &str = "every slice has its shape";

/// A row map with the lists that it should have for some outputs.
struct Rows {
    name: &'static str,
    channels: usize,
    reduction: RowReduction,
    map: RowMap,
    some: RowSample,
    lists: Vec<Vec<(usize, f64)>>,
}

fn main() {
    let Some(places) = benchmark_cloud() else { return };
    let points = Points::of_one_sample(&places).expect("finite points");
    let set = points.quantise([1; 3]).expect("possible").set;
    let rows = row_operators(points, &places, &set);
    let map = KernelMap::submanifold(&set, [3; 3], [1; 3]).expect("valid");
    let convolutions = [Groups::new("depthwise 3³", CHANNELS), Groups::new("3³ in 4 groups", 4)];
    rows.iter().for_each(Rows::check);
    for groups in &convolutions {
        groups.check(&map, &set);
    }
    println!("threads  operator               channels  pass                  ms    GB/s  of bandwidth  of peak");
    for threads in bench_numbers("RAREFY_BENCH_THREADS", &[1, 2]) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let mut clock = Clock { threads, copy: CopyBandwidth::default(), peak: 0.0, lines: Vec::new() };
            for rows in &rows {
                rows.time(&mut clock);
            }
            for groups in &convolutions {
                groups.time(&map, &mut clock);
            }
            clock.print();
        });
    }
}

fn row_operators(points: Points<'_>, places: &[[f32; 3]], set: &VoxelSet) -> Vec<Rows> {
    let samples = vec![0; places.len()];
    let voxels = RowSample::new(set.len(), SAMPLED);
    let members = naive_voxelise((places, &samples), &voxels.items(set.coords()), [1; 3]);
    let some_points = RowSample::new(places.len(), SAMPLED);
    let sampled = (&some_points.items(places)[..], &some_points.items(&samples)[..]);
    let corners = naive_devoxelise(sampled, set.coords(), [1; 3], false);
    let window = Window::cubic(2, 2);
    let pooled = output_voxels(set, &window, OutputRule::Floor).expect("valid");
    let pool = KernelMap::build(set, &pooled, &window).expect("valid");
    let cells = RowSample::new(pooled.len(), SAMPLED);
    let inside = naive_windows(set.coords(), &cells.items(pooled.coords()), &NaiveWindow::cubic(2, 2));
    let (mean, sum) = (RowReduction::Mean, RowReduction::Sum);
    let voxelisation = |channels| Rows {
        name: "voxelise, mean",
        channels,
        reduction: mean,
        map: RowMap::voxelisation(points, set, [1; 3]).expect("valid"),
        some: voxels.clone(),
        lists: members.clone(),
    };
    let trilinear = RowMap::devoxelisation(points, set, [1; 3], Interpolation::Trilinear).expect("valid");
    let average = RowMap::from_kernel_map(&pool).expect("valid");
    vec![
        voxelisation(4),
        voxelisation(CHANNELS),
        Rows {
            name: "devoxelise, trilinear",
            channels: CHANNELS,
            reduction: sum,
            map: trilinear,
            some: some_points,
            lists: corners,
        },
        Rows {
            name: "average pooling 2/2",
            channels: CHANNELS,
            reduction: mean,
            map: average,
            some: cells,
            lists: inside,
        },
    ]
}

impl Rows {
    /// Inputs and gradients of the outputs.
    fn tensors(&self) -> (Vec<f32>, Vec<f32>) {
        (floats(self.map.inputs() * self.channels, 1), floats(self.map.outputs() * self.channels, 2))
    }

    fn check(&self) {
        let Self { name, channels, reduction, map, some, lists } = self;
        let (x, grad) = self.tensors();
        let grad = some.alone(&grad, *channels);
        let divisor = |output: usize| if *reduction == RowReduction::Mean { lists[output].len() as f64 } else { 1.0 };
        let (mut out, mut grad_x) = (vec![0.0; grad.len()], vec![0.0; x.len()]);
        row_sums_forward(map, *reduction, *channels, &x, &mut out).expect(FITS);
        row_sums_backward(map, *reduction, *channels, &grad, &mut grad_x).expect(FITS);
        let wanted = naive_row_sums(lists, divisor, *channels, &wide(&x));
        compare(name, "forward", &some.of(&out, *channels), &wanted);
        let wanted = naive_row_sums_grad(lists, divisor, *channels, map.inputs(), &some.of(&grad, *channels));
        compare(name, "backward", &wide(&grad_x), &wanted);
    }

    fn time(&self, clock: &mut Clock) {
        let Self { name, channels, reduction, map, .. } = self;
        let (x, grad) = self.tensors();
        let (mut out, mut grad_x) = (grad.clone(), x.clone());
        let _built_beforehand = map.transposed();
        let weighted = usize::from(map.weights().is_some());
        let entries = map.rows().len();
        let bytes = 4 * ((map.inputs() + map.outputs()) * channels + entries * (1 + weighted));
        let cost = Cost { bytes, operations: (1 + weighted) * entries * channels };
        clock.row((name, *channels, "forward"), cost, || {
            row_sums_forward(map, *reduction, *channels, &x, &mut out).expect(FITS);
        });
        clock.row((name, *channels, "backward"), cost, || {
            row_sums_backward(map, *reduction, *channels, &grad, &mut grad_x).expect(FITS);
        });
    }
}

/// A convolution in groups.
struct Groups {
    name: &'static str,
    groups: ChannelGroups,
}

/// Inputs, weights and gradients of the outputs.
type Tensors = (Vec<f32>, Vec<f32>, Vec<f32>);

impl Groups {
    fn new(name: &'static str, count: usize) -> Self {
        Self { name, groups: ChannelGroups::new((CHANNELS, CHANNELS), count).expect("whole groups") }
    }

    fn tensors(&self, map: &KernelMap) -> Tensors {
        let rows = |rows: usize, seed| floats(rows * CHANNELS, seed);
        (rows(map.inputs(), 1), floats(map.taps() * self.groups.weights(), 3), rows(map.outputs(), 2))
    }

    fn forward(&self, map: &KernelMap, (x, weights, _): &Tensors, out: &mut [f32]) {
        if self.groups.is_depthwise() {
            depthwise_forward(map, weights, CHANNELS, x, out).expect(FITS);
        } else {
            group_conv_forward(map, weights, self.groups, x, out).expect(FITS);
        }
    }

    fn input_grad(&self, map: &KernelMap, (_, weights, grad): &Tensors, grad_x: &mut [f32]) {
        if self.groups.is_depthwise() {
            depthwise_input_grad(map, weights, CHANNELS, grad, grad_x).expect(FITS);
        } else {
            group_conv_input_grad(map, weights, self.groups, grad, grad_x).expect(FITS);
        }
    }

    fn weight_grad(&self, map: &KernelMap, (x, _, grad): &Tensors, grad_weights: &mut [f32]) {
        if self.groups.is_depthwise() {
            depthwise_weight_grad(map, CHANNELS, x, grad, grad_weights).expect(FITS);
        } else {
            group_conv_weight_grad(map, self.groups, x, grad, grad_weights).expect(FITS);
        }
    }

    fn check(&self, map: &KernelMap, set: &VoxelSet) {
        let some = RowSample::new(set.len(), SAMPLED);
        let (x, weights, grad) = self.tensors(map);
        let tensors = (x, weights, some.alone(&grad, CHANNELS));
        let [mut out, mut grad_x] = [(); 2].map(|()| vec![0.0; set.len() * CHANNELS]);
        let mut grad_weights = vec![0.0; tensors.1.len()];
        self.forward(map, &tensors, &mut out);
        self.input_grad(map, &tensors, &mut grad_x);
        self.weight_grad(map, &tensors, &mut grad_weights);
        let part = map_by_hash(set.coords(), &some.items(set.coords()), &NaiveWindow::centred(3, 1));
        let sizes = (CHANNELS, CHANNELS, self.groups.groups());
        let (x, weights, grad) = (wide(&tensors.0), wide(&tensors.1), some.of(&tensors.2, CHANNELS));
        let wanted = group_conv_by_pairs(&part, &weights, sizes, &x);
        compare(self.name, "forward", &some.of(&out, CHANNELS), &wanted);
        let wanted = group_conv_input_grad_by_pairs(&part, &weights, sizes, &grad);
        compare(self.name, "input gradient", &wide(&grad_x), &wanted);
        let wanted = group_conv_weight_grad_by_pairs(&part, sizes, &x, &grad);
        compare(self.name, "weight gradient", &wide(&grad_weights), &wanted);
    }

    fn time(&self, map: &KernelMap, clock: &mut Clock) {
        let tensors = self.tensors(map);
        let (mut rows, mut grad_weights) = (tensors.2.clone(), tensors.1.clone());
        let (pairs, operations) = (8 * map.pair_count(), 2 * map.pair_count() * self.groups.weights());
        // Sums are read and written.
        let added = Cost { bytes: 4 * (map.inputs() + 2 * map.outputs()) * CHANNELS + pairs, operations };
        let read = Cost { bytes: 4 * (map.inputs() + map.outputs()) * CHANNELS + pairs, operations };
        clock.row((self.name, CHANNELS, "forward"), added, || self.forward(map, &tensors, &mut rows));
        clock.row((self.name, CHANNELS, "input gradient"), added, || self.input_grad(map, &tensors, &mut rows));
        clock
            .row((self.name, CHANNELS, "weight gradient"), read, || self.weight_grad(map, &tensors, &mut grad_weights));
    }
}

fn compare(name: &str, pass: &str, found: &[f64], wanted: &[f64]) {
    let error = relative_error(found, wanted);
    assert!(error < 1e-5, "{name}, {pass}: differs from the oracle by {error:e}");
}

/// What a pass must do at least.
#[derive(Clone, Copy)]
struct Cost {
    bytes: usize,
    operations: usize,
}

/// Times passes, with copies and multiply-adds between them.
struct Clock {
    threads: usize,
    copy: CopyBandwidth,
    peak: f64,
    lines: Vec<(String, f64, Cost)>,
}

impl Clock {
    fn row(&mut self, (name, channels, pass): (&str, usize, &str), cost: Cost, mut run: impl FnMut()) {
        let mut ms = f64::INFINITY;
        for _ in 0..bench_repeats(7) {
            self.peak = self.peak.max(multiply_add_peak(self.threads, 1));
            least_ms(&mut ms, &mut run);
        }
        self.copy.measure();
        self.lines.push((format!("{name:21}  {channels:8}  {pass:16}"), ms, cost));
    }

    fn print(&self) {
        let (threads, gbytes, peak) = (self.threads, self.copy.gbytes(), self.peak);
        println!("{threads:7}  copy                          –  –                      –  {gbytes:6.1}       100.0 %");
        println!(
            "{threads:7}  multiply-adds                 –  {peak:6.1} GFLOP/s         –       –             –  100.0 %"
        );
        for (name, ms, cost) in &self.lines {
            let rate = cost.bytes as f64 / ms / 1e6;
            let (share, work) = (100.0 * rate / gbytes, 100.0 * cost.operations as f64 / ms / 1e6 / peak);
            println!("{threads:7}  {name}  {ms:6.2}  {rate:6.1}  {share:10.1} %  {work:5.1} %");
        }
    }
}
