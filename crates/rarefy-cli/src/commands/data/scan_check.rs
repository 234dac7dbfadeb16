//! `rarefy data check` on scans: each scan and its labels are read as training reads them.

use std::path::Path;

use rarefy_data::scene::{LabelFacts, SceneEntry};

use super::scans::{ScanArgs, Scans, Surveyed};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome};

/// Names the scans that are not in order.
pub(super) fn run(path: &Path, scans: &Scans, args: &ScanArgs, console: Console) -> CommandResult {
    let (mut read, mut wrong, mut unlabelled, mut points) = (0_usize, 0_usize, 0_usize, 0_u64);
    let (mut to_one, mut beyond) = (0_usize, 0_usize);
    for part in &scans.parts {
        let surveyed = args.survey(scans, part, console);
        for (entry, facts) in part.entries.iter().zip(surveyed) {
            read += 1;
            match complaint(entry, &facts, scans.classes.is_some()) {
                Some(complaint) if scans.is_file => anyhow::bail!(complaint),
                Some(complaint) => {
                    wrong += 1;
                    console.result(format_args!("{}: {complaint}", entry.name));
                }
                None => {}
            }
            if let Ok(facts) = facts {
                points += facts.points as u64;
                unlabelled += usize::from(facts.labels.is_none());
                to_one += usize::from(facts.intensity.is_some_and(|[_, high]| high <= 1.0));
                beyond += usize::from(facts.intensity.is_some_and(|[_, high]| high > 255.0));
            }
        }
    }
    if scans.is_file {
        let labels = if unlabelled == 0 { "with labels" } else { "without labels" };
        console.result(format_args!("{}: in order, {points} points {labels}", path.display()));
        return Ok(Outcome::Done);
    }
    if to_one > 0 && beyond > 0 {
        console.warning(format_args!(
            "intensities go to 1 at most in {to_one} scans and beyond 255 in {beyond}; training has one factor for all \
             (input.intensity_scale): bring them to one scale, or leave the intensity out of input.features"
        ));
    }
    let order = read - wrong;
    let without = if unlabelled > 0 { format!(", {unlabelled} without labels") } else { String::new() };
    console.result(format_args!("{read} scans read, {order} in order{without}, {wrong} not in order"));
    Ok(if wrong == 0 { Outcome::Done } else { Outcome::NotInOrder })
}

/// What is wrong with a scan.
fn complaint(entry: &SceneEntry, facts: &Surveyed, has_classes: bool) -> Option<String> {
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return Some(error.to_string()),
    };
    let LabelFacts { unknown, .. } =
        facts.labels.as_ref().filter(|labels| has_classes && !labels.unknown.is_empty())?;
    let shown: Vec<String> = unknown.iter().take(5).map(|(id, count)| format!("{id} ({count} points)")).collect();
    let file = entry.label_file().unwrap_or(&entry.scan).display();
    let more = if unknown.len() > 5 { format!(" and {} more", unknown.len() - 5) } else { String::new() };
    Some(format!(
        "{file}: labels of no known meaning: {}{more}; they are ignored: take the label file that belongs to the scan, or name \
         other --classes",
        shown.join(", ")
    ))
}
