//! The surface cloud: what is kept in memory of every shape, and what augmentation turns and voxelises again.
//!
//! Points stay points; a voxel list becomes its cells; a mesh becomes the cells of its conservative voxelisation at
//! `cache_resolution` cells over its longest side. Cells are kept as 16-bit indices (6 bytes each) and count as their
//! centres. The trade-off of the resolution `R` against the render size `r` that is trained on: centres are at most
//! √3·r/R voxels apart along the surface and stand at most √3/2·r/R voxels off it, so that `R ≥ 2r` leaves no holes
//! and displaces the surface by less than half a voxel; twice the `R` costs four times the memory and time.

use crate::error::DataError;
use crate::shape::Shape;
use rarefy_geometry::{Affine, Bounds, LARGEST_GRID, voxelise_surface};
use std::path::Path;

/// Points on the surface of one shape; never empty.
#[derive(Clone, Debug, PartialEq)]
pub enum SurfaceCloud {
    /// Points, [points][x, y, z].
    Points(Vec<[f32; 3]>),
    /// Cells of side 1, [cells][x, y, z].
    Cells(Vec<[u16; 3]>),
}

impl SurfaceCloud {
    /// The cloud of a shape; `resolution` is the number of cells over the longest side of a mesh.
    pub fn from_shape(path: &Path, shape: Shape, resolution: u32) -> Result<Self, DataError> {
        match shape {
            Shape::Points(points) => Ok(Self::Points(points)),
            Shape::Voxels(voxels) => cells_of_voxels(path, &voxels),
            Shape::Mesh(mesh) => {
                let wrong = |source| DataError::Mesh { path: path.to_path_buf(), source };
                // A hair smaller than the grid, so that rounding puts no part of the surface outside.
                let size = resolution as f32;
                let voxel_from_mesh =
                    mesh.bounds().normalised_to(size * 0.9999).then(&Affine::shifting([size / 2.0; 3]));
                let cells = voxelise_surface(&mesh, &voxel_from_mesh, resolution).map_err(wrong)?;
                if cells.is_empty() {
                    return Err(DataError::EmptyShape { path: path.to_path_buf() });
                }
                Ok(Self::Cells(cells.into_iter().map(|cell| cell.map(|index| index as u16)).collect()))
            }
        }
    }

    /// Number of points or cells.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Points(points) => points.len(),
            Self::Cells(cells) => cells.len(),
        }
    }

    /// Whether there is nothing, which no cloud made by this crate is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Half the side of what one point stands for: 0 for points, 0.5 for cells.
    #[must_use]
    pub fn margin(&self) -> f32 {
        match self {
            Self::Points(_) => 0.0,
            Self::Cells(_) => 0.5,
        }
    }

    /// The points, or the centres of the cells.
    #[must_use]
    pub fn points(&self) -> Vec<[f32; 3]> {
        match self {
            Self::Points(points) => points.clone(),
            Self::Cells(cells) => cells.iter().map(|cell| cell.map(|index| f32::from(index) + 0.5)).collect(),
        }
    }

    /// The box around the shape, cells counted whole.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let around = match self {
            Self::Points(points) => Bounds::around(points.iter().copied()),
            Self::Cells(cells) => Bounds::around(cells.iter().map(|cell| cell.map(|index| f32::from(index) + 0.5))),
        };
        around.expect("a cloud is never empty").grown(self.margin())
    }
}

/// Voxel indices moved to begin at 0, sorted and unique.
fn cells_of_voxels(path: &Path, voxels: &[[i32; 3]]) -> Result<SurfaceCloud, DataError> {
    let least: [i32; 3] =
        std::array::from_fn(|axis| voxels.iter().map(|voxel| voxel[axis]).min().expect("a shape is never empty"));
    let mut cells = Vec::with_capacity(voxels.len());
    for voxel in voxels {
        let mut cell = [0; 3];
        for axis in 0..3 {
            let distance = i64::from(voxel[axis]) - i64::from(least[axis]);
            cell[axis] = u16::try_from(distance).map_err(|_| DataError::TooLarge {
                path: path.to_path_buf(),
                what: "voxels from end to end",
                found: distance as u64,
                limit: u64::from(u16::MAX),
            })?;
        }
        cells.push(cell);
    }
    cells.sort_unstable();
    cells.dedup();
    Ok(SurfaceCloud::Cells(cells))
}

/// Whether meshes can be cached at this resolution.
pub(crate) fn check_resolution(resolution: u32) -> Result<(), DataError> {
    if (2..=LARGEST_GRID).contains(&resolution) {
        return Ok(());
    }
    Err(DataError::setting(format!("cache_resolution = {resolution}: expected 2 to {LARGEST_GRID}")))
}
