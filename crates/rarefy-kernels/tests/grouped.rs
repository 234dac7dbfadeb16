//! Convolution in groups and depthwise, and their gradients, against loops over coordinates and central differences,
//! with every instruction set and 1, 2 and 3 threads.

mod common;

use common::{narrow, on_threads, wide, with_every_set};
use rarefy_geometry::KernelMap;
use rarefy_kernels::{
    ChannelGroups, ChannelGroupsError, Element, conv_forward, depthwise_forward, depthwise_input_grad,
    depthwise_weight_grad, group_conv_forward, group_conv_input_grad, group_conv_weight_grad,
};
use rarefy_testkit::{
    NaiveWindow, central_difference, group_conv_by_pairs, group_conv_input_grad_by_pairs,
    group_conv_weight_grad_by_pairs, map_by_hash, random_coords, random_values, relative_error,
};

/// A convolution in groups with random values.
struct Case {
    map: KernelMap,
    channels: (usize, usize),
    groups: usize,
    x: Vec<f64>,
    weights: Vec<f64>,
    grad_out: Vec<f64>,
}

/// Result, input gradient, weight gradient.
type Results<T> = [Vec<T>; 3];

impl Case {
    fn new(map: KernelMap, channels: (usize, usize), groups: usize) -> Self {
        Self {
            x: random_values(map.inputs() * channels.0, 1),
            weights: random_values(map.taps() * channels.0 * channels.1 / groups, 2),
            grad_out: random_values(map.outputs() * channels.1, 3),
            map,
            channels,
            groups,
        }
    }

    fn submanifold(points: usize, side: i32, channels: (usize, usize), groups: usize) -> Self {
        let coords = random_coords(points, 2, side, 7);
        Self::new(map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1)), channels, groups)
    }

    fn zeros<T: Element>(&self) -> Results<T> {
        [self.grad_out.len(), self.x.len(), self.weights.len()].map(|count| vec![T::ZERO; count])
    }

    fn run<T: Element>(&self) -> Results<T> {
        let groups = ChannelGroups::new(self.channels, self.groups).unwrap();
        let (x, weights, grad_out) = (narrow::<T>(&self.x), narrow(&self.weights), narrow(&self.grad_out));
        let [mut out, mut grad_x, mut grad_weights] = self.zeros();
        group_conv_forward(&self.map, &weights, groups, &x, &mut out).unwrap();
        group_conv_input_grad(&self.map, &weights, groups, &grad_out, &mut grad_x).unwrap();
        group_conv_weight_grad(&self.map, groups, &x, &grad_out, &mut grad_weights).unwrap();
        [out, grad_x, grad_weights]
    }

    /// The same by the depthwise kernels; as many groups as channels.
    fn run_depthwise<T: Element>(&self) -> Results<T> {
        let channels = self.groups;
        let (x, weights, grad_out) = (narrow::<T>(&self.x), narrow(&self.weights), narrow(&self.grad_out));
        let [mut out, mut grad_x, mut grad_weights] = self.zeros();
        depthwise_forward(&self.map, &weights, channels, &x, &mut out).unwrap();
        depthwise_input_grad(&self.map, &weights, channels, &grad_out, &mut grad_x).unwrap();
        depthwise_weight_grad(&self.map, channels, &x, &grad_out, &mut grad_weights).unwrap();
        [out, grad_x, grad_weights]
    }

    fn oracle(&self) -> Results<f64> {
        let sizes = (self.channels.0, self.channels.1, self.groups);
        [
            group_conv_by_pairs(&self.map, &self.weights, sizes, &self.x),
            group_conv_input_grad_by_pairs(&self.map, &self.weights, sizes, &self.grad_out),
            group_conv_weight_grad_by_pairs(&self.map, sizes, &self.x, &self.grad_out),
        ]
    }

    fn check(&self, found: &Results<f64>, bound: f64, what: &str) {
        for (part, (found, wanted)) in found.iter().zip(self.oracle()).enumerate() {
            let error = relative_error(found, &wanted);
            let (channels, groups) = (self.channels, self.groups);
            assert!(error <= bound, "{what}, channels {channels:?} in {groups} groups, part {part}: {error:e}");
        }
    }
}

fn in_f64(results: Results<f32>) -> Results<f64> {
    results.map(|values| wide(&values))
}

#[test]
fn groups_give_what_loops_over_pairs_give() {
    for (channels, groups) in
        [((4, 6), 2), ((6, 3), 3), ((32, 64), 2), ((64, 32), 4), ((40, 40), 40), ((51, 34), 17), ((5, 7), 1)]
    {
        let case = Case::submanifold(150, 8, channels, groups);
        with_every_set(|set| {
            case.check(&case.run::<f64>(), 1e-13, &set.to_string());
            case.check(&in_f64(case.run::<f32>()), 1e-6, &set.to_string());
        });
    }
    let window = NaiveWindow { padding: [1, 0, 1], ..NaiveWindow::cubic(3, 2) };
    let map = map_by_hash(&random_coords(300, 2, 12, 5), &random_coords(200, 2, 6, 6), &window);
    let case = Case::new(map, (12, 20), 4);
    with_every_set(|_| case.check(&case.run::<f64>(), 1e-13, "strided"));
}

#[test]
fn the_depthwise_kernels_give_what_loops_over_pairs_give() {
    for channels in [1, 3, 16, 40] {
        let case = Case::submanifold(150, 8, (channels, channels), channels);
        with_every_set(|set| {
            case.check(&case.run_depthwise::<f64>(), 1e-13, &set.to_string());
            case.check(&in_f64(case.run_depthwise::<f32>()), 1e-6, &set.to_string());
        });
    }
    Case::submanifold(6000, 24, (33, 33), 33).check(
        &in_f64(Case::submanifold(6000, 24, (33, 33), 33).run_depthwise::<f32>()),
        1e-6,
        "many tiles",
    );
}

#[test]
fn one_group_is_the_plain_convolution_to_the_bit() {
    let case = Case::submanifold(400, 10, (20, 24), 1);
    let mut out = vec![0.0_f32; case.grad_out.len()];
    conv_forward(&case.map, &narrow(&case.weights), case.channels, &narrow(&case.x), &mut out).unwrap();
    assert_eq!(case.run::<f32>()[0], out);
}

#[test]
fn gradients_are_central_differences() {
    for (channels, groups) in [((4, 6), 2), ((3, 3), 3)] {
        let case = Case::submanifold(12, 3, channels, groups);
        let sizes = ChannelGroups::new(channels, groups).unwrap();
        let loss = |x: &[f64], weights: &[f64]| -> f64 {
            let mut out = vec![0.0; case.grad_out.len()];
            group_conv_forward(&case.map, weights, sizes, x, &mut out).unwrap();
            out.iter().zip(&case.grad_out).map(|(out, grad)| out * grad).sum()
        };
        let by_x = central_difference(|x| loss(x, &case.weights), &case.x, 1e-4);
        let by_weights = central_difference(|weights| loss(&case.x, weights), &case.weights, 1e-4);
        with_every_set(|_| {
            let [_, grad_x, grad_weights] = if groups == 3 { case.run_depthwise() } else { case.run() };
            assert!(relative_error(&grad_x, &by_x) <= 1e-6);
            assert!(relative_error(&grad_weights, &by_weights) <= 1e-6);
        });
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let case = Case::submanifold(6000, 24, (32, 32), 4);
    let depthwise = Case::submanifold(6000, 24, (33, 33), 33);
    with_every_set(|set| {
        let bits = |threads| {
            on_threads(threads, || {
                let run = || [case.run::<f32>(), depthwise.run_depthwise::<f32>()].concat().concat();
                set.force(run).unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>()
            })
        };
        let one = bits(1);
        assert!(one == bits(2) && one == bits(3), "{set}");
    });
}

#[test]
fn empty_maps_add_nothing_and_bad_sizes_are_errors() {
    let nothing = Case::new(map_by_hash(&[], &[], &NaiveWindow::cubic(3, 1)), (4, 4), 2);
    nothing.check(&nothing.run::<f64>(), 0.0, "no voxels");
    let no_inputs = Case::new(map_by_hash(&[], &[[0; 4]], &NaiveWindow::cubic(2, 1)), (4, 4), 4);
    no_inputs.check(&no_inputs.run::<f64>(), 0.0, "no inputs");
    no_inputs.check(&no_inputs.run_depthwise::<f64>(), 0.0, "no inputs");
    let no_channels = Case::new(KernelMap::identity(3), (0, 4), 2);
    no_channels.check(&no_channels.run::<f64>(), 0.0, "no channels in");

    for (channels, groups) in [((4, 6), 4), ((6, 4), 4), ((4, 4), 0)] {
        assert_eq!(ChannelGroups::new(channels, groups), Err(ChannelGroupsError { channels, groups }));
    }
    let map = KernelMap::identity(2);
    let groups = ChannelGroups::new((2, 4), 2).unwrap();
    assert!(group_conv_forward(&map, &[0.0; 8], groups, &[0.0; 4], &mut [0.0; 8]).is_err(), "four weights");
    assert!(group_conv_forward(&map, &[0.0; 4], groups, &[0.0; 3], &mut [0.0; 8]).is_err(), "an input is missing");
    assert!(group_conv_input_grad(&map, &[0.0; 4], groups, &[0.0; 7], &mut [0.0; 4]).is_err());
    assert!(group_conv_weight_grad(&map, groups, &[0.0; 4], &[0.0; 8], &mut [0.0; 5]).is_err());
    assert!(depthwise_forward(&map, &[0.0; 3], 2, &[0.0; 4], &mut [0.0; 4]).is_err());
    assert!(depthwise_input_grad(&map, &[0.0; 2], 2, &[0.0; 5], &mut [0.0; 4]).is_err());
    assert!(depthwise_weight_grad(&map, 2, &[0.0; 4], &[0.0; 3], &mut [0.0; 2]).is_err());
}
