//! What was run: the cards at the top, the facts below them, the configuration, the files that were left out.

use std::fmt::Write;

use rarefy_metrics::Segmentation;

use super::Section;
use crate::markup::{count, escape, percent};
use crate::{ReportData, RunFacts};

/// The main figures, large.
pub(super) fn cards(data: &ReportData) -> String {
    let mut cards: Vec<(&str, String)> = Vec::new();
    if let Some(confusion) =
        data.confusion.as_ref().filter(|confusion| confusion.items() > 0 && data.segmentation.is_none())
    {
        cards.push(("accuracy", percent(confusion.accuracy())));
        cards.push(("mean class accuracy", percent(confusion.mean_class_accuracy())));
    }
    if let Some(report) = data.segmentation.as_ref().map(Segmentation::report) {
        cards.push(("mean IoU", percent(report.mean_iou_present)));
        cards.push(("accuracy", percent(report.accuracy)));
        cards.push(("mean class accuracy", percent(report.mean_class_accuracy)));
        cards.push(("mean IoU, all classes", percent(report.mean_iou_official)));
    }
    if let Some(report) = &data.retrieval {
        cards.push(("mAP", percent(report.map)));
        let measures = [
            ("nearest neighbour", report.nn),
            ("first tier", report.ft),
            ("second tier", report.st),
            ("E measure", report.e),
            ("DCG", report.dcg),
        ];
        cards.extend(measures.map(|(name, share)| (name, percent(share))));
    }
    if data.run.minutes >= 1.0 {
        cards.push(("minutes", format!("{:.1}", data.run.minutes)));
    } else if data.run.minutes > 0.0 {
        cards.push(("seconds", format!("{:.1}", data.run.minutes * 60.0)));
    }
    let card = |(name, figure): &(&str, String)| {
        let class = if matches!(*name, "accuracy" | "mAP" | "mean IoU") { "card main" } else { "card" };
        format!("<div class=\"{class}\"><b>{figure}</b><span>{name}</span></div>\n")
    };
    if cards.is_empty() {
        return String::new();
    }
    format!("<div class=\"cards\">\n{}</div>\n", cards.iter().map(card).collect::<String>())
}

/// Seed, device, commit and the like, small.
pub(super) fn run(run: &RunFacts) -> String {
    let parameters = if run.parameters > 0 { count(run.parameters) } else { String::new() };
    let seed = run.seed.to_string();
    let facts = [
        ("network", &run.model),
        ("parameters", &parameters),
        ("data", &run.data),
        ("device", &run.device),
        ("seed", &seed),
        ("commit", &run.commit),
        ("finished", &run.finished),
    ];
    let mut html = String::from("<dl class=\"facts\">");
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(value));
    }
    html.push_str("</dl>\n");
    html
}

pub(super) fn configuration(data: &ReportData) -> Option<Section> {
    let mut html = String::new();
    if !data.run.command.is_empty() {
        let _ = writeln!(html, "<pre class=\"command\">{}</pre>", escape(&data.run.command));
    }
    if !data.configuration.trim().is_empty() {
        let _ = writeln!(html, "<pre class=\"toml\">{}</pre>", highlighted(&data.configuration));
    }
    (!html.is_empty()).then(|| Section::new("configuration", "Configuration", html))
}

/// TOML with its headings and keys marked.
fn highlighted(toml: &str) -> String {
    let mark = |line: &str| match line.split_once('=') {
        _ if line.trim_start().starts_with('[') && line.trim_end().ends_with(']') && !line.contains('=') => {
            format!("<span class=\"head\">{}</span>\n", escape(line))
        }
        Some((key, value)) if !line.trim_start().starts_with('#') => {
            format!("<span class=\"key\">{}=</span>{}\n", escape(key), escape(value))
        }
        _ => format!("{}\n", escape(line)),
    };
    toml.trim().lines().map(mark).collect()
}

pub(super) fn skipped(data: &ReportData) -> Option<Section> {
    if data.skipped.is_empty() {
        return None;
    }
    let plural = if data.skipped.len() == 1 { "file was" } else { "files were" };
    let mut html = format!(
        "<p class=\"hint\">{} {plural} left out.</p>\n<div class=\"tall\"><table><tr><th>file</th><th>why</th></tr>\n",
        count(data.skipped.len() as u64)
    );
    for file in &data.skipped {
        let (path, reason) = (escape(&file.path), escape(&file.reason));
        let _ = writeln!(html, "<tr><td class=\"wide\">{path}</td><td class=\"wide\">{reason}</td></tr>");
    }
    html.push_str("</table></div>\n");
    Some(Section::new("skipped", "Files left out", html))
}
