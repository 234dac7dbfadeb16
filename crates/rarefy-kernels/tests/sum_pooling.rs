//! Sum and average pooling, unpooling and their gradients over windows that overlap or not, against loops over
//! coordinates and central differences, with every instruction set and 1, 2 and 3 threads.

mod common;
mod row_map_checks;

use common::{on_threads, with_every_set};
use rarefy_geometry::{GeometryError, KernelMap, OutputRule, RowMap, VoxelSet, Window, output_voxels};
use rarefy_kernels::{RowReduction, row_sums_backward, row_sums_forward};
use rarefy_testkit::{NaiveWindow, central_difference, naive_windows, random_coords, random_values, relative_error};
use row_map_checks::{check, run};

/// A pooling of a random cloud with negative coordinates.
struct Pooling {
    input: VoxelSet,
    output: VoxelSet,
    window: NaiveWindow,
    map: RowMap,
}

impl Pooling {
    fn new(points: usize, side: i32, (size, stride): (u32, u32), rule: OutputRule) -> Self {
        let mut coords = random_coords(points, 2, side, 5);
        for coord in &mut coords {
            coord[1] -= side / 2;
        }
        let window = Window { padding: [1, 0, 1], ..Window::cubic(size, stride) };
        let window = if size == stride { Window::cubic(size, stride) } else { window };
        let input = VoxelSet::new(&coords, 2).unwrap();
        let output = output_voxels(&input, &window, rule).unwrap();
        let map = KernelMap::build(&input, &output, &window).unwrap();
        let naive = NaiveWindow { padding: window.padding, ..NaiveWindow::cubic(size as i32, stride as i32) };
        Self { map: RowMap::from_kernel_map(&map).unwrap(), input, output, window: naive }
    }

    /// For each output, the rows under its window.
    fn lists(&self) -> Vec<Vec<(usize, f64)>> {
        naive_windows(self.input.coords(), self.output.coords(), &self.window)
    }
}

const SPREAD: OutputRule = OutputRule::Spread { clip: None };

#[test]
fn pooled_rows_are_sums_and_means_over_the_window() {
    for (shape, rule) in
        [((2, 2), OutputRule::Floor), ((3, 3), SPREAD), ((3, 2), SPREAD), ((3, 1), SPREAD), ((3, 2), OutputRule::Floor)]
    {
        let pooling = Pooling::new(200, 9, shape, rule);
        check(&pooling.map, &pooling.lists(), 1e-13, &format!("{shape:?}, {rule:?}"));
    }
}

#[test]
fn unpooling_gives_every_voxel_the_sum_of_the_windows_that_hold_it() {
    for (shape, rule) in [((2, 2), OutputRule::Floor), ((3, 2), SPREAD)] {
        let pooling = Pooling::new(200, 9, shape, rule);
        let mut turned = vec![Vec::new(); pooling.input.len()];
        for (output, list) in pooling.lists().iter().enumerate() {
            for &(row, weight) in list {
                turned[row].push((output, weight));
            }
        }
        check(pooling.map.transposed(), &turned, 1e-13, &format!("unpooling {shape:?}"));
        if shape.0 == shape.1 {
            let x = random_values(pooling.output.len(), 3);
            let (out, _) = run::<f64>(pooling.map.transposed(), RowReduction::Sum, 1, &x, &vec![0.0; turned.len()]);
            let copies: Vec<f64> = turned.iter().map(|list| x[list[0].0]).collect();
            assert_eq!(out, copies, "windows that do not overlap copy their value");
        }
    }
}

#[test]
fn gradients_are_central_differences() {
    for (shape, rule) in [((2, 2), OutputRule::Floor), ((3, 2), SPREAD)] {
        let pooling = Pooling::new(20, 5, shape, rule);
        let taps = shape.0.pow(3);
        for map in [&pooling.map, &**pooling.map.transposed()] {
            for reduction in [RowReduction::Sum, RowReduction::Mean, RowReduction::MeanOf(taps)] {
                let (x, grad_out) = (random_values(map.inputs() * 2, 1), random_values(map.outputs() * 2, 2));
                let loss = |x: &[f64]| {
                    let mut out = vec![0.0; grad_out.len()];
                    row_sums_forward(map, reduction, 2, x, &mut out).unwrap();
                    out.iter().zip(&grad_out).map(|(out, grad)| out * grad).sum()
                };
                with_every_set(|_| {
                    let (_, grad) = run::<f64>(map, reduction, 2, &x, &grad_out);
                    assert!(relative_error(&grad, &central_difference(loss, &x, 1e-4)) <= 1e-6, "{reduction:?}");
                });
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let bits = |threads| {
        on_threads(threads, || {
            let pooling = Pooling::new(20_000, 40, (3, 2), SPREAD);
            let x = random_values(pooling.input.len() * 7, 1);
            let grad_out = random_values(pooling.output.len() * 7, 2);
            let (out, grad) = run::<f32>(&pooling.map, RowReduction::Mean, 7, &x, &grad_out);
            [out, grad].concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = bits(1);
    assert!(one == bits(2) && one == bits(3));
}

#[test]
fn empty_windows_are_zero_and_bad_maps_are_errors() {
    let nothing = KernelMap::from_parts(0, 2, std::iter::once(0..0).collect(), vec![], vec![], false);
    let map = RowMap::from_kernel_map(&nothing).unwrap();
    let mut out = vec![5.0_f32; 4];
    row_sums_forward(&map, RowReduction::Mean, 2, &[], &mut out).unwrap();
    assert_eq!(out, [0.0; 4]);
    row_sums_backward(&map, RowReduction::Mean, 2, &out, &mut []).unwrap();

    let wrong = |from: u32, to: u32| {
        let map = KernelMap::from_parts(2, 3, std::iter::once(0..1).collect(), vec![from], vec![to], false);
        RowMap::from_kernel_map(&map).unwrap_err()
    };
    assert_eq!(wrong(2, 0), GeometryError::NoSuchRow { row: 2, rows: 2 });
    assert_eq!(wrong(0, 3), GeometryError::NoSuchRow { row: 3, rows: 3 });
}
