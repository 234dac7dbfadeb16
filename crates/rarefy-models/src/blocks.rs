//! Blocks that several networks are made of: convolution with norm, steps between grids, residual blocks.
//!
//! Norm, residual sum and activation are one operator behind each convolution. Every block tells a [`Trace`] of its layers.

use burn::module::Module;
use rarefy_nn::{
    BatchNormAct, Binding, Initialiser, InverseConvolution, Named, Naming, PointwiseConvolution, StateDictError,
    StridedConvolution, SubmanifoldConvolution,
};
use rarefy_sparse::{SparseError, SparseTensor};

use crate::Trace;

/// ReLU behind a norm.
const RELU: Option<f64> = Some(0.0);

/// A convolution with norm and ReLU behind it.
#[derive(Module, Debug)]
pub(crate) struct Normed<C: Module> {
    convolution: C,
    norm: BatchNormAct,
}

/// Submanifold convolution, norm, ReLU.
pub(crate) type ConvNormAct = Normed<SubmanifoldConvolution>;
/// 2/2 convolution onto the next coarser grid, norm, ReLU.
pub(crate) type Downsample = Normed<StridedConvolution>;
/// Inverse 2/2 convolution onto the next finer grid, norm, ReLU.
pub(crate) type Upsample = Normed<InverseConvolution>;

impl<C: Module + Named> Normed<C> {
    fn behind(convolution: C, channels: usize, init: &mut Initialiser) -> Self {
        Self { convolution, norm: BatchNormAct::new(channels, RELU, init) }
    }

    fn run(
        &self,
        input: &SparseTensor,
        convolve: impl FnOnce(&SparseTensor) -> Result<SparseTensor, SparseError>,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let x = trace.layer(|| format!("{name}.conv"), input, convolve)?;
        trace.light(|| format!("{name}.norm"), &x, |x| self.norm.forward(x, None, training))
    }

    /// Offers the tensors under the names of the convolution and of the norm.
    pub(crate) fn bind(&mut self, names: [&str; 2], binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        self.convolution.bind(names[0], binding)?;
        self.norm.bind(names[1], binding)
    }
}

impl ConvNormAct {
    pub(crate) fn new(channels: (usize, usize), size: u32, init: &mut Initialiser) -> Self {
        Self::behind(SubmanifoldConvolution::new(channels, size, init), channels.1, init)
    }

    pub(crate) fn forward(
        &self,
        input: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        self.run(input, |x| self.convolution.forward(x), name, training, trace)
    }
}

impl Downsample {
    pub(crate) fn new(channels: (usize, usize), init: &mut Initialiser) -> Self {
        Self::behind(StridedConvolution::new(channels, 2, init), channels.1, init)
    }

    pub(crate) fn forward(
        &self,
        input: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        self.run(input, |x| self.convolution.forward(x), name, training, trace)
    }
}

impl Upsample {
    pub(crate) fn new(channels: (usize, usize), init: &mut Initialiser) -> Self {
        Self::behind(InverseConvolution::new(channels, 2, init), channels.1, init)
    }

    pub(crate) fn forward(
        &self,
        input: &SparseTensor,
        onto: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        self.run(input, |x| self.convolution.forward(x, onto), name, training, trace)
    }
}

/// Two submanifold 3³ convolutions and a way past them (He et al. 2016); ReLU behind the sum.
#[derive(Module, Debug)]
pub(crate) struct ResidualBlock {
    first: SubmanifoldConvolution,
    first_norm: BatchNormAct,
    second: SubmanifoldConvolution,
    second_norm: BatchNormAct,
    /// Where the widths differ.
    shortcut: Option<Shortcut>,
}

#[derive(Module, Debug)]
struct Shortcut {
    convolution: PointwiseConvolution,
    norm: BatchNormAct,
}

impl ResidualBlock {
    pub(crate) fn new((inputs, outputs): (usize, usize), init: &mut Initialiser) -> Self {
        Self {
            first: SubmanifoldConvolution::new((inputs, outputs), 3, init),
            first_norm: BatchNormAct::new(outputs, RELU, init),
            second: SubmanifoldConvolution::new((outputs, outputs), 3, init),
            second_norm: BatchNormAct::new(outputs, RELU, init),
            shortcut: (inputs != outputs).then(|| Shortcut {
                convolution: PointwiseConvolution::new((inputs, outputs), init),
                norm: BatchNormAct::new(outputs, None, init),
            }),
        }
    }

    pub(crate) fn forward(
        &self,
        input: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let x = trace.layer(|| format!("{name}.conv1"), input, |x| self.first.forward(x))?;
        let x = trace.light(|| format!("{name}.norm1"), &x, |x| self.first_norm.forward(x, None, training))?;
        let x = trace.layer(|| format!("{name}.conv2"), &x, |x| self.second.forward(x))?;
        let past = match &self.shortcut {
            None => input.clone(),
            Some(Shortcut { convolution, norm }) => {
                let past = trace.layer(|| format!("{name}.shortcut"), input, |x| convolution.forward(x))?;
                trace.light(|| format!("{name}.shortcut.norm"), &past, |x| norm.forward(x, None, training))?
            }
        };
        trace.light(|| format!("{name}.norm2"), &x, |x| self.second_norm.forward(x, Some(&past), training))
    }
}

impl Named for ResidualBlock {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        let [first, first_norm, second, second_norm] = match binding.naming() {
            Naming::TorchSparse => ["net.0", "net.1", "net.3", "net.4"],
            Naming::Minkowski => ["conv1", "norm1", "conv2", "norm2"],
        };
        self.first.bind(&format!("{name}.{first}"), binding)?;
        self.first_norm.bind(&format!("{name}.{first_norm}"), binding)?;
        self.second.bind(&format!("{name}.{second}"), binding)?;
        self.second_norm.bind(&format!("{name}.{second_norm}"), binding)?;
        if let Some(Shortcut { convolution, norm }) = &mut self.shortcut {
            convolution.bind(&format!("{name}.downsample.0"), binding)?;
            norm.bind(&format!("{name}.downsample.1"), binding)?;
        }
        Ok(())
    }
}
