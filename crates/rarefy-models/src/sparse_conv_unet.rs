//! The U-Net of SparseConvNet: pre-activation blocks on seven grids (Graham et al. 2018; spec §6.2).
//!
//! Norm and leaky ReLU stand *before* each convolution. Norms have ε 1e-4 and keep 0.99 of their running statistics.

use burn::module::Module;
use rarefy_nn::{
    BatchNormAct, Initialiser, InverseConvolution, Linear, PointwiseConvolution, StridedConvolution,
    SubmanifoldConvolution,
};
use rarefy_sparse::{SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use crate::{ConfigError, Mode, Trace};

const EPSILON: f64 = 1e-4;
/// Share of the new statistics in the running ones.
const MOMENTUM: f64 = 0.01;

/// Shape of a [`SparseConvUNet`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseConvUNetConfig {
    /// Number of classes.
    pub classes: usize,
    /// Feature channels of the input.
    pub features: usize,
    /// Channels on the finest grid, m; grid i of `levels` has (i + 1) times as many.
    pub channels: usize,
    /// Number of grids.
    pub levels: usize,
    /// Blocks on every grid, on the way down and again on the way up.
    pub repeats: usize,
    /// Blocks of two convolutions with a way past them, instead of one convolution.
    pub residual: bool,
    /// Norm and activation once more before the classifier.
    pub final_norm: bool,
}

impl Default for SparseConvUNetConfig {
    fn default() -> Self {
        Self { classes: 0, features: 3, channels: 16, levels: 7, repeats: 1, residual: false, final_norm: true }
    }
}

impl SparseConvUNetConfig {
    /// The smaller network of the reference code, m = 16, for `classes` classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes, ..Self::default() }
    }

    /// Whether every setting can be built.
    ///
    /// # Errors
    ///
    /// Names the first setting that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        ConfigError::check("features", self.features, 1..=1024)?;
        ConfigError::check("channels", self.channels, 1..=512)?;
        ConfigError::check("levels", self.levels, 1..=10)?;
        ConfigError::check("repeats", self.repeats, 1..=32)
    }

    /// A network with weights drawn from `init`.
    #[must_use]
    pub fn init(&self, init: &mut Initialiser) -> SparseConvUNet {
        let widths: Vec<usize> = (1..=self.levels).map(|level| level * self.channels).collect();
        let blocks = |inputs: usize, outputs: usize, init: &mut Initialiser| {
            let width = |number| if number == 0 { inputs } else { outputs };
            let block = |number| Block::new((width(number), outputs), self.residual, &mut *init);
            (0..self.repeats).map(block).collect::<Vec<_>>()
        };
        let stem = SubmanifoldConvolution::new((self.features, self.channels), 3, init);
        let mut levels = Vec::with_capacity(self.levels);
        for (number, &width) in widths.iter().enumerate() {
            let down = blocks(width, width, init);
            let coarser = widths.get(number + 1).map(|&next| Coarser {
                down_norm: norm(width, init),
                down: StridedConvolution::new((width, next), 2, init),
                up_norm: norm(next, init),
                up: InverseConvolution::new((next, width), 2, init),
                blocks: blocks(2 * width, width, init),
            });
            levels.push(Level { blocks: down, coarser });
        }
        SparseConvUNet {
            stem,
            levels,
            final_norm: self.final_norm.then(|| norm(self.channels, init)),
            classifier: Linear::new(self.channels, self.classes, init),
        }
    }
}

fn norm(channels: usize, init: &mut Initialiser) -> BatchNormAct {
    BatchNormAct::new(channels, Some(0.0), init).with_settings(EPSILON, MOMENTUM)
}

/// Norm, ReLU, convolution.
#[derive(Module, Debug)]
struct NormConv {
    norm: BatchNormAct,
    convolution: SubmanifoldConvolution,
}

impl NormConv {
    fn new(channels: (usize, usize), init: &mut Initialiser) -> Self {
        Self { norm: norm(channels.0, init), convolution: SubmanifoldConvolution::new(channels, 3, init) }
    }

    fn forward(
        &self,
        input: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let x = trace.light(|| format!("{name}.norm"), input, |x| self.norm.forward(x, None, training))?;
        trace.layer(|| format!("{name}.conv"), &x, |x| self.convolution.forward(x))
    }
}

/// One convolution, or two with a way past them.
#[derive(Module, Debug)]
struct Block {
    convolutions: Vec<NormConv>,
    residual: Option<Residual>,
}

/// The way past a block.
#[derive(Module, Debug)]
struct Residual {
    /// Where the widths differ.
    shortcut: Option<PointwiseConvolution>,
}

impl Block {
    fn new((inputs, outputs): (usize, usize), residual: bool, init: &mut Initialiser) -> Self {
        if !residual {
            return Self { convolutions: vec![NormConv::new((inputs, outputs), init)], residual: None };
        }
        let shortcut = (inputs != outputs).then(|| PointwiseConvolution::new((inputs, outputs), init));
        let convolutions = vec![NormConv::new((inputs, outputs), init), NormConv::new((outputs, outputs), init)];
        Self { convolutions, residual: Some(Residual { shortcut }) }
    }

    fn forward(
        &self,
        input: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let mut x = input.clone();
        for (number, convolution) in self.convolutions.iter().enumerate() {
            x = convolution.forward(&x, &format!("{name}.{number}"), training, trace)?;
        }
        let Some(Residual { shortcut }) = &self.residual else { return Ok(x) };
        let past = match shortcut {
            None => input.clone(),
            Some(shortcut) => trace.layer(|| format!("{name}.shortcut"), input, |x| shortcut.forward(x))?,
        };
        trace.light(|| format!("{name}.sum"), &x, |x| x.add(&past))
    }
}

/// One grid.
#[derive(Module, Debug)]
struct Level {
    blocks: Vec<Block>,
    /// All that lies on coarser grids, and the way back.
    coarser: Option<Coarser>,
}

#[derive(Module, Debug)]
struct Coarser {
    down_norm: BatchNormAct,
    down: StridedConvolution,
    up_norm: BatchNormAct,
    up: InverseConvolution,
    blocks: Vec<Block>,
}

/// The network: a stem, one grid inside the other, a linear classifier for every voxel.
#[derive(Module, Debug)]
pub struct SparseConvUNet {
    stem: SubmanifoldConvolution,
    levels: Vec<Level>,
    final_norm: Option<BatchNormAct>,
    classifier: Linear,
}

impl SparseConvUNet {
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
        let mut x = trace.layer(|| "stem.conv".into(), input, |x| self.stem.forward(x))?;
        let mut skips = Vec::with_capacity(self.levels.len());
        for (number, Level { blocks, coarser }) in self.levels.iter().enumerate() {
            x = run(blocks, x, &format!("down{number}"), training, trace)?;
            let Some(Coarser { down_norm, down, .. }) = coarser else { break };
            let y = trace.light(|| format!("down{number}.norm"), &x, |x| down_norm.forward(x, None, training))?;
            let y = trace.layer(|| format!("down{number}.conv"), &y, |y| down.forward(y))?;
            skips.push(std::mem::replace(&mut x, y));
        }
        for (number, Level { coarser, .. }) in self.levels.iter().enumerate().rev() {
            let Some(Coarser { up_norm, up, blocks, .. }) = coarser else { continue };
            let Some(skip) = skips.pop() else { break };
            x = trace.light(|| format!("up{number}.norm"), &x, |x| up_norm.forward(x, None, training))?;
            x = trace.layer(|| format!("up{number}.conv"), &x, |x| up.forward(x, &skip))?;
            x = trace.light(|| format!("up{number}.join"), &skip, |skip| skip.concatenate(&x))?;
            x = run(blocks, x, &format!("up{number}"), training, trace)?;
        }
        if let Some(norm) = &self.final_norm {
            x = trace.light(|| "final.norm".into(), &x, |x| norm.forward(x, None, training))?;
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

fn run(
    blocks: &[Block],
    mut x: SparseTensor,
    name: &str,
    training: bool,
    trace: &mut Trace,
) -> Result<SparseTensor, SparseError> {
    for (number, block) in blocks.iter().enumerate() {
        x = block.forward(&x, &format!("{name}.{number}"), training, trace)?;
    }
    Ok(x)
}
