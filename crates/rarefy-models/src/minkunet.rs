//! MinkUNet: a residual U-Net of submanifold convolutions that labels every voxel (Choy et al. 2019; spec §4.3).

use burn::module::Module;
use rarefy_nn::{Binding, Initialiser, Linear, Named, StateDictError, WeightRange};
use rarefy_sparse::{SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use crate::blocks::NormSettings;
use crate::unet::{self, STAGES, UNet, UNetShape, Widen};
use crate::{ConfigError, Mode, Trace, UNetNames};

/// Shape of a [`MinkUNet`]. The default is the network of the SPVNAS model zoo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinkUNetConfig {
    /// Number of classes.
    pub classes: usize,
    /// Feature channels of the input.
    pub features: usize,
    /// Channels of every layer as a multiple of 32, 32, 64, 128, 256, 256, 128, 96, 96, rounded down.
    pub width: f64,
    /// Kernel of each convolution of the stem; MinkowskiEngine's networks have one of 5.
    pub stem: Vec<u32>,
    /// Residual blocks of the four stages down and the four stages up.
    pub blocks: Vec<usize>,
    /// Where a stage on the way down changes the channels; spconv's networks do it in the step.
    pub widen: Widen,
    /// What the norms add to the variance under the root; 0.001 in spconv's networks.
    pub norm_epsilon: f64,
    /// Share of a batch's statistics in the running ones of the norms; 0.01 in spconv's networks.
    pub norm_momentum: f64,
}

impl Default for MinkUNetConfig {
    fn default() -> Self {
        let NormSettings { epsilon: norm_epsilon, momentum: norm_momentum } = NormSettings::default();
        Self {
            classes: 0,
            features: 4,
            width: 1.0,
            stem: vec![3, 3],
            blocks: vec![2; 2 * STAGES],
            widen: Widen::default(),
            norm_epsilon,
            norm_momentum,
        }
    }
}

impl MinkUNetConfig {
    /// The network of width 1 for `classes` classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes, ..Self::default() }
    }

    /// The same with the channels of every layer times `width`, rounded down.
    #[must_use]
    pub fn with_width(self, width: f64) -> Self {
        Self { width, ..self }
    }

    /// The same with what the networks of spconv's users (Pointcept's `SpUNet`) have their own way: one convolution of 5 as
    /// stem, channels that change in the step, norms of ε 0.001 and momentum 0.01.
    #[must_use]
    pub fn as_for_spconv(self) -> Self {
        Self { stem: vec![5], widen: Widen::Step, norm_epsilon: 1e-3, norm_momentum: 0.01, ..self }
    }

    /// Channels of the stem, of the four stages down and of the four stages up.
    #[must_use]
    pub fn widths(&self) -> [usize; 9] {
        unet::widths(self.width)
    }

    /// Whether every setting can be built.
    ///
    /// # Errors
    ///
    /// Names the first setting that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        unet::check(self.features, self.width)?;
        ConfigError::check("stem (its length)", self.stem.len(), 1..=8)?;
        self.stem.iter().try_for_each(|&size| ConfigError::check("stem", size as usize, 1..=7))?;
        ConfigError::check("blocks (their number)", self.blocks.len(), 2 * STAGES..=2 * STAGES)?;
        // The first block after a join brings the channels back to those of the stage.
        self.blocks.iter().try_for_each(|&count| ConfigError::check("blocks", count, 1..=32))?;
        ConfigError::check_share("norm_epsilon", self.norm_epsilon)?;
        ConfigError::check_share("norm_momentum", self.norm_momentum)
    }

    /// A network with weights drawn from `init`.
    #[must_use]
    pub fn init(&self, init: &mut Initialiser) -> MinkUNet {
        init.set_weight_range(WeightRange::TorchSparse);
        let widths = self.widths();
        let shape = UNetShape {
            features: self.features,
            widths,
            stem: &self.stem,
            blocks: &self.blocks,
            widen: self.widen,
            norm: NormSettings { epsilon: self.norm_epsilon, momentum: self.norm_momentum },
        };
        MinkUNet { body: UNet::new(&shape, init), classifier: Linear::new(widths[8], self.classes, init) }
    }
}

/// The network: stem, four stages down, four up with skips, a linear classifier for every voxel.
#[derive(Module, Debug)]
pub struct MinkUNet {
    body: UNet,
    classifier: Linear,
}

impl MinkUNet {
    /// Class scores before the softmax on the voxels of `input`, `[voxels, classes]`.
    ///
    /// # Errors
    ///
    /// When the input has another width than the configuration says.
    pub fn forward(&self, input: &SparseTensor, mode: Mode, trace: &mut Trace) -> Result<SparseTensor, SparseError> {
        self.classify(&self.features(input, mode, trace)?, trace)
    }

    /// The features on the voxels of `input` that are classified, `[voxels, channels]`.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn features(&self, input: &SparseTensor, mode: Mode, trace: &mut Trace) -> Result<SparseTensor, SparseError> {
        let training = mode.is_training();
        trace.input(input);
        let mut levels = Vec::with_capacity(STAGES + 1);
        levels.push(self.body.stem(input, training, trace)?);
        for stage in 1..=STAGES {
            let x = self.body.down(stage, &levels[stage - 1], training, trace)?;
            levels.push(x);
        }
        let mut x = levels[STAGES].clone();
        for stage in 1..=STAGES {
            levels.truncate(STAGES - stage + 1);
            x = self.body.up(stage, &x, &levels[STAGES - stage], training, trace)?;
        }
        Ok(x)
    }

    /// Class scores of [`features`](Self::features).
    ///
    /// # Errors
    ///
    /// When they have another width.
    pub fn classify(&self, features: &SparseTensor, trace: &mut Trace) -> Result<SparseTensor, SparseError> {
        trace.layer(|| "classifier".into(), features, |x| x.map_rows(|rows| self.classifier.forward(rows)))
    }
}

impl Named for MinkUNet {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        self.body.bind(name, binding)?;
        self.classifier.bind(UNetNames::new(binding.naming()).classifier(), binding)
    }
}
