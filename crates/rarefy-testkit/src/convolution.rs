//! Sparse convolution by a hash table of coordinates, and by loops over the pairs of a kernel map.

use std::collections::HashMap;

use rarefy_geometry::KernelMap;

/// A window of taps: tap `k` of output `q` reads input `q · stride − padding + k · dilation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NaiveWindow {
    /// Taps along each axis.
    pub size: [i32; 3],
    /// Step from one output to the next.
    pub stride: [i32; 3],
    /// Step from one tap to the next.
    pub dilation: [i32; 3],
    /// How far the first tap lies before the origin of the window.
    pub padding: [i32; 3],
}

impl NaiveWindow {
    /// A cube of taps without dilation or padding.
    #[must_use]
    pub fn cubic(size: i32, stride: i32) -> Self {
        Self { size: [size; 3], stride: [stride; 3], dilation: [1; 3], padding: [0; 3] }
    }

    /// A window of odd size around its output, stride 1: that of a submanifold convolution.
    #[must_use]
    pub fn centred(size: i32, dilation: i32) -> Self {
        let padding = [size / 2 * dilation; 3];
        Self { size: [size; 3], stride: [1; 3], dilation: [dilation; 3], padding }
    }

    /// The taps, last axis fastest.
    pub fn taps(&self) -> impl Iterator<Item = [i32; 3]> {
        let [a, b, c] = self.size;
        (0..a).flat_map(move |x| (0..b).flat_map(move |y| (0..c).map(move |z| [x, y, z])))
    }

    /// The input coordinate that tap `tap` of output `out` reads.
    #[must_use]
    pub fn input(&self, out: [i32; 4], tap: [i32; 3]) -> [i32; 4] {
        let axis = |i: usize| out[i + 1] * self.stride[i] - self.padding[i] + tap[i] * self.dilation[i];
        [out[0], axis(0), axis(1), axis(2)]
    }
}

/// The kernel map of a window by a hash table; rows are the places in `inputs` and `outputs`.
#[must_use]
pub fn map_by_hash(inputs: &[[i32; 4]], outputs: &[[i32; 4]], window: &NaiveWindow) -> KernelMap {
    let row_of: HashMap<[i32; 4], u32> = inputs.iter().enumerate().map(|(row, &coord)| (coord, row as u32)).collect();
    let (mut taps, mut from, mut to) = (Vec::new(), Vec::new(), Vec::new());
    for tap in window.taps() {
        let start = from.len();
        for (row, &out) in outputs.iter().enumerate() {
            if let Some(&input) = row_of.get(&window.input(out, tap)) {
                from.push(input);
                to.push(row as u32);
            }
        }
        taps.push(start..from.len());
    }
    KernelMap::from_parts(inputs.len(), outputs.len(), taps, from, to, false)
}

/// For each output, the inputs under its window in the order of the taps, with weight 1: the lists of a sum pooling.
#[must_use]
pub fn naive_windows(inputs: &[[i32; 4]], outputs: &[[i32; 4]], window: &NaiveWindow) -> Vec<Vec<(usize, f64)>> {
    let row_of: HashMap<[i32; 4], usize> = inputs.iter().enumerate().map(|(row, &coord)| (coord, row)).collect();
    let under = |&out: &[i32; 4]| window.taps().filter_map(|tap| row_of.get(&window.input(out, tap))).collect();
    let rows: Vec<Vec<&usize>> = outputs.iter().map(under).collect();
    rows.into_iter().map(|rows| rows.into_iter().map(|&row| (row, 1.0)).collect()).collect()
}

/// Sparse convolution straight from coordinates: no kernel map is involved.
///
/// `x` is [inputs, `C_in`], `weights` [taps, `C_in`, `C_out`]; the result is [outputs, `C_out`].
#[must_use]
pub fn sparse_convolution(
    (inputs, x): (&[[i32; 4]], &[f64]),
    outputs: &[[i32; 4]],
    window: &NaiveWindow,
    weights: &[f64],
    (c_in, c_out): (usize, usize),
) -> Vec<f64> {
    let row_of: HashMap<[i32; 4], usize> = inputs.iter().enumerate().map(|(row, &coord)| (coord, row)).collect();
    let mut result = vec![0.0; outputs.len() * c_out];
    for (row, &out) in outputs.iter().enumerate() {
        for (index, tap) in window.taps().enumerate() {
            let Some(&input) = row_of.get(&window.input(out, tap)) else { continue };
            for i in 0..c_in {
                for o in 0..c_out {
                    result[row * c_out + o] += x[input * c_in + i] * weights[(index * c_in + i) * c_out + o];
                }
            }
        }
    }
    result
}

/// Calls `visit` with (tap, input row, output row) of every pair.
pub(crate) fn each_pair(map: &KernelMap, mut visit: impl FnMut(usize, usize, usize)) {
    for tap in 0..map.taps() {
        let pairs = map.pairs(tap);
        for (&from, &to) in pairs.from.iter().zip(pairs.to) {
            visit(tap, from as usize, to as usize);
        }
    }
}

/// The convolution of `x` by loops over the pairs; shapes as in [`sparse_convolution`].
#[must_use]
pub fn conv_by_pairs(map: &KernelMap, weights: &[f64], (c_in, c_out): (usize, usize), x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; map.outputs() * c_out];
    each_pair(map, |tap, from, to| {
        for i in 0..c_in {
            for o in 0..c_out {
                out[to * c_out + o] += x[from * c_in + i] * weights[(tap * c_in + i) * c_out + o];
            }
        }
    });
    out
}

/// The gradient of the input by loops over the pairs.
#[must_use]
pub fn conv_input_grad_by_pairs(
    map: &KernelMap,
    weights: &[f64],
    (c_in, c_out): (usize, usize),
    grad_out: &[f64],
) -> Vec<f64> {
    let mut grad = vec![0.0; map.inputs() * c_in];
    each_pair(map, |tap, from, to| {
        for i in 0..c_in {
            for o in 0..c_out {
                grad[from * c_in + i] += grad_out[to * c_out + o] * weights[(tap * c_in + i) * c_out + o];
            }
        }
    });
    grad
}

/// The gradient of the weights by loops over the pairs.
#[must_use]
pub fn conv_weight_grad_by_pairs(
    map: &KernelMap,
    (c_in, c_out): (usize, usize),
    x: &[f64],
    grad_out: &[f64],
) -> Vec<f64> {
    let mut grad = vec![0.0; map.taps() * c_in * c_out];
    each_pair(map, |tap, from, to| {
        for i in 0..c_in {
            for o in 0..c_out {
                grad[(tap * c_in + i) * c_out + o] += x[from * c_in + i] * grad_out[to * c_out + o];
            }
        }
    });
    grad
}
