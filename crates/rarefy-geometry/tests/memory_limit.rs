//! Maps that exceed the limit end in an error. One test alone in its program: the limit is of the whole process.

use rarefy_geometry::{
    GeometryError, Interpolation, KernelMap, OutputRule, Points, RowMap, VoxelSet, Window, output_voxels,
    set_memory_limit,
};
use rarefy_testkit::{random_coords, random_values};

fn refused<T: std::fmt::Debug>(what: &str, made: Result<T, GeometryError>) {
    match made {
        Err(GeometryError::OutOfMemory { what: found, bytes, limit }) => {
            assert!(found == what && bytes > limit, "{found}: {bytes} bytes of {limit}");
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn maps_beyond_the_limit_are_errors_and_within_it_are_made() {
    let set = VoxelSet::new(&random_coords(2000, 1, 16, 1), 1).unwrap();
    let values = random_values(3 * 500, 2);
    let places: Vec<[f32; 3]> =
        values.chunks_exact(3).map(|at| [0, 1, 2].map(|axis| (8.0 + 8.0 * at[axis]) as f32)).collect();
    let points = Points::of_one_sample(&places).unwrap();
    let window = Window::cubic(2, 2);
    let coarse = output_voxels(&set, &window, OutputRule::Floor).unwrap();
    let pairs = KernelMap::build(&set, &coarse, &window).unwrap();
    let near = KernelMap::submanifold(&set, [3; 3], [1; 3]).unwrap();
    let trilinear = || RowMap::devoxelisation(points, &set, [1; 3], Interpolation::Trilinear);
    let built = trilinear().unwrap();
    let rows = "the entries of a row map";

    set_memory_limit(Some(1000));
    refused(rows, RowMap::voxelisation(points, &set, [1; 3]));
    refused(rows, RowMap::from_groups(&[0; 300], 1));
    refused(rows, RowMap::from_kernel_map(&pairs));
    refused(rows, trilinear());
    refused(rows, built.check_transposed());
    refused("the pairs of a transposed kernel map", pairs.check_transposed());
    // A mirrored map shares its pairs.
    assert_eq!(near.check_transposed(), Ok(()));

    // Room for the pairs of a map and not for those of the turned one and its partners.
    set_memory_limit(Some(pairs.bytes()));
    refused("the pairs of a transposed kernel map", KernelMap::generative(&coarse, &set, &window));

    set_memory_limit(None);
    assert_eq!((built.check_transposed(), pairs.check_transposed()), (Ok(()), Ok(())));
    assert!(RowMap::voxelisation(points, &set, [1; 3]).is_ok() && trilinear().is_ok());
    assert!(KernelMap::generative(&coarse, &set, &window).is_ok());
    // What is there already takes no memory.
    let _ = (built.transposed(), pairs.transposed());
    set_memory_limit(Some(1));
    assert_eq!((built.check_transposed(), pairs.check_transposed()), (Ok(()), Ok(())));
    set_memory_limit(None);
}
