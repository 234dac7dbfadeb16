//! The pipeline, the samplers and the loader: the same seed gives the same batches, whatever the threads.

use rarefy_data::{
    Augment, Batch, DataError, Dataset, Fit, Loader, Pass, PointFeature, Prefetch, Rotation, Sample, Sampler,
    SurfaceCloud, VoxelPipeline,
};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

fn spiral(points: usize, pitch: f32) -> SurfaceCloud {
    let point = |i: usize| {
        let turn = i as f32 * 0.1;
        [turn.cos() * 3.0, turn.sin() * 2.0, pitch * turn]
    };
    SurfaceCloud::Points((0..points).map(point).collect())
}

fn dataset(samples: usize, classes: u32) -> Arc<Dataset> {
    let samples = (0..samples)
        .map(|index| Sample {
            name: format!("{index}"),
            path: format!("{index}.npy").into(),
            label: index as u32 % classes,
            cloud: spiral(50 + index, 0.1 + index as f32 * 0.01),
        })
        .collect();
    Arc::new(Dataset {
        samples,
        skipped: vec![],
        classes: (0..classes).map(|class| class.to_string()).collect(),
        warnings: vec![],
        fingerprint: String::new(),
        cache_resolution: 128,
    })
}

fn pipeline() -> VoxelPipeline {
    VoxelPipeline {
        render_size: 20,
        grid: 32,
        features: vec![PointFeature::Occupancy, PointFeature::Offset, PointFeature::Position],
        augment: Augment { scale: 0.1, flip: true, point_dropout: 0.3, ..Augment::s3dcnn_training() },
        test_augment: Augment { rotation: Rotation::Vertical, ..Augment::default() },
        ..VoxelPipeline::default()
    }
}

fn loader(sampler: Sampler, seed: u64, threads: usize) -> Loader {
    Loader::new(dataset(23, 4), pipeline(), sampler, seed, Prefetch { threads, queue: 2 }).unwrap()
}

#[test]
fn batches_do_not_depend_on_the_number_of_threads() {
    let sampler = Sampler::Shuffled { batch: 4 };
    let one: Vec<Batch> = loader(sampler, 5, 1).epoch(3, 0).collect();
    assert_eq!(one.len(), 6);
    assert_eq!(one, loader(sampler, 5, 3).epoch(3, 0).collect::<Vec<_>>());
    assert_ne!(one, loader(sampler, 6, 1).epoch(3, 0).collect::<Vec<_>>());
    assert_ne!(one, loader(sampler, 5, 1).epoch(4, 0).collect::<Vec<_>>());
}

#[test]
fn an_epoch_taken_up_at_any_batch_continues_alike() {
    for sampler in [Sampler::Shuffled { batch: 4 }, Sampler::Balanced { classes: 2, per_class: 3 }] {
        let loader = loader(sampler, 5, 2);
        let whole: Vec<Batch> = loader.epoch(1, 0).collect();
        assert_eq!(whole.len(), loader.batches_per_epoch());
        for first in 0..=whole.len() {
            assert_eq!(loader.epoch(1, first).collect::<Vec<_>>(), whole[first..]);
        }
        assert_eq!(loader.epoch(1, whole.len() + 9).count(), 0);
    }
}

#[test]
fn a_sample_is_augmented_alike_in_whatever_batch_it_stands() {
    let (data, pipeline) = (dataset(5, 2), pipeline());
    let alone = Batch::prepare(&data, &pipeline, &[3], Pass::Train { epoch: 2 }, 9);
    let among = Batch::prepare(&data, &pipeline, &[1, 3, 0], Pass::Train { epoch: 2 }, 9);
    let cells = |batch: &Batch, place: i32| -> Vec<[i32; 3]> {
        batch.coords.iter().filter(|coord| coord[0] == place).map(|&[_, x, y, z]| [x, y, z]).collect()
    };
    assert_eq!(cells(&alone, 0), cells(&among, 1));
    assert_eq!(among.labels, [1, 1, 0]);
}

#[test]
fn every_batch_is_well_formed() {
    for batch in loader(Sampler::Shuffled { batch: 5 }, 1, 2).epoch(0, 0) {
        assert_eq!((batch.channels, batch.grid), (7, [32; 3]));
        assert_eq!(batch.features.len(), batch.coords.len() * 7);
        assert_eq!((batch.labels.len(), batch.ids.len()), (batch.samples, batch.samples));
        assert!(batch.coords.is_sorted() && batch.coords.iter().collect::<HashSet<_>>().len() == batch.coords.len());
        assert!(batch.coords.iter().all(|coord| coord[1..].iter().all(|&index| (0..32).contains(&index))));
        let present: HashSet<i32> = batch.coords.iter().map(|coord| coord[0]).collect();
        assert_eq!(present.len(), batch.samples);
        assert!(batch.features.iter().all(|feature| feature.is_finite()));
    }
}

#[test]
fn a_shuffled_epoch_holds_every_sample_once() {
    let plan = Sampler::Shuffled { batch: 4 }.plan(&[0; 23], 1, 2).unwrap();
    let mut seen: Vec<usize> = plan.concat();
    assert_ne!(seen, (0..23).collect::<Vec<_>>());
    seen.sort_unstable();
    assert_eq!(seen, (0..23).collect::<Vec<_>>());
}

#[test]
fn balanced_batches_hold_distinct_samples_of_distinct_classes() {
    let labels: Vec<u32> = (0..60).map(|sample| if sample < 40 { 0 } else { 1 + sample % 4 }).collect();
    let plan = Sampler::Balanced { classes: 3, per_class: 4 }.plan(&labels, 1, 0).unwrap();
    assert_eq!(plan.len(), 5);
    for batch in plan {
        let mut members: BTreeMap<u32, HashSet<usize>> = BTreeMap::new();
        for block in batch.chunks(4) {
            assert!(block.iter().all(|&sample| labels[sample] == labels[block[0]]));
            members.entry(labels[block[0]]).or_default().extend(block);
        }
        assert_eq!(members.len(), 3);
        assert!(members.values().all(|samples| samples.len() == 4));
    }
}

#[test]
fn a_class_with_too_few_samples_is_repeated() {
    let plan = Sampler::Balanced { classes: 2, per_class: 4 }.plan(&[0, 0, 0, 0, 1], 1, 0).unwrap();
    assert_eq!(plan[0].len(), 8);
    assert_eq!(plan[0].iter().filter(|&&sample| sample == 4).count(), 4);
}

#[test]
fn more_classes_in_a_batch_than_there_are_is_an_error() {
    let refused = Sampler::Balanced { classes: 5, per_class: 2 }.plan(&[0, 1, 2], 0, 0);
    assert!(refused.unwrap_err().to_string().contains("only 3 classes"));
    assert!(Sampler::Shuffled { batch: 0 }.plan(&[0], 0, 0).is_err());
}

#[test]
fn a_consumer_that_stops_early_ends_the_threads() {
    for taken in 0..3 {
        let mut batches = loader(Sampler::Shuffled { batch: 1 }, 1, 3).epoch(0, 0);
        batches.by_ref().take(taken).for_each(drop);
        // Dropping joins the threads: a thread that hangs would hang this test.
        drop(batches);
    }
}

#[test]
fn repetitions_differ_and_are_the_same_each_time() {
    let loader = loader(Sampler::Sequential { batch: 23 }, 8, 1);
    let of = |repetition| loader.repetition(repetition).next().unwrap();
    assert_eq!(of(0), of(0));
    assert_ne!(of(0), of(1));
    assert_eq!(of(1).ids, (0..23).collect::<Vec<_>>());
    assert_eq!(loader.plain().next().unwrap(), loader.plain().next().unwrap());
}

#[test]
fn without_augmentation_the_longest_side_spans_the_render_size() {
    let pipeline = VoxelPipeline { render_size: 20, grid: 32, ..VoxelPipeline::default() };
    let voxels = pipeline.voxelise(&spiral(500, 0.02), Pass::Plain, 0, 0);
    let along_x: Vec<i32> = voxels.cells.iter().map(|cell| cell[0]).collect();
    // 32 cells with the shape in the middle: from 16 − 10 to 16 + 10, the last point on the wall at 26.
    assert_eq!((along_x.iter().min(), along_x.iter().max()), (Some(&6), Some(&26)));
}

#[test]
fn a_voxel_list_at_its_own_scale_keeps_its_cells() {
    let cells: Vec<[u16; 3]> = (0..9).map(|i| [i, i * i % 7, 8 - i]).collect();
    let cloud = SurfaceCloud::Cells(cells.clone());
    for (fit, grid) in [(Fit::Keep, 12), (Fit::Keep, 13), (Fit::Extent, 11)] {
        let pipeline = VoxelPipeline { render_size: 9, grid, fit, ..VoxelPipeline::default() };
        let found = pipeline.voxelise(&cloud, Pass::Plain, 0, 0).cells;
        let steps = |cells: Vec<[i32; 3]>| -> HashSet<[i32; 3]> {
            let low: [i32; 3] = std::array::from_fn(|axis| cells.iter().map(|cell| cell[axis]).min().unwrap());
            cells.iter().map(|cell| std::array::from_fn(|axis| cell[axis] - low[axis])).collect()
        };
        assert_eq!(steps(found), steps(cells.iter().map(|cell| cell.map(i32::from)).collect()), "{fit:?} {grid}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_way_out() {
    let refused = |pipeline: VoxelPipeline| pipeline.check().unwrap_err().to_string();
    let base = VoxelPipeline::default;
    assert!(refused(VoxelPipeline { render_size: 200, ..base() }).contains("larger grid"));
    assert!(refused(VoxelPipeline { grid: 0, ..base() }).contains("1 to 1024"));
    assert!(refused(VoxelPipeline { features: vec![], ..base() }).contains("occupancy"));
    let wild = Augment { shift: f32::NAN, ..Augment::default() };
    assert!(refused(VoxelPipeline { augment: wild, ..base() }).contains("augment.shift"));
    let coarse = base().check_cache_resolution(64).unwrap_err();
    assert!(matches!(&coarse, DataError::Setting { what } if what.contains("80 or more")));
    assert!(base().check_cache_resolution(80).is_ok());
}

#[test]
fn dropping_points_leaves_at_least_one() {
    let heavy = Augment { point_dropout: 0.99, ..Augment::default() };
    let pipeline = VoxelPipeline { augment: heavy, ..VoxelPipeline::default() };
    for sample in 0..200 {
        assert!(!pipeline.voxelise(&spiral(3, 0.1), Pass::Train { epoch: 0 }, 1, sample).cells.is_empty());
    }
}
