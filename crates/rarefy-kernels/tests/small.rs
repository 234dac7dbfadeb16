//! Every unsafe kernel on sizes that Miri gets through:
//! `MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-tree-borrows -Zmiri-ignore-leaks" cargo +nightly miri test -p
//! rarefy-kernels --test small`. Under stacked borrows Miri stops at the thread pool's crossbeam-epoch.
//!
//! Miri has no vector instructions of its own, so it takes the portable path; tails of vectors, rests of tiles and rows
//! at the very end of a tensor are all there.

use rarefy_kernels::{
    ChannelGroups, conv_forward, conv_input_grad, conv_weight_grad, group_conv_forward, group_conv_input_grad,
    group_conv_weight_grad, max_pool_backward, max_pool_rows,
};
use rarefy_testkit::{
    NaiveWindow, conv_by_pairs, conv_input_grad_by_pairs, conv_weight_grad_by_pairs, group_conv_by_pairs,
    group_conv_input_grad_by_pairs, group_conv_weight_grad_by_pairs, map_by_hash, naive_max_pool, random_coords,
    random_values, relative_error,
};

#[test]
fn convolutions_of_a_few_voxels_are_right() {
    let coords = random_coords(14, 1, 3, 1);
    let map = map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1));
    for channels in [(1, 1), (2, 5), (5, 9), (3, 12)] {
        let x = random_values(map.inputs() * channels.0, 1);
        let weights = random_values(map.taps() * channels.0 * channels.1, 2);
        let grad_out = random_values(map.outputs() * channels.1, 3);
        let (mut out, mut grad_x, mut grad_weights) =
            (vec![0.0; grad_out.len()], vec![0.0; x.len()], vec![0.0; weights.len()]);
        conv_forward(&map, &weights, channels, &x, &mut out);
        conv_input_grad(&map, &weights, channels, &grad_out, &mut grad_x);
        conv_weight_grad(&map, channels, &x, &grad_out, &mut grad_weights);
        assert!(relative_error(&out, &conv_by_pairs(&map, &weights, channels, &x)) < 1e-13);
        assert!(relative_error(&grad_x, &conv_input_grad_by_pairs(&map, &weights, channels, &grad_out)) < 1e-13);
        assert!(relative_error(&grad_weights, &conv_weight_grad_by_pairs(&map, channels, &x, &grad_out)) < 1e-13);
    }
}

#[test]
fn the_last_group_of_the_last_row_stays_inside_its_tensor() {
    let coords = random_coords(14, 1, 3, 1);
    let map = map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1));
    for sizes in [(2, 4, 2), (6, 9, 3), (9, 3, 3)] {
        let groups = ChannelGroups::new((sizes.0, sizes.1), sizes.2).unwrap();
        let x = random_values(map.inputs() * sizes.0, 1);
        let weights = random_values(map.taps() * groups.weights(), 2);
        let grad_out = random_values(map.outputs() * sizes.1, 3);
        let (mut out, mut grad_x, mut grad_weights) =
            (vec![0.0; grad_out.len()], vec![0.0; x.len()], vec![0.0; weights.len()]);
        group_conv_forward(&map, &weights, groups, &x, &mut out).unwrap();
        group_conv_input_grad(&map, &weights, groups, &grad_out, &mut grad_x).unwrap();
        group_conv_weight_grad(&map, groups, &x, &grad_out, &mut grad_weights).unwrap();
        assert!(relative_error(&out, &group_conv_by_pairs(&map, &weights, sizes, &x)) < 1e-13);
        assert!(relative_error(&grad_x, &group_conv_input_grad_by_pairs(&map, &weights, sizes, &grad_out)) < 1e-13);
        assert!(relative_error(&grad_weights, &group_conv_weight_grad_by_pairs(&map, sizes, &x, &grad_out)) < 1e-13);
    }
}

#[test]
fn a_pooling_of_a_few_rows_and_its_gradient_are_right() {
    let x = random_values(4 * 9, 1);
    let (mut out, mut argmax) = (vec![0.0; 18], vec![0; 18]);
    max_pool_rows((&[0, 3, 5], &[0, 1, 3, 2, 1]), 9, &x, &mut out, &mut argmax);
    let (wanted, winners) = naive_max_pool(&[vec![0, 1, 3], vec![2, 1]], 9, &x);
    assert_eq!((out, &argmax), (wanted, &winners));
    let mut grad = vec![0.0; x.len()];
    max_pool_backward(&argmax, 9, &[1.0; 18], &mut grad);
    assert!((grad.iter().sum::<f64>() - 18.0).abs() < 1e-12);
}
