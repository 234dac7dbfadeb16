//! Convolution and its gradients against loops over pairs and coordinates, against central differences, with every
//! instruction set and 1, 2 and 3 threads. Rows come in any order here; maps from the block index are tested in
//! `golden.rs` and in rarefy-sparse.

mod common;

use common::{narrow, on_threads, wide, with_every_set};
use rarefy_geometry::KernelMap;
use rarefy_kernels::{Element, InstructionSet, conv_forward, conv_input_grad, conv_weight_grad};
use rarefy_testkit::{
    NaiveWindow, central_difference, conv_by_pairs, conv_input_grad_by_pairs, conv_weight_grad_by_pairs, map_by_hash,
    random_coords, random_values, relative_error, sparse_convolution,
};

/// A convolution with random values.
struct Case {
    map: KernelMap,
    channels: (usize, usize),
    x: Vec<f64>,
    weights: Vec<f64>,
    grad_out: Vec<f64>,
}

/// Result, input gradient, weight gradient.
type Results<T> = (Vec<T>, Vec<T>, Vec<T>);

impl Case {
    fn new(map: KernelMap, channels: (usize, usize)) -> Self {
        Self {
            x: random_values(map.inputs() * channels.0, 1),
            weights: random_values(map.taps() * channels.0 * channels.1, 2),
            grad_out: random_values(map.outputs() * channels.1, 3),
            map,
            channels,
        }
    }

    fn submanifold(points: usize, side: i32, channels: (usize, usize)) -> Self {
        let coords = random_coords(points, 2, side, 7);
        Self::new(map_by_hash(&coords, &coords, &NaiveWindow::centred(3, 1)), channels)
    }

    fn run<T: Element>(&self) -> Results<T> {
        let (x, weights, grad_out) = (narrow::<T>(&self.x), narrow(&self.weights), narrow(&self.grad_out));
        let mut out = vec![T::ZERO; grad_out.len()];
        conv_forward(&self.map, &weights, self.channels, &x, &mut out).unwrap();
        let mut grad_x = vec![T::ZERO; x.len()];
        conv_input_grad(&self.map, &weights, self.channels, &grad_out, &mut grad_x).unwrap();
        let mut grad_weights = vec![T::ZERO; weights.len()];
        conv_weight_grad(&self.map, self.channels, &x, &grad_out, &mut grad_weights).unwrap();
        (out, grad_x, grad_weights)
    }

    fn oracle(&self) -> Results<f64> {
        (
            conv_by_pairs(&self.map, &self.weights, self.channels, &self.x),
            conv_input_grad_by_pairs(&self.map, &self.weights, self.channels, &self.grad_out),
            conv_weight_grad_by_pairs(&self.map, self.channels, &self.x, &self.grad_out),
        )
    }

    fn check(&self, what: &str) {
        let (out, grad_x, grad_weights) = self.oracle();
        let near = |found: &[f64], wanted: &[f64], bound: f64, part: &str| {
            let error = relative_error(found, wanted);
            assert!(error <= bound, "{what}, channels {:?}, {part}: relative error {error:e}", self.channels);
        };
        let found = self.run::<f64>();
        near(&found.0, &out, 1e-13, "f64 result");
        near(&found.1, &grad_x, 1e-13, "f64 input gradient");
        near(&found.2, &grad_weights, 1e-13, "f64 weight gradient");
        let found = self.run::<f32>();
        near(&wide(&found.0), &out, 1e-6, "f32 result");
        near(&wide(&found.1), &grad_x, 1e-6, "f32 input gradient");
        near(&wide(&found.2), &grad_weights, 1e-6, "f32 weight gradient");
    }
}

#[test]
fn any_channel_count_gives_what_loops_over_pairs_give() {
    let counts = [1, 3, 7, 17, 32, 40, 65, 192];
    with_every_set(|set| {
        for (index, &c_in) in counts.iter().enumerate() {
            for c_out in [counts[index], counts[(index + 3) % counts.len()], 16, 64] {
                Case::submanifold(150, 8, (c_in, c_out)).check(&set.to_string());
            }
        }
    });
}

#[test]
fn a_strided_map_gives_what_loops_over_coordinates_give() {
    let inputs = random_coords(300, 2, 12, 5);
    let outputs = random_coords(200, 2, 6, 6);
    for (size, stride) in [(1, 1), (2, 2), (3, 2), (5, 3)] {
        let window = NaiveWindow { padding: [1, 0, 1], dilation: [1, 2, 1], ..NaiveWindow::cubic(size, stride) };
        with_every_set(|set| {
            let case = Case::new(map_by_hash(&inputs, &outputs, &window), (5, 20));
            case.check(&format!("{set}, size {size}, stride {stride}"));
            let wanted = sparse_convolution((&inputs, &case.x), &outputs, &window, &case.weights, case.channels);
            assert!(relative_error(&case.run::<f64>().0, &wanted) <= 1e-13);
        });
    }
}

#[test]
fn gradients_are_central_differences() {
    let case = Case::submanifold(12, 3, (3, 5));
    let loss = |x: &[f64], weights: &[f64]| -> f64 {
        let mut out = vec![0.0; case.grad_out.len()];
        conv_forward(&case.map, weights, case.channels, x, &mut out).unwrap();
        out.iter().zip(&case.grad_out).map(|(out, grad)| out * grad).sum()
    };
    with_every_set(|_| {
        let (_, grad_x, grad_weights) = case.run::<f64>();
        let wanted = central_difference(|x| loss(x, &case.weights), &case.x, 1e-4);
        assert!(relative_error(&grad_x, &wanted) <= 1e-6);
        let wanted = central_difference(|weights| loss(&case.x, weights), &case.weights, 1e-4);
        assert!(relative_error(&grad_weights, &wanted) <= 1e-6);
    });
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for channels in [(16, 24), (96, 160)] {
        let case = Case::submanifold(6000, 24, channels);
        with_every_set(|set| {
            let bits = |threads| {
                let (out, grad_x, grad_weights) =
                    on_threads(threads, || set.force(|| case.run::<f32>()).expect("the set is available"));
                [out, grad_x, grad_weights].map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            };
            let one = bits(1);
            assert!(one == bits(2), "{set}: two threads differ from one");
            assert!(one == bits(3), "{set}: three threads differ from one");
        });
    }
}

#[test]
fn large_cases_with_many_tiles_and_chunks_are_right() {
    Case::submanifold(6000, 24, (16, 24)).check("6000 voxels");
    Case::submanifold(1500, 14, (96, 160)).check("1500 voxels");
    Case::submanifold(300, 8, (130, 258)).check("300 voxels");
}

#[test]
fn results_are_added_to_what_is_there() {
    let case = Case::submanifold(60, 5, (4, 6));
    let (out, grad_x, grad_weights) = case.run::<f64>();
    let mut twice = (out.clone(), grad_x.clone(), grad_weights.clone());
    conv_forward(&case.map, &case.weights, case.channels, &case.x, &mut twice.0).unwrap();
    conv_input_grad(&case.map, &case.weights, case.channels, &case.grad_out, &mut twice.1).unwrap();
    conv_weight_grad(&case.map, case.channels, &case.x, &case.grad_out, &mut twice.2).unwrap();
    for (twice, once) in [(twice.0, out), (twice.1, grad_x), (twice.2, grad_weights)] {
        let double: Vec<f64> = once.iter().map(|value| 2.0 * value).collect();
        assert!(relative_error(&twice, &double) <= 1e-13);
    }
}

#[test]
fn empty_maps_add_nothing() {
    with_every_set(|_| {
        Case::new(map_by_hash(&[], &[], &NaiveWindow::cubic(3, 1)), (4, 4)).check("no voxels");
        Case::new(map_by_hash(&[], &[[0; 4]], &NaiveWindow::cubic(2, 1)), (4, 4)).check("no inputs");
        Case::new(map_by_hash(&[[0; 4]], &[], &NaiveWindow::cubic(2, 1)), (4, 4)).check("no outputs");
        Case::new(KernelMap::identity(3), (0, 4)).check("no channels in");
        Case::new(KernelMap::identity(3), (4, 0)).check("no channels out");
    });
}

#[test]
#[should_panic(expected = "does not exist")]
fn a_map_that_reads_past_the_input_is_refused() {
    let map = KernelMap::from_parts(2, 2, std::iter::once(0..2).collect(), vec![0, 2], vec![0, 1], false);
    InstructionSet::Portable.force(|| conv_forward(&map, &[1.0], (1, 1), &[1.0, 1.0], &mut [0.0; 2]).unwrap()).unwrap();
}

#[test]
#[should_panic(expected = "does not exist")]
fn a_map_that_writes_past_the_output_is_refused() {
    let map = KernelMap::from_parts(2, 2, std::iter::once(0..2).collect(), vec![0, 2], vec![0, 1], false);
    conv_weight_grad(&map, (1, 1), &[1.0, 1.0], &[1.0; 2], &mut [0.0]).unwrap();
}

#[test]
fn weights_beyond_the_buffers_are_worked_off_in_parts() {
    let coords = random_coords(6, 1, 3, 2);
    let window = NaiveWindow::centred(7, 1);
    Case::new(map_by_hash(&coords, &coords, &window), (200, 130)).check("343 taps");
}
