//! The charts of a run, from its plain figures. A chart without a single figure is `None`.

use rarefy_metrics::RetrievalReport;

use super::bars::{Bar, BarChart};
use super::line::{LineChart, Mark, Scale};
use crate::report_data::{EpochPoint, ResolutionPoint, SparsityRow};

fn points(epochs: &[EpochPoint], figure: fn(&EpochPoint) -> Option<f64>) -> Vec<[f64; 2]> {
    epochs.iter().filter_map(|point| Some([f64::from(point.epoch), figure(point)?])).collect()
}

fn drawn(chart: &LineChart) -> Option<String> {
    (!chart.series.is_empty()).then(|| chart.to_svg())
}

/// Loss against epoch.
#[must_use]
pub fn loss_curves(epochs: &[EpochPoint]) -> Option<String> {
    let chart = LineChart::new("Loss", "epoch")
        .with_series("training", points(epochs, |point| point.train_loss), Mark::None)
        .with_series("test", points(epochs, |point| point.test_loss), Mark::Lowest);
    drawn(&chart)
}

/// Accuracy against epoch.
#[must_use]
pub fn accuracy_curves(epochs: &[EpochPoint]) -> Option<String> {
    let mut chart = LineChart::new("Accuracy", "epoch");
    chart.y_percent = true;
    let chart = chart.with_series("training", points(epochs, |point| point.train_accuracy), Mark::None).with_series(
        "test",
        points(epochs, |point| point.test_accuracy),
        Mark::Highest,
    );
    drawn(&chart)
}

/// Mean average precision and the share of active triplets against epoch.
#[must_use]
pub fn map_curve(epochs: &[EpochPoint]) -> Option<String> {
    let mut chart = LineChart::new("Retrieval while training", "epoch");
    chart.y_percent = true;
    let chart = chart.with_series("mAP", points(epochs, |point| point.map), Mark::Highest).with_series(
        "active triplets",
        points(epochs, |point| point.active_triplets),
        Mark::None,
    );
    drawn(&chart)
}

/// Mean intersection over union against epoch.
#[must_use]
pub fn mean_iou_curve(epochs: &[EpochPoint]) -> Option<String> {
    let mut chart = LineChart::new("Mean intersection over union", "epoch");
    chart.y_percent = true;
    drawn(&chart.with_series("test", points(epochs, |point| point.mean_iou), Mark::Highest))
}

/// Learning rate against epoch.
#[must_use]
pub fn learning_rate_curve(epochs: &[EpochPoint]) -> Option<String> {
    let mut chart = LineChart::new("Learning rate", "epoch");
    chart.y_scale = Scale::Logarithmic;
    drawn(&chart.with_series("learning rate", points(epochs, |point| point.learning_rate), Mark::None))
}

/// Mean precision against recall, with the area below.
#[must_use]
pub fn precision_recall_curve(report: &RetrievalReport) -> Option<String> {
    let first = report.curve.first()?;
    let mut chart = LineChart::new(format!("Precision against recall, area {:.3}", report.auc), "recall");
    (chart.x_percent, chart.y_percent, chart.filled) = (true, true, true);
    (chart.x_range, chart.y_range) = (Some([0.0, 1.0]), Some([0.0, 1.0]));
    // Level up to the first recall, as the area is measured.
    let curve = std::iter::once([0.0, first.precision]);
    let curve = curve.chain(report.curve.iter().map(|point| [point.recall, point.precision])).collect();
    drawn(&chart.with_series("precision", curve, Mark::None))
}

/// Mean average precision against resolution.
#[must_use]
pub fn map_against_resolution(resolution: &[ResolutionPoint]) -> Option<String> {
    let mut chart = LineChart::new("mAP against resolution", "voxels over the longest side");
    chart.y_percent = true;
    let mut points: Vec<[f64; 2]> = resolution.iter().map(|point| [f64::from(point.render_size), point.map]).collect();
    points.sort_by(|a, b| a[0].total_cmp(&b[0]));
    drawn(&chart.with_series("mAP", points, Mark::All))
}

/// Share of active sites, layer by layer, beside the paper's.
#[must_use]
pub fn sparsity_bars(rows: &[SparsityRow]) -> Option<String> {
    let bar = |row: &SparsityRow| Bar { label: row.layer.clone(), share: row.active_share, reference: row.paper_share };
    let chart = BarChart {
        title: "Active sites by layer".to_owned(),
        reference_name: "paper".to_owned(),
        bars: rows.iter().map(bar).collect(),
    };
    (!rows.is_empty()).then(|| chart.to_svg())
}
