//! `rarefy data info` on shapes: classes and splits of a folder, or what one file holds.

use std::collections::BTreeMap;
use std::path::Path;

use rarefy_data::{ClassFolder, Layout, Shape, ShapeEntry, read_shape};

use crate::console::Console;
use crate::failure::{CommandResult, Outcome};
use crate::table::Table;

/// Describes shapes.
pub(super) fn run(path: &Path, console: Console) -> CommandResult {
    if path.is_dir() { describe_folder(path, console) } else { describe_file(path, console) }
}

fn describe_folder(path: &Path, console: Console) -> CommandResult {
    let folder = ClassFolder::open(path)?;
    let entries = folder.all()?;
    let mut formats: BTreeMap<String, usize> = BTreeMap::new();
    // Shapes by class and by split; a shape that stands in the class folder itself has the split "".
    let mut counts: BTreeMap<u32, BTreeMap<&str, usize>> = BTreeMap::new();
    for entry in &entries {
        let extension = entry.path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        *formats.entry(extension).or_default() += 1;
        *counts.entry(entry.label).or_default().entry(split_of(entry)).or_default() += 1;
    }
    let formats: Vec<String> = formats.iter().map(|(name, count)| format!("{count} .{name}")).collect();
    console.result(format_args!("{}: {} shapes ({})", path.display(), entries.len(), formats.join(", ")));
    if folder.layout() == Layout::Flat {
        console.result("a flat folder without classes: good for `predict`, `profile`, `index`, not for `train`");
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(1, ["class", "train", "test", "other", "all"]);
    let mut totals = [0; 4];
    for (label, class) in (0..).zip(folder.classes()) {
        let of = counts.remove(&label).unwrap_or_default();
        let all: usize = of.values().sum();
        let [train, test] = ["train", "test"].map(|split| of.get(split).copied().unwrap_or(0));
        let row = [train, test, all - train - test, all];
        totals.iter_mut().zip(row).for_each(|(total, count)| *total += count);
        table.row(std::iter::once(class.clone()).chain(row.map(|count| count.to_string())).collect());
    }
    let name = format!("{} classes", folder.classes().len());
    table.row(std::iter::once(name).chain(totals.map(|count| count.to_string())).collect());
    console.result(table);
    Ok(Outcome::Done)
}

/// The split in a name `<class>/<split>/<file>`.
fn split_of(entry: &ShapeEntry) -> &str {
    let parts: Vec<&str> = entry.name.split('/').collect();
    if let [_, split, _] = parts[..] { split } else { "" }
}

fn describe_file(path: &Path, console: Console) -> CommandResult {
    let text = match read_shape(path)? {
        Shape::Mesh(mesh) => {
            let bounds = mesh.bounds();
            let (vertices, triangles) = (mesh.vertices().len(), mesh.triangles().len());
            format!("a mesh of {vertices} vertices and {triangles} triangles, box {:?} to {:?}", bounds.min, bounds.max)
        }
        Shape::Points(points) => format!("{} points", points.len()),
        Shape::Voxels(voxels) => format!("{} voxels", voxels.len()),
    };
    console.result(format_args!("{}: {text}", path.display()));
    Ok(Outcome::Done)
}
