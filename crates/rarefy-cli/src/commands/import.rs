//! `rarefy import`: a run of the weights of a network that another program has trained.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rarefy_data::scene::{ClassMap, KittiMap, SceneFeature};
use rarefy_models::{MinkUNetConfig, SegmentationConfig};
use rarefy_train::scenes::import::{
    AxisOrder, Convention, Fate, ForeignWeights, ImportClasses, ImportModel, ImportOptions, Imported, Naming, import,
};

use crate::console::Console;
use crate::failure::{CommandResult, Outcome};
use crate::table::Table;

const HELP: &str = "\
Reads PyTorch checkpoints (ZIP and legacy stream, under `model`, `state_dict`, … or at the top), .safetensors and .npz. Nothing of
a file is run, and a file that asks for it is refused. Names and layouts are those of the SPVNAS zoo (torchsparse), of
MinkowskiEngine's UNets and of Pointcept's SpUNet (spconv 1 and 2); width, blocks, channels and the layout of the kernels follow
from the tensors. Every tensor is listed with what became of it (counters of training in one line), and nothing is written if one
is missing.

The run opens with `rarefy predict` and `rarefy eval`. What the file does not tell must be right: classes, features, the side of
a voxel, the scale of intensities, whether x was the first or the last coordinate of a voxel, the ε of the norms.

Examples:
  rarefy import init --model spvcnn --classes semantic-kitti-repository --out runs/zoo
  rarefy import net.pth --model minkunet --classes scannet --voxel-size 0.02 --out runs/rooms
  rarefy import model_best.pth --model minkunet --classes semantic-kitti --out runs/spunet
  rarefy import mine.safetensors --model minkunet --classes classes.toml --features position --out runs/mine
  rarefy eval runs/zoo --data semantickitti";

/// Options of `rarefy import`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct ImportArgs {
    /// The file of the weights
    weights: PathBuf,
    /// The network that they are of
    #[arg(long, value_enum)]
    model: Model,
    /// The classes that it was trained on: semantic-kitti, semantic-kitti-repository (as the SPVNAS code reads them), scannet,
    /// or a classes.toml
    #[arg(long, value_name = "CLASSES")]
    classes: String,
    /// Folder of the run that is made
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Channels as a multiple of 32, 32, 64, 128, 256, 256, 128, 96, 96 (default: what the tensors say)
    #[arg(long, value_name = "W")]
    width: Option<f64>,
    /// Where the names are from (default: what the tensors say)
    #[arg(long, value_enum)]
    naming: Option<NamingWord>,
    /// Order of the coordinates of a voxel in the training, which is that of a kernel's axes
    #[arg(long, value_enum, default_value = "xyz")]
    axes: AxesWord,
    /// What the norms of a minkunet add to the variance (default: 0.001 under spconv's names, else 0.00001)
    #[arg(long, value_name = "E")]
    norm_epsilon: Option<f64>,
    /// What the network sees of a point (default: 4 channels are position,intensity; 3 are colour for scannet, else position;
    /// 6 are colour,normal for scannet under spconv's names, else position,colour)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME,NAME,…")]
    features: Vec<Feature>,
    /// Side of a voxel in metres (default: 0.05, for scannet 0.02)
    #[arg(long, value_name = "METRES")]
    voxel_size: Option<f32>,
    /// Factor of the intensities that brings them to those of the training
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    intensity_scale: f32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Model {
    Minkunet,
    Spvcnn,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NamingWord {
    /// SPVNAS and others on torchsparse 1 and 2
    Torchsparse,
    /// MinkowskiEngine
    Minkowski,
    /// Networks of Pointcept on spconv 1 and 2
    Spconv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AxesWord {
    /// Voxels were (sample, x, y, z)
    Xyz,
    /// Voxels were (sample, z, y, x)
    Zyx,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Feature {
    Occupancy,
    Position,
    Intensity,
    /// Red, green, blue from 0 to 1
    Colour,
    /// Red, green, blue from −1 to 1
    SignedColour,
    Normal,
}

impl From<Feature> for SceneFeature {
    fn from(feature: Feature) -> Self {
        match feature {
            Feature::Occupancy => Self::Occupancy,
            Feature::Position => Self::Position,
            Feature::Intensity => Self::Intensity,
            Feature::Colour => Self::Colour,
            Feature::SignedColour => Self::SignedColour,
            Feature::Normal => Self::Normal,
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &ImportArgs, console: Console) -> CommandResult {
    let classes = match args.classes.as_str() {
        "semantic-kitti" => ImportClasses::SemanticKitti(KittiMap::Official),
        "semantic-kitti-repository" => ImportClasses::SemanticKitti(KittiMap::Repository),
        "scannet" => ImportClasses::Scannet,
        file => ImportClasses::Own(ClassMap::read(file.as_ref())?),
    };
    let options = ImportOptions {
        model: match args.model {
            Model::Minkunet => ImportModel::MinkUNet,
            Model::Spvcnn => ImportModel::Spvcnn,
        },
        width: args.width,
        naming: args.naming.map(|naming| match naming {
            NamingWord::Torchsparse => Naming::TorchSparse,
            NamingWord::Minkowski => Naming::Minkowski,
            NamingWord::Spconv => Naming::Spconv,
        }),
        axes: match args.axes {
            AxesWord::Xyz => AxisOrder::Xyz,
            AxesWord::Zyx => AxisOrder::Zyx,
        },
        norm_epsilon: args.norm_epsilon,
        classes,
        features: args.features.iter().map(|&feature| feature.into()).collect(),
        voxel_size: args.voxel_size,
        intensity_scale: args.intensity_scale,
    };
    let weights = ForeignWeights::read(&args.weights)?;
    let imported = import(&weights, &options)?;
    show(&imported, &weights, console);
    imported.save(&args.out)?;
    let (model, input) = (&imported.config.model, &imported.config.input);
    let features = serde_json::to_string(&input.features)?;
    console.result(format_args!("network   {}, {} parameters", model.name(), imported.network.parameter_count()));
    console.result(format_args!("input     {features}, voxels of {}", input.voxel_size));
    console.result(format_args!("run       {}", args.out.display()));
    Ok(Outcome::Done)
}

fn show(imported: &Imported, weights: &ForeignWeights, console: Console) {
    let mut table = Table::new(1, ["tensor", "shape", ""]);
    for tensor in imported.tensors.iter().filter(|tensor| !tensor.is_counter()) {
        let fate = match tensor.fate {
            Fate::Used => "used",
            Fate::Left => "left",
            Fate::Missing => "missing",
        };
        table.row(vec![tensor.name.clone(), format!("{:?}", tensor.shape), fate.into()]);
    }
    let counters = imported.tensors.iter().filter(|tensor| tensor.is_counter()).count();
    if counters > 0 {
        // What only training reads, in one line.
        table.row(vec![format!("num_batches_tracked of {counters} norms"), "[]".into(), "left".into()]);
    }
    console.result(table);
    let [used, left, missing] = [Fate::Used, Fate::Left, Fate::Missing].map(|fate| imported.count(fate));
    let (kind, Convention { naming, layout, axes }) = (weights.kind, imported.convention);
    console
        .result(format_args!("\ntensors   {used} used, {left} left, {missing} missing ({kind}, names of {naming:?})"));
    let axes = match axes {
        AxisOrder::Xyz => "x, y, z",
        AxisOrder::Zyx => "z, y, x",
    };
    console.result(format_args!("kernels   as in {layout}, axes {axes}"));
    if let SegmentationConfig::MinkUNet(MinkUNetConfig { norm_epsilon, .. }) = &imported.config.model {
        console.result(format_args!("norms     ε {norm_epsilon}"));
    }
    if !weights.not_run.is_empty() {
        console.result(format_args!("not run   {}", weights.not_run.join(", ")));
    }
}
