//! Scans labelled one by one: whole as in a measurement, and in blocks that stay below a number of voxels.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use rarefy_data::Sampler;
use rarefy_data::scene::{ClassMap, KittiMap, LidarSensor, Scene, SceneLoader, ScenePipeline, SceneSet, lidar_scan};
use rarefy_data::{Prefetch, Scan};
use rarefy_models::{MinkUNetConfig, SegmentationConfig};
use rarefy_sparse::Precision;
use rarefy_train::scenes::{Passes, SegmentedScan, Segmenter, segment};
use rarefy_train::{Silent, TrainError};

const CLASSES: usize = 19;

fn street() -> Scene {
    let sensor = LidarSensor { azimuth_steps: 240, ..LidarSensor::with_rings(12, 3.0, -22.0) };
    Scene::unlabelled("street", Path::new("street"), lidar_scan(&sensor, 5, 0).unwrap())
}

fn segmenter() -> Segmenter {
    let network = SegmentationConfig::MinkUNet(MinkUNetConfig::new(CLASSES).with_width(0.125));
    Segmenter {
        network: network.init(3, &Device::flex()),
        pipeline: ScenePipeline { voxel_size: 0.4, ..ScenePipeline::default() },
        passes: Passes { views: 2, precision: Precision::F32, norms: true },
        side: None,
        most_voxels: usize::MAX,
    }
}

fn go(segmenter: &Segmenter, scene: &Scene) -> SegmentedScan {
    segmenter.segment(scene, &AtomicBool::new(false)).unwrap()
}

#[test]
fn a_whole_scan_has_the_probabilities_of_a_measurement() {
    let (segmenter, scene) = (segmenter(), street());
    let found = go(&segmenter, &scene);
    let set = SceneSet::of_scenes(vec![scene], &ClassMap::semantic_kitti(KittiMap::Official)).unwrap();
    let (pipeline, sampler) = (segmenter.pipeline.clone(), Sampler::Sequential { batch: 1 });
    let loader = SceneLoader::new(Arc::new(set), pipeline, sampler, 0, Prefetch::default()).unwrap();
    let (mut measured, mut norms) = (Vec::new(), Vec::new());
    segment(&segmenter.network, &loader, segmenter.passes, (&Silent, &AtomicBool::new(false)), |scan| {
        assert_eq!((scan.work.voxels, scan.work.macs), (found.work.voxels, found.work.macs));
        (measured, norms) = (scan.probabilities, scan.norms);
        Ok(())
    })
    .unwrap();
    assert!(found.work.macs > 0 && found.blocks == 1);
    assert_eq!((found.probabilities, found.norms), (measured, norms));
}

#[test]
fn a_scan_of_too_many_voxels_is_cut_and_every_point_has_a_mean_of_probabilities() {
    let scene = street();
    let whole = go(&segmenter(), &scene);
    let most_voxels = whole.work.voxels / 3;
    let cut = go(&Segmenter { most_voxels, ..segmenter() }, &scene);
    assert!(cut.blocks >= 3, "{}", cut.blocks);
    // Blocks reach into each other.
    assert!(cut.work.voxels > whole.work.voxels && cut.work.macs > whole.work.macs);
    assert_eq!((cut.classes, cut.probabilities.len()), (CLASSES, scene.scan.len() * CLASSES));
    for row in cut.probabilities.chunks(CLASSES) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{row:?}");
    }
    let [norms] = &cut.norms[..] else { panic!("a network of voxels has one branch") };
    let whole_norms = &whole.norms[0];
    assert_eq!((norms.branch, norms.norms.len()), (whole_norms.branch, scene.scan.len()));
    // Far from the rim of its block a point has nearly the features that it has in the whole scan.
    let mean = |norms: &[f32]| norms.iter().sum::<f32>() / norms.len() as f32;
    assert!((mean(&norms.norms) / mean(&whole_norms.norms) - 1.0).abs() < 0.2);
    for (class, confidence) in cut.predicted().into_iter().zip(cut.confidence()) {
        assert!(usize::from(class) < CLASSES && confidence >= 1.0 / CLASSES as f32);
    }
    // A side that holds the whole scan changes nothing; the same number of voxels does neither.
    let scan =
        Scan { points: scene.scan.points.iter().map(|p| p.map(|at| at + 500.0)).collect(), ..scene.scan.clone() };
    let moved = Scene { scan, ..scene.clone() };
    let one = go(&Segmenter { side: Some(1000.0), ..segmenter() }, &moved);
    assert_eq!((one.blocks, one.probabilities), (1, go(&segmenter(), &moved).probabilities));
    assert_eq!(go(&Segmenter { most_voxels: whole.work.voxels, ..segmenter() }, &scene).blocks, 1);
}

#[test]
fn what_is_missing_or_stopped_is_an_error() {
    let bare = Scene::unlabelled("bare", Path::new("bare.ply"), Scan::from_points(vec![[0.0; 3]; 4]));
    let error = segmenter().segment(&bare, &AtomicBool::new(false)).unwrap_err().to_string();
    assert!(error.contains("bare.ply") && error.contains("no intensity"), "{error}");
    let stopped = segmenter().segment(&street(), &AtomicBool::new(true)).unwrap_err();
    assert!(matches!(stopped, TrainError::Interrupted));
    let side = Segmenter { side: Some(f32::NAN), ..segmenter() };
    assert!(side.segment(&street(), &AtomicBool::new(false)).unwrap_err().to_string().contains("blocks of side"));
}
