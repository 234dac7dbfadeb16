//! `s3dcnn-modern`: submanifold residual blocks with batch norm on four grids, pooled into one descriptor.
//!
//! The blocks are those of He et al. 2016 in the submanifold form of Graham et al. 2018; each stage halves the grid
//! by a 2/2 convolution. The descriptor is a linear map of the channel-wise maximum and mean over all voxels.

use burn::module::Module;
use rarefy_nn::{BatchNormAct, Initialiser, Linear, PointwiseConvolution, SubmanifoldConvolution};
use rarefy_sparse::{SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use burn::tensor::Tensor;

use crate::blocks::{Downsample, NormSettings, ResidualBlock};
use crate::{ConfigError, Output, Trace};

/// Shape of an [`S3dcnnModern`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3dcnnModernConfig {
    /// Number of classes.
    pub classes: usize,
    /// Feature channels of the input.
    pub features: usize,
    /// Cells per axis of the input grid.
    pub grid: u32,
    /// Channels of the stages; each stage after the first halves the grid.
    pub widths: Vec<usize>,
    /// Residual blocks of each stage.
    pub blocks: Vec<usize>,
    /// Channels after the last stage, before pooling.
    pub head: usize,
    /// Width of the descriptor.
    pub descriptor: usize,
}

impl Default for S3dcnnModernConfig {
    fn default() -> Self {
        Self {
            classes: 0,
            features: 7,
            grid: 48,
            widths: vec![32, 64, 128, 256],
            blocks: vec![1, 2, 2, 2],
            head: 512,
            descriptor: 256,
        }
    }
}

impl S3dcnnModernConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        ConfigError::check("features", self.features, 1..=1024)?;
        ConfigError::check("grid", self.grid as usize, 1..=4096)?;
        ConfigError::check("widths (their number)", self.widths.len(), 1..=8)?;
        self.widths.iter().try_for_each(|&width| ConfigError::check("widths", width, 1..=4096))?;
        ConfigError::check("blocks (their number)", self.blocks.len(), self.widths.len()..=self.widths.len())?;
        self.blocks.iter().try_for_each(|&count| ConfigError::check("blocks", count, 0..=32))?;
        ConfigError::check("head", self.head, 1..=8192)?;
        ConfigError::check("descriptor", self.descriptor, 1..=8192)
    }

    /// A network with weights drawn from `init`.
    #[must_use]
    pub fn init(&self, init: &mut Initialiser) -> S3dcnnModern {
        let stem = SubmanifoldConvolution::new((self.features, self.widths[0]), 3, init);
        let stem_norm = BatchNormAct::new(self.widths[0], Some(0.0), init);
        let mut stages = Vec::with_capacity(self.widths.len());
        for (number, (&width, &blocks)) in self.widths.iter().zip(&self.blocks).enumerate() {
            let norm = NormSettings::default();
            let down = (number > 0).then(|| Downsample::new((self.widths[number - 1], width), norm, init));
            let blocks = (0..blocks).map(|_| ResidualBlock::new((width, width), norm, init)).collect();
            stages.push(Stage { down, blocks });
        }
        let last = self.widths[self.widths.len() - 1];
        S3dcnnModern {
            stem,
            stem_norm,
            stages,
            head: PointwiseConvolution::new((last, self.head), init),
            head_norm: BatchNormAct::new(self.head, Some(0.0), init),
            embed: Linear::new(2 * self.head, self.descriptor, init),
            classifier: Linear::new(self.descriptor, self.classes, init),
        }
    }
}

#[derive(Module, Debug)]
struct Stage {
    down: Option<Downsample>,
    blocks: Vec<ResidualBlock>,
}

impl Stage {
    fn forward(
        &self,
        mut x: SparseTensor,
        number: usize,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        if let Some(down) = &self.down {
            x = down.forward(&x, &format!("down{number}"), training, trace)?;
        }
        for (block, residual) in self.blocks.iter().enumerate() {
            x = residual.forward(&x, &format!("stage{number}.{block}"), training, trace)?;
        }
        Ok(x)
    }
}

/// The network: a stem, stages of residual blocks, global pooling, a descriptor and a linear classifier.
#[derive(Module, Debug)]
pub struct S3dcnnModern {
    stem: SubmanifoldConvolution,
    stem_norm: BatchNormAct,
    stages: Vec<Stage>,
    head: PointwiseConvolution,
    head_norm: BatchNormAct,
    embed: Linear,
    classifier: Linear,
}

impl S3dcnnModern {
    /// Descriptors and class scores of a batch.
    ///
    /// # Errors
    ///
    /// When the input has another width than the configuration says, or an empty sample.
    pub fn forward(&self, input: &SparseTensor, training: bool, trace: &mut Trace) -> Result<Output, SparseError> {
        trace.input(input);
        let x = trace.layer(|| "stem.conv".into(), input, |x| self.stem.forward(x))?;
        let mut x = trace.light(|| "stem.norm".into(), &x, |x| self.stem_norm.forward(x, None, training))?;
        for (number, stage) in self.stages.iter().enumerate() {
            x = stage.forward(x, number, training, trace)?;
        }
        let x = trace.layer(|| "head.conv".into(), &x, |x| self.head.forward(x))?;
        let x = trace.light(|| "head.norm".into(), &x, |x| self.head_norm.forward(x, None, training))?;
        let pooled = Tensor::cat(vec![x.global_max_pool()?, x.global_mean_pool()?], 1);
        let descriptors = self.embed.forward(pooled);
        Ok(Output { logits: self.classifier.forward(descriptors.clone()), descriptors })
    }
}
