//! Named arrays of any shape in an NPZ archive, as numbers of 32 bits: weights that `numpy.savez` has written.

use crate::error::{DataError, Place};
use crate::formats::Source;
use crate::formats::npy::{check_header, unpack};
use crate::limits::{Limits, read_file_within};
use npyz::npz::NpzArchive;
use npyz::{DType, NpyFile, Order, TypeChar};
use std::io::Cursor;
use std::path::Path;

/// An array of an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArray {
    /// Its name in the archive, without `.npy`.
    pub name: String,
    /// Length of each axis; none for a single number.
    pub shape: Vec<usize>,
    /// Values, row-major; the nearest float of those that have more digits.
    pub values: Vec<f32>,
}

/// Reads the arrays of an NPZ archive whose names `wanted` accepts, in the order of their names.
pub fn read_arrays(path: &Path, wanted: impl Fn(&str) -> bool, limits: &Limits) -> Result<Vec<NamedArray>, DataError> {
    let bytes = read_file_within(path, limits)?;
    let source = Source { path, bytes: &bytes, limits };
    let wrong = |found: String| source.format("NPZ", Place::Byte(0), "a ZIP archive of arrays", found);
    let mut archive = NpzArchive::new(Cursor::new(&bytes[..])).map_err(|error| wrong(error.to_string()))?;
    let mut names: Vec<String> = archive.array_names().filter(|name| wanted(name)).map(str::to_owned).collect();
    names.sort();
    let mut arrays = Vec::with_capacity(names.len());
    let mut total = 0;
    for name in names {
        let unpacked = unpack(&source, &mut archive, &name)?;
        total += unpacked.len() as u64;
        if total > limits.bytes {
            let path = path.to_path_buf();
            return Err(DataError::TooLarge { path, what: "unpacked bytes", found: total, limit: limits.bytes });
        }
        let (shape, values) = parse(&Source { bytes: &unpacked, ..source }, &name)?;
        arrays.push(NamedArray { name, shape, values });
    }
    Ok(arrays)
}

fn parse(source: &Source<'_>, name: &str) -> Result<(Vec<usize>, Vec<f32>), DataError> {
    check_header(source)?;
    let wrong = |error: std::io::Error| source.format("NPY", Place::Byte(0), "an array", error.to_string());
    let file = NpyFile::new(source.bytes).map_err(wrong)?;
    let (shape, dtype) = (file.shape().to_vec(), file.dtype());
    let described = format!("{} of shape {shape:?}, {:?} order", dtype.descr(), file.order());
    let refused = || {
        let expected = format!("numbers in C order in the array `{name}`");
        source.format("NPY", Place::Byte(10), expected, described.clone())
    };
    let DType::Plain(plain) = &dtype else { return Err(refused()) };
    if file.order() == Order::Fortran && shape.len() > 1 {
        return Err(refused());
    }
    let count = shape.iter().try_fold(1_u64, |count, &side| count.checked_mul(side)).ok_or_else(refused)?;
    source.check_room("numbers", count, plain.num_bytes().unwrap_or(0).max(1) as u64, source.bytes.len() as u64)?;
    macro_rules! values_of {
        ($stored:ty) => {
            file.into_vec::<$stored>().map_err(wrong)?.into_iter().map(|value| value as f32).collect()
        };
    }
    let values = match (plain.type_char(), plain.size_field()) {
        (TypeChar::Float, 4) => file.into_vec::<f32>().map_err(wrong)?,
        (TypeChar::Float, 8) => values_of!(f64),
        (TypeChar::Uint, 1) => file.into_vec::<u8>().map_err(wrong)?.into_iter().map(f32::from).collect(),
        (TypeChar::Int, 4) => values_of!(i32),
        (TypeChar::Int, 8) => values_of!(i64),
        _ => return Err(refused()),
    };
    Ok((shape.iter().map(|&side| side as usize).collect(), values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::npy::write_header;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn archive(path: &Path, arrays: &[(&str, &str, &str, &[u8])]) {
        let mut archive = ZipWriter::new(std::fs::File::create(path).unwrap());
        for (name, dtype, shape, bytes) in arrays {
            archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
            let mut whole = Vec::new();
            write_header(dtype, shape, &mut whole).unwrap();
            archive.write_all(&[&whole, *bytes].concat()).unwrap();
        }
        archive.finish().unwrap();
    }

    #[test]
    fn arrays_of_any_shape_come_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.npz");
        let six = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].map(f32::to_le_bytes).concat();
        archive(
            &path,
            &[("b", "<f4", "(3, 1, 2)", &six), ("a", "<i8", "()", &7_i64.to_le_bytes()), ("c", "<f8", "(1,)", &[0; 8])],
        );
        let arrays = read_arrays(&path, |name| name != "c", &Limits::default()).unwrap();
        assert_eq!(arrays[0], NamedArray { name: "a".into(), shape: vec![], values: vec![7.0] });
        assert_eq!((arrays[1].shape.as_slice(), arrays[1].values[5]), (&[3, 1, 2][..], 6.0));
        assert_eq!(arrays.len(), 2);
    }

    #[test]
    fn what_is_no_array_of_numbers_or_too_large_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.npz");
        archive(&path, &[("text", "<U1", "(1,)", &[0; 4])]);
        let error = read_arrays(&path, |_| true, &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("weights.npz") && error.contains("`text`"), "{error}");
        archive(&path, &[("short", "<f4", "(1000000,)", &[0; 4])]);
        assert!(matches!(read_arrays(&path, |_| true, &Limits::default()), Err(DataError::Truncated { .. })));
        archive(&path, &[("zeros", "<f4", "(500,)", &[0; 2000]), ("more", "<f4", "(500,)", &[0; 2000])]);
        let limits = Limits { bytes: 3000, ..Limits::default() };
        assert!(matches!(read_arrays(&path, |_| true, &limits), Err(DataError::TooLarge { .. })));
    }
}
