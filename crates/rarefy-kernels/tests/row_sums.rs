//! Voxelise, devoxelise and their gradients against loops over coordinates, central differences and the golden file,
//! with every instruction set and 1, 2 and 3 threads. The maps are tested here together with the kernel.

mod common;
mod row_map_checks;

use common::{on_threads, wide, with_every_set};
use rarefy_geometry::{GeometryError, Interpolation, Points, RowMap, VoxelSet};
use rarefy_kernels::{
    NO_ROW, RowReduction, ShapeError, row_max_backward, row_max_forward, row_sums_backward, row_sums_forward,
};
use rarefy_testkit::{
    central_difference, golden_files, naive_devoxelise, naive_max_pool, naive_voxelise, random_values, relative_error,
};
use row_map_checks::{check, run};

/// Points in a cube of eight voxels a side, two samples, some of them on the grid, with negative coordinates.
fn cloud(points: usize) -> (Vec<[f32; 3]>, Vec<i32>) {
    let values = random_values(points * 4, 3);
    let place = |row: &[f64]| {
        let on_grid = |value: f64| if row[3].abs() < 0.1 { (value * 4.0).round() } else { value * 4.0 };
        [on_grid(row[0]) as f32, on_grid(row[1]) as f32, on_grid(row[2]) as f32]
    };
    values.chunks_exact(4).map(|row| (place(row), i32::from(row[3] > 0.3))).unzip()
}

/// The voxels of every other point, so that some points are in none.
fn some_voxels(points: Points<'_>, stride: [u32; 3]) -> VoxelSet {
    let cells: Vec<_> = points.cells(stride).unwrap().into_iter().step_by(2).collect();
    VoxelSet::new(&cells, points.samples()).unwrap()
}

#[test]
fn points_are_voxelised_as_by_comparing_coordinates() {
    let (places, sample_of) = cloud(400);
    let points = Points::new(&places, &sample_of, 2).unwrap();
    for stride in [[1; 3], [2; 3], [4, 1, 3]] {
        let set = some_voxels(points, stride);
        let map = RowMap::voxelisation(points, &set, stride).unwrap();
        check(&map, &naive_voxelise((&places, &sample_of), set.coords(), stride), 1e-13, &format!("{stride:?}"));
    }
    let quantised = VoxelSet::quantise(&points.cells([1; 3]).unwrap(), 2).unwrap();
    let (one, other) =
        (RowMap::voxelisation_of(&quantised).unwrap(), RowMap::voxelisation(points, &quantised.set, [1; 3]).unwrap());
    assert_eq!((one.starts(), one.rows()), (other.starts(), other.rows()));
    for stride in [[1; 3], [2; 3], [4, 1, 3]] {
        let direct = points.quantise(stride).unwrap();
        let stored = VoxelSet::quantise(&points.cells(stride).unwrap(), 2).unwrap();
        assert_eq!(direct.set.coords(), stored.set.coords());
        assert_eq!(direct.voxel_from_point, stored.voxel_from_point);
        assert_eq!(direct.first_point, stored.first_point);
    }
    assert!(points.quantise([0, 1, 1]).is_err());
}

#[test]
fn points_are_devoxelised_as_by_comparing_coordinates() {
    let (places, sample_of) = cloud(300);
    let points = Points::new(&places, &sample_of, 2).unwrap();
    for stride in [[1; 3], [2; 3], [4, 1, 3]] {
        let set = some_voxels(points, stride);
        for interpolation in [Interpolation::Trilinear, Interpolation::LowerCorner] {
            let map = RowMap::devoxelisation(points, &set, stride, interpolation).unwrap();
            let alone = interpolation == Interpolation::LowerCorner;
            let mut lists = naive_devoxelise((&places, &sample_of), set.coords(), stride, alone);
            for list in &mut lists {
                list.retain(|read| read.1 > 0.0);
            }
            // The weights of the map are f32.
            check(&map, &lists, 1e-6, &format!("{stride:?}, {interpolation:?}"));
        }
        let map = RowMap::devoxelisation(points, &set, stride, Interpolation::Cell).unwrap();
        let rows = rarefy_geometry::voxels_of_points(points, &set, stride).unwrap();
        let own = |&row: &u32| if row == NO_ROW { vec![] } else { vec![(row as usize, 1.0)] };
        check(&map, &rows.iter().map(own).collect::<Vec<_>>(), 1e-13, "cell");
    }
}

#[test]
fn the_worked_example_of_the_specification_comes_out() {
    let places = [[0.25, 0.5, 0.0], [0.75, 0.25, 0.5], [1.5, 0.5, 0.25]];
    let points = Points::of_one_sample(&places).unwrap();
    let quantised = VoxelSet::quantise(&points.cells([1; 3]).unwrap(), 1).unwrap();
    let map = RowMap::voxelisation_of(&quantised).unwrap();
    let mut voxels = vec![0.0_f32; 4];
    row_sums_forward(&map, RowReduction::Mean, 2, &[1.0, 10.0, 3.0, 20.0, 5.0, 60.0], &mut voxels).unwrap();
    assert_eq!(voxels, [2.0, 15.0, 5.0, 60.0]);
    let map = RowMap::devoxelisation(points, &quantised.set, [1; 3], Interpolation::Trilinear).unwrap();
    let mut back = vec![0.0_f32; 6];
    row_sums_forward(&map, RowReduction::Sum, 2, &voxels, &mut back).unwrap();
    let wanted = [2.75, 26.25, 4.25, 48.75, 5.0, 60.0];
    assert!(back.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-5), "{back:?}");
}

#[test]
fn the_first_point_and_the_maximum_of_a_voxel_have_their_gradients() {
    let (places, sample_of) = cloud(60);
    let points = Points::new(&places, &sample_of, 2).unwrap();
    let set = some_voxels(points, [2; 3]);
    let map = RowMap::voxelisation(points, &set, [2; 3]).unwrap();
    let lists = naive_voxelise((&places, &sample_of), set.coords(), [2; 3]);
    let firsts: Vec<_> = lists.iter().map(|list| list[..1].to_vec()).collect();
    check(&map.first_only(), &firsts, 1e-13, "first");

    let x = random_values(points.len() * 5, 8);
    let weights = random_values(set.len() * 5, 9);
    let forward = |x: &[f64]| {
        let (mut out, mut argmax) = (vec![0.0; weights.len()], vec![0; weights.len()]);
        row_max_forward(&map, 5, x, &mut out, &mut argmax).unwrap();
        (out, argmax)
    };
    let loss = |x: &[f64]| forward(x).0.iter().zip(&weights).map(|(out, weight)| out * weight).sum();
    let mut grad = vec![0.0; x.len()];
    let (out, argmax) = forward(&x);
    assert_eq!((out, argmax.clone()), max_by_loops(&lists, 5, &x));
    row_max_backward(&map, &argmax, 5, &weights, &mut grad).unwrap();
    assert!(relative_error(&grad, &central_difference(loss, &x, 1e-6)) <= 1e-6);
}

/// The largest of the rows of each list and the row that has it.
fn max_by_loops(lists: &[Vec<(usize, f64)>], channels: usize, x: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let rows: Vec<Vec<u32>> = lists.iter().map(|list| list.iter().map(|&(row, _)| row as u32).collect()).collect();
    naive_max_pool(&rows, channels, x)
}

#[test]
fn gradients_are_central_differences() {
    let (places, sample_of) = cloud(40);
    let points = Points::new(&places, &sample_of, 2).unwrap();
    let set = some_voxels(points, [2; 3]);
    let interpolate = |how| RowMap::devoxelisation(points, &set, [2; 3], how).unwrap();
    let maps = [
        RowMap::voxelisation(points, &set, [2; 3]).unwrap(),
        interpolate(Interpolation::Trilinear),
        interpolate(Interpolation::LowerCorner),
    ];
    for map in &maps {
        for reduction in [RowReduction::Sum, RowReduction::Mean, RowReduction::MeanOf(8)] {
            let x = random_values(map.inputs() * 3, 1);
            let grad_out = random_values(map.outputs() * 3, 2);
            let loss = |x: &[f64]| {
                let mut out = vec![0.0; grad_out.len()];
                row_sums_forward(map, reduction, 3, x, &mut out).unwrap();
                out.iter().zip(&grad_out).map(|(out, grad)| out * grad).sum()
            };
            with_every_set(|_| {
                let (_, grad) = run::<f64>(map, reduction, 3, &x, &grad_out);
                assert!(relative_error(&grad, &central_difference(loss, &x, 1e-4)) <= 1e-6, "{reduction:?}");
            });
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (places, sample_of) = cloud(30_000);
    let bits = |threads| {
        on_threads(threads, || {
            let points = Points::new(&places, &sample_of, 2).unwrap();
            let set = some_voxels(points, [1; 3]);
            let maps = [
                RowMap::voxelisation(points, &set, [1; 3]).unwrap(),
                RowMap::devoxelisation(points, &set, [1; 3], Interpolation::Trilinear).unwrap(),
            ];
            maps.map(|map| {
                let (x, grad_out) = (random_values(map.inputs() * 9, 1), random_values(map.outputs() * 9, 2));
                let (out, grad) = run::<f32>(&map, RowReduction::Mean, 9, &x, &grad_out);
                [out, grad].concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
            })
        })
    };
    let one = bits(1);
    assert!(one == bits(2) && one == bits(3));
}

#[test]
fn a_hundred_thousand_points_in_one_voxel_have_an_exact_mean() {
    let count = 100_000;
    let map = RowMap::from_groups(&vec![0; count], 1).unwrap();
    let x: Vec<f64> = random_values(count, 4).iter().map(|value| value + 3.0).collect();
    let (mean, _) = run::<f32>(&map, RowReduction::Mean, 1, &x, &[1.0]);
    assert!((f64::from(mean[0]) - x.iter().sum::<f64>() / count as f64).abs() < 3e-6);
}

#[test]
fn gradients_are_added_and_empty_maps_do_nothing() {
    let map = RowMap::from_groups(&[0, 0], 2).unwrap();
    let mut grad = [1.0, 2.0];
    row_sums_backward(&map, RowReduction::Sum, 1, &[5.0, 9.0], &mut grad).unwrap();
    assert_eq!(grad.to_vec(), [6.0, 7.0]);
    let empty = RowMap::from_groups(&[], 0).unwrap();
    row_sums_forward::<f32>(&empty, RowReduction::Mean, 3, &[], &mut []).unwrap();
    row_sums_forward::<f32>(&map, RowReduction::Mean, 0, &[], &mut []).unwrap();
    row_sums_backward::<f32>(&empty, RowReduction::Mean, 3, &[], &mut []).unwrap();
}

#[test]
fn bad_input_is_an_error() {
    let places = [[0.0, 0.5, 1.0], [f32::NAN, 0.0, 0.0]];
    assert_eq!(Points::of_one_sample(&places).unwrap_err(), GeometryError::NotFinite { point: 1 });
    assert_eq!(Points::of_one_sample(&[[f32::INFINITY; 3]]).unwrap_err(), GeometryError::NotFinite { point: 0 });
    let far = Points::of_one_sample(&[[1e20, 0.0, 0.0]]).unwrap_err();
    assert!(matches!(far, GeometryError::CoordinateOutOfRange { point: 0, .. }));
    let short = Points::new(&places[..1], &[], 1).unwrap_err();
    assert!(matches!(short, GeometryError::LengthMismatch { expected: 1, got: 0, .. }));
    let sample = Points::new(&places[..1], &[-1], 1).unwrap_err();
    assert!(matches!(sample, GeometryError::SampleOutOfRange { point: 0, batch: -1, samples: 1 }));

    let points = Points::of_one_sample(&places[..1]).unwrap();
    let two_samples = VoxelSet::new(&[[0; 4]], 2).unwrap();
    assert!(RowMap::voxelisation(points, &two_samples, [1; 3]).is_err());
    let set = VoxelSet::new(&[[0; 4]], 1).unwrap();
    assert!(RowMap::voxelisation(points, &set, [0, 1, 1]).is_err());
    assert!(RowMap::devoxelisation(points, &set, [1, 1, 4096], Interpolation::Trilinear).is_err());

    assert!(RowMap::from_groups(&[3], 3).is_err());
    assert!(RowMap::from_parts(1, vec![0, 1], vec![1], None).is_err(), "row 1 of 1");
    assert!(RowMap::from_parts(1, vec![0, 2], vec![0], None).is_err(), "more starts than rows");
    assert!(RowMap::from_parts(1, vec![0, 1, 0, 1], vec![0], None).is_err(), "falling starts");
    assert!(RowMap::from_parts(1, vec![], vec![], None).is_err(), "no starts");
    assert!(RowMap::from_parts(1, vec![0, 1], vec![0], Some(vec![])).is_err(), "no weights");

    let map = RowMap::from_groups(&[0, 0], 1).unwrap();
    let error = row_sums_forward(&map, RowReduction::Sum, 2, &[0.0; 3], &mut [0.0; 2]).unwrap_err();
    assert_eq!(error, ShapeError { what: "inputs", shape: [2, 2], got: 3 });
    assert!(row_sums_forward(&map, RowReduction::Sum, 2, &[0.0; 4], &mut [0.0; 4]).is_err());
    assert!(row_sums_backward(&map, RowReduction::Sum, 2, &[0.0; 3], &mut [0.0; 4]).is_err());
    assert!(row_sums_backward(&map, RowReduction::Sum, 2, &[0.0; 2], &mut [0.0; 3]).is_err());
    assert!(row_max_forward(&map, 2, &[0.0; 3], &mut [0.0; 2], &mut [0; 2]).is_err());
    assert!(row_max_forward(&map, 2, &[0.0; 4], &mut [0.0; 2], &mut [0; 3]).is_err());
    assert!(row_max_backward(&map, &[0; 2], 2, &[0.0; 2], &mut [0.0; 3]).is_err());
    assert!(row_max_backward(&map, &[0; 1], 2, &[0.0; 2], &mut [0.0; 4]).is_err());
}

#[test]
fn the_public_point_voxel_operators_agree() {
    for mut golden in golden_files("point_voxel") {
        let (rows, _) = golden.f32s("points_voxel_units");
        let places: Vec<[f32; 3]> = rows.chunks_exact(4).map(|row| [row[0], row[1], row[2]]).collect();
        let sample_of: Vec<i32> = rows.chunks_exact(4).map(|row| row[3] as i32).collect();
        let samples = sample_of.iter().max().map_or(0, |&last| last as usize + 1);
        let points = Points::new(&places, &sample_of, samples).unwrap();
        let quantised = VoxelSet::quantise(&points.cells([1; 3]).unwrap(), samples).unwrap();
        let set = &quantised.set;
        let theirs = golden.coords("vox_coords_xyzb");
        assert_eq!(set.len(), theirs.len());
        let row_of = |&[x, y, z, sample]: &[i32; 4]| set.row_of([sample, x, y, z]).unwrap() as usize;
        let row_of: Vec<usize> = theirs.iter().map(row_of).collect();
        let in_our_order = |values: Vec<f32>| {
            let width = values.len() / theirs.len();
            let mut ours = vec![0.0; values.len()];
            for (&row, values) in row_of.iter().zip(values.chunks_exact(width)) {
                ours[row * width..][..width].copy_from_slice(values);
            }
            ours
        };
        let sums = |map: &RowMap, reduction, x: &[f32]| {
            let channels = x.len() / map.inputs();
            let mut out = vec![0.0; map.outputs() * channels];
            row_sums_forward(map, reduction, channels, x, &mut out).unwrap();
            out
        };
        let near = |found: &[f32], wanted: &[f32], what: &str| {
            let error = relative_error(&wide(found), &wide(wanted));
            println!("{what} differs by {error:.1e}");
            assert!(error <= 1e-5, "{what} differs by {error:e}");
        };
        let voxelise = RowMap::voxelisation_of(&quantised).unwrap();
        let means = sums(&voxelise, RowReduction::Mean, &golden.f32s("feats").0);
        near(&means, &in_our_order(golden.f32s("vox_feats_mean").0), "vox_feats_mean");
        let voxels = in_our_order(golden.f32s("vox_in").0);
        let read = |how| {
            let map = RowMap::devoxelisation(points, set, [1; 3], how).unwrap();
            sums(&map, RowReduction::Sum, &voxels)
        };
        let trilinear = read(Interpolation::Trilinear);
        near(&trilinear, &golden.f32s("devox_trilinear").0, "devox_trilinear");
        near(&read(Interpolation::LowerCorner), &golden.f32s("devox_nearest").0, "devox_nearest");
        let again = sums(&voxelise, RowReduction::Mean, &trilinear);
        near(&again, &in_our_order(golden.f32s("revox_mean").0), "revox_mean");
    }
}
