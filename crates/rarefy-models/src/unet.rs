//! The encoder and decoder that MinkUNet and SPVCNN share (Choy et al. 2019; spec §4.3).
//!
//! A stem, four stages that halve the grid, four that double it again and take in the features of that grid from the way
//! down. Stages count from 1, as in the public names.

use burn::module::Module;
use rarefy_nn::{Binding, Initialiser, Named, StateDictError};
use rarefy_sparse::{SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use crate::blocks::{ConvNormAct, Downsample, NormSettings, ResidualBlock, Upsample};
use crate::{ConfigError, Trace, UNetNames};

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

/// Where a stage on the way down changes the number of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Widen {
    /// In its first block, so that the step onto the coarser grid keeps the channels of the finer one.
    #[default]
    Block,
    /// In the step onto the coarser grid, so that no block needs a shortcut of its own.
    Step,
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
    /// Where the channels change on the way down.
    pub(crate) widen: Widen,
    /// Of every norm.
    pub(crate) norm: NormSettings,
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
        let (widths, norm) = (shape.widths, shape.norm);
        let mut inputs = shape.features;
        let stem = shape.stem.iter().map(|&size| {
            let convolution = ConvNormAct::new((inputs, widths[0]), size, norm, init);
            inputs = widths[0];
            convolution
        });
        let stem = stem.collect();
        let mut down = Vec::with_capacity(STAGES);
        for stage in 1..=STAGES {
            let (inputs, outputs) = (widths[stage - 1], widths[stage]);
            let between = if shape.widen == Widen::Step { outputs } else { inputs };
            let step = Downsample::new((inputs, between), norm, init);
            let blocks = blocks(shape.blocks[stage - 1], (between, outputs), norm, init);
            down.push(DownStage { down: step, blocks });
        }
        let mut up = Vec::with_capacity(STAGES);
        for stage in 1..=STAGES {
            let (inputs, outputs) = (widths[STAGES + stage - 1], widths[STAGES + stage]);
            let step = Upsample::new((inputs, outputs), norm, init);
            let joined = outputs + widths[STAGES - stage];
            let blocks = blocks(shape.blocks[STAGES + stage - 1], (joined, outputs), norm, init);
            up.push(UpStage { up: step, blocks });
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
        let names = UNetNames::new(binding.naming());
        for (number, layer) in self.stem.iter_mut().enumerate() {
            layer.bind(&names.stem(number), binding)?;
        }
        for (stage, DownStage { down, blocks }) in (1..).zip(&mut self.down) {
            down.bind(&names.down(stage), binding)?;
            bind_blocks(blocks, |number| names.down_block(stage, number), binding)?;
        }
        for (stage, UpStage { up, blocks }) in (1..).zip(&mut self.up) {
            up.bind(&names.up(stage), binding)?;
            bind_blocks(blocks, |number| names.up_block(stage, number), binding)?;
        }
        Ok(())
    }
}

/// `count` residual blocks, the first of which changes the width.
fn blocks(
    count: usize,
    (inputs, outputs): (usize, usize),
    norm: NormSettings,
    init: &mut Initialiser,
) -> Vec<ResidualBlock> {
    let width = |number| if number == 0 { inputs } else { outputs };
    (0..count).map(|number| ResidualBlock::new((width(number), outputs), norm, init)).collect()
}

fn bind_blocks(
    blocks: &mut [ResidualBlock],
    name: impl Fn(usize) -> String,
    binding: &mut Binding<'_>,
) -> Result<(), StateDictError> {
    blocks.iter_mut().enumerate().try_for_each(|(number, block)| block.bind(&name(number), binding))
}
