//! Clouds whose fields have names (PCD, PLY, NPY, NPZ): what each field becomes, round trips, damage.

use proptest::prelude::*;
use rarefy_data::scan::{UNLABELLED, parse_scan, read_scan, write_scan};
use rarefy_data::{DataError, Limits, Place, Scan};
use std::path::Path;

fn parse(name: &str, bytes: impl AsRef<[u8]>) -> Result<Scan, DataError> {
    parse_scan(Path::new(name), bytes.as_ref(), &Limits::default())
}

fn place(result: Result<Scan, DataError>) -> Place {
    match result {
        Err(DataError::Format { place, .. }) => place,
        other => panic!("expected a format error, got {other:?}"),
    }
}

const PCD_TEXT: &str = "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z intensity rgb label normal_x normal_y normal_z\n\
    SIZE 4 4 4 4 4 4 4 4 4\nTYPE F F F F U U F F F\nCOUNT 1 1 1 1 1 1 1 1 1\nWIDTH 3\nHEIGHT 1\n\
    VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 3\nDATA ascii\n\
    1 2 3 0.5 16711935 40 0 0 1\nnan nan nan 0 0 0 0 0 0\n-4 5.5 0 1 66051 252 1 0 0\n";

fn pcd_scan() -> Scan {
    Scan {
        points: vec![[1.0, 2.0, 3.0], [-4.0, 5.5, 0.0]],
        intensity: Some(vec![0.5, 1.0]),
        colour: Some(vec![[255, 0, 255], [1, 2, 3]]),
        normals: Some(vec![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
        labels: Some(vec![40, 252]),
        missing: vec![1],
        ..Scan::default()
    }
}

/// The cloud of `PCD_TEXT` in binary: point after point, or field after field.
fn pcd_binary(by_field: bool) -> Vec<u8> {
    let nan = f32::NAN.to_bits();
    let bits = f32::to_bits;
    let points = [
        [bits(1.0), bits(2.0), bits(3.0), bits(0.5), 0x00ff_00ff, 40, 0, 0, bits(1.0)],
        [nan, nan, nan, 0, 0, 0, 0, 0, 0],
        [bits(-4.0), bits(5.5), 0, bits(1.0), 0x0001_0203, 252, bits(1.0), 0, 0],
    ];
    let values: Vec<u32> =
        if by_field { (0..9).flat_map(|field| points.map(|point| point[field])).collect() } else { points.concat() };
    values.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn pcd_header(data: &str) -> String {
    let (header, _) = PCD_TEXT.split_once("ascii").unwrap();
    format!("{header}{data}\n")
}

/// LZF in literal runs alone.
fn packed(plain: &[u8]) -> Vec<u8> {
    let packed: Vec<u8> =
        plain.chunks(32).flat_map(|run| std::iter::once(run.len() as u8 - 1).chain(run.iter().copied())).collect();
    [&(packed.len() as u32).to_le_bytes()[..], &(plain.len() as u32).to_le_bytes(), &packed].concat()
}

#[test]
fn pcd_is_read_as_text_in_binary_and_compressed() {
    let binary = [pcd_header("binary").as_bytes(), &pcd_binary(false)].concat();
    let compressed = [pcd_header("binary_compressed").as_bytes(), &packed(&pcd_binary(true))].concat();
    for bytes in [PCD_TEXT.as_bytes().to_vec(), PCD_TEXT.replace('\n', "\r\n").into(), binary, compressed] {
        assert_eq!(parse("a.pcd", bytes).unwrap(), pcd_scan());
    }
}

#[test]
fn pcd_fields_may_be_padded_of_other_types_and_colours_packed_into_floats() {
    let header = "FIELDS _ x y z rgb label\nSIZE 1 8 8 8 4 2\nTYPE U F F F F I\nCOUNT 3 1 1 1 1 1\nWIDTH 1\nHEIGHT 1\n\
                  DATA binary\n";
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend([9, 9, 9]);
    for part in [4_000_000.25_f64, 500_000.0, 100.5] {
        bytes.extend(part.to_le_bytes());
    }
    bytes.extend(0x0010_2030_u32.to_le_bytes());
    bytes.extend((-1_i16).to_le_bytes());
    let scan = parse("a.pcd", &bytes).unwrap();
    assert_eq!((scan.points.as_slice(), scan.origin), (&[[0.25, 0.0, 100.5]][..], [4e6, 5e5, 0.0]));
    assert_eq!((scan.colour, scan.labels), (Some(vec![[16, 32, 48]]), Some(vec![UNLABELLED])));
    assert!(matches!(parse("a.pcd", &bytes[..bytes.len() - 1]), Err(DataError::Truncated { .. })));
}

#[test]
fn damaged_pcd_files_give_errors_that_name_the_place() {
    assert_eq!(place(parse("a.pcd", "a text\n")), Place::Line(1));
    assert_eq!(place(parse("a.pcd", "")), Place::Line(1));
    assert_eq!(place(parse("a.pcd", PCD_TEXT.replace("DATA ascii", "DATA zip"))), Place::Line(11));
    assert_eq!(place(parse("a.pcd", PCD_TEXT.replace("SIZE 4 ", "SIZE "))), Place::Line(11));
    assert_eq!(place(parse("a.pcd", PCD_TEXT.replace("SIZE 4 ", "SIZE 3 "))), Place::Line(11));
    assert_eq!(place(parse("a.pcd", PCD_TEXT.replace("5.5", "five"))), Place::Line(14));
    assert_eq!(place(parse("a.pcd", PCD_TEXT.replace(" 252 ", " "))), Place::Line(14));
    assert_eq!(place(parse("a.pcd", PCD_TEXT.replace("POINTS 3", "POINTS 4"))), Place::Line(11));
    assert_eq!(place(parse("a.pcd", PCD_TEXT.replace("FIELDS x", "FIELDS w"))), Place::Line(1));
    let huge = parse("a.pcd", PCD_TEXT.replace("POINTS 3", "POINTS 30000000"));
    assert!(matches!(huge, Err(DataError::Truncated { .. })), "{huge:?}");
    let absurd = parse("a.pcd", PCD_TEXT.replace("POINTS 3", "POINTS 18446744073709551615"));
    assert!(matches!(absurd, Err(DataError::TooLarge { .. })), "{absurd:?}");
    let nothing = PCD_TEXT.replace("1 2 3 0.5", "nan 2 3 0.5").replace("-4 5.5", "nan 5.5");
    assert!(matches!(parse("a.pcd", nothing), Err(DataError::EmptyShape { .. })));
    let far = parse("a.pcd", PCD_TEXT.replace("5.5", "1e30")).unwrap_err().to_string();
    assert!(far.contains("a.pcd: point 2") && far.contains("1e30"), "{far}");
    let endless = parse("a.pcd", PCD_TEXT.replace("5.5", "inf"));
    assert!(matches!(endless, Err(DataError::NotFinite { point: 2, .. })), "{endless:?}");

    let packed = packed(&pcd_binary(true));
    let with = |body: &[u8]| parse("a.pcd", [pcd_header("binary_compressed").as_bytes(), body].concat());
    assert!(matches!(with(&packed[..6]), Err(DataError::Format { .. })));
    assert!(matches!(with(&packed[..packed.len() - 1]), Err(DataError::Truncated { .. })));
    let mut wrong = packed.clone();
    wrong[4] ^= 1;
    assert!(with(&wrong).unwrap_err().to_string().contains("108 bytes of unpacked points"));
    let mut wrong = packed;
    wrong[8] = 0xff;
    assert!(with(&wrong).unwrap_err().to_string().contains("LZF"));
}

#[test]
fn ply_clouds_give_colour_normals_intensity_and_labels() {
    let text = "ply\nformat ascii 1.0\nelement vertex 2\nproperty double x\nproperty double y\nproperty double z\n\
        property float nx\nproperty float ny\nproperty float nz\nproperty uchar red\nproperty uchar green\n\
        property uchar blue\nproperty uchar alpha\nproperty float scalar_Intensity\nproperty ushort label\n\
        property int instance\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n\
        1 2 3 0 0 1 255 0 7 255 0.5 40 3\n4 5 6 1 0 0 1 2 3 255 1 252 -1\n3 0 1 1\n";
    let scan = parse("a.ply", text).unwrap();
    assert_eq!(scan.points, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(scan.colour, Some(vec![[255, 0, 7], [1, 2, 3]]));
    assert_eq!(scan.normals, Some(vec![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]));
    assert_eq!((scan.intensity, scan.labels), (Some(vec![0.5, 1.0]), Some(vec![40, 252])));
    assert_eq!(scan.instances, Some(vec![3, UNLABELLED]));
    let float = text
        .replace("uchar red", "float red")
        .replace("uchar green", "float green")
        .replace("uchar blue", "float blue");
    let float = float.replace("255 0 7 255", "1 0 0.2 255").replace("1 2 3 255", "0 0.5 1 255");
    assert_eq!(parse("a.ply", float).unwrap().colour, Some(vec![[255, 0, 51], [0, 128, 255]]));
    assert!(parse("a.ply", text.replace(" 40 3\n", " 40.5 3\n")).is_err());
    let broken = text.replace("ushort label", "float label").replace(" 40 3\n", " 40.5 3\n");
    assert!(parse("a.ply", broken).unwrap_err().to_string().contains("label of point 0, found 40.5"));
    assert_eq!(place(parse("a.ply", text.replace("4 5 6 ", "4 nan 6 "))), Place::Line(21));
    let header = "ply\nformat binary_little_endian 1.0\nelement vertex 2\nproperty float x\nproperty float y\n\
        property float z\nend_header\n";
    let body: Vec<u8> = [0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0].iter().flat_map(|part| part.to_le_bytes()).collect();
    let nan = parse("a.ply", [header.as_bytes(), &body].concat());
    assert!(matches!(nan, Err(DataError::NotFinite { point: 1, .. })), "{nan:?}");
}

fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), body].concat()
}

#[test]
fn the_columns_of_an_npy_say_what_it_holds() {
    let row = [1.0_f32, 2.0, 3.0, 10.0, 20.0, 30.0, 4.0, 5.0];
    let with = |columns: usize| {
        let body: Vec<u8> = row[..columns].iter().flat_map(|value| value.to_le_bytes()).collect();
        parse("a.npy", npy("<f4", &format!("(1, {columns})"), &body))
    };
    let points = vec![[1.0, 2.0, 3.0]];
    assert_eq!(with(3).unwrap(), Scan::from_points(points.clone()));
    assert_eq!(with(4).unwrap(), Scan { intensity: Some(vec![10.0]), ..Scan::from_points(points.clone()) });
    let coloured = Scan { colour: Some(vec![[10, 20, 30]]), ..Scan::from_points(points) };
    assert_eq!(with(6).unwrap(), coloured);
    assert_eq!(with(7).unwrap(), Scan { labels: Some(vec![4]), ..coloured.clone() });
    assert_eq!(with(8).unwrap(), Scan { labels: Some(vec![4]), instances: Some(vec![5]), ..coloured });
    assert!(with(5).unwrap_err().to_string().contains("found 5 columns"));
}

/// A scan with every list.
fn whole_scan(origin: [f64; 3]) -> Scan {
    Scan {
        points: vec![[1.5, 2.0, 3.0], [-4.0, 5.5, 0.25]],
        intensity: Some(vec![0.5, 1.0]),
        colour: Some(vec![[255, 0, 255], [1, 2, 3]]),
        normals: Some(vec![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
        labels: Some(vec![40, UNLABELLED]),
        instances: Some(vec![7, 70_000]),
        origin,
        ..Scan::default()
    }
}

#[test]
fn scans_survive_writing_and_reading() {
    let folder = tempfile::tempdir().unwrap();
    let bare = Scan::from_points(vec![[1.0, 2.0, 3.0]]);
    for scan in [whole_scan([0.0; 3]), bare] {
        for name in ["a.ply", "a.npz"] {
            let path = folder.path().join(name);
            write_scan(&path, &scan).unwrap();
            assert_eq!(read_scan(&path).unwrap(), scan, "{name}");
        }
    }
    // Far from 0 the reader may choose another origin; the places stay.
    let far = whole_scan([4_000_000.0, 500_000.0, 0.0]);
    for name in ["a.ply", "a.npz"] {
        write_scan(&folder.path().join(name), &far).unwrap();
        let read = read_scan(&folder.path().join(name)).unwrap();
        for (point, expected) in read.points.iter().zip(&far.points) {
            for axis in 0..3 {
                let [place, expected] =
                    [(point, &read), (expected, &far)].map(|(p, scan)| f64::from(p[axis]) + scan.origin[axis]);
                assert!((place - expected).abs() < 1e-6, "{name}: {place} {expected}");
            }
        }
    }
    assert!(write_scan(&folder.path().join("a.pcd"), &far).unwrap_err().to_string().contains(".ply or .npz"));
    let broken = Scan { labels: Some(vec![1]), ..far };
    assert!(write_scan(&folder.path().join("a.ply"), &broken).is_err());
}

#[test]
fn the_arrays_of_an_npz_must_fit_each_other() {
    use std::io::Write;
    let archive = |arrays: &[(&str, Vec<u8>)]| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in arrays {
            writer.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    let points = || ("xyz", npy("<f8", "(2, 3)", &[0; 48]));
    let scan = parse("a.npz", archive(&[points(), ("label", npy("|u1", "(2,)", &[3, 4]))])).unwrap();
    assert_eq!(scan.labels, Some(vec![3, 4]));
    let short = parse("a.npz", archive(&[points(), ("label", npy("|u1", "(1,)", &[3]))])).unwrap_err().to_string();
    assert!(short.contains("2 rows and 1 columns in the array `label`, found 1 rows"), "{short}");
    let flat = parse("a.npz", archive(&[points(), ("rgb", npy("|u1", "(2,)", &[3, 4]))])).unwrap_err().to_string();
    assert!(flat.contains("`rgb`"), "{flat}");
    let none = parse("a.npz", archive(&[("label", npy("|u1", "(1,)", &[3]))])).unwrap_err().to_string();
    assert!(none.contains("points") && none.contains("label"), "{none}");
    assert!(matches!(parse("a.npz", "a text"), Err(DataError::Format { .. })));
}

#[test]
fn real_rooms_are_read_with_colour_and_labels() {
    let Some(root) = std::env::var_os("RAREFY_REALDATA") else {
        println!("skipped: RAREFY_REALDATA is not set");
        return;
    };
    let scene = Path::new(&root).join("scannet/scans/scene0000_00");
    let cloud = read_scan(&scene.join("scene0000_00_vh_clean_2.ply")).unwrap();
    let labelled = read_scan(&scene.join("scene0000_00_vh_clean_2.labels.ply")).unwrap();
    assert_eq!((cloud.len(), cloud.colour.is_some()), (50_000, true));
    assert_eq!(labelled.points, cloud.points);
    assert!(labelled.labels.unwrap().iter().all(|&label| label <= 40));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn mutated_scans_never_panic(
        format in 0..5_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..10),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str| {
            let path = folder.path().join(name);
            write_scan(&path, &whole_scan([0.0; 3])).unwrap();
            std::fs::read(path).unwrap()
        };
        let (name, mut bytes) = match format {
            0 => ("a.pcd", PCD_TEXT.into()),
            1 => ("a.pcd", [pcd_header("binary").as_bytes(), &pcd_binary(false)].concat()),
            2 => ("a.pcd", [pcd_header("binary_compressed").as_bytes(), &packed(&pcd_binary(true))].concat()),
            3 => ("a.ply", written("a.ply")),
            _ => ("a.npz", written("a.npz")),
        };
        for (at, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"0123456789 -.e\n(#"[usize::from(byte) % 17]),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        if let Ok(scan) = parse(name, &bytes) {
            prop_assert!(scan.points.iter().flatten().all(|part| part.is_finite()));
            prop_assert!(scan.labels.is_none_or(|labels| labels.len() == scan.points.len()));
        }
    }
}
