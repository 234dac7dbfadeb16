//! The tensors of a network by name: to safetensors, back, and their checksum.
//!
//! A name is the path of the field in the network, such as `blocks.0.weights`. Running statistics are among them.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

/// A tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HostTensor {
    pub(crate) shape: Vec<usize>,
    /// f32, little-endian.
    pub(crate) bytes: Vec<u8>,
}

/// The tensors of a network, by name.
pub(crate) type HostTensors = BTreeMap<String, HostTensor>;

/// All tensors of a network.
pub(crate) fn tensors_of(network: &impl Module) -> HostTensors {
    let mut reader = Reader::default();
    network.visit(&mut reader);
    reader.tensors
}

/// SHA-256 over names, shapes and values in the order of the names, 64 hexadecimal digits.
#[must_use]
pub fn weights_checksum(network: &impl Module) -> String {
    let mut hash = Sha256::new();
    for (name, tensor) in tensors_of(network) {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update((tensor.shape.len() as u64).to_le_bytes());
        for size in tensor.shape {
            hash.update((size as u64).to_le_bytes());
        }
        hash.update(tensor.bytes);
    }
    hex(&hash.finalize())
}

/// The tensors as the bytes of a safetensors file.
pub(crate) fn to_safetensors(tensors: &HostTensors) -> Result<Vec<u8>, SafeTensorError> {
    let views = tensors
        .iter()
        .map(|(name, tensor)| Ok((name, TensorView::new(Dtype::F32, tensor.shape.clone(), &tensor.bytes)?)));
    safetensors::serialize(views.collect::<Result<Vec<_>, SafeTensorError>>()?, None)
}

/// The tensors of a safetensors file; those of other types than f32 keep their bytes and will not fit.
pub(crate) fn from_safetensors(bytes: &[u8]) -> Result<HostTensors, SafeTensorError> {
    let file = SafeTensors::deserialize(bytes)?;
    let host = |view: TensorView<'_>| HostTensor { shape: view.shape().to_vec(), bytes: view.data().to_vec() };
    Ok(file.iter().map(|(name, view)| (name.to_owned(), host(view))).collect())
}

/// The network with the values of `tensors`, which must have its names and shapes.
pub(crate) fn with_tensors<M: Module>(network: M, tensors: HostTensors) -> M {
    network.map(&mut Writer { path: Path::default(), tensors })
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Where a visit stands; the choice of the network stands first and is left out of names.
#[derive(Default)]
struct Path {
    parts: Vec<String>,
}

impl Path {
    fn name(&self) -> String {
        self.parts.get(1..).unwrap_or_default().join(".")
    }
}

#[derive(Default)]
struct Reader {
    path: Path,
    tensors: HostTensors,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.parts.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.parts.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data_dtype(DType::F32);
        let bytes = data.iter::<f32>().flat_map(f32::to_le_bytes).collect();
        let shape = data.shape().iter().copied().collect();
        self.tensors.insert(self.path.name(), HostTensor { shape, bytes });
    }
}

struct Writer {
    path: Path,
    tensors: HostTensors,
}

impl ModuleMapper for Writer {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.parts.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.parts.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(host) = self.tensors.remove(&self.path.name()) else { return param };
        let values: Vec<f32> = host
            .bytes
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        param.map(|old| {
            let trained = old.is_require_grad();
            let new = Tensor::from_data(TensorData::new(values, old.shape()), &old.device());
            if trained { new.require_grad() } else { new }
        })
    }
}
