//! Retrieval measures against the worked example of the specification (12.6), cases counted by hand, and a slow oracle.

use proptest::prelude::*;
use rarefy_metrics::{
    CurvePoint, MetricsError, QueryMeasures, evaluate_retrieval, first_per_class, interpolate_to_grid, l2_normalise,
    nearest, rank_all, summarise_relevance,
};

fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-6, "{got} should be {expected}");
}

fn list(relevance: &[u8]) -> Vec<bool> {
    relevance.iter().map(|&g| g == 1).collect()
}

#[test]
fn the_worked_example_gives_its_figures() {
    let relevance = list(&[1, 0, 1, 1, 0, 0, 0, 1, 0]);
    let one = QueryMeasures::from_relevance(&relevance).unwrap();
    close(one.average_precision, 0.729_167);
    close(one.nearest_neighbour, 1.0);
    close(one.first_tier, 0.75);
    close(one.second_tier, 1.0);
    close(one.e_measure, 0.222_222);
    close(one.dcg, 0.787_071);
    let report = summarise_relevance(&[relevance]).unwrap();
    let expected = [(0.25, 1.0), (0.5, 2.0 / 3.0), (0.75, 0.75), (1.0, 0.5)];
    for (point, (recall, precision)) in report.curve.iter().zip(expected) {
        close(point.recall, recall);
        close(point.precision, precision);
    }
    close(report.auc, 0.791_667);
}

#[test]
fn queries_with_fewer_relevant_items_are_interpolated_to_the_largest_grid() {
    // R = 4: precisions 1, 1, 3/5, 4/6. R = 2: precisions 1/2 at recall .5 and 2/3 at recall 1.
    let four = list(&[1, 1, 0, 0, 1, 1]);
    let two = list(&[0, 1, 1, 0, 0, 0]);
    let report = summarise_relevance(&[four, two]).unwrap();
    let interpolated = [0.5, 0.5, 0.5 + 0.5 * (2.0 / 3.0 - 0.5), 2.0 / 3.0];
    for ((point, mine), other) in report.curve.iter().zip([1.0, 1.0, 0.6, 4.0 / 6.0]).zip(interpolated) {
        close(point.precision, f64::midpoint(mine, other));
    }
    close(report.map, f64::midpoint((1.0 + 1.0 + 0.6 + 2.0 / 3.0) / 4.0, f64::midpoint(0.5, 2.0 / 3.0)));
    let p: Vec<f64> = report.curve.iter().map(|point: &CurvePoint| point.precision).collect();
    close(
        report.auc,
        0.25 * (p[0] + f64::midpoint(p[0], p[1]) + f64::midpoint(p[1], p[2]) + f64::midpoint(p[2], p[3])),
    );
}

#[test]
fn a_grid_that_is_no_multiple_is_interpolated_too() {
    let grid = interpolate_to_grid(&[1.0, 0.5], 3);
    for (got, expected) in grid.iter().zip([1.0, 1.0 - 0.5 / 3.0, 0.5]) {
        close(*got, expected);
    }
    assert_eq!(interpolate_to_grid(&[0.25], 3), vec![0.25; 3]);
}

#[test]
fn equal_descriptors_are_ranked_by_index_and_the_query_is_left_out() {
    let unit = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0];
    let items: Vec<u32> = rank_all(&unit, 2, &unit[0..2], Some(0)).iter().map(|ranked| ranked.item).collect();
    assert_eq!(items, [2, 3, 1]);
    let two: Vec<u32> = nearest(&unit, 2, &unit[0..2], 2, None).iter().map(|ranked| ranked.item).collect();
    assert_eq!(two, [0, 2]);
    assert!(nearest(&unit, 2, &unit[0..2], 0, None).is_empty());
}

#[test]
fn an_item_alone_in_its_class_is_no_query_but_an_answer() {
    // The single item of class 1 lies between the two of class 0.
    let descriptors = [1.0, 0.0, 0.9, 0.1, 0.0, 1.0];
    let report = evaluate_retrieval(&descriptors, 2, &[0, 1, 0]).unwrap();
    assert_eq!((report.queries, report.without_relevant), (2, 1));
    close(report.map, 0.5);
    close(report.nn, 0.0);
}

#[test]
fn wrong_input_is_a_typed_error() {
    assert_eq!(evaluate_retrieval(&[], 2, &[]), Err(MetricsError::Empty));
    assert_eq!(evaluate_retrieval(&[1.0], 0, &[0]), Err(MetricsError::NoDimension));
    assert_eq!(evaluate_retrieval(&[1.0; 4], 2, &[0, 1]), Err(MetricsError::NoRelevantItem));
    assert_eq!(QueryMeasures::from_relevance(&[false; 3]), Err(MetricsError::NoRelevantItem));
    let nan = evaluate_retrieval(&[1.0, 0.0, 0.0, f32::NAN], 2, &[0, 0]);
    assert_eq!(nan, Err(MetricsError::NotFinite { row: 1, column: 1 }));
    let labels = MetricsError::LengthMismatch { what: "labels", expected: 2, got: 1 };
    assert_eq!(evaluate_retrieval(&[1.0; 4], 2, &[0]), Err(labels));
    assert!(matches!(evaluate_retrieval(&[1.0; 5], 2, &[0, 0]), Err(MetricsError::LengthMismatch { .. })));
}

#[test]
fn the_first_of_each_class_are_chosen_by_name() {
    let names = ["chair_0003", "bed_0002", "chair_0001", "bed_0001", "chair_0002"];
    let labels = [1, 0, 1, 0, 1];
    assert_eq!(first_per_class(&names, &labels, 2).unwrap(), [3, 1, 2, 4]);
    assert!(first_per_class(&names, &labels[1..], 2).is_err());
}

#[test]
fn a_report_survives_json() {
    let report = evaluate_retrieval(&[1.0, 0.0, 1.0, 0.1, 0.0, 1.0, 0.2, 1.0], 2, &[0, 0, 1, 1]).unwrap();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<rarefy_metrics::RetrievalReport>(&text).unwrap(), report);
}

/// Descriptors from a small generator, [items, dimension].
fn descriptors(items: usize, dimension: usize, mut state: u64) -> Vec<f32> {
    (0..items * dimension)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

#[test]
fn one_thread_and_many_give_the_same_bits() {
    let values = descriptors(300, 24, 5);
    let labels: Vec<u32> = (0..300).map(|item| item * item % 7).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| evaluate_retrieval(&values, 24, &labels).unwrap())
    };
    assert_eq!(run(1), run(4));
}

proptest! {
    #[test]
    fn mean_average_precision_equals_a_slow_oracle(items in 6usize..40, classes in 1u32..4, seed in 0u64..1000) {
        let dimension = 5;
        let values = descriptors(items, dimension, seed);
        let labels: Vec<u32> = (0..items as u32).map(|item| item % classes).collect();
        let mut total = 0.0;
        let mut unit = values.clone();
        l2_normalise(&mut unit, dimension);
        let cosine = |a: usize, b: usize| -> f32 {
            rarefy_metrics::dot(&unit[a * dimension..][..dimension], &unit[b * dimension..][..dimension])
        };
        for query in 0..items {
            // Precision at each relevant item, by counting who is ahead of it.
            let ahead = |of: usize, who: usize| {
                let (mine, theirs) = (cosine(query, of), cosine(query, who));
                theirs > mine || (theirs.to_bits() == mine.to_bits() && who <= of)
            };
            let others: Vec<usize> = (0..items).filter(|&item| item != query).collect();
            let relevant: Vec<usize> = others.iter().copied().filter(|&i| labels[i] == labels[query]).collect();
            let sum: f64 = relevant.iter().map(|&of| {
                let rank = others.iter().filter(|&&who| ahead(of, who)).count();
                let hits = relevant.iter().filter(|&&who| ahead(of, who)).count();
                hits as f64 / rank as f64
            }).sum();
            total += sum / relevant.len() as f64;
        }
        let report = evaluate_retrieval(&values, dimension, &labels).unwrap();
        prop_assert!((report.map - total / items as f64).abs() < 1e-12);
    }
}
