//! The recorded gradient of every operator against central differences in f64.

mod common;

use burn::tensor::Tensor;
use common::{assert_gradients, coords, sparse, values, weighted_sum};
use rarefy_sparse::{BatchStatistics, NormAct, SparseTensor};

const GRID: [i32; 3] = [6, 5, 7];

fn input(flat: &Tensor<1>, channels: usize, coords: &[[i32; 4]]) -> SparseTensor {
    sparse(coords, 2, GRID, flat.clone().reshape([coords.len(), channels]))
}

#[test]
fn submanifold_convolution_gradients_are_right() {
    let coords = coords(20, 2, GRID, 1);
    assert_gradients(&[values(coords.len() * 3, 2), values(27 * 3 * 5, 3)], |tensors| {
        let weights = tensors[1].clone().reshape([27, 3, 5]);
        let output = input(&tensors[0], 3, &coords).submanifold_convolution(weights, [3; 3]).unwrap();
        weighted_sum(output.features())
    });
}

#[test]
fn strided_convolution_gradients_are_right() {
    let coords = coords(20, 2, GRID, 1);
    assert_gradients(&[values(coords.len() * 3, 2), values(8 * 3 * 4, 3)], |tensors| {
        let weights = tensors[1].clone().reshape([8, 3, 4]);
        let output = input(&tensors[0], 3, &coords).strided_convolution(weights, [2; 3]).unwrap();
        weighted_sum(output.features())
    });
}

#[test]
fn pointwise_convolution_gradients_are_right() {
    let coords = coords(20, 2, GRID, 1);
    assert_gradients(&[values(coords.len() * 3, 2), values(3 * 4, 3)], |tensors| {
        let weights = tensors[1].clone().reshape([1, 3, 4]);
        weighted_sum(input(&tensors[0], 3, &coords).pointwise_convolution(weights).unwrap().features())
    });
}

#[test]
fn valid_convolution_gradients_are_right_with_a_ground_state_that_is_not_zero() {
    let coords = coords(6, 2, GRID, 1);
    let inputs = [values(coords.len() * 2, 2), values(8 * 2 * 3, 3), values(3, 4), values(8 * 3 * 4, 5), values(4, 6)];
    assert_gradients(&inputs, |tensors| {
        let first = tensors[1].clone().reshape([8, 2, 3]);
        let second = tensors[3].clone().reshape([8, 3, 4]);
        let x = input(&tensors[0], 2, &coords).with_ground_state();
        let x = x.valid_convolution(first, tensors[2].clone(), [2; 3]).unwrap();
        let x = x.leaky_relu(0.333).valid_convolution(second, tensors[4].clone(), [2; 3]).unwrap();
        assert!(x.carries_ground_state());
        weighted_sum(x.features())
    });
}

#[test]
fn max_pool_gradients_are_right_through_the_ground_state() {
    let coords = coords(6, 2, GRID, 1);
    let inputs = [values(coords.len() * 2, 2), values(8 * 2 * 3, 3), values(3, 4)];
    assert_gradients(&inputs, |tensors| {
        let weights = tensors[1].clone().reshape([8, 2, 3]);
        let x = input(&tensors[0], 2, &coords).with_ground_state();
        let x = x.valid_convolution(weights, tensors[2].clone(), [2; 3]).unwrap();
        weighted_sum(x.max_pool([3; 3], [2; 3]).unwrap().features())
    });
}

#[test]
fn leaky_relu_gradients_are_right() {
    let coords = coords(20, 2, GRID, 1);
    assert_gradients(&[values(coords.len() * 3, 2)], |tensors| {
        weighted_sum(input(&tensors[0], 3, &coords).leaky_relu(0.333).features())
    });
}

#[test]
fn norm_and_activation_gradients_are_right_with_and_without_residual() {
    let coords = coords(20, 2, GRID, 1);
    let inputs = [values(coords.len() * 3, 2), values(3, 3), values(3, 4)];
    for slope in [None, Some(0.0), Some(0.1)] {
        assert_gradients(&inputs, |tensors| {
            let x = input(&tensors[0], 3, &coords);
            let settings = NormAct::new(1e-5, slope);
            let y = x.norm_act(tensors[1].clone(), tensors[2].clone(), None, &settings).unwrap();
            let z = y.norm_act(tensors[2].clone(), tensors[1].clone(), Some(&x), &settings_like(&settings)).unwrap();
            weighted_sum(y.features()) + weighted_sum(z.features())
        });
    }
}

#[test]
fn norm_gradients_are_right_where_the_statistics_are_given() {
    let coords = coords(20, 2, GRID, 1);
    let inputs = [values(coords.len() * 3, 2), values(3, 3), values(3, 4)];
    let statistics = BatchStatistics { mean: vec![0.2, -0.1, 0.4], variance: vec![0.5, 2.0, 0.1] };
    for slope in [None, Some(0.0), Some(0.1)] {
        assert_gradients(&inputs, |tensors| {
            let x = input(&tensors[0], 3, &coords);
            let settings = NormAct::by(statistics.clone(), 1e-5, slope);
            let y = x.norm_act(tensors[1].clone(), tensors[2].clone(), None, &settings).unwrap();
            let z = y.norm_act(tensors[2].clone(), tensors[1].clone(), Some(&x), &settings).unwrap();
            weighted_sum(y.features()) + weighted_sum(z.features())
        });
    }
}

#[test]
fn concatenation_gradients_are_right() {
    let coords = coords(20, 2, GRID, 1);
    assert_gradients(&[values(coords.len() * 3, 2)], |tensors| {
        let x = input(&tensors[0], 3, &coords);
        let y = x.leaky_relu(0.5);
        weighted_sum(y.concatenate(&x).unwrap().concatenate(&y).unwrap().features())
    });
}

fn settings_like(settings: &NormAct) -> NormAct {
    NormAct::new(settings.epsilon, settings.slope)
}

#[test]
fn global_pooling_gradients_are_right() {
    let coords = coords(20, 2, GRID, 1);
    assert_gradients(&[values(coords.len() * 3, 2)], |tensors| {
        let x = input(&tensors[0], 3, &coords);
        let scaled = x.global_mean_pool().unwrap() * 3.0;
        weighted_sum(x.global_max_pool().unwrap()) + weighted_sum(scaled)
    });
}

#[test]
fn dense_gradients_are_right() {
    let coords = coords(6, 2, GRID, 1);
    assert_gradients(&[values(coords.len() * 2, 2), values(8 * 2 * 3, 3), values(3, 4)], |tensors| {
        let weights = tensors[1].clone().reshape([8, 2, 3]);
        let x = input(&tensors[0], 2, &coords).with_ground_state();
        weighted_sum(x.valid_convolution(weights, tensors[2].clone(), [2; 3]).unwrap().to_dense().unwrap())
    });
}

#[test]
fn linear_gradients_are_right() {
    assert_gradients(&[values(5 * 4, 1), values(4 * 3, 2), values(3, 3)], |tensors| {
        let x = tensors[0].clone().reshape([5, 4]);
        weighted_sum(rarefy_sparse::linear(x, tensors[1].clone().reshape([1, 4, 3]), tensors[2].clone()))
    });
}
