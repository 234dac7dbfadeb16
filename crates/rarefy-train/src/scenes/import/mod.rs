//! Networks that other programs have trained, as runs of this one: [`ForeignWeights`] are read without running anything,
//! [`import`] finds the network that they are of, and [`Imported::save`] writes a run that every command opens.
//!
//! Invariant: nothing is written unless every tensor of the network was found, with its shape and finite.

mod shape;
mod weights;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rarefy_data::DataError;
use rarefy_data::scene::{CLASSES_FILE, ClassMap, KittiMap, SceneFeature};
use rarefy_models::{SegmentationConfig, SegmentationNetwork};
use rarefy_nn::{ImportReport, StateDict, StateDictError};

use super::{SceneConfig, SceneLayout, Scenes};
use crate::checkpoint::Parts;
use crate::machine::Machine;
use crate::state::TrainState;
use crate::{CheckpointError, ConfigError, RunFolder, RunRecord, Task, TrainError, durable};

pub use rarefy_nn::{AxisOrder, Convention, Naming, WeightLayout};
pub use weights::ForeignWeights;

/// What stands in the place of the fingerprints of data that are not there.
const IMPORTED: &str = "imported weights";

/// What can go wrong with an import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file of the weights, or the classes.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The run cannot be written.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A tensor has another shape than its place.
    #[error(transparent)]
    StateDict(#[from] StateDictError),
    /// A safetensors file that cannot be read.
    #[error("{}: {reason}; the file is damaged or no safetensors file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No known network has such names.
    #[error(
        "no network of this program has these names; expected {known}, found {found}, …: say where the names are from with --naming, or rename them in Python"
    )]
    UnknownNames {
        /// Names that would tell a network.
        known: String,
        /// Some of the names.
        found: String,
    },
    /// A kernel of a shape that no convolution here has.
    #[error(
        "{name} has the shape {shape:?}; expected a cubic kernel as {layout}, with as many outputs as the norm behind it has channels"
    )]
    Kernel {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How kernels of its naming are kept.
        layout: WeightLayout,
    },
    /// Channels of no width.
    #[error(
        "the stages have {got:?} channels, which is no multiple of {whole:?} (rounded down): this is another network; if it is not, give its --width"
    )]
    Channels {
        /// Channels of the stages.
        got: Vec<usize>,
        /// Channels at width 1.
        whole: Vec<usize>,
    },
    /// Tensors that the network needs are not there.
    #[error("{} tensors of the network are missing, among them {}: is the file of another network (--model)?", names.len(), names.first().map_or("", String::as_str))]
    Missing {
        /// Their names.
        names: Vec<String>,
    },
    /// A weight that is no number.
    #[error("{name} holds a value that is not a finite number: the training that made the file has failed")]
    NotFinite {
        /// The tensor.
        name: String,
    },
    /// The network and its classes do not fit.
    #[error("the network tells {network} classes apart, and {given} are given: name those that it was trained on")]
    Classes {
        /// Classes of the network.
        network: usize,
        /// Classes given.
        given: usize,
    },
    /// The features and the network's input do not fit.
    #[error("the network takes {expected} channels, and {} make {got} (occupancy 1, position 3, intensity 1, colour 3, signed-colour 3, normal 3): name what it was trained on with --features", if features.is_empty() { "no known features".to_owned() } else { format!("{features:?}") })]
    Features {
        /// Channels of the network's input.
        expected: usize,
        /// Channels of the features.
        got: usize,
        /// The features.
        features: Vec<SceneFeature>,
    },
    /// A setting that cannot work.
    #[error("{what}")]
    Setting {
        /// What is wrong.
        what: String,
    },
}

/// A network that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportModel {
    /// Voxels alone.
    MinkUNet,
    /// Voxels and points.
    Spvcnn,
}

/// The classes that a network was trained on.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportClasses {
    /// The 19 of SemanticKITTI.
    SemanticKitti(KittiMap),
    /// The 20 of ScanNet.
    Scannet,
    /// Those of a `classes.toml`.
    Own(ClassMap),
}

/// What the tensors do not tell.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// The network.
    pub model: ImportModel,
    /// Its width; none: that which its channels give.
    pub width: Option<f64>,
    /// How its tensors are named; none: the naming that has its first kernel.
    pub naming: Option<Naming>,
    /// Which coordinate the first axis of its kernels belongs to.
    pub axes: AxisOrder,
    /// What the norms of a MinkUNet add to the variance; none: 0.001 under spconv's names, else 0.00001.
    pub norm_epsilon: Option<f64>,
    /// Its classes.
    pub classes: ImportClasses,
    /// What it sees of a point; empty: what the number of its channels stands for (4: position and intensity, 3: colour for
    /// ScanNet and else position, 6: position and colour, of spconv on ScanNet colour and normal, 1: occupancy).
    pub features: Vec<SceneFeature>,
    /// Side of a voxel in metres; none: 0.05, or 0.02 for ScanNet.
    pub voxel_size: Option<f32>,
    /// Factor of the intensities.
    pub intensity_scale: f32,
}

/// What became of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its values are in the network.
    Used,
    /// The network has no place for it.
    Left,
    /// The network has it, and the file does not.
    Missing,
}

/// A tensor of the file or of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What became of it.
    pub fate: Fate,
}

impl ImportedTensor {
    /// Whether it is PyTorch's counter of the passes that a norm was trained in, which only a new training would read.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        self.fate == Fate::Left && self.name.ends_with("num_batches_tracked")
    }
}

/// A network with the weights of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The settings of the run that it makes.
    pub config: SceneConfig,
    /// The classes.
    pub classes: ClassMap,
    /// The network.
    pub network: SegmentationNetwork,
    /// How its tensors are named and its kernels kept.
    pub convention: Convention,
    /// All tensors of file and network: used, left, missing, each by name.
    pub tensors: Vec<ImportedTensor>,
}

/// Builds the network that the tensors are of and fills it.
///
/// # Errors
///
/// When the names are of no known network, or a tensor has another shape than its place. Missing tensors are told by
/// [`Imported::save`].
pub fn import(weights: &ForeignWeights, options: &ImportOptions) -> Result<Imported, ImportError> {
    let (naming, prefix) = shape::naming_of(&weights.tensors, options.naming)?;
    let inside = |(name, tensor): (&String, &_)| Some((name.strip_prefix(&prefix)?.to_owned(), Clone::clone(tensor)));
    let dict: StateDict = weights.tensors.iter().filter_map(inside).collect();
    let Fitted { convention, model, network, report } = fitted(&dict, naming, options)?;
    let (layout, map) = match &options.classes {
        ImportClasses::SemanticKitti(map) => (SceneLayout::SemanticKitti, ClassMap::semantic_kitti(*map)),
        ImportClasses::Scannet => (SceneLayout::Scannet, ClassMap::scannet()),
        ImportClasses::Own(map) => (SceneLayout::Folder, map.clone()),
    };
    if map.len() != model.classes() {
        return Err(ImportError::Classes { network: model.classes(), given: map.len() });
    }
    let config = config(options, layout, model, naming)?;
    let places = network.export(convention)?;
    if let Some(name) = report.used.iter().find(|name| !is_finite(&dict, name)) {
        return Err(ImportError::NotFinite { name: name.clone() });
    }
    let shape_in =
        |dict: &StateDict, name: &String| dict.get(name).map_or_else(Vec::new, |tensor| tensor.shape.clone());
    let named = |names: &[String], fate: Fate, from: &StateDict| {
        let tensor = |name: &String| ImportedTensor { name: name.clone(), shape: shape_in(from, name), fate };
        names.iter().map(tensor).collect::<Vec<_>>()
    };
    let outside = weights.tensors.keys().filter(|name| !name.starts_with(&prefix)).cloned().collect::<Vec<_>>();
    let tensors = [
        named(&report.used, Fate::Used, &dict),
        named(&report.left, Fate::Left, &dict),
        named(&outside, Fate::Left, &weights.tensors),
        named(&report.missing, Fate::Missing, &places),
    ];
    Ok(Imported { config, classes: map, network, convention, tensors: tensors.concat() })
}

/// A network that a state dict fits, filled with it.
struct Fitted {
    convention: Convention,
    model: SegmentationConfig,
    network: SegmentationNetwork,
    report: ImportReport,
}

/// The network by the first of the naming's layouts that the whole state dict fits; else the error of the one that came
/// furthest.
fn fitted(dict: &StateDict, naming: Naming, options: &ImportOptions) -> Result<Fitted, ImportError> {
    let fit = |layout: WeightLayout| {
        let convention = Convention { naming, layout, axes: options.axes };
        let model = shape::config_of(dict, convention, options)?;
        let mut network = model.init(0, &Device::flex());
        let report = network.import(dict, convention)?;
        Ok(Fitted { convention, model, network, report })
    };
    let progress = |error: &ImportError| match error {
        ImportError::Kernel { .. } => 0,
        ImportError::StateDict(_) => 2,
        _ => 1,
    };
    let (first, others) = naming.layouts().split_first().expect("every naming has a layout");
    others.iter().fold(fit(*first), |sofar, &layout| {
        let Err(furthest) = sofar else { return sofar };
        fit(layout).map_err(|error| if progress(&error) > progress(&furthest) { error } else { furthest })
    })
}

fn is_finite(dict: &StateDict, name: &str) -> bool {
    dict.get(name).is_none_or(|tensor| tensor.values.iter().all(|value| value.is_finite()))
}

/// The settings of the run.
fn config(
    options: &ImportOptions,
    layout: SceneLayout,
    model: SegmentationConfig,
    naming: Naming,
) -> Result<SceneConfig, ImportError> {
    use SceneFeature::{Colour, Intensity, Normal, Occupancy, Position};
    let mut config = SceneConfig::default();
    config.data.layout = layout;
    if let ImportClasses::SemanticKitti(map) = options.classes {
        config.data.labels = map;
    }
    let rooms = layout == SceneLayout::Scannet;
    config.input.voxel_size = options.voxel_size.unwrap_or(if rooms { 0.02 } else { 0.05 });
    config.input.intensity_scale = options.intensity_scale;
    config.input.features = match (model.features(), &options.features[..]) {
        (4, []) => vec![Position, Intensity],
        (3, []) if rooms => vec![Colour],
        (3, []) => vec![Position],
        (6, []) if rooms && naming == Naming::Spconv => vec![Colour, Normal],
        (6, []) => vec![Position, Colour],
        (1, []) => vec![Occupancy],
        (_, given) => given.to_vec(),
    };
    let (expected, got) = (model.features(), config.input.channels());
    if expected != got {
        return Err(ImportError::Features { expected, got, features: config.input.features });
    }
    config.input.check()?;
    config.model = model;
    Ok(config)
}

impl Imported {
    /// Number of tensors of this fate.
    #[must_use]
    pub fn count(&self, fate: Fate) -> usize {
        self.tensors.iter().filter(|tensor| tensor.fate == fate).count()
    }

    /// Writes a run with the network as its only checkpoint, best and last, and its `classes.toml`.
    ///
    /// # Errors
    ///
    /// When tensors are missing, there is a run in the folder already, or it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), ImportError> {
        let missing = self.tensors.iter().filter(|tensor| tensor.fate == Fate::Missing);
        let names: Vec<String> = missing.map(|tensor| tensor.name.clone()).collect();
        if !names.is_empty() {
            return Err(ImportError::Missing { names });
        }
        let run = RunFolder::create(folder)?;
        let classes: Vec<String> = self.classes.names().into_iter().map(str::to_owned).collect();
        run.write_record(&self.record(&classes))?;
        run.write_text(CLASSES_FILE, &self.classes.to_toml())?;
        let optimiser = self.config.optimiser.init(&self.network);
        let state = TrainState::default();
        let parts: Parts<'_, Scenes> = Parts {
            network: &self.network,
            average: None,
            optimiser: &optimiser,
            state: &state,
            config: &self.config,
            classes: &classes,
        };
        run.save_checkpoint(&parts, true, &durable::write_synced)
            .map_err(|error: CheckpointError| TrainError::from(error))?;
        // Last, as it is what makes the folder a run.
        run.write_config(&self.config)?;
        Ok(())
    }

    fn record(&self, classes: &[String]) -> RunRecord {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        RunRecord {
            task: Scenes::NAME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            commit: None,
            machine: Machine::here(),
            seed: self.config.train.seed,
            started: since_1970.map_or(0, |since| since.as_secs()),
            classes: classes.to_vec(),
            parameters: self.network.parameter_count(),
            train_samples: 0,
            test_samples: 0,
            train_fingerprint: IMPORTED.into(),
            test_fingerprint: IMPORTED.into(),
            skipped: Vec::new(),
        }
    }
}

impl RunRecord {
    /// Whether the run was made of weights of another program, so that there is no training to go on with.
    #[must_use]
    pub fn is_imported(&self) -> bool {
        self.train_fingerprint == IMPORTED
    }
}

impl From<ConfigError> for ImportError {
    fn from(error: ConfigError) -> Self {
        Self::Train(error.into())
    }
}
