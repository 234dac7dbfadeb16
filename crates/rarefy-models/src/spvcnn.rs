//! SPVCNN: the U-Net of MinkUNet beside a branch of points (Tang et al. 2020; spec §4.3).
//!
//! Points keep their exact places through the whole network. At three of the grids the features of the voxels are read
//! back by every point, trilinearly, added to those of a small network on the points themselves, and averaged into
//! the voxels again. Points and voxels are joined once a grid and pass: the maps are in the cache of the pass.

use burn::module::Module;
use burn::tensor::Tensor;
use rarefy_nn::{Binding, Initialiser, Linear, Named, Naming, PointMlp, StateDictError, WeightRange};
use rarefy_sparse::{Interpolation, PointCloud, Reduction, SparseError, SparseTensor};
use serde::{Deserialize, Serialize};

use crate::blocks::NormSettings;
use crate::unet::{self, STAGES, UNet, UNetShape, Widen};
use crate::{ConfigError, Mode, Trace, UNetNames};

/// Shape of an [`Spvcnn`]. The default is the network of the SPVNAS model zoo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpvcnnConfig {
    /// Number of classes.
    pub classes: usize,
    /// Feature channels of the input.
    pub features: usize,
    /// Channels of every layer as a multiple of 32, 32, 64, 128, 256, 256, 128, 96, 96, rounded down.
    pub width: f64,
    /// Probability of the drop-out behind the first two ways from points to voxels.
    pub drop_out: f64,
}

impl Default for SpvcnnConfig {
    fn default() -> Self {
        Self { classes: 0, features: 4, width: 1.0, drop_out: 0.3 }
    }
}

impl SpvcnnConfig {
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
        if (0.0..1.0).contains(&self.drop_out) {
            return Ok(());
        }
        Err(ConfigError { key: "drop_out", got: self.drop_out.to_string(), allowed: "0..1".into() })
    }

    /// A network with weights drawn from `init`.
    #[must_use]
    pub fn init(&self, init: &mut Initialiser) -> Spvcnn {
        init.set_weight_range(WeightRange::TorchSparse);
        let widths = self.widths();
        let shape = UNetShape {
            features: self.features,
            widths,
            stem: &[3, 3],
            blocks: &[2; 2 * STAGES],
            widen: Widen::default(),
            norm: NormSettings::default(),
        };
        let body = UNet::new(&shape, init);
        let point_transforms = [(0, 4), (4, 6), (6, 8)].map(|(from, to)| PointMlp::new(widths[from], widths[to], init));
        Spvcnn {
            body,
            point_transforms: point_transforms.into(),
            classifier: Linear::new(widths[8], self.classes, init),
            drop_out: self.drop_out,
        }
    }
}

/// What the last SPVConv adds up: the features of every point from either branch, `[points, channels]`.
#[derive(Clone, Debug)]
pub struct Branches {
    /// Read from the voxels around the point.
    pub voxels: Tensor<2>,
    /// Made of the point's own features.
    pub points: Tensor<2>,
}

/// The network: a U-Net of voxels, three point-wise layers beside it, a linear classifier for every point.
#[derive(Module, Debug)]
pub struct Spvcnn {
    body: UNet,
    point_transforms: Vec<PointMlp>,
    classifier: Linear,
    #[module(skip)]
    drop_out: f64,
}

impl Spvcnn {
    /// Class scores before the softmax of every point, `[points, classes]`; `features` is `[points, features]`.
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
        self.classify(&self.branches(cloud, features, mode, trace)?, trace)
    }

    /// Class scores of [`branches`](Self::branches).
    ///
    /// # Errors
    ///
    /// None for those of this network.
    pub fn classify(&self, branches: &Branches, trace: &mut Trace) -> Result<Tensor<2>, SparseError> {
        let Branches { voxels, points } = branches;
        trace.rows("classifier", Some(voxels), || Ok(self.classifier.forward(voxels.clone() + points.clone())))
    }

    /// The features of every point from the two branches of the last SPVConv, whose sum is classified (spec §4.6).
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn branches(
        &self,
        cloud: &PointCloud,
        features: Tensor<2>,
        mode: Mode,
        trace: &mut Trace,
    ) -> Result<Branches, SparseError> {
        let training = mode.is_training();
        let input = SparseTensor::voxelise(cloud, features, [1; 3], Reduction::Mean)?;
        trace.input(&input);
        let points = Points { cloud, mode, drop_out: self.drop_out };
        let stem = self.body.stem(&input, training, trace)?;
        let z0 = points.read(&stem, 0, trace)?;
        let mut levels = vec![stem];
        let mut x = points.write(z0.clone(), &levels[0], 0, trace)?;
        for stage in 1..=STAGES {
            x = self.body.down(stage, &x, training, trace)?;
            levels.push(x.clone());
        }
        let z1 = points.read(&x, STAGES, trace)? + self.transform(0, &z0, training, trace)?;
        let x = points.write(z1.clone(), &levels[STAGES], STAGES, trace)?;
        let x = points.drop(x, 0)?;
        let x = self.body.up(1, &x, &levels[3], training, trace)?;
        let x = self.body.up(2, &x, &levels[2], training, trace)?;
        let z2 = points.read(&x, 2, trace)? + self.transform(1, &z1, training, trace)?;
        let x = points.write(z2.clone(), &x, 2, trace)?;
        let x = points.drop(x, 1)?;
        let x = self.body.up(3, &x, &levels[1], training, trace)?;
        let x = self.body.up(4, &x, &levels[0], training, trace)?;
        Ok(Branches { voxels: points.read(&x, 0, trace)?, points: self.transform(2, &z2, training, trace)? })
    }

    fn transform(
        &self,
        number: usize,
        z: &Tensor<2>,
        training: bool,
        trace: &mut Trace,
    ) -> Result<Tensor<2>, SparseError> {
        let name = format!("point_transform{number}");
        trace.rows(&name, Some(z), || Ok(self.point_transforms[number].forward(z.clone(), training)))
    }
}

/// The points of a pass, between which and the voxels features move.
struct Points<'a> {
    cloud: &'a PointCloud,
    mode: Mode,
    drop_out: f64,
}

impl Points<'_> {
    /// The features of the voxels, `2^level` wide, around each point.
    fn read(&self, voxels: &SparseTensor, level: usize, trace: &mut Trace) -> Result<Tensor<2>, SparseError> {
        let name = format!("to_points.{level}");
        trace.rows(&name, None, || voxels.devoxelise(self.cloud, [1 << level; 3], Interpolation::Trilinear))
    }

    /// The means of the points in each voxel of `voxels`, `2^level` wide.
    fn write(
        &self,
        points: Tensor<2>,
        voxels: &SparseTensor,
        level: usize,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let name = || format!("to_voxels.{level}");
        trace.light(name, voxels, |x| x.voxelise_onto(self.cloud, points, [1 << level; 3], Reduction::Mean))
    }

    /// Drop-out number `place` of a training pass.
    fn drop(&self, x: SparseTensor, place: u64) -> Result<SparseTensor, SparseError> {
        match self.mode {
            Mode::Training { seed } if self.drop_out > 0.0 => {
                x.drop_out(self.drop_out, seed.wrapping_mul(2).wrapping_add(place))
            }
            _ => Ok(x),
        }
    }
}

impl Named for Spvcnn {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        let naming = binding.naming();
        if naming != Naming::TorchSparse {
            return Err(StateDictError::NoNames { network: "spvcnn", naming });
        }
        self.body.bind(name, binding)?;
        for (number, transform) in self.point_transforms.iter_mut().enumerate() {
            transform.bind(&format!("point_transforms.{number}"), binding)?;
        }
        self.classifier.bind(UNetNames::new(naming).classifier(), binding)
    }
}
