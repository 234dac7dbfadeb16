//! Synthetic shapes: deterministic, different from each other, and readable as a data set.

use rarefy_data::{
    ClassFolder, Dataset, LoadOptions, Pass, SyntheticSet, VoxelPipeline, synthetic_classes, synthetic_mesh,
    write_synthetic,
};
use std::collections::HashSet;

#[test]
fn there_are_twenty_sorted_classes() {
    let classes = synthetic_classes();
    assert!(classes.len() == 20 && classes.is_sorted());
    assert!(synthetic_mesh("unicorn", 0, 0).unwrap_err().to_string().contains("airplane"));
}

#[test]
fn a_mesh_follows_from_class_seed_and_number() {
    for class in synthetic_classes() {
        let of = |seed, index| synthetic_mesh(class, seed, index).unwrap();
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(1, 3));
        assert_ne!(of(1, 2), of(2, 2));
    }
}

#[test]
fn every_class_varies_and_none_is_degenerate() {
    for class in synthetic_classes() {
        let mut kinds = HashSet::new();
        for index in 0..40 {
            let mesh = synthetic_mesh(class, 3, index).unwrap();
            let bounds = mesh.bounds();
            let sides: [f32; 3] = std::array::from_fn(|axis| bounds.max[axis] - bounds.min[axis]);
            assert!(sides.iter().all(|&side| side > 0.01 && side < 10.0), "{class} {index}: {sides:?}");
            assert!(mesh.triangles().len() < 50_000, "{class} {index}");
            kinds.insert(sides.map(|side| (side / bounds.extent() * 20.0) as u32));
        }
        assert!(kinds.len() >= 6, "{class} comes in {} proportions only", kinds.len());
    }
}

#[test]
fn a_written_set_is_a_data_set_and_writing_it_again_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let set = SyntheticSet { classes: 10, train_per_class: 3, test_per_class: 2, seed: 11 };
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    write_synthetic(&one, set).unwrap();
    write_synthetic(&two, set).unwrap();
    let opened = ClassFolder::open_for_training(&one).unwrap();
    assert_eq!(opened.classes().len(), 10);
    for entry in opened.all().unwrap() {
        let again = std::fs::read(two.join(&entry.name)).unwrap();
        assert_eq!(std::fs::read(&entry.path).unwrap(), again, "{}", entry.name);
    }
    let options = LoadOptions { cache_resolution: 64, ..LoadOptions::default() };
    let dataset = Dataset::load(&opened.split("train").unwrap(), opened.classes(), &options).unwrap();
    assert_eq!((dataset.len(), dataset.skipped.len()), (30, 0));
    let pipeline = VoxelPipeline { render_size: 30, grid: 32, ..VoxelPipeline::default() };
    for sample in &dataset.samples {
        assert!(pipeline.voxelise(&sample.cloud, Pass::Plain, 0, 0).cells.len() > 60, "{}", sample.name);
    }
    assert!(write_synthetic(&one, set).unwrap_err().to_string().contains("not empty"));
}

#[test]
fn sets_of_no_size_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (classes, train, test) in [(0, 1, 1), (21, 1, 1), (3, 0, 1), (3, 1, 0)] {
        let set = SyntheticSet { classes, train_per_class: train, test_per_class: test, seed: 0 };
        assert!(write_synthetic(folder.path(), set).is_err());
    }
}
