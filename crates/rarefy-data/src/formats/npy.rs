//! `NumPy` arrays: floats [n, 3 or more] are points (the first three columns), integers [n, 3] are voxel indices.
//!
//! The header is parsed by `npyz`. Before that, its length, its nesting and the digits of its shape are checked, so that
//! neither a deep nesting nor a product of sizes can bring the library down; the size it states is compared with the
//! bytes that follow. In an NPZ archive the array is the one named `points`, `xyz`, `voxels` or `coords`, or the only one.

use super::Source;
use crate::error::{DataError, Place};
use crate::shape::Shape;
use npyz::npz::NpzArchive;
use npyz::{DType, NpyFile, Order, TypeChar};
use std::io::{Cursor, Read, Write};

const MAGIC: &[u8] = b"\x93NUMPY";
const LONGEST_HEADER: usize = 4096;
/// Digits of all sizes together: below 10¹⁸ their product fits 64 bits.
const MOST_DIGITS: usize = 18;
const EXPECTED: &str = "floats of shape [n, 3 or more] or integers of shape [n, 3]";
const NAMES: [&str; 4] = ["points", "xyz", "voxels", "coords"];

pub(crate) fn parse(source: &Source<'_>) -> Result<Shape, DataError> {
    check_header(source)?;
    let wrong = |error: std::io::Error| source.format("NPY", Place::Byte(0), "an array", error.to_string());
    let file = NpyFile::new(source.bytes).map_err(wrong)?;
    let (shape, order, dtype) = (file.shape().to_vec(), file.order(), file.dtype());
    let described = || format!("{} of shape {shape:?}", dtype.descr());
    let refused = || source.format("NPY", Place::Byte(10), EXPECTED, described());
    let (&[rows, columns], DType::Plain(plain)) = (&shape[..], &dtype) else { return Err(refused()) };
    let item = plain.num_bytes().unwrap_or(0) as u64;
    if columns < 3 || item == 0 {
        return Err(refused());
    }
    source.check_room("rows", rows, columns.saturating_mul(item), source.bytes.len() as u64)?;
    source.check_points(rows)?;
    let layout = Layout { rows: rows as usize, columns: columns as usize, order };
    macro_rules! columns_as {
        ($stored:ty, $convert:expr) => {
            layout.first_three(&file.into_vec::<$stored>().map_err(wrong)?, $convert)
        };
    }
    let range = |value: i64| i32::try_from(value).ok();
    let voxels = match (plain.type_char(), plain.size_field()) {
        (TypeChar::Float, 4) => return source.points(columns_as!(f32, |value| value)),
        (TypeChar::Float, 8) => return source.points(columns_as!(f64, |value| value as f32)),
        _ if columns != 3 => return Err(refused()),
        (TypeChar::Uint, 1) => columns_as!(u8, |value| range(value.into())),
        (TypeChar::Uint, 2) => columns_as!(u16, |value| range(value.into())),
        (TypeChar::Uint, 4) => columns_as!(u32, |value| range(value.into())),
        (TypeChar::Uint, 8) => columns_as!(u64, |value| i32::try_from(value).ok()),
        (TypeChar::Int, 1) => columns_as!(i8, |value| range(value.into())),
        (TypeChar::Int, 2) => columns_as!(i16, |value| range(value.into())),
        (TypeChar::Int, 4) => columns_as!(i32, |value| range(value.into())),
        (TypeChar::Int, 8) => columns_as!(i64, range),
        _ => return Err(refused()),
    };
    let complete = voxels.into_iter().map(|voxel| Some([voxel[0]?, voxel[1]?, voxel[2]?])).collect::<Option<Vec<_>>>();
    let too_far = || source.format("NPY", Place::Byte(10), "voxel indices that fit 32 bits", "larger ones");
    source.voxels(complete.ok_or_else(too_far)?)
}

/// Bytes that are sure to hold the header of an array.
const HEAD: u64 = 1 << 13;

/// How the items of a matrix lie in the file.
struct Layout {
    rows: usize,
    columns: usize,
    order: Order,
}

impl Layout {
    fn first_three<Stored: Copy, Item>(&self, items: &[Stored], convert: impl Fn(Stored) -> Item) -> Vec<[Item; 3]> {
        let at = |row: usize, column: usize| match self.order {
            Order::C => row * self.columns + column,
            Order::Fortran => column * self.rows + row,
        };
        (0..self.rows).map(|row| std::array::from_fn(|column| convert(items[at(row, column)]))).collect()
    }
}

/// Magic, version, and a header text that is short, flat and without absurd numbers.
pub(crate) fn check_header(source: &Source<'_>) -> Result<(), DataError> {
    let bytes = source.bytes;
    let wrong = |at: u64, expected: &str, found: String| Err(source.format("NPY", Place::Byte(at), expected, found));
    if bytes.len() < 12 || !bytes.starts_with(MAGIC) {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(12)]).into_owned();
        return wrong(0, "`\\x93NUMPY` and a header", format!("`{start}`"));
    }
    let (start, length) = match bytes[6] {
        1 => (10, usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))),
        2 | 3 => (12, u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize),
        version => return wrong(6, "version 1, 2 or 3", version.to_string()),
    };
    if length > LONGEST_HEADER {
        return wrong(8, "a header of at most 4096 bytes", length.to_string());
    }
    let Some(header) = bytes.get(start..start + length) else {
        return wrong(8, "a header", "the end of the file".into());
    };
    let nesting = header.iter().filter(|byte| b"([{".contains(byte)).count();
    let digits = header.iter().filter(|byte| byte.is_ascii_digit()).count();
    if nesting > 4 || digits > MOST_DIGITS {
        return wrong(start as u64, EXPECTED, "a header of another kind, or absurd sizes".into());
    }
    Ok(())
}

pub(crate) fn parse_archive(source: &Source<'_>) -> Result<Shape, DataError> {
    let wrong = |found: String| source.format("NPZ", Place::Byte(0), "a ZIP archive of arrays", found);
    let mut archive = NpzArchive::new(Cursor::new(source.bytes)).map_err(|error| wrong(error.to_string()))?;
    let mut names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    names.sort();
    let wanted = NAMES.iter().find(|wanted| names.iter().any(|name| name == *wanted));
    let name = match (wanted, &names[..]) {
        (Some(&wanted), _) => wanted,
        (None, [only]) => only.as_str(),
        _ => {
            return Err(source.format(
                "NPZ",
                Place::Byte(0),
                format!("one array, or one named {NAMES:?}"),
                format!("{names:?}"),
            ));
        }
    };
    let bytes = unpack(source, &mut archive, name)?;
    parse(&Source { bytes: &bytes, ..*source })
}

/// The bytes of one array of an archive, at most as many as the limits allow.
pub(crate) fn unpack(
    source: &Source<'_>,
    archive: &mut NpzArchive<Cursor<&[u8]>>,
    name: &str,
) -> Result<Vec<u8>, DataError> {
    let wrong = |found: String| source.format("NPZ", Place::Byte(0), "a ZIP archive of arrays", found);
    let limit = source.limits.bytes;
    let file_name = npyz::npz::file_name_from_array_name(name);
    let entry = archive.zip_archive().by_name(&file_name).map_err(|error| wrong(error.to_string()))?;
    let too_large = |found| DataError::TooLarge { path: source.path.to_path_buf(), what: "bytes", found, limit };
    // What the archive says of the length is enough to refuse it, but not to believe it.
    if entry.size() > limit {
        return Err(too_large(entry.size()));
    }
    let size = entry.size();
    let mut entry = entry.take(limit + 1);
    let mut bytes = Vec::new();
    entry.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    check_length(&Source { bytes: &bytes, ..*source }, name, size)?;
    entry.read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Whether an array of an archive is as long as its header says, before it is unpacked: what is longer is a bomb.
fn check_length(source: &Source<'_>, name: &str, size: u64) -> Result<(), DataError> {
    check_header(source)?;
    // What the header cannot say is left to the reader of the array.
    let Ok(file) = NpyFile::new(source.bytes) else { return Ok(()) };
    let DType::Plain(plain) = file.dtype() else { return Ok(()) };
    let item = plain.num_bytes().unwrap_or(0) as u64;
    let data = file.shape().iter().try_fold(item, |product, &side| product.checked_mul(side));
    match data.and_then(|data| data.checked_add(HEAD)) {
        Some(most) if size > most => {
            let expected = format!("at most {most} bytes in the array `{name}`");
            Err(source.format("NPZ", Place::Byte(0), expected, format!("{size}")))
        }
        _ => Ok(()),
    }
}

/// Writes a matrix [rows, 3] of f32 (`<f4`) or i32 (`<i4`) in NPY, version 1.
pub(crate) fn write<T: Copy>(
    rows: &[[T; 3]],
    dtype: &str,
    bytes_of: impl Fn(T) -> [u8; 4],
    out: &mut impl Write,
) -> std::io::Result<()> {
    write_header(dtype, &format!("({}, 3)", rows.len()), out)?;
    rows.iter().flatten().try_for_each(|&item| out.write_all(&bytes_of(item)))
}

/// Writes the header of an array, NPY version 1.
pub(crate) fn write_header(dtype: &str, shape: &str, out: &mut impl Write) -> std::io::Result<()> {
    let mut header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}");
    // The data begins at a multiple of 64 bytes, the header ends with a line end.
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())
}
