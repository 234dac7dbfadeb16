//! An operator whose maps or outputs exceed the limit ends in an error. One test alone in its program: the limit is of the
//! whole process.

mod common;

use burn::tensor::Tensor;
use common::{coords, sparse, tensor, values};
use rarefy_geometry::{GeometryError, OutputRule, Window, set_memory_limit};
use rarefy_sparse::{NormAct, SparseError, SparseTensor};

/// The operators beside the convolution, each with what it says it lacks room for.
fn others(x: &SparseTensor) -> [(&'static str, Result<(), SparseError>); 6] {
    let (window, rule) = (Window::cubic(2, 2), OutputRule::Floor);
    let ones: Tensor<1> = tensor(&[1.0, 1.0], [2]);
    let settings = NormAct::new(1e-5, Some(0.0));
    let weights: Tensor<3> = tensor(&values(8 * 2 * 2, 3), [8, 2, 2]);
    [
        ("a pooling", x.max_pool([2; 3], [2; 3]).map(drop)),
        ("a pooling", x.max_pool_active(&window, rule).map(drop)),
        ("sums of rows", x.sum_pool(&window, rule).map(drop)),
        ("a norm", x.norm_act(ones.clone(), ones.clone(), None, &settings).map(drop)),
        ("a dense grid", x.to_dense().map(drop)),
        ("a convolution", x.generative_convolution(weights, &window, None).map(drop)),
    ]
}

#[test]
fn an_operator_beyond_the_limit_is_an_error_that_tells_both_sizes() {
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
    // With all sets and maps built, rows are what there is no room for.
    let before = others(&x);
    assert!(before.iter().all(|(_, result)| result.is_ok()), "{before:?}");
    set_memory_limit(Some(64));
    for (what, result) in &others(&x) {
        assert!(result.as_ref().unwrap_err().to_string().contains(what), "{what}: {result:?}");
    }
    set_memory_limit(None);
    // No limit is needed to refuse a grid that fits no machine.
    let wide = sparse(&coords, 1, [1 << 20; 3], tensor(&values(coords.len() * 2, 2), [coords.len(), 2]));
    assert!(wide.to_dense().unwrap_err().to_string().contains("a dense grid"));
}
