//! Inference with weights in pairs: against the oracle, against plain `bf16`, and between numbers of threads.

mod common;

use common::{narrow, on_threads};
use rarefy_geometry::{KernelMap, OutputRule, VoxelSet, Window, output_voxels};
use rarefy_kernels::{
    ConvPlan, Epilogue, InstructionSet, PackedWeights, PairedWeights, Storage, bf16, conv_inference,
    conv_inference_paired,
};
use rarefy_testkit::{conv_by_pairs, random_coords, random_values, relative_error};

/// A layer with everything that an epilogue can have.
struct Layer {
    map: KernelMap,
    channels: (usize, usize),
    /// Values of `bf16`.
    weights: Vec<f32>,
    x: Vec<bf16>,
    residual: Vec<bf16>,
    shift: Vec<f32>,
}

fn rounded(count: usize, seed: u64) -> Vec<bf16> {
    random_values(count, seed).into_iter().map(|value| bf16::narrow(value as f32)).collect()
}

fn wide(values: &[bf16]) -> Vec<f64> {
    values.iter().map(|value| f64::from(value.wide())).collect()
}

fn strided(set: &VoxelSet) -> KernelMap {
    let window = Window::cubic(2, 2);
    let outputs = output_voxels(set, &window, OutputRule::Floor).unwrap();
    KernelMap::build(set, &outputs, &window).unwrap()
}

impl Layer {
    fn new(map: KernelMap, channels: (usize, usize)) -> Self {
        let weights = rounded(map.taps() * channels.0 * channels.1, 4).iter().map(|weight| weight.wide()).collect();
        let (x, residual) = (rounded(map.inputs() * channels.0, 1), rounded(map.outputs() * channels.1, 2));
        let shift = narrow(&random_values(channels.1, 3));
        Self { map, channels, weights, x, residual, shift }
    }

    fn pairs(&self) -> PairedWeights {
        let pairs = PairedWeights::new(&self.weights, self.map.taps(), self.channels).unwrap();
        pairs.expect("the machine can, and the channels are even")
    }

    fn epilogue(&self) -> Epilogue<'_, bf16> {
        Epilogue { scale: None, shift: Some(&self.shift), residual: Some(&self.residual), slope: Some(0.1) }
    }

    fn wanted(&self) -> Vec<f64> {
        let weights: Vec<f64> = self.weights.iter().map(|&weight| weight.into()).collect();
        let sums = conv_by_pairs(&self.map, &weights, self.channels, &wide(&self.x));
        let value = |(place, sum): (usize, f64)| {
            let value = sum + f64::from(self.shift[place % self.channels.1]) + f64::from(self.residual[place].wide());
            if value > 0.0 { value } else { 0.1 * value }
        };
        sums.into_iter().enumerate().map(value).collect()
    }

    fn paired(&self, weights: &PairedWeights) -> Vec<bf16> {
        let mut out = vec![bf16::NOUGHT; self.residual.len()];
        let plan = ConvPlan::new::<bf16>(&self.map, self.channels);
        conv_inference_paired(&plan, weights, &self.x, &self.epilogue(), &mut out).unwrap();
        out
    }

    fn plain(&self) -> Vec<bf16> {
        let mut out = vec![bf16::NOUGHT; self.residual.len()];
        let plan = ConvPlan::new::<bf16>(&self.map, self.channels);
        let weights = PackedWeights::new(&self.weights, self.map.taps(), self.channels).unwrap().narrowed();
        conv_inference(&plan, &weights, &self.x, &self.epilogue(), &mut out).unwrap();
        out
    }
}

fn layers() -> Vec<Layer> {
    let set = VoxelSet::new(&random_coords(1200, 2, 11, 5), 2).unwrap();
    let mut layers = Vec::new();
    for channels in [(2, 1), (16, 16), (34, 20), (64, 64), (96, 130), (260, 70)] {
        layers.push(Layer::new(KernelMap::submanifold(&set, [3; 3], [1; 3]).unwrap(), channels));
        layers.push(Layer::new(strided(&set), channels));
    }
    layers
}

/// Whether this machine and this run have the instructions; says so where not.
fn can_pair() -> bool {
    let can = PairedWeights::new(&[1.0, 1.0], 1, (2, 1)).unwrap().is_some();
    if !can {
        println!("skipped: AVX512-BF16 is not there, or another instruction set is forced");
    }
    can
}

#[test]
fn pairs_give_the_convolution_of_the_oracle_to_the_rounding_of_the_outputs() {
    if !can_pair() {
        return;
    }
    for layer in layers() {
        let found = layer.paired(&layer.pairs());
        let error = relative_error(&wide(&found), &layer.wanted());
        assert!(error < 3e-3, "{:?}: {error:e}", layer.channels);
        // Two roundings of nearly the same sum are mostly one value.
        let plain = layer.plain();
        let other = found.iter().zip(&plain).filter(|(a, b)| a != b).count();
        assert!(
            other * 20 <= found.len(),
            "{:?}: {other} of {} values differ from plain bf16",
            layer.channels,
            found.len()
        );
    }
}

#[test]
fn pairs_give_the_same_bits_for_any_number_of_threads() {
    if !can_pair() {
        return;
    }
    for layer in layers() {
        let weights = layer.pairs();
        let one = on_threads(1, || layer.paired(&weights));
        for threads in [2, 3] {
            assert_eq!(on_threads(threads, || layer.paired(&weights)), one, "{:?}", layer.channels);
        }
    }
}

#[test]
fn weights_are_paired_only_where_the_kernel_can_run() {
    let weights = |channels: usize| PairedWeights::new(&vec![1.0; channels], 1, (channels, 1)).unwrap();
    assert!(weights(3).is_none(), "an odd number of input channels");
    assert!(InstructionSet::Portable.force(|| weights(2)).unwrap().is_none(), "other instructions are asked for");
    assert!(PairedWeights::new(&[1.0; 5], 1, (2, 2)).is_err(), "not the weights of two by two channels");
}

#[test]
fn a_wrong_length_is_an_error() {
    if !can_pair() {
        return;
    }
    let layer = &layers()[0];
    let weights = layer.pairs();
    let plan = ConvPlan::new::<bf16>(&layer.map, layer.channels);
    let mut out = vec![bf16::NOUGHT; layer.residual.len()];
    let short = &layer.x[1..];
    assert!(conv_inference_paired(&plan, &weights, short, &layer.epilogue(), &mut out).is_err());
    assert!(conv_inference_paired(&plan, &weights, &layer.x, &layer.epilogue(), &mut out[1..]).is_err());
}
