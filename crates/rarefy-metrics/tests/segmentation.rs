//! Segmentation metrics, on cases counted by hand and against a set-based oracle.

use proptest::prelude::*;
use rarefy_metrics::{AbsentClass, Confusion, MetricsError, Segmentation, largest_of_rows};
use std::collections::BTreeSet;

const NONE: u8 = 255;

fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-12, "{got} instead of {expected}");
}

/// SYSTEMS.md §12.15, with official label 0 as the ignored one and classes counted from 0.
#[test]
fn the_official_worked_example() {
    let train_id = |official: &[u8]| official.iter().map(|&id| id.checked_sub(1).unwrap_or(NONE)).collect::<Vec<u8>>();
    let mut counts = Segmentation::new(2, u32::from(NONE));
    counts.add(&train_id(&[0, 1, 1, 2, 2]), &train_id(&[1, 1, 0, 2, 1])).unwrap();
    let report = counts.report();
    close(report.per_class[0].iou().unwrap(), 1.0 / 3.0);
    close(report.per_class[1].iou().unwrap(), 0.5);
    for mean in [report.mean_iou_official, report.mean_iou_repository, report.mean_iou_present] {
        close(mean, 5.0 / 12.0);
    }
    close(report.accuracy, 0.5);
    assert_eq!((report.points, report.ignored, report.classes_present), (4, 1, 2));
}

#[test]
fn a_class_never_seen_counts_as_zero_as_one_or_not() {
    // Class 0: one of two found; class 1 is not there but predicted; class 2 is neither.
    let mut counts = Segmentation::new(3, 255);
    counts.add(&[0_u8, 0], &[0_u8, 1]).unwrap();
    close(counts.mean_iou(AbsentClass::Zero), 0.5 / 3.0);
    close(counts.mean_iou(AbsentClass::One), 2.5 / 3.0);
    close(counts.mean_iou(AbsentClass::LeftOut), 0.5);
    let classes = counts.per_class();
    assert_eq!((classes[1].iou(), classes[1].recall(), classes[1].precision()), (Some(0.0), None, Some(0.0)));
    assert_eq!((classes[2].iou(), classes[2].recall(), classes[2].precision()), (None, None, None));
}

#[test]
fn nothing_to_measure_gives_zeros_and_no_nan() {
    let mut counts = Segmentation::new(2, 9);
    counts.add(&[9_u32, 9], &[0_u32, 9]).unwrap();
    let report = counts.report();
    assert_eq!((report.points, report.ignored), (0, 2));
    for figure in [report.mean_iou_official, report.mean_iou_present, report.accuracy, report.mean_class_accuracy] {
        close(figure, 0.0);
    }
    close(Segmentation::new(0, 255).report().mean_iou_repository, 0.0);
}

#[test]
fn wrong_input_is_refused_and_leaves_the_counts_as_they_were() {
    let mut counts = Segmentation::new(2, 255);
    let before = counts.clone();
    let mismatch = MetricsError::LengthMismatch { what: "predictions", expected: 2, got: 1 };
    assert_eq!(counts.add(&[0_u8, 1], &[0_u8]), Err(mismatch));
    let outside = MetricsError::ClassOutOfRange { what: "label", item: 1, got: 254, classes: 2 };
    assert_eq!(counts.add(&[0_u8, 254], &[0_u8, 0]), Err(outside));
    let outside = MetricsError::ClassOutOfRange { what: "prediction", item: 0, got: 2, classes: 2 };
    assert_eq!(counts.add(&[255_u8, 0], &[2_u8, 0]), Err(outside));
    assert!(counts.merge(&Segmentation::new(3, 255)).is_err());
    assert!(counts.merge(&Segmentation::new(2, 0)).is_err());
    assert_eq!(counts, before);
}

#[test]
fn the_largest_of_each_row_is_found_and_of_equals_the_first() {
    assert_eq!(largest_of_rows(&[1.0, 3.0, 3.0, 2.0, -1.0, 0.0], 3), Ok(vec![1, 0]));
    assert_eq!(largest_of_rows(&[], 3), Ok(vec![]));
    let short = MetricsError::LengthMismatch { what: "logits", expected: 6, got: 4 };
    assert_eq!(largest_of_rows(&[0.0; 4], 3), Err(short));
    let diverged = MetricsError::NotFinite { row: 1, column: 0 };
    assert_eq!(largest_of_rows(&[0.0, 0.0, f32::INFINITY, 0.0], 2), Err(diverged));
}

#[test]
fn the_confusion_matrix_holds_the_points_with_a_class_and_a_prediction() {
    let mut counts = Segmentation::new(2, 255);
    counts.add(&[0_u8, 0, 1, 255, 1], &[1_u8, 0, 1, 1, 255]).unwrap();
    assert_eq!(counts.confusion(), &Confusion::from_predictions(2, &[0, 0, 1], &[1, 0, 1]).unwrap());
}

/// Labels and predictions of a few classes or 255.
fn points() -> impl Strategy<Value = Vec<(u8, u8)>> {
    let label = || prop_oneof![4 => 0_u8..5, 1 => Just(NONE)];
    prop::collection::vec((label(), label()), 0..80)
}

proptest! {
    #[test]
    fn overlaps_are_those_of_the_sets_of_points(points in points(), cut in 0.0..1.0) {
        let (labels, predictions): (Vec<u8>, Vec<u8>) = points.iter().copied().unzip();
        let cut = (cut * points.len() as f64) as usize;
        let (mut counts, mut rest) = (Segmentation::new(5, 255), Segmentation::new(5, 255));
        counts.add(&labels[..cut], &predictions[..cut]).unwrap();
        rest.add(&labels[cut..], &predictions[cut..]).unwrap();
        counts.merge(&rest).unwrap();
        let counted = |which: &[u8], class: u8| -> BTreeSet<usize> {
            (0..points.len()).filter(|&point| labels[point] != NONE && which[point] == class).collect()
        };
        for class in 0..5_u8 {
            let (truth, found) = (counted(&labels, class), counted(&predictions, class));
            let (both, either) = (truth.intersection(&found).count(), truth.union(&found).count());
            let expected = (either > 0).then(|| both as f64 / either as f64);
            prop_assert_eq!(counts.per_class()[usize::from(class)].iou(), expected);
        }
    }
}
