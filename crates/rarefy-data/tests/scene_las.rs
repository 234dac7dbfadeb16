//! A folder of one's own LAS files: the classification is the label, a label file beside the scan comes before it.

use las::point::Classification;
use las::{Builder, Point, Writer};
use rarefy_data::scan::{PointLabels, write_labels};
use rarefy_data::scene::{
    CloudFolder, IGNORED, SceneBatch, SceneFeature, SceneOptions, ScenePipeline, SceneSet, SeededSplit, Split,
};
use rarefy_data::{DataError, Pass};
use std::path::Path;

fn write_las(path: &Path, classes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = Writer::from_path(path, Builder::from((1, 4)).into_header().unwrap()).unwrap();
    for (number, &class) in (0_u16..).zip(classes) {
        let classification = Classification::new(class).unwrap();
        let x = f64::from(number);
        writer.write_point(Point { x, intensity: 6_553 * number, classification, ..Point::default() }).unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn las_files_are_trained_on_with_their_classification_or_with_labels_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let classes = "ignore = [0, 1]\n[[class]]\nname = \"ground\"\nids = [2]\n[[class]]\nname = \"building\"\nids = [6]";
    std::fs::write(root.join("classes.toml"), classes).unwrap();
    write_las(&root.join("train/a.las"), &[2, 6, 1, 2]);
    write_las(&root.join("train/b.laz"), &[6, 6, 6]);
    let beside = PointLabels { labels: vec![2, 0, 6], instances: vec![0; 3] };
    write_labels(&root.join("train/b.label"), &beside).unwrap();
    let own = CloudFolder::open(root).unwrap();
    let load = || {
        let entries = own.labelled(Split::Train, SeededSplit::default()).unwrap();
        SceneSet::load(&entries, own.classes(), &SceneOptions::default())
    };
    let set = load().unwrap();
    assert_eq!(set.scene(0).unwrap().labels, [0, 1, IGNORED, 0]);
    assert_eq!(set.scene(1).unwrap().labels, [0, IGNORED, 1]);
    let pipeline = ScenePipeline {
        voxel_size: 0.5,
        features: vec![SceneFeature::Intensity],
        intensity_scale: 1.0 / 65_535.0,
        ..ScenePipeline::default()
    };
    let batch = SceneBatch::prepare(&set, &pipeline, &[0, 1], Pass::Plain, 0).unwrap();
    let found: Vec<f32> = batch.to_points(0, &batch.features).into_iter().collect();
    for (point, value) in (0_u8..).zip(&found) {
        assert!((value - 0.1 * f32::from(point)).abs() < 1e-3, "{found:?}");
    }
    write_las(&root.join("train/c.las"), &[2, 9]);
    let unlisted = load().unwrap_err();
    assert!(matches!(unlisted, DataError::UnlistedLabel { label: 9, point: 1, .. }), "{unlisted}");
}
