//! Shapes, their descriptors, and the search for the nearest.

use std::path::PathBuf;

use rarefy_metrics::{check_descriptors, dot, l2_normalise, nearest};
use serde::{Deserialize, Serialize};

use crate::RetrievalError;
use crate::graph::Graph;

/// Collections up to this size are compared shape by shape: 100,000 descriptors of 256 values take about 10 ms.
pub const EXACT_UP_TO: usize = 100_000;

/// A shape of the collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedShape {
    /// Its file.
    pub path: PathBuf,
    /// Its class, where the folder gives one.
    pub class: Option<String>,
}

/// Which network made the descriptors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorSource {
    /// Folder of its checkpoint.
    pub checkpoint: PathBuf,
    /// Checksum of its weights.
    pub weights_checksum: String,
}

/// A shape that was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Its place in [`DescriptorIndex::shapes`].
    pub shape: usize,
    /// 1 − cosine: 0 is the same direction, 2 the opposite one.
    pub distance: f32,
}

/// Descriptors of a collection of shapes.
#[derive(Debug)]
pub struct DescriptorIndex {
    pub(crate) source: DescriptorSource,
    pub(crate) shapes: Vec<IndexedShape>,
    /// Rows of length 1, [shapes, width].
    pub(crate) unit: Vec<f32>,
    pub(crate) width: usize,
    pub(crate) graph: Option<Graph>,
}

impl DescriptorIndex {
    /// An index over `descriptors`, [shapes, width]; a graph is added for more than [`EXACT_UP_TO`] shapes.
    pub fn build(
        source: DescriptorSource,
        shapes: Vec<IndexedShape>,
        descriptors: Vec<f32>,
        width: usize,
    ) -> Result<Self, RetrievalError> {
        let index = Self::exact(source, shapes, descriptors, width)?;
        if index.shapes.len() > EXACT_UP_TO { index.with_graph() } else { Ok(index) }
    }

    fn exact(
        source: DescriptorSource,
        shapes: Vec<IndexedShape>,
        mut descriptors: Vec<f32>,
        width: usize,
    ) -> Result<Self, RetrievalError> {
        let rows = check_descriptors(&descriptors, width)?;
        if rows != shapes.len() {
            return Err(RetrievalError::CountMismatch { shapes: shapes.len(), descriptors: rows });
        }
        if rows == 0 {
            return Err(RetrievalError::Empty);
        }
        l2_normalise(&mut descriptors, width);
        Ok(Self { source, shapes, unit: descriptors, width, graph: None })
    }

    /// The same index with a graph, whatever its size.
    pub fn with_graph(mut self) -> Result<Self, RetrievalError> {
        self.graph = Some(Graph::build(&self.unit, self.width)?);
        Ok(self)
    }

    /// Which network made the descriptors.
    #[must_use]
    pub fn source(&self) -> &DescriptorSource {
        &self.source
    }

    /// The shapes, in the order in which they were given.
    #[must_use]
    pub fn shapes(&self) -> &[IndexedShape] {
        &self.shapes
    }

    /// Values of a descriptor.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether [`nearest`](Self::nearest) goes by a graph, and so may miss a shape now and then.
    #[must_use]
    pub fn is_approximate(&self) -> bool {
        self.graph.is_some()
    }

    /// The `count` shapes nearest to a descriptor, nearest first and by place where equal; fewer if there are fewer.
    pub fn nearest(&self, query: &[f32], count: usize) -> Result<Vec<Found>, RetrievalError> {
        let query = self.unit_query(query)?;
        let Some(graph) = &self.graph else { return Ok(self.compare_all(&query, count)) };
        let mut found: Vec<Found> =
            graph.candidates(&query, count)?.into_iter().map(|row| self.found(row, &query)).collect();
        found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.shape.cmp(&b.shape)));
        found.truncate(count);
        Ok(found)
    }

    /// As [`nearest`](Self::nearest), by comparing with every shape.
    pub fn nearest_exact(&self, query: &[f32], count: usize) -> Result<Vec<Found>, RetrievalError> {
        Ok(self.compare_all(&self.unit_query(query)?, count))
    }

    fn compare_all(&self, query: &[f32], count: usize) -> Vec<Found> {
        let ranked = nearest(&self.unit, self.width, query, count, None);
        ranked
            .into_iter()
            .map(|best| Found { shape: best.item as usize, distance: distance(best.similarity) })
            .collect()
    }

    fn found(&self, row: u32, query: &[f32]) -> Found {
        let shape = row as usize;
        let descriptor = &self.unit[shape * self.width..][..self.width];
        Found { shape, distance: distance(dot(descriptor, query)) }
    }

    fn unit_query(&self, query: &[f32]) -> Result<Vec<f32>, RetrievalError> {
        if query.len() != self.width {
            return Err(RetrievalError::WidthMismatch { expected: self.width, got: query.len() });
        }
        check_descriptors(query, self.width)?;
        let mut unit = query.to_vec();
        l2_normalise(&mut unit, self.width);
        Ok(unit)
    }
}

/// Rounding brings the similarity of equal rows above 1 by a hair.
fn distance(similarity: f32) -> f32 {
    (1.0 - similarity).max(0.0)
}
