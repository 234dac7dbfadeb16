//! Checksums of a small network through Burn, forward and all gradients: equal in two runs of one process, and equal to those
//! of earlier runs with the same instruction set and other numbers of threads (`.ci/run` does such runs).

mod common;

use burn::tensor::Tensor;
use common::{coords, host, sparse, tensor, values, weighted_sum};
use rarefy_kernels::InstructionSet;
use rarefy_sparse::{NormAct, OutputRule, Window};
use rarefy_testkit::Checksums;

const GRID: [i32; 3] = [24, 20, 28];

/// Output and gradients of: convolution, norm with residual, down, pooling, back, concatenation, descriptor.
fn all() -> Checksums {
    let coords = coords(2500, 2, GRID, 1);
    let half = Window::cubic(2, 2);
    let shapes: [&[usize]; 6] = [&[coords.len(), 4], &[27, 4, 12], &[27, 12, 12], &[12], &[8, 12, 20], &[8, 20, 12]];
    let mut seed = 0;
    let inputs: Vec<Tensor<1>> = shapes
        .iter()
        .map(|shape| {
            seed += 1;
            let count = shape.iter().product();
            tensor(&values(count, seed), [count]).require_grad()
        })
        .collect();
    let weights = |number: usize| {
        let shape: [usize; 3] = shapes[number].try_into().expect("three axes");
        inputs[number].clone().reshape(shape)
    };
    let x = sparse(&coords, 2, GRID, inputs[0].clone().reshape([coords.len(), 4]));
    let x = x.submanifold_convolution(weights(1), [3; 3]).unwrap();
    let y = x.submanifold_convolution(weights(2), [3; 3]).unwrap();
    let norm = NormAct::new(1e-5, Some(0.1));
    let y = y.norm_act(inputs[3].clone(), inputs[3].clone(), Some(&x), &norm).unwrap();
    let z = y.convolution(weights(4), &half, OutputRule::Floor).unwrap().leaky_relu(0.0);
    let up = z.inverse_convolution(weights(5), &half, &y).unwrap().concatenate(&y).unwrap();
    let descriptor = Tensor::cat(vec![up.global_max_pool().unwrap(), up.global_mean_pool().unwrap()], 1);
    let grads = weighted_sum(descriptor.clone()).backward();
    let mut sums = Checksums::default();
    let mut add = |name: &str, values: Vec<f64>| sums.add(name, values.into_iter().map(f64::to_bits));
    add("features", host(up.features()));
    add("descriptor", host(descriptor));
    for (number, input) in inputs.iter().enumerate() {
        add(&format!("gradient {number}"), host(input.grad(&grads).expect("every input has a gradient")));
    }
    sums
}

#[test]
fn checksums_are_those_of_a_second_run_and_of_earlier_programs() {
    let sums = all();
    assert_eq!(sums.differences(&all()), Vec::<String>::new());
    sums.compare_with_earlier_run(&format!("sparse-{}", InstructionSet::current()));
}
