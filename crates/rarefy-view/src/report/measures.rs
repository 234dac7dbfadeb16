//! What was measured: curves, retrieval, confusion, classes, sparsity.

use std::fmt::Write;

use rarefy_metrics::{ClassOverlap, ConfusedPair};

use super::Section;
use crate::chart::bars::share_text;
use crate::chart::heat_map::confusion_heat_map;
use crate::chart::plots;
use crate::markup::{count, escape, percent, prefixed};
use crate::{ReportData, SparsityRow};

/// Mistakes in the list of the most frequent.
const WORST: usize = 12;

fn grid(charts: impl IntoIterator<Item = Option<String>>) -> String {
    let charts: Vec<String> = charts.into_iter().flatten().map(|svg| format!("<div>{svg}</div>")).collect();
    if charts.is_empty() { String::new() } else { format!("<div class=\"charts\">\n{}</div>\n", charts.concat()) }
}

pub(super) fn curves(data: &ReportData) -> Option<Section> {
    let epochs = &data.epochs;
    let html = grid([
        plots::loss_curves(epochs),
        plots::accuracy_curves(epochs),
        plots::map_curve(epochs),
        plots::mean_iou_curve(epochs),
        plots::learning_rate_curve(epochs),
    ]);
    (!html.is_empty()).then(|| Section::new("curves", "Training", html))
}

pub(super) fn retrieval(data: &ReportData) -> Option<Section> {
    let curve = data.retrieval.as_ref().and_then(plots::precision_recall_curve);
    let charts = grid([curve, plots::map_against_resolution(&data.resolution)]);
    if charts.is_empty() {
        return None;
    }
    let mut hint = String::new();
    if let Some(report) = &data.retrieval {
        let _ = writeln!(
            hint,
            "<p class=\"hint\">{} queries, ranked by cosine, the query itself excluded. mAP {}, area below the curve {}.</p>",
            count(report.queries as u64),
            percent(report.map),
            percent(report.auc)
        );
    }
    Some(Section::new("retrieval", "Retrieval", hint + &charts))
}

pub(super) fn overlaps(data: &ReportData) -> Option<Section> {
    let segmentation = data.segmentation.as_ref()?;
    let heads = ["points", "IoU", "recall", "precision"].map(|name| format!("<th class=\"n\">{name}</th>")).concat();
    let mut html = format!(
        "<p class=\"hint\">Intersection over union of the points of each class that occurs or was predicted; the mean is over the classes present.</p>\n\
         <div class=\"scroll\"><table><tr><th>class</th><th></th>{heads}</tr>\n"
    );
    let occurs = |class: &ClassOverlap| class.points + class.predicted > 0;
    for class in segmentation.per_class().into_iter().filter(occurs) {
        let name = escape(&data.class_name(class.class));
        let (iou, or_dash) = (class.iou(), |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent));
        let figures = [count(class.points), or_dash(iou), or_dash(class.recall()), or_dash(class.precision())];
        let figures = figures.map(|figure| format!("<td class=\"n\">{figure}</td>")).concat();
        let width = iou.unwrap_or(0.0) * 100.0;
        let _ = writeln!(
            html,
            "<tr><td>{name}</td><td style=\"width:30%\"><span class=\"meter\"><i style=\"width:{width:.1}%\"></i></span></td>{figures}</tr>"
        );
    }
    html.push_str("</table></div>\n");
    Some(Section::new("overlaps", "Classes by IoU", html))
}

pub(super) fn confusion(data: &ReportData) -> Option<Section> {
    let confusion = data.confusion.as_ref().filter(|confusion| confusion.items() > 0)?;
    let map = confusion_heat_map(confusion, &data.classes);
    let html = format!("<div class=\"heat\">{map}</div>\n");
    Some(Section::new("confusion", "Confusion", html))
}

pub(super) fn classes(data: &ReportData) -> Option<Section> {
    let confusion = data.confusion.as_ref().filter(|confusion| confusion.items() > 0)?;
    let mut html = String::from("<div class=\"columns\">\n");
    // The shares of scenes stand in the table of overlaps.
    let shares = if data.segmentation.is_some() { Vec::new() } else { confusion.per_class() };
    for class in shares {
        let Some(share) = class.share() else { continue };
        let name = escape(&data.class_name(class.class));
        let _ = writeln!(
            html,
            "<div class=\"line\"><em title=\"{name}\">{name}<small>{} of {}</small></em><span class=\"meter\"><i style=\"width:{:.1}%\"></i></span>\
             <span>{}</span></div>",
            class.right,
            class.items,
            share * 100.0,
            percent(share)
        );
    }
    html.push_str("</div>\n");
    let worst = confusion.worst(WORST);
    if !worst.is_empty() {
        html.push_str("<h3 style=\"margin-top:1.6rem\">Most frequent mistakes</h3>\n<div class=\"columns\">\n");
        for pair in &worst {
            html.push_str(&mistake(data, pair));
        }
        html.push_str("</div>\n");
    }
    Some(Section::new("classes", "Classes", html))
}

fn mistake(data: &ReportData, pair: &ConfusedPair) -> String {
    let names = escape(&format!("{} → {}", data.class_name(pair.truth), data.class_name(pair.predicted)));
    format!(
        "<div class=\"line\"><em title=\"{names}\">{names}</em><span>{}</span><span>{}</span></div>\n",
        pair.count,
        percent(pair.share)
    )
}

pub(super) fn sparsity(data: &ReportData) -> Option<Section> {
    let bars = plots::sparsity_bars(&data.sparsity)?;
    let mut html = format!(
        "<p class=\"hint\">Active sites as a share of the output grid of each layer, and what the layer \
         takes; means for one shape, activations counted with the layer before them.</p>\n<div>{bars}</div>\n\
         <div class=\"scroll\" style=\"margin-top:1.2rem\"><table><tr><th>layer</th>{}</tr>\n",
        ["channels", "grid", "sites", "active", "paper", "pairs", "MACs", "ms", "bytes"]
            .map(|name| format!("<th class=\"n\">{name}</th>"))
            .concat()
    );
    for row in &data.sparsity {
        html.push_str(&sparsity_line(row));
    }
    html.push_str("</table></div>\n");
    Some(Section::new("sparsity", "Sparsity", html))
}

fn sparsity_line(row: &SparsityRow) -> String {
    let grid = if row.spatial > 0 { format!("{}³", row.spatial) } else { "–".to_owned() };
    let paper = row.paper_share.map_or_else(|| "–".to_owned(), share_text);
    let figures = [
        row.channels.to_string(),
        grid,
        count(row.active_sites.max(0.0).round() as u64),
        share_text(row.active_share),
        paper,
        prefixed(row.pairs),
        prefixed(row.macs),
        format!("{:.2}", row.milliseconds),
        prefixed(row.bytes),
    ];
    let figures = figures.map(|figure| format!("<td class=\"n\">{figure}</td>")).concat();
    format!("<tr><td>{}</td>{figures}</tr>\n", escape(&row.layer))
}
