//! The voxel sets and kernel maps of a network: as rules without a cloud, then built for one.

use std::sync::Arc;

use rarefy_geometry::{GeometryError, KernelMap, OutputRule, VoxelSet, Window, output_voxels};

/// Number of a voxel set among those of the network.
pub(super) type Level = usize;

/// How a kernel map follows from voxel sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MapRule {
    /// A centred window of this size and dilation.
    Submanifold(Level, [u32; 3], [u32; 3]),
    /// A window from fine to coarse voxels, or turned round.
    Window { fine: Level, coarse: Level, window: Window, inverse: bool },
}

impl MapRule {
    pub(super) fn taps(self) -> usize {
        let (Self::Submanifold(_, size, _) | Self::Window { window: Window { size, .. }, .. }) = self;
        size.iter().fold(1, |taps: usize, &n| taps.saturating_mul(n as usize))
    }
}

/// The rules of all sets and maps, each standing once.
#[derive(Clone, Debug, Default)]
pub(super) struct GeometryRules {
    /// Of every level but the input: the level that it is made from, the window and the rule.
    levels: Vec<(Level, Window, OutputRule)>,
    maps: Vec<MapRule>,
}

impl GeometryRules {
    /// The voxels of the input.
    pub(super) const INPUT: Level = 0;

    /// The level that `window` leads to.
    pub(super) fn level(&mut self, from: Level, window: Window, rule: OutputRule) -> Level {
        place_of(&mut self.levels, (from, window, rule)) + 1
    }

    /// The number of a map.
    pub(super) fn map(&mut self, rule: MapRule) -> usize {
        place_of(&mut self.maps, rule)
    }

    /// Builds all sets and maps from the voxels of the input.
    pub(super) fn build(&self, voxels: &Arc<VoxelSet>) -> Result<Geometry, GeometryError> {
        let mut levels = vec![Arc::clone(voxels)];
        for &(from, window, rule) in &self.levels {
            let outputs = output_voxels(&levels[from], &window, rule)?;
            levels.push(Arc::new(outputs));
        }
        let mut maps: Vec<Arc<KernelMap>> = Vec::with_capacity(self.maps.len());
        for (number, &rule) in self.maps.iter().enumerate() {
            maps.push(match rule {
                MapRule::Submanifold(level, size, dilation) => {
                    Arc::new(KernelMap::submanifold(&levels[level], size, dilation)?)
                }
                MapRule::Window { fine, coarse, window, inverse } => {
                    let turned = MapRule::Window { fine, coarse, window, inverse: !inverse };
                    if let Some(before) = self.maps[..number].iter().position(|&before| before == turned) {
                        Arc::clone(maps[before].transposed())
                    } else {
                        let map = KernelMap::build(&levels[fine], &levels[coarse], &window)?;
                        Arc::new(if inverse { map.into_transposed() } else { map })
                    }
                }
            });
        }
        Ok(Geometry { levels, maps })
    }
}

/// The sets and maps of one cloud.
pub(super) struct Geometry {
    pub(super) levels: Vec<Arc<VoxelSet>>,
    pub(super) maps: Vec<Arc<KernelMap>>,
}

/// Where `wanted` stands in `list`, at whose end it is put if it is not there.
fn place_of<T: PartialEq>(list: &mut Vec<T>, wanted: T) -> usize {
    list.iter().position(|found| *found == wanted).unwrap_or_else(|| {
        list.push(wanted);
        list.len() - 1
    })
}
