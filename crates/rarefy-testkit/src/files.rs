//! Golden files of other engines and real data: found by environment variable or place, skipped aloud where missing.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use npyz::npz::NpzArchive;

/// The folder of golden files: `RAREFY_GOLDEN`, else `../shared/golden` beside the repository; `None`, with a line on
/// standard output, where there is no such folder.
#[must_use]
pub fn golden_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("RAREFY_GOLDEN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not a folder (RAREFY_GOLDEN names the golden files)", folder.display());
    None
}

/// The folder of real data named by `RAREFY_REALDATA`; `None`, with a line on standard output, where it is not set.
#[must_use]
pub fn real_data_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("RAREFY_REALDATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: RAREFY_REALDATA is not set");
    }
    folder
}

/// The golden files whose names start with `prefix`, opened, in the order of their names; empty where the folder is
/// missing.
///
/// # Panics
/// Where a file cannot be read: a golden file that is there has to be right.
#[must_use]
pub fn golden_files(prefix: &str) -> Vec<Golden> {
    let Some(folder) = golden_folder() else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        folder.read_dir().expect("the folder is readable").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(prefix) && path.extension().is_some_and(|extension| extension == "npz")
    };
    paths.into_iter().filter(fits).map(|path| Golden::open(&path)).collect()
}

fn is_integer(dtype: &npyz::DType) -> bool {
    matches!(dtype, npyz::DType::Plain(text) if text.type_char() == npyz::TypeChar::Int)
}

/// An archive of arrays.
pub struct Golden {
    name: String,
    archive: NpzArchive<BufReader<File>>,
}

impl Golden {
    /// Opens an `.npz` file.
    ///
    /// # Panics
    /// Where the file cannot be read.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let archive = NpzArchive::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self { name, archive }
    }

    /// The file's name without its ending, for example `subm_k3__spconv`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the archive holds an array.
    #[must_use]
    pub fn has(&self, array: &str) -> bool {
        self.archive.array_names().any(|name| name == array)
    }

    /// The float32 arrays whose names start with `prefix`, without it: (name, shape, values); int64 arrays are converted.
    ///
    /// # Panics
    /// Where an array cannot be read.
    #[must_use]
    pub fn named(&mut self, prefix: &str) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut names: Vec<String> =
            self.archive.array_names().filter(|name| name.starts_with(prefix)).map(str::to_owned).collect();
        names.sort();
        let mut arrays = Vec::with_capacity(names.len());
        for name in names {
            let whole = self.archive.by_name(&name).ok().flatten().is_some_and(|array| is_integer(&array.dtype()));
            let (values, shape) = if whole {
                let (values, shape) = self.i64s(&name);
                (values.into_iter().map(|value| value as f32).collect(), shape)
            } else {
                self.f32s(&name)
            };
            arrays.push((name[prefix.len()..].to_owned(), shape, values));
        }
        arrays
    }

    /// The values of a float32 array and its shape.
    ///
    /// # Panics
    /// Where there is no such array.
    pub fn f32s(&mut self, array: &str) -> (Vec<f32>, Vec<usize>) {
        self.read(array)
    }

    /// The values of an int64 array and its shape.
    ///
    /// # Panics
    /// Where there is no such array.
    pub fn i64s(&mut self, array: &str) -> (Vec<i64>, Vec<usize>) {
        self.read(array)
    }

    /// The rows of an i32 array [rows, 4].
    ///
    /// # Panics
    /// Where there is no such array or its rows are not four long.
    pub fn coords(&mut self, array: &str) -> Vec<[i32; 4]> {
        let (values, shape) = self.read::<i32>(array);
        assert_eq!(shape[1], 4, "{}/{array} has rows of four", self.name);
        values.chunks_exact(4).map(|row| [row[0], row[1], row[2], row[3]]).collect()
    }

    fn read<T: npyz::Deserialize>(&mut self, array: &str) -> (Vec<T>, Vec<usize>) {
        let found = self.archive.by_name(array).unwrap_or_else(|error| panic!("{}/{array}: {error}", self.name));
        let found = found.unwrap_or_else(|| panic!("{}/{array} is missing", self.name));
        assert_eq!(found.order(), npyz::Order::C, "{}/{array} is row-major", self.name);
        let shape = found.shape().iter().map(|&axis| axis as usize).collect();
        (found.into_vec().unwrap_or_else(|error| panic!("{}/{array}: {error}", self.name)), shape)
    }
}
