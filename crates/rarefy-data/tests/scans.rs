//! Readers of scans on whole files, on round trips, and on damage: an error that names file and place, never a panic.

use rarefy_data::scan::{PointLabels, parse_scan, read_labels, read_scan, write_labels};
use rarefy_data::{DataError, Limits, Place, Scan};
use std::path::Path;

fn parse(name: &str, bytes: impl AsRef<[u8]>) -> Result<Scan, DataError> {
    parse_scan(Path::new(name), bytes.as_ref(), &Limits::default())
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn a_kitti_scan_gives_points_and_intensity() {
    let scan = parse("a.bin", floats(&[1.0, 2.0, 3.0, 0.25, -4.0, 5.5, 0.0, 1.0])).unwrap();
    assert_eq!(scan.points, [[1.0, 2.0, 3.0], [-4.0, 5.5, 0.0]]);
    assert_eq!(scan.intensity, Some(vec![0.25, 1.0]));
    assert_eq!((scan.labels, scan.colour, scan.origin), (None, None, [0.0; 3]));
}

#[test]
fn damaged_kitti_scans_give_errors_that_name_file_and_place() {
    let whole = floats(&[1.0, 2.0, 3.0, 0.25, -4.0, 5.5, 0.0, 1.0]);
    for cut in [1, 15, 17, 31] {
        let refused = parse("a.bin", &whole[..cut]);
        let place = Place::Byte(cut as u64 / 16 * 16);
        assert!(matches!(&refused, Err(DataError::Format { place: found, .. }) if *found == place), "{refused:?}");
    }
    assert!(matches!(parse("a.bin", []), Err(DataError::EmptyShape { .. })));
    for (value, says) in [(f32::NAN, "not a finite number"), (f32::INFINITY, "not a finite"), (1e30, "coordinate 1e30")]
    {
        let mut values = [0.0; 12];
        values[9] = value;
        let refused = parse("far/away.bin", floats(&values)).unwrap_err().to_string();
        assert!(refused.contains("far/away.bin: point 2") && refused.contains(says), "{refused}");
    }
    let limits = Limits { points: 1, ..Limits::default() };
    let refused = parse_scan(Path::new("a.bin"), &whole, &limits);
    assert!(matches!(refused, Err(DataError::TooLarge { what: "points", found: 2, limit: 1, .. })));
}

#[test]
fn labels_survive_writing_and_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("000001.label");
    let labels = PointLabels { labels: vec![40, 252, 65_535], instances: vec![0, 7, 65_535] };
    write_labels(&path, &labels).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), [40, 0, 0, 0, 252, 0, 7, 0, 255, 255, 255, 255]);
    assert_eq!(read_labels(&path, &Limits::default()).unwrap(), labels);
    let too_large = PointLabels { labels: vec![0, 70_000], instances: vec![0, 0] };
    let refused = write_labels(&path, &too_large).unwrap_err().to_string();
    assert!(refused.contains("row 1") && refused.contains("70000"), "{refused}");
    assert_eq!(read_labels(&path, &Limits::default()).unwrap(), labels, "the old file stays");
}

#[test]
fn a_label_file_of_another_length_is_refused_with_both_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("000001.label");
    let mut scan = Scan::from_points(vec![[0.0; 3]; 3]);
    write_labels(&path, &PointLabels { labels: vec![1; 4], instances: vec![0; 4] }).unwrap();
    let refused = scan.attach_labels(&path, read_labels(&path, &Limits::default()).unwrap()).unwrap_err().to_string();
    assert!(refused.contains("000001.label: 4 labels for a scan of 3 points"), "{refused}");
    std::fs::write(&path, [0; 7]).unwrap();
    let refused = read_labels(&path, &Limits::default());
    assert!(matches!(refused, Err(DataError::Format { place: Place::Byte(4), .. })), "{refused:?}");
}

#[test]
fn labels_of_rows_without_a_return_are_left_out_and_put_back() {
    let mut scan = Scan { points: vec![[0.0; 3]; 3], missing: vec![0, 3], ..Scan::default() };
    let labels = PointLabels { labels: vec![9, 1, 2, 9, 3], instances: vec![0, 10, 20, 0, 30] };
    scan.attach_labels(Path::new("a.label"), labels).unwrap();
    assert_eq!((scan.labels.as_deref(), scan.instances.as_deref()), (Some(&[1, 2, 3][..]), Some(&[10, 20, 30][..])));
    assert_eq!(scan.to_rows(&[1, 2, 3], 0), [0, 1, 2, 0, 3]);
}

#[test]
fn a_missing_scan_and_an_unknown_type_say_so() {
    let missing = read_scan(Path::new("/nowhere/a.bin")).unwrap_err().to_string();
    assert!(missing.contains("cannot read /nowhere/a.bin"), "{missing}");
    let unknown = read_scan(Path::new("a.docx")).unwrap_err().to_string();
    assert!(unknown.contains("a.docx: unknown type of scan; expected one of: .bin"), "{unknown}");
}

#[test]
fn real_scans_are_read_with_their_labels() {
    let Some(root) = std::env::var_os("RAREFY_REALDATA") else {
        println!("skipped: RAREFY_REALDATA is not set");
        return;
    };
    let sequence = Path::new(&root).join("semantickitti/sequences/07");
    let mut scan = read_scan(&sequence.join("velodyne/000964.bin")).unwrap();
    let labels = sequence.join("labels/000964.label");
    scan.attach_labels(&labels, read_labels(&labels, &Limits::default()).unwrap()).unwrap();
    assert_eq!(scan.len(), 120_485);
    assert!(scan.labels.unwrap().iter().all(|&label| label <= 259));
}
