//! LAS and LAZ files, written by the crate `las`: what is read of them, and damage of every kind.

use las::point::{Classification, Format};
use las::{Builder, Color, Point, Transform, Vector, Writer};
use proptest::prelude::*;
use rarefy_data::scan::parse_scan;
use rarefy_data::{DataError, Limits, Scan};
use std::io::Cursor;
use std::path::Path;

fn parse(bytes: &[u8]) -> Result<Scan, DataError> {
    parse_scan(Path::new("a.las"), bytes, &Limits::default())
}

/// A file of `count` points on a line, in one of the point formats.
fn file(format: u8, compressed: bool, count: u16) -> Vec<u8> {
    let mut builder = Builder::from((1, 4));
    builder.point_format = Format::new(format).unwrap();
    builder.point_format.is_compressed = compressed;
    let axis = |offset| Transform { scale: 0.001, offset };
    builder.transforms = Vector { x: axis(500_000.0), y: axis(4_000_000.0), z: axis(0.0) };
    let mut writer = Writer::new(Cursor::new(Vec::new()), builder.into_header().unwrap()).unwrap();
    for number in 0..count {
        let step = f64::from(number);
        let point = Point {
            x: 500_000.25 + step,
            y: 4_000_000.5,
            z: step / 8.0,
            intensity: number * 3,
            classification: Classification::new([2, 5, 6][usize::from(number) % 3]).unwrap(),
            color: builder_has_colour(format).then(|| Color::new(number % 256 * 257, 0xffff, 257)),
            gps_time: Format::new(format).unwrap().has_gps_time.then_some(step),
            nir: Format::new(format).unwrap().has_nir.then_some(7),
            ..Point::default()
        };
        writer.write_point(point).unwrap();
    }
    writer.into_inner().unwrap().into_inner()
}

fn builder_has_colour(format: u8) -> bool {
    Format::new(format).unwrap().has_color
}

#[test]
fn every_point_format_is_read_packed_or_not() {
    for format in [0, 1, 2, 3, 6, 7, 8] {
        for compressed in [false, true] {
            let scan = parse(&file(format, compressed, 200)).unwrap();
            assert_eq!(scan.len(), 200, "format {format}, compressed {compressed}");
            assert_eq!(&scan.labels.as_ref().unwrap()[..4], [2, 5, 6, 2]);
            assert_eq!(scan.intensity.as_ref().unwrap()[7].to_bits(), 21.0_f32.to_bits());
            for (number, point) in scan.points.iter().enumerate() {
                let place: [f64; 3] = std::array::from_fn(|axis| f64::from(point[axis]) + scan.origin[axis]);
                let expected = [500_000.25 + number as f64, 4_000_000.5, number as f64 / 8.0];
                assert!((0..3).all(|axis| (place[axis] - expected[axis]).abs() < 1e-5), "{place:?} {expected:?}");
            }
            let colour = builder_has_colour(format).then_some([100, 255, 1]);
            assert_eq!(scan.colour.as_ref().map(|colour| colour[100]), colour);
        }
    }
}

#[test]
fn more_points_than_a_chunk_holds_are_read() {
    for format in [0, 6] {
        let scan = parse(&file(format, true, u16::MAX / 3)).unwrap();
        assert_eq!(scan.len(), 21_845);
        let last = f64::from(scan.points[21_844][0]) + scan.origin[0];
        assert!((last - 521_844.25).abs() < 1e-3, "{last}");
    }
}

#[test]
fn files_cut_anywhere_are_refused() {
    for (format, compressed) in [(0, false), (3, true), (7, true)] {
        let whole = file(format, compressed, 20);
        for length in 0..whole.len() {
            let cut = parse(&whole[..length]);
            let refused =
                matches!(cut, Err(DataError::Format { .. } | DataError::Truncated { .. } | DataError::TooLarge { .. }));
            assert!(refused, "format {format}, {length} of {}: {cut:?}", whole.len());
        }
    }
}

#[test]
fn sizes_that_the_file_cannot_hold_are_refused() {
    let whole = file(0, false, 20);
    let with = |at: usize, bytes: &[u8], mut file: Vec<u8>| {
        file[at..at + bytes.len()].copy_from_slice(bytes);
        parse(&file).unwrap_err()
    };
    let points = 1_000_000_u64.to_le_bytes();
    let many = with(247, &points, with_legacy_count(whole.clone(), 1_000_000));
    assert!(matches!(many, DataError::Truncated { promised: 1_000_000, .. }), "{many:?}");
    let many = with(247, &points, with_legacy_count(file(6, true, 20), 0));
    assert!(many.to_string().contains("1000000 points") || many.to_string().contains("a.las"), "{many}");
    let text = parse(b"a text").unwrap_err().to_string();
    assert!(text.contains("a.las, byte 0: expected `LASF`"), "{text}");

    // The number of chunks, and the size of the first layer of the first chunk.
    let packed = file(6, true, 20);
    let start = u32::from_le_bytes(packed[96..100].try_into().unwrap()) as usize;
    let table = u64::from_le_bytes(packed[start..start + 8].try_into().unwrap()) as usize;
    let chunks = with(table + 4, &u32::MAX.to_le_bytes(), packed.clone()).to_string();
    assert!(chunks.contains("4294967295 chunks"), "{chunks}");
    let layer = with(start + 8 + 30 + 4, &0xf000_0000_u32.to_le_bytes(), packed).to_string();
    assert!(layer.contains("layers of another length"), "{layer}");
}

fn with_legacy_count(mut file: Vec<u8>, count: u32) -> Vec<u8> {
    file[107..111].copy_from_slice(&count.to_le_bytes());
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn mutated_files_never_panic(
        kind in 0..4_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
    ) {
        let (format, compressed) = [(0, false), (2, true), (6, true), (7, true)][kind];
        let mut bytes = file(format, compressed, 30);
        for (at, byte, flip) in edits {
            let at = at.index(bytes.len());
            bytes[at] = if flip { bytes[at] ^ (1 << (byte % 8)) } else { byte };
        }
        if let Ok(scan) = parse_scan(Path::new("a.las"), &bytes, &Limits { points: 10_000, ..Limits::default() }) {
            prop_assert!(scan.points.iter().flatten().all(|part| part.is_finite()));
        }
    }
}
