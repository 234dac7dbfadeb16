//! A row map under every reduction against lists of rows.
#![allow(dead_code, reason = "each test program uses its part")]

use rarefy_geometry::RowMap;
use rarefy_kernels::{Element, RowReduction, row_sums_backward, row_sums_forward};
use rarefy_testkit::{naive_row_sums, naive_row_sums_grad, random_values, relative_error};

use crate::common::{narrow, wide, with_every_set};

/// Result and input gradient.
pub(crate) fn run<T: Element>(
    map: &RowMap,
    reduction: RowReduction,
    channels: usize,
    x: &[f64],
    grad_out: &[f64],
) -> (Vec<T>, Vec<T>) {
    let mut out = vec![T::from_f64(7.0); map.outputs() * channels];
    row_sums_forward(map, reduction, channels, &narrow(x), &mut out).unwrap();
    let mut grad = vec![T::ZERO; map.inputs() * channels];
    row_sums_backward(map, reduction, channels, &narrow(grad_out), &mut grad).unwrap();
    (out, grad)
}

/// Compares a map under every reduction with the lists of the oracle.
pub(crate) fn check(map: &RowMap, lists: &[Vec<(usize, f64)>], bound_f64: f64, what: &str) {
    for channels in [1, 3, 17, 40] {
        let x = random_values(map.inputs() * channels, 1);
        let grad_out = random_values(map.outputs() * channels, 2);
        for reduction in [RowReduction::Sum, RowReduction::Mean, RowReduction::MeanOf(8)] {
            let divisor = |output: usize| match reduction {
                RowReduction::Sum => 1.0,
                RowReduction::Mean => map.entries(output).len() as f64,
                RowReduction::MeanOf(count) => f64::from(count),
            };
            let wanted = naive_row_sums(lists, divisor, channels, &x);
            let wanted_grad = naive_row_sums_grad(lists, divisor, channels, map.inputs(), &grad_out);
            with_every_set(|set| {
                let (out, grad) = run::<f64>(map, reduction, channels, &x, &grad_out);
                assert!(relative_error(&out, &wanted) <= bound_f64, "{what}, {set}, {reduction:?}");
                assert!(relative_error(&grad, &wanted_grad) <= bound_f64, "{what}, {set}, {reduction:?}, gradient");
                let (out, grad) = run::<f32>(map, reduction, channels, &x, &grad_out);
                assert!(relative_error(&wide(&out), &wanted) <= 1e-6, "{what}, {set}, {reduction:?}, f32");
                assert!(relative_error(&wide(&grad), &wanted_grad) <= 1e-6, "{what}, {set}, {reduction:?}, f32");
            });
        }
    }
}
