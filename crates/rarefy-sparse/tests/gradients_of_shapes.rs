//! The recorded gradients of operators that change voxels, groups or points, against central differences in f64.

mod common;

use burn::tensor::Tensor;
use common::{assert_gradients, coords, sparse, values, weighted_sum};
use rarefy_sparse::{Interpolation, OutputRule, PointCloud, Reduction, SparseTensor, Window};

const GRID: [i32; 3] = [6, 5, 7];
const WINDOW: Window = Window { size: [3, 2, 3], stride: [2, 1, 2], dilation: [1, 2, 1], padding: [1, 0, 1] };

fn input(flat: &Tensor<1>, channels: usize, coords: &[[i32; 4]]) -> SparseTensor {
    sparse(coords, 2, GRID, flat.clone().reshape([coords.len(), channels]))
}

fn rules() -> [OutputRule; 4] {
    let spread = |clip| OutputRule::Spread { clip };
    [spread(Some(GRID)), spread(None), OutputRule::Floor, OutputRule::FloorInside]
}

/// Points around the grid, some in empty places, with the samples that they belong to.
fn cloud(count: usize) -> PointCloud {
    let place = |point: usize| {
        let flat = values(3 * count, 8);
        [0, 1, 2].map(|axis| ((flat[3 * point + axis] + 1.0) * 3.2) as f32)
    };
    PointCloud::new((0..count).map(place).collect(), (0..count).map(|point| (point % 2) as i32).collect(), 2).unwrap()
}

#[test]
fn convolution_gradients_are_right_for_every_rule() {
    let coords = coords(12, 2, GRID, 1);
    for rule in rules() {
        assert_gradients(&[values(coords.len() * 2, 2), values(18 * 2 * 3, 3)], |tensors| {
            let weights = tensors[1].clone().reshape([18, 2, 3]);
            let output = input(&tensors[0], 2, &coords).convolution(weights, &WINDOW, rule).unwrap();
            weighted_sum(output.features())
        });
    }
}

#[test]
fn dilated_and_grouped_convolution_gradients_are_right() {
    let coords = coords(20, 2, GRID, 1);
    for (groups, c_in, c_out) in [(1, 4, 2), (2, 2, 3), (4, 1, 1)] {
        let channels = groups * c_in;
        let inputs = [values(coords.len() * channels, 2), values(27 * groups * c_in * c_out, 3)];
        assert_gradients(&inputs, |tensors| {
            let x = input(&tensors[0], channels, &coords);
            let weights = tensors[1].clone().reshape([27, groups, c_in, c_out]);
            let same = x.submanifold_group_convolution(weights.clone(), [3; 3], [1, 2, 1]).unwrap();
            let other = x.group_convolution(weights, &Window::cubic(3, 2), OutputRule::Floor).unwrap();
            weighted_sum(same.features()) + weighted_sum(other.features())
        });
    }
    assert_gradients(&[values(coords.len() * 2, 2), values(27 * 2 * 3, 3)], |tensors| {
        let weights = tensors[1].clone().reshape([27, 2, 3]);
        let x = input(&tensors[0], 2, &coords);
        weighted_sum(x.dilated_submanifold_convolution(weights, [3; 3], [2; 3]).unwrap().features())
    });
}

#[test]
fn transposed_convolution_gradients_are_right() {
    let coords = coords(12, 2, GRID, 1);
    let inputs = [values(coords.len() * 2, 2), values(18 * 2 * 3, 3), values(18 * 3 * 2, 4)];
    assert_gradients(&inputs, |tensors| {
        let x = input(&tensors[0], 2, &coords);
        let down = x.convolution(tensors[1].clone().reshape([18, 2, 3]), &WINDOW, OutputRule::Floor).unwrap();
        let up = tensors[2].clone().reshape([18, 3, 2]);
        let back = down.inverse_convolution(up.clone(), &WINDOW, &x).unwrap();
        let all = down.generative_convolution(up, &WINDOW, None).unwrap();
        weighted_sum(back.features()) + weighted_sum(all.features())
    });
}

#[test]
fn pooling_gradients_are_right() {
    let coords = coords(14, 2, GRID, 1);
    for rule in rules() {
        assert_gradients(&[values(coords.len() * 2, 2)], |tensors| {
            let x = input(&tensors[0], 2, &coords);
            let sum = x.sum_pool(&WINDOW, rule).unwrap();
            let mean = x.average_pool(&WINDOW, rule, false).unwrap();
            let volume = x.average_pool(&WINDOW, rule, true).unwrap();
            let largest = x.max_pool_active(&WINDOW, rule).unwrap();
            let back = mean.unpool(&WINDOW, &x).unwrap();
            [sum, mean, volume, largest, back]
                .into_iter()
                .map(|y| weighted_sum(y.features()))
                .reduce(|a, b| a + b)
                .unwrap()
        });
    }
}

#[test]
fn point_voxel_gradients_are_right() {
    let (coords, cloud) = (coords(20, 2, GRID, 1), cloud(30));
    for reduction in [Reduction::Mean, Reduction::Sum, Reduction::Max, Reduction::First] {
        assert_gradients(&[values(30 * 2, 2), values(coords.len() * 2, 3)], |tensors| {
            let points = tensors[0].clone().reshape([30, 2]);
            let own = SparseTensor::voxelise(&cloud, points.clone(), [2, 1, 1], reduction).unwrap();
            let x = input(&tensors[1], 2, &coords);
            let onto = x.voxelise_onto(&cloud, points, [1; 3], reduction).unwrap();
            weighted_sum(own.features()) + weighted_sum(onto.features()) + weighted_sum(x.features())
        });
    }
    for interpolation in [Interpolation::Trilinear, Interpolation::LowerCorner, Interpolation::Cell] {
        assert_gradients(&[values(coords.len() * 2, 2)], |tensors| {
            weighted_sum(input(&tensors[0], 2, &coords).devoxelise(&cloud, [1; 3], interpolation).unwrap())
        });
    }
}

#[test]
fn norms_of_voxels_and_samples_and_combinations_have_right_gradients() {
    let coords = coords(10, 2, GRID, 1);
    assert_gradients(&[values(coords.len() * 3, 2), values(3, 3), values(3, 4)], |tensors| {
        let x = input(&tensors[0], 3, &coords);
        let layer = x.layer_norm(tensors[1].clone(), tensors[2].clone(), 1e-3);
        let instance = x.instance_norm(tensors[1].clone(), tensors[2].clone(), 1e-3).unwrap();
        let dropped = x.drop_out(0.4, 5).unwrap();
        let both = layer.concatenate(&instance.add(&dropped).unwrap()).unwrap();
        weighted_sum(both.features())
    });
}

#[test]
fn dense_grids_are_read_and_written_with_right_gradients() {
    let coords = coords(10, 2, GRID, 1);
    let cells = 2 * 2 * GRID.iter().product::<i32>() as usize;
    assert_gradients(&[values(cells, 2)], |tensors| {
        let dense = tensors[0].clone().reshape([2, 2, 6, 5, 7]);
        let x = SparseTensor::from_dense(dense, &coords).unwrap();
        weighted_sum(x.to_dense().unwrap())
    });
}
