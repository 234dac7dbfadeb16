//! `SparseResNet21D`: the residual encoder of `LiDAR` detectors, 21 convolutions on five grids (spec §7.3).
//!
//! A strided convolution reaches every output whose window holds an active voxel, so the grids grow denser with depth.
//! The last convolution halves the second axis alone, with a kernel of (1, 3, 1).

use burn::module::Module;
use rarefy_nn::{BatchNormAct, Initialiser, WeightRange, WindowConvolution};
use rarefy_sparse::{OutputRule, SparseError, SparseTensor, Window};
use serde::{Deserialize, Serialize};

use crate::blocks::{NormSettings, ResidualBlock};
use crate::{ConfigError, Mode, Trace};

/// Blocks, channels at width 1, kernel and stride of each stage.
const STAGES: [(usize, usize, [u32; 3], [u32; 3]); 5] = [
    (3, 16, [3; 3], [1; 3]),
    (3, 32, [3; 3], [2; 3]),
    (3, 64, [3; 3], [2; 3]),
    (3, 128, [3; 3], [2; 3]),
    (1, 128, [1, 3, 1], [1, 2, 1]),
];

/// Shape of a [`SparseResNet21d`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseResNet21dConfig {
    /// Feature channels of the input.
    pub features: usize,
    /// Channels of every layer as a multiple of 16, 32, 64, 128, 128, rounded down.
    pub width: f64,
}

impl Default for SparseResNet21dConfig {
    fn default() -> Self {
        Self { features: 4, width: 1.0 }
    }
}

impl SparseResNet21dConfig {
    /// Channels of the five stages.
    #[must_use]
    pub fn widths(&self) -> [usize; 5] {
        STAGES.map(|(_, channels, ..)| (channels as f64 * self.width) as usize)
    }

    /// Whether every setting can be built.
    ///
    /// # Errors
    ///
    /// Names the first setting that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        ConfigError::check("features", self.features, 1..=1024)?;
        if (1.0 / 16.0..=16.0).contains(&self.width) {
            return Ok(());
        }
        Err(ConfigError { key: "width", got: self.width.to_string(), allowed: "0.0625..=16".into() })
    }

    /// A network with weights drawn from `init`.
    #[must_use]
    pub fn init(&self, init: &mut Initialiser) -> SparseResNet21d {
        init.set_weight_range(WeightRange::TorchSparse);
        let mut inputs = self.features;
        let stages = STAGES.iter().zip(self.widths()).map(|(&(count, _, size, stride), width)| {
            let stage = Stage::new((inputs, width), count - 1, (size, stride), init);
            inputs = width;
            stage
        });
        SparseResNet21d { stages: stages.collect() }
    }
}

#[derive(Module, Debug)]
struct Stage {
    convolution: WindowConvolution,
    norm: BatchNormAct,
    blocks: Vec<ResidualBlock>,
}

impl Stage {
    fn new(
        channels: (usize, usize),
        blocks: usize,
        (size, stride): ([u32; 3], [u32; 3]),
        init: &mut Initialiser,
    ) -> Self {
        let window = Window { stride, ..Window::centred(size, [1; 3]) };
        // Without stride the voxels stay; with one, every voxel that a window reaches appears.
        let rule = if stride == [1; 3] { OutputRule::Floor } else { OutputRule::Spread { clip: None } };
        let width = (channels.1, channels.1);
        Self {
            convolution: WindowConvolution::new(channels, window, rule, init),
            norm: BatchNormAct::new(channels.1, Some(0.0), init),
            blocks: (0..blocks).map(|_| ResidualBlock::new(width, NormSettings::default(), init)).collect(),
        }
    }
}

/// The network: five stages, each a convolution and residual blocks.
#[derive(Module, Debug)]
pub struct SparseResNet21d {
    stages: Vec<Stage>,
}

impl SparseResNet21d {
    /// The features of all five stages, from fine to coarse.
    ///
    /// # Errors
    ///
    /// When the input has another width than the configuration says.
    pub fn forward(
        &self,
        input: &SparseTensor,
        mode: Mode,
        trace: &mut Trace,
    ) -> Result<Vec<SparseTensor>, SparseError> {
        let training = mode.is_training();
        trace.input(input);
        let (mut x, mut outputs) = (input.clone(), Vec::with_capacity(self.stages.len()));
        for (number, Stage { convolution, norm, blocks }) in self.stages.iter().enumerate() {
            x = trace.layer(|| format!("stage{number}.conv"), &x, |x| convolution.forward(x))?;
            x = trace.light(|| format!("stage{number}.norm"), &x, |x| norm.forward(x, None, training))?;
            for (block, residual) in blocks.iter().enumerate() {
                x = residual.forward(&x, &format!("stage{number}.{block}"), training, trace)?;
            }
            outputs.push(x.clone());
        }
        Ok(outputs)
    }
}
