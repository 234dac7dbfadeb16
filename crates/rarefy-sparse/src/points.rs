//! Points of a batch, shared by all tensors of a pass.

use std::sync::Arc;

use rarefy_geometry::{GeometryError, Points};
use rarefy_kernels::Precision;

/// Points in units of voxels of stride 1, with the sample that each belongs to; cloning shares them.
///
/// Feature matrices that go with it have one row a point, in the same order.
#[derive(Clone, Debug)]
pub struct PointCloud {
    inner: Arc<Inner>,
    precision: Precision,
}

#[derive(Debug)]
struct Inner {
    places: Vec<[f32; 3]>,
    sample_of: Vec<i32>,
    samples: usize,
}

impl PointCloud {
    /// Points at `places`, `[points][x, y, z]`; `sample_of` has the sample of each, below `samples`.
    ///
    /// # Errors
    ///
    /// When a place is not finite or too far for a voxel, or a sample number is out of range.
    pub fn new(places: Vec<[f32; 3]>, sample_of: Vec<i32>, samples: usize) -> Result<Self, GeometryError> {
        Points::new(&places, &sample_of, samples)?;
        Ok(Self { inner: Arc::new(Inner { places, sample_of, samples }), precision: Precision::F32 })
    }

    /// The same points, of which tensors are made with this precision, see [`SparseTensor::with_precision`].
    ///
    /// [`SparseTensor::with_precision`]: crate::SparseTensor::with_precision
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.places.len()
    }

    /// Whether there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.places.is_empty()
    }

    /// Number of samples of the batch.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.inner.samples
    }

    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    pub(crate) fn points(&self) -> Points<'_> {
        let Inner { places, sample_of, samples } = &*self.inner;
        Points::new(places, sample_of, *samples).expect("checked when the cloud was made")
    }

    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }
}
