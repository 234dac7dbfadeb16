//! Convolution in groups by loops over the pairs of a kernel map and over all channels.
//!
//! `sizes` is (`C_in`, `C_out`, groups); weights are [taps, groups, `C_in` / groups, `C_out` / groups].

use rarefy_geometry::KernelMap;

use crate::convolution::each_pair;

type Sizes = (usize, usize, usize);

/// Calls `visit` with (input channel, output channel, place of their weight) of every connected pair of channels.
fn each_weight((c_in, c_out, groups): Sizes, tap: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let (group_in, group_out) = (c_in / groups, c_out / groups);
    for input in 0..c_in {
        for output in 0..c_out {
            if input / group_in == output / group_out {
                let row = (tap * groups + input / group_in) * group_in + input % group_in;
                visit(input, output, row * group_out + output % group_out);
            }
        }
    }
}

/// The convolution of `x` [inputs, `C_in`].
#[must_use]
pub fn group_conv_by_pairs(map: &KernelMap, weights: &[f64], sizes: Sizes, x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; map.outputs() * sizes.1];
    each_pair(map, |tap, from, to| {
        each_weight(sizes, tap, |i, o, place| out[to * sizes.1 + o] += x[from * sizes.0 + i] * weights[place]);
    });
    out
}

/// The gradient of the input.
#[must_use]
pub fn group_conv_input_grad_by_pairs(map: &KernelMap, weights: &[f64], sizes: Sizes, grad_out: &[f64]) -> Vec<f64> {
    let mut grad = vec![0.0; map.inputs() * sizes.0];
    each_pair(map, |tap, from, to| {
        each_weight(sizes, tap, |i, o, place| grad[from * sizes.0 + i] += grad_out[to * sizes.1 + o] * weights[place]);
    });
    grad
}

/// The gradient of the weights.
#[must_use]
pub fn group_conv_weight_grad_by_pairs(map: &KernelMap, sizes: Sizes, x: &[f64], grad_out: &[f64]) -> Vec<f64> {
    let mut grad = vec![0.0; map.taps() * sizes.0 * sizes.1 / sizes.2];
    each_pair(map, |tap, from, to| {
        each_weight(sizes, tap, |i, o, place| grad[place] += x[from * sizes.0 + i] * grad_out[to * sizes.1 + o]);
    });
    grad
}
