//! `rarefy profile` for networks of shapes: the sparsity table, what each layer does to shapes of a given size.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use rarefy_data::{Augment, ClassFolder, Dataset, LoadOptions, Rotation, VoxelPipeline, synthetic_dataset};
use rarefy_models::{ModelConfig, Network};
use rarefy_train::shapes::ShapeConfig;
use rarefy_train::{Event, Progress, TaskConfig, Which};

use super::{ProfileArgs, Turn, spread};
use crate::console::{Console, bytes};
use crate::failure::{CommandResult, Outcome, WrongUse};
use crate::layers::{self, Layer};
use crate::listener::Listener;
use crate::table::Table;
use crate::trained::Trained;

/// Shapes that are measured at most.
const LIMIT: usize = 120;
/// Shapes in a batch.
const BATCH: u16 = 8;

/// Runs the command.
pub(super) fn run(args: &ProfileArgs, console: Console) -> CommandResult {
    let (network, model, mut pipeline) = subject(&args.model)?;
    pipeline.render_size = args.render_size.unwrap_or(pipeline.render_size);
    let rotation = match args.rotation {
        Some(Turn::None) => Rotation::None,
        Some(Turn::Vertical) => Rotation::Vertical,
        None | Some(Turn::Any) => Rotation::Any,
    };
    let (limit, batch) = (args.limit.unwrap_or(LIMIT), args.batch.unwrap_or(BATCH));
    pipeline.test_augment = Augment { rotation, ..Augment::default() };
    pipeline.check().map_err(|error| WrongUse(error.to_string()))?;
    let resolution = (2 * pipeline.render_size).max(128);
    let dataset = match &args.data {
        Some(folder) => load(folder, limit, resolution, console)?,
        None => Arc::new(synthetic_dataset(limit.clamp(1, 1000), 1, resolution)?),
    };
    let shapes: Vec<usize> = (0..dataset.len()).collect();
    let layers = layers::measure((&network, &model), (&dataset, &shapes), &pipeline, usize::from(batch), console)?;
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
    let entries = spread(&folder.all()?, limit);
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
