//! `rarefy index`: a file of descriptors from a folder of shapes.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rarefy_data::ClassFolder;
use rarefy_retrieval::{DescriptorIndex, DescriptorSource, IndexedShape};
use rarefy_train::Which;

use crate::console::Console;
use crate::failure::{CommandResult, Outcome};
use crate::interrupt;
use crate::listener::Listener;
use crate::trained::Trained;

/// Options of `rarefy index`.
#[derive(Debug, Args)]
#[command(
    after_help = "The file is safetensors: other programs can read the descriptors, too. Shapes are read again only for pictures, so that\nthe folder should stay where it is. Above 100,000 shapes the file holds a graph for approximate search, too.\n\nExamples:\n  rarefy index runs/quickstart shapes -o shapes.idx\n  rarefy index runs/quickstart shapes --split test -o unseen.idx\n  rarefy query shapes.idx chair.off"
)]
pub(crate) struct IndexArgs {
    /// A run, or one of its checkpoints
    checkpoint: PathBuf,
    /// Folder of shapes, with or without class folders
    folder: PathBuf,
    /// Only the shapes of this split
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Passes over each shape, averaged; each turned anew if the run's test augmentation says so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    repetitions: Option<u64>,
    /// Add the graph for approximate search whatever the number of shapes
    #[arg(long)]
    graph: bool,
}

/// Runs the command.
pub(crate) fn run(args: &IndexArgs, console: Console) -> CommandResult {
    let stop = interrupt::listen()?;
    let listener = Listener::new(console);
    let trained = Trained::open(&args.checkpoint, Which::Best)?;
    let folder = ClassFolder::open(&args.folder)?;
    let entries = match &args.split {
        Some(split) => folder.split(split)?,
        None => folder.all()?,
    };
    let dataset = trained.load(&entries, folder.classes(), 1, "the", &listener)?;
    let predictions = trained.infer(&dataset, &trained.pipeline(None)?, args.repetitions, &listener, &stop)?;
    let source = DescriptorSource {
        checkpoint: std::path::absolute(&args.checkpoint).context("cannot find the current folder")?,
        weights_checksum: trained.manifest.weights_checksum.clone(),
    };
    let shape = |sample: &rarefy_data::Sample| -> anyhow::Result<IndexedShape> {
        let path = std::path::absolute(&sample.path).context("cannot find the current folder")?;
        Ok(IndexedShape { path, class: folder.classes().get(sample.label as usize).cloned() })
    };
    let shapes = dataset.samples.iter().map(shape).collect::<anyhow::Result<Vec<_>>>()?;
    let mut index = DescriptorIndex::build(source, shapes, predictions.descriptors, predictions.width)?;
    if args.graph && !index.is_approximate() {
        index = index.with_graph()?;
    }
    index.save(&args.output)?;
    console.result(format_args!(
        "wrote {} descriptors of {} values to {}{}",
        index.shapes().len(),
        index.width(),
        args.output.display(),
        if index.is_approximate() { ", with a graph for approximate search" } else { "" }
    ));
    Ok(if dataset.skipped.is_empty() { Outcome::Done } else { Outcome::NotInOrder })
}
