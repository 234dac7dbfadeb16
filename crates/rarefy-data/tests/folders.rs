//! Class folders, loading and the cache, on folders made here.

use rarefy_data::{
    ClassFolder, DataError, Dataset, Layout, LoadOptions, Shape, SurfaceCloud, data_fingerprint, write_shape,
};
use std::fs;
use std::path::Path;

const TRIANGLE: &str = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n";

fn put(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn two_classes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["stool/train/b.off", "stool/train/a.off", "stool/test/c.off", "bed/train/d.off", "bed/test/e.off"] {
        put(folder.path(), name, TRIANGLE);
    }
    put(folder.path(), "bed/train/notes.txt", "not a shape");
    put(folder.path(), "bed/train/.hidden.off", "not a shape");
    folder
}

fn names(entries: &[rarefy_data::ShapeEntry]) -> Vec<(&str, u32)> {
    entries.iter().map(|entry| (entry.name.as_str(), entry.label)).collect()
}

#[test]
fn classes_and_files_are_sorted_by_name() {
    let root = two_classes();
    let folder = ClassFolder::open_for_training(root.path()).unwrap();
    assert_eq!((folder.layout(), folder.classes()), (Layout::Split, &["bed".to_owned(), "stool".to_owned()][..]));
    let train = folder.split("train").unwrap();
    assert_eq!(names(&train), [("bed/train/d.off", 0), ("stool/train/a.off", 1), ("stool/train/b.off", 1)]);
    assert_eq!(folder.all().unwrap().len(), 5);
}

#[test]
fn folders_without_splits_and_flat_folders_are_listed_for_an_index() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "x/1.off", TRIANGLE);
    put(root.path(), "y/2.off", TRIANGLE);
    let folder = ClassFolder::open(root.path()).unwrap();
    assert_eq!(folder.layout(), Layout::Classes);
    assert_eq!(names(&folder.all().unwrap()), [("x/1.off", 0), ("y/2.off", 1)]);
    let flat = ClassFolder::open(&root.path().join("x")).unwrap();
    assert_eq!((flat.layout(), names(&flat.all().unwrap())), (Layout::Flat, vec![("1.off", 0)]));
    assert!(matches!(flat.split("train"), Err(DataError::MissingSplit { .. })));
}

#[test]
fn wrong_folders_give_errors_that_name_the_folder_and_the_layout() {
    let root = tempfile::tempdir().unwrap();
    let message = |result: Result<ClassFolder, DataError>| result.unwrap_err().to_string();
    let empty = message(ClassFolder::open(root.path()));
    assert!(empty.contains("<root>/<class>/{train,test}/*") && empty.contains("no class folder"), "{empty}");
    put(root.path(), "chair/train/1.off", TRIANGLE);
    let one = message(ClassFolder::open_for_training(root.path()));
    assert!(one.contains("only the class `chair`"), "{one}");
    put(root.path(), "desk/test/1.off", TRIANGLE);
    let missing = message(ClassFolder::open_for_training(root.path()));
    assert!(missing.contains("desk has no folder `train`"), "{missing}");
    put(root.path(), "desk/train/readme.txt", "nothing");
    let bare = message(ClassFolder::open_for_training(root.path()));
    assert!(bare.contains("train holds no shape"), "{bare}");
    let nowhere = message(ClassFolder::open(&root.path().join("nowhere")));
    assert!(nowhere.contains("cannot list"), "{nowhere}");
}

#[test]
fn damaged_and_empty_shapes_are_left_out_by_name() {
    let root = two_classes();
    put(root.path(), "bed/train/broken.off", "this is a text");
    put(root.path(), "bed/train/empty.off", "OFF\n0 0 0\n");
    let folder = ClassFolder::open(root.path()).unwrap();
    let dataset = Dataset::load(&folder.split("train").unwrap(), folder.classes(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.labels(), [0, 1, 1]);
    let skipped: Vec<_> = dataset.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(skipped, ["bed/train/broken.off", "bed/train/empty.off"]);
    assert!(dataset.skipped[0].reason.contains("line 1") && dataset.skipped[1].reason.contains("empty"));
}

#[test]
fn a_folder_of_damaged_shapes_alone_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "a.off", "this is a text");
    let entries = ClassFolder::open(root.path()).unwrap().all().unwrap();
    let refused = Dataset::load(&entries, &[], &LoadOptions::default());
    assert!(matches!(refused, Err(DataError::NothingLeft { count: 1, .. })));
}

/// Clouds, skipped names and warnings of the training split, through a cache.
fn load(root: &Path, cache: &Path, resolution: u32) -> Dataset {
    let folder = ClassFolder::open(root).unwrap();
    let options = LoadOptions { cache_folder: Some(cache), cache_resolution: resolution, ..LoadOptions::default() };
    Dataset::load(&folder.split("train").unwrap(), folder.classes(), &options).unwrap()
}

fn clouds(dataset: &Dataset) -> Vec<&SurfaceCloud> {
    dataset.samples.iter().map(|sample| &sample.cloud).collect()
}

fn cache_files(cache: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(cache).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_cache_gives_what_the_files_give_and_follows_their_changes() {
    let (root, cache) = (two_classes(), tempfile::tempdir().unwrap());
    write_shape(&root.path().join("bed/train/p.npy"), &Shape::Points(vec![[0.5, 1.0, 2.0]])).unwrap();
    write_shape(&root.path().join("bed/train/v.npy"), &Shape::Voxels(vec![[3, 4, 5], [3, 4, 7]])).unwrap();
    put(root.path(), "bed/train/broken.off", "this is a text");
    let first = load(root.path(), cache.path(), 16);
    assert_eq!(cache_files(cache.path()).len(), 1);
    let again = load(root.path(), cache.path(), 16);
    assert_eq!(
        (clouds(&again), &again.skipped, &again.fingerprint),
        (clouds(&first), &first.skipped, &first.fingerprint)
    );
    assert!(again.warnings.is_empty());
    assert_ne!(clouds(&load(root.path(), cache.path(), 32)), clouds(&first));
    put(root.path(), "bed/train/d.off", &TRIANGLE.replace("0 1 0", "0 5 0"));
    assert_ne!(clouds(&load(root.path(), cache.path(), 16)), clouds(&first));
    assert_eq!(cache_files(cache.path()).len(), 3);
}

#[test]
fn a_damaged_cache_is_made_anew_with_a_warning() {
    let (root, cache) = (two_classes(), tempfile::tempdir().unwrap());
    let first = load(root.path(), cache.path(), 16);
    let file = cache_files(cache.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    for damage in [whole[..whole.len() - 5].to_vec(), [&whole[..60], &[!whole[60]], &whole[61..]].concat(), vec![]] {
        fs::write(&file, damage).unwrap();
        let repaired = load(root.path(), cache.path(), 16);
        assert_eq!(clouds(&repaired), clouds(&first));
        assert!(repaired.warnings[0].contains("damaged"), "{:?}", repaired.warnings);
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn a_cache_folder_that_cannot_be_written_is_a_warning() {
    let root = two_classes();
    put(root.path(), "file", "in the way");
    let dataset = load(root.path(), &root.path().join("file/cache"), 16);
    assert_eq!(dataset.len(), 3);
    assert!(dataset.warnings.last().unwrap().contains("could not be cached"), "{:?}", dataset.warnings);
}

#[test]
fn the_fingerprint_follows_names_and_sizes_and_not_the_place() {
    let (one, two) = (two_classes(), two_classes());
    let of = |root: &Path| data_fingerprint(&ClassFolder::open(root).unwrap().all().unwrap()).unwrap();
    assert_eq!(of(one.path()), of(two.path()));
    put(two.path(), "bed/test/f.off", TRIANGLE);
    assert_ne!(of(one.path()), of(two.path()));
}

#[test]
fn a_cache_resolution_out_of_range_is_refused() {
    let root = two_classes();
    let entries = ClassFolder::open(root.path()).unwrap().all().unwrap();
    for cache_resolution in [0, 1, 513] {
        let options = LoadOptions { cache_resolution, ..LoadOptions::default() };
        assert!(matches!(Dataset::load(&entries, &[], &options), Err(DataError::Setting { .. })));
    }
}
