//! Compiled networks against the same layers one by one: the same bits where nothing is folded, 1e-5 where a batch norm is,
//! with every instruction set; geometry after geometry in the same buffers.

mod common;

use std::sync::Arc;

use common::{narrow, on_threads, with_every_set};
use rarefy_geometry::{KernelMap, OutputRule, VoxelSet, Window, output_voxels};
use rarefy_kernels::{
    CompiledError, CompiledNetwork, ConvLayer, Element, NetworkBuilder, Place, Session, conv_forward,
    leaky_relu_forward,
};
use rarefy_testkit::{random_coords, random_values, relative_error};

const HALF: Window = Window { size: [2; 3], stride: [2; 3], dilation: [1; 3], padding: [0; 3] };

fn voxels(points: usize, seed: u64) -> Arc<VoxelSet> {
    Arc::new(VoxelSet::new(&random_coords(points, 2, 14, seed), 2).unwrap())
}

fn values<T: Element>(count: usize, seed: u64) -> Vec<T> {
    narrow(&random_values(count, seed))
}

/// Weights and bias of a layer.
struct Layer<T> {
    taps: usize,
    channels: (usize, usize),
    weights: Vec<T>,
    bias: Vec<T>,
}

impl<T: Element> Layer<T> {
    fn new(taps: usize, channels: (usize, usize), seed: u64) -> Self {
        let scale = T::from_f64(1.0 / (channels.0 as f64 * taps as f64).sqrt());
        let weights =
            values::<T>(taps * channels.0 * channels.1, seed).into_iter().map(|value| value * scale).collect();
        Self { taps, channels, weights, bias: values(channels.1, seed + 50) }
    }

    fn compiled(&self) -> ConvLayer<T> {
        ConvLayer::new(self.weights.clone(), self.channels).unwrap().with_bias(&self.bias).unwrap()
    }

    /// Convolution, bias, residual and ReLU, each in a pass of its own.
    fn apply(&self, map: &KernelMap, x: &[T], residual: Option<&[T]>) -> Vec<T> {
        assert_eq!(map.taps(), self.taps);
        let mut sums = vec![T::ZERO; map.outputs() * self.channels.1];
        conv_forward(map, &self.weights, self.channels, x, &mut sums).unwrap();
        for (place, sum) in sums.iter_mut().enumerate() {
            *sum += self.bias[place % self.channels.1];
            *sum = residual.map_or(*sum, |residual| *sum + residual[place]);
        }
        let mut out = sums.clone();
        leaky_relu_forward(T::from_f64(0.1), &sums, &mut out).unwrap();
        out
    }
}

/// A small U: stem, residual block, down, block, up, concatenation, head.
struct UNet<T> {
    layers: [Layer<T>; 7],
}

impl<T: Element> UNet<T> {
    fn new() -> Self {
        let sizes = [(27, 3, 8), (27, 8, 8), (27, 8, 8), (8, 8, 17), (27, 17, 17), (8, 17, 12), (1, 20, 5)];
        let mut seed = 0;
        Self {
            layers: sizes.map(|(taps, c_in, c_out)| {
                seed += 1;
                Layer::new(taps, (c_in, c_out), seed)
            }),
        }
    }

    fn compiled(&self) -> CompiledNetwork<T> {
        let [stem, first, second, down, inner, up, head] =
            self.layers.each_ref().map(|layer| layer.compiled().with_activation(T::from_f64(0.1)));
        let mut net = NetworkBuilder::new(3);
        let near = Place::submanifold([3; 3]);
        let x = net.convolve(net.input(), near, stem, None).unwrap();
        let y = net.convolve(x, near, first, None).unwrap();
        let fine = net.convolve(y, near, second, Some(x)).unwrap();
        let z = net.convolve(fine, Place::Strided(HALF, OutputRule::Floor), down, None).unwrap();
        let z = net.convolve(z, near, inner, Some(z)).unwrap();
        let back = net.convolve(z, Place::Inverse(HALF, fine), up, None).unwrap();
        let both = net.concatenate(&[back, fine]).unwrap();
        let out = net.convolve(both, Place::submanifold([1; 3]), head, None).unwrap();
        net.build(out).unwrap()
    }

    fn layer_by_layer(&self, voxels: &VoxelSet, features: &[T]) -> Vec<T> {
        let [stem, first, second, down, inner, up, head] = &self.layers;
        let coarse = output_voxels(voxels, &HALF, OutputRule::Floor).unwrap();
        let near = KernelMap::submanifold(voxels, [3; 3], [1; 3]).unwrap();
        let halving = KernelMap::build(voxels, &coarse, &HALF).unwrap();
        let x = stem.apply(&near, features, None);
        let fine = second.apply(&near, &first.apply(&near, &x, None), Some(&x));
        let z = down.apply(&halving, &fine, None);
        let z = inner.apply(&KernelMap::submanifold(&coarse, [3; 3], [1; 3]).unwrap(), &z, Some(&z));
        let back = up.apply(halving.transposed(), &z, None);
        let both: Vec<T> = back.chunks(12).zip(fine.chunks(8)).flat_map(|(back, fine)| [back, fine].concat()).collect();
        head.apply(&KernelMap::identity(voxels.len()), &both, None)
    }
}

fn compiled_is_layer_by_layer<T: Element>() {
    let network = UNet::<T>::new();
    let mut session = Session::new(Arc::new(network.compiled()));
    // A small cloud after a large one leaves the ends of the buffers unused; then the large one again.
    let clouds = [voxels(900, 1), voxels(40, 2), voxels(900, 1), Arc::new(VoxelSet::new(&[], 2).unwrap())];
    for (number, voxels) in clouds.iter().enumerate() {
        let features = values::<T>(voxels.len() * 3, 9);
        let wanted = network.layer_by_layer(voxels, &features);
        for pass in 0..2 {
            let output = session.run(voxels, &features).unwrap();
            assert!(Arc::ptr_eq(output.voxels, voxels));
            assert!(output.features == wanted, "cloud {number}, pass {pass}");
        }
    }
}

#[test]
fn a_compiled_network_gives_the_bits_of_its_layers_on_one_cloud_after_another() {
    with_every_set(|_| {
        compiled_is_layer_by_layer::<f32>();
        compiled_is_layer_by_layer::<f64>();
    });
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (network, cloud) = (Arc::new(UNet::<f32>::new().compiled()), voxels(2500, 3));
    let features = values::<f32>(cloud.len() * 3, 9);
    let bits = |threads| {
        on_threads(threads, || {
            let mut session = Session::new(Arc::clone(&network));
            let output = session.run(&cloud, &features).unwrap();
            output.features.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        })
    };
    let one = bits(1);
    assert!(one == bits(2) && one == bits(3));
}

#[test]
fn values_that_are_dead_lend_their_buffers() {
    let network = UNet::<f32>::new().compiled();
    let cloud = voxels(900, 1);
    let coarse = output_voxels(&cloud, &HALF, OutputRule::Floor).unwrap();
    let mut session = Session::new(Arc::new(network));
    session.run(&cloud, &values(cloud.len() * 3, 9)).unwrap();
    let all_values = 4 * (cloud.len() * (8 * 3 + 12 + 20 + 5) + coarse.len() * 17 * 2);
    // Alive at once: the fine branch, the way back and both behind each other; all else fits into what is dead by then.
    let alive = 4 * cloud.len() * (8 + 12 + 20);
    assert!((alive..all_values * 3 / 4).contains(&session.buffer_bytes()), "{}", session.buffer_bytes());
}

#[test]
fn a_folded_batch_norm_is_near_the_norm_behind_the_convolution() {
    let (cloud, channels) = (voxels(600, 4), (16, 24));
    let map = KernelMap::submanifold(&cloud, [3; 3], [1; 3]).unwrap();
    let (x, weights) = (values::<f32>(cloud.len() * 16, 1), values::<f32>(27 * 16 * 24, 2));
    let [gamma, beta, mean, bias] = [3, 4, 5, 7].map(|seed| values::<f32>(24, seed));
    let var: Vec<f32> = values::<f32>(24, 6).into_iter().map(|value| value * value + 0.1).collect();
    let mut wanted = vec![0.0; cloud.len() * 24];
    conv_forward(&map, &weights, channels, &x, &mut wanted).unwrap();
    for (place, value) in wanted.iter_mut().enumerate() {
        let c = place % 24;
        *value = ((*value + bias[c] - mean[c]) / (var[c] + 1e-3).sqrt() * gamma[c] + beta[c]).max(0.0);
    }
    let layer = ConvLayer::new(weights, channels).unwrap().with_bias(&bias).unwrap();
    let layer = layer.with_batch_norm(&gamma, &beta, &mean, &var, 1e-3).unwrap().with_activation(0.0);
    let mut net = NetworkBuilder::new(16);
    let out = net.convolve(net.input(), Place::submanifold([3; 3]), layer, None).unwrap();
    let mut session = Session::new(Arc::new(net.build(out).unwrap()));
    let found = session.run(&cloud, &x).unwrap();
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
    assert!(relative_error(&wide(found.features), &wide(&wanted)) < 1e-5);
}

#[test]
fn what_does_not_fit_together_is_an_error() {
    let layer =
        |taps: usize, c_in: usize, c_out: usize| ConvLayer::new(vec![1.0_f32; taps * c_in * c_out], (c_in, c_out));
    assert!(layer(0, 2, 2).is_err() && ConvLayer::new(vec![1.0_f32; 5], (2, 2)).is_err());
    assert!(layer(1, 2, 2).unwrap().with_bias(&[0.0]).is_err());
    let mut net = NetworkBuilder::new(2);
    let (input, near) = (net.input(), Place::submanifold([3; 3]));
    let mut add = |layer: ConvLayer<f32>, place, residual| net.convolve(input, place, layer, residual);
    assert_eq!(add(layer(27, 3, 2).unwrap(), near, None), Err(CompiledError::Channels { expected: 3, got: 2 }));
    assert_eq!(add(layer(8, 2, 2).unwrap(), near, None), Err(CompiledError::Taps { expected: 27, got: 8 }));
    assert_eq!(add(layer(27, 2, 4).unwrap(), near, Some(input)), Err(CompiledError::Elsewhere));
    let down = Place::Strided(HALF, OutputRule::Floor);
    assert_eq!(add(layer(8, 2, 2).unwrap(), down, Some(input)), Err(CompiledError::Elsewhere));
    let out = add(layer(27, 2, 2).unwrap(), near, None).unwrap();
    let impossible = Window { stride: [0; 3], ..HALF };
    let strided = add(layer(8, 2, 2).unwrap(), Place::Strided(impossible, OutputRule::Floor), None).unwrap();
    assert_eq!(net.concatenate(&[out, strided]), Err(CompiledError::Elsewhere));
    assert_eq!(net.concatenate(&[]), Err(CompiledError::NoSuchValue));
    let mut session = Session::new(Arc::new(net.build(strided).unwrap()));
    let cloud = voxels(5, 1);
    assert!(matches!(session.run(&cloud, &[1.0]), Err(CompiledError::Shape(_))));
    assert!(matches!(session.run(&cloud, &vec![1.0; cloud.len() * 2]), Err(CompiledError::Geometry(_))));
    let empty = NetworkBuilder::<f32>::new(2);
    let input = empty.input();
    assert_eq!(empty.build(input).err(), Some(CompiledError::NoSuchValue));
}
