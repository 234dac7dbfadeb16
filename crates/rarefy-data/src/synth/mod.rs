//! Synthetic shapes: twenty families of parametric meshes made from a seed, so that everything runs offline.
//!
//! Invariant: a mesh follows from its class, the seed and its number alone. Proportions, numbers of parts, thickness
//! and variants (four legs or a pedestal, a closed or an open back) are drawn anew for each mesh; the height is z.

mod builder;
mod furniture;
mod things;
mod vessels;

use crate::cloud::SurfaceCloud;
use crate::dataset::{Dataset, Sample};
use crate::error::DataError;
use crate::pipeline::generator;
use crate::shape::Shape;
use crate::write::write_shape;
use builder::{Builder, Dice};
use rarefy_geometry::TriangleMesh;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

type Family = fn(&mut Builder, &mut Dice);

/// Name and maker of each family, sorted by name.
const FAMILIES: [(&str, Family); 20] = [
    ("airplane", things::airplane),
    ("bed", furniture::bed),
    ("bookshelf", furniture::bookshelf),
    ("bottle", vessels::bottle),
    ("car", things::car),
    ("chair", furniture::chair),
    ("cone", vessels::cone),
    ("fence", things::fence),
    ("ladder", things::ladder),
    ("lamp", furniture::lamp),
    ("mug", vessels::mug),
    ("rocket", vessels::rocket),
    ("sofa", furniture::sofa),
    ("spring", things::spring),
    ("stairs", things::stairs),
    ("stool", furniture::stool),
    ("table", furniture::table),
    ("torus-knot", things::torus_knot),
    ("tree", things::tree),
    ("vase", vessels::vase),
];

/// Names of the families, sorted.
#[must_use]
pub fn synthetic_classes() -> Vec<&'static str> {
    FAMILIES.iter().map(|(name, _)| *name).collect()
}

/// Mesh number `index` of a class.
pub fn synthetic_mesh(class: &str, seed: u64, index: u64) -> Result<TriangleMesh, DataError> {
    let Some(number) = FAMILIES.iter().position(|(name, _)| *name == class) else {
        let known = synthetic_classes().join(", ");
        return Err(DataError::setting(format!("unknown synthetic class `{class}`; known are {known}")));
    };
    let mut dice = Dice(generator([seed, 5, number as u64, index]));
    let mut builder = Builder::default();
    FAMILIES[number].1(&mut builder, &mut dice);
    let stretch = std::array::from_fn(|_| dice.between(0.88, 1.12));
    let name = PathBuf::from(format!("{class} {index} of seed {seed}"));
    builder.finish(stretch).map_err(|source| DataError::Mesh { path: name, source })
}

/// What [`write_synthetic`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntheticSet {
    /// Number of classes, taken at even distances from [`synthetic_classes`].
    pub classes: usize,
    /// Shapes in each `train` folder.
    pub train_per_class: usize,
    /// Shapes in each `test` folder.
    pub test_per_class: usize,
    /// Seed of all randomness.
    pub seed: u64,
}

/// Writes OFF files as `<root>/<class>/{train,test}/<class>_0001.off`. The folder must be empty or not exist.
pub fn write_synthetic(root: &Path, set: SyntheticSet) -> Result<(), DataError> {
    if set.classes == 0 || set.classes > FAMILIES.len() {
        let (asked, most) = (set.classes, FAMILIES.len());
        return Err(DataError::setting(format!("{asked} synthetic classes: expected 1 to {most}")));
    }
    if set.train_per_class == 0 || set.test_per_class == 0 {
        return Err(DataError::setting("synthetic shapes: expected at least one training and one test shape a class"));
    }
    if std::fs::read_dir(root).is_ok_and(|mut inside| inside.next().is_some()) {
        let root = root.display();
        return Err(DataError::setting(format!("{root} is not empty: name a new folder for the synthetic shapes")));
    }
    let per_class = set.train_per_class + set.test_per_class;
    (0..set.classes * per_class).into_par_iter().try_for_each(|number| {
        let (class, index) = (number / per_class, number % per_class);
        let name = FAMILIES[class * FAMILIES.len() / set.classes].0;
        let split = if index < set.train_per_class { "train" } else { "test" };
        let mesh = synthetic_mesh(name, set.seed, index as u64)?;
        let file = root.join(name).join(split).join(format!("{name}_{:04}.off", index + 1));
        write_shape(&file, &Shape::Mesh(mesh))
    })
}

/// A data set of `count` synthetic shapes in memory, of all classes in turn; see [`SurfaceCloud`] for `resolution`.
pub fn synthetic_dataset(count: usize, seed: u64, resolution: u32) -> Result<Dataset, DataError> {
    let sample = |number: usize| {
        let (class, index) = (number % FAMILIES.len(), number / FAMILIES.len());
        let name = format!("{} {index}", FAMILIES[class].0);
        let mesh = synthetic_mesh(FAMILIES[class].0, seed, index as u64)?;
        let path = PathBuf::from(&name);
        let cloud = SurfaceCloud::from_shape(&path, Shape::Mesh(mesh), resolution)?;
        Ok(Sample { name, path, label: class as u32, cloud })
    };
    Ok(Dataset {
        samples: (0..count).into_par_iter().map(sample).collect::<Result<_, DataError>>()?,
        skipped: Vec::new(),
        classes: FAMILIES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        warnings: Vec::new(),
        fingerprint: String::new(),
        cache_resolution: resolution,
    })
}
