//! `NumPy` clouds: NPZ archives with named arrays, and NPY matrices whose number of columns says what they hold.
//!
//! | columns of an NPY | meaning |
//! | --- | --- |
//! | 3 | x, y, z |
//! | 4 | x, y, z, intensity |
//! | 6 | x, y, z, red, green, blue |
//! | 7 | … and label |
//! | 8 | … and label, instance |

use super::points::{Scan, recentred};
use super::table::{bytes_of_colours, numbers};
use crate::error::{DataError, Place};
use crate::formats::Source;
use crate::formats::npy::{check_header, unpack, write_header};
use npyz::npz::NpzArchive;
use npyz::{DType, NpyFile, Order, TypeChar};
use std::io::{Cursor, Seek, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const POINTS: [&str; 4] = ["points", "xyz", "coord", "coords"];
const INTENSITY: [&str; 4] = ["intensity", "remission", "reflectance", "strength"];
const COLOUR: [&str; 4] = ["rgb", "colour", "color", "colors"];
const NORMALS: [&str; 2] = ["normals", "normal"];
const LABELS: [&str; 4] = ["labels", "label", "semantic", "segment"];
const PREDICTIONS: [&str; 4] = ["predictions", "prediction", "pred", "preds"];
const INSTANCES: [&str; 2] = ["instances", "instance"];

/// Whether an array of this name says where a point is, what it looks like or what it is.
pub(super) fn is_of_the_scan(name: &str) -> bool {
    [&POINTS[..], &COLOUR, &NORMALS, &LABELS, &PREDICTIONS, &INSTANCES].iter().any(|names| names.contains(&name))
}

/// An array of one or two axes, column after column.
pub(super) struct Matrix {
    pub(super) columns: Vec<Vec<f64>>,
    float: bool,
}

impl Matrix {
    pub(super) fn rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }
}

pub(super) fn parse(source: &Source<'_>) -> Result<Scan, DataError> {
    let matrix = read_matrix(source, source.bytes)?;
    let float = matrix.float;
    let count = matrix.columns.len();
    let mut columns = matrix.columns.into_iter();
    let mut take = || columns.next().unwrap_or_default();
    if ![3, 4, 6, 7, 8].contains(&count) {
        let expected = "3 (x, y, z), 4 (and intensity), 6 (and colour), 7 (and label) or 8 columns (and instance)";
        return Err(source.format("NPY", Place::Byte(10), expected, format!("{count} columns")));
    }
    let (points, origin) = points_of([take(), take(), take()]);
    let mut scan = Scan { points, origin, ..Scan::default() };
    if count == 4 {
        scan.intensity = Some(take().into_iter().map(|value| value as f32).collect());
    }
    if count >= 6 {
        scan.colour = Some(bytes_of_colours(&[take(), take(), take()], float));
    }
    if count >= 7 {
        scan.labels = Some(numbers(source, "NPY", "label", &take())?);
    }
    if count == 8 {
        scan.instances = Some(numbers(source, "NPY", "instance", &take())?);
    }
    Ok(scan)
}

fn points_of([x, y, z]: [Vec<f64>; 3]) -> (Vec<[f32; 3]>, [f64; 3]) {
    let points: Vec<_> = (0..x.len()).map(|point| [x[point], y[point], z[point]]).collect();
    recentred(&points)
}

pub(super) fn parse_archive(source: &Source<'_>) -> Result<Scan, DataError> {
    let wrong = |found: String| source.format("NPZ", Place::Byte(0), "a ZIP archive of arrays", found);
    let mut archive = NpzArchive::new(Cursor::new(source.bytes)).map_err(|error| wrong(error.to_string()))?;
    let mut names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    names.sort();
    let mut rows = None;
    let mut read = |wanted: &[&str], columns: usize| -> Result<Option<Matrix>, DataError> {
        let Some(name) = wanted.iter().find(|wanted| names.iter().any(|name| name == *wanted)) else { return Ok(None) };
        let matrix = read_matrix(source, &unpack(source, &mut archive, name)?)?;
        let rows = *rows.get_or_insert(matrix.rows());
        if (matrix.rows(), matrix.columns.len()) != (rows, columns) {
            let expected = format!("{rows} rows and {columns} columns in the array `{name}`");
            let found = format!("{} rows and {} columns", matrix.rows(), matrix.columns.len());
            return Err(source.format("NPZ", Place::Byte(0), expected, found));
        }
        Ok(Some(matrix))
    };
    let three = |matrix: Matrix| <[Vec<f64>; 3]>::try_from(matrix.columns).unwrap_or_default();
    let one = |matrix: Matrix| matrix.columns.into_iter().next().unwrap_or_default();
    let Some(points) = read(&POINTS, 3)? else {
        let expected = format!("an array named one of {POINTS:?}");
        return Err(source.format("NPZ", Place::Byte(0), expected, format!("{names:?}")));
    };
    let (points, origin) = points_of(three(points));
    let mut scan = Scan { points, origin, ..Scan::default() };
    scan.intensity = read(&INTENSITY, 1)?.map(|matrix| one(matrix).into_iter().map(|value| value as f32).collect());
    scan.colour = read(&COLOUR, 3)?.map(|matrix| {
        let float = matrix.float;
        bytes_of_colours(&three(matrix), float)
    });
    scan.normals = read(&NORMALS, 3)?.map(|matrix| {
        let [x, y, z] = three(matrix);
        (0..x.len()).map(|point| [x[point] as f32, y[point] as f32, z[point] as f32]).collect()
    });
    let labels = read(&LABELS, 1)?.map(|matrix| numbers(source, "NPZ", "label", &one(matrix)));
    scan.labels = labels.transpose()?;
    let instances = read(&INSTANCES, 1)?.map(|matrix| numbers(source, "NPZ", "instance", &one(matrix)));
    scan.instances = instances.transpose()?;
    Ok(scan)
}

/// The labels in an archive that holds them, with a scan or alone: one whole number a row.
pub(crate) fn labels_in_archive(source: &Source<'_>) -> Result<Vec<u32>, DataError> {
    let wrong = |expected: &str, found: String| source.format("NPZ", Place::Byte(0), expected, found);
    let open = |error: std::io::Error| wrong("a ZIP archive of arrays", error.to_string());
    let mut archive = NpzArchive::new(Cursor::new(source.bytes)).map_err(open)?;
    let mut names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    names.sort();
    let Some(name) = LABELS.iter().chain(&PREDICTIONS).find(|wanted| names.iter().any(|name| name == *wanted)) else {
        return Err(wrong(&format!("an array named one of {LABELS:?} or {PREDICTIONS:?}"), format!("{names:?}")));
    };
    let matrix = read_matrix(source, &unpack(source, &mut archive, name)?)?;
    match &matrix.columns[..] {
        [column] => numbers(source, "NPZ", "label", column),
        columns => Err(wrong(&format!("one column in the array `{name}`"), format!("{} columns", columns.len()))),
    }
}

/// Reads an array of numbers, [rows] or [rows, columns].
pub(super) fn read_matrix(source: &Source<'_>, bytes: &[u8]) -> Result<Matrix, DataError> {
    let source = Source { bytes, ..*source };
    check_header(&source)?;
    let wrong = |error: std::io::Error| source.format("NPY", Place::Byte(0), "an array", error.to_string());
    let file = NpyFile::new(bytes).map_err(wrong)?;
    let (order, dtype) = (file.order(), file.dtype());
    let described = format!("{} of shape {:?}", dtype.descr(), file.shape());
    let refused = || source.format("NPY", Place::Byte(10), "numbers of shape [n] or [n, columns]", described.clone());
    let (rows, columns) = match *file.shape() {
        [rows] => (rows, 1),
        [rows, columns] if columns > 0 => (rows, columns),
        _ => return Err(refused()),
    };
    let DType::Plain(plain) = &dtype else { return Err(refused()) };
    let item = plain.num_bytes().unwrap_or(0) as u64;
    source.check_room("rows", rows, columns.saturating_mul(item.max(1)), bytes.len() as u64)?;
    source.check_points(rows)?;
    macro_rules! columns_of {
        ($stored:ty, $convert:expr) => {{
            let items: Vec<$stored> = file.into_vec().map_err(wrong)?;
            let (rows, columns) = (rows as usize, columns as usize);
            let at = |row: usize, column: usize| match order {
                Order::C => row * columns + column,
                Order::Fortran => column * rows + row,
            };
            let column = |column: usize| (0..rows).map(|row| $convert(items[at(row, column)])).collect();
            (0..columns).map(column).collect()
        }};
    }
    let kind = (plain.type_char(), plain.size_field());
    let columns = match kind {
        (TypeChar::Float, 4) => columns_of!(f32, f64::from),
        (TypeChar::Float, 8) => columns_of!(f64, f64::from),
        (TypeChar::Bool, 1) => columns_of!(bool, |value| f64::from(u8::from(value))),
        (TypeChar::Uint, 1) => columns_of!(u8, f64::from),
        (TypeChar::Uint, 2) => columns_of!(u16, f64::from),
        (TypeChar::Uint, 4) => columns_of!(u32, f64::from),
        (TypeChar::Uint, 8) => columns_of!(u64, |value| value as f64),
        (TypeChar::Int, 1) => columns_of!(i8, f64::from),
        (TypeChar::Int, 2) => columns_of!(i16, f64::from),
        (TypeChar::Int, 4) => columns_of!(i32, f64::from),
        (TypeChar::Int, 8) => columns_of!(i64, |value| value as f64),
        _ => return Err(refused()),
    };
    Ok(Matrix { columns, float: kind.0 == TypeChar::Float })
}

/// Writes a scan as an NPZ archive of `points`, `intensity`, `rgb`, `normals`, `labels` and `instances`, those that are
/// there, and of `columns`. Points are doubles if the scan's origin is not 0. The same scan gives the same bytes.
pub(super) fn write(scan: &Scan, columns: &[(&str, &[f32])], out: &mut (impl Write + Seek)) -> std::io::Result<()> {
    let mut archive = ZipWriter::new(out);
    let count = scan.len();
    let mut array = |name: &str, dtype: &str, columns: usize, bytes: &mut dyn Iterator<Item = u8>| {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default())?;
        let shape = if columns == 1 { format!("({count},)") } else { format!("({count}, {columns})") };
        let mut whole = Vec::new();
        write_header(dtype, &shape, &mut whole)?;
        whole.extend(bytes);
        archive.write_all(&whole)
    };
    if scan.is_moved() {
        let far = |point: &[f32; 3]| std::array::from_fn::<_, 3, _>(|axis| f64::from(point[axis]) + scan.origin[axis]);
        array("points", "<f8", 3, &mut scan.points.iter().flat_map(far).flat_map(f64::to_le_bytes))?;
    } else {
        array("points", "<f4", 3, &mut scan.points.iter().flatten().flat_map(|part| part.to_le_bytes()))?;
    }
    if let Some(intensity) = &scan.intensity {
        array("intensity", "<f4", 1, &mut intensity.iter().flat_map(|value| value.to_le_bytes()))?;
    }
    if let Some(colour) = &scan.colour {
        array("rgb", "|u1", 3, &mut colour.iter().flatten().copied())?;
    }
    if let Some(normals) = &scan.normals {
        array("normals", "<f4", 3, &mut normals.iter().flatten().flat_map(|part| part.to_le_bytes()))?;
    }
    for (name, column) in [("labels", &scan.labels), ("instances", &scan.instances)] {
        if let Some(column) = column {
            array(name, "<i4", 1, &mut column.iter().flat_map(|number| number.to_le_bytes()))?;
        }
    }
    for (name, column) in columns {
        array(name, "<f4", 1, &mut column.iter().flat_map(|value| value.to_le_bytes()))?;
    }
    archive.finish()?;
    Ok(())
}
