//! Batch normalisation with activation and residual, activation alone, and column sums, against loops and central
//! differences.

mod common;

use common::{narrow, on_threads, wide, with_every_set};
use rarefy_kernels::{NormAct, NormStats, column_sums, leaky_relu_backward, leaky_relu_forward};
use rarefy_testkit::{central_difference, naive_batch_norm, naive_batch_norm_grad, random_values, relative_error};

const EPS: f64 = 1e-3;

fn leaky(slope: Option<f64>, value: f64) -> f64 {
    if value > 0.0 { value } else { value * slope.unwrap_or(1.0) }
}

#[test]
fn a_normalisation_gives_what_columns_one_by_one_give() {
    for channels in [1, 7, 64, 65] {
        let rows = 1500;
        let x: Vec<f64> = random_values(rows * channels, 1).iter().map(|value| value * 3.0 + 40.0).collect();
        let residual = random_values(rows * channels, 2);
        let (gamma, beta) = (random_values(channels, 3), random_values(channels, 4));
        let plain = naive_batch_norm(&x, &gamma, &beta, EPS);
        for slope in [None, Some(0.0), Some(0.333)] {
            let wanted: Vec<f64> = plain.iter().zip(&residual).map(|(y, r)| leaky(slope, y + r)).collect();
            with_every_set(|set| {
                let norm = NormAct { gamma: &gamma, beta: &beta, slope };
                let mut y = vec![0.0; x.len()];
                norm.forward_training(EPS, &x, Some(&residual), &mut y).unwrap();
                assert!(relative_error(&y, &wanted) <= 1e-12, "{set}, {channels} channels, slope {slope:?}");

                let (gamma, beta): (Vec<f32>, Vec<f32>) = (narrow(&gamma), narrow(&beta));
                let norm = NormAct { gamma: &gamma, beta: &beta, slope: slope.map(|slope| slope as f32) };
                let mut y = vec![0.0_f32; x.len()];
                norm.forward_training(EPS, &narrow(&x), Some(&narrow(&residual)), &mut y).unwrap();
                assert!(relative_error(&wide(&y), &wanted) <= 1e-5, "{set}, f32, {channels} channels");
            });
        }
    }
}

#[test]
fn inference_uses_the_statistics_that_it_is_given() {
    let x = random_values(50 * 6, 1);
    let (gamma, beta) = (random_values(6, 3), random_values(6, 4));
    let norm = NormAct { gamma: &gamma, beta: &beta, slope: Some(0.1) };
    let mut trained = vec![0.0; x.len()];
    let stats = norm.forward_training(EPS, &x, None, &mut trained).unwrap();
    let running = NormStats::from_running(&stats.mean, &stats.var, EPS);
    let mut inferred = vec![0.0; x.len()];
    norm.forward(&running, &x, None, &mut inferred).unwrap();
    assert_eq!(trained, inferred);
}

#[test]
fn gradients_of_a_normalisation_are_central_differences() {
    let (rows, channels) = (40, 5);
    let x = random_values(rows * channels, 1);
    let residual = random_values(rows * channels, 2);
    let (gamma, beta) = (random_values(channels, 3), random_values(channels, 4));
    let grad_y = random_values(rows * channels, 5);
    for slope in [None, Some(0.0), Some(0.333)] {
        let loss = |x: &[f64], gamma: &[f64], beta: &[f64], residual: &[f64]| -> f64 {
            let plain = naive_batch_norm(x, gamma, beta, EPS);
            plain.iter().zip(residual).zip(&grad_y).map(|((y, r), grad)| leaky(slope, y + r) * grad).sum()
        };
        with_every_set(|_| {
            let norm = NormAct { gamma: &gamma, beta: &beta, slope };
            let (mut y, mut grad_x, mut grad_residual) = (x.clone(), x.clone(), x.clone());
            let stats = norm.forward_training(EPS, &x, Some(&residual), &mut y).unwrap();
            let (grad_gamma, grad_beta) =
                norm.backward(&stats, (&x, &y), &grad_y, &mut grad_x, Some(&mut grad_residual)).unwrap();
            let near = |found: &[f64], wanted: &[f64]| assert!(relative_error(found, wanted) <= 1e-6, "{slope:?}");
            near(&grad_x, &central_difference(|x| loss(x, &gamma, &beta, &residual), &x, 1e-6));
            near(&grad_gamma, &central_difference(|gamma| loss(&x, gamma, &beta, &residual), &gamma, 1e-6));
            near(&grad_beta, &central_difference(|beta| loss(&x, &gamma, beta, &residual), &beta, 1e-6));
            near(&grad_residual, &central_difference(|r| loss(&x, &gamma, &beta, r), &residual, 1e-6));
        });
    }
}

#[test]
fn gradients_without_an_activation_are_those_of_the_oracle() {
    let x = random_values(30 * 4, 1);
    let (gamma, beta, grad_y) = (random_values(4, 3), random_values(4, 4), random_values(30 * 4, 5));
    let norm = NormAct { gamma: &gamma, beta: &beta, slope: None };
    let (mut y, mut grad_x) = (x.clone(), x.clone());
    let stats = norm.forward_training(EPS, &x, None, &mut y).unwrap();
    let (grad_gamma, grad_beta) = norm.backward(&stats, (&x, &y), &grad_y, &mut grad_x, None).unwrap();
    let wanted = naive_batch_norm_grad(&x, &gamma, &beta, EPS, &grad_y);
    for (found, wanted) in [(grad_x, wanted.0), (grad_gamma, wanted.1), (grad_beta, wanted.2)] {
        assert!(relative_error(&found, &wanted) <= 1e-6);
    }
}

#[test]
fn a_normalisation_is_the_same_bits_for_any_number_of_threads() {
    let x: Vec<f32> = narrow(&random_values(20_000 * 33, 1));
    let (gamma, beta) = (vec![1.5_f32; 33], vec![0.25_f32; 33]);
    let run = |threads| {
        on_threads(threads, || {
            let norm = NormAct { gamma: &gamma, beta: &beta, slope: Some(0.0) };
            let (mut y, mut grad_x) = (x.clone(), x.clone());
            let stats = norm.forward_training(1e-5, &x, None, &mut y).unwrap();
            let (grad_gamma, grad_beta) = norm.backward(&stats, (&x, &y), &x, &mut grad_x, None).unwrap();
            [y, grad_x, grad_gamma, grad_beta, stats.mean, stats.inv_std, column_sums(&x, 33).unwrap()]
                .map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3));
}

#[test]
fn the_leaky_relu_and_its_gradient_scale_the_negative_part() {
    let x = [-3.0, -0.0, 0.0, 2.0];
    let (mut y, mut grad) = ([0.0; 4], [0.0; 4]);
    leaky_relu_forward(0.5, &x, &mut y).unwrap();
    leaky_relu_backward(0.5, &x, &[1.0, 2.0, 3.0, 4.0], &mut grad).unwrap();
    assert_eq!(y.to_vec(), [-1.5, 0.0, 0.0, 2.0]);
    assert_eq!(grad.to_vec(), [0.5, 1.0, 1.5, 4.0]);
}

#[test]
fn column_sums_are_the_sums_of_the_columns() {
    for channels in [1, 3, 40] {
        let x = random_values(5000 * channels, 2);
        let wanted: Vec<f64> = (0..channels).map(|channel| x.iter().skip(channel).step_by(channels).sum()).collect();
        assert!(relative_error(&column_sums(&x, channels).unwrap(), &wanted) <= 1e-12);
    }
    assert_eq!(column_sums::<f32>(&[], 3).unwrap(), [0.0; 3]);
    assert!(column_sums::<f32>(&[], 0).unwrap().is_empty());
}

#[test]
fn empty_tensors_are_normalised_to_nothing() {
    let norm = NormAct { gamma: &[1.0, 1.0], beta: &[0.0, 0.0], slope: Some(0.0) };
    let stats = norm.forward_training(EPS, &[], None, &mut []).unwrap();
    assert_eq!(stats.mean, [0.0, 0.0]);
    assert_eq!(norm.backward(&stats, (&[], &[]), &[], &mut [], None).unwrap(), (vec![0.0; 2], vec![0.0; 2]));
}
