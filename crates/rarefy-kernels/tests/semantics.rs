//! Which outputs a convolution has and what they are worth: every small window over every peculiar cloud, against
//! convolutions of full boxes of cells in f64; gradients by central differences.
//!
//! Instruction sets and threads are not varied here, see `convolution.rs`.

use rarefy_geometry::{Coord, KernelMap, OutputRule, VoxelSet, Window, generated_voxels, output_voxels};
use rarefy_kernels::{conv_forward, conv_input_grad, conv_weight_grad};
use rarefy_testkit::{NaiveWindow, Volume, central_difference, random_coords, random_values, relative_error};

/// Channels in and out.
const CHANNELS: (usize, usize) = (2, 3);
const SAMPLES: usize = 2;

fn clouds() -> Vec<(&'static str, Vec<Coord>)> {
    let block = (0..64).map(|bit| [1, bit >> 4, bit >> 2 & 3, bit & 3]).collect();
    let borders = [-1, 0, 3, 4].iter().flat_map(|&x| [-1, 3].map(|y| [0, x, y, x - y])).collect();
    let mut random = random_coords(25, 2, 6, 3);
    for coord in &mut random {
        coord[1] -= 3;
    }
    random.extend_from_within(..5);
    let image = random_coords(12, 2, 6, 9).into_iter().map(|[sample, x, y, _]| [sample, x, y, 0]).collect();
    vec![
        ("empty", vec![]),
        ("one voxel", vec![[0, 2, -3, 1]]),
        ("full block", block),
        ("block borders", borders),
        ("two samples, negative, duplicates", random),
        ("image", image),
    ]
}

/// Kernel 1–5 × stride 1–3 × dilation 1–2 × padding 0–1, larger kernels and uneven axes.
fn windows() -> Vec<Window> {
    let mut windows = Vec::new();
    for size in 1..=5 {
        for stride in 1..=3 {
            for (dilation, padding) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
                let padding = [padding; 3];
                windows.push(Window { dilation: [dilation; 3], padding, ..Window::cubic(size, stride) });
            }
        }
    }
    let uneven = |size, stride, padding| Window { size, stride, dilation: [1; 3], padding };
    windows.extend([
        uneven([6; 3], [2; 3], [2; 3]),
        uneven([7; 3], [1; 3], [3; 3]),
        uneven([3, 1, 1], [2, 1, 1], [0; 3]),
        uneven([1, 3, 1], [1; 3], [0, 1, 0]),
        uneven([3, 3, 1], [2, 2, 1], [1, 1, 0]),
        uneven([2, 5, 4], [1, 3, 2], [0, 2, 1]),
    ]);
    windows
}

fn naive(window: &Window) -> NaiveWindow {
    let int = |values: [u32; 3]| values.map(|value| value as i32);
    let Window { size, stride, dilation, padding } = *window;
    NaiveWindow { size: int(size), stride: int(stride), dilation: int(dilation), padding }
}

fn weights_of(window: &Window) -> Vec<f64> {
    random_values(window.taps() * CHANNELS.0 * CHANNELS.1, 2)
}

/// Lowest cell and shape of a box.
type Cells = ([i32; 3], [usize; 3]);

/// The lowest and the highest coordinate of the clouds, or beyond.
const SPAN: (i32, i32) = (-5, 8);

fn cells(low: [i32; 3], high: [i32; 3]) -> Cells {
    (low, std::array::from_fn(|axis| (high[axis] - low[axis] + 1).max(0) as usize))
}

fn reach(window: &NaiveWindow, axis: usize) -> i32 {
    window.dilation[axis] * (window.size[axis] - 1)
}

/// All that a window can reach from the clouds.
fn spread_cells(window: &NaiveWindow) -> Cells {
    let (stride, padding) = (window.stride, window.padding);
    let low = std::array::from_fn(|a| (SPAN.0 + padding[a] - reach(window, a)).div_euclid(stride[a]));
    cells(low, std::array::from_fn(|a| (SPAN.1 + padding[a]).div_euclid(stride[a])))
}

/// All that a transposed window can reach from the clouds.
fn generated_cells(window: &NaiveWindow) -> Cells {
    let (stride, padding) = (window.stride, window.padding);
    let low = std::array::from_fn(|a| SPAN.0 * stride[a] - padding[a]);
    cells(low, std::array::from_fn(|a| SPAN.1 * stride[a] - padding[a] + reach(window, a)))
}

/// The output grid of a dense convolution in PyTorch: ⌊(n + 2 · padding − reach − 1) / stride⌋ + 1 cells.
fn pytorch_cells(grid: [i32; 3], window: &NaiveWindow) -> Cells {
    let last = |a: usize| (grid[a] + 2 * window.padding[a] - reach(window, a) - 1).div_euclid(window.stride[a]);
    cells([0; 3], std::array::from_fn(last))
}

fn zeros((low, shape): Cells, channels: usize) -> Volume {
    Volume::zeros(SAMPLES, low, shape, channels)
}

/// A cloud as a set, its features, and the same in boxes: features and presence.
struct Scene {
    set: VoxelSet,
    x: Vec<f64>,
    dense: Volume,
    presence: Volume,
}

impl Scene {
    fn new(coords: &[Coord]) -> Self {
        let set = VoxelSet::new(coords, SAMPLES).unwrap();
        let x = random_values(set.len() * CHANNELS.0, 1);
        let dense = Volume::of_rows(SAMPLES, set.coords(), &x, CHANNELS.0);
        let presence = Volume::of_rows(SAMPLES, set.coords(), &vec![1.0; set.len()], 1);
        Self { set, x, dense, presence }
    }

    /// The dense convolution in a box.
    fn convolved(&self, window: &NaiveWindow, weights: &[f64], place: Cells) -> Volume {
        let mut out = zeros(place, CHANNELS.1);
        self.dense.convolve_into(window, weights, &mut out);
        out
    }
}

/// The rows of a convolution over `map` are the cells of a box at the voxels of `set`.
fn assert_rows(set: &VoxelSet, map: &KernelMap, weights: &[f64], x: &[f64], wanted: &Volume, what: &str) {
    let mut rows = vec![0.0; set.len() * CHANNELS.1];
    conv_forward(map, weights, CHANNELS, x, &mut rows).unwrap();
    let wanted: Vec<f64> =
        set.coords().iter().flat_map(|&coord| wanted.at(coord).expect("in the box")).copied().collect();
    let error = relative_error(&rows, &wanted);
    assert!(error <= 1e-12, "{what}: relative error {error:e}");
}

fn sorted(set: &VoxelSet) -> Vec<Coord> {
    let mut coords = set.coords().to_vec();
    coords.sort_unstable();
    coords
}

#[test]
fn spread_outputs_are_the_cells_that_a_dense_convolution_reaches() {
    let grid = [7, 6, 8];
    for (name, coords) in clouds() {
        let scene = Scene::new(&coords);
        for window in windows() {
            let (dense, weights) = (naive(&window), weights_of(&window));
            for (clip, place) in [(None, spread_cells(&dense)), (Some(grid), pytorch_cells(grid, &dense))] {
                let what = format!("{name}, {window:?}, clip {clip:?}");
                let output = output_voxels(&scene.set, &window, OutputRule::Spread { clip }).unwrap();
                let mut reached = zeros(place, 1);
                scene.presence.convolve_into(&dense, &vec![1.0; window.taps()], &mut reached);
                assert_eq!(sorted(&output), reached.occupied(), "{what}");
                let map = KernelMap::build(&scene.set, &output, &window).unwrap();
                assert_rows(&output, &map, &weights, &scene.x, &scene.convolved(&dense, &weights, place), &what);
            }
        }
    }
}

#[test]
fn outputs_by_floor_are_cells_of_the_dense_convolution() {
    for (name, coords) in clouds() {
        let scene = Scene::new(&coords);
        for window in windows() {
            let (dense, weights) = (naive(&window), weights_of(&window));
            let wanted = scene.convolved(&dense, &weights, cells([SPAN.0; 3], [SPAN.1; 3]));
            for rule in [OutputRule::Floor, OutputRule::FloorInside] {
                let output = output_voxels(&scene.set, &window, rule).unwrap();
                let map = KernelMap::build(&scene.set, &output, &window).unwrap();
                assert_rows(&output, &map, &weights, &scene.x, &wanted, &format!("{name}, {window:?}, {rule:?}"));
            }
        }
    }
}

#[test]
fn submanifold_outputs_are_cells_of_the_dense_convolution() {
    let mut sizes: Vec<([u32; 3], u32)> = (1..=7).flat_map(|size| [([size; 3], 1), ([size; 3], 2)]).collect();
    sizes.extend([([3, 1, 1], 1), ([1, 3, 1], 2), ([2, 5, 4], 1), ([3, 3, 1], 1)]);
    for (name, coords) in clouds() {
        let scene = Scene::new(&coords);
        for &(size, dilation) in &sizes {
            let window = Window::centred(size, [dilation; 3]);
            let (dense, weights) = (naive(&window), weights_of(&window));
            let map = KernelMap::submanifold(&scene.set, size, [dilation; 3]).unwrap();
            let wanted = scene.convolved(&dense, &weights, cells([SPAN.0; 3], [SPAN.1; 3]));
            assert_rows(&scene.set, &map, &weights, &scene.x, &wanted, &format!("{name}, {size:?}, {dilation}"));
        }
    }
}

#[test]
fn an_inverse_convolution_over_the_cached_map_is_the_dense_transposed_one() {
    for (name, coords) in clouds() {
        let fine = VoxelSet::new(&coords, SAMPLES).unwrap();
        for window in windows() {
            for rule in [OutputRule::Floor, OutputRule::Spread { clip: None }] {
                let coarse = output_voxels(&fine, &window, rule).unwrap();
                let scene = Scene::new(coarse.coords());
                let (dense, weights) = (naive(&window), weights_of(&window));
                let map = KernelMap::build(&fine, &coarse, &window).unwrap();
                let mut wanted = zeros(cells([SPAN.0; 3], [SPAN.1; 3]), CHANNELS.1);
                scene.dense.convolve_transposed_into(&dense, &weights, &mut wanted);
                let what = format!("{name}, {window:?}, {rule:?}");
                assert_rows(&fine, map.transposed(), &weights, &scene.x, &wanted, &what);
            }
        }
    }
}

#[test]
fn a_generative_convolution_is_the_dense_transposed_one() {
    let grid = [7, 6, 8];
    for (name, coords) in clouds() {
        let scene = Scene::new(&coords);
        for window in windows() {
            let (dense, weights) = (naive(&window), weights_of(&window));
            for (clip, place) in
                [(None, generated_cells(&dense)), (Some(grid), cells([0; 3], grid.map(|cells| cells - 1)))]
            {
                let what = format!("{name}, {window:?}, clip {clip:?}");
                let output = generated_voxels(&scene.set, &window, clip).unwrap();
                let (mut reached, mut wanted) = (zeros(place, 1), zeros(place, CHANNELS.1));
                scene.presence.convolve_transposed_into(&dense, &vec![1.0; window.taps()], &mut reached);
                assert_eq!(sorted(&output), reached.occupied(), "{what}");
                scene.dense.convolve_transposed_into(&dense, &weights, &mut wanted);
                let map = KernelMap::generative(&scene.set, &output, &window).unwrap();
                assert_rows(&output, &map, &weights, &scene.x, &wanted, &what);
            }
        }
    }
}

#[test]
fn gradients_of_every_window_are_central_differences() {
    let coords = random_coords(9, 2, 4, 8);
    let set = VoxelSet::new(&coords, SAMPLES).unwrap();
    for window in windows() {
        for rule in [OutputRule::Spread { clip: Some([4; 3]) }, OutputRule::Floor] {
            let output = output_voxels(&set, &window, rule).unwrap();
            assert_gradients(&KernelMap::build(&set, &output, &window).unwrap(), &format!("{window:?}, {rule:?}"));
        }
        let output = generated_voxels(&set, &window, Some([5; 3])).unwrap();
        assert_gradients(&KernelMap::generative(&set, &output, &window).unwrap(), &format!("generative {window:?}"));
    }
}

fn assert_gradients(map: &KernelMap, what: &str) {
    let x = random_values(map.inputs() * CHANNELS.0, 1);
    let weights = random_values(map.taps() * CHANNELS.0 * CHANNELS.1, 2);
    let grad_out = random_values(map.outputs() * CHANNELS.1, 3);
    let loss = |x: &[f64], weights: &[f64]| -> f64 {
        let mut out = vec![0.0; grad_out.len()];
        conv_forward(map, weights, CHANNELS, x, &mut out).unwrap();
        out.iter().zip(&grad_out).map(|(out, grad)| out * grad).sum()
    };
    let (mut grad_x, mut grad_weights) = (vec![0.0; x.len()], vec![0.0; weights.len()]);
    conv_input_grad(map, &weights, CHANNELS, &grad_out, &mut grad_x).unwrap();
    conv_weight_grad(map, CHANNELS, &x, &grad_out, &mut grad_weights).unwrap();
    let near = |found: &[f64], wanted: &[f64]| assert!(relative_error(found, wanted) <= 1e-6, "{what}");
    near(&grad_x, &central_difference(|x| loss(x, &weights), &x, 1e-3));
    near(&grad_weights, &central_difference(|weights| loss(&x, weights), &weights, 1e-3));
}
