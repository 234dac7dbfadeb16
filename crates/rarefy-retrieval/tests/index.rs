//! Build, save, open and search; the graph against exact search; damaged files.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rarefy_retrieval::{DescriptorIndex, DescriptorSource, Found, IndexedShape, RetrievalError};
use std::path::Path;

const WIDTH: usize = 32;

/// Descriptors in clusters, as networks make them, [count, WIDTH].
fn clustered(count: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let centres: Vec<f32> = (0..40 * WIDTH).map(|_| random.random_range(-1.0..1.0)).collect();
    (0..count)
        .flat_map(|_| {
            let centre = random.random_range(0..40);
            let noise: Vec<f32> = (0..WIDTH).map(|_| random.random_range(-0.5..0.5)).collect();
            let centre = &centres[centre * WIDTH..][..WIDTH];
            centre.iter().zip(noise).map(|(middle, noise)| middle + noise).collect::<Vec<_>>()
        })
        .collect()
}

fn shapes(count: usize) -> Vec<IndexedShape> {
    (0..count)
        .map(|number| IndexedShape {
            path: format!("shapes/\"{number}\" ü.off").into(),
            class: (number % 2 == 0).then(|| "even".to_owned()),
        })
        .collect()
}

fn source() -> DescriptorSource {
    DescriptorSource { checkpoint: "runs/a/checkpoints/best".into(), weights_checksum: "abc".into() }
}

fn index(count: usize) -> DescriptorIndex {
    DescriptorIndex::build(source(), shapes(count), clustered(count, 1), WIDTH).unwrap()
}

fn numbers(found: &[Found]) -> Vec<usize> {
    found.iter().map(|found| found.shape).collect()
}

#[test]
fn the_nearest_are_those_of_a_full_sort_by_cosine() {
    let rows = clustered(300, 1);
    let query = clustered(1, 9);
    let cosine = |row: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
        dot(row, &query) / (dot(row, row) * dot(&query, &query)).sqrt()
    };
    let mut order: Vec<(f64, usize)> = rows.chunks(WIDTH).map(cosine).zip(0..).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let found = index(300).nearest(&query, 10).unwrap();
    for (found, (cosine, shape)) in found.iter().zip(&order) {
        assert_eq!(found.shape, *shape);
        assert!((f64::from(found.distance) - (1.0 - cosine)).abs() < 1e-6);
    }
}

#[test]
fn equal_shapes_come_in_their_order_and_no_more_than_there_are() {
    let index = DescriptorIndex::build(source(), shapes(5), [1.0, 2.0].repeat(5), 2).unwrap();
    assert_eq!(numbers(&index.nearest(&[0.5, 1.0], 9).unwrap()), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&index.nearest(&[0.5, 1.0], 2).unwrap()), [0, 1]);
    assert!(index.nearest(&[0.5, 1.0], 0).unwrap().is_empty());
}

#[test]
fn the_graph_finds_nearly_all_that_exact_search_finds_with_the_same_distances() {
    let index = index(20_000).with_graph().unwrap();
    assert!(index.is_approximate());
    let (mut hits, mut all) = (0usize, 0usize);
    for query in clustered(100, 2).chunks(WIDTH) {
        let (exact, found) = (index.nearest_exact(query, 10).unwrap(), index.nearest(query, 10).unwrap());
        assert_eq!(found.len(), 10);
        all += exact.len();
        hits += exact.iter().filter(|exact| found.contains(exact)).count();
    }
    assert!(hits as f64 >= 0.97 * all as f64, "{hits} of {all}");
}

#[test]
fn building_twice_gives_the_same_file_and_opening_it_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    for graph in [false, true] {
        let paths = [folder.path().join("a.idx"), folder.path().join("b.idx")];
        for path in &paths {
            let index = index(2_000);
            let index = if graph { index.with_graph().unwrap() } else { index };
            index.save(path).unwrap();
        }
        assert!(std::fs::read(&paths[0]).unwrap() == std::fs::read(&paths[1]).unwrap(), "graph: {graph}");
        let (before, after) = (index(2_000), DescriptorIndex::open(&paths[0]).unwrap());
        assert_eq!((after.shapes(), after.source()), (before.shapes(), before.source()));
        assert_eq!((after.width(), after.is_approximate()), (WIDTH, graph));
        for query in clustered(20, 3).chunks(WIDTH) {
            assert_eq!(before.nearest(query, 7).unwrap(), after.nearest_exact(query, 7).unwrap());
        }
    }
}

#[test]
fn every_damaged_byte_and_every_cut_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.idx");
    index(40).with_graph().unwrap().save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let is_refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = DescriptorIndex::open(&path).unwrap_err().to_string();
        error.contains("a.idx") && error.contains("rarefy index")
    };
    for cut in (0..whole.len()).step_by(97) {
        assert!(is_refused(&whole[..cut]), "cut at {cut}");
    }
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for at in (header..whole.len()).step_by(101) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        assert!(is_refused(&damaged), "byte {at}");
    }
    assert!(is_refused(b"OFF\n3 1 0\n"));
}

#[test]
fn bad_descriptors_and_queries_are_errors() {
    let build = |count, rows: Vec<f32>, width| DescriptorIndex::build(source(), shapes(count), rows, width);
    assert!(matches!(build(0, vec![], 2), Err(RetrievalError::Empty)));
    assert!(matches!(build(2, vec![0.0; 6], 2), Err(RetrievalError::CountMismatch { shapes: 2, descriptors: 3 })));
    assert!(matches!(build(1, vec![f32::NAN, 0.0], 2), Err(RetrievalError::Descriptors(_))));
    assert!(matches!(build(1, vec![], 0), Err(RetrievalError::Descriptors(_))));
    let index = index(3);
    assert!(matches!(index.nearest(&[1.0], 1), Err(RetrievalError::WidthMismatch { expected: WIDTH, got: 1 })));
    assert!(matches!(index.nearest(&[f32::INFINITY; WIDTH], 1), Err(RetrievalError::Descriptors(_))));
    // A descriptor of zeros is as far from everything.
    assert!(index.nearest(&[0.0; WIDTH], 3).unwrap().iter().all(|found| (found.distance - 1.0).abs() < 1e-6));
}

#[test]
fn a_missing_file_and_a_missing_folder_are_named() {
    let error = DescriptorIndex::open(Path::new("/nowhere/a.idx")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/a.idx"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = index(3).save(&folder.path().join("file/a.idx")).unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_an_error_not_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(DescriptorIndex::open(&path).is_err());
    }
}
