//! Voxel sets and kernel maps of one forward pass, each built once and shared by all its tensors.
//!
//! A geometry is determined by the set that it starts from and by its window, and that is its key. Sets are told
//! apart by their address; the cache keeps every set that it has seen alive, so that no address is used twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rarefy_geometry::{GeometryError, KernelMap, OutputRule, PoolMap, VoxelSet, Window};

/// Address of a voxel set that the cache keeps alive.
type SetId = usize;

/// The outputs of a strided window with the map that leads to them.
#[derive(Clone, Debug)]
pub(crate) struct Strided {
    /// Voxels of the output.
    pub(crate) set: Arc<VoxelSet>,
    /// Pairs of input and output rows.
    pub(crate) map: Arc<KernelMap>,
}

/// The outputs of a pooling window with the map that leads to them.
type Pooled = (Arc<VoxelSet>, Arc<PoolMap>);

#[derive(Debug, Default)]
struct Store {
    kept: HashMap<SetId, Arc<VoxelSet>>,
    submanifold: HashMap<(SetId, [u32; 3]), Arc<KernelMap>>,
    strided: HashMap<(SetId, Window, OutputRule), Strided>,
    pooling: HashMap<(SetId, Window, OutputRule, bool), Pooled>,
    identity: HashMap<usize, Arc<KernelMap>>,
    built: usize,
}

/// Geometry that one forward pass has built so far; cloning a tensor shares it.
#[derive(Debug, Default)]
pub struct GeometryCache {
    store: Mutex<Store>,
}

impl GeometryCache {
    /// How many kernel maps have been built (not found).
    #[must_use]
    pub fn built(&self) -> usize {
        self.lock().built
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Store> {
        // A build that panicked has inserted nothing, so the store is whole.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The map of a submanifold kernel on `set`.
    pub(crate) fn submanifold(&self, set: &Arc<VoxelSet>, size: [u32; 3]) -> Result<Arc<KernelMap>, GeometryError> {
        let key = (set_id(set), size);
        if let Some(map) = self.lock().submanifold.get(&key) {
            return Ok(Arc::clone(map));
        }
        let map = Arc::new(KernelMap::submanifold(set, size, [1; 3])?);
        let mut store = self.lock();
        store.keep(set);
        store.built += 1;
        store.submanifold.insert(key, Arc::clone(&map));
        Ok(map)
    }

    /// The outputs of `window` on `set` and the map to them.
    pub(crate) fn strided(
        &self,
        set: &Arc<VoxelSet>,
        window: &Window,
        rule: OutputRule,
    ) -> Result<Strided, GeometryError> {
        let key = (set_id(set), *window, rule);
        if let Some(found) = self.lock().strided.get(&key) {
            return Ok(found.clone());
        }
        let output = Arc::new(rarefy_geometry::output_voxels(set, window, rule)?);
        let map = Arc::new(KernelMap::build(set, &output, window)?);
        let strided = Strided { set: output, map };
        let mut store = self.lock();
        store.keep(set);
        store.built += 1;
        store.strided.insert(key, strided.clone());
        Ok(strided)
    }

    /// The outputs of a pooling window on `set` and the input rows of each.
    pub(crate) fn pooling(
        &self,
        set: &Arc<VoxelSet>,
        window: &Window,
        rule: OutputRule,
        ground: bool,
    ) -> Result<(Arc<VoxelSet>, Arc<PoolMap>), GeometryError> {
        let key = (set_id(set), *window, rule, ground);
        if let Some(found) = self.lock().pooling.get(&key) {
            return Ok(found.clone());
        }
        let strided = self.strided(set, window, rule)?;
        let pooling = (strided.set, Arc::new(PoolMap::new(&strided.map, ground)));
        self.lock().pooling.insert(key, pooling.clone());
        Ok(pooling)
    }

    /// The map of a point-wise kernel on `rows` rows.
    pub(crate) fn identity(&self, rows: usize) -> Arc<KernelMap> {
        Arc::clone(self.lock().identity.entry(rows).or_insert_with(|| Arc::new(KernelMap::identity(rows))))
    }
}

impl Store {
    fn keep(&mut self, set: &Arc<VoxelSet>) {
        self.kept.entry(set_id(set)).or_insert_with(|| Arc::clone(set));
    }
}

fn set_id(set: &Arc<VoxelSet>) -> SetId {
    Arc::as_ptr(set).addr()
}
