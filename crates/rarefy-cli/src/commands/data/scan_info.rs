//! `rarefy data info` on scans: parts, points, extent, voxels, attributes, and the points of each class.

use std::collections::BTreeMap;
use std::path::Path;

use rarefy_data::DataError;
use rarefy_data::scene::SceneFacts;

use super::scans::{ScanArgs, Scans, Surveyed};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome};
use crate::table::Table;

/// The scans of a part, added up.
#[derive(Default)]
struct Tally {
    scans: usize,
    damaged: usize,
    labelled: usize,
    points: u64,
    missing: u64,
    voxels: u64,
    intensity: usize,
    colour: usize,
    normals: usize,
    intensities: Option<[f32; 2]>,
    extent: Option<[[f64; 3]; 2]>,
    points_of_class: Vec<u64>,
    ignored: u64,
    unknown: BTreeMap<u32, u64>,
}

/// Describes scans.
pub(super) fn run(path: &Path, scans: &Scans, args: &ScanArgs, console: Console) -> CommandResult {
    let mut parts = Vec::new();
    let mut first_error = None;
    for part in &scans.parts {
        let (tally, error) = Tally::of(args.survey(scans, part, console));
        first_error = first_error.or(error);
        parts.push((part.name, tally));
    }
    let all = parts.iter().fold(Tally::default(), |all, (_, part)| all.and(part));
    match first_error {
        Some(error) if all.scans == 0 => return Err(error.into()),
        Some(error) => console.warning(format_args!(
            "{} of {} scans cannot be used, the first: {error}; `rarefy data check` names all",
            all.damaged,
            all.damaged + all.scans
        )),
        None => {}
    }
    console.result(format_args!("{}: {}", path.display(), scans.what));
    console.result(part_table(&parts, &all, args.voxel_size()));
    console.result(format_args!("\n{}", all.attributes()));
    if let Some(classes) = scans.classes.as_ref().filter(|_| all.labelled > 0) {
        console.result(format_args!("\n{}", class_table(&classes.names(), &parts, &all)));
    }
    all.tell_unknown(scans.classes.is_some(), console);
    Ok(if all.damaged == 0 { Outcome::Done } else { Outcome::NotInOrder })
}

impl Tally {
    /// The sums of a part and the first scan that cannot be used.
    fn of(surveyed: Vec<Surveyed>) -> (Self, Option<DataError>) {
        let (mut all, mut first) = (Self::default(), None);
        for facts in surveyed {
            match facts {
                Ok(facts) => all = all.and(&Self::of_scan(facts)),
                Err(error) => {
                    all.damaged += 1;
                    first = first.or(Some(error));
                }
            }
        }
        (all, first)
    }

    fn of_scan(facts: SceneFacts) -> Self {
        let labels = facts.labels;
        Self {
            scans: 1,
            damaged: 0,
            labelled: usize::from(labels.is_some()),
            points: facts.points as u64,
            missing: facts.missing as u64,
            voxels: facts.voxels as u64,
            intensity: usize::from(facts.intensity.is_some()),
            colour: usize::from(facts.colour),
            normals: usize::from(facts.normals),
            intensities: facts.intensity,
            extent: Some([facts.low, facts.high]),
            points_of_class: labels.as_ref().map(|labels| labels.points_of_class.clone()).unwrap_or_default(),
            ignored: labels.as_ref().map_or(0, |labels| labels.ignored),
            unknown: labels.map(|labels| labels.unknown).unwrap_or_default(),
        }
    }

    fn and(mut self, other: &Self) -> Self {
        self.scans += other.scans;
        self.damaged += other.damaged;
        self.labelled += other.labelled;
        self.points += other.points;
        self.missing += other.missing;
        self.voxels += other.voxels;
        self.intensity += other.intensity;
        self.colour += other.colour;
        self.normals += other.normals;
        self.ignored += other.ignored;
        self.intensities = match (self.intensities, other.intensities) {
            (Some(a), Some(b)) => Some([a[0].min(b[0]), a[1].max(b[1])]),
            (a, b) => a.or(b),
        };
        self.extent = match (self.extent, other.extent) {
            (Some([low, high]), Some(b)) => Some([
                std::array::from_fn(|axis| low[axis].min(b[0][axis])),
                std::array::from_fn(|axis| high[axis].max(b[1][axis])),
            ]),
            (a, b) => a.or(b),
        };
        self.points_of_class.resize(self.points_of_class.len().max(other.points_of_class.len()), 0);
        self.points_of_class.iter_mut().zip(&other.points_of_class).for_each(|(sum, count)| *sum += count);
        for (&id, count) in &other.unknown {
            *self.unknown.entry(id).or_default() += count;
        }
        self
    }

    /// Extent and attributes, a line each.
    fn attributes(&self) -> String {
        let mut lines = Vec::new();
        if let Some([low, high]) = self.extent {
            let axis = |axis: usize| format!("{} {:.2} to {:.2}", ["x", "y", "z"][axis], low[axis], high[axis]);
            lines.push(format!("extent     {}", [0, 1, 2].map(axis).join(", ")));
        }
        let of = |count: usize| if count == self.scans { String::new() } else { format!(" (in {count} scans)") };
        if let Some([low, high]) = self.intensities {
            // As LAS counts them.
            let scale = if high > 255.0 { "; train with input.intensity_scale=0.00001526" } else { "" };
            lines.push(format!("intensity  {low} to {high}{}{scale}", of(self.intensity)));
        }
        for (name, count) in [("colour", self.colour), ("normals", self.normals), ("labels", self.labelled)] {
            let word = if count > 0 { "yes" } else { "no" };
            let of = if count > 0 { of(count) } else { String::new() };
            lines.push(format!("{name:<9}  {word}{of}"));
        }
        if self.missing > 0 {
            lines.push(format!("missing    {} rows where the sensor saw nothing", self.missing));
        }
        lines.join("\n")
    }

    fn tell_unknown(&self, has_classes: bool, console: Console) {
        if self.unknown.is_empty() {
            return;
        }
        let shown: Vec<String> =
            self.unknown.iter().take(20).map(|(id, count)| format!("{id} ({count} points)")).collect();
        let more = if self.unknown.len() > 20 { ", ..." } else { "" };
        let what =
            if has_classes { "labels of no known meaning, ignored" } else { "labels (--classes says what they mean)" };
        console.result(format_args!("\n{what}: {}{more}", shown.join(", ")));
    }
}

fn part_table(parts: &[(&str, Tally)], all: &Tally, voxel_size: f32) -> Table {
    let voxels = format!("voxels of {voxel_size}");
    let mut table = Table::new(1, ["part", "scans", "points", "points a scan", &voxels]);
    let mut row = |name: &str, part: &Tally| {
        let mean = part.points / (part.scans.max(1) as u64);
        let figures = [part.scans as u64, part.points, mean, part.voxels];
        table.row(std::iter::once(name.to_owned()).chain(figures.map(|figure| figure.to_string())).collect());
    };
    for (name, part) in parts {
        row(name, part);
    }
    if parts.len() > 1 {
        row("all", all);
    }
    table
}

/// Points of each class by part, and its share of the labelled points.
fn class_table(names: &[&str], parts: &[(&str, Tally)], all: &Tally) -> Table {
    let heading = ["class", "points", "share"].into_iter().map(str::to_owned);
    let by_part = if parts.len() > 1 { parts } else { &[] };
    let mut table = Table::of_row(1, heading.chain(by_part.iter().map(|(name, _)| (*name).to_owned())).collect());
    let labelled: u64 = all.points_of_class.iter().sum();
    let share = |count: u64| format!("{:.2} %", 100.0 * count as f64 / labelled.max(1) as f64);
    for (class, name) in names.iter().enumerate() {
        let count = |tally: &Tally| tally.points_of_class.get(class).copied().unwrap_or(0);
        let figures = [(*name).to_owned(), count(all).to_string(), share(count(all))].into_iter();
        table.row(figures.chain(by_part.iter().map(|(_, part)| count(part).to_string())).collect());
    }
    let ignored = ["ignored".to_owned(), all.ignored.to_string(), String::new()].into_iter();
    table.row(ignored.chain(by_part.iter().map(|(_, part)| part.ignored.to_string())).collect());
    table
}
