//! What `rarefy predict` says of scans: a line each, and a table over all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rarefy_train::scenes::SegmentedScan;
use serde::Serialize;

use crate::console::{self, Console};
use crate::memory;
use crate::table::Table;

/// One scan's answer.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    scan: &'a Path,
    points: usize,
    voxels: usize,
    blocks: usize,
    ms: f64,
    gmacs: f64,
    /// Share of the points of each class that was found.
    classes: BTreeMap<&'a str, f64>,
    written: &'a [PathBuf],
}

/// A scan that could not be labelled.
#[derive(Debug, Serialize)]
struct Refusal<'a> {
    scan: &'a Path,
    error: &'a str,
}

/// How answers are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A line of JSON each.
    Json,
    /// A line for people each, as in a stream.
    Lines,
    /// Nothing but the table.
    Table,
}

/// Counts over all scans.
#[derive(Debug)]
pub(crate) struct Answers<'a> {
    names: &'a [String],
    manner: Manner,
    console: Console,
    points: u64,
    voxels: u64,
    macs: u64,
    ms: Vec<f64>,
    /// Points of each class.
    counts: Vec<u64>,
    /// Scans that could not be labelled.
    pub(crate) refused: usize,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(names: &'a [String], manner: Manner, console: Console) -> Self {
        let counts = vec![0; names.len()];
        Self { names, manner, console, points: 0, voxels: 0, macs: 0, ms: Vec::new(), counts, refused: 0 }
    }

    /// Answers for a scan.
    pub(crate) fn labelled(
        &mut self,
        scan: &Path,
        found: &SegmentedScan,
        predicted: &[u8],
        written: &[PathBuf],
    ) -> anyhow::Result<()> {
        let mut counts = vec![0_u64; self.names.len()];
        for &class in predicted {
            counts[usize::from(class)] += 1;
        }
        let points = predicted.len();
        match self.manner {
            Manner::Json => {
                let shares = self.names.iter().zip(&counts).filter(|(_, count)| **count > 0);
                let classes = shares.map(|(name, &count)| (name.as_str(), count as f64 / points as f64)).collect();
                let (voxels, blocks, ms) = (found.work.voxels, found.blocks, found.work.ms);
                let gmacs = found.work.macs as f64 / 1e9;
                let answer = Answer { scan, points, voxels, blocks, ms, gmacs, classes, written };
                self.console.result(serde_json::to_string(&answer)?);
            }
            Manner::Lines => {
                let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
                let ms = found.work.ms;
                let words = format!("{}  {points} points  {ms:.0} ms  {}", scan.display(), written.join(" "));
                self.console.result(words.trim_end());
            }
            Manner::Table => {}
        }
        self.points += points as u64;
        self.voxels += found.work.voxels as u64;
        self.macs += found.work.macs;
        self.ms.push(found.work.ms);
        self.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        Ok(())
    }

    /// Tells why a scan is left out.
    pub(crate) fn refused(&mut self, scan: &Path, error: &str) -> anyhow::Result<()> {
        self.refused += 1;
        if self.manner == Manner::Json {
            self.console.result(serde_json::to_string(&Refusal { scan, error })?);
        }
        self.console.warning(format_args!("left out: {error}"));
        Ok(())
    }

    /// The table over all; with JSON it goes to standard error.
    pub(crate) fn summary(&self) {
        let scans = self.ms.len();
        let mut table = Table::new(1, ["", "value"]);
        let mut add = |name: &str, value: String| table.row(vec![name.into(), value]);
        let refused = if self.refused > 0 { format!(" ({} left out)", self.refused) } else { String::new() };
        add("scans", format!("{scans}{refused}"));
        add("points", self.points.to_string());
        add("voxels", self.voxels.to_string());
        if scans > 0 {
            let mut ms = self.ms.clone();
            ms.sort_by(f64::total_cmp);
            add("time a scan, median", format!("{:.0} ms", quantile(&ms, 0.5)));
            add("time a scan, 95 %", format!("{:.0} ms", quantile(&ms, 0.95)));
            add("GMACs a scan", format!("{:.2}", self.macs as f64 / 1e9 / scans as f64));
        }
        if let Some(peak) = memory::peak() {
            add("peak memory", console::bytes(peak));
        }
        let mut classes = Table::new(1, ["class", "points", "share"]);
        for (name, &count) in self.names.iter().zip(&self.counts).filter(|(_, count)| **count > 0) {
            let share = 100.0 * count as f64 / self.points as f64;
            classes.row(vec![name.clone(), count.to_string(), format!("{share:.2} %")]);
        }
        let text = if scans > 0 { format!("{table}\n\n{classes}") } else { table.to_string() };
        if self.manner == Manner::Json { self.console.remark(text) } else { self.console.result(text) }
    }
}

/// The value that this share of ascending values does not exceed.
pub(crate) fn quantile(ascending: &[f64], share: f64) -> f64 {
    let rank = (ascending.len() as f64 * share).ceil() as usize;
    ascending.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "a quantile is one of the values")]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.95), 3.0);
        assert_eq!(quantile(&[7.0], 0.5), 7.0);
    }
}
