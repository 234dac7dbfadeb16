//! A PyTorch file as a list of tensors, plain values and what was left alone.

use super::container::{Bytes, Container, PyTorchContainer};
use super::fault::{Fault, Outcome, check};
use super::heap::{ForeignGlobal, Heap};
use super::legacy::LegacyStream;
use super::limits::PyTorchLimits;
use super::machine::run;
use super::stream::Stream;
use super::tensor::PyTorchTensor;
use super::walk::{PlainValue, SkippedObject, walk};
use super::zip::ZipContainer;
use crate::error::DataError;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Keys under which training programs keep the weights, in the order in which they are tried.
const WEIGHTS: [&str; 6] = ["model", "state_dict", "model_state", "model_state_dict", "net", "network"];

/// A PyTorch checkpoint or state dict, opened and understood; the tensors' values are read on demand.
///
/// ```no_run
/// use rarefy_data::PyTorchFile;
/// let file = PyTorchFile::open("minkunet.pt".as_ref())?;
/// for (name, tensor) in file.weights()? {
///     println!("{name} {:?} {}", tensor.shape(), tensor.dtype());
///     let values: Vec<f32> = file.read_f32(tensor)?;
/// }
/// for global in file.foreign() {
///     println!("not run: {}", global.name);
/// }
/// # Ok::<(), rarefy_data::DataError>(())
/// ```
#[derive(Debug)]
pub struct PyTorchFile {
    path: PathBuf,
    container: Container,
    tensors: Vec<PyTorchTensor>,
    values: Vec<(String, PlainValue)>,
    skipped: Vec<SkippedObject>,
    foreign: Vec<ForeignGlobal>,
}

impl PyTorchFile {
    /// Opens a file with the default limits.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        Self::open_within(path, &PyTorchLimits::default())
    }

    /// Opens a file with limits of one's own.
    pub fn open_within(path: &Path, limits: &PyTorchLimits) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::io("read", path))?;
        let length = file.metadata().map_err(DataError::io("read", path))?.len();
        Self::understand(path, Box::new(file), length, limits).map_err(|fault| fault.of_file(path))
    }

    /// Reads the bytes of a file; `path` is its name, for messages.
    pub fn parse(path: &Path, bytes: Vec<u8>, limits: &PyTorchLimits) -> Result<Self, DataError> {
        let length = bytes.len() as u64;
        Self::understand(path, Box::new(Cursor::new(bytes)), length, limits).map_err(|fault| fault.of_file(path))
    }

    fn understand(path: &Path, mut bytes: Box<dyn Bytes>, length: u64, limits: &PyTorchLimits) -> Outcome<Self> {
        check("bytes", length, limits.file_bytes)?;
        let mut start = Vec::new();
        bytes.by_ref().take(2).read_to_end(&mut start)?;
        bytes.seek(SeekFrom::Start(0))?;
        let (container, heap, root) = if start == *b"PK" {
            let archive = ZipContainer::open(bytes, limits)?;
            let pickle = archive.pickle(limits)?;
            let (heap, root) = run(&mut Stream::new(&mut &pickle[..], 0, pickle.len() as u64), limits)?;
            archive.check_storages(&heap.storages)?;
            (Container::Zip(archive), heap, root)
        } else {
            let (stream, heap, root) = LegacyStream::open(bytes, length, limits)?;
            (Container::Legacy(stream), heap, root)
        };
        let found = walk(&heap, root, 0, limits)?;
        let Heap { storages, foreign, .. } = heap;
        let mut names = BTreeSet::new();
        let mut tensors = Vec::with_capacity(found.tensors.len());
        for (keys, view) in found.tensors {
            let storage = storages[view.storage as usize].clone();
            let tensor = PyTorchTensor::new(keys, view, storage);
            if !names.insert(tensor.name().to_owned()) {
                return Err(Fault::format(0, "tensors of different names", format!("two named `{}`", tensor.name())));
            }
            tensors.push(tensor);
        }
        let (values, skipped) = (found.values, found.skipped);
        Ok(Self { path: path.to_path_buf(), container, tensors, values, skipped, foreign })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file is laid out.
    #[must_use]
    pub fn container(&self) -> PyTorchContainer {
        self.container.kind()
    }

    /// All tensors in the order of the file, those of the optimiser included.
    #[must_use]
    pub fn tensors(&self) -> &[PyTorchTensor] {
        &self.tensors
    }

    /// Plain values in the order of the file, named by their keys: `epoch`, `optimizer.param_groups.0.lr`.
    #[must_use]
    pub fn values(&self) -> &[(String, PlainValue)] {
        &self.values
    }

    /// Objects that were not made, because that would mean to run something.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedObject] {
        &self.skipped
    }

    /// Every name that the file imports and that has no meaning here, in order of appearance, called or not.
    #[must_use]
    pub fn foreign(&self) -> &[ForeignGlobal] {
        &self.foreign
    }

    /// The weights with their names: those under `model`, `state_dict`, `model_state`, `model_state_dict`, `net` or
    /// `network`, or those of the outermost dictionary.
    pub fn weights(&self) -> Result<Vec<(String, &PyTorchTensor)>, DataError> {
        let holds_tensors =
            |key: &&&str| self.tensors.iter().any(|tensor| tensor.keys.len() > 1 && tensor.keys[0] == **key);
        if let Some(key) = WEIGHTS.iter().find(holds_tensors) {
            return self.weights_under(&[key]);
        }
        // A file whose root is an object is refused with the name of that object.
        if self.tensors.iter().any(|tensor| tensor.keys.len() == 1) || self.skipped.iter().any(|it| it.keys.is_empty())
        {
            return self.weights_under(&[]);
        }
        let wanted = format!("`{}` or at the top", WEIGHTS.join("`, `"));
        Err(DataError::NoWeights { path: self.path.clone(), wanted, found: self.contents() })
    }

    /// The tensors below these keys, named by the keys that follow. An object that was skipped there is an error.
    pub fn weights_under(&self, keys: &[&str]) -> Result<Vec<(String, &PyTorchTensor)>, DataError> {
        let below = |all: &[String]| all.len() >= keys.len() && all.iter().zip(keys).all(|(have, want)| have == want);
        if let Some(object) = self.skipped.iter().find(|object| below(&object.keys)) {
            let (name, class) = (object.keys.join("."), object.class.clone());
            return Err(DataError::ForeignObject { path: self.path.clone(), name, class });
        }
        let inside = self.tensors.iter().filter(|tensor| below(&tensor.keys) && tensor.keys.len() > keys.len());
        let weights: Vec<_> = inside.map(|tensor| (tensor.keys[keys.len()..].join("."), tensor)).collect();
        if weights.is_empty() {
            let wanted = format!("`{}`", keys.join("."));
            return Err(DataError::NoWeights { path: self.path.clone(), wanted, found: self.contents() });
        }
        Ok(weights)
    }

    /// The values of one of this file's tensors in row-major order. Halves are exact; of large integers and doubles the
    /// nearest float is given.
    pub fn read_f32(&self, tensor: &PyTorchTensor) -> Result<Vec<f32>, DataError> {
        tensor.read(&self.container).map_err(|fault| fault.of_file(&self.path))
    }

    /// The values of one of this file's tensors in row-major order, exact up to integers of 53 bits.
    pub fn read_f64(&self, tensor: &PyTorchTensor) -> Result<Vec<f64>, DataError> {
        tensor.read(&self.container).map_err(|fault| fault.of_file(&self.path))
    }

    /// The outermost keys with the number of tensors below each.
    fn contents(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for tensor in &self.tensors {
            *counts.entry(tensor.keys.first().map_or("", String::as_str)).or_default() += 1;
        }
        let counts: Vec<_> = counts.iter().take(12).map(|(key, count)| format!("`{key}` ({count} tensors)")).collect();
        if counts.is_empty() { "no tensor at all".into() } else { counts.join(", ") }
    }
}
