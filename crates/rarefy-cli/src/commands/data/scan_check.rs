//! `rarefy data check` on scans: each scan and its labels are read as training reads them.

use std::collections::BTreeMap;
use std::path::Path;

use rarefy_data::scene::{ClassMap, KittiMap, LabelFacts, SceneEntry, Unlisted};

use super::scans::{ScanArgs, Scans, Surveyed};
use crate::console::Console;
use crate::failure::{CommandResult, Outcome};

/// Labels that are named one by one.
const SHOWN: usize = 5;

/// Names the scans that are not in order.
pub(super) fn run(path: &Path, scans: &Scans, args: &ScanArgs, console: Console) -> CommandResult {
    let (mut read, mut wrong, mut unlabelled, mut points) = (0_usize, 0_usize, 0_usize, 0_u64);
    let (mut to_one, mut beyond) = (0_usize, 0_usize);
    let wanted = scans.classes.as_ref().is_some_and(ignores_others_on_purpose);
    let mut ignored: BTreeMap<u32, u64> = BTreeMap::new();
    for part in &scans.parts {
        let surveyed = args.survey(scans, part, console);
        for (entry, facts) in part.entries.iter().zip(surveyed) {
            read += 1;
            match complaint(entry, &facts, scans.classes.is_some() && !wanted) {
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
                let others = facts.labels.iter().filter(|_| wanted).flat_map(|labels| &labels.unknown);
                others.for_each(|(&id, &count)| *ignored.entry(id).or_default() += count);
                to_one += usize::from(facts.intensity.is_some_and(|[_, high]| high <= 1.0));
                beyond += usize::from(facts.intensity.is_some_and(|[_, high]| high > 255.0));
            }
        }
    }
    if !ignored.is_empty() {
        console
            .remark(format_args!("labels that the classes do not name are ignored, as they say: {}", counts(&ignored)));
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

/// Whether the classes are somebody's own, who has said that all other labels take no part. Those of SemanticKITTI let them
/// pass, too, but there such labels mean that the file is another scan's.
fn ignores_others_on_purpose(classes: &ClassMap) -> bool {
    let published = [KittiMap::Official, KittiMap::Repository].map(ClassMap::semantic_kitti);
    classes.unlisted() == Unlisted::Ignored && !published.contains(classes)
}

/// The first labels with their points.
fn counts(labels: &BTreeMap<u32, u64>) -> String {
    let shown: Vec<String> = labels.iter().take(SHOWN).map(|(id, count)| format!("{id} ({count} points)")).collect();
    let more = if labels.len() > SHOWN { format!(" and {} more", labels.len() - SHOWN) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// What is wrong with a scan; labels of no known meaning are where `refuse_unknown` says so.
fn complaint(entry: &SceneEntry, facts: &Surveyed, refuse_unknown: bool) -> Option<String> {
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return Some(error.to_string()),
    };
    let LabelFacts { unknown, .. } =
        facts.labels.as_ref().filter(|labels| refuse_unknown && !labels.unknown.is_empty())?;
    let file = entry.label_file().unwrap_or(&entry.scan).display();
    Some(format!(
        "{file}: labels of no known meaning: {}; they are ignored: take the label file that belongs to the scan, or name \
         other --classes",
        counts(unknown)
    ))
}
