//! The engine on one cloud: voxels, maps, and each operator at some widths.

use std::hint::black_box;

use anyhow::Context;
use rarefy_geometry::{GeometryError, KernelMap, OutputRule, Points, PoolMap, VoxelSet, Window, output_voxels};
use rarefy_kernels::{
    ConvPlan, Epilogue, NormAct, PackedWeights, Storage, bf16, conv_forward, conv_inference, conv_input_grad,
    conv_weight_grad, f16, max_pool_forward,
};

use super::{Clock, Plan, Row};

/// Channels of the operators that are measured at one width.
const ONE_WIDTH: usize = 64;
/// Voxels that the convolution is checked on before it is timed.
const CHECKED: usize = 2000;
/// Channels of the check.
const CHECKED_CHANNELS: usize = 24;

/// Slices are made for the shapes that they are given with.
const FITS: &str = "every slice has its shape";

/// A cloud and its voxels.
#[derive(Debug)]
pub(crate) struct Cloud {
    /// Points in units of voxels.
    places: Vec<[f32; 3]>,
    set: VoxelSet,
}

impl Cloud {
    /// The voxels, `size` wide, of some points.
    pub(crate) fn new(points: &[[f32; 3]], size: f32) -> anyhow::Result<Self> {
        let places: Vec<[f32; 3]> = points.iter().map(|point| point.map(|at| at / size)).collect();
        let points = Points::of_one_sample(&places).with_context(|| {
            format!("voxels of {size} are too small for this cloud: give a larger --voxel-size, or mend the points")
        })?;
        let set = points.quantise([1; 3])?.set;
        Ok(Self { places, set })
    }

    /// Number of voxels.
    pub(crate) fn voxels(&self) -> usize {
        self.set.len()
    }

    /// Points in units of voxels.
    pub(super) fn places(&self) -> &[[f32; 3]] {
        &self.places
    }

    /// Number of points.
    pub(crate) fn points(&self) -> usize {
        self.places.len()
    }

    /// Pairs of the 3³ map.
    pub(crate) fn pairs(&self) -> anyhow::Result<usize> {
        Ok(KernelMap::submanifold(&self.set, [3; 3], [1; 3])?.pair_count())
    }
}

/// Compares each kind of convolution that is timed with the sum over its pairs in f64, on a part of the cloud.
pub(crate) fn check(cloud: &Cloud) -> anyhow::Result<()> {
    let part = &cloud.set.coords()[..cloud.set.len().min(CHECKED)];
    let set = VoxelSet::new(part, 1)?;
    let near = KernelMap::submanifold(&set, [3; 3], [1; 3])?;
    let (_, down) = strided(&set, &Window::cubic(2, 2))?;
    let c = CHECKED_CHANNELS;
    for (map, name) in [(&near, "submanifold"), (&down, "strided")] {
        let (x, weights) = (values(map.inputs() * c, 1), values(map.taps() * c * c, 2));
        let mut found = vec![0.0; map.outputs() * c];
        conv_forward(map, &weights, (c, c), &x, &mut found)?;
        let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
        compare(name, &wide(&found), &by_pairs(map, c, &wide(&x), &wide(&weights)), 1e-5)?;
    }
    check_fused::<f32>(&near, "fused f32", 1e-5)?;
    check_fused::<bf16>(&near, "fused bf16", 1e-2)?;
    check_fused::<f16>(&near, "fused f16", 2e-3)
}

/// The fused convolution without an epilogue, on rounded values.
fn check_fused<S: Storage<Work = f32>>(map: &KernelMap, name: &str, bound: f64) -> anyhow::Result<()> {
    let c = CHECKED_CHANNELS;
    let layer = Fused::<S>::new(map, c)?;
    let wide = |values: &[S]| values.iter().map(|value| f64::from(value.wide())).collect::<Vec<_>>();
    let weights: Vec<f64> = values(map.taps() * c * c, 2).into_iter().map(|w| f64::from(S::narrow(w).wide())).collect();
    let mut found = layer.output(map);
    layer.run(&ConvPlan::new::<S>(map, (c, c)), &Epilogue::default(), &mut found)?;
    compare(name, &wide(&found), &by_pairs(map, c, &wide(&layer.x), &weights), bound)
}

/// The sum over all pairs.
fn by_pairs(map: &KernelMap, c: usize, x: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut expected = vec![0.0f64; map.outputs() * c];
    for tap in 0..map.taps() {
        let pairs = map.pairs(tap);
        for (&from, &to) in pairs.from.iter().zip(pairs.to) {
            for i in 0..c {
                let value = x[from as usize * c + i];
                for o in 0..c {
                    expected[to as usize * c + o] += value * weights[(tap * c + i) * c + o];
                }
            }
        }
    }
    expected
}

fn compare(name: &str, found: &[f64], expected: &[f64], bound: f64) -> anyhow::Result<()> {
    let largest = expected.iter().map(|value| value.abs()).fold(1e-30, f64::max);
    let worst = expected.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let error = worst / largest;
    anyhow::ensure!(error <= bound, "the {name} convolution is wrong by {error:.1e}: please report it");
    Ok(())
}

/// Weights and features of a fused convolution, stored as `S`.
struct Fused<S> {
    packed: PackedWeights<S>,
    x: Vec<S>,
}

impl<S: Storage<Work = f32>> Fused<S> {
    fn new(map: &KernelMap, width: usize) -> anyhow::Result<Self> {
        let packed = PackedWeights::new(&values(map.taps() * width * width, 2), map.taps(), (width, width))?.narrowed();
        Ok(Self { packed, x: values(map.inputs() * width, 1).into_iter().map(S::narrow).collect() })
    }

    fn output(&self, map: &KernelMap) -> Vec<S> {
        vec![S::NOUGHT; map.outputs() * self.packed.channels().1]
    }

    fn run(&self, plan: &ConvPlan<&KernelMap>, epilogue: &Epilogue<'_, S>, out: &mut [S]) -> anyhow::Result<()> {
        Ok(conv_inference(plan, &self.packed, &self.x, epilogue, out)?)
    }

    /// The row of the convolution with bias and ReLU.
    fn row(map: &KernelMap, width: usize, name: &str, clock: &mut Clock) -> anyhow::Result<Row> {
        let (layer, shift) = (Self::new(map, width)?, values(width, 5));
        let plan = ConvPlan::new::<S>(map, (width, width));
        let epilogue = Epilogue { shift: Some(&shift), slope: Some(0.0), ..Epilogue::default() };
        let mut out = layer.output(map);
        let gflop = 2.0 * (map.pair_count() * width * width) as f64 / 1e9;
        let moved = size_of::<S>() * (layer.x.len() + out.len()) + layer.packed.bytes() + 8 * map.pair_count();
        Ok(clock.row(name, Some(width), [Some(gflop), Some(moved as f64 / 1e9)], || {
            layer.run(&plan, &epilogue, &mut out).expect(FITS);
        }))
    }
}

/// All rows of the engine.
pub(super) fn rows(
    cloud: &Cloud,
    plan: &Plan,
    clock: &mut Clock,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Vec<Row>> {
    tell("voxels and maps");
    let set = &cloud.set;
    let nothing = [None, None];
    let half = Window::cubic(2, 2);
    let mut rows = vec![
        clock.row("voxelise", None, nothing, || drop(black_box(voxels(&cloud.places)))),
        clock.row("kernel map 3³", None, nothing, || drop(black_box(KernelMap::submanifold(set, [3; 3], [1; 3])))),
        clock.row("strided map 2/2", None, nothing, || drop(black_box(strided(set, &half)))),
    ];
    let map = KernelMap::submanifold(set, [3; 3], [1; 3])?;
    // Built once a pass, before the gradients.
    let _ = map.transposed();
    for &width in &plan.widths {
        tell(&format!("convolution at {width} channels"));
        rows.extend(convolution(&map, width, clock));
    }
    tell("fused inference");
    rows.extend([
        Fused::<f32>::row(&map, ONE_WIDTH, "submanifold 3³ + bias + ReLU, f32", clock)?,
        Fused::<bf16>::row(&map, ONE_WIDTH, "submanifold 3³ + bias + ReLU, bf16", clock)?,
        Fused::<f16>::row(&map, ONE_WIDTH, "submanifold 3³ + bias + ReLU, f16", clock)?,
    ]);
    tell("other operators");
    rows.extend(others(set, &half, clock)?);
    Ok(rows)
}

fn voxels(places: &[[f32; 3]]) -> Result<VoxelSet, GeometryError> {
    Ok(Points::of_one_sample(places)?.quantise([1; 3])?.set)
}

fn strided(set: &VoxelSet, window: &Window) -> Result<(VoxelSet, KernelMap), GeometryError> {
    let output = output_voxels(set, window, OutputRule::Floor)?;
    let map = KernelMap::build(set, &output, window)?;
    Ok((output, map))
}

fn convolution(map: &KernelMap, width: usize, clock: &mut Clock) -> Vec<Row> {
    let channels = (width, width);
    let (x, weights) = (values(map.inputs() * width, 1), values(map.taps() * width * width, 2));
    let grad = values(map.outputs() * width, 3);
    let mut sums = values(map.outputs() * width, 4);
    let mut grad_weights = vec![0.0; weights.len()];
    let gflop = 2.0 * (map.pair_count() * width * width) as f64 / 1e9;
    let gbytes = (4 * (x.len() + sums.len() + weights.len()) + 8 * map.pair_count()) as f64 / 1e9;
    let forward = clock.row("submanifold 3³ forward", Some(width), [Some(gflop), Some(gbytes)], || {
        conv_forward(map, &weights, channels, &x, &mut sums).expect(FITS);
    });
    let both =
        clock.row("submanifold 3³ forward + backward", Some(width), [Some(3.0 * gflop), Some(3.0 * gbytes)], || {
            conv_forward(map, &weights, channels, &x, &mut sums).expect(FITS);
            conv_input_grad(map, &weights, channels, &grad, &mut sums).expect(FITS);
            conv_weight_grad(map, channels, &x, &grad, &mut grad_weights).expect(FITS);
        });
    vec![forward, both]
}

fn others(set: &VoxelSet, half: &Window, clock: &mut Clock) -> anyhow::Result<Vec<Row>> {
    let (rows, c) = (set.len(), ONE_WIDTH);
    let (coarse, down) = strided(set, half)?;
    let (x, weights) = (values(rows * c, 1), values(8 * c * c, 2));
    let mut out = values(coarse.len() * c, 3);
    let gflop = 2.0 * (down.pair_count() * c * c) as f64 / 1e9;
    let gbytes = (4 * (x.len() + out.len() + weights.len()) + 8 * down.pair_count()) as f64 / 1e9;
    let mut found = Vec::new();
    found.push(clock.row("strided 2/2 forward with its map", Some(c), [Some(gflop), Some(gbytes)], || {
        if let Ok((_, map)) = strided(set, half) {
            conv_forward(&map, &weights, (c, c), &x, &mut out).expect(FITS);
        }
    }));
    let pool = PoolMap::new(&down, false);
    let mut argmax = vec![0; out.len()];
    let pool_bytes = (4 * x.len() + 8 * out.len()) as f64 / 1e9;
    found.push(clock.row("max pool 2/2", Some(c), [None, Some(pool_bytes)], || {
        max_pool_forward(&pool, c, &x, &mut out, &mut argmax).expect(FITS);
    }));
    let (gamma, beta) = (vec![1.0f32; c], vec![0.1f32; c]);
    let norm = NormAct { gamma: &gamma, beta: &beta, slope: Some(0.0) };
    let (mut y, mut grad_x, grad) = (x.clone(), x.clone(), x.clone());
    // Forward reads twice and writes once, backward reads three tensors twice and writes one.
    let norm_bytes = (10 * 4 * x.len()) as f64 / 1e9;
    found.push(clock.row("batch norm + ReLU forward + backward", Some(c), [None, Some(norm_bytes)], || {
        let statistics = norm.forward_training(1e-5, &x, None, &mut y).expect(FITS);
        norm.backward(&statistics, (&x, &y), &grad, &mut grad_x, None).expect(FITS);
    }));
    Ok(found)
}

/// Values between -1 and 1 that repeat after a prime number of them.
fn values(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|index| ((index * 7 + seed * 131) % 1999) as f32 / 999.5 - 1.0).collect()
}
