//! What the operators promise of each other, and how often geometry is built.
//! Not tested here: values against dense oracles, which the kernels' own suites do for every window.

mod common;

use common::{coords, host, sparse, tensor, values};
use rarefy_sparse::{Interpolation, OutputRule, PointCloud, Reduction, SparseError, SparseTensor, Window};

const GRID: [i32; 3] = [7, 6, 5];

fn a_tensor(channels: usize) -> SparseTensor {
    let coords = coords(30, 2, GRID, 1);
    sparse(&coords, 2, GRID, tensor(&values(coords.len() * channels, 2), [coords.len(), channels]))
}

fn close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
}

#[test]
fn an_inverse_convolution_is_the_adjoint_of_the_convolution() {
    let x = a_tensor(3);
    let window = Window { padding: [1; 3], ..Window::cubic(3, 2) };
    for rule in [OutputRule::Floor, OutputRule::Spread { clip: None }, OutputRule::Spread { clip: Some(GRID) }] {
        let weights = tensor(&values(27 * 3 * 2, 3), [27, 3, 2]);
        let y = x.convolution(weights.clone(), &window, rule).unwrap();
        let other = y.with_other_values(5);
        let back = other.inverse_convolution(weights.swap_dims(1, 2), &window, &x).unwrap();
        let product = |a: &SparseTensor, b: &SparseTensor| host((a.features() * b.features()).sum())[0];
        assert!((product(&y, &other) - product(&x, &back)).abs() < 1e-9, "{rule:?}");
    }
}

/// The same voxels with other values.
trait WithOtherValues {
    fn with_other_values(&self, seed: u64) -> Self;
}

impl WithOtherValues for SparseTensor {
    fn with_other_values(&self, seed: u64) -> Self {
        let [rows, channels] = self.features().dims();
        let other = tensor(&values(rows * channels, seed), [rows, channels]);
        // Drop-out of nothing keeps the voxels; the sum replaces the values.
        let zero = self.drop_out(0.0, 1).unwrap();
        let gamma = tensor(&vec![0.0; channels], [channels]);
        let nothing = zero.layer_norm(gamma.clone(), gamma, 1.0);
        let added = SparseTensor::unbounded(self.voxels().coords(), self.voxels().samples(), other).unwrap();
        nothing.add(&self.on_own_voxels(&added)).unwrap()
    }
}

trait OnOwnVoxels {
    fn on_own_voxels(&self, values: &SparseTensor) -> SparseTensor;
}

impl OnOwnVoxels for SparseTensor {
    /// The values of the same voxels in a set of its own, moved onto this tensor's set by a window of one cell.
    fn on_own_voxels(&self, values: &SparseTensor) -> SparseTensor {
        values.unpool(&Window::cubic(1, 1), self).unwrap()
    }
}

#[test]
fn depthwise_and_one_group_are_what_their_names_say() {
    let x = a_tensor(4);
    let weights = values(27 * 4, 3);
    let depthwise = x.submanifold_group_convolution(tensor(&weights, [27, 4, 1, 1]), [3; 3], [1; 3]).unwrap();
    let mut full = vec![0.0; 27 * 16];
    for tap in 0..27 {
        for channel in 0..4 {
            full[tap * 16 + channel * 5] = weights[tap * 4 + channel];
        }
    }
    let plain = x.submanifold_convolution(tensor(&full, [27, 4, 4]), [3; 3]).unwrap();
    close(&host(depthwise.features()), &host(plain.features()));
    let one = x.submanifold_group_convolution(tensor(&full, [27, 1, 4, 4]), [3; 3], [1; 3]).unwrap();
    close(&host(one.features()), &host(plain.features()));
}

#[test]
fn voxelising_points_at_voxel_corners_gives_them_back() {
    let x = a_tensor(2);
    let places = x.voxels().coords().iter().map(|coord| [coord[1] as f32, coord[2] as f32, coord[3] as f32]).collect();
    let sample_of = x.voxels().coords().iter().map(|coord| coord[0]).collect();
    let cloud = PointCloud::new(places, sample_of, 2).unwrap();
    for interpolation in [Interpolation::Trilinear, Interpolation::LowerCorner, Interpolation::Cell] {
        let points = x.devoxelise(&cloud, [1; 3], interpolation).unwrap();
        let apart: f64 = host((points.clone() - x.features()).abs().max())[0];
        assert!(apart < 1e-7, "{interpolation:?}: {apart}");
        let back = SparseTensor::voxelise(&cloud, points, [1; 3], Reduction::Mean).unwrap();
        assert_eq!(back.voxels().coords(), x.voxels().coords());
    }
}

#[test]
fn average_pooling_of_ones_is_one_and_with_absent_voxels_their_share() {
    let coords = coords(30, 2, GRID, 1);
    let x = sparse(&coords, 2, GRID, tensor(&vec![1.0; coords.len()], [coords.len(), 1]));
    let window = Window::cubic(2, 2);
    assert!(
        host(x.average_pool(&window, OutputRule::Floor, false).unwrap().features())
            .iter()
            .all(|&v| (v - 1.0).abs() < 1e-12)
    );
    let (sum, share) = (x.sum_pool(&window, OutputRule::Floor), x.average_pool(&window, OutputRule::Floor, true));
    close(&host(sum.unwrap().features() / 8.0), &host(share.unwrap().features()));
}

#[test]
fn generated_voxels_stay_inside_the_grid_that_is_given() {
    let x = a_tensor(1);
    let weights = tensor(&values(27, 3), [27, 1, 1]);
    let window = Window { padding: [1; 3], ..Window::cubic(3, 2) };
    let free = x.generative_convolution(weights.clone(), &window, None).unwrap();
    assert!(free.grid().is_none() && free.voxels().coords().iter().any(|coord| coord[1] < 0));
    let clipped = x.generative_convolution(weights, &window, Some([9, 9, 9])).unwrap();
    assert!(clipped.voxels().coords().iter().all(|coord| coord[1..].iter().all(|&at| (0..9).contains(&at))));
    assert!(clipped.voxels().len() < free.voxels().len());
}

#[test]
fn each_geometry_of_a_pass_is_built_once() {
    let x = a_tensor(2);
    let window = Window { padding: [1; 3], ..Window::cubic(3, 2) };
    let pass = |x: &SparseTensor| {
        let weights = || tensor(&values(27 * 2 * 2, 3), [27, 2, 2]);
        let x1 = x.submanifold_convolution(weights(), [3; 3]).unwrap();
        let x2 = x1.submanifold_convolution(weights(), [3; 3]).unwrap();
        let down = x2.convolution(weights(), &window, OutputRule::Floor).unwrap();
        let pooled = x2.sum_pool(&window, OutputRule::Floor).unwrap();
        let largest = x2.max_pool_active(&window, OutputRule::Floor).unwrap();
        // All three lie on the same set.
        let sum = down.add(&pooled).unwrap().add(&largest).unwrap().submanifold_convolution(weights(), [3; 3]).unwrap();
        let up = sum.inverse_convolution(weights(), &window, &x2).unwrap();
        up.concatenate(&x1).unwrap()
    };
    let y = pass(&x);
    // Submanifold maps of both levels, the outputs of the window, its map, its sums, its maxima.
    assert_eq!(y.cache().built(), 6);
    pass(&x);
    assert_eq!(y.cache().built(), 6);
    assert!(std::ptr::eq(y.cache().as_ref(), x.cache().as_ref()));
}

#[test]
fn points_are_looked_up_once_a_stride() {
    let x = a_tensor(2);
    let cloud = PointCloud::new(vec![[0.5, 1.5, 2.5]; 9], vec![1; 9], 2).unwrap();
    for _ in 0..3 {
        let points = x.devoxelise(&cloud, [1; 3], Interpolation::Trilinear).unwrap();
        x.voxelise_onto(&cloud, points, [1; 3], Reduction::First).unwrap();
    }
    // The trilinear map, the points of each voxel, and the first of them.
    assert_eq!(x.cache().built(), 3);
}

#[test]
fn a_cloud_that_was_voxelised_is_not_looked_up_again() {
    let places: Vec<[f32; 3]> = (0..40).map(|point| [0.3 * point as f32, -0.2 * point as f32, 1.5]).collect();
    let cloud = PointCloud::new(places, vec![0; 40], 1).unwrap();
    let features = tensor(&values(40 * 2, 1), [40, 2]);
    let x = SparseTensor::voxelise(&cloud, features.clone(), [2; 3], Reduction::Mean).unwrap();
    // The voxels and the points of each.
    assert_eq!(x.cache().built(), 2);
    let again = x.voxelise_onto(&cloud, features.clone(), [2; 3], Reduction::Mean).unwrap();
    assert_eq!(x.cache().built(), 2);
    close(&host(again.features()), &host(x.features()));
    // The same from a map that is looked up: the set alone, without its cloud.
    let bare = SparseTensor::unbounded(x.voxels().coords(), 1, x.features()).unwrap();
    let looked_up = bare.voxelise_onto(&cloud, features, [2; 3], Reduction::Mean).unwrap();
    close(&host(looked_up.features()), &host(x.features()));
}

#[test]
fn drop_out_follows_its_seed_and_keeps_the_mean() {
    let coords = coords(200, 2, [20; 3], 1);
    let x = sparse(&coords, 2, [20; 3], tensor(&vec![1.0; coords.len() * 8], [coords.len(), 8]));
    let dropped = |seed| host(x.drop_out(0.25, seed).unwrap().features());
    assert_eq!(dropped(1), dropped(1));
    assert_ne!(dropped(1), dropped(2));
    let mean = dropped(1).iter().sum::<f64>() / (coords.len() * 8) as f64;
    assert!((mean - 1.0).abs() < 0.05, "{mean}");
}

#[test]
fn arguments_that_do_not_fit_are_errors() {
    let x = a_tensor(4);
    let cloud = PointCloud::new(vec![[0.0; 3]; 3], vec![0; 3], 2).unwrap();
    let rows = tensor(&[0.0; 8], [2, 4]);
    let wrong = SparseTensor::voxelise(&cloud, rows, [1; 3], Reduction::Mean);
    assert!(matches!(wrong, Err(SparseError::PointMismatch { rows: 2, points: 3 })));
    assert!(matches!(x.drop_out(1.0, 1), Err(SparseError::DropOut { .. })));
    assert!(matches!(x.drop_out(f64::NAN, 1), Err(SparseError::DropOut { .. })));
    let weights = tensor(&[0.0; 27 * 3 * 2], [27, 3, 1, 2]);
    assert!(matches!(
        x.submanifold_group_convolution(weights, [3; 3], [1; 3]),
        Err(SparseError::ChannelMismatch { expected: 3, got: 4 })
    ));
    let weights = tensor(&[0.0; 8 * 4], [8, 4, 1]);
    let window = Window { stride: [0; 3], ..Window::cubic(2, 2) };
    assert!(matches!(x.convolution(weights.clone(), &window, OutputRule::Floor), Err(SparseError::Geometry(_))));
    let free = SparseTensor::unbounded(&[[0, -5, 2, 3]], 1, tensor(&[1.0; 4], [1, 4])).unwrap();
    assert!(matches!(free.to_dense(), Err(SparseError::NoGrid)));
    assert!(matches!(free.add(&x), Err(SparseError::SetMismatch)));
    assert!(PointCloud::new(vec![[f32::NAN; 3]], vec![0], 1).is_err());
    assert!(PointCloud::new(vec![[1e30; 3]], vec![0], 1).is_err());
    assert!(PointCloud::new(vec![[0.0; 3]], vec![3], 1).is_err());
    let one = free.devoxelise(&cloud, [1; 3], Interpolation::Cell);
    assert!(matches!(one, Err(SparseError::Geometry(_))), "a batch of one meets a batch of two");
}
