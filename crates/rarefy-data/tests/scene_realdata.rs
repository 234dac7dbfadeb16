//! Scene data sets on real scans. The files lie at `RAREFY_REALDATA`; without it the tests say so and pass.

use rarefy_data::scene::{
    Blocks, ClassMap, KittiMap, KittiSplits, SceneAugment, SceneOptions, ScenePipeline, SceneSet, SemanticKitti,
};
use std::path::PathBuf;

fn real_data(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("RAREFY_REALDATA") else {
        println!("skipped: RAREFY_REALDATA is not set");
        return None;
    };
    Some(PathBuf::from(root).join(name))
}

fn load(root: &std::path::Path, sequences: &[String]) -> SceneSet {
    let entries = SemanticKitti::open(root).unwrap().labelled(sequences).unwrap();
    SceneSet::load(&entries, &ClassMap::semantic_kitti(KittiMap::Official), &SceneOptions::default()).unwrap()
}

#[test]
fn a_full_scan_of_semantic_kitti_becomes_voxels() {
    let Some(root) = real_data("semantickitti") else { return };
    let set = load(&root, &["07".to_owned()]);
    let scene = set.scene(0).unwrap();
    assert_eq!((scene.scan.len(), scene.name.as_str()), (120_485, "07/000964"));
    let (counts, ignored) = set.count_points().unwrap();
    // Cars, moving ones included; road, of which no lane markings are in this scan; building.
    assert_eq!((counts[0], counts[8], counts[12]), (10_400 + 1_110, 17_066, 37_840));
    assert_eq!(ignored, 1_767 + 80 + 58 + 7);
    let voxels = ScenePipeline::default().voxelise(&scene).unwrap();
    assert_eq!(voxels.voxel_of_point.len(), 120_485);
    assert!((60_000..120_000).contains(&voxels.cells.len()), "{}", voxels.cells.len());
    assert!(voxels.cells.iter().flatten().all(|&index| index >= 0));
    let blocks = Blocks { side: 40.0, overlap: 5.0 }.split(&scene.scan.points).unwrap();
    assert!(blocks.len() > 2);
}

#[test]
fn the_splits_of_another_sensor_are_those_that_it_has() {
    let Some(root) = real_data("lidar320") else { return };
    let kitti = SemanticKitti::open(&root).unwrap();
    let splits = KittiSplits::default().present_in(&kitti);
    assert_eq!((splits.train.len(), splits.val.len(), splits.test.len()), (9, 1, 0));
    let train = load(&root, &splits.train);
    let val = load(&root, &splits.val);
    assert_eq!(train.len() + val.len() + train.skipped.len() + val.skipped.len(), 287);
    let (counts, ignored) = train.count_points().unwrap();
    let (more, more_ignored) = val.count_points().unwrap();
    // Unlabelled points, and those of `other-structure`, which is of no class.
    assert_eq!(ignored + more_ignored, 1_519_512 + 22_518);
    assert_eq!(counts[8] + more[8], 1_052_538);
    assert_eq!(counts.iter().zip(&more).filter(|(a, b)| *a + *b > 0).count(), 8);
    let pipeline = ScenePipeline { augment: SceneAugment::lidar(), ..ScenePipeline::default() };
    assert!(!pipeline.voxelise(&val.scene(0).unwrap()).unwrap().cells.is_empty());
}
