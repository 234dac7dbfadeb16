//! The tensors of a file of weights: PyTorch (nothing of it is run), safetensors or NPZ.

use std::path::Path;

use half::{bf16, f16};
use rarefy_data::pytorch::{PyTorchLimits, without_module};
use rarefy_data::{DataError, Limits, PyTorchFile, read_arrays};
use rarefy_nn::{NamedTensor, StateDict};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::ImportError;

/// What tensors of a state dict are called in an NPZ archive that holds other arrays, too.
const NPZ_PREFIX: &str = "sd__";

/// The tensors of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignWeights {
    /// The tensors by name; `module.` before a name is left out.
    pub tensors: StateDict,
    /// What kind of file it is.
    pub kind: &'static str,
    /// Python names that the file would have run or made, had this reader run anything.
    pub not_run: Vec<String>,
}

impl ForeignWeights {
    /// Reads `.safetensors` and `.npz` by their extension, everything else as PyTorch's.
    ///
    /// # Errors
    ///
    /// When the file is damaged, hostile, or holds no weights.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "safetensors" => read_safetensors(path),
            "npz" => read_npz(path),
            _ => read_pytorch(path),
        }
    }
}

fn read_pytorch(path: &Path) -> Result<ForeignWeights, ImportError> {
    let file = PyTorchFile::open(path)?;
    let mut tensors = StateDict::new();
    for (name, tensor) in file.weights()? {
        let named = NamedTensor { shape: tensor.shape().to_vec(), values: file.read_f32(tensor)? };
        tensors.insert(without_module(&name).to_owned(), named);
    }
    let not_run = file.foreign().iter().map(|global| global.name.clone()).collect();
    Ok(ForeignWeights { tensors, kind: "PyTorch", not_run })
}

fn read_npz(path: &Path) -> Result<ForeignWeights, ImportError> {
    let limits = Limits { bytes: PyTorchLimits::default().file_bytes, ..Limits::default() };
    let mut arrays = read_arrays(path, |name| name.starts_with(NPZ_PREFIX), &limits)?;
    if arrays.is_empty() {
        arrays = read_arrays(path, |_| true, &limits)?;
    }
    let named = |array: rarefy_data::NamedArray| {
        let name = array.name.strip_prefix(NPZ_PREFIX).unwrap_or(&array.name);
        (without_module(name).to_owned(), NamedTensor { shape: array.shape, values: array.values })
    };
    Ok(ForeignWeights { tensors: arrays.into_iter().map(named).collect(), kind: "NPZ", not_run: Vec::new() })
}

fn read_safetensors(path: &Path) -> Result<ForeignWeights, ImportError> {
    let io = |source| DataError::Io { action: "read", path: path.to_path_buf(), source };
    let (found, limit) = (std::fs::metadata(path).map_err(io)?.len(), PyTorchLimits::default().file_bytes);
    if found > limit {
        return Err(DataError::TooLarge { path: path.to_path_buf(), what: "bytes", found, limit }.into());
    }
    let bytes = std::fs::read(path).map_err(io)?;
    let damaged = |reason: String| ImportError::Damaged { path: path.to_path_buf(), reason };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    let mut tensors = StateDict::new();
    for (name, view) in file.iter() {
        let values = floats(&view)
            .ok_or_else(|| damaged(format!("`{name}` is of the type {:?}: save it as 32-bit floats", view.dtype())))?;
        let named = NamedTensor { shape: view.shape().to_vec(), values };
        tensors.insert(without_module(name).to_owned(), named);
    }
    Ok(ForeignWeights { tensors, kind: "safetensors", not_run: Vec::new() })
}

/// The values of a tensor of a type that weights and their counters have.
fn floats(view: &TensorView<'_>) -> Option<Vec<f32>> {
    fn of<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|&chunk| value(chunk)).collect()
    }
    let bytes = view.data();
    Some(match view.dtype() {
        Dtype::F32 => of(bytes, f32::from_le_bytes),
        Dtype::F64 => of(bytes, |chunk| f64::from_le_bytes(chunk) as f32),
        Dtype::F16 => of(bytes, |chunk| f16::from_le_bytes(chunk).to_f32()),
        Dtype::BF16 => of(bytes, |chunk| bf16::from_le_bytes(chunk).to_f32()),
        Dtype::I64 => of(bytes, |chunk| i64::from_le_bytes(chunk) as f32),
        Dtype::I32 => of(bytes, |chunk| i32::from_le_bytes(chunk) as f32),
        _ => return None,
    })
}
