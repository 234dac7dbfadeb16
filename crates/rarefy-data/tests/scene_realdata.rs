//! Scene data sets on real scans. The files lie at `RAREFY_REALDATA`; without it the tests say so and pass.

use rarefy_data::Pass;
use rarefy_data::scene::{
    Blocks, ClassMap, KittiMap, KittiSplits, ScanNet, SceneAugment, SceneBatch, SceneFeature, SceneOptions,
    ScenePipeline, SceneSet, SemanticKitti,
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

#[test]
fn rooms_of_scannet_are_split_by_room_and_augmented() {
    let Some(root) = real_data("scannet") else { return };
    let scannet = ScanNet::open(&root).unwrap();
    assert_eq!(scannet.scenes().len(), 18);
    let rooms = |numbers: std::ops::RangeInclusive<u32>| -> Vec<String> {
        numbers.map(|room| format!("scene{room:04}")).collect()
    };
    let train = scannet.of_rooms(&rooms(0..=6)).unwrap();
    let val = scannet.of_rooms(&rooms(7..=8)).unwrap();
    assert_eq!((train.len(), val.len()), (16, 2));
    assert!(scannet.of_rooms(&rooms(9..=9)).unwrap_err().to_string().contains("scene0009"));
    let set = SceneSet::load(&scannet.labelled(&val).unwrap(), &ClassMap::scannet(), &SceneOptions::default()).unwrap();
    let scene = set.scene(0).unwrap();
    assert_eq!((scene.scan.len(), scene.scan.colour.as_ref().map(Vec::len)), (50_000, Some(50_000)));
    // These files are bare clouds: no faces, no normals.
    assert_eq!(scene.scan.normals, None);
    let (counts, ignored) = set.count_points().unwrap();
    assert!(counts[0] > 5_000 && counts[1] > 5_000 && ignored < 50_000, "{counts:?} {ignored}");
    let features = vec![SceneFeature::Colour, SceneFeature::Position];
    let augment = SceneAugment { mix: 1.0, ..SceneAugment::rooms() };
    let pipeline = ScenePipeline { voxel_size: 0.04, features, augment, ..ScenePipeline::default() };
    let batch = SceneBatch::prepare(&set, &pipeline, &[0, 1], Pass::Train { epoch: 0 }, 1).unwrap();
    assert_eq!(batch.samples, 2);
    assert!(batch.coords.len() > 30_000 && batch.features.iter().all(|value| value.is_finite()));
}
