//! The choice of a network that labels every point of a scene.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rarefy_nn::{
    Binding, Convention, ImportReport, Initialiser, Named, ParameterCount, StateDict, StateDictError,
    export_state_dict, import_state_dict,
};
use rarefy_sparse::{Interpolation, PointCloud, Reduction, SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use crate::{
    ConfigError, MinkUNet, MinkUNetConfig, Mode, SparseConvUNet, SparseConvUNetConfig, Spvcnn, SpvcnnConfig, Trace,
};

/// Which network, and its shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum SegmentationConfig {
    /// A residual U-Net of voxels.
    #[serde(rename = "minkunet")]
    MinkUNet(MinkUNetConfig),
    /// The same beside a branch of points.
    Spvcnn(SpvcnnConfig),
    /// The U-Net of SparseConvNet.
    #[serde(rename = "sparse-conv-unet")]
    SparseConvUNet(SparseConvUNetConfig),
}

impl SegmentationConfig {
    /// Name of the network, as in configurations.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::MinkUNet(_) => "minkunet",
            Self::Spvcnn(_) => "spvcnn",
            Self::SparseConvUNet(_) => "sparse-conv-unet",
        }
    }

    /// Number of classes; 0 while it is not known.
    #[must_use]
    pub fn classes(&self) -> usize {
        match self {
            Self::MinkUNet(config) => config.classes,
            Self::Spvcnn(config) => config.classes,
            Self::SparseConvUNet(config) => config.classes,
        }
    }

    /// The same network for another number of classes.
    #[must_use]
    pub fn with_classes(mut self, classes: usize) -> Self {
        match &mut self {
            Self::MinkUNet(config) => config.classes = classes,
            Self::Spvcnn(config) => config.classes = classes,
            Self::SparseConvUNet(config) => config.classes = classes,
        }
        self
    }

    /// Feature channels of the input.
    #[must_use]
    pub fn features(&self) -> usize {
        match self {
            Self::MinkUNet(config) => config.features,
            Self::Spvcnn(config) => config.features,
            Self::SparseConvUNet(config) => config.features,
        }
    }

    /// Whether every setting can be built.
    ///
    /// # Errors
    ///
    /// Names the first setting that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self {
            Self::MinkUNet(config) => config.validate(),
            Self::Spvcnn(config) => config.validate(),
            Self::SparseConvUNet(config) => config.validate(),
        }
    }

    /// A network whose weights `seed` determines.
    #[must_use]
    pub fn init(&self, seed: u64, device: &Device) -> SegmentationNetwork {
        let mut init = Initialiser::new(seed, device);
        match self {
            Self::MinkUNet(config) => SegmentationNetwork::MinkUNet(config.init(&mut init)),
            Self::Spvcnn(config) => SegmentationNetwork::Spvcnn(config.init(&mut init)),
            Self::SparseConvUNet(config) => SegmentationNetwork::SparseConvUNet(config.init(&mut init)),
        }
    }
}

/// What a network says of every point, and what it says it from.
#[derive(Clone, Debug)]
pub struct BranchedScores {
    /// Class scores before the softmax, `[points, classes]`.
    pub scores: Tensor<2>,
    /// The features behind them, `[points, channels]`, by the branch that they come from; the sum over the branches is what is
    /// classified. Every network has `voxels`, SPVCNN also `points`.
    pub branches: Vec<(&'static str, Tensor<2>)>,
}

/// Any of the networks that label points.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "one network lives at a time")]
pub enum SegmentationNetwork {
    /// A residual U-Net of voxels.
    MinkUNet(MinkUNet),
    /// The same beside a branch of points.
    Spvcnn(Spvcnn),
    /// The U-Net of SparseConvNet.
    SparseConvUNet(SparseConvUNet),
}

impl SegmentationNetwork {
    /// Class scores before the softmax of every point, `[points, classes]`.
    ///
    /// Places of the cloud are in units of voxels; `features` is `[points, features]`. A voxel takes the mean of its
    /// points; networks of voxels alone give all points of a voxel its scores.
    ///
    /// # Errors
    ///
    /// When the features have another width than the configuration says, or not one row a point.
    pub fn forward(
        &self,
        cloud: &PointCloud,
        features: Tensor<2>,
        mode: Mode,
        trace: &mut Trace,
    ) -> Result<Tensor<2>, SparseError> {
        if let Self::Spvcnn(network) = self {
            return network.forward(cloud, features, mode, trace);
        }
        let input = SparseTensor::voxelise(cloud, features, [1; 3], Reduction::Mean)?;
        let (_, scores) = self.of_voxels(&input, mode, trace)?;
        scores.devoxelise(cloud, [1; 3], Interpolation::Cell)
    }

    /// As [`forward`](Self::forward), with the features that the scores are made of.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn forward_with_branches(
        &self,
        cloud: &PointCloud,
        features: Tensor<2>,
        mode: Mode,
        trace: &mut Trace,
    ) -> Result<BranchedScores, SparseError> {
        if let Self::Spvcnn(network) = self {
            let branches = network.branches(cloud, features, mode, trace)?;
            let scores = network.classify(&branches, trace)?;
            return Ok(BranchedScores {
                scores,
                branches: vec![("voxels", branches.voxels), ("points", branches.points)],
            });
        }
        let input = SparseTensor::voxelise(cloud, features, [1; 3], Reduction::Mean)?;
        let (features, scores) = self.of_voxels(&input, mode, trace)?;
        let of_points = |x: &SparseTensor| x.devoxelise(cloud, [1; 3], Interpolation::Cell);
        Ok(BranchedScores { scores: of_points(&scores)?, branches: vec![("voxels", of_points(&features)?)] })
    }

    /// Features and scores on voxels, of networks that know nothing else.
    fn of_voxels(
        &self,
        input: &SparseTensor,
        mode: Mode,
        trace: &mut Trace,
    ) -> Result<(SparseTensor, SparseTensor), SparseError> {
        match self {
            Self::MinkUNet(network) => {
                let features = network.features(input, mode, trace)?;
                let scores = network.classify(&features, trace)?;
                Ok((features, scores))
            }
            Self::SparseConvUNet(network) => {
                let features = network.features(input, mode, trace)?;
                let scores = network.classify(&features, trace)?;
                Ok((features, scores))
            }
            Self::Spvcnn(_) => unreachable!("points have a branch of their own"),
        }
    }

    /// Number of values that training changes (running statistics are not among them).
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let mut count = ParameterCount::default();
        self.visit(&mut count);
        count.total()
    }

    /// Fills the network from the tensors of another program; of a `Naming` alone, in its layout of today.
    ///
    /// # Errors
    ///
    /// When a tensor has another shape than its place, or the network has no such names; it is then unchanged.
    pub fn import(
        &mut self,
        dict: &StateDict,
        convention: impl Into<Convention>,
    ) -> Result<ImportReport, StateDictError> {
        import_state_dict(dict, convention, |binding| self.bind("", binding))
    }

    /// The tensors of the network under the names of another program, and in its layout.
    ///
    /// # Errors
    ///
    /// When the network has no such names.
    pub fn export(&self, convention: impl Into<Convention>) -> Result<StateDict, StateDictError> {
        export_state_dict(convention, |binding| self.clone().bind("", binding))
    }
}

impl Named for SegmentationNetwork {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        let naming = binding.naming();
        match self {
            Self::MinkUNet(network) => network.bind(name, binding),
            Self::Spvcnn(network) => network.bind(name, binding),
            Self::SparseConvUNet(_) => Err(StateDictError::NoNames { network: "sparse-conv-unet", naming }),
        }
    }
}
