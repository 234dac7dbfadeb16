//! The index as a file: safetensors, so that other programs can read the descriptors, too.
//!
//! Tensors: `descriptors` f32 [shapes, width] of unit length, `shapes` u8 (a JSON list of paths and classes), and `graph`
//! u8 where there is one. Metadata: `rarefy`, a JSON object with `format`, `source` and the `sha256` over the bytes of all
//! tensors by name; one entry alone, because the order of several is not fixed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use rarefy_data::write_atomically;
use rarefy_metrics::check_descriptors;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::graph::Graph;
use crate::{DescriptorIndex, DescriptorSource, RetrievalError};

const FORMAT: &str = "rarefy descriptor index 1";
const METADATA: &str = "rarefy";

#[derive(Serialize, Deserialize)]
struct About {
    format: String,
    source: DescriptorSource,
    sha256: String,
}

impl DescriptorIndex {
    /// Creates or replaces the file at `path`; an error leaves the old one as it was.
    pub fn save(&self, path: &Path) -> Result<(), RetrievalError> {
        let descriptors: Vec<u8> = self.unit.iter().flat_map(|value| value.to_le_bytes()).collect();
        let shapes = to_json(&self.shapes);
        let graph = self.graph.as_ref().map(Graph::to_bytes).transpose()?;
        let mut tensors = vec![
            ("descriptors", view(Dtype::F32, &[self.shapes.len(), self.width], &descriptors)),
            ("shapes", view(Dtype::U8, &[shapes.len()], shapes.as_bytes())),
        ];
        if let Some(bytes) = &graph {
            tensors.push(("graph", view(Dtype::U8, &[bytes.len()], bytes)));
        }
        let parts = tensors.iter().map(|(name, tensor)| (*name, tensor.data()));
        let about = About { format: FORMAT.into(), source: self.source.clone(), sha256: checksum(parts) };
        let metadata = HashMap::from([(METADATA.to_owned(), to_json(&about))]);
        let bytes = safetensors::serialize(tensors, Some(metadata)).expect("views have the sizes of their bytes");
        write_atomically(path, |out| out.write_all(&bytes))?;
        Ok(())
    }

    /// Reads the file at `path`.
    pub fn open(path: &Path) -> Result<Self, RetrievalError> {
        let bytes = std::fs::read(path).map_err(|source| RetrievalError::Read { path: path.to_path_buf(), source })?;
        parse(&bytes).map_err(|reason| RetrievalError::Damaged { path: path.to_path_buf(), reason })
    }
}

fn parse(bytes: &[u8]) -> Result<DescriptorIndex, String> {
    let no_index = |_| "this is no descriptor index, or a part of one".to_owned();
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(no_index)?;
    let about = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA));
    let about: About = from_json(about.ok_or("this is no descriptor index but another safetensors file")?.as_bytes())?;
    if about.format != FORMAT {
        return Err(format!("expected \"{FORMAT}\", found \"{}\"", about.format));
    }
    let file = SafeTensors::deserialize(bytes).map_err(no_index)?;
    let mut names = file.names();
    names.sort_unstable();
    let tensors: Vec<(&str, TensorView<'_>)> =
        names.into_iter().filter_map(|name| Some((name, file.tensor(name).ok()?))).collect();
    if checksum(tensors.iter().map(|(name, tensor)| (*name, tensor.data()))) != about.sha256 {
        return Err("its checksum does not fit its content".into());
    }
    let tensor = |name: &str| tensors.iter().find(|tensor| tensor.0 == name).map(|tensor| &tensor.1);
    let descriptors = tensor("descriptors").ok_or("it has no descriptors")?;
    let &[rows, width] = descriptors.shape() else { return Err("its descriptors are no matrix".into()) };
    if descriptors.dtype() != Dtype::F32 || rows == 0 {
        return Err("it has no descriptors in f32".into());
    }
    let unit: Vec<f32> = descriptors.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    check_descriptors(&unit, width).map_err(|error| error.to_string())?;
    let shapes: Vec<_> = from_json(tensor("shapes").ok_or("it has no shapes")?.data())?;
    if shapes.len() != rows {
        return Err(format!("it has {rows} descriptors for {} shapes", shapes.len()));
    }
    let graph = tensor("graph").map(|graph| Graph::from_bytes(graph.data(), rows, width));
    let graph = graph.transpose().map_err(|error| error.to_string())?;
    Ok(DescriptorIndex { source: about.source, shapes, unit, width, graph })
}

fn view<'a>(dtype: Dtype, shape: &[usize], bytes: &'a [u8]) -> TensorView<'a> {
    TensorView::new(dtype, shape.to_vec(), bytes).expect("the shape follows from the bytes")
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain structures of text")
}

fn from_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// SHA-256 over names, sizes and bytes, in the order of the names.
fn checksum<'a>(parts: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable_by_key(|part| part.0);
    let mut hash = Sha256::new();
    for (name, bytes) in parts {
        hash.update(name);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
