//! `rarefy query`: the shapes of an index that are most like a given one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;
use rarefy_data::{Dataset, Pass, ShapeEntry, VoxelPipeline, write_atomically};
use rarefy_retrieval::{DescriptorIndex, Found, IndexedShape};
use rarefy_train::Which;
use rarefy_view::{RetrievalSheet, SheetHit, SheetItem, SheetRow, Up, retrieval_sheet_page, retrieval_sheet_png};
use serde::Serialize;

use crate::console::Console;
use crate::failure::{CommandResult, Outcome};
use crate::interrupt;
use crate::listener::Listener;
use crate::measure::descriptor;
use crate::table::Table;
use crate::trained::{Trained, entries_of};

/// Options of `rarefy query`.
#[derive(Debug, Args)]
#[command(
    after_help = "Distances are 1 - cosine of the descriptors: 0 is the same, 1 unrelated.\n\nExamples:\n  rarefy query shapes.idx chair.off\n  rarefy query shapes.idx chair.off table.stl -k 5 --html found.html\n  rarefy query shapes.idx scans --json"
)]
pub(crate) struct QueryArgs {
    /// A file that `rarefy index` wrote
    index: PathBuf,
    /// Shape files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many shapes to find for each
    #[arg(long, short = 'k', default_value_t = 10, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    nearest: u32,
    /// Write a page with pictures of queries and answers
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the same as one picture
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// The axis that points up in the pictures
    #[arg(long, value_name = "AXIS", default_value = "z", value_parser = ["y", "z"])]
    up: String,
    /// The run or checkpoint that made the index, if it is not where it was
    #[arg(long, value_name = "RUN")]
    checkpoint: Option<PathBuf>,
    /// Compare with every shape, even if the index has a graph
    #[arg(long)]
    exact: bool,
    /// One line of JSON a query
    #[arg(long)]
    json: bool,
}

/// A query with its answers.
#[derive(Serialize)]
struct Answer<'a> {
    query: &'a str,
    nearest: Vec<Near<'a>>,
}

#[derive(Serialize)]
struct Near<'a> {
    path: &'a Path,
    class: Option<&'a str>,
    distance: f32,
}

/// Runs the command.
pub(crate) fn run(args: &QueryArgs, console: Console) -> CommandResult {
    let stop = interrupt::listen()?;
    let listener = Listener::new(console);
    let index = DescriptorIndex::open(&args.index)?;
    let trained = network_of(&index, args.checkpoint.as_deref())?;
    let queries = trained.load(&entries_of(&args.files)?, &[], 1, "the", &listener)?;
    let pipeline = trained.pipeline(None)?;
    let predictions = trained.infer(&queries, &pipeline, None, &listener, &stop)?;
    let count = args.nearest as usize;
    let mut answers = Vec::new();
    for query in 0..queries.len() {
        let descriptor = descriptor(&predictions, query);
        let found = if args.exact { index.nearest_exact(descriptor, count) } else { index.nearest(descriptor, count) };
        answers.push(found?);
    }
    show(&index, &queries, &answers, args.json, console)?;
    if args.html.is_some() || args.png.is_some() {
        let pictured = pictured(&trained, &index, &answers, &listener)?;
        let up = if args.up == "y" { Up::Y } else { Up::Z };
        let sheet = RetrievalSheet { rows: rows(&index, &queries, &answers, &pictured, &pipeline), up };
        if let Some(path) = &args.html {
            let page = retrieval_sheet_page("Nearest shapes", &sheet)?;
            write_atomically(path, |out| std::io::Write::write_all(out, page.as_bytes()))?;
        }
        if let Some(path) = &args.png {
            let picture = retrieval_sheet_png(&sheet)?.to_png()?;
            write_atomically(path, |out| std::io::Write::write_all(out, &picture))?;
        }
    }
    Ok(if queries.skipped.is_empty() { Outcome::Done } else { Outcome::NotInOrder })
}

/// The network that made the index, from its place or another one; its weights must be the same.
fn network_of(index: &DescriptorIndex, elsewhere: Option<&Path>) -> anyhow::Result<Trained> {
    let source = index.source();
    let place = elsewhere.unwrap_or(&source.checkpoint);
    anyhow::ensure!(
        place.exists(),
        "{}: the network that made the index is not there any more; name its new place with --checkpoint",
        place.display()
    );
    for which in [Which::Best, Which::Last] {
        let trained = Trained::open(place, which)?;
        if trained.manifest.weights_checksum == source.weights_checksum {
            return Ok(trained);
        }
    }
    anyhow::bail!(
        "{}: this network has other weights than the one that made the index; make the index again with `rarefy index`, \
         or name the right checkpoint with --checkpoint",
        place.display()
    )
}

fn show(
    index: &DescriptorIndex,
    queries: &Dataset,
    answers: &[Vec<Found>],
    json: bool,
    console: Console,
) -> anyhow::Result<()> {
    for (query, found) in queries.samples.iter().zip(answers) {
        let near = |found: &Found| {
            let IndexedShape { path, class } = &index.shapes()[found.shape];
            Near { path, class: class.as_deref(), distance: found.distance }
        };
        let nearest: Vec<Near<'_>> = found.iter().map(near).collect();
        if json {
            console.result(serde_json::to_string(&Answer { query: &query.name, nearest })?);
            continue;
        }
        let mut table = Table::new(2, ["class", "file", "distance"]);
        for Near { path, class, distance } in nearest {
            let class = class.unwrap_or("-").to_owned();
            table.row(vec![class, path.display().to_string(), format!("{distance:.4}")]);
        }
        console.result(format_args!("{}\n{table}\n", query.name));
    }
    Ok(())
}

/// The shapes that were found, read again for their pictures, by their place in the index.
fn pictured(
    trained: &Trained,
    index: &DescriptorIndex,
    answers: &[Vec<Found>],
    listener: &Listener,
) -> anyhow::Result<HashMap<PathBuf, Vec<[i32; 3]>>> {
    let mut shapes: Vec<usize> = answers.iter().flatten().map(|found| found.shape).collect();
    shapes.sort_unstable();
    shapes.dedup();
    let entry = |shape: usize| {
        let path = index.shapes()[shape].path.clone();
        ShapeEntry { name: path.display().to_string(), path, label: 0 }
    };
    let entries: Vec<ShapeEntry> = shapes.into_iter().map(entry).collect();
    let dataset = trained.load(&entries, &[], 1, "found", listener)?;
    let pipeline = trained.pipeline(None)?;
    let voxels =
        |sample: &rarefy_data::Sample| (sample.path.clone(), pipeline.voxelise(&sample.cloud, Pass::Plain, 0, 0).cells);
    Ok(dataset.samples.iter().map(voxels).collect())
}

fn rows(
    index: &DescriptorIndex,
    queries: &Dataset,
    answers: &[Vec<Found>],
    pictured: &HashMap<PathBuf, Vec<[i32; 3]>>,
    pipeline: &VoxelPipeline,
) -> Vec<SheetRow> {
    let name = |path: &Path| path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let hit = |found: &Found| {
        let shape = &index.shapes()[found.shape];
        // A shape that is not there any more was warned of, and stays an empty frame.
        let voxels = pictured.get(&shape.path).cloned().unwrap_or_default();
        let item = SheetItem { name: name(&shape.path), class: shape.class.clone(), voxels };
        SheetHit { item, distance: found.distance, right: None }
    };
    let query = |sample: &rarefy_data::Sample| SheetItem {
        name: name(&sample.path),
        class: None,
        voxels: pipeline.voxelise(&sample.cloud, Pass::Plain, 0, 0).cells,
    };
    let row = |(sample, found): (&rarefy_data::Sample, &Vec<Found>)| SheetRow {
        query: query(sample),
        hits: found.iter().map(hit).collect(),
    };
    queries.samples.iter().zip(answers).map(row).collect()
}
