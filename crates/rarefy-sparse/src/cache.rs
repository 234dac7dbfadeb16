//! Voxel sets and maps of one forward pass, each built once and shared by all its tensors.
//!
//! A geometry is determined by the sets that it joins and by its window, and that is its key. Sets and clouds are told
//! apart by their address; the cache keeps all that it has seen alive, so that no address is used twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rarefy_geometry::{GeometryError, Interpolation, KernelMap, OutputRule, PoolMap, RowMap, VoxelSet, Window};

use crate::PointCloud;

/// Address of a voxel set or cloud that the cache keeps alive.
type Id = usize;

/// How the outputs of a window follow from its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outputs {
    /// Those of a strided window.
    Strided(OutputRule),
    /// Those that a transposed window generates, inside this grid.
    Generated(Option<[i32; 3]>),
}

/// How points and voxels are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PointUse {
    /// Each voxel reads the points inside of it.
    Voxelise,
    /// Each voxel reads the first point inside of it.
    VoxeliseFirst,
    /// Each point reads voxels.
    Devoxelise(Interpolation),
}

#[derive(Debug, Default)]
struct Store {
    sets: HashMap<Id, Arc<VoxelSet>>,
    clouds: HashMap<Id, PointCloud>,
    outputs: HashMap<(Id, Window, Outputs), Arc<VoxelSet>>,
    /// From the first set to the second.
    maps: HashMap<(Id, Id, Window), Arc<KernelMap>>,
    pools: HashMap<(Id, Id, Window, bool), Arc<PoolMap>>,
    sums: HashMap<(Id, Id, Window), Arc<RowMap>>,
    points: HashMap<(Id, Id, [u32; 3], PointUse), Arc<RowMap>>,
    identity: HashMap<usize, Arc<KernelMap>>,
    built: usize,
}

/// Geometry that one forward pass has built so far; cloning a tensor shares it.
#[derive(Debug, Default)]
pub struct GeometryCache {
    store: Mutex<Store>,
}

impl GeometryCache {
    /// How many voxel sets and maps have been built (not found).
    #[must_use]
    pub fn built(&self) -> usize {
        self.lock().built
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // A build that panicked has inserted nothing, so the store is whole.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `entry` finds, or what `build` makes and `insert` puts there.
    fn found_or<T: Clone>(
        &self,
        find: impl FnOnce(&Store) -> Option<T>,
        build: impl FnOnce() -> Result<T, GeometryError>,
        insert: impl FnOnce(&mut Store, T),
    ) -> Result<T, GeometryError> {
        if let Some(found) = find(&self.lock()) {
            return Ok(found);
        }
        // Not under the lock: a build runs on all threads and may come back here.
        let new = build()?;
        let mut store = self.lock();
        store.built += 1;
        insert(&mut store, new.clone());
        Ok(new)
    }

    /// The outputs of `window` on `set`.
    pub(crate) fn outputs(
        &self,
        set: &Arc<VoxelSet>,
        window: &Window,
        outputs: Outputs,
    ) -> Result<Arc<VoxelSet>, GeometryError> {
        let key = (id(set), *window, outputs);
        let build = || {
            Ok(Arc::new(match outputs {
                Outputs::Strided(rule) => rarefy_geometry::output_voxels(set, window, rule)?,
                Outputs::Generated(clip) => rarefy_geometry::generated_voxels(set, window, clip)?,
            }))
        };
        self.found_or(
            |store| store.outputs.get(&key).cloned(),
            build,
            |store, new| {
                store.keep(set);
                store.keep(&new);
                store.outputs.insert(key, new);
            },
        )
    }

    /// The map of `window` from `input` to `output`; a submanifold one where both are the same set.
    pub(crate) fn map(
        &self,
        (input, output): (&Arc<VoxelSet>, &Arc<VoxelSet>),
        window: &Window,
    ) -> Result<Arc<KernelMap>, GeometryError> {
        let key = (id(input), id(output), *window);
        let build = || {
            let submanifold = Arc::ptr_eq(input, output) && *window == Window::centred(window.size, window.dilation);
            Ok(Arc::new(if submanifold {
                KernelMap::submanifold(input, window.size, window.dilation)?
            } else {
                KernelMap::build(input, output, window)?
            }))
        };
        self.found_or(
            |store| store.maps.get(&key).cloned(),
            build,
            |store, new| {
                store.keep(input);
                store.keep(output);
                store.maps.insert(key, new);
            },
        )
    }

    /// The input rows of each output of a pooling window; `ground`: absent voxels are candidates, too.
    pub(crate) fn pooling(
        &self,
        (input, output): (&Arc<VoxelSet>, &Arc<VoxelSet>),
        window: &Window,
        ground: bool,
    ) -> Result<Arc<PoolMap>, GeometryError> {
        let key = (id(input), id(output), *window, ground);
        let build = || Ok(Arc::new(PoolMap::new(&*self.map((input, output), window)?, ground)));
        self.found_or(
            |store| store.pools.get(&key).cloned(),
            build,
            |store, new| {
                store.pools.insert(key, new);
            },
        )
    }

    /// The same for sums and means, in which absent voxels are zeros.
    pub(crate) fn sums(
        &self,
        (input, output): (&Arc<VoxelSet>, &Arc<VoxelSet>),
        window: &Window,
    ) -> Result<Arc<RowMap>, GeometryError> {
        let key = (id(input), id(output), *window);
        let build = || Ok(Arc::new(RowMap::from_kernel_map(&*self.map((input, output), window)?)?));
        self.found_or(
            |store| store.sums.get(&key).cloned(),
            build,
            |store, new| {
                store.sums.insert(key, new);
            },
        )
    }

    /// The map between points and the voxels of `set`, which are `stride` wide.
    pub(crate) fn points(
        &self,
        cloud: &PointCloud,
        set: &Arc<VoxelSet>,
        stride: [u32; 3],
        usage: PointUse,
    ) -> Result<Arc<RowMap>, GeometryError> {
        let key = (cloud.id(), id(set), stride, usage);
        let build = || {
            let points = cloud.points();
            Ok(Arc::new(match usage {
                PointUse::Voxelise => RowMap::voxelisation(points, set, stride)?,
                PointUse::VoxeliseFirst => self.points(cloud, set, stride, PointUse::Voxelise)?.first_only(),
                PointUse::Devoxelise(interpolation) => RowMap::devoxelisation(points, set, stride, interpolation)?,
            }))
        };
        self.found_or(
            |store| store.points.get(&key).cloned(),
            build,
            |store, new| {
                store.keep(set);
                store.clouds.entry(key.0).or_insert_with(|| cloud.clone());
                store.points.insert(key, new);
            },
        )
    }

    /// The voxels, `stride` wide, that hold points of `cloud`. Which points each holds is known from there on.
    pub(crate) fn quantised(&self, cloud: &PointCloud, stride: [u32; 3]) -> Result<Arc<VoxelSet>, GeometryError> {
        let quantised = cloud.points().quantise(stride)?;
        let map = Arc::new(RowMap::voxelisation_of(&quantised)?);
        let set = Arc::new(quantised.set);
        let mut store = self.lock();
        store.built += 2;
        store.keep(&set);
        store.clouds.entry(cloud.id()).or_insert_with(|| cloud.clone());
        store.points.insert((cloud.id(), id(&set), stride, PointUse::Voxelise), map);
        Ok(set)
    }

    /// The map of a point-wise kernel on `rows` rows.
    pub(crate) fn identity(&self, rows: usize) -> Arc<KernelMap> {
        Arc::clone(self.lock().identity.entry(rows).or_insert_with(|| Arc::new(KernelMap::identity(rows))))
    }
}

impl Store {
    fn keep(&mut self, set: &Arc<VoxelSet>) {
        self.sets.entry(id(set)).or_insert_with(|| Arc::clone(set));
    }
}

fn id<T>(shared: &Arc<T>) -> Id {
    Arc::as_ptr(shared).addr()
}
