//! A trained network with all that it takes to run it on scans: what `eval`, `predict` and `submit` share.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use rarefy_data::scene::ClassMap;
use rarefy_models::SegmentationNetwork;
use rarefy_sparse::Precision;
use rarefy_train::scenes::{Passes, SceneConfig, Scenes, Segmenter, class_map};
use rarefy_train::{Manifest, Which, open_checkpoint};

/// Voxels above which a scan is cut into blocks.
pub(crate) const MOST_VOXELS: usize = 400_000;

/// How a network is run over scans.
#[derive(Debug, Args)]
pub(crate) struct PassArgs {
    /// Scans: passes over each, turned to this many angles, averaged (default: as the run was measured)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=360))]
    views: Option<u32>,
    /// Scans: round the factors of convolutions to bf16, which is quicker on processors with AVX512-BF16, or not (default: as
    /// in the training)
    #[arg(long, value_name = "TYPE", value_parser = precision())]
    precision: Option<Precision>,
}

impl PassArgs {
    /// What is asked for, and the rest as in `usual`.
    pub(crate) fn or(&self, usual: Passes) -> Passes {
        let (views, precision) = (self.views.unwrap_or(usual.views), self.precision.unwrap_or(usual.precision));
        Passes { views, precision, ..usual }
    }

    /// The first option that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        self.views.map(|_| "--views").or(self.precision.map(|_| "--precision"))
    }
}

/// How scans are labelled.
#[derive(Debug, Args)]
pub(crate) struct SegmentArgs {
    #[command(flatten)]
    passes: PassArgs,
    /// Scans: cut each into overlapping blocks of this side, in units of the file (default: only scans of more than 400,000 voxels)
    #[arg(long, value_name = "METRES", value_parser = length)]
    chunk: Option<f32>,
}

impl SegmentArgs {
    /// The first option that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        self.passes.given().or(self.chunk.map(|_| "--chunk"))
    }
}

/// The names of precisions.
fn precision() -> impl TypedValueParser<Value = Precision> {
    PossibleValuesParser::new(["f32", "bf16"]).map(|name| if name == "f32" { Precision::F32 } else { Precision::Bf16 })
}

/// A length above 0.
fn length(text: &str) -> Result<f32, String> {
    let length = text.parse::<f32>().ok().filter(|length| (1e-3..=1e7).contains(length));
    length.ok_or_else(|| "expected a length from 0.001 to 1e7".into())
}

/// A network, its settings and its classes.
#[derive(Debug)]
pub(crate) struct TrainedScenes {
    /// The checkpoint's folder.
    pub(crate) folder: PathBuf,
    /// What the checkpoint says of itself.
    pub(crate) manifest: Manifest<SceneConfig>,
    pub(crate) network: SegmentationNetwork,
}

impl TrainedScenes {
    /// Opens a run or a checkpoint.
    pub(crate) fn open(path: &Path, last: bool) -> anyhow::Result<Self> {
        let which = if last { Which::Last } else { Which::Best };
        let checkpoint = open_checkpoint::<Scenes>(path, which)?;
        let network = checkpoint.network(&Device::flex())?;
        Ok(Self { folder: checkpoint.folder().to_path_buf(), manifest: checkpoint.manifest().clone(), network })
    }

    /// The classes with their numbers in label files: those of a public data set, those of `file`, or those of a
    /// `classes.toml` in the run or beside its data.
    pub(crate) fn classes(&self, file: Option<&Path>) -> anyhow::Result<ClassMap> {
        // A checkpoint lies two folders below its run.
        let folders: Vec<&Path> = self.folder.ancestors().take(3).collect();
        let classes = match file {
            Some(file) => ClassMap::read(file)?,
            None => class_map(&self.manifest.config, &folders).map_err(|error| {
                anyhow::anyhow!("the classes of the run have no numbers: name their file with --classes; {error}")
            })?,
        };
        self.check_classes(&classes)?;
        Ok(classes)
    }

    /// Whether these are the classes that the network was trained on.
    pub(crate) fn check_classes(&self, classes: &ClassMap) -> anyhow::Result<()> {
        let (expected, got) = (&self.manifest.classes, classes.names());
        let other = expected.iter().zip(&got).find(|(expected, got)| expected != got);
        if expected.len() == got.len() && other.is_none() {
            return Ok(());
        }
        let odd = other.map_or_else(String::new, |(expected, got)| format!(", `{got}` in place of `{expected}`"));
        anyhow::bail!(
            "the classes are not those that the network was trained on ({} instead of {}{odd}): give the classes.toml of its training",
            got.len(),
            expected.len()
        )
    }

    /// How the network is run over a scan: as is asked for, or as the run was measured.
    pub(crate) fn passes(&self, args: &PassArgs) -> Passes {
        args.or(self.manifest.config.passes())
    }

    /// The network, ready to label scans that are never cut.
    pub(crate) fn whole(&self, args: &PassArgs) -> Segmenter {
        Segmenter {
            network: self.network.clone(),
            pipeline: self.manifest.config.input.clone(),
            passes: self.passes(args),
            side: None,
            most_voxels: usize::MAX,
        }
    }

    /// The network, ready to label scans.
    pub(crate) fn segmenter(&self, args: &SegmentArgs) -> Segmenter {
        Segmenter { side: args.chunk, most_voxels: MOST_VOXELS, ..self.whole(&args.passes) }
    }
}
