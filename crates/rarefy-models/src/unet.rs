//! The encoder and decoder that MinkUNet and SPVCNN share (Choy et al. 2019; spec §4.3).
//!
//! A stem, four stages that halve the grid, four that double it again and take in the features of that grid from the way
//! down. Stages count from 1, as in the public names.

use burn::module::Module;
use rarefy_nn::{Binding, Initialiser, Named, Naming, StateDictError};
use rarefy_sparse::{SparseError, SparseTensor};

use crate::blocks::{ConvNormAct, Downsample, ResidualBlock, Upsample};
use crate::{ConfigError, Trace};

/// Channels of stem, down stages 1–4 and up stages 1–4 at width 1.
const WIDTHS: [usize; 9] = [32, 32, 64, 128, 256, 256, 128, 96, 96];
/// Stages on the way down, and as many on the way up.
pub(crate) const STAGES: usize = 4;

/// The channels of every stage at a width, rounded down.
pub(crate) fn widths(width: f64) -> [usize; 9] {
    WIDTHS.map(|channels| (channels as f64 * width) as usize)
}

/// Checks what the configurations of both networks hold.
pub(crate) fn check(features: usize, width: f64) -> Result<(), ConfigError> {
    ConfigError::check("features", features, 1..=1024)?;
    if width.is_finite() && (1.0 / 32.0..=16.0).contains(&width) {
        return Ok(());
    }
    Err(ConfigError { key: "width", got: width.to_string(), allowed: "0.03125..=16".into() })
}

/// Sizes of a [`UNet`].
#[derive(Clone, Debug)]
pub(crate) struct UNetShape<'a> {
    /// Channels of the input.
    pub(crate) features: usize,
    /// Channels of every stage.
    pub(crate) widths: [usize; 9],
    /// Kernel of each convolution of the stem.
    pub(crate) stem: &'a [u32],
    /// Residual blocks of every stage, down and then up.
    pub(crate) blocks: &'a [usize],
}

#[derive(Module, Debug)]
struct DownStage {
    down: Downsample,
    blocks: Vec<ResidualBlock>,
}

#[derive(Module, Debug)]
struct UpStage {
    up: Upsample,
    blocks: Vec<ResidualBlock>,
}

/// Stem, down stages, up stages.
#[derive(Module, Debug)]
pub(crate) struct UNet {
    stem: Vec<ConvNormAct>,
    down: Vec<DownStage>,
    up: Vec<UpStage>,
}

impl UNet {
    pub(crate) fn new(shape: &UNetShape<'_>, init: &mut Initialiser) -> Self {
        let widths = shape.widths;
        let mut inputs = shape.features;
        let stem = shape.stem.iter().map(|&size| {
            let convolution = ConvNormAct::new((inputs, widths[0]), size, init);
            inputs = widths[0];
            convolution
        });
        let stem = stem.collect();
        let mut down = Vec::with_capacity(STAGES);
        for stage in 1..=STAGES {
            let (inputs, outputs) = (widths[stage - 1], widths[stage]);
            let step = Downsample::new((inputs, inputs), init);
            down.push(DownStage { down: step, blocks: blocks(shape.blocks[stage - 1], inputs, outputs, init) });
        }
        let mut up = Vec::with_capacity(STAGES);
        for stage in 1..=STAGES {
            let (inputs, outputs) = (widths[STAGES + stage - 1], widths[STAGES + stage]);
            let step = Upsample::new((inputs, outputs), init);
            let joined = outputs + widths[STAGES - stage];
            up.push(UpStage { up: step, blocks: blocks(shape.blocks[STAGES + stage - 1], joined, outputs, init) });
        }
        Self { stem, down, up }
    }

    /// The stem, on the grid of the input.
    pub(crate) fn stem(
        &self,
        input: &SparseTensor,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let mut x = input.clone();
        for (number, layer) in self.stem.iter().enumerate() {
            x = layer.forward(&x, &format!("stem.{number}"), training, trace)?;
        }
        Ok(x)
    }

    /// Down stage `stage`, 1 to 4.
    pub(crate) fn down(
        &self,
        stage: usize,
        input: &SparseTensor,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let DownStage { down, blocks } = &self.down[stage - 1];
        let mut x = down.forward(input, &format!("stage{stage}.down"), training, trace)?;
        for (number, block) in blocks.iter().enumerate() {
            x = block.forward(&x, &format!("stage{stage}.{number}"), training, trace)?;
        }
        Ok(x)
    }

    /// Up stage `stage`, 1 to 4, onto the voxels of `skip`.
    pub(crate) fn up(
        &self,
        stage: usize,
        input: &SparseTensor,
        skip: &SparseTensor,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let UpStage { up, blocks } = &self.up[stage - 1];
        let x = up.forward(input, skip, &format!("up{stage}.up"), training, trace)?;
        let mut x = trace.light(|| format!("up{stage}.join"), &x, |x| x.concatenate(skip))?;
        for (number, block) in blocks.iter().enumerate() {
            x = block.forward(&x, &format!("up{stage}.{number}"), training, trace)?;
        }
        Ok(x)
    }
}

impl Named for UNet {
    fn bind(&mut self, _: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        let minkowski = binding.naming() == Naming::Minkowski;
        for (number, layer) in self.stem.iter_mut().enumerate() {
            let [convolution, norm] = if minkowski && number == 0 {
                ["conv0p1s1".into(), "bn0".into()]
            } else {
                [format!("stem.{}", 3 * number), format!("stem.{}", 3 * number + 1)]
            };
            layer.bind([&convolution, &norm], binding)?;
        }
        for (index, DownStage { down, blocks }) in self.down.iter_mut().enumerate() {
            let stage = index + 1;
            let [convolution, norm] = if minkowski {
                [format!("conv{stage}p{}s2", 1 << index), format!("bn{stage}")]
            } else {
                [format!("stage{stage}.0.net.0"), format!("stage{stage}.0.net.1")]
            };
            down.bind([&convolution, &norm], binding)?;
            let block = |number: usize| {
                if minkowski { format!("block{stage}.{number}") } else { format!("stage{stage}.{}", number + 1) }
            };
            bind_blocks(blocks, block, binding)?;
        }
        for (index, UpStage { up, blocks }) in self.up.iter_mut().enumerate() {
            let stage = index + 1;
            let [convolution, norm] = if minkowski {
                let level = STAGES + index;
                [format!("convtr{level}p{}s2", 1 << (STAGES - index)), format!("bntr{level}")]
            } else {
                [format!("up{stage}.0.net.0"), format!("up{stage}.0.net.1")]
            };
            up.bind([&convolution, &norm], binding)?;
            let block = |number: usize| {
                if minkowski { format!("block{}.{number}", STAGES + stage) } else { format!("up{stage}.1.{number}") }
            };
            bind_blocks(blocks, block, binding)?;
        }
        Ok(())
    }
}

/// `count` residual blocks, the first of which changes the width.
fn blocks(count: usize, inputs: usize, outputs: usize, init: &mut Initialiser) -> Vec<ResidualBlock> {
    let width = |number| if number == 0 { inputs } else { outputs };
    (0..count).map(|number| ResidualBlock::new((width(number), outputs), init)).collect()
}

fn bind_blocks(
    blocks: &mut [ResidualBlock],
    name: impl Fn(usize) -> String,
    binding: &mut Binding<'_>,
) -> Result<(), StateDictError> {
    blocks.iter_mut().enumerate().try_for_each(|(number, block)| block.bind(&name(number), binding))
}
