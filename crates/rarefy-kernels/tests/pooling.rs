//! Max pooling, global pooling and their gradients against loops, with ties, ground rows and every instruction set.

mod common;

use common::{narrow, on_threads, wide, with_every_set};
use rarefy_geometry::PoolMap;
use rarefy_kernels::{
    NO_ROW, max_pool_backward, max_pool_forward, max_pool_rows, segment_max_forward, segment_mean_backward,
    segment_mean_forward,
};
use rarefy_testkit::{
    NaiveWindow, central_difference, map_by_hash, max_pool_by_pairs, naive_max_pool, random_coords, random_values,
    relative_error,
};

/// Lists of rows as two slices.
fn flat(rows: &[Vec<u32>]) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0];
    starts.extend(rows.iter().scan(0, |end, rows| {
        *end += rows.len() as u32;
        Some(*end)
    }));
    (starts, rows.concat())
}

/// Up to nine of `count` rows for each of `outputs`, at least one.
fn random_rows(outputs: usize, count: usize) -> Vec<Vec<u32>> {
    let picks = random_values(outputs * 9, 11);
    let row = |pick: &f64| ((pick + 1.0) / 2.0 * (count - 1) as f64) as u32;
    picks.chunks(9).enumerate().map(|(output, picks)| picks.iter().take(1 + output % 9).map(row).collect()).collect()
}

#[test]
fn pooling_finds_the_first_of_the_largest() {
    for channels in [1, 3, 17, 32, 40] {
        let rows = random_rows(200, 300);
        let (starts, flat_rows) = flat(&rows);
        // Few distinct values, so that most outputs have ties.
        let x: Vec<f64> = random_values(300 * channels, 4).iter().map(|value| (value * 2.0).round()).collect();
        let (wanted, winners) = naive_max_pool(&rows, channels, &x);
        with_every_set(|set| {
            let mut out = vec![0.0_f32; wanted.len()];
            let mut argmax = vec![0; wanted.len()];
            max_pool_rows((&starts, &flat_rows), channels, &narrow(&x), &mut out, &mut argmax).unwrap();
            assert_eq!(argmax, winners, "{set}");
            assert_eq!(wide(&out), wanted, "{set}");
        });
    }
}

#[test]
fn a_ground_row_takes_part_like_any_other() {
    let inputs = random_coords(40, 1, 6, 3);
    let outputs = random_coords(30, 1, 3, 4);
    let map = map_by_hash(&inputs, &outputs, &NaiveWindow::cubic(3, 2));
    // Few distinct values, so that the ground row often meets its equal.
    let x: Vec<f64> = random_values((inputs.len() + 1) * 5, 9).iter().map(|value| (value * 3.0).round()).collect();
    let (wanted, winners) = max_pool_by_pairs(&map, true, 5, &x);
    assert!(winners.contains(&(inputs.len() as u32)));
    with_every_set(|set| {
        let mut out = vec![0.0; wanted.len()];
        let mut argmax = vec![0; wanted.len()];
        max_pool_forward(&PoolMap::new(&map, true), 5, &x, &mut out, &mut argmax).unwrap();
        assert_eq!((&out, &argmax), (&wanted, &winners), "{set}");
    });
}

#[test]
fn the_gradient_of_a_pooling_is_a_central_difference() {
    let (starts, rows) = flat(&random_rows(20, 15));
    let x = random_values(15 * 7, 5);
    let weights = random_values(20 * 7, 6);
    let forward = |x: &[f64]| {
        let (mut out, mut argmax) = (vec![0.0; weights.len()], vec![0; weights.len()]);
        max_pool_rows((&starts, &rows), 7, x, &mut out, &mut argmax).unwrap();
        (out, argmax)
    };
    let loss = |x: &[f64]| forward(x).0.iter().zip(&weights).map(|(out, weight)| out * weight).sum();
    let mut grad = vec![0.0; x.len()];
    max_pool_backward(&forward(&x).1, 7, &weights, &mut grad).unwrap();
    assert!(relative_error(&grad, &central_difference(loss, &x, 1e-6)) <= 1e-6);
}

#[test]
fn the_gradient_of_a_pooling_is_the_same_bits_for_any_number_of_threads() {
    let rows = random_rows(3000, 50);
    let (starts, rows) = flat(&rows);
    let x: Vec<f32> = narrow(&random_values(50 * 70, 5));
    let grad_out: Vec<f32> = narrow(&random_values(3000 * 70, 6));
    let bits = |threads| {
        on_threads(threads, || {
            let (mut out, mut argmax) = (vec![0.0; grad_out.len()], vec![0; grad_out.len()]);
            max_pool_rows((&starts, &rows), 70, &x, &mut out, &mut argmax).unwrap();
            let mut grad = vec![0.0; x.len()];
            max_pool_backward(&argmax, 70, &grad_out, &mut grad).unwrap();
            grad.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    assert!(bits(1) == bits(2) && bits(1) == bits(3));
}

#[test]
fn an_output_without_rows_is_zero_and_passes_no_gradient() {
    let (mut out, mut argmax) = (vec![9.0; 4], vec![0; 4]);
    max_pool_rows((&[0, 0, 1], &[0]), 2, &[-1.0, 2.0], &mut out, &mut argmax).unwrap();
    assert_eq!((out, &argmax), (vec![0.0, 0.0, -1.0, 2.0], &vec![NO_ROW, NO_ROW, 0, 0]));
    let mut grad = vec![0.0; 2];
    max_pool_backward(&argmax, 2, &[5.0, 6.0, 7.0, 8.0], &mut grad).unwrap();
    assert_eq!(grad, [7.0, 8.0]);
}

#[test]
fn global_pooling_takes_maxima_and_means_of_each_range() {
    let ranges = [0..3000, 3000..3000, 3000..3010];
    let x: Vec<f64> = random_values(3010 * 19, 8).iter().map(|value| (value * 50.0).round()).collect();
    let (mut out, mut argmax) = (vec![0.0; 57], vec![0; 57]);
    segment_max_forward(&ranges, 19, &x, &mut out, &mut argmax).unwrap();
    let rows: Vec<Vec<u32>> = [0..3000, 3000..3010].map(Iterator::collect).into();
    let (wanted, winners) = naive_max_pool(&rows, 19, &x);
    assert_eq!((&out[..19], &argmax[..19]), (&wanted[..19], &winners[..19]));
    assert_eq!((&out[38..], &argmax[38..]), (&wanted[19..], &winners[19..]));
    assert!(out[19..38].iter().all(|&value| value == 0.0) && argmax[19..38].iter().all(|&row| row == NO_ROW));

    segment_mean_forward(&ranges, 19, &x, &mut out).unwrap();
    for (range, out) in ranges.iter().zip(out.chunks(19)) {
        for (channel, &found) in out.iter().enumerate() {
            let sum: f64 = range.clone().map(|row| x[row * 19 + channel]).sum();
            assert!((found - sum / range.len().max(1) as f64).abs() < 1e-9);
        }
    }
}

#[test]
fn the_gradient_of_a_mean_is_a_central_difference() {
    let ranges = [0..4, 4..9];
    let x = random_values(27, 1);
    let weights = random_values(6, 2);
    let loss = |x: &[f64]| {
        let mut out = vec![0.0; 6];
        segment_mean_forward(&ranges, 3, x, &mut out).unwrap();
        out.iter().zip(&weights).map(|(out, weight)| out * weight).sum()
    };
    let mut grad = vec![0.0; 27];
    segment_mean_backward(&ranges, 3, &weights, &mut grad).unwrap();
    assert!(relative_error(&grad, &central_difference(loss, &x, 1e-4)) <= 1e-6);
}
