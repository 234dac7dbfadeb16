//! Graham-2014 layers: the worked example of spec §12.3, and whole stacks against Burn's dense operators.

mod common;

use burn::tensor::Tensor;
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use common::{coords, host, sparse, tensor, values};
use rarefy_sparse::SparseTensor;

/// The one-dimensional example lies along x.
fn line(length: i32, active: &[(i32, f64)]) -> SparseTensor {
    let coords: Vec<_> = active.iter().map(|&(x, _)| [0, x, 0, 0]).collect();
    let features: Vec<f64> = active.iter().map(|&(_, value)| value).collect();
    sparse(&coords, 1, [length, 1, 1], tensor(&features, [features.len(), 1])).with_ground_state()
}

fn convolve(x: &SparseTensor, weights: [f64; 2]) -> SparseTensor {
    x.valid_convolution(tensor(&weights, [2, 1, 1]), tensor(&[0.5], [1]), [2, 1, 1]).unwrap().leaky_relu(0.333)
}

fn assert_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-12, "{got:?} is not {expected:?}");
}

#[test]
fn worked_example_of_the_ground_state() {
    let x = convolve(&line(6, &[(1, 1.0)]), [-1.0, -1.0]);
    assert_eq!(x.voxels().coords(), [[0, 0, 0, 0], [0, 1, 0, 0]]);
    assert_close(&host(x.features()), &[-0.1665, -0.1665, 0.5]);
    let pooled = x.max_pool([3, 1, 1], [2, 1, 1]).unwrap();
    assert_eq!(pooled.voxels().coords(), [[0, 0, 0, 0]]);
    assert_close(&host(pooled.features()), &[0.5, 0.5]);

    let x = convolve(&line(6, &[(1, 1.0)]), [1.0, -1.0]);
    assert_close(&host(x.features()), &[-0.1665, 1.5, 0.5]);
    assert_close(&host(x.max_pool([3, 1, 1], [2, 1, 1]).unwrap().features()), &[1.5, 0.5]);

    let pooled = line(7, &[(2, 1.0)]).max_pool([3, 1, 1], [2, 1, 1]).unwrap();
    assert_eq!(pooled.voxels().coords(), [[0, 0, 0, 0], [0, 1, 0, 0]]);
    assert!(pooled.carries_ground_state());
}

#[test]
fn a_stack_of_layers_equals_the_dense_layers_on_the_full_grid() {
    let grid = [11, 12, 13];
    let coords = coords(9, 3, grid, 5);
    let features = tensor(&values(coords.len() * 2, 6), [coords.len(), 2]);
    let mut x = sparse(&coords, 3, grid, features).with_ground_state();
    let mut dense = x.to_dense().unwrap();
    for (block, (inputs, outputs)) in [(2, 4), (4, 3)].into_iter().enumerate() {
        let weights = values(8 * inputs * outputs, 7 + block as u64);
        let bias: Tensor<1> = tensor(&values(outputs, 17), [outputs]);
        let sparse_weights: Tensor<3> = tensor(&weights, [8, inputs, outputs]);
        let dense_weights = sparse_weights.clone().reshape([2, 2, 2, inputs, outputs]).permute([4, 3, 0, 1, 2]);
        x = x.valid_convolution(sparse_weights, bias.clone(), [2; 3]).unwrap().leaky_relu(0.333);
        let options = ConvOptions::new([1; 3], [0; 3], [1; 3], 1);
        dense = conv3d(dense, dense_weights, Some(bias), options);
        dense = dense.clone().clamp_min(0.0) + dense.clamp_max(0.0) * 0.333;
        assert_close(&host(x.to_dense().unwrap()), &host(dense.clone()));
        x = x.max_pool([3; 3], [2; 3]).unwrap();
        dense = pool_dense(&dense);
        assert_close(&host(x.to_dense().unwrap()), &host(dense.clone()));
    }
}

/// Dense 3/2 max-pool without padding: the largest of 27 shifted, strided views.
fn pool_dense(x: &Tensor<5>) -> Tensor<5> {
    let [samples, channels, nx, ny, nz] = x.dims();
    let out = [nx, ny, nz].map(|n| (n - 3) / 2 + 1);
    let mut best: Option<Tensor<5>> = None;
    for (i, j, k) in (0..27).map(|tap| (tap / 9, tap / 3 % 3, tap % 3)) {
        let at = |start: usize, count: usize| (0..count).map(move |q| (start + 2 * q) as i64).collect::<Vec<_>>();
        let index = |rows: Vec<i64>| Tensor::<1, burn::tensor::Int>::from_data(rows.as_slice(), &x.device());
        let view = x.clone().select(2, index(at(i, out[0]))).select(3, index(at(j, out[1])));
        let view = view.select(4, index(at(k, out[2])));
        best = Some(match best {
            None => view,
            Some(best) => best.max_pair(view),
        });
    }
    best.expect("27 taps").reshape([samples, channels, out[0], out[1], out[2]])
}

#[test]
fn the_ground_state_is_dropped_when_every_cell_is_active() {
    let x = line(3, &[(1, 1.0)]);
    let x = convolve(&x, [1.0, 2.0]);
    assert!(!x.carries_ground_state(), "both outputs are active");
    assert_eq!(x.features().dims(), [2, 1]);
}
