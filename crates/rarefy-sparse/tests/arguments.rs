//! Wrong arguments end in errors, and each geometry of a pass is built once.

mod common;

use common::{coords, sparse, tensor, values};
use rarefy_sparse::{NormAct, SparseError, SparseTensor};

const GRID: [i32; 3] = [6, 6, 6];

fn input() -> SparseTensor {
    let coords = coords(20, 2, GRID, 1);
    sparse(&coords, 2, GRID, tensor(&values(coords.len() * 3, 2), [coords.len(), 3]))
}

#[test]
fn duplicates_and_missing_rows_are_refused() {
    let twice = [[0, 1, 1, 1], [0, 1, 1, 1]];
    let error = SparseTensor::new(&twice, 1, GRID, tensor(&[1.0, 2.0], [2, 1])).unwrap_err();
    assert!(matches!(error, SparseError::RowMismatch { rows: 2, voxels: 1 }), "{error}");
    let error = SparseTensor::new(&twice[..1], 1, GRID, tensor(&[1.0, 2.0], [2, 1])).unwrap_err();
    assert!(matches!(error, SparseError::RowMismatch { .. }), "{error}");
}

#[test]
fn coordinates_outside_of_the_grid_are_refused() {
    let error = SparseTensor::new(&[[0, 6, 0, 0]], 1, GRID, tensor(&[1.0], [1, 1])).unwrap_err();
    assert!(error.to_string().contains("outside of the grid"), "{error}");
}

#[test]
fn weights_of_another_width_or_size_are_refused() {
    let weights = tensor(&values(27 * 4 * 2, 1), [27, 4, 2]);
    let error = input().submanifold_convolution(weights.clone(), [3; 3]).unwrap_err();
    assert!(matches!(error, SparseError::ChannelMismatch { expected: 4, got: 3 }), "{error}");
    let error = input().submanifold_convolution(weights, [5; 3]).unwrap_err();
    assert!(matches!(error, SparseError::TapMismatch { expected: 125, got: 27, .. }), "{error}");
}

#[test]
fn a_window_larger_than_the_grid_is_refused() {
    let error = input().max_pool([7; 3], [2; 3]).unwrap_err();
    assert!(matches!(error, SparseError::WindowTooLarge { .. }), "{error}");
}

#[test]
fn an_empty_sample_is_refused_by_global_pooling() {
    let x = SparseTensor::new(&[[1, 0, 0, 0]], 2, GRID, tensor(&[1.0], [1, 1])).unwrap();
    let error = x.global_max_pool().unwrap_err();
    assert!(matches!(error, SparseError::EmptySample { sample: 0 }), "{error}");
}

#[test]
fn residuals_on_other_voxels_are_refused() {
    let x = input();
    let down = x.strided_convolution(tensor(&values(8 * 9, 1), [8, 3, 3]), [2; 3]).unwrap();
    let one = || tensor(&[1.0; 3], [3]);
    let settings = NormAct::new(1e-5, None);
    let error = x.norm_act(one(), one(), Some(&down), &settings).unwrap_err();
    assert!(matches!(error, SparseError::SetMismatch), "{error}");
    let narrow = tensor(&[1.0; 2], [2]);
    let error = x.norm_act(narrow.clone(), narrow, None, &settings).unwrap_err();
    assert!(matches!(error, SparseError::ChannelMismatch { expected: 2, got: 3 }), "{error}");
}
