//! The small-world graph over unit descriptors, by `usearch`.
//!
//! Invariant: rows are added one after the other by one thread, and levels are drawn from a fixed seed, so that the same
//! descriptors give the same graph.

use std::fmt;

use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use crate::RetrievalError;

/// Edges of a node: more find more and take more memory.
const CONNECTIVITY: usize = 24;
/// Candidates while building, and the fewest while searching.
const EXPANSION: usize = 256;

/// The graph; its keys are row numbers.
pub(crate) struct Graph(Index);

impl fmt::Debug for Graph {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Graph").field("nodes", &self.0.size()).finish_non_exhaustive()
    }
}

impl Graph {
    /// The graph over `unit`, [rows, width].
    pub(crate) fn build(unit: &[f32], width: usize) -> Result<Self, RetrievalError> {
        let graph = Self::empty(width)?;
        graph.0.reserve(unit.len() / width).map_err(failed)?;
        for (row, key) in unit.chunks_exact(width).zip(0u64..) {
            graph.0.add(key, row).map_err(failed)?;
        }
        Ok(graph)
    }

    /// About the `count` rows nearest to `query`, in no promised order.
    pub(crate) fn candidates(&self, query: &[f32], count: usize) -> Result<Vec<u32>, RetrievalError> {
        let found = self.0.search(query, count.max(EXPANSION)).map_err(failed)?;
        Ok(found.keys.into_iter().map(|key| key as u32).collect())
    }

    /// The graph as bytes.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, RetrievalError> {
        let mut bytes = vec![0; self.0.serialized_length()];
        self.0.save_to_buffer(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// The graph of `rows` rows from bytes whose checksum has been compared: the library trusts them.
    pub(crate) fn from_bytes(bytes: &[u8], rows: usize, width: usize) -> Result<Self, RetrievalError> {
        let graph = Self::empty(width)?;
        graph.0.load_from_buffer(bytes).map_err(failed)?;
        if graph.0.size() == rows && graph.0.dimensions() == width {
            Ok(graph)
        } else {
            Err(RetrievalError::Graph(format!("the graph has {} nodes for {rows} shapes", graph.0.size())))
        }
    }

    fn empty(width: usize) -> Result<Self, RetrievalError> {
        let options = IndexOptions {
            dimensions: width,
            // Of unit rows: as good as the cosine, and quicker.
            metric: MetricKind::IP,
            quantization: ScalarKind::BF16,
            connectivity: CONNECTIVITY,
            expansion_add: EXPANSION,
            expansion_search: EXPANSION,
            multi: false,
        };
        Index::new(&options).map(Self).map_err(failed)
    }
}

fn failed(error: impl fmt::Display) -> RetrievalError {
    RetrievalError::Graph(error.to_string())
}
