//! S3DCNN, "DeepC2": 2³ convolutions and 3/2 max-pools on very large grids with ground state (spec §2.2).
//!
//! The size of the input grid follows from the depth, computed backwards from an output of one cell. The last
//! layer before the classifier is the descriptor.

use burn::module::Module;
use rarefy_nn::{Initialiser, Linear, ValidConvolution};
use rarefy_sparse::{SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use crate::{ConfigError, Output, Trace};

const POOL_SIZE: u32 = 3;
const POOL_STRIDE: u32 = 2;
const KERNEL: u32 = 2;
/// Slope of the very leaky ReLU.
const SLOPE: f64 = 0.333;

/// Shape of an [`S3dcnn`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3dcnnConfig {
    /// Number of classes.
    #[serde(default)]
    pub classes: usize,
    /// Feature channels of the input.
    #[serde(default = "one")]
    pub features: usize,
    /// Channels of the first block; block i has (i + 1) times as many.
    #[serde(default = "default_width")]
    pub width: usize,
    /// Number of max-pools; there is one block more.
    #[serde(default = "default_depth")]
    pub depth: usize,
}

fn one() -> usize {
    1
}
fn default_width() -> usize {
    32
}
fn default_depth() -> usize {
    5
}

impl S3dcnnConfig {
    /// The network of the paper's Table 1 for `classes` classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes, features: one(), width: default_width(), depth: default_depth() }
    }

    /// Cells per axis of the input grid: pool inverse (n − 1) · 2 + 3, convolution inverse n + 1.
    #[must_use]
    pub fn input_size(&self) -> u32 {
        (0..self.depth).fold(KERNEL, |size, _| (size - 1) * POOL_STRIDE + POOL_SIZE + KERNEL - 1)
    }

    /// Width of the descriptor.
    #[must_use]
    pub fn descriptor(&self) -> usize {
        self.width * (self.depth + 1)
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        ConfigError::check("width", self.width, 1..=1024)?;
        ConfigError::check("depth", self.depth, 1..=7)?;
        ConfigError::check("features", self.features, 1..=1024)
    }

    /// A network with weights drawn from `init`.
    #[must_use]
    pub fn init(&self, init: &mut Initialiser) -> S3dcnn {
        let width = |block: usize| if block == 0 { self.features } else { self.width * block };
        let blocks = (0..=self.depth)
            .map(|block| {
                let pool = if block < self.depth { POOL_SIZE } else { 1 };
                ValidConvolution::new((width(block), width(block + 1)), KERNEL, pool, init)
            })
            .collect();
        S3dcnn { blocks, classifier: Linear::new(self.descriptor(), self.classes, init) }
    }
}

/// The network: convolution, leaky ReLU and max-pool, six times over in Table 1, then a linear classifier.
#[derive(Module, Debug)]
pub struct S3dcnn {
    blocks: Vec<ValidConvolution>,
    classifier: Linear,
}

impl S3dcnn {
    /// Descriptors and class scores of a batch.
    ///
    /// # Errors
    ///
    /// When the input has another grid or width than the configuration says, or an empty sample.
    pub fn forward(&self, input: SparseTensor, trace: &mut Trace) -> Result<Output, SparseError> {
        let mut x = input.with_ground_state();
        trace.input(&x);
        for (number, block) in self.blocks.iter().enumerate() {
            x = trace.layer(|| format!("conv{number}"), &x, |x| block.forward(x))?;
            x = trace.light(|| format!("lrelu{number}"), &x, |x| Ok(x.leaky_relu(SLOPE)))?;
            if number + 1 < self.blocks.len() {
                x = trace.light(|| format!("pool{number}"), &x, |x| x.max_pool([POOL_SIZE; 3], [POOL_STRIDE; 3]))?;
            }
        }
        // On a grid of one cell each sample has one row, and the maximum over it is the row itself.
        let descriptors = x.global_max_pool()?;
        Ok(Output { logits: self.classifier.forward(descriptors.clone()), descriptors })
    }
}
