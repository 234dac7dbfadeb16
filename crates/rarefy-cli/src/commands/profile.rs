//! `rarefy profile`: the sparsity table, what each layer does to shapes of a given size.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use clap::{Args, ValueEnum};
use rarefy_data::{Augment, ClassFolder, Dataset, LoadOptions, Rotation, ShapeEntry, VoxelPipeline, synthetic_dataset};
use rarefy_models::{ModelConfig, Network};
use rarefy_train::shapes::ShapeConfig;
use rarefy_train::{Event, Progress, TaskConfig, Which};

use crate::console::{Console, bytes};
use crate::failure::{CommandResult, Outcome, WrongUse};
use crate::layers::{self, Layer};
use crate::listener::Listener;
use crate::table::Table;
use crate::trained::Trained;

/// Turns that are drawn for each shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Turn {
    /// As the file has it
    None,
    /// About the vertical axis
    Vertical,
    /// About any axis, as in the paper
    Any,
}

/// Options of `rarefy profile`.
#[derive(Debug, Args)]
#[command(
    after_help = "Figures are means over the shapes, for one shape.\n\nExamples:\n  rarefy profile meshes                                   the paper's network at the paper's size, beside its figures\n  rarefy profile meshes --model s3dcnn-modern --render-size 32\n  rarefy profile --model runs/quickstart                  a trained network on synthetic shapes"
)]
pub(crate) struct ProfileArgs {
    /// Folder of shapes; without it, synthetic ones
    folder: Option<PathBuf>,
    /// A preset, a run or a checkpoint
    #[arg(long, short, default_value = "s3dcnn")]
    model: String,
    /// Voxels over the longest side of a shape (default: as trained)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=256))]
    render_size: Option<u32>,
    /// Most shapes that are measured, taken at even distances
    #[arg(long, default_value_t = 120, value_name = "N")]
    limit: usize,
    /// Shapes in a batch
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// Turn each shape at random
    #[arg(long, value_enum, default_value_t = Turn::Any)]
    rotation: Turn,
    /// One line of JSON a layer
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ProfileArgs, console: Console) -> CommandResult {
    let (network, model, mut pipeline) = subject(&args.model)?;
    pipeline.render_size = args.render_size.unwrap_or(pipeline.render_size);
    let rotation = match args.rotation {
        Turn::None => Rotation::None,
        Turn::Vertical => Rotation::Vertical,
        Turn::Any => Rotation::Any,
    };
    pipeline.test_augment = Augment { rotation, ..Augment::default() };
    pipeline.check().map_err(|error| WrongUse(error.to_string()))?;
    let resolution = (2 * pipeline.render_size).max(128);
    let dataset = match &args.folder {
        Some(folder) => load(folder, args.limit, resolution, console)?,
        None => Arc::new(synthetic_dataset(args.limit.clamp(1, 1000), 1, resolution)?),
    };
    let shapes: Vec<usize> = (0..dataset.len()).collect();
    let layers = layers::measure((&network, &model), (&dataset, &shapes), &pipeline, usize::from(args.batch), console)?;
    if args.json {
        for layer in &layers {
            console.result(serde_json::to_string(layer)?);
        }
        return Ok(Outcome::Done);
    }
    console.result(format_args!(
        "{} on {} shapes, {} voxels over the longest side, grid {}³, {} parameters, {} thread(s)\n",
        args.model,
        dataset.len(),
        pipeline.render_size,
        pipeline.grid,
        network.parameter_count(),
        rayon::current_num_threads()
    ));
    show(&layers, console);
    Ok(Outcome::Done)
}

/// The network, what it was made from, and its pipeline.
fn subject(model: &str) -> anyhow::Result<(Network, ModelConfig, VoxelPipeline)> {
    if Path::new(model).is_dir() {
        let trained = Trained::open(Path::new(model), Which::Best)?;
        let config = trained.manifest.config;
        return Ok((trained.network, config.model.clone(), config.pipeline()));
    }
    let config = ShapeConfig::load(model, &["data.root=-"]).map_err(|error| WrongUse(error.to_string()))?;
    let classes = config.model.classes().max(40);
    let pipeline = config.pipeline();
    let shape = config.model.with_classes(classes);
    Ok((shape.init(1, &Device::flex()), shape, pipeline))
}

fn load(folder: &Path, limit: usize, resolution: u32, console: Console) -> anyhow::Result<Arc<Dataset>> {
    let folder = ClassFolder::open(folder)?;
    let all = folder.all()?;
    let count = all.len().min(limit.max(1));
    let entries: Vec<ShapeEntry> = (0..count).map(|number| all[number * all.len() / count].clone()).collect();
    let listener = Listener::new(console);
    let report = |done, total| listener.event(Event::Loading { split: "the", done, total });
    let options = LoadOptions { cache_resolution: resolution, progress: Some(&report), ..LoadOptions::default() };
    Ok(Arc::new(Dataset::load(&entries, folder.classes(), &options)?))
}

fn show(layers: &[Layer], console: Console) {
    let mut table =
        Table::new(1, ["layer", "channels", "grid", "active %", "paper %", "pairs", "M MAC", "ms", "memory"]);
    let (mut macs, mut ms, mut memory) = (0.0, 0.0, 0.0);
    for layer in layers {
        (macs, ms, memory) = (macs + layer.macs, ms + layer.ms, memory + layer.bytes);
        table.row(vec![
            layer.name.clone(),
            layer.channels.to_string(),
            format!("{}³", layer.grid[0]),
            format!("{:.2}", layer.active_percent),
            layer.paper_percent.map_or_else(String::new, |percent| format!("{percent:.2}")),
            format!("{:.0}", layer.pairs),
            format!("{:.3}", layer.macs / 1e6),
            format!("{:.3}", layer.ms),
            bytes(layer.bytes as u64),
        ]);
    }
    let blank = String::new;
    table.row(vec![
        "all".into(),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        format!("{:.3}", macs / 1e6),
        format!("{ms:.3}"),
        bytes(memory as u64),
    ]);
    console.result(table);
}
