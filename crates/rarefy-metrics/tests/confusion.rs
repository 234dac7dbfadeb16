//! The confusion matrix, on cases small enough to count by hand.

use rarefy_metrics::{Confusion, MetricsError};

#[test]
fn accuracies_of_a_matrix_counted_by_hand() {
    // Class 0: two of three right; class 1: one of one; class 2: none of two; class 3 has no item.
    let labels = [0, 0, 0, 1, 2, 2];
    let predictions = [0, 0, 1, 1, 0, 0];
    let confusion = Confusion::from_predictions(4, &labels, &predictions).unwrap();
    assert_eq!(confusion.items(), 6);
    assert!((confusion.accuracy() - 0.5).abs() < 1e-15);
    assert!((confusion.mean_class_accuracy() - (2.0 / 3.0 + 1.0 + 0.0) / 3.0).abs() < 1e-15);
    assert_eq!(confusion.per_class()[3].share(), None);
    let worst = confusion.worst(5);
    assert_eq!((worst[0].truth, worst[0].predicted, worst[0].count), (2, 0, 2));
    assert_eq!((worst[1].truth, worst[1].predicted, worst[1].count), (0, 1, 1));
    assert_eq!(worst.len(), 2);
    assert_eq!(confusion.worst(1).len(), 1);
}

#[test]
fn of_equal_logits_the_first_class_wins() {
    let confusion = Confusion::from_logits(3, &[0, 2], &[1.0, 1.0, 0.0, 0.0, 0.5, 0.75]).unwrap();
    assert!((confusion.accuracy() - 1.0).abs() < 1e-15);
}

#[test]
fn wrong_input_is_refused_and_leaves_the_matrix_as_it_was() {
    let mut confusion = Confusion::new(2);
    let mismatch = MetricsError::LengthMismatch { what: "predictions", expected: 2, got: 1 };
    assert_eq!(confusion.add(&[0, 1], &[0]), Err(mismatch));
    let outside = MetricsError::ClassOutOfRange { what: "prediction", item: 1, got: 7, classes: 2 };
    assert_eq!(confusion.add(&[0, 1], &[0, 7]), Err(outside));
    assert_eq!(confusion.items(), 0);
    let logits = Confusion::from_logits(2, &[0, 1], &[0.0, 1.0, f32::NAN, 0.0]);
    assert_eq!(logits, Err(MetricsError::NotFinite { row: 1, column: 0 }));
}

#[test]
fn an_empty_matrix_has_accuracy_zero() {
    assert!(Confusion::new(3).accuracy().abs() < 1e-15);
    assert!(Confusion::new(0).mean_class_accuracy().abs() < 1e-15);
}
