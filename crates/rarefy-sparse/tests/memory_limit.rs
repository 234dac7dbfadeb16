//! A convolution whose maps or outputs exceed the limit ends in an error. One test alone in its program: the limit is of the
//! whole process.

mod common;

use burn::tensor::Tensor;
use common::{coords, sparse, tensor, values};
use rarefy_geometry::{GeometryError, set_memory_limit};
use rarefy_sparse::{SparseError, SparseTensor};

#[test]
fn a_convolution_beyond_the_limit_is_an_error_that_tells_both_sizes() {
    let coords = coords(300, 1, [16; 3], 1);
    let x = sparse(&coords, 1, [16; 3], tensor(&values(coords.len() * 2, 2), [coords.len(), 2]));
    let run = |x: &SparseTensor, taps: usize, width: usize| {
        let weights: Tensor<3> = tensor(&values(taps * 2 * width, 3), [taps, 2, width]);
        if taps == 1 { x.pointwise_convolution(weights) } else { x.submanifold_convolution(weights, [3; 3]) }
    };
    set_memory_limit(Some(4096));
    let error = run(&x, 1, 8).unwrap_err();
    let outputs = coords.len() * 8 * 4;
    assert!(
        matches!(error, SparseError::Geometry(GeometryError::OutOfMemory { bytes, limit: 4096, .. }) if bytes == outputs),
        "{error}"
    );
    assert!(run(&x, 1, 2).is_ok());
    // The pairs of the map are too many by themselves.
    assert!(run(&x, 27, 2).unwrap_err().to_string().contains("pairs of a kernel map"));
    set_memory_limit(None);
    assert!(run(&x, 27, 8).is_ok());
}
