//! The readers, folders and clouds on real data; needs `RAREFY_REALDATA`.

use rarefy_data::{ClassFolder, Dataset, LoadOptions, Pass, Shape, SurfaceCloud, VoxelPipeline, read_shape};
use std::path::PathBuf;
use std::time::Instant;

fn real_data(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("RAREFY_REALDATA") else {
        println!("skipped: RAREFY_REALDATA is not set");
        return None;
    };
    let folder = PathBuf::from(root).join(name);
    if !folder.is_dir() {
        println!("skipped: {} is missing", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn modelnet40_points_load_completely_with_the_official_split() {
    let Some(root) = real_data("modelnet40_points") else { return };
    let folder = ClassFolder::open_for_training(&root).unwrap();
    assert_eq!(folder.classes().len(), 40);
    for (split, count) in [("train", 9_843), ("test", 2_468)] {
        let start = Instant::now();
        let entries = folder.split(split).unwrap();
        let dataset = Dataset::load(&entries, folder.classes(), &LoadOptions::default()).unwrap();
        println!("{split}: {} shapes in {:?}", dataset.len(), start.elapsed());
        assert_eq!((dataset.len(), dataset.skipped.len()), (count, 0));
    }
}

#[test]
fn the_27_empty_grids_of_modelnet10_are_left_out_by_name() {
    let Some(root) = real_data("modelnet10_voxels32") else { return };
    let folder = ClassFolder::open_for_training(&root).unwrap();
    let dataset = Dataset::load(&folder.split("train").unwrap(), folder.classes(), &LoadOptions::default()).unwrap();
    assert_eq!((dataset.len(), dataset.skipped.len()), (3_991 - 27, 27));
    assert!(dataset.skipped.iter().all(|skipped| skipped.reason.contains("empty") && skipped.name.contains("/train/")));
    // A grid taken over voxel by voxel keeps every voxel.
    let pipeline = VoxelPipeline { render_size: 32, grid: 34, fit: rarefy_data::Fit::Keep, ..VoxelPipeline::default() };
    for sample in dataset.samples.iter().step_by(97) {
        let voxels = pipeline.voxelise(&sample.cloud, Pass::Plain, 0, 0);
        assert_eq!(voxels.cells.len(), sample.cloud.len(), "{}", sample.name);
    }
}

#[test]
fn all_real_meshes_are_read_and_voxelised_up_to_512_cells() {
    let Some(root) = real_data("modelnet10_off") else { return };
    let entries = ClassFolder::open(&root).unwrap().all().unwrap();
    assert_eq!(entries.len(), 120);
    let start = Instant::now();
    let shapes: Vec<Shape> = entries.iter().map(|entry| read_shape(&entry.path).unwrap()).collect();
    println!("read 120 meshes in {:?}", start.elapsed());
    for resolution in [32, 128, 512] {
        let start = Instant::now();
        let cells: usize = entries
            .iter()
            .zip(&shapes)
            .map(|(entry, shape)| SurfaceCloud::from_shape(&entry.path, shape.clone(), resolution).unwrap().len())
            .sum();
        println!("{resolution}: {} cells a mesh, 120 meshes in {:?}", cells / 120, start.elapsed());
    }
}

#[test]
fn indoor_scans_in_binary_ply_are_read() {
    let Some(root) = real_data("scannet/scans") else { return };
    let mut files = 0;
    for scene in std::fs::read_dir(root).unwrap() {
        for file in std::fs::read_dir(scene.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "ply") {
                assert!(matches!(read_shape(&path).unwrap(), Shape::Points(points) if points.len() == 50_000));
                files += 1;
            }
        }
    }
    assert!(files >= 18);
}
